"""Between client and transport: budget, concurrency, breaker, and the only layer of retries."""

from __future__ import annotations

import queue
import time

from cartproxy.store.breaker import Breaker
from cartproxy.store.errors import (
    StoreBusy,
    StoreError,
    StoreFailed,
    StoreTimeout,
    StoreUnreachable,
)
from cartproxy.store.limits import Allowance, Budget
from cartproxy.store.transport import Answer, Check, StoreTransport

_IDEMPOTENT = frozenset(("GET", "PUT", "DELETE"))
_LONGEST_PAUSE_SECONDS = 2
_USUAL_PAUSE_SECONDS = 1


class RetryBudget:
    """At most one call in ten is a retry: a call earns a tenth of a retry, up to ten retries.

    Without a lock, which takes longer than the sum: threads may lose a tenth, greenlets do not.
    """

    def __init__(self) -> None:
        self._tenths = 100

    def earn(self) -> None:
        """Count a call."""
        self._tenths = min(self._tenths + 1, 100)

    def spend(self) -> bool:
        """Whether a retry may be made; if so, it is counted."""
        if self._tenths < 10:
            return False
        self._tenths -= 10
        return True


class GuardedTransport:
    """One store's transport with its limits."""

    def __init__(
        self, transport: StoreTransport, budget: Budget, breaker: Breaker, *, concurrency: int
    ) -> None:
        self._transport = transport
        self.budget = budget
        self._breaker = breaker
        # Ten times as fast as a semaphore.
        self._slots: queue.SimpleQueue[None] = queue.SimpleQueue()
        for _ in range(concurrency):
            self._slots.put(None)
        self._retries = RetryBudget()

    def call(
        self,
        method: str,
        path: str,
        allowance: Allowance,
        body: object = None,
        *,
        operation: str,
        check: Check,
    ) -> Answer:
        """Make one call in its turn, and retry it once if that is safe and the retry budget allows.

        Safe to retry: a call that was certainly not sent, any GET, PUT or DELETE, and a call that
        got a 429, after the pause it asks for. Raises StoreBusy, StoreAway and what
        StoreTransport raises.
        """

        def once() -> Answer:
            with self._breaker.watching():
                allowance.take()
                try:
                    self._slots.get(timeout=allowance.deadline.remaining())
                except queue.Empty:
                    raise StoreBusy("Too many calls to the store are under way.") from None
                try:
                    return self._transport.call(
                        method, path, allowance.deadline, body, operation=operation, check=check
                    )
                finally:
                    self._slots.put(None)

        self._retries.earn()
        try:
            answer = once()
        except StoreError as error:
            if not self._may_retry(method, error, allowance):
                raise
            return once()
        if answer.status != 429:
            return answer
        pause = _USUAL_PAUSE_SECONDS if answer.retry_after is None else answer.retry_after
        self.budget.pause(pause)
        short = pause <= _LONGEST_PAUSE_SECONDS and allowance.deadline.remaining() > pause
        if not (short and self._retries.spend()):
            return answer
        time.sleep(pause)
        return once()

    def _may_retry(self, method: str, error: StoreError, allowance: Allowance) -> bool:
        unsent = isinstance(error, StoreUnreachable)
        idempotent = method in _IDEMPOTENT and isinstance(error, (StoreFailed, StoreTimeout))
        in_time = allowance.deadline.remaining() > 0
        return (unsent or idempotent) and in_time and self._retries.spend()
