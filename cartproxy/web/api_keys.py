"""Keys of server-side callers, such as a blog that renders a price: `Cartproxy-Key`.

The settings hold only a key's SHA-256. It needs no slow hash: a key has 256 random bits.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable

from cartproxy.web.refusals import Refused

HEADER = "Cartproxy-Key"
_FORM = re.compile(r"cpk_[A-Za-z0-9_-]{43}", re.ASCII)


class ApiKeys:
    """One store's keys; `hashed` are entries `name:sha256` as `create` makes them.

    With `:customers` behind it a key may also name a cart's customer by e-mail address.
    """

    def __init__(self, hashed: Iterable[str]) -> None:
        entries = [each.split(":") for each in hashed]
        self._keys = [(name, digest) for name, digest, *_ in entries]
        self.may_name_customers = frozenset(name for name, _, *rights in entries if rights)

    def name_of(self, given: str | None, *, origin: str | None) -> str | None:
        """The name of the key in a request's headers, None without one.

        Raises Refused for a key that the store does not have, and for a key from a browser: a key
        in a page is public, and its author should notice at the first try.
        """
        if given is None:
            return None
        if origin is not None:
            raise Refused(
                "key-refused", "A key must be kept on a server and never be sent from a page."
            )
        digest = hashlib.sha256(given.encode()).hexdigest()
        names = [name for name, kept in self._keys if hmac.compare_digest(kept, digest)]
        if not _FORM.fullmatch(given) or not names:
            raise Refused("key-refused", "The store has no such key.")
        return names[0]


def create(name: str, *, customers: bool = False) -> tuple[str, str]:
    """A new key, and its entry for the settings; `customers`: with that right."""
    key = "cpk_" + secrets.token_urlsafe(32)
    digest = hashlib.sha256(key.encode()).hexdigest()
    return key, f"{name}:{digest}{':customers' if customers else ''}"
