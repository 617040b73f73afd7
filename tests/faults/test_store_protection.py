"""Faults 10 and 18: a throttled or failing store is not called more than it allows."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
import requests
from support.faults_settings import QUICK
from support.servers import service, store_environment
from support.shopper import MUG, Shopper, Store
from support.waiting import wait_for


@pytest.fixture
def paced_url(redis_url: str, store: Store) -> Iterator[str]:
    """A service that may call the store 20 times a second, two at once, and waits 5 s for it."""
    limits = {"CALLS_PER_SECOND": "20", "CALL_BURST": "2", "ADDS": "direct"}
    environment = {
        "CARTPROXY_REDIS_URL": redis_url,
        "CARTPROXY_CALL_WAIT_SECONDS": "5",
        **store_environment(store.url, **limits),
    }
    with service(environment) as url:
        yield url


def test_two_hundred_shoppers_on_a_store_of_twenty_calls_a_second(
    paced_url: str, store: Store
) -> None:
    began = time.time()

    def shop(_: int) -> requests.Response:
        return Shopper(paced_url).call("POST", "/cart/items", {"catalog_id": MUG})

    with ThreadPoolExecutor(200) as pool:
        answers = list(pool.map(shop, range(200)))

    statuses = Counter(answer.status_code for answer in answers)
    refused = [answer for answer in answers if answer.status_code == 503]
    assert set(statuses) <= {201, 503}, statuses
    # 2 calls at once, and 50 within half of the wait, which is that of first adds: 3 calls each.
    assert statuses[201] >= 17
    assert {answer.json()["code"] for answer in refused} <= {"store-busy"}
    assert all(int(answer.headers["Retry-After"]) >= 1 for answer in refused)
    # By the store's own clock: a turn begins with the test at the earliest, and a call may be late
    # but not early, except for the clocks' rounding, which is less than a turn.
    times = sorted(call["at"] - began for call in store.received())
    assert all(count <= 2 + 20 * at + 1 for count, at in enumerate(times, 1)), times
    # Every accepted add was completed: no call was spent on an add that then failed.
    assert sum(len(cart["lines"]) for cart in store.carts()) == statuses[201]


def test_short_pause_is_waited_out_once(quick: Shopper, store: Store) -> None:
    quick.add(MUG)
    store.fail({"method": "POST", "path": "*", "fault": "status", "status": 429, "retry_after": 1,
                "times": 1})  # fmt: skip
    began = time.monotonic()

    answer = quick.call("POST", "/cart/items", {"catalog_id": MUG})

    assert answer.status_code == 201
    assert time.monotonic() - began >= 1
    assert answer.json()["item_count"] == 2


def test_long_pause_is_reported_and_kept_by_all_workers(direct_url: str, store: Store) -> None:
    quick = Shopper(direct_url)
    quick.add(MUG)
    store.fail({"method": "POST", "path": "*", "fault": "status", "status": 429, "retry_after": 60,
                "times": 1})  # fmt: skip
    began = time.monotonic()

    first = quick.call("POST", "/cart/items", {"catalog_id": MUG})
    store.calls()
    others = [
        Shopper(direct_url).call("POST", "/cart/items", {"catalog_id": MUG}) for _ in range(8)
    ]
    cart = quick.cart(**{"Cache-Control": "no-cache"})
    left = 60 - (time.monotonic() - began)

    assert (first.status_code, first.headers["Retry-After"]) == (503, "60")
    assert {answer.status_code for answer in others} == {503}
    assert all(int(answer.headers["Retry-After"]) >= left - 1 for answer in others)
    assert store.calls() == []
    assert (cart["stale"], cart["item_count"]) == (True, 1)


def test_store_that_is_down_is_not_called_and_tried_again_by_one_call(
    redis_url: str, store: Store
) -> None:
    environment = {
        "CARTPROXY_REDIS_URL": redis_url,
        **QUICK,
        "CARTPROXY_WORKERS": "1",
        "CARTPROXY_BREAKER_FAILURES": "5",
        "CARTPROXY_BREAKER_SECONDS": "6",
        **store_environment(store.url, ADDS="direct"),
    }
    with service(environment) as url:
        shopper = Shopper(url)
        shopper.add(MUG)
        store.fail({"method": "*", "path": "*", "fault": "status", "status": 503, "times": None})

        def is_left_alone() -> bool:
            return shopper.cart(**{"Cache-Control": "no-cache"})["stale"] and not store.calls()

        store.calls()
        wait_for(is_left_alone, "the breaker opens")

        answers = [shopper.call("POST", "/cart/items", {"catalog_id": MUG}) for _ in range(5)]
        while_open = store.calls()
        read = shopper.cart(**{"Cache-Control": "no-cache"})
        store.hold()
        with ThreadPoolExecutor(7) as pool:

            def make_cart(_: int = 0) -> requests.Response:
                return Shopper(url).call("POST", "/cart", {})

            def probe() -> Future[requests.Response] | None:
                trying = pool.submit(make_cart)
                wait_for(lambda: trying.done() or store.received(), "an answer or a call")
                return trying if store.received() else None

            trying = wait_for(probe, "the store is tried again")
            meanwhile = list(pool.map(make_cart, range(6)))
            probes = store.received()
            store.fail()
            tried = trying.result()
        healed = shopper.add(MUG)

    assert {answer.status_code for answer in answers} == {503}
    assert {answer.json()["code"] for answer in answers} == {"store-unavailable"}
    assert {answer.json()["outcome"] for answer in answers} == {"not_applied"}
    assert all(1 <= int(answer.headers["Retry-After"]) <= 6 for answer in answers)
    assert while_open == []
    assert (read["stale"], read["item_count"]) == (True, 1)
    assert {answer.status_code for answer in meanwhile} == {503}
    assert len(probes) == 1
    assert tried.status_code == 201
    assert healed["item_count"] == 2


def test_no_more_calls_are_under_way_than_allowed(redis_url: str, store: Store) -> None:
    seconds = 0.4
    environment = {
        "CARTPROXY_REDIS_URL": redis_url,
        "CARTPROXY_WORKERS": "1",
        **store_environment(store.url, CONCURRENT_CALLS="2"),
    }
    store.fail(
        {"method": "*", "path": "*", "fault": "latency", "ms": seconds * 1000, "times": None}
    )
    with service(environment) as url, ThreadPoolExecutor(6) as pool:
        answers = list(
            pool.map(lambda number: Shopper(url).call("GET", f"/products/{number}"), range(10, 16))
        )

    times = [call["at"] for call in store.received()]
    assert {answer.status_code for answer in answers} == {404}
    assert len(times) == 6
    # The store notes a call's arrival; calls less than 0.9 of its length apart certainly overlap.
    assert max(sum(at <= other < at + seconds * 0.9 for other in times) for at in times) <= 2


def test_dripping_answer_is_cut_at_the_deadline_of_the_call_and_the_add_is_found(
    quick: Shopper, impatient_url: str, store: Store
) -> None:
    quick.add(MUG)
    # It would last for hours.
    store.fail({"method": "POST", "path": "/Cart/*/Item", "fault": "drip", "ms": 60_000,
                "times": None})  # fmt: skip

    response = Shopper(impatient_url, bearer=quick.bearer).call(
        "POST", "/cart/items", {"catalog_id": MUG}
    )

    assert response.status_code == 201
    assert response.json()["item_count"] == 2


def test_change_without_a_timely_answer_of_the_store_is_unknown(
    quick: Shopper, impatient_url: str, store: Store
) -> None:
    item_id = quick.add(MUG)["results"][0]["item_id"]
    store.calls()
    store.hold("PUT")

    late = Shopper(impatient_url, bearer=quick.bearer).call(
        "PATCH", f"/cart/items/{item_id}", {"quantity": 2}
    )

    # Each attempt has its own time limit, which leaves the request time to read the cart.
    assert store.kinds() == ["PUT Item", "PUT Item", "GET Cart"]
    assert (late.status_code, late.json()["code"]) == (504, "store-timeout")
    assert late.json()["outcome"] == "unknown"
