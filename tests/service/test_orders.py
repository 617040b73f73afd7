"""Orders come back: from the store's webhook to the shopper, the books and the figures."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import redis
import requests
from support.books import booked_in_redis, empty_books
from support.figures import Figures, scrape, until
from support.log_lines import request_line
from support.redis_kinds import start
from support.servers import kill_workers, service, store_environment
from support.service_steps import place_order
from support.shopper import BLOG, MUG, Shopper, Store
from support.waiting import wait_for

SECRET = "h" * 32
OTHER = "o" * 40


@pytest.fixture(scope="module")
def settings(redis_url: str, store_url: str) -> dict[str, str]:
    """Two stores that report orders, and one that does not."""
    return {
        "CARTPROXY_REDIS_URL": redis_url,
        "CARTPROXY_PEPPER": "p" * 32,
        "CARTPROXY_METRICS_TOKEN": "metrics-token",
        "CARTPROXY_BREAKER_FAILURES": "1000000",
        **store_environment(store_url, HOOK_SECRET=SECRET, ORIGINS=f"{BLOG},https://two.example"),
        **store_environment(store_url, "SECOND", HOOK_SECRET=OTHER),
        **store_environment(store_url, "SILENT"),
    }


@pytest.fixture(scope="module")
def orders_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("orders") / "log.jsonl"


@pytest.fixture(scope="module")
def proxy_url(settings: dict[str, str], orders_log: Path) -> Iterator[str]:
    with service(settings, orders_log) as url:
        yield url


@pytest.fixture
def hasty_url(settings: dict[str, str], store_url: str) -> Iterator[str]:
    """A service whose leases end soon; of the store `hasty`, which no other service reads."""
    hasty = {
        **settings,
        "CARTPROXY_REQUEST_SECONDS": "5",
        "CARTPROXY_LOCK_LEASE_SECONDS": "6",
        **store_environment(store_url, "HASTY", HOOK_SECRET=SECRET),
    }
    with service(hasty) as url:
        yield url


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    """Redis without any orders."""
    with empty_books(redis_url) as client:
        yield client


@pytest.fixture(autouse=True)
def _as_new(client: redis.Redis, store: Store) -> None:
    pass


def hook(
    proxy_url: str, body: Any, *, secret: str = SECRET, store: str = "demo"
) -> requests.Response:
    """What the store posts."""
    address = f"{proxy_url}/v1/stores/{store}/hooks/{secret}"
    sent = body if isinstance(body, (str, bytes)) else json.dumps(body)
    return requests.post(address, data=sent, timeout=60)


def buy(shopper: Shopper, store: Store, quantity: int = 2, outcome: str = "Approve") -> int:
    """Put mugs into a cart and pay for them at the store; the order's number."""
    shopper.add(MUG, quantity=quantity)
    before = {each["OrderID"] for each in all_orders(store)}
    place_order(shopper.call("POST", "/checkout", {}).json()["checkout_url"], outcome)
    return next((each["OrderID"] for each in all_orders(store) if each["OrderID"] not in before), 0)


def all_orders(store: Store) -> list[dict[str, Any]]:
    said = store.api("GET", "/Orders")
    return said.json() if said.status_code == 200 else []


def sales(settings: dict[str, str], *more: str, store: str = "demo") -> list[dict[str, Any]]:
    """What the command prints as JSON, a row for each site: at midnight a test has two days."""
    done = command(settings, "sales", "--store", store, "--since", "30d", "--json", *more)
    assert done.returncode == 0, done.stderr
    rows: dict[str, dict[str, Any]] = {}
    for row in json.loads(done.stdout):
        before = rows.get(row["origin"], {})
        row |= {name: row[name] + before.get(name, 0) for name in ("carts", "checkouts", "orders")}
        row["value"] = str(Decimal(row["value"]) + Decimal(before.get("value", 0)))
        rows[row["origin"]] = row
    return list(rows.values())


def command(settings: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cartproxy", *arguments],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=False,
    )


def booked(settings: dict[str, str]) -> tuple[int, str]:
    """Orders and their value in the books."""
    rows = sales(settings)
    return sum(row["orders"] for row in rows), ",".join(row["value"] for row in rows)


def settled(client: redis.Redis, store: str = "demo") -> None:
    """Wait until no order waits to be read."""
    wait_for(lambda: not client.xlen(f"cpo:{{{store}}}:in"), "all orders are read")


