"""From a browser's credential to the name of its cart record."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from functools import lru_cache

from cartproxy.records.records import Records

CREDENTIAL = re.compile(r"cpt1_[A-Za-z0-9_-]{43}", re.ASCII)
# Hexadecimal: 128 bits for the cart, out of reach of guessing and of collisions, and 32 for the
# site, by which all carts of one site can be found.
_CART_LENGTH = 32
_SITE_LENGTH = 8


def draw_credential() -> str:
    """A new credential, in the form that a widget makes too: `cpt1_` and 32 random bytes."""
    return "cpt1_" + secrets.token_urlsafe(32)


def cart_name(pepper: str, *, store: str, origin: str, credential: str) -> str:
    """The name of the cart that this credential opens on this origin of this store.

    A keyed hash: whoever reads Redis learns no credential, and a credential carried to another
    origin or store names another cart. The three parts are unambiguous, since neither a store id
    nor an origin holds a line break.
    """
    cart = _digest(pepper, store, origin, credential)[:_CART_LENGTH]
    return cart + site_name(pepper, store=store, origin=origin)


@lru_cache(1024)  # the same for all of a site's shoppers, and needed by every request
def site_name(pepper: str, *, store: str, origin: str) -> str:
    """The end of the names of all carts of this origin of this store."""
    return _digest(pepper, store, origin)[:_SITE_LENGTH]


def _digest(pepper: str, *parts: str) -> str:
    return hmac.new(pepper.encode(), "\n".join(parts).encode(), hashlib.sha256).hexdigest()


class CartNames:
    """Names carts with the pepper, and with the previous one for carts that were made under it.

    While a previous pepper is set, each naming asks Redis whether its cart exists (one round trip).
    """

    def __init__(self, records: Records, *, pepper: str, previous_pepper: str = "") -> None:
        self._records = records
        self._pepper = pepper
        self._previous_pepper = previous_pepper

    def name(self, *, store: str, origin: str, credential: str) -> str:
        """The name of the cart for this credential on this origin of this store."""
        if self._previous_pepper:
            previous = cart_name(
                self._previous_pepper, store=store, origin=origin, credential=credential
            )
            if self._records.exists(previous):
                return previous
        return cart_name(self._pepper, store=store, origin=origin, credential=credential)

    def check(self) -> None:
        """Raise StorageError when the storage does not take what carts need."""
        self._records.check()
