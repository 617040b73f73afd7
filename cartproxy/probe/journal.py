"""What the probe must remember if it is killed: carts to delete, and what it has learned.

An order key gives access to a cart. So it is encrypted with a one-time pad for each key, made from
the store's own secret.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import time
from pathlib import Path
from typing import Any

_VALID_SECONDS = 86400  # a store may change its behaviour
_LONGEST_KEY = hashlib.sha512().digest_size


class Journal:
    """The file of one store; it only exists while something is left to do."""

    def __init__(self, path: Path, secret: str) -> None:
        self._path = path
        self._secret = secret.encode()
        self.learned: dict[str, Any] = {}
        self.carts: list[str] = []
        self._read()

    def save(self) -> None:
        """Write the file, readable only by its owner. Raises OSError."""
        if not self.learned and not self.carts:
            self.forget()
            return
        text = json.dumps(
            {"learned": self.learned, "carts": [self._seal(key) for key in self.carts]}
        )
        self._path.parent.mkdir(parents=True, exist_ok=True)
        new = self._path.with_suffix(".new")
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
        new.replace(self._path)

    def forget(self) -> None:
        """Delete the file: nothing is left to do."""
        self._path.unlink(missing_ok=True)

    def _read(self) -> None:
        try:
            found = json.loads(self._path.read_text())
            if time.time() - self._path.stat().st_mtime < _VALID_SECONDS:
                self.learned = dict(found["learned"])
            self.carts = [self._open(sealed) for sealed in found["carts"]]
        except (OSError, ValueError, KeyError, TypeError):
            return  # there is no file, or it is another store's

    def _seal(self, key: str) -> str:
        nonce = secrets.token_bytes(16)
        return (nonce + self._mixed(nonce, key.encode())).hex()

    def _open(self, sealed: str) -> str:
        raw = bytes.fromhex(sealed)
        return self._mixed(raw[:16], raw[16:]).decode("ascii")

    def _mixed(self, nonce: bytes, text: bytes) -> bytes:
        if len(text) > _LONGEST_KEY:
            raise ValueError("the order key is too long")
        pad = hmac.digest(self._secret, nonce, "sha512")
        return bytes(one ^ other for one, other in zip(text, pad, strict=False))