def order_reads(store: Store) -> list[str]:
    """Orders that were read since the last time asked."""
    return [path for _, path in store.calls() if path.startswith("/Orders/")]


def test_order_empties_the_cart_and_the_next_reading_says_so_once(
    shopper: Shopper, store: Store, proxy_url: str, client: redis.Redis, settings: dict[str, str]
) -> None:
    began = datetime.now(UTC)
    order_id = buy(shopper, store)

    assert hook(proxy_url, [{"OrderID": order_id, "OrderAmount": 1}]).status_code == 200
    settled(client)

    store.calls()
    first = shopper.cart()
    assert first["items"] == []
    ordered = first["ordered"]
    assert {**ordered, "at": 0} == {
        "at": 0,
        "item_count": 2,
        "subtotal": "19.98",
        "currency": "USD",
    }
    assert abs(datetime.fromisoformat(ordered["at"]) - began).total_seconds() < 60
    assert "ordered" not in shopper.cart()
    assert store.calls() == []
    (row,) = sales(settings)
    assert row.pop("day") in {f"{each:%Y-%m-%d}" for each in (began, datetime.now(UTC))}
    assert row == {
        "origin": BLOG,
        "carts": 1,
        "checkouts": 1,
        "orders": 1,
        "value": "19.98",
        "currency": "USD",
    }


def test_real_webhook_of_the_simulated_store_is_understood(
    shopper: Shopper, store: Store, proxy_url: str, client: redis.Redis, settings: dict[str, str]
) -> None:
    store.set(webhook_url=f"{proxy_url}/v1/stores/demo/hooks/{SECRET}")

    buy(shopper, store, 1)

    wait_for(lambda: booked(settings) == (1, "9.99"), "the order is booked")
    assert shopper.cart()["ordered"]["item_count"] == 1


