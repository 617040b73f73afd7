"""Keys of server-side callers, such as a blog that renders a price: `Cartproxy-Key`.

The settings hold only a key's SHA-256. It needs no slow hash: a key has 256 random bits.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from typing import NamedTuple

from cartproxy.web.refusals import Refused

HEADER = "Cartproxy-Key"
_FORM = re.compile(r"cpk_[A-Za-z0-9_-]{43}", re.ASCII)


class ApiKey(NamedTuple):
    """A key as the settings know it; while it is being replaced, two have the same name.

    With `may_name_customers` it may also name a cart's customer by e-mail address.
    """

    name: str
    digest: str
    may_name_customers: bool


class ApiKeys:
    """One store's keys; `hashed` are entries `name:sha256` as `create` makes them.

    `:customers` behind it gives a key that right.
    """

    def __init__(self, hashed: Iterable[str]) -> None:
        entries = (each.split(":") for each in hashed)
        self._keys = [ApiKey(name, digest, bool(rights)) for name, digest, *rights in entries]

    @property
    def may_name_customers(self) -> bool:
        """Whether one of them may."""
        return any(each.may_name_customers for each in self._keys)

    def find(self, given: str | None, *, origin: str | None) -> ApiKey | None:
        """The key in a request's headers, None without one.

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
        found = [each for each in self._keys if hmac.compare_digest(each.digest, digest)]
        if not _FORM.fullmatch(given) or not found:
            raise Refused("key-refused", "The store has no such key.")
        return found[0]


def create(name: str, *, customers: bool = False) -> tuple[str, str]:
    """A new key, and its entry for the settings; `customers`: with that right."""
    key = "cpk_" + secrets.token_urlsafe(32)
    digest = hashlib.sha256(key.encode()).hexdigest()
    return key, f"{name}:{digest}{':customers' if customers else ''}"
