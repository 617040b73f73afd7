"""A store with so few calls that none becomes free during a test, and its schedule in Redis."""

from __future__ import annotations

import redis

SECONDS_A_CALL, BURST = 100, 500  # so slow that no request waits for the next call
FEW_CALLS = {"CALLS_PER_SECOND": str(1 / SECONDS_A_CALL), "CALL_BURST": str(BURST)}


class Budget:
    """The calls of a store with these settings, as its schedule in Redis holds them."""

    def __init__(self, redis_url: str, store: str = "demo") -> None:
        self._redis_url = redis_url
        self._key = f"cpb:{{{store}}}"

    def spend(self, *, leaving: int = 0) -> None:
        """Leave this many calls, for a long time."""
        with redis.Redis.from_url(self._redis_url) as client:
            seconds, _ = client.time()
            ahead = (BURST - leaving) * SECONDS_A_CALL
            client.set(self._key, f"{(seconds + ahead) * 1000}")

    def refill(self) -> None:
        """Make all calls of a burst free again, for everybody."""
        with redis.Redis.from_url(self._redis_url) as client:
            client.delete(self._key, *client.scan_iter(f"{self._key}:*"))
