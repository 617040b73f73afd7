"""Issue 19: a trusted backend names a cart's customer by e-mail address; one customer in the end."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import redis
import requests
from support.faults_settings import QUICK
from support.figures import TOKEN, scrape
from support.log_lines import request_line
from support.servers import service, store_environment
from support.shopper import Shopper, Store
from support.waiting import wait_for

from cartproxy.web.api_keys import create

KEY, ENTRY = create("shop", customers=True)
PLAIN_KEY, PLAIN_ENTRY = create("blog")
NEXT_KEY, NEXT_ENTRY = create("shop")  # the same name, as while a key is replaced
LOOK, MAKE = "GET Customers", "POST Customers"


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("customers") / "log.jsonl"


@pytest.fixture(scope="module")
def settings(redis_url: str, store_url: str) -> dict[str, str]:
    keys = f"{ENTRY},{PLAIN_ENTRY},{NEXT_ENTRY}"
    return {
        "CARTPROXY_REDIS_URL": redis_url,
        "CARTPROXY_PEPPER": "p" * 32,
        "CARTPROXY_SEAL_KEY": "s" * 32,
        "CARTPROXY_METRICS_TOKEN": TOKEN,
        **QUICK,
        **store_environment(store_url, API_KEYS=keys),
        **store_environment(store_url, "LATER", API_KEYS=keys, ADDS="deferred"),
    }


@pytest.fixture(scope="module")
def proxy_url(settings: dict[str, str], log: Path) -> Iterator[str]:
    with service(settings, log) as url:
        yield url


@pytest.fixture
def server(proxy_url: str, store: Store) -> Shopper:
    """A shop's own server, for one shopper."""
    return backend(proxy_url)


def backend(proxy_url: str, key: str = KEY, store: str = "demo") -> Shopper:
    caller = Shopper(proxy_url, origin=None, store=store)
    caller.http.headers["Cartproxy-Key"] = key
    return caller


def address() -> str:
    return f"{secrets.token_hex(6)}@shopper.example"


def name_customer(
    caller: Shopper, email: str, method: str = "PATCH", **headers: str
) -> requests.Response:
    return caller.call(method, "/cart", {"customer": {"email": email}}, headers=headers)


def made(store: Store, email: str, **fields: Any) -> int:
    """Make a customer at the store; their id."""
    customer = {"Email": email, "Password": "x" * 8, "Enabled": True, **fields}
    return int(store.api("POST", "/Customers", customer).json()[0]["Value"])


def customers(store: Store, email: str) -> list[dict[str, Any]]:
    answer = store.api("GET", f"/Customers?email={email}")
    return answer.json() if answer.status_code == 200 else []


def linked(store: Store) -> int:
    """The customer of the one open cart."""
    (cart,) = store.carts()
    return int(store.fields(cart["order_key"])["CustomerId"] or 0)


def kinds(store: Store) -> list[str]:
    """The kinds of the calls, without their queries."""
    return [each.partition("?")[0] for each in store.kinds()]


def fault(
    kind: str, method: str = "POST", path: str = "/Customers*", **more: Any
) -> dict[str, Any]:
    return {"method": method, "path": path, "fault": kind, "times": 1, **more}


def test_oldest_enabled_customer_of_the_address_is_linked_and_never_shown(
    server: Shopper, store: Store
) -> None:
    email = address()
    disabled, oldest, _ = (made(store, email, Enabled=on) for on in (False, True, True))
    server.add()
    store.calls()

    answer = name_customer(server, email.upper())

    assert answer.status_code == 200, answer.text
    assert kinds(store) == [LOOK, "PUT Cart", "GET Cart"]
    assert disabled < oldest
    assert linked(store) == oldest
    assert "customer" not in answer.text.lower()


def test_customer_whom_the_store_does_not_know_is_made_once(server: Shopper, store: Store) -> None:
    email = address()
    server.add()
    store.calls()

    answers = [name_customer(server, email) for _ in range(2)]

    assert [each.status_code for each in answers] == [200, 200]
    assert kinds(store) == [LOOK, MAKE, "PUT Cart", "GET Cart", LOOK, "PUT Cart", "GET Cart"]
    (customer,) = customers(store, email)
    assert linked(store) == customer["CustomerID"]
    assert customer["Enabled"] is True


def test_two_carts_that_name_one_new_customer_at_once_make_one(
    proxy_url: str, store: Store
) -> None:
    email = address()
    callers = [backend(proxy_url) for _ in range(4)]

    def until_linked(caller: Shopper) -> None:
        def is_linked() -> bool:
            answer = name_customer(caller, email, "POST")
            assert answer.ok or answer.json()["retryable"], answer.text
            return answer.ok

        wait_for(is_linked, "the customer is linked")

    with ThreadPoolExecutor(len(callers)) as pool:
        list(pool.map(until_linked, callers))

    (customer,) = customers(store, email)
    ids = {int(store.fields(cart["order_key"])["CustomerId"]) for cart in store.carts()}
    assert ids == {customer["CustomerID"]}


@pytest.mark.parametrize(
    "script",
    [fault("apply_then_drop"), fault("drop"), fault("drop_then_apply", ms=500, within_ms=1500)],
)
def test_lost_answer_leaves_one_customer(
    server: Shopper, store: Store, script: dict[str, Any]
) -> None:
    email = address()
    server.add()
    store.fail(script)
    headers = {"Idempotency-Key": secrets.token_hex(8)}

    def is_linked() -> bool:
        answer = name_customer(server, email, **headers)
        if not answer.ok:
            assert answer.json()["retryable"], answer.text
            assert answer.json()["outcome"] in ("unknown", "not_applied")
            time.sleep(0.2)
        return answer.ok

    wait_for(is_linked, "the customer is linked")

    (customer,) = customers(store, email)
    assert linked(store) == customer["CustomerID"]
    assert store.kinds().count(MAKE) <= 2


