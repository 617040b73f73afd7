"""The rate limiter by itself: two workers on one storage, and none at all."""

from __future__ import annotations

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


def used_up(limiter: RateLimiter, most: int = 100) -> int:
    """How many requests pass until one is refused."""
    for count in range(most):
        try:
            limiter.take([LIMIT])
        except RateLimited:
            return count
    return most


def test_a_worker_grants_the_limit_and_no_more(client: redis.Redis) -> None:
    assert used_up(RateLimiter(client)) == 10


def test_what_one_worker_counted_the_other_knows_after_an_exchange(client: redis.Redis) -> None:
    first, second = RateLimiter(client), RateLimiter(client)
    for _ in range(6):
        first.take([LIMIT])
    first.exchange()
    second.take([LIMIT])
    second.exchange()

    assert used_up(second) == 3


def test_nothing_is_counted_where_one_of_the_limits_refuses(client: redis.Redis) -> None:
    limiter = RateLimiter(client)
    full = Limit("cart-reads", "cart-reads:y", 1)
    limiter.take([full])
    for _ in range(5):
        with pytest.raises(RateLimited):
            limiter.take([LIMIT, full])

    assert used_up(limiter) == 10


def test_the_tightest_limit_is_told(client: redis.Redis) -> None:
    standing = RateLimiter(client).take([Limit("a", "a", 100), LIMIT])

    assert standing is not None
    assert (standing.limit.name, standing.remaining) == ("address-reads", 9)


def test_without_storage_each_worker_goes_on_with_its_own_counts() -> None:
    # Without repeats, as the service has it: the limiter's thread would go on with them, and with
    # their random pauses, under the tests that follow.
    limiter = RateLimiter(redis.Redis(port=free_port(), retry=Retry(NoBackoff(), 0)))

    limiter.take([LIMIT])
    limiter.exchange()

    assert used_up(limiter) == 9
