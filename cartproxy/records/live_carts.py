"""How many carts are alive, without looking through Redis and without a round trip for shoppers.

Each worker notes in memory which carts it has served. A scrape or a health check first writes these
notes to a list in Redis. Between them a worker's list is out of date.
"""

from __future__ import annotations

import threading
from contextlib import suppress

import redis

from cartproxy.storage.errors import StorageError
from cartproxy.storage.scripts import load_script, run_twice
from cartproxy.storage.values import Kind

_KEY = "cp-alive"
_LIST = Kind("live-carts", "zset")
_NAME_LENGTH = 12  # of 40: one pair of a million carts may share it, in one case of 500
_MOST_NOTED = 100_000  # then there was no scrape for long
_AT_ONCE = 1_000  # Redis does nothing else meanwhile: a few ms


def remove(client: redis.Redis, name: str) -> None:
    """Take a cart that an operator has revoked off the list. Raises what redis-py raises."""
    client.zrem(_KEY, name[:_NAME_LENGTH])


class LiveCarts:
    """The live carts of one Redis, all stores together. All methods may be called by any thread."""

    def __init__(self, client: redis.Redis, *, idle_seconds: float) -> None:
        self._script = load_script(client, __package__, "live_carts")
        self._idle_ms = int(idle_seconds * 1000)
        self._lock = threading.Lock()
        self._noted: dict[str, bool] = {}

    def note(self, name: str, *, alive: bool) -> None:
        """The record of this name was used, which extends its life, or was deleted."""
        with self._lock:
            if len(self._noted) < _MOST_NOTED:
                self._noted[name[:_NAME_LENGTH]] = alive

    def flush(self) -> None:
        """Write the notes to Redis, if there are any; if Redis can't be reached, next time."""
        if self._noted:
            with suppress(StorageError):
                self.count()

    def count(self) -> int:
        """How many carts are alive, this worker's notes included. Raises StorageError."""
        with self._lock:
            noted, self._noted = self._noted, {}
        names = list(noted)
        try:
            while True:
                alive = self._run({name: noted[name] for name in names[:_AT_ONCE]})
                del names[:_AT_ONCE]
                if not names:
                    return alive
        except StorageError:
            with self._lock:  # what was noted meanwhile is newer
                self._noted = {name: noted[name] for name in names} | self._noted
            raise

    def _run(self, noted: dict[str, bool]) -> int:
        used = [name for name, alive in noted.items() if alive]
        ended = [name for name, alive in noted.items() if not alive]
        args: list[str | int] = [self._idle_ms, len(used), *used, *ended]
        alive: int = run_twice(self._script, {_KEY: _LIST}, args)
        return alive
