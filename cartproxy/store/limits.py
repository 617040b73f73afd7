"""How often a store may be called: one schedule in Redis for all workers, one pause for all.

A live store allows about 2 calls a second (docs/store-api.md, Access). So each call reserves a
turn, and one that would have to wait too long fails at once, with the time to retry. Important
calls go first: less important ones leave a part of the burst to others, and do not queue.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import redis

from cartproxy.deadline import Deadline
from cartproxy.metrics import count_budget, count_pause
from cartproxy.storage.errors import StorageError
from cartproxy.storage.scripts import load_script, run_script
from cartproxy.storage.values import Kind
from cartproxy.store.errors import StoreBusy

_SCHEDULE = Kind("budget", "string")
LONGEST_PAUSE_SECONDS = 60
_CALL_SECONDS = 2.0  # of its request's time, for the last call of a checkout


@dataclass(frozen=True, slots=True)
class Share:
    """How much of a store's budget one kind of calls may use.

    `leaves` is the part of the burst that it leaves to others. `patience` is the part of the usual
    waiting time that it may wait. `queues`: it reserves its turns ahead, so later calls come after
    it.
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
    """A client whose calls are counted: it may use at most `part` of the store's budget."""

    name: str
    part: float
    is_address: bool = False


@dataclass(slots=True)
class Allowance:
    """The calls that a request may make: each in its reserved turn, all before one deadline.

    `waits`: whether it may wait for its turns. `least`: how many of the foreseen calls are enough
    to begin; 0 means all of them.
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
        """Whether all granted calls are used up, and no more can be granted now."""
        return self.is_scarce and not self._turns

    @property
    def has_begun(self) -> bool:
        """Whether a first call has been granted."""
        return self._turns is not None

    def reserve(self) -> None:
        """Reserve all foreseen calls in one round trip. Raises StoreBusy and StorageError."""
        if self._turns is None:
            self._turns = deque(self.budget.turns(self, self.foreseen, self.least))
            self.is_scarce = len(self._turns) < self.foreseen

    def take(self) -> None:
        """Wait for the next turn. Raises StoreBusy, and StorageError before the first one.

        The first call reserves all foreseen turns, each further call one more. If Redis fails then,
        the store has been called already and its answers must be kept: so this raises StoreBusy,
        as if the budget were used up.
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
    """One store's calls: `rate` a second, `burst` at once, each waiting at most `wait_seconds`."""

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
        """An allowance for so many calls; the first call reserves them all in one round trip."""
        return Allowance(self, max(1, calls), deadline, share, waits, least, payers)

    def turns(self, of: Allowance, wanted: int, least: int) -> list[float]:
        """The monotonic times at which the calls may be made: at least `least` of those wanted.

        More than one burst is never reserved at once, since it would never be granted. Raises
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
        # A request that has begun, or waits in the queue, leaves nothing to others.
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
        """Let no worker call the store for so long, if Redis answers: it asked to slow down."""
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
        granted: list[int] = run_script(self._script, keys, limits)
        return granted
