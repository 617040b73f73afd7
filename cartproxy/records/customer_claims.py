"""Who makes a customer at the store: one at a time for an e-mail address, on all machines.

Redis holds a keyed hash of the address, and nothing of the customer.
"""

from __future__ import annotations

import hashlib
import hmac

import redis

from cartproxy.storage.errors import typed_errors


class CustomerClaims:
    """One store's claims. `pepper` is the key of the hashes."""

    def __init__(self, client: redis.Redis, *, store_id: str, pepper: str) -> None:
        self._client = client
        self._store_id = store_id
        self._pepper = pepper.encode()

    def take(self, email: str, seconds: float) -> bool:
        """Claim the address for this long; False if another request has. Raises StorageError."""
        with typed_errors("claim_customer"):
            return bool(
                self._client.set(self._key(email), 1, nx=True, px=max(1, int(seconds * 1000)))
            )

    def keep(self, email: str, seconds: float) -> None:
        """Let the caller's claim end after this long; 0: now. Raises StorageError."""
        with typed_errors("keep_customer"):
            self._client.pexpire(self._key(email), int(seconds * 1000))

    def _key(self, email: str) -> str:
        text = f"customer\n{self._store_id}\n{email.casefold()}"
        return "cpn:" + hmac.new(self._pepper, text.encode(), hashlib.sha256).hexdigest()[:32]
