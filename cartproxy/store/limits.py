"""How often a store may be called: one schedule in Redis for all workers, one pause for all.

A live store allows about 2 calls a second (docs/store-api.md, Access), so a call is never just
made: its turn is reserved, and whoever would wait too long is told at once when to come back. What
matters most goes first: calls of less weight leave a part of the burst to others, and do not queue.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
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
_CALL_SECONDS = 2.0  # what a checkout's last call may need of its request's time


@dataclass(frozen=True, slots=True)
class Share:
    """What a kind of calls may take of a store's budget.

    `leaves` is the part of the burst that it leaves to others. `patience` is the part of the usual
    wait that it may wait, and `queues` whether it reserves its turns ahead meanwhile: then whoever
    comes later comes after it.
    """

    name: str
    leaves: float
    patience: float
    queues: bool = True


CHECKOUT = Share("checkout", 0.0, math.inf)
CHANGE = Share("change", 0.0, 1.0)
ADD = Share("add", 0.15, 1.0)
FIRST_ADD = Share("first_add", 0.3, 0.5)
OWED = Share("owed", 0.5, 0.0)
PRODUCT = Share("product", 0.6, 0.5, queues=False)
REREAD = Share("reread", 0.7, 0.5, queues=False)
ORDER = Share("order", 0.8, 0.0)


@dataclass(frozen=True, slots=True)
class Payer:
    """Somebody whose calls are counted: at most `part` of the store's budget is theirs."""

    name: str
    part: float
    is_address: bool = False


@dataclass(slots=True)
class Allowance:
    """The calls a request may make: each at its reserved turn, all within one deadline.

    `waits`: whether it may wait for its turns at all. `least`: so many of the foreseen calls, or
    more, are worth having; without it all are needed.
    """

    budget: Budget
    foreseen: int
    deadline: Deadline
    share: Share
    waits: bool = True
    least: int = 0
    payers: Sequence[Payer] = ()
    is_scarce: bool = False  # fewer were granted than foreseen
    _turns: deque[float] | None = None

    @property
    def is_spent(self) -> bool:
        """Whether no more is to be had now than has been granted, and that is used up."""
        return self.is_scarce and not self._turns

    @property
    def has_begun(self) -> bool:
        """Whether a first call has been granted."""
        return self._turns is not None

    def reserve(self) -> None:
        """Reserve all that is foreseen, in one round trip. Raises StoreBusy and StorageError."""
        if self._turns is None:
            self._turns = deque(self.budget.turns(self, self.foreseen, self.least))
            self.is_scarce = len(self._turns) < self.foreseen

    def take(self) -> None:
        """Wait for the next turn. Raises StoreBusy, and StorageError before the first one.

        The first call reserves all that were foreseen, each beyond them one more. When Redis fails
        at one of those, the store has been called, and what it did is not to be forgotten: no more
        is asked of it, as if its budget were spent.
        """
        if self._turns is None:
            self.reserve()
        elif not self._turns:
            try:
                self._turns.extend(self.budget.turns(self, 1, 1))
            except StorageError as error:
                raise StoreBusy(error.detail) from None
        assert self._turns  # noqa: S101 - or turns have been refused
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
        self._key = f"cpb:{{{store_id}}}"
        self._interval_ms = 1000 / rate
        self._burst = burst
        self._wait_seconds = wait_seconds
        longest = max(wait_seconds, LONGEST_PAUSE_SECONDS)
        self._ahead_ms = longest * 1000 + burst * self._interval_ms

    def allow(
        self,
        calls: int,
        deadline: Deadline,
        share: Share = ADD,
        *,
        waits: bool = True,
        least: int = 0,
        payers: Sequence[Payer] = (),
    ) -> Allowance:
        """The right to so many calls, which the first of them reserves in one round trip."""
        return Allowance(self, max(1, calls), deadline, share, waits, least, payers)

    def turns(self, of: Allowance, wanted: int, least: int) -> list[float]:
        """When so many calls may be made, on the monotonic clock; `least` of them, if so many fit.

        Whatever is more than a burst is reserved call by call, or it would never be granted. Raises
        StoreBusy and StorageError.
        """
        share = of.share
        if share is CHECKOUT:
            wait = of.deadline.remaining() - _CALL_SECONDS
            least = least or 1
        else:
            wanted = min(wanted, self._burst)
            wait = min(self._wait_seconds * share.patience, of.deadline.remaining())
        ends = time.monotonic() + (wait if of.waits else 0.0)
        # Who has begun leaves nothing, and so does who has its place in the queue.
        leaves = 0 if of.has_begun or (of.waits and share.queues) else share.leaves
        leaves = int(leaves * (self._burst - 1))
        while True:
            queues = max(0.0, ends - time.monotonic()) if share.queues else 0.0
            granted, *waits = self._run(
                wanted, min(least or wanted, wanted), leaves, queues, of.payers
            )
            count_budget(self.store_id, share.name, granted or wanted, granted=bool(granted))
            now = time.monotonic()
            if granted:
                return [now + each / 1000 for each in waits]
            soonest = waits[0] / 1000
            if share.queues or now + soonest > ends:
                raise StoreBusy(
                    "The store's budget of calls is used up.",
                    retry_after=max(1, math.ceil(soonest)),
                )
            time.sleep(soonest)

    def pause(self, seconds: float) -> None:
        """The store asks to slow down: no worker's next call starts before, if Redis answers."""
        count_pause(self.store_id)
        with suppress(StorageError):
            self._run(0, 0, 0, 0, (), str(int(min(seconds, LONGEST_PAUSE_SECONDS) * 1000)))

    def _run(
        self,
        wanted: int,
        least: int,
        leaves: int,
        wait_seconds: float,
        payers: Sequence[Payer],
        pause_ms: str = "",
    ) -> list[int]:
        keys = {self._key: _SCHEDULE} | {f"{self._key}:{payer.name}": _SCHEDULE for payer in payers}
        limits: tuple[int | float | str, ...] = (
            *(self._interval_ms, self._burst, wanted, least, leaves),
            *(wait_seconds * 1000, self._ahead_ms, pause_ms),
            *(payer.part for payer in payers),
        )
        return cast(list[int], run_script(self._script, keys, limits))
