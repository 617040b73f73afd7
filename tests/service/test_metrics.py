"""The figures move with what happens, over two workers."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
import requests
from support.faults_settings import QUICK
from support.figures import TOKEN, Figures, until
from support.raw import RawClient
from support.servers import answers, free_port, redis_server, service, store_environment, workers
from support.service_steps import place_order
from support.shopper import MUG, SHIRT, SMALL, Shopper, Store
from support.waiting import wait_for

BREAKER_SECONDS = 1


@pytest.fixture(scope="module")
def measured_url(store_url: str) -> Iterator[str]:
    """A service with figures and a Redis of its own; the store `poor` may be called once a minute."""
    with redis_server() as redis_url:
        environment = {
            "CARTPROXY_REDIS_URL": redis_url,
            "CARTPROXY_METRICS_TOKEN": TOKEN,
            **QUICK,
            "CARTPROXY_BREAKER_FAILURES": "3",
            "CARTPROXY_BREAKER_SECONDS": str(BREAKER_SECONDS),
            **store_environment(store_url),
            **store_environment(store_url, "POOR", CALLS_PER_SECOND="0.016", CALL_BURST="1"),
        }
        with service(environment) as url:
            yield url


@pytest.fixture
def measured(measured_url: str, store: Store) -> Shopper:
    """A shopper of that service."""
    return Shopper(measured_url)


def test_requests_of_both_workers_are_counted_each_once(measured_url: str, store: Store) -> None:
    before = Figures(measured_url)

    for _ in range(40):
        assert Shopper(measured_url).call("GET", "/cart").status_code == 200
    Shopper(measured_url).call("POST", "/cart/items", {"catalog_id": 0})

    after = Figures(measured_url)
    route = {"store": "demo", "route": "/v1/stores/<store>/cart"}
    read = {**route, "method": "GET", "status": "200"}
    name = "cartproxy_requests_total"
    assert after(name, **read) - before(name, **read) == 40
    timed = "cartproxy_request_duration_seconds_count"
    assert after(timed, **route, method="GET") - before(timed, **route, method="GET") == 40
    problem = {"store": "demo", "code": "invalid-request"}
    name = "cartproxy_problems_total"
    assert after(name, **problem) - before(name, **problem) == 1


@pytest.mark.parametrize(
    ("head", "code"),
    [(b"nonsense\r\n\r\n", "malformed-request"), (b"GET /" + b"a" * 70_000, "headers-too-large")],
)  # fmt: skip
def test_what_the_server_itself_refuses_is_counted_as_a_problem(
    measured_url: str, store: Store, head: bytes, code: str
) -> None:
    problem = {"store": "", "code": code}
    before = Figures(measured_url)("cartproxy_problems_total", **problem)

    (answer,) = RawClient(measured_url, store).speak(head)

    assert answer.code == code
    assert Figures(measured_url)("cartproxy_problems_total", **problem) - before == 1


def test_unknown_methods_and_addresses_become_no_labels(measured_url: str) -> None:
    before = Figures(measured_url)

    for number in range(20):
        requests.request(f"BREW{number}", f"{measured_url}/pot/{number}", timeout=60)
        requests.get(f"{measured_url}/v1/stores/shop-{number}/cart", timeout=60)
    after = Figures(measured_url)

    assert after("cartproxy_requests_total") - before("cartproxy_requests_total") >= 40
    assert len(after.samples) - len(before.samples) < 50
    assert after.values_of("method") <= {"GET", "POST", "PATCH", "DELETE", "PUT", "HEAD", "OPTIONS", "other"}  # fmt: skip
    assert after.values_of("store") == {"", "demo", "poor"}


def test_store_calls_and_their_budget(measured: Shopper, measured_url: str) -> None:
    before = Figures(measured_url)

    measured.add(MUG)
    poor = [Shopper(measured_url, store="poor").call("POST", "/cart", {}) for _ in range(2)]
    measured.call("POST", "/cart/items", {"catalog_id": 999_999})

    after = Figures(measured_url)

    def grown(name: str, **labels: str) -> float:
        return after(name, **labels) - before(name, **labels)

    adds = {"store": "demo", "operation": "add_item"}
    assert [answer.status_code for answer in poor] == [201, 503]
    assert grown("cartproxy_store_calls_total", **adds, outcome="201") == 1
    assert grown("cartproxy_store_calls_total", **adds, outcome="400") == 1
    assert grown("cartproxy_store_call_duration_seconds_count", **adds) == 2
    assert grown("cartproxy_store_calls_total", operation="create_cart", store="demo") == 1
    calls = grown("cartproxy_store_calls_total", store="demo")
    # A reserved call that was not needed counts too.
    assert grown("cartproxy_store_budget_calls_total", store="demo", outcome="granted") >= calls
    assert grown("cartproxy_store_budget_calls_total", store="demo", outcome="refused") == 0
    assert grown("cartproxy_store_budget_calls_total", store="poor", outcome="refused") >= 1
    assert after("cartproxy_store_budget_calls_per_second", store="poor") == 0.016


def test_pause_that_a_store_asks_for_is_counted(measured: Shopper, store: Store) -> None:
    url = measured.base.partition("/v1/")[0]
    before = Figures(url)("cartproxy_store_pauses_total", store="demo")
    store.fail({"method": "POST", "path": "*", "fault": "status", "status": 429, "retry_after": 1, "times": 1})  # fmt: skip

    measured.add(MUG)

    assert Figures(url)("cartproxy_store_pauses_total", store="demo") - before == 1


def test_breaker_is_seen_open_and_closed_again(measured_url: str, store: Store) -> None:
    store.fail({"method": "*", "path": "*", "fault": "status", "status": 500, "times": None})
    opened = Figures(measured_url)("cartproxy_breaker_openings_total", store="demo")

    for _ in range(12):
        Shopper(measured_url).call("POST", "/cart", {})
    broken = Figures(measured_url)
    store.fail()

    def heals(_: Figures) -> bool:
        Shopper(measured_url).call("POST", "/cart", {})
        return Figures(measured_url)("cartproxy_store_left_alone", store="demo") == 0

    assert broken("cartproxy_store_left_alone", store="demo") in (1, 2)
    assert broken("cartproxy_breaker_openings_total", store="demo") > opened
    until(measured_url, heals, "the breaker closes")


def test_redis_is_timed_by_operation(measured: Shopper, measured_url: str) -> None:
    before = Figures(measured_url)

    measured.add(MUG)
    measured.cart()

    after = Figures(measured_url)
    name = "cartproxy_redis_duration_seconds_count"
    for operation in ("begin", "commit", "budget", "load"):
        assert after(name, operation=operation) - before(name, operation=operation) == 1


def test_redis_away_is_counted_and_the_figures_stay_readable(store: Store) -> None:
    port = free_port()
    settings = {
        "CARTPROXY_REDIS_URL": f"redis://127.0.0.1:{port}/0",
        "CARTPROXY_METRICS_TOKEN": TOKEN,
        **store_environment(store.url),
    }
    with ExitStack() as stack:
        with redis_server(port=port):
            url = stack.enter_context(service(settings))
            well = Figures(url)
        answer = Shopper(url).call("POST", "/cart/items", {"catalog_id": MUG})
        away = Figures(url)

    assert answer.status_code == 503
    assert well("cartproxy_redis_errors_total") == 0
    assert well("cartproxy_problems_total", store="demo", code="storage-unavailable") == 0
    assert away("cartproxy_redis_errors_total", error="ConnectionError") >= 1
    assert away("cartproxy_problems_total", store="demo", code="storage-unavailable") == 1
    assert "cartproxy_carts_live" in well.names()
    assert "cartproxy_carts_live" not in away.names()


@pytest.mark.parametrize(
    ("fault", "event"),
    [("apply_then_drop", "settled_applied"), ("drop", "settled_not_applied")],
)
def test_write_in_doubt_is_counted_when_raised_and_when_settled(
    measured: Shopper, measured_url: str, store: Store, fault: str, event: str
) -> None:
    measured.add(MUG)
    before = Figures(measured_url)
    headers = {"Idempotency-Key": "doubted"}
    item = {"catalog_id": SHIRT, "options": [SMALL]}

    # The answer is lost, and the first reading of the cart too.
    store.fail(
        {"method": "POST", "path": "/Cart/*/Item", "fault": fault, "times": 1},
        {"method": "GET", "path": "/Cart/*", "fault": "reset", "times": 2},
    )
    lost = measured.call("POST", "/cart/items", item, headers=headers)
    raised = Figures(measured_url)

    def retry() -> requests.Response | None:
        answer = measured.call("POST", "/cart/items", item, headers=headers)
        return answer if answer.ok else None

    wait_for(retry, "the add is known")
    after = Figures(measured_url)

    name = "cartproxy_doubts_total"
    assert (lost.status_code, lost.json()["code"]) == (504, "outcome-unknown")
    assert raised(name, event="raised") - before(name, event="raised") == 1
    assert raised(name, event=event) == before(name, event=event)
    assert after(name, event="raised") == raised(name, event="raised")
    assert after(name, event=event) - before(name, event=event) == 1
    problem = {"store": "demo", "code": "outcome-unknown"}
    assert after("cartproxy_problems_total", **problem) >= 1


def test_lost_cart_and_its_return_are_counted_once(
    measured: Shopper, measured_url: str, store: Store
) -> None:
    measured.add(MUG)
    (cart,) = store.carts()
    before = Figures(measured_url)

    store.forget_cart(cart["order_key"])
    for _ in range(3):
        assert measured.cart(**{"Cache-Control": "no-cache"})["stale"]
    seen = Figures(measured_url)
    restored = measured.add(SHIRT, options=[SMALL])
    after = Figures(measured_url)

    name = "cartproxy_carts_total"
    assert restored["restored"]["kept"]
    assert seen(name, event="lost") - before(name, event="lost") == 1
    assert after(name, event="lost") == seen(name, event="lost")
    assert after(name, event="restored") - before(name, event="restored") == 1
    assert after(name, event="restored_in_part") == before(name, event="restored_in_part")


def test_order_and_deletion_are_counted(measured_url: str, store: Store) -> None:
    before = Figures(measured_url)
    buyer, leaver = Shopper(measured_url), Shopper(measured_url)
    for each in (buyer, leaver):
        each.add(MUG)

    place_order(buyer.call("POST", "/checkout").json()["checkout_url"])
    empty = buyer.cart()
    leaver.call("DELETE", "/cart")
    after = Figures(measured_url)

    name = "cartproxy_carts_total"
    assert empty["items"] == []
    for event, times in {
        "created": 2,
        "checkout": 1,
        "ordered": 1,
        "deleted": 1,
        "lost": 0,
    }.items():
        assert after(name, event=event) - before(name, event=event) == times, event


def test_live_carts_follow_what_shoppers_do(measured_url: str, store: Store) -> None:
    def live(_: Figures | None = None) -> float:
        """The figure once both workers have reported: each is asked while the other is stopped."""
        for worker in workers(measured_url):
            os.kill(worker, signal.SIGSTOP)
            requests.get(f"{measured_url}/readyz", timeout=60)
            os.kill(worker, signal.SIGCONT)
        return Figures(measured_url)("cartproxy_carts_live")

    before = live()
    shoppers = [Shopper(measured_url) for _ in range(10)]
    for each in shoppers:
        each.add(MUG)
        each.cart()
    Shopper(measured_url).cart()  # has no cart, and reading makes none

    until(measured_url, lambda figures: live(figures) - before == 10, "ten more")
    for each in shoppers[:4]:
        each.call("DELETE", "/cart")
    until(measured_url, lambda figures: live(figures) - before == 6, "six more")


def test_counts_of_a_killed_worker_are_kept(measured_url: str, store: Store) -> None:
    for _ in range(10):
        Shopper(measured_url).call("GET", "/cart")
    name = "cartproxy_requests_total"
    read = {"route": "/v1/stores/<store>/cart", "method": "GET", "status": "200"}
    before = Figures(measured_url)(name, **read)

    killed = workers(measured_url)[0]
    os.kill(killed, signal.SIGKILL)

    def is_replaced() -> bool:
        present = workers(measured_url)
        return len(present) == 2 and killed not in present and answers(f"{measured_url}/livez")()

    wait_for(is_replaced, "another worker")
    after = Figures(measured_url)
    assert after(name, **read) == before
    assert after("cartproxy_store_budget_calls_per_second", store="demo") == 2000


def test_build_is_named(measured_url: str) -> None:
    from cartproxy import __version__

    assert Figures(measured_url)("cartproxy_build_info", version=__version__) == 1
