"""Live carts are counted from what workers have served."""

from __future__ import annotations

import time

import pytest
import redis
from support.servers import free_port, redis_server

from cartproxy.records.live_carts import LiveCarts, remove
from cartproxy.storage.errors import StorageError


def test_cart_served_by_two_workers_counts_once(client: redis.Redis) -> None:
    one, other = LiveCarts(client, idle_seconds=99), LiveCarts(client, idle_seconds=99)
    for live in (one, other):
        live.note("a" * 40, alive=True)
    other.note("b" * 40, alive=True)

    one.flush()

    assert one.count() == 1
    assert other.count() == 2
    assert one.count() == 2


def test_last_note_of_a_cart_wins(client: redis.Redis) -> None:
    live = LiveCarts(client, idle_seconds=99)
    live.note("kept" + "a" * 36, alive=True)
    live.note("kept" + "a" * 36, alive=False)
    live.note("kept" + "a" * 36, alive=True)
    live.note("gone" + "a" * 36, alive=True)
    live.note("gone" + "a" * 36, alive=False)

    assert live.count() == 1


def test_cart_expires_with_its_idle_life_or_is_removed_by_hand(client: redis.Redis) -> None:
    brief, long = LiveCarts(client, idle_seconds=0.05), LiveCarts(client, idle_seconds=99)
    brief.note("a" * 40, alive=True)
    long.note("b" * 40, alive=True)
    long.note("c" * 40, alive=True)
    brief.flush()
    long.flush()
    remove(client, "c" * 40)

    time.sleep(0.1)

    assert long.count() == 1


def test_more_carts_than_fit_into_one_call_are_all_reported(client: redis.Redis) -> None:
    live = LiveCarts(client, idle_seconds=99)
    for number in range(2_500):
        live.note(f"{number:040}"[::-1], alive=True)

    assert live.count() == 2_500


def test_notes_are_kept_while_redis_is_away() -> None:
    port = free_port()
    client = redis.Redis(port=port, retry=None)
    live = LiveCarts(client, idle_seconds=99)
    live.note("a" * 40, alive=True)

    live.flush()
    with pytest.raises(StorageError):
        live.count()
    with redis_server(port=port):
        alive = live.count()
    client.close()

    assert alive == 1
