"""Live carts are counted from what workers have met."""

from __future__ import annotations

import time
from collections.abc import Iterator

import fakeredis
import pytest
import redis
from servers import free_port, redis_server

from cartproxy.carts.census import Census, strike
from cartproxy.carts.errors import StorageError


@pytest.fixture
def client() -> Iterator[redis.Redis]:
    """An empty storage."""
    client = fakeredis.FakeRedis(protocol=2)
    yield client
    client.close()


def test_cart_that_two_workers_have_met_counts_once(client: redis.Redis) -> None:
    one, other = Census(client, idle_seconds=99), Census(client, idle_seconds=99)
    for census in (one, other):
        census.met("a" * 40)
    other.met("b" * 40)

    one.bring()

    assert one.count() == 1
    assert other.count() == 2
    assert one.count() == 2


def test_last_note_of_a_cart_wins(client: redis.Redis) -> None:
    census = Census(client, idle_seconds=99)
    census.met("kept" + "a" * 36)
    census.ended("kept" + "a" * 36)
    census.met("kept" + "a" * 36)
    census.met("gone" + "a" * 36)
    census.ended("gone" + "a" * 36)

    assert census.count() == 1


def test_cart_runs_out_with_its_idle_life_and_is_struck_off_by_hand(client: redis.Redis) -> None:
    brief, long = Census(client, idle_seconds=0.05), Census(client, idle_seconds=99)
    brief.met("a" * 40)
    long.met("b" * 40)
    long.met("c" * 40)
    brief.bring()
    long.bring()
    strike(client, "c" * 40)

    time.sleep(0.1)

    assert long.count() == 1


def test_more_carts_than_fit_into_one_call_are_all_brought(client: redis.Redis) -> None:
    census = Census(client, idle_seconds=99)
    for number in range(2_500):
        census.met(f"{number:040}"[::-1])

    assert census.count() == 2_500


def test_notes_wait_for_a_redis_that_is_away() -> None:
    port = free_port()
    client = redis.Redis(port=port, retry=None)
    census = Census(client, idle_seconds=99)
    census.met("a" * 40)

    census.bring()
    with pytest.raises(StorageError):
        census.count()
    with redis_server(port=port):
        alive = census.count()
    client.close()

    assert alive == 1
