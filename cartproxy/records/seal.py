"""Sealing of what Redis holds at rest: order keys and carts, by AES-SIV (extra `crypto`).

Whoever reads a dump of a sealed Redis learns neither the keys of the carts at the store nor what is
in them. Without a key nothing is sealed; what is there unsealed stays readable. SIV, since it needs
no nonce that must be unique under one key.
"""

from __future__ import annotations

import base64
import hashlib
from contextlib import suppress
from typing import Any

from cartproxy.storage.errors import StorageUnavailable, note

_MARK = "s1."


class Seal:
    """Seals with `key` (32 characters or more), and opens what either key has sealed.

    Raises ImportError where a key is given and the extra is not installed.
    """

    def __init__(self, key: str = "", previous_key: str = "") -> None:
        self._ciphers = [_cipher(each) for each in (key, previous_key) if each]
        self._seals = bool(key)

    def close(self, text: str) -> str:
        """The text as it is kept."""
        if not (self._seals and text):
            return text
        sealed = self._ciphers[0].encrypt(text.encode(), None)
        return _MARK + base64.b85encode(sealed).decode()

    def open(self, text: str) -> str:
        """The text that was kept. Raises StorageUnavailable when no key opens it.

        And ValueError for what was never sealed. A damaged sealed text can't be told from one whose
        key is not set, so it does not count as absent: otherwise an operator who forgets to set a
        key would lose every cart.
        """
        if not text.startswith(_MARK):
            return text
        sealed = base64.b85decode(text.removeprefix(_MARK))
        for cipher in self._ciphers:
            from cryptography.exceptions import InvalidTag

            with suppress(InvalidTag):
                return str(cipher.decrypt(sealed, None), "utf-8")
        note("UnknownSealKey")
        raise StorageUnavailable("The cart was sealed with a key that is not set.")


def _cipher(key: str) -> Any:
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

    return AESSIV(hashlib.sha512(key.encode()).digest())