def test_customer_is_kept_for_a_cart_that_is_made_later(proxy_url: str, store: Store) -> None:
    email = address()
    known = made(store, email)
    later = backend(proxy_url, store="later")
    later.add(status=202)
    store.calls()

    answer = name_customer(later, email)

    assert (answer.status_code, answer.json()["items"][0]["state"]) == (200, "pending")
    assert kinds(store) == [LOOK]
    assert later.call("POST", "/checkout", {}).status_code == 200
    assert linked(store) == known


def test_customer_named_before_there_is_a_cart_is_that_of_the_first_cart(
    server: Shopper, store: Store
) -> None:
    email = address()
    known = made(store, email)

    answer = name_customer(server, email)

    assert (answer.status_code, answer.json()["items"], store.carts()) == (200, [], [])
    assert server.cart()["items"] == []
    server.add()
    assert linked(store) == known


def test_restored_cart_keeps_its_customer(server: Shopper, store: Store) -> None:
    email = address()
    known = made(store, email)
    server.add()
    name_customer(server, email)
    (cart,) = store.carts()
    store.forget_cart(cart["order_key"])

    server.cart(**{"Cache-Control": "no-cache"})
    server.add()

    assert linked(store) == known


def test_cart_after_an_order_has_no_customer(server: Shopper, store: Store) -> None:
    email = address()
    made(store, email)
    server.add()
    name_customer(server, email)
    server.call("POST", "/checkout", {})
    (cart,) = store.carts()
    store.forget_cart(cart["order_key"])

    server.cart(**{"Cache-Control": "no-cache"})
    server.add()

    assert linked(store) == 0


def test_deleted_customer_does_not_prevent_a_cart(server: Shopper, store: Store) -> None:
    email = address()
    known = made(store, email)
    name_customer(server, email)
    store.api("DELETE", f"/Customers/{known}")
    store.fail(fault("status", path="/Cart", status=400))

    server.add()

    assert linked(store) == 0


@pytest.mark.parametrize("email", ["", "nobody", "a@b@c.example", "x" * 90 + "@shop.example", 7])
def test_invalid_address_is_pointed_at_and_costs_nothing(
    server: Shopper, store: Store, email: Any
) -> None:
    store.calls()

    answer = name_customer(server, email)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")
    assert answer.json()["errors"][0]["pointer"] == "/customer/email"
    assert store.calls() == []


@pytest.mark.parametrize(
    "key", [None, PLAIN_KEY, NEXT_KEY], ids=["a page", "another key", "the next key of that name"]
)
def test_key_without_the_right_is_refused_and_costs_nothing(
    proxy_url: str, store: Store, key: str | None
) -> None:
    asking = backend(proxy_url, key) if key else Shopper(proxy_url)
    store.calls()

    answer = name_customer(asking, address())

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")
    assert answer.json()["errors"][0]["pointer"] == "/customer"
    assert store.calls() == []


def test_disabled_customer_and_one_whom_the_store_refuses_are_pointed_at(
    server: Shopper, store: Store
) -> None:
    disabled = address()
    made(store, disabled, Enabled=False)

    answers = [name_customer(server, disabled)]
    store.fail(fault("status", status=400))
    answers += [name_customer(server, address())]

    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (422, "address-rejected")
        assert answer.json()["errors"][0]["pointer"] == "/customer/email"
    # It was refused, so it may be made as soon as the store accepts it.
    assert name_customer(server, address()).status_code == 200


def test_store_without_the_right_or_too_busy_makes_no_cart(server: Shopper, store: Store) -> None:
    store.set(rights=["Cart", "Products:read"])

    answer = name_customer(server, address(), "POST")

    assert (answer.status_code, answer.json()["code"]) == (502, "store-auth")
    assert "Customers" in answer.json()["detail"]
    store.set(rights=None)
    store.fail(fault("status", "GET", status=429, retry_after=1, times=None))
    answer = name_customer(server, address(), "POST")
    assert (answer.status_code, answer.json()["retryable"]) == (503, True)
    assert store.carts() == []


def test_doctor_says_what_is_missing_for_customers(store: Store, settings: dict[str, str]) -> None:
    def found() -> set[str]:
        done = subprocess.run(
            [sys.executable, "-m", "cartproxy", "doctor", "--json"],
            env={**os.environ, **settings},
            capture_output=True,
            text=True,
            check=False,
        )
        return {f"{each['about']} {each['code']}" for each in json.loads(done.stdout)["findings"]}

    assert {"store demo customers", "store later customers"} <= found()
    store.set(rights=["Cart", "Products:read"])
    assert "store demo store-customer-rights" in found()


def test_neither_address_nor_id_is_written_anywhere(
    server: Shopper, store: Store, redis_url: str, proxy_url: str, log: Path
) -> None:
    email = address()
    for outcome in ("apply_then_drop", "status"):
        store.fail(fault(outcome, status=500))
        name_customer(server, email)
    wait_for(lambda: name_customer(server, email).ok, "the customer is linked")
    (customer,) = customers(store, email)
    last = server.call("GET", "/cart")
    request_line(log, last.headers["X-Request-Id"])  # what was logged before it is there too
    written = scrape(proxy_url) + log.read_text()
    with redis.Redis.from_url(redis_url) as client:
        for name in client.scan_iter():
            written += name.decode()
            if client.type(name) == b"string":
                written += (client.get(name) or b"").decode(errors="replace")  # type: ignore[union-attr]
            elif client.type(name) == b"hash":
                written += str(client.hgetall(name))

    name, _, _ = email.partition("@")
    assert name not in written
    assert f"{customer['CustomerID']}" not in last.text
