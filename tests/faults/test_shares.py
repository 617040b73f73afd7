"""Faults 41 and 42: who gets the store's calls; and a worker killed while it sends owed wishes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis
import requests
from support.servers import kill_workers, service, store_environment
from support.shopper import MUG, SHIRT, Shopper, Store
from support.waiting import wait_for

PAGES = 40
NOW = {"Cache-Control": "no-cache"}


def scarce(redis_url: str, store: Store, **more: str) -> dict[str, str]:
    """Settings of a service whose store has so few calls that none comes back during a test."""
    limits = {"CALLS_PER_SECOND": "0.001", "CALL_BURST": "10", **more}
    return {
        "CARTPROXY_REDIS_URL": redis_url,
        "CARTPROXY_PEPPER": "p" * 32,
        "CARTPROXY_TRUSTED_HOPS": "1",
        "CARTPROXY_CALL_WAIT_SECONDS": "1",
        **store_environment(store.url, **limits),
    }


@pytest.fixture
def scarce_url(redis_url: str, store: Store) -> Iterator[str]:
    forget_products(redis_url)
    with service(scarce(redis_url, store)) as url:
        yield url


def forget_products(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        for key in client.scan_iter("cpp:*"):
            client.delete(key)


def forget_budget(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        for key in client.scan_iter("cpb:*"):
            client.delete(key)


def shopper(url: str, address: str) -> Shopper:
    made = Shopper(url)
    made.http.headers["X-Forwarded-For"] = address
    return made


def test_product_that_many_pages_want_is_fetched_once(
    scarce_url: str, redis_url: str, store: Store
) -> None:
    store.hold("GET", "/Products/*")
    with ThreadPoolExecutor(PAGES) as pool:
        asked = [
            pool.submit(shopper(scarce_url, "198.51.100.9").call, "GET", f"/products/{MUG}")
            for _ in range(PAGES)
        ]
        store.wait_for_calls()
        store.fail()
        answers = [each.result() for each in asked]

    assert {answer.status_code for answer in answers} == {200}
    assert store.kinds() == ["GET Products"]


def test_old_product_is_shown_while_it_is_refreshed_and_while_it_cannot_be(
    redis_url: str, store: Store
) -> None:
    forget_products(redis_url)
    settings = scarce(redis_url, store) | {"CARTPROXY_PRODUCT_FRESH_SECONDS": "1"}
    with service(settings) as url:
        reader = shopper(url, "198.51.100.9")
        first = reader.call("GET", f"/products/{MUG}").json()
        with redis.Redis.from_url(redis_url) as client:
            (key,) = client.keys(f"cpp:*{{{MUG}}}")
            client.pexpire(key, 80_000_000)  # as if two hours had passed
            client.delete(f"{key.decode()}:asking")
        store.calls()
        store.hold("GET", "/Products/*")
        with ThreadPoolExecutor(1) as pool:
            asking = pool.submit(reader.call, "GET", f"/products/{MUG}")
            store.wait_for_calls()
            meanwhile = shopper(url, "198.51.100.9").call("GET", f"/products/{MUG}")
            store.fail(
                {"method": "*", "path": "*", "fault": "status", "status": 500, "times": None}
            )
            asked = asking.result()
        with redis.Redis.from_url(redis_url) as client:
            client.delete(f"{key.decode()}:asking")
        while_it_fails = reader.call("GET", f"/products/{MUG}")

    assert [each.json() for each in (meanwhile, asked, while_it_fails)] == [first] * 3


@pytest.mark.parametrize("hostile", ["products", "readings"])
def test_one_address_cannot_take_the_stores_calls_from_others(
    scarce_url: str, redis_url: str, store: Store, hostile: str
) -> None:
    shopper(scarce_url, "198.51.100.1").call("GET", f"/products/{MUG}")
    forget_budget(redis_url)
    attacker = shopper(scarce_url, "198.51.100.66")
    attacker.add(MUG)
    store.calls()

    for number in range(20):
        if hostile == "products":
            attacker.call("GET", f"/products/{10_000_000 + number}")
        else:
            attacker.call("GET", "/cart", headers=NOW)
    taken = len(store.calls())
    others = [shopper(scarce_url, f"198.51.100.{n}").call(
        "POST", "/cart/items", {"catalog_id": MUG}) for n in range(3)]  # fmt: skip

    assert taken <= 2  # of ten calls; its share is half, and its own add took three
    assert others[0].status_code == 201
    assert all(answer.status_code in (201, 202) for answer in others)


def test_checkout_takes_precedence(scarce_url: str, redis_url: str, store: Store) -> None:
    buyer = shopper(scarce_url, "198.51.100.1")
    buyer.call("GET", f"/products/{MUG}")
    forget_budget(redis_url)
    store.calls()

    carts = [shopper(scarce_url, f"203.0.113.{n}") for n in range(9)]
    statuses = [each.call("POST", "/cart/items", {"catalog_id": MUG}).status_code for each in carts]
    spent = len(store.calls())
    buyer.add(MUG, status=202)
    url = buyer.call("POST", "/checkout")

    # First adds leave a part of the burst, and a checkout takes it: three in a burst of ten.
    assert 202 in statuses
    assert spent <= 8
    assert (url.status_code, url.json()["sent"], url.json()["of"]) == (202, 1, 1)
    assert store.kinds() == ["POST Cart", "POST Item"]


def test_read_sends_what_is_owed_where_the_store_has_calls_to_spare(
    scarce_url: str, redis_url: str, store: Store
) -> None:
    owner = shopper(scarce_url, "198.51.100.1")
    owner.call("GET", f"/products/{MUG}")
    spend(redis_url)
    owner.add(MUG, status=202)
    before = owner.cart()["items"][0]["state"]
    forget_budget(redis_url)
    store.calls()

    (line,) = owner.cart()["items"]

    assert (before, line["state"]) == ("pending", "in_store")
    assert store.kinds() == ["POST Cart", "POST Item", "GET Cart"]


def spend(redis_url: str) -> None:
    """Let the store have no call left."""
    with redis.Redis.from_url(redis_url) as client:
        seconds, _ = client.time()
        client.set("cpb:{demo}", str((seconds + 10_000) * 1000))


def test_worker_killed_while_it_sends_what_is_owed_sends_nothing_twice(
    redis_url: str, store: Store
) -> None:
    settings = {
        "CARTPROXY_REDIS_URL": redis_url,
        "CARTPROXY_REQUEST_SECONDS": "5",
        "CARTPROXY_LOCK_LEASE_SECONDS": "6",
        "CARTPROXY_SETTLE_SECONDS": "2",
        **store_environment(store.url, ADDS="deferred"),
    }
    with service(settings) as url:
        owner = Shopper(url)
        owner.call("GET", f"/products/{MUG}")
        for quantity in (1, 2, 3):
            owner.add(MUG, quantity=quantity, status=202)
        store.calls()
        one_late = {"method": "POST", "path": "/Cart/*/Item", "fault": "latency"}
        store.fail({**one_late, "ms": 0, "times": 1}, {**one_late, "ms": None, "times": None})
        lost = threading.Thread(target=lambda: goes(owner))
        lost.start()
        store.wait_for_calls(3)  # the cart, the first line, and the second under way
        kill_workers(url)
        lost.join()
        store.fail()
        wait_for(lambda: len(store.carts()[0]["lines"]) == 2, "the store has added the second")

        other = Shopper(url, bearer=owner.bearer)
        wait_for(lambda: goes(other), "the checkout goes on")

    (cart,) = (each for each in store.carts() if each["lines"])
    assert sorted(line["quantity"] for line in cart["lines"]) == [1, 2, 3]


def goes(shopper: Shopper) -> bool:
    """Whether a checkout leads to the store."""
    try:
        return shopper.call("POST", "/checkout").status_code == 200
    except requests.ConnectionError:
        return False


def test_pending_add_costs_four_scripts_and_its_read_two(
    scarce_url: str, redis_url: str, store: Store
) -> None:
    owner = shopper(scarce_url, "10.0.0.1")  # a private address: no limit is counted
    for catalog_id in (MUG, SHIRT):
        owner.call("GET", f"/products/{catalog_id}")
    spend(redis_url)
    owner.add(MUG, status=202)
    with redis.Redis.from_url(redis_url) as client:
        before = commands(client)
        owner.add(MUG, status=202)
        kept = commands(client) - before
        before = commands(client)
        owner.cart()
        read = commands(client) - before

    # Begin, ask the budget, look the product up, end. A read asks whether the store is idle.
    assert (kept, read) == (4, 2)


def commands(client: redis.Redis) -> int:
    """How many scripts have been run."""
    stats = client.info("commandstats")
    return int(stats["cmdstat_evalsha"]["calls"])
