"""The tally by itself: two workers on one storage, and none at all."""

from __future__ import annotations

import fakeredis
import pytest
import redis
from servers import free_port

from cartproxy.carts.errors import RateLimited
from cartproxy.limits.tally import Limit, Tally

LIMIT = Limit("address-reads", "address-reads:x", 10)


@pytest.fixture
def client() -> redis.Redis:
    return fakeredis.FakeRedis()


def used_up(tally: Tally, most: int = 100) -> int:
    """How many requests pass until one is refused."""
    for count in range(most):
        try:
            tally.take([LIMIT])
        except RateLimited:
            return count
    return most


def test_a_worker_grants_the_limit_and_no_more(client: redis.Redis) -> None:
    assert used_up(Tally(client)) == 10


def test_what_one_worker_counted_the_other_knows_after_an_exchange(client: redis.Redis) -> None:
    first, second = Tally(client), Tally(client)
    for _ in range(6):
        first.take([LIMIT])
    first.exchange()
    second.take([LIMIT])
    second.exchange()

    assert used_up(second) == 3


def test_nothing_is_counted_where_one_of_the_limits_refuses(client: redis.Redis) -> None:
    tally = Tally(client)
    full = Limit("cart-reads", "cart-reads:y", 1)
    tally.take([full])
    for _ in range(5):
        with pytest.raises(RateLimited):
            tally.take([LIMIT, full])

    assert used_up(tally) == 10


def test_the_tightest_limit_is_told(client: redis.Redis) -> None:
    standing = Tally(client).take([Limit("a", "a", 100), LIMIT])

    assert standing is not None
    assert (standing.limit.name, standing.remaining) == ("address-reads", 9)


def test_without_storage_each_worker_goes_on_with_its_own_counts() -> None:
    tally = Tally(redis.Redis(port=free_port(), socket_connect_timeout=0.2))

    tally.take([LIMIT])
    tally.exchange()

    assert used_up(tally) == 9