def test_reader_with_the_tag_of_the_empty_cart_still_gets_the_order(
    shopper: Shopper, store: Store, proxy_url: str, client: redis.Redis
) -> None:
    order_id = buy(shopper, store)
    answer = shopper.call("GET", "/cart", headers={"Cache-Control": "no-cache"})
    assert answer.json()["items"] == []

    hook(proxy_url, {"OrderID": order_id})
    settled(client)

    told = shopper.call("GET", "/cart", headers={"If-None-Match": answer.headers["ETag"]})
    assert told.status_code == 200
    assert told.json()["ordered"]["item_count"] == 2
    again = shopper.call("GET", "/cart", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


def test_new_cart_stays_when_the_order_of_the_previous_one_comes_late(
    shopper: Shopper, store: Store, proxy_url: str, client: redis.Redis
) -> None:
    order_id = buy(shopper, store)
    assert shopper.cart(**{"Cache-Control": "no-cache"})["items"] == []
    shopper.add(MUG, quantity=5)

    hook(proxy_url, {"OrderID": order_id})
    settled(client)

    cart = shopper.cart()
    assert (cart["item_count"], cart["ordered"]["item_count"]) == (5, 2)
    assert shopper.cart(**{"Cache-Control": "no-cache"})["item_count"] == 5


def test_same_webhook_ten_times_counts_once_and_is_read_once(
    shopper: Shopper, store: Store, proxy_url: str, client: redis.Redis, settings: dict[str, str]
) -> None:
    order_id = buy(shopper, store)
    store.calls()

    with ThreadPoolExecutor(10) as pool:
        sent = [pool.submit(hook, proxy_url, {"OrderID": order_id}) for _ in range(10)]
        assert {each.result().status_code for each in sent} == {200}
    settled(client)
    for _ in range(3):
        hook(proxy_url, [{"OrderID": str(order_id)}] * 3)
    settled(client)

    assert booked(settings) == (1, "19.98")
    assert order_reads(store) == [f"/Orders/{order_id}"]


def test_order_without_its_link_is_found_by_its_lines(
    shopper: Shopper, store: Store, proxy_url: str, client: redis.Redis, settings: dict[str, str]
) -> None:
    order_id = buy(shopper, store)
    store.api(
        "PUT", f"/Orders/{order_id}", {"ContinueURL": "https://elsewhere.example/?orderkey=x"}
    )

    hook(proxy_url, {"OrderID": order_id})
    settled(client)

    assert booked(settings) == (1, "19.98")
    assert shopper.cart()["items"] == []


def test_order_that_did_not_begin_here_changes_nothing(
    shopper: Shopper, store: Store, proxy_url: str, client: redis.Redis, settings: dict[str, str]
) -> None:
    shopper.add(MUG)
    order = {"CustomerID": 1, "BillingPaymentMethodID": 1, "OrderItemList": [{"CatalogID": MUG}]}
    (made,) = store.api("POST", "/Orders", order).json()

    hook(proxy_url, {"OrderID": int(made["Value"])})
    settled(client)

    assert [(row["carts"], row["orders"]) for row in sales(settings)] == [(1, 0)]
    assert shopper.cart()["item_count"] == 1


@pytest.mark.parametrize("outcome", ["Decline", "Cancel", "Wrong random key"])
def test_payment_that_fails_leaves_the_cart(
    shopper: Shopper, store: Store, proxy_url: str, settings: dict[str, str], outcome: str
) -> None:
    store.set(webhook_url=f"{proxy_url}/v1/stores/demo/hooks/{SECRET}")

    assert buy(shopper, store, outcome=outcome) == 0

    cart = shopper.cart()
    assert (cart["item_count"], "ordered" in cart) == (2, False)
    assert [(row["checkouts"], row["orders"]) for row in sales(settings)] == [(1, 0)]


def test_unfinished_order_leaves_the_cart_and_may_be_reported_again(
    shopper: Shopper, store: Store, proxy_url: str, client: redis.Redis, settings: dict[str, str]
) -> None:
    order_id = buy(shopper, store)
    store.api("PUT", f"/Orders/{order_id}", {"OrderStatusID": 7})
    hook(proxy_url, {"OrderID": order_id})
    settled(client)
    assert booked(settings)[0] == 0

    store.api("PUT", f"/Orders/{order_id}", {"OrderStatusID": 1})
    hook(proxy_url, {"OrderID": order_id})
    settled(client)

    assert booked(settings) == (1, "19.98")


@pytest.mark.parametrize("secret", ["h" * 31, "h" * 33, "H" * 32, OTHER, "h%00", "%FF" * 11])
def test_webhook_with_a_wrong_secret_is_404(
    proxy_url: str, store: Store, client: redis.Redis, secret: str
) -> None:
    answer = hook(proxy_url, {"OrderID": 1}, secret=secret)

    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert store.calls() == []
    assert [*client.scan_iter("cpo:*:known")] == []


def test_store_that_has_no_secret_has_no_such_address(proxy_url: str, store: Store) -> None:
    assert hook(proxy_url, {"OrderID": 1}, secret=SECRET, store="silent").status_code == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("", 400), ("{", 400), ("[" * 8000, 400), ("\ud800".encode("utf-8", "surrogatepass"), 400),
        ('{"OrderID": ' + "9" * 5000 + "}", 400), (b" " * 65_537, 413),
        ('{"OrderID": 1e' + "9" * 20 + "}", 400),
        ("null", 422), ("[]", 422), ("7", 422), ({"OrderId": 7}, 422), ({"OrderID": None}, 422),
        ({"OrderID": -7}, 422), ({"OrderID": 0}, 422), ({"OrderID": 1.5}, 422),
        ({"OrderID": True}, 422), ({"OrderID": [7]}, 422), ({"OrderID": 10**30}, 422),
        ('{"OrderID": 1e400}', 422), ('{"OrderID": NaN}', 422), ([{"OrderID": 1}, 2], 422),
        ([{"OrderID": each} for each in range(1, 102)], 422),
    ],
)  # fmt: skip
def test_body_that_names_no_order_is_refused_and_leaves_nothing(
    proxy_url: str, store: Store, client: redis.Redis, body: Any, status: int
) -> None:
    answer = hook(proxy_url, body)

    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert client.keys("cpo:*:known") == []
    assert store.calls() == []


def test_order_unknown_to_the_store_is_read_twice_at_most(
    hasty_url: str, store: Store, client: redis.Redis
) -> None:
    hook(hasty_url, {"OrderID": 4711.0}, store="hasty")  # a number as a database may write it
    settled(client, "hasty")

    assert order_reads(store) in (["/Orders/4711"], ["/Orders/4711"] * 2)
    assert client.keys("cpo:*:d:*") == []


