"""Which carts wait for their store: how many there may be, how many there are, and since when."""

from __future__ import annotations

import time
from typing import cast

import redis

from cartproxy.storage.errors import typed_errors
from cartproxy.storage.scripts import load_script, run_twice
from cartproxy.storage.values import Kind

_LIST = Kind("pending-carts", "zset")


class PendingCarts:
    """One store's carts that wait for it, at most `most`, and `most_of_address` of one address."""

    def __init__(
        self, client: redis.Redis, *, store_id: str, most: int, most_of_address: int, life: float
    ) -> None:
        self._client = client
        self._key = f"cpw:{{{store_id}}}"
        self._script = load_script(client, __package__, "pending")
        self._limits = (int(life * 1000), most, most_of_address)

    def begin(self, name: str, address: str | None) -> bool:
        """Note a cart; whether there was room for it. Raises StorageError."""
        keys = dict.fromkeys(self._keys(address), _LIST)
        return run_twice(self._script, keys, [name, *self._limits]) == 1

    def end(self, name: str, address: str | None) -> None:
        """The cart waits no more, or is no more. Raises StorageError."""
        with typed_errors("end_pending"):
            for key in self._keys(address):
                self._client.zrem(key, name)

    def figures(self) -> tuple[int, float]:
        """How many wait, and for how many seconds the oldest does. Raises StorageError."""
        with typed_errors("count_pending"):
            oldest = cast("list[tuple[bytes, float]]", self._client.zrange(
                self._key, 0, 0, withscores=True
            ))  # fmt: skip
            count = int(self._client.zcard(self._key))
        since_ms = oldest[0][1] if oldest else time.time() * 1000
        return count, max(0.0, time.time() - since_ms / 1000)

    def _keys(self, address: str | None) -> list[str]:
        return [self._key, *([f"{self._key}:{address}"] if address else [])]
