"""Live carts are counted from what workers have served."""

from __future__ import annotations

import time

import pytest
import redis
from support.servers import free_port, redis_server

from cartproxy.records.live_carts import LiveCarts, strike
from cartproxy.storage.errors import StorageError


def test_cart_served_by_two_workers_counts_once(client: redis.Redis) -> None:
    one, other = LiveCarts(client, idle_seconds=99), LiveCarts(client, idle_seconds=99)
    for live in (one, other):
        live.met("a" * 40)
    other.met("b" * 40)

    one.bring()

    assert one.count() == 1
    assert other.count() == 2
    assert one.count() == 2


def test_last_note_of_a_cart_wins(client: redis.Redis) -> None:
    live = LiveCarts(client, idle_seconds=99)
    live.met("kept" + "a" * 36)
    live.ended("kept" + "a" * 36)
    live.met("kept" + "a" * 36)
    live.met("gone" + "a" * 36)
    live.ended("gone" + "a" * 36)

    assert live.count() == 1


def test_cart_expires_with_its_idle_life_or_is_removed_by_hand(client: redis.Redis) -> None:
    brief, long = LiveCarts(client, idle_seconds=0.05), LiveCarts(client, idle_seconds=99)
    brief.met("a" * 40)
    long.met("b" * 40)
    long.met("c" * 40)
    brief.bring()
    long.bring()
    strike(client, "c" * 40)

    time.sleep(0.1)

    assert long.count() == 1


def test_more_carts_than_fit_into_one_call_are_all_reported(client: redis.Redis) -> None:
    live = LiveCarts(client, idle_seconds=99)
    for number in range(2_500):
        live.met(f"{number:040}"[::-1])

    assert live.count() == 2_500


def test_notes_are_kept_while_redis_is_away() -> None:
    port = free_port()
    client = redis.Redis(port=port, retry=None)
    live = LiveCarts(client, idle_seconds=99)
    live.met("a" * 40)

    live.bring()
    with pytest.raises(StorageError):
        live.count()
    with redis_server(port=port):
        alive = live.count()
    client.close()

    assert alive == 1
