"""How often a store may be called: one schedule in Redis for all workers, one pause for all.

A live store allows about 2 calls a second (docs/store-api.md, Access), so a call is never just
made: its turn is reserved, and whoever would wait too long is told at once when to come back.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import cast

import redis

from cartproxy.deadline import Deadline
from cartproxy.metrics import count_budget, count_pause
from cartproxy.storage.errors import StorageError
from cartproxy.storage.scripts import load_script, run_script
from cartproxy.storage.values import Kind
from cartproxy.store.errors import StoreBusy

_SCHEDULE = Kind("budget", "string")
LONGEST_PAUSE_SECONDS = 60


class Allowance:
    """The calls a request may make: each at its reserved turn, all within one deadline."""

    def __init__(
        self, deadline: Deadline, reserve: Callable[[int, float], list[float]], calls: int
    ) -> None:
        self.deadline = deadline
        self._reserve = reserve
        self._foreseen = calls
        self._patience = 1.0
        self._turns: deque[float] = deque()

    def wait_less(self) -> None:
        """Give up at half of the usual wait: others have more need of the store's calls."""
        self._patience = 0.5

    def take(self) -> None:
        """Wait for the next turn. Raises StoreBusy, and StorageError before the first one.

        The first call reserves all that were foreseen, each beyond them one more. When Redis fails
        at one of those, the store has been called, and what it did is not to be forgotten: no more
        is asked of it, as if its budget were spent.
        """
        if not self._turns:
            try:
                self._turns.extend(self._reserve(max(1, self._foreseen), self._patience))
            except StorageError as error:
                if self._foreseen:
                    raise
                raise StoreBusy(error.detail) from None
            self._foreseen = 0
        wait = self._turns.popleft() - time.monotonic()
        if wait > 0:
            time.sleep(wait)


class Budget:
    """One store's calls: `rate` a second, `burst` at once, none that waits over `wait_seconds`."""

    def __init__(
        self, client: redis.Redis, *, store_id: str, rate: float, burst: int, wait_seconds: float
    ) -> None:
        self.store_id = store_id
        self._script = load_script(client, __package__, "budget")
        self._key = f"cpb:{store_id}"
        self._interval_ms = 1000 / rate
        self._burst = burst
        self._wait_seconds = wait_seconds
        longest = max(wait_seconds, LONGEST_PAUSE_SECONDS)
        self._ahead_ms = longest * 1000 + burst * self._interval_ms

    def allow(self, calls: int, deadline: Deadline) -> Allowance:
        """The right to so many calls, which the first of them reserves in one round trip.

        Whatever is more than a burst is reserved call by call, or it would never be granted.
        """

        def reserve(wanted: int, patience: float) -> list[float]:
            wait = min(self._wait_seconds * patience, deadline.remaining())
            granted, *waits = self._run(wanted, wait)
            count_budget(self.store_id, wanted, granted=bool(granted))
            if not granted:
                raise StoreBusy(
                    "The store's budget of calls is spent.",
                    retry_after=max(1, math.ceil(waits[0] / 1000)),
                )
            now = time.monotonic()
            return [now + each / 1000 for each in waits]

        return Allowance(deadline, reserve, min(calls, self._burst))

    def pause(self, seconds: float) -> None:
        """The store asks to slow down: no worker's next call starts before, if Redis answers."""
        count_pause(self.store_id)
        with suppress(StorageError):
            self._run(0, 0, str(int(min(seconds, LONGEST_PAUSE_SECONDS) * 1000)))

    def _run(self, wanted: int, wait_seconds: float, pause_ms: str = "") -> list[int]:
        limits = (self._interval_ms, self._burst, wanted, wait_seconds * 1000, self._ahead_ms)
        return cast(
            list[int], run_script(self._script, {self._key: _SCHEDULE}, (*limits, pause_ms))
        )
