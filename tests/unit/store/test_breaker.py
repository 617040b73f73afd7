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
    with contextlib.suppress(StoreFailed, StoreRejected, StoreAuth), breaker.watching():
        if error:
            raise error


def fail(breaker: Breaker, times: int = 1) -> None:
    for _ in range(times):
        call(breaker, StoreFailed("x"))


def test_opens_after_failures_in_a_row_and_says_for_how_long(clock: Clock) -> None:
    breaker = Breaker(failures=5, open_seconds=5)
    fail(breaker, 4)
    call(breaker)
    fail(breaker, 5)

    with pytest.raises(StoreAway) as away, breaker.watching():
        pass

    assert away.value.retry_after == 5


def test_opens_when_half_of_twenty_calls_have_failed(clock: Clock) -> None:
    breaker = Breaker(failures=5, open_seconds=5)
    for _ in range(9):
        fail(breaker)
        call(breaker)
    assert not breaker.is_open

    call(breaker)
    fail(breaker)

    assert breaker.is_open


def test_old_failures_do_not_count(clock: Clock) -> None:
    breaker = Breaker(failures=99, open_seconds=5)
    for _ in range(10):
        fail(breaker)
        clock.now += 1.5
        call(breaker)

    assert not breaker.is_open


def test_refusals_are_no_failures(clock: Clock) -> None:
    breaker = Breaker(failures=2, open_seconds=5)

    for _ in range(5):
        call(breaker, StoreRejected("x"))
        call(breaker, StoreAuth("x"))

    assert not breaker.is_open


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
    with pytest.raises(StoreAway), breaker.watching():
        pass
    go_on.set()
    running.join()

    call(breaker)
    assert not breaker.is_open


def test_each_failed_probe_doubles_the_time_up_to_a_minute(clock: Clock) -> None:
    breaker = Breaker(failures=1, open_seconds=5)
    fail(breaker)
    seconds = []
    for _ in range(6):
        with pytest.raises(StoreAway) as away, breaker.watching():
            pass
        seconds.append(away.value.retry_after)
        clock.now += seconds[-1] or 0
        fail(breaker)

    assert seconds == [5, 10, 20, 40, 60, 60]
