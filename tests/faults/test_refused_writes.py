"""Fault 54: a refused write leaves nothing in Redis that outlives the request."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator

import pytest
import redis
import requests
from support.faults_settings import QUICK
from support.servers import service, store_environment
from support.shopper import BLOG, MUG, Shopper, Store

LIMITED, OTHER = "https://limited.example", "https://other.example"
KEYED = {"Idempotency-Key": "a-key"}


@pytest.fixture(scope="module")
def strict_url(redis_url: str, store_url: str) -> Iterator[str]:
    """A service that lets a site make a cart a minute, and waits briefly for a cart's lock."""
    environment = {
        "CARTPROXY_REDIS_URL": redis_url,
        "CARTPROXY_WORKERS": "1",
        **QUICK,
        "CARTPROXY_LOCK_WAIT_SECONDS": "0.2",
        **store_environment(
            store_url,
            ORIGINS=f"{BLOG},{LIMITED},{OTHER}",
            ORIGIN_CREATES_PER_MINUTE=f"{LIMITED} 1,{OTHER} 1",
        ),
    }
    with service(environment) as url:
        yield url


TIME = re.compile(rb"\d{13}")


def kept(client: redis.Redis) -> dict[bytes, object]:
    """What Redis holds of carts, without the counts of limits and calls."""
    return {
        key: client.hgetall(key) if client.type(key) == b"hash" else client.get(key)
        for key in client.keys("cp:*")
    }


def add(shopper: Shopper, catalog_id: int = MUG, **headers: str) -> requests.Response:
    return shopper.call(
        "POST", "/cart/items", {"catalog_id": catalog_id}, headers={**KEYED, **headers}
    )


def status(path: str, status: int) -> dict[str, object]:
    return {"method": "*", "path": path, "fault": "status", "status": status, "times": None}


REFUSALS: dict[str, tuple[bool, int, Callable[[Shopper, Store], requests.Response]]] = {
    "first add, the store refuses us": (False, 502, lambda each, store: add(each)),
    "add, the store refuses us": (True, 502, lambda each, store: add(each)),
    "add, another state of the cart": (
        True, 412, lambda each, store: add(each, **{"If-Match": '"another"'})),
    "first add, another state of the cart": (
        False, 412, lambda each, store: add(each, **{"If-Match": '"another"'})),
    "item that the store refuses": (True, 422, lambda each, store: add(each, 3833)),
    "line that is not there": (
        True, 404,
        lambda each, store: each.call("PATCH", "/cart/items/999", {"quantity": 2}, headers=KEYED)),
    "line of no cart": (
        False, 404,
        lambda each, store: each.call("PATCH", "/cart/items/999", {"quantity": 2}, headers=KEYED)),
}  # fmt: skip


@pytest.fixture(autouse=True)
def empty(client: redis.Redis) -> None:
    client.flushdb()


@pytest.mark.parametrize("refusal", REFUSALS)
def test_refused_write_leaves_nothing_behind(
    strict_url: str, store: Store, client: redis.Redis, refusal: str
) -> None:
    has_cart, expected, ask = REFUSALS[refusal]
    shopper = Shopper(strict_url)
    if has_cart:
        shopper.add(MUG)
    if expected == 502:
        store.fail(status("*", 401))
    before = kept(client)

    refused = ask(shopper, store)
    after = kept(client)
    store.fail()
    other = shopper.call("POST", "/cart/items", {"catalog_id": MUG, "quantity": 2}, headers=KEYED)

    assert (refused.status_code, refused.json()["outcome"]) == (expected, "not_applied")
    assert lasting(after) == lasting(before)
    assert other.status_code == 201


def lasting(values: dict[bytes, object]) -> dict[bytes, object]:
    """Without head and times: a write that reached the store has a new revision and reading."""
    return {
        key: TIME.sub(b"", value.partition(b"\n")[2]) if isinstance(value, bytes) else value
        for key, value in values.items()
    }


def test_site_with_too_many_new_carts_leaves_nothing_behind(
    strict_url: str, store: Store, client: redis.Redis
) -> None:
    Shopper(strict_url, origin=LIMITED).call("POST", "/cart", {})
    before = kept(client)

    refused = add(Shopper(strict_url, origin=LIMITED))

    assert (refused.status_code, refused.json()["code"]) == (429, "rate-limited")
    assert kept(client) == before


def test_restored_cart_does_not_count_as_a_new_cart_of_its_site(
    strict_url: str, store: Store
) -> None:
    shopper = Shopper(strict_url, origin=OTHER)
    shopper.add(MUG)
    (cart,) = store.carts()
    store.forget_cart(cart["order_key"])

    again = add(shopper)
    another = add(Shopper(strict_url, origin=OTHER))

    assert (again.status_code, again.json()["item_count"]) == (201, 2)
    assert another.status_code == 429


def test_write_that_gives_up_waiting_leaves_no_place_in_the_queue(
    strict_url: str, store: Store, client: redis.Redis
) -> None:
    shopper = Shopper(strict_url)
    shopper.add(MUG)
    before = kept(client)
    store.calls()
    store.hold()
    other = Shopper(strict_url, bearer=shopper.bearer)
    adding = threading.Thread(target=lambda: shopper.add(MUG))
    adding.start()
    store.wait_for_calls()

    busy = add(other)
    store.fail()
    adding.join()

    assert (busy.status_code, busy.json()["code"]) == (409, "cart-busy")
    assert kept(client).keys() == before.keys()
