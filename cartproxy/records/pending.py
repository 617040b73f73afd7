"""Which carts wait for their store: their limit, their number, and since when."""

from __future__ import annotations

import time
from typing import cast

import redis

from cartproxy.storage.errors import typed_errors
from cartproxy.storage.scripts import load_script, run_twice
from cartproxy.storage.values import Kind

_LIST = Kind("pending-carts", "zset")


def list_key(store_id: str) -> str:
    """The key of a store's list of such carts."""
    return f"cpw:{{{store_id}}}"


def pending_figures(client: redis.Redis, key: str) -> tuple[int, float]:
    """How many are on a list, and for how many seconds the oldest is. Raises what redis-py does."""
    oldest = cast("list[tuple[bytes, float]]", client.zrange(key, 0, 0, withscores=True))
    since_ms = oldest[0][1] if oldest else time.time() * 1000
    return int(client.zcard(key)), max(0.0, time.time() - since_ms / 1000)


class PendingCarts:
    """One store's carts that wait for it, at most `most`, and `most_of_address` of one address."""

    def __init__(
        self, client: redis.Redis, *, store_id: str, most: int, most_of_address: int, life: float
    ) -> None:
        self._client = client
        self._key = list_key(store_id)
        self._script = load_script(client, __package__, "pending")
        self._limits = (int(life * 1000), most, most_of_address)

    def begin(self, name: str, address: str | None) -> bool:
        """Add a cart; returns whether there was room for it. Raises StorageError."""
        keys = dict.fromkeys(self._keys(address), _LIST)
        return bool(run_twice(self._script, keys, [name, *self._limits]))

    def end(self, name: str, address: str | None) -> None:
        """The cart no longer waits, or no longer exists. Raises StorageError."""
        with typed_errors("end_pending"):
            for key in self._keys(address):
                self._client.zrem(key, name)

    def figures(self) -> tuple[int, float]:
        """How many wait, and how many seconds the oldest has waited. Raises StorageError."""
        with typed_errors("count_pending"):
            return pending_figures(self._client, self._key)

    def _keys(self, address: str | None) -> list[str]:
        return [self._key, *([f"{self._key}:{address}"] if address else [])]
