"""What only one request on all machines may do at a time: make a customer, use a new cart.

Redis holds a keyed hash of an e-mail address or order key, and nothing of whoever has the lock.
"""

from __future__ import annotations

import hashlib
import hmac

import redis

from cartproxy.storage.errors import typed_errors


class Locks:
    """One store's locks, each for a `kind` and a text. `pepper` is the key of the hashes."""

    def __init__(self, client: redis.Redis, *, store_id: str, pepper: str) -> None:
        self._client = client
        self._store_id = store_id
        self._pepper = pepper.encode()

    def take(self, kind: str, text: str, seconds: float) -> bool:
        """Take the lock for this long; False if another request has it. Raises StorageError."""
        with typed_errors("take_lock"):
            ends_in_ms = max(1, int(seconds * 1000))
            return bool(self._client.set(self._key(kind, text), 1, nx=True, px=ends_in_ms))

    def keep(self, kind: str, text: str, seconds: float) -> None:
        """Let the caller's lock end after this long; 0: now. Raises StorageError."""
        with typed_errors("keep_lock"):
            self._client.pexpire(self._key(kind, text), int(seconds * 1000))

    def _key(self, kind: str, text: str) -> str:
        name = f"{kind}\n{self._store_id}\n{text}".encode()
        return "cpn:" + hmac.new(self._pepper, name, hashlib.sha256).hexdigest()[:32]