def test_orders_wait_while_the_store_has_no_calls_to_spare(
    shopper: Shopper, store: Store, proxy_url: str, client: redis.Redis, settings: dict[str, str]
) -> None:
    order_id = buy(shopper, store)
    seconds, micro = client.time()
    client.set("cpb:{demo}", f"{(seconds + 60) * 1000 + micro / 1000:.3f}")
    store.calls()
    refused = {"store": "demo", "share": "order", "outcome": "refused"}
    before = Figures(proxy_url)("cartproxy_store_share_calls_total", **refused)
    hook(proxy_url, {"OrderID": order_id})
    until(
        proxy_url,
        lambda now: now("cartproxy_store_share_calls_total", **refused) > before,
        "no call is left for it",
    )
    assert order_reads(store) == []

    client.delete("cpb:{demo}")

    settled(client)
    assert booked(settings) == (1, "19.98")


def test_worker_that_dies_while_it_reads_loses_no_order(
    hasty_url: str, store: Store, client: redis.Redis
) -> None:
    shopper = Shopper(hasty_url, store="hasty")
    order_id = buy(shopper, store)
    store.calls()
    store.hold("GET", "/Orders/*")
    hook(hasty_url, {"OrderID": order_id}, store="hasty")
    store.wait_for_calls()

    kill_workers(hasty_url)
    store.fail()

    settled(client, "hasty")
    assert booked_in_redis(client, "hasty", "orders") == 1
    again = Shopper(hasty_url, store="hasty", bearer=shopper.bearer)
    assert again.cart()["ordered"]["item_count"] == 2


def test_without_the_right_to_read_orders_carts_are_as_before(
    settings: dict[str, str], store: Store, store_url: str, client: redis.Redis
) -> None:
    store.set(rights=["Cart", "Products:read"])
    # Its own store: after a refusal a store's orders are not read for ten minutes.
    settings = {**settings, **store_environment(store_url, "REFUSING", HOOK_SECRET=SECRET)}
    with service(settings) as url:
        shopper = Shopper(url, store="refusing")
        shopper.add(MUG)
        checkout_url = shopper.call("POST", "/checkout", {}).json()["checkout_url"]
        hook(url, {"OrderID": 4711}, store="refusing")
        wait_for(lambda: order_reads(store) != [], "it was asked for")

        place_order(checkout_url)

        assert shopper.cart()["items"] == []
        shopper.add(MUG)
    assert client.xlen("cpo:{refusing}:in") == 1  # until the right is given


def test_only_carts_with_a_checkout_leave_a_key_and_only_a_hash_of_it(
    shopper: Shopper, store: Store, client: redis.Redis
) -> None:
    shopper.add(MUG)
    assert client.keys("cpo:*:c:*") == []

    shopper.call("POST", "/checkout", {})

    (key,) = client.keys("cpo:*:c:*")
    (cart,) = store.carts()
    assert client.ttl(key) > 0
    kept = b" ".join([*client.keys("cpo:*"), *client.hgetall(key).values()])
    assert cart["order_key"].encode() not in kept


def test_each_site_has_its_row_and_a_cart_its_one_checkout(
    proxy_url: str, store: Store, settings: dict[str, str]
) -> None:
    for origin, times in ((BLOG, 1), ("https://two.example", 3)):
        shopper = Shopper(proxy_url, origin=origin)
        shopper.add(MUG)
        for _ in range(times):
            shopper.call("POST", "/checkout", {})
    Shopper(proxy_url).add(MUG)
    Shopper(proxy_url).call("GET", "/cart")

    rows = sales(settings)

    assert [(row["origin"], row["carts"], row["checkouts"]) for row in rows] == [
        (BLOG, 2, 1),
        ("https://two.example", 1, 1),
    ]
    assert sales(settings, store="second") == []


def test_sales_are_printed_as_csv_and_as_a_table(
    shopper: Shopper, store: Store, settings: dict[str, str]
) -> None:
    shopper.add(MUG)

    table = command(settings, "sales", "--store", "demo", "--since", "7d")
    sheet = command(settings, "sales", "--store", "demo", "--since", "2026-01-01", "--csv")

    (row,) = csv.DictReader(io.StringIO(sheet.stdout))
    assert [*row] == ["day", "origin", "carts", "checkouts", "orders", "value", "currency"]
    assert (row["origin"], row["carts"], row["value"]) == (BLOG, "1", "0.00")
    assert BLOG in table.stdout
    for wrong in (["--store", "none"], ["--store", "demo", "--since", "soon"]):
        refused = command(settings, "sales", *wrong)
        assert refused.returncode != 0
        assert refused.stdout == ""


