"""Fault 29 at its worst moments: with a new cart at the store, and lines on their way into it."""

from __future__ import annotations

import threading

import pytest
import requests
from support.adds import add, fault, key
from support.servers import kill_workers, service, store_environment
from support.shopper import Shopper, Store
from support.waiting import wait_for


@pytest.mark.parametrize("lines", [0, 3], ids=["first-add", "cart-made-again"])
def test_killed_worker_leaves_no_ownerless_and_no_doubled_line(
    redis_url: str, store: Store, lines: int
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
        for bit in range(lines):
            shopper.add(quantity=2**bit)
        for cart in store.carts():
            store.forget_cart(cart["order_key"])
        # The cart is made, and the worker is killed while the store adds a line: the first one, or
        # the second one to be restored, after the add that found the cart missing.
        store.fail(fault("latency", times=2 if lines else 0, ms=0), fault("latency", ms=None))
        lost = threading.Thread(target=lambda: is_added(shopper, headers, 2**lines))
        lost.start()
        wait_for(lambda: items_sent(store) == (3 if lines else 1), "the line is on its way")
        kill_workers(url)
        lost.join()
        store.fail()
        wait_for(lambda: lines_at(store) == (2 if lines else 1), "the store has added the line")

        other = Shopper(url, bearer=shopper.bearer)
        wait_for(lambda: is_added(other, headers, 2**lines), "the retry is answered")
        wait_for(lambda: is_whole(other), "everything is back")
        cart = other.cart()

    wanted = [*(2**bit for bit in range(lines)), 2**lines]
    (at_store,) = store.carts()
    assert sorted(line["quantity"] for line in at_store["lines"]) == wanted
    assert cart["item_count"] == sum(wanted)
    assert cart["changes"] == []


def items_sent(store: Store) -> int:
    """How many items were sent to the store since its call log was cleared."""
    calls = store.received()
    return sum(call["method"] == "POST" and call["path"].endswith("/Item") for call in calls)


def lines_at(store: Store) -> int:
    return sum(len(cart["lines"]) for cart in store.carts())


def is_added(shopper: Shopper, headers: dict[str, str], quantity: int) -> bool:
    try:
        return add(shopper, headers, quantity=quantity).ok
    except requests.ConnectionError:
        return False


def is_whole(shopper: Shopper) -> bool:
    answer = shopper.call("PATCH", "/cart", {"billing": {"city": "Bonn"}})
    return answer.ok and answer.json()["stale"] is False
