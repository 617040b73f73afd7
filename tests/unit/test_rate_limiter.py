"""The rate limiter by itself: two workers on one storage, and none at all."""

from __future__ import annotations

import contextlib
import time

import fakeredis
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from support.servers import free_port

from cartproxy.limits.rate_limiter import Limit, RateLimited, RateLimiter

LIMIT = Limit("address-reads", "address-reads:x", 10)


@pytest.fixture
def client() -> redis.Redis:
    return fakeredis.FakeRedis()


@pytest.fixture
def began() -> float:
    """When the test began."""
    return time.monotonic()


def assert_left(limiter: RateLimiter, left: int, began: float) -> None:
    """`left` requests pass until one is refused, and those that time has given back."""
    passed = 0
    with contextlib.suppress(RateLimited):
        while passed < 1000:
            limiter.take([LIMIT])
            passed += 1
    given_back = (time.monotonic() - began) * LIMIT.per_minute / 60
    assert left <= passed <= left + given_back


def test_a_worker_grants_the_limit_and_no_more(client: redis.Redis, began: float) -> None:
    assert_left(RateLimiter(client), 10, began)


def test_what_one_worker_counted_the_other_knows_after_an_exchange(
    client: redis.Redis, began: float
) -> None:
    first, second = RateLimiter(client), RateLimiter(client)
    for _ in range(6):
        first.take([LIMIT])
    first.exchange()
    second.take([LIMIT])
    second.exchange()

    assert_left(second, 3, began)


def test_nothing_is_counted_where_one_of_the_limits_refuses(
    client: redis.Redis, began: float
) -> None:
    limiter = RateLimiter(client)
    full = Limit("cart-reads", "cart-reads:y", 1)
    limiter.take([full])
    for _ in range(5):
        with pytest.raises(RateLimited):
            limiter.take([LIMIT, full])

    assert_left(limiter, 10, began)


def test_what_the_counts_of_another_worker_refuse_counts_against_no_limit(
    client: redis.Redis, began: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RateLimiter, "_run_thread", lambda _: None)  # the test exchanges itself
    first, second = RateLimiter(client), RateLimiter(client)
    for number in range(4):
        full = Limit("cart-creates", f"cart-creates:{number}", 1)
        first.take([full], exactly=True)
        with pytest.raises(RateLimited):
            second.take([LIMIT, full], exactly=True)

    third = RateLimiter(client)
    third.take([LIMIT], exactly=True)
    assert_left(third, 9, began)
    assert_left(second, 10, began)


def test_the_tightest_limit_is_reported(client: redis.Redis) -> None:
    standing = RateLimiter(client).take([Limit("a", "a", 100), LIMIT])

    assert standing is not None
    assert (standing.limit.name, standing.remaining) == ("address-reads", 9)


def test_without_storage_each_worker_uses_its_own_counts(began: float) -> None:
    # Without repeats, as the service has it: the limiter's thread would go on with them, and with
    # their random pauses, under the tests that follow.
    limiter = RateLimiter(redis.Redis(port=free_port(), retry=Retry(NoBackoff(), 0)))

    limiter.take([LIMIT])
    limiter.exchange()

    assert_left(limiter, 9, began)