def test_figures_count_orders_and_value(
    shopper: Shopper, store: Store, proxy_url: str, client: redis.Redis
) -> None:
    before = Figures(proxy_url)
    order_id = buy(shopper, store)

    hook(proxy_url, {"OrderID": order_id})
    settled(client)

    def grown(name: str, **labels: str) -> float:
        return Figures(proxy_url)(name, **labels) - before(name, **labels)

    wait_for(
        lambda: grown("cartproxy_orders_total", store="demo", event="booked") == 1, "it counts"
    )
    assert grown("cartproxy_orders_total", store="demo", event="received") == 1
    value = grown("cartproxy_order_value_total", store="demo")
    assert round(value, 2) == 19.98


def test_no_secret_of_a_webhook_is_written_anywhere(orders_log: Path, proxy_url: str) -> None:
    for body in ({"OrderID": 1}, "{"):
        request_line(orders_log, hook(proxy_url, body).headers["X-Request-Id"])

    text = orders_log.read_text()

    assert "hooks/<secret>" in text
    assert SECRET not in text
    assert SECRET not in scrape(proxy_url)


def test_webhook_is_registered_once_and_then_orders_come(
    store: Store, client: redis.Redis, settings: dict[str, str]
) -> None:
    with service(settings) as url:
        own = settings | {"CARTPROXY_PUBLIC_URL": url}
        first = command(own, "webhook", "register", "--store", "demo")
        again = command(own, "webhook", "register", "--store", "demo")
        buy(Shopper(url), store, 1)
        wait_for(lambda: booked(settings) == (1, "9.99"), "the order is booked")

    assert (first.returncode, again.returncode) == (0, 0), first.stdout + first.stderr
    assert "already" in again.stdout
    (webhook,) = store.api("GET", "/Webhooks").json()
    assert (webhook["EventType"], webhook["Enabled"]) == (1, True)
    assert SECRET not in first.stdout + first.stderr + again.stdout + again.stderr


@pytest.mark.parametrize(
    "fault",
    [{"fault": "status", "status": 404}, {"fault": "status", "status": 403}, {"fault": "html"},
     {"fault": "reset"}, {"fault": "wrong_shape"}, None],
)  # fmt: skip
def test_webhook_that_the_store_does_not_take_is_explained(
    store: Store, settings: dict[str, str], fault: dict[str, Any] | None
) -> None:
    if fault:
        store.fail({"method": "*", "path": "/Webhooks*", "times": None, **fault})
    else:
        store.set(rights=["Cart", "Products"])

    said = command(settings, "webhook", "register", "--store", "demo")

    assert said.returncode == 1, said.stdout
    assert "/v1/stores/demo/hooks/<hook_secret>" in said.stdout
    assert SECRET not in said.stdout + said.stderr
    assert command(settings, "webhook", "register", "--store", "silent").returncode != 0


def test_doctor_says_what_is_missing_for_orders(
    store: Store, proxy_url: str, settings: dict[str, str]
) -> None:
    def found() -> dict[str, str]:
        done = command(settings, "doctor", "--json")
        return {
            f"{each['about']} {each['code']}": each["detail"]
            for each in json.loads(done.stdout)["findings"]
        }

    assert "store demo webhook-missing" in found()
    assert "store silent orders-off" in found()
    command(settings, "webhook", "register", "--store", "demo")
    assert "store demo orders" in found()
    store.set(rights=["Cart", "Products:read"])
    assert {"store demo store-order-rights", "store demo store"} <= found().keys()
    assert SECRET not in str(found())


@pytest.mark.parametrize("kind", ["embedded", "cluster", "sentinel"])
def test_orders_come_back_whatever_keeps_the_carts(
    store: Store, store_url: str, tmp_path: Path, kind: str
) -> None:
    with start(kind, tmp_path, lambda *_: None) as storage:
        own = {
            "CARTPROXY_REDIS_URL": storage.url,
            **store_environment(store_url, HOOK_SECRET=SECRET),
        }
        with service(own) as url:
            shopper = Shopper(url)
            order_id = buy(shopper, store)
            hook(url, {"OrderID": order_id})

            told = wait_for(lambda: shopper.cart().get("ordered"), "the order is known")

    assert (told["item_count"], told["subtotal"]) == (2, "19.98")
