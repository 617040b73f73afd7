"""The probe's calls to the store: within its budget, and retried where that is safe."""

from __future__ import annotations

import time

from cartproxy.deadline import Deadline
from cartproxy.errors import Outcome
from cartproxy.store.errors import StoreError, StoreUnreachable
from cartproxy.store.limits import LONGEST_PAUSE_SECONDS, Budget
from cartproxy.store.transport import Answer, StoreTransport

_TRIES = 4
_TURN_SECONDS = 120
_USUAL_PAUSE_SECONDS = 1


class NoAnswer(Exception):
    """A question has no answer; the text says why.

    `unclear`: its call may still have taken effect.
    """

    def __init__(self, why: str, *, unclear: bool = False) -> None:
        super().__init__(why)
        self.unclear = unclear


class Calls:
    """Makes calls to the store, and counts them."""

    def __init__(self, transport: StoreTransport, budget: Budget, call_seconds: float) -> None:
        self._transport = transport
        self._budget = budget
        self._call_seconds = call_seconds
        self._ended = ""
        self.count = 0
        self.throttled = 0

    def stop(self, why: str) -> None:
        """Make no more calls except for cleaning up. The first reason is kept."""
        self._ended = self._ended or why

    def ask(self, method: str, path: str, body: object = None, *, cleaning: bool = False) -> Answer:
        """The answer of one call, with any status except 401, 403 and 429.

        A throttled call is retried, and one without an answer if it is safe. Raises NoAnswer. When
        the store refuses access to carts, no more calls are made.
        """
        why = ""
        for _ in range(_TRIES):
            if self._ended and not cleaning:
                raise NoAnswer(self._ended)
            self._budget.allow(1, Deadline.after(_TURN_SECONDS)).take()
            self.count += 1
            try:
                answer = self._transport.call(
                    method, path, Deadline.after(self._call_seconds), body, operation="probe"
                )
            except StoreError as error:
                why = error.detail
                if method == "POST" and not isinstance(error, StoreUnreachable):
                    raise NoAnswer(why, unclear=error.outcome is Outcome.UNKNOWN) from None
                self._pause(error.retry_after or 0)
                continue
            if answer.status in (401, 403):
                why = (
                    f"The store refuses the credentials, or the right to do this ({answer.status})."
                )
                if path.startswith("/Cart"):
                    self.stop(why)
                raise NoAnswer(why)
            if answer.status != 429:
                return answer
            self.throttled += 1
            why = "The store asks to slow down (429)."
            self._pause(answer.retry_after or _USUAL_PAUSE_SECONDS)
        raise NoAnswer(why)

    def _pause(self, seconds: float) -> None:
        if seconds:
            self._budget.pause(seconds)
            time.sleep(min(seconds, LONGEST_PAUSE_SECONDS))
