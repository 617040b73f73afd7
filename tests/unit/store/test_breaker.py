"""The breaker: when it opens, what it lets through, how it closes."""

from __future__ import annotations

import contextlib
import threading

import pytest

from cartproxy.store import breaker as module
from cartproxy.store.breaker import Breaker
from cartproxy.store.errors import StoreAuth, StoreAway, StoreFailed, StoreRejected


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def call(breaker: Breaker, error: Exception | None = None) -> None:
    """A call that ends so. Raises StoreAway when it is not let through."""
    with contextlib.suppress(StoreFailed, StoreRejected, StoreAuth), breaker.watching():
        if error:
            raise error


def fail(breaker: Breaker, times: int = 1) -> None:
    for _ in range(times):
        call(breaker, StoreFailed("x"))


def refused_for(breaker: Breaker) -> int | None:
    """How many seconds the next call is refused for; fails when it is let through."""
    with pytest.raises(StoreAway) as away, breaker.watching():
        pass
    return away.value.retry_after


def test_opens_after_failures_in_a_row_and_says_for_how_long(clock: Clock) -> None:
    breaker = Breaker(failures=5, open_seconds=5)
    fail(breaker, 4)
    call(breaker)
    fail(breaker, 5)

    assert refused_for(breaker) == 5


def test_opens_when_half_of_twenty_calls_have_failed(clock: Clock) -> None:
    breaker = Breaker(failures=5, open_seconds=5)
    call(breaker)
    call(breaker)
    for _ in range(9):
        call(breaker)
        fail(breaker)

    fail(breaker)

    assert refused_for(breaker) == 5


def test_old_failures_do_not_count(clock: Clock) -> None:
    breaker = Breaker(failures=5, open_seconds=5)
    for _ in range(11):
        fail(breaker)
        clock.now += 1.5
        call(breaker)


def test_refusals_are_no_failures(clock: Clock) -> None:
    breaker = Breaker(failures=2, open_seconds=5)

    for _ in range(5):
        call(breaker, StoreRejected("x"))
        call(breaker, StoreAuth("x"))


def test_one_probe_decides(clock: Clock) -> None:
    breaker = Breaker(failures=1, open_seconds=5)
    fail(breaker)
    clock.now += 5
    inside, go_on = threading.Event(), threading.Event()

    def probe() -> None:
        with breaker.watching():
            inside.set()
            go_on.wait(60)

    running = threading.Thread(target=probe)
    running.start()
    inside.wait(60)
    refused_for(breaker)
    go_on.set()
    running.join()

    call(breaker)
    call(breaker)


def test_each_failed_probe_doubles_the_time_up_to_a_minute(clock: Clock) -> None:
    breaker = Breaker(failures=1, open_seconds=5)
    fail(breaker)
    seconds = []
    for _ in range(6):
        seconds.append(refused_for(breaker))
        clock.now += seconds[-1] or 0
        fail(breaker)

    assert seconds == [5, 10, 20, 40, 60, 60]
