"""A worker may die at any command to Redis: an order is booked once, and shown once."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from flask import Flask
from support.books import booked_in_redis, empty_books
from support.servers import store_environment
from support.service_steps import place_order
from support.shopper import BLOG, MUG, Store, credential

from cartproxy.app import create_app
from cartproxy.carts.orders import Orders
from cartproxy.settings_source import load

SECRET = "h" * 32


class Killed(BaseException):
    """The worker dies here."""


class Mortal:
    """A Redis client that dies at a command: before it is sent, or after."""

    def __init__(self, client: redis.Redis) -> None:
        self._send = client.execute_command
        self.dies_at: tuple[int, str] | None = None
        self.count = 0
        client.execute_command = self._execute  # type: ignore[method-assign]

    def _execute(self, *args: Any, **options: Any) -> Any:
        self.count += 1
        dies = self.dies_at and self.dies_at[0] == self.count and self.dies_at[1]
        if dies == "before":
            raise Killed
        answer = self._send(*args, **options)
        if dies == "after":
            raise Killed
        return answer


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    """Redis without any orders."""
    with empty_books(redis_url) as client:
        yield client


@pytest.fixture
def app(redis_url: str, store_url: str, client: redis.Redis) -> Flask:
    """The application of a worker, whose leases end at once."""
    return create_app(
        load(
            {
                "CARTPROXY_REDIS_URL": redis_url,
                "CARTPROXY_PEPPER": "p" * 32,
                "CARTPROXY_REDIS_TIMEOUT_SECONDS": "20",
                "CARTPROXY_STORE_CALL_SECONDS": "30",
                "CARTPROXY_LOCK_WAIT_SECONDS": "30",
                "CARTPROXY_REQUEST_SECONDS": "30",
                "CARTPROXY_LOCK_LEASE_SECONDS": "31",
                "CARTPROXY_LOG_LEVEL": "error",
                **store_environment(store_url, HOOK_SECRET=SECRET),
            }
        )
    )


def orders_of(app: Flask) -> Orders:
    orders = app.extensions["cartproxy"].stores["demo"].orders
    assert isinstance(orders, Orders)
    return orders


@pytest.mark.parametrize("dies", ["before", "after"])
def test_worker_that_dies_at_any_command_loses_no_order_and_books_none_twice(
    app: Flask, client: redis.Redis, store: Store, dies: str
) -> None:
    orders = orders_of(app)
    mortal = Mortal(orders._inbox._client)
    http = app.test_client()
    assert not orders.work()  # there is a group now

    for at in itertools.count(1):
        headers = {
            "Origin": BLOG,
            "Cartproxy-Client": "tests/1",
            "Authorization": f"Bearer {credential()}",
        }

        def call(method: str, path: str, json: Any = None, sent: Any = headers) -> Any:
            answer = http.open(f"/v1/stores/demo{path}", method=method, json=json, headers=sent)
            return answer.get_json(silent=True)

        call("POST", "/cart/items", {"catalog_id": MUG, "quantity": 3})
        place_order(call("POST", "/checkout", {})["checkout_url"])
        order_id = max(each["OrderID"] for each in store.api("GET", "/Orders").json())
        call("POST", f"/hooks/{SECRET}", {"OrderID": order_id})
        mortal.count, mortal.dies_at = 0, (at, dies)
        try:
            while orders.work():
                pass
            survived = True
        except Killed:
            survived = False
        mortal.dies_at = None
        _end_leases(client, orders)
        while orders.work():
            pass

        cart = call("GET", "/cart")
        assert cart["items"] == []
        assert cart["ordered"]["subtotal"] == "29.97", at
        assert "ordered" not in call("GET", "/cart")
        assert booked_in_redis(client, "demo", "orders") == at
        assert booked_in_redis(client, "demo", "value") == 2997 * at
        assert client.xlen("cpo:{demo}:in") == 0
        if survived:
            break
    assert at > 6


def _end_leases(client: redis.Redis, orders: Orders) -> None:
    """End the leases of a dead worker: of its delivery, and of its cart's lock."""
    orders._paused_until = 0
    for lock in client.keys("cp:{*}:lock"):
        client.delete(lock)
    pending = client.xpending_range("cpo:{demo}:in", "workers", "-", "+", 10)
    for each in pending:
        client.xclaim(
            "cpo:{demo}:in", "workers", "workers", 0, [each["message_id"]], idle=10**8, justid=True
        )
