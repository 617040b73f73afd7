"""Fault 29 where it hurts most: in a first add, with a cart at the store that only one worker knows."""

from __future__ import annotations

import os
import signal
import threading

import requests
from conftest import store_environment
from support.adds import add, fault, key
from support.servers import service, workers
from support.shopper import Shopper, Store
from support.waiting import wait_for


def test_worker_killed_in_a_first_add_leaves_no_line_that_nobody_owns(
    redis_url: str, store: Store
) -> None:
    settings = {
        "CARTPROXY_REDIS_URL": redis_url,
        "CARTPROXY_REQUEST_SECONDS": "5",
        "CARTPROXY_LOCK_LEASE_SECONDS": "6",
        "CARTPROXY_SETTLE_SECONDS": "2",
        **store_environment(store.url),
    }
    headers = key()
    with service(settings) as url:
        shopper = Shopper(url)
        # The cart is made, and the worker is killed while the store adds the line.
        store.fail(fault("latency", ms=900))
        lost = threading.Thread(target=lambda: is_added(shopper, headers))
        lost.start()
        wait_for(lambda: "Item" in last_call(store), "the line is on its way")
        for pid in workers(url):
            os.kill(pid, signal.SIGKILL)
        lost.join()

        other = Shopper(url, bearer=shopper.bearer)
        wait_for(lambda: is_added(other, headers), "the retry is answered")
        cart = other.cart()

    assert [len(each["lines"]) for each in store.carts()] == [1]
    assert cart["item_count"] == 1


def last_call(store: Store) -> str:
    """The path of the last call that the store has received."""
    calls = requests.get(f"{store.url}/_sandbox/calls", timeout=10).json()
    return str(calls[-1]["path"]) if calls else ""


def is_added(shopper: Shopper, headers: dict[str, str]) -> bool:
    try:
        return add(shopper, headers).ok
    except requests.ConnectionError:
        return False
