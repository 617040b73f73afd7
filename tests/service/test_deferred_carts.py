"""Deferred carts: what a shopper sees, and how many store calls they cost."""

from __future__ import annotations

import html
import re
import secrets
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis
import requests
from support.budget import FEW_CALLS, Budget
from support.ledger import PEN
from support.servers import service, store_environment
from support.service_steps import place_order
from support.shopper import BLOG, MUG, SHIRT, SMALL, Shopper, Store

from cartproxy.carts.deferral import MOST_PENDING_BYTES

BOX = 3830  # which no other test asks for


@pytest.fixture(scope="module")
def urls(redis_url: str, store_url: str) -> Iterator[dict[str, str]]:
    """One service with a store for each value of `adds`."""
    environment = {
        "CARTPROXY_REDIS_URL": redis_url,
        "CARTPROXY_PEPPER": "p" * 32,
    }
    for name, adds in (("DEMO", "when_busy"), ("LATER", "deferred"), ("ATONCE", "direct")):
        environment |= store_environment(store_url, name, **FEW_CALLS)
        environment |= {f"CARTPROXY_STORES_{name}_ADDS": adds}
    with service(environment) as url:
        yield dict.fromkeys(("when_busy", "deferred", "direct"), url)


STORES = {"when_busy": "demo", "deferred": "later", "direct": "atonce"}


@pytest.fixture(params=["when_busy", "deferred"])
def adds(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def budget(redis_url: str, adds: str) -> Iterator[Budget]:
    budget = Budget(redis_url, STORES[adds])
    budget.refill()
    yield budget
    budget.refill()


@pytest.fixture
def shopper(urls: dict[str, str], adds: str, store: Store, budget: Budget) -> Shopper:
    """A shopper who has seen the products; the store has no calls left."""
    shopper = Shopper(urls[adds], store=STORES[adds])
    for catalog_id in (MUG, SHIRT):
        assert shopper.call("GET", f"/products/{catalog_id}").status_code == 200
    store.calls()
    budget.spend()
    return shopper


@pytest.fixture
def form(urls: dict[str, str], adds: str, shopper: Shopper) -> Shopper:
    """A shopper without JavaScript, when the store has no calls left."""
    return Shopper(urls[adds], store=STORES[adds], bearer=None)


def follow(form: Shopper, address: str) -> requests.Response:
    """The address that a page refreshes to."""
    root = form.base.partition("/v1/")[0]
    return form.http.get(
        root + address, headers={"Accept": "text/html"}, allow_redirects=False, timeout=90
    )


def test_add_without_calls_is_kept_and_shown(shopper: Shopper, store: Store) -> None:
    answer = shopper.call("POST", "/cart/items", {"catalog_id": MUG, "quantity": 2})
    cart = answer.json()

    assert answer.status_code == 202
    assert cart["results"] == [{"index": 0, "outcome": "pending", "item_id": "n1"}]
    (line,) = cart["items"]
    assert (line["item_id"], line["state"], line["quantity"]) == ("n1", "pending", 2)
    assert (line["unit_price"], line["line_total"]) == ("9.99", "19.98")
    assert (cart["estimated"], cart["stale"], cart["checkout_url"]) == (True, False, None)
    assert shopper.cart()["items"] == cart["items"]
    assert store.calls() == []


def test_options_are_in_words_and_priced(shopper: Shopper) -> None:
    cart = shopper.add(SHIRT, options=[SMALL], status=202)

    (line,) = cart["items"]
    assert line["options"] == [{"name": "Size", "value": "Small"}]


@pytest.mark.parametrize(
    ("item", "pointer"),
    [
        ({"catalog_id": SHIRT}, "/options"),
        ({"catalog_id": MUG, "quantity": 1.5}, "/quantity"),
        ({"catalog_id": MUG, "quantity": 100_000}, "/quantity"),
        (
            {"catalog_id": SHIRT, "options": [{"option_set_id": 1, "option_id": 1}]},
            "/options/0/option_set_id",
        ),
    ],
)
def test_what_the_store_would_refuse_is_refused(
    shopper: Shopper, store: Store, item: dict[str, Any], pointer: str
) -> None:
    answer = shopper.call("POST", "/cart/items", item)

    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "item-rejected")
    assert [each["pointer"] for each in problem["errors"]] == [pointer]
    assert problem["outcome"] == "not_applied"
    assert shopper.cart()["items"] == []
    assert store.calls() == []


def test_one_bad_item_stops_none_of_the_others(shopper: Shopper) -> None:
    items = [{"catalog_id": MUG}, {"catalog_id": SHIRT}, {"catalog_id": MUG, "quantity": 3}]
    answer = shopper.call("POST", "/cart/items", {"items": items})

    outcomes = [result["outcome"] for result in answer.json()["results"]]
    assert (answer.status_code, outcomes) == (202, ["pending", "not_applied", "pending"])
    assert [line["quantity"] for line in answer.json()["items"]] == [1, 3]


def test_add_of_a_product_that_is_neither_cached_nor_fetchable_is_refused(
    shopper: Shopper, store: Store, redis_url: str
) -> None:
    with redis.Redis.from_url(redis_url) as client:  # which other files' shoppers share
        client.delete(*client.keys("cpp:*"))

    answer = shopper.call("POST", "/cart/items", {"catalog_id": BOX})

    assert (answer.status_code, answer.json()["code"]) == (503, "store-busy")
    assert answer.json()["outcome"] == "not_applied"
    assert int(answer.headers["Retry-After"]) > 0
    assert store.calls() == []


def test_direct_store_refuses_while_it_is_busy(
    urls: dict[str, str], store: Store, redis_url: str
) -> None:
    direct = Shopper(urls["direct"], store="atonce")
    direct.call("GET", f"/products/{MUG}")
    budget = Budget(redis_url, STORES["direct"])
    budget.spend()
    answer = direct.call("POST", "/cart/items", {"catalog_id": MUG})
    budget.refill()

    assert (answer.status_code, answer.json()["code"]) == (503, "store-busy")


def test_pending_lines_are_changed_and_removed_for_no_call(shopper: Shopper, store: Store) -> None:
    shopper.add(MUG, status=202)
    shopper.add(MUG, status=202)

    changed = shopper.call("PATCH", "/cart/items/n1", {"quantity": 5})
    removed = shopper.call("DELETE", "/cart/items/n2")

    assert (changed.status_code, changed.json()["results"][0]["outcome"]) == (202, "pending")
    assert (removed.status_code, removed.json()["results"][0]["outcome"]) == (200, "applied")
    assert [(line["item_id"], line["quantity"]) for line in shopper.cart()["items"]] == [("n1", 5)]
    assert store.calls() == []


def test_checkout_sends_all_and_costs_lines_and_two_calls(
    shopper: Shopper, store: Store, budget: Budget
) -> None:
    for quantity in (1, 2, 3):
        shopper.add(MUG, quantity=quantity, status=202)
    budget.refill()

    url = shopper.call("POST", "/checkout").json()["checkout_url"]

    assert store.kinds() == ["POST Cart", "POST Item", "POST Item", "POST Item", "GET Cart"]
    (cart,) = store.carts()
    assert cart["order_key"] in url
    assert sorted(line["quantity"] for line in cart["lines"]) == [1, 2, 3]
    assert {line["state"] for line in shopper.cart()["items"]} == {"in_store"}
    assert not shopper.cart()["estimated"]


def test_our_name_for_a_line_stays_valid(shopper: Shopper, budget: Budget, store: Store) -> None:
    shopper.add(MUG, status=202)
    budget.refill()
    shopper.call("POST", "/checkout")
    (line,) = shopper.cart()["items"]

    # Where changes are deferred they are kept, under whichever name.
    changed = shopper.call("PATCH", "/cart/items/n1", {"quantity": 4})
    shopper.call("POST", "/checkout", headers={"If-Match": changed.headers["ETag"]})

    assert re.fullmatch(r"\d+", line["item_id"])
    assert [each["quantity"] for cart in store.carts() for each in cart["lines"]] == [4]
    assert shopper.call("DELETE", "/cart/items/n1").json()["items"] == []
    assert shopper.call("PATCH", "/cart/items/n7", {"quantity": 4}).status_code == 404


def test_replayed_key_answers_what_is_true_now(
    shopper: Shopper, budget: Budget, store: Store
) -> None:
    key = {"Idempotency-Key": secrets.token_hex(8)}
    first = shopper.call("POST", "/cart/items", {"catalog_id": MUG}, headers=key)
    again = shopper.call("POST", "/cart/items", {"catalog_id": MUG}, headers=key)
    budget.refill()
    shopper.call("POST", "/checkout")
    later = shopper.call("POST", "/cart/items", {"catalog_id": MUG}, headers=key)

    assert (first.status_code, again.status_code, later.status_code) == (202, 202, 201)
    assert again.json()["results"] == first.json()["results"]
    (line,) = later.json()["items"]
    assert later.json()["results"] == [
        {"index": 0, "outcome": "applied", "item_id": line["item_id"]}
    ]
    assert [len(cart["lines"]) for cart in store.carts()] == [1]


def test_price_that_rose_meanwhile_has_to_be_agreed_to(
    shopper: Shopper, budget: Budget, store: Store
) -> None:
    shopper.add(MUG, status=202)
    store.change_product(MUG, price="12.50")
    budget.refill()

    changed = shopper.call("POST", "/checkout")
    agreed = shopper.call("POST", "/checkout", headers={"If-Match": changed.headers["ETag"]})

    assert (changed.status_code, changed.json()["code"]) == (409, "cart-changed")
    (change,) = changed.json()["changes"]
    assert (change["change"], change["was"], change["now"]) == ("repriced", "9.99", "12.50")
    assert agreed.status_code == 200
    assert agreed.json()["checkout_url"]


def test_pending_line_that_the_store_refuses_is_reported(
    shopper: Shopper, budget: Budget, store: Store
) -> None:
    key = {"Idempotency-Key": secrets.token_hex(8)}
    shopper.add(MUG, status=202)
    shopper.call("POST", "/cart/items", {"catalog_id": MUG, "quantity": 7}, headers=key)
    store.change_product(MUG, stock=5)
    budget.refill()

    changed = shopper.call("POST", "/checkout")

    assert changed.status_code == 409
    (change,) = changed.json()["changes"]
    assert (change["item_id"], change["change"], change["was"]) == ("n2", "refused", 7)
    later = shopper.call("POST", "/cart/items", {"catalog_id": MUG, "quantity": 7}, headers=key)
    assert later.json()["results"][0]["outcome"] == "not_applied"


@pytest.mark.parametrize("changes", [False, True])
def test_store_that_merges_lines_gives_all_that_was_shown(
    shopper: Shopper, store: Store, budget: Budget, changes: bool
) -> None:
    store.set(merge_same_item=True)
    budget.refill()
    shopper.call("POST", "/cart/items", {"catalog_id": MUG})
    shopper.call("POST", "/checkout")
    (line,) = shopper.cart()["items"]
    budget.spend()
    shopper.add(MUG, quantity=6, status=202)
    if changes:
        shopper.call("PATCH", f"/cart/items/{line['item_id']}", {"quantity": 3})
    shown = sum(each["quantity"] for each in shopper.cart()["items"])
    budget.refill()

    assert shopper.call("POST", "/checkout").json()["checkout_url"]
    assert [line["quantity"] for line in shopper.cart()["items"]] == [shown]


@pytest.mark.parametrize("adds", ["when_busy"])  # which sends while nobody else needs the calls
def test_look_that_sends_lines_and_can_not_read_them_back_says_so(
    shopper: Shopper, budget: Budget, store: Store
) -> None:
    shopper.add(MUG, status=202)
    budget.refill()
    store.fail({"method": "GET", "path": "/Cart/*", "fault": "status", "status": 500})

    cart = shopper.cart()

    assert "POST Item" in store.kinds()
    assert (cart["item_count"], cart["stale"]) == (1, True)


@pytest.mark.parametrize("merges", [False, True])
@pytest.mark.parametrize("adds", ["when_busy"])  # which knows of the add before the cart is gone
def test_add_whose_cart_vanishes_is_put_back_once_and_never_said_to_be_gone(
    shopper: Shopper, budget: Budget, store: Store, merges: bool
) -> None:
    store.set(merge_same_item=merges)
    budget.refill()
    shopper.add(MUG)
    shopper.add(MUG)  # so that the service knows whether the store merges
    busy = {"path": "/Cart/*", "fault": "status", "status": 429, "times": None}
    store.fail(
        {"method": "POST", "path": "/Cart/*/Item", "fault": "latency", "ms": 0, "times": 1},
        {"method": "GET", "path": "/Cart/*", "fault": "gone", "times": 1},
        busy | {"method": "GET"},
        busy | {"method": "POST", "path": "/Cart/*/Item"},
    )

    shown = shopper.add(MUG, quantity=2)
    store.fail()
    budget.refill()
    shopper.call("PATCH", "/cart", {"billing": {"city": "Bonn"}})
    cart = shopper.cart()

    assert sum(line["quantity"] for line in shown["items"]) == 4
    assert sum(line["quantity"] for line in cart["items"]) == 4
    assert (cart["stale"], cart["changes"]) == (False, [])


@pytest.mark.parametrize("adds", ["when_busy"])  # whose cart was read before its checkout began
def test_checkout_sends_what_is_added_while_it_reads_the_cart(
    urls: dict[str, str], adds: str, shopper: Shopper, store: Store, budget: Budget
) -> None:
    budget.refill()
    shopper.call("POST", "/cart/items", {"catalog_id": MUG})
    shopper.call("POST", "/checkout")  # after which a checkout reads the cart again
    budget.spend(leaving=20)
    other_tab = Shopper(urls[adds], store=STORES[adds], bearer=shopper.bearer)
    store.calls()
    store.hold("GET")
    with ThreadPoolExecutor() as pool:
        checkout = pool.submit(shopper.call, "POST", "/checkout")
        store.wait_for_calls()
        other_tab.add(SHIRT, options=[SMALL], status=202)
        store.fail()

    assert checkout.result().json()["checkout_url"]
    (cart,) = store.carts()
    assert sorted(line["catalog_id"] for line in cart["lines"]) == [SHIRT, MUG]


def test_checkout_that_runs_out_of_time_continues_with_the_next_request(
    shopper: Shopper, budget: Budget, store: Store
) -> None:
    for _ in range(3):
        shopper.add(MUG, status=202)

    waiting = shopper.call("POST", "/checkout")
    budget.refill()
    done = shopper.call("POST", "/checkout")

    assert waiting.status_code == 202
    progress = waiting.json()
    assert (progress["state"], progress["sent"], progress["of"]) == ("sending", 0, 3)
    assert progress["retry_after"] == int(waiting.headers["Retry-After"]) > 0
    assert done.status_code == 200
    assert len(store.carts()[0]["lines"]) == 3


def test_change_of_a_line_at_the_store_is_kept_where_there_are_no_calls(
    shopper: Shopper, budget: Budget, store: Store
) -> None:
    shopper.add(MUG, quantity=2, status=202)
    budget.refill()
    shopper.call("POST", "/checkout")
    (line,) = shopper.cart()["items"]
    store.calls()
    budget.spend()

    changed = shopper.call("PATCH", f"/cart/items/{line['item_id']}", {"quantity": 5})
    (shown,) = shopper.cart()["items"]
    none_yet = store.calls()
    budget.refill()
    shopper.call("POST", "/checkout")

    assert (changed.status_code, changed.json()["results"][0]["outcome"]) == (202, "pending")
    assert (shown["quantity"], shown["state"]) == (5, "pending")
    assert none_yet == []
    assert [each["quantity"] for each in store.carts()[0]["lines"]] == [5]


@pytest.mark.parametrize("adds", ["when_busy"], indirect=True)
def test_change_that_is_refused_leaves_the_one_before_it_owed(
    shopper: Shopper, budget: Budget, store: Store
) -> None:
    budget.refill()
    (line,) = shopper.add(MUG)["items"]
    path = f"/cart/items/{line['item_id']}"
    budget.spend()
    assert shopper.call("PATCH", path, {"quantity": 5}).status_code == 202
    store.change_product(MUG, stock=50)
    budget.refill()

    refused = shopper.call("PATCH", path, {"quantity": 99})
    (shown,) = shopper.cart()["items"]
    paid = shopper.call("POST", "/checkout")

    assert (refused.status_code, refused.json()["outcome"]) == (422, "not_applied")
    assert shown["quantity"] == 5
    assert paid.status_code == 200
    assert [each["quantity"] for each in store.carts()[0]["lines"]] == [5]


@pytest.mark.parametrize("adds", ["when_busy"], indirect=True)
def test_change_of_a_pending_line_is_not_applied_where_the_store_refuses_the_line(
    shopper: Shopper, budget: Budget, store: Store
) -> None:
    shopper.add(MUG, status=202)
    store.change_product(MUG, stock=50)
    budget.refill()

    refused = shopper.call("PATCH", "/cart/items/n1", {"quantity": 99})

    problem = refused.json()
    assert (refused.status_code, problem["code"]) == (422, "item-rejected")
    assert (problem["outcome"], problem["detail"]) == ("not_applied", "Not enough items in stock")
    assert [each["change"] for each in shopper.cart()["changes"]] == ["refused"]


def test_replayed_change_that_the_store_has_refused_is_not_applied(
    shopper: Shopper, budget: Budget, store: Store
) -> None:
    shopper.add(MUG, status=202)
    budget.refill()
    shopper.call("POST", "/checkout")
    (line,) = shopper.cart()["items"]
    store.change_product(MUG, stock=50)

    def asked(quantity: int) -> requests.Response:
        path, key = f"/cart/items/{line['item_id']}", {"Idempotency-Key": f"to-{quantity}"}
        return shopper.call("PATCH", path, {"quantity": quantity}, headers=key)

    def sent() -> None:
        budget.refill()
        changed = shopper.call("POST", "/checkout")
        shopper.call("POST", "/checkout", headers={"If-Match": changed.headers.get("ETag", "*")})

    budget.spend()
    kept = asked(99)
    sent()
    refused = asked(99)
    budget.spend()
    asked(5)
    sent()
    made = asked(5)

    assert (kept.status_code, kept.json()["results"][0]["outcome"]) == (202, "pending")
    assert (refused.status_code, refused.json()["outcome"]) == (422, "not_applied")
    assert refused.json()["results"][0]["outcome"] == "not_applied"
    assert (made.status_code, made.json()["results"][0]["outcome"]) == (200, "applied")


def test_cart_that_was_deleted_is_not_sent(shopper: Shopper, budget: Budget, store: Store) -> None:
    shopper.add(MUG, status=202)

    assert shopper.call("DELETE", "/cart").status_code == 204
    budget.refill()

    assert shopper.call("POST", "/checkout").json()["code"] == "cart-empty"
    assert store.calls() == []


def test_cart_holds_so_many_bytes_of_typed_text(shopper: Shopper, budget: Budget) -> None:
    budget.refill()
    shopper.call("GET", f"/products/{PEN}")
    budget.spend()
    text = {"option_set_id": 1890, "option_id": 1, "value": "\N{LOWER LEFT FOUNTAIN PEN}" * 60}
    item = {"catalog_id": PEN, "options": [text]}
    answer = shopper.call("POST", "/cart/items", {"items": [item] * 50}).json()
    more = shopper.call("POST", "/cart/items", item)
    plain = shopper.call("POST", "/cart/items", {"catalog_id": MUG})

    fitting = MOST_PENDING_BYTES // len(str(text["value"]).encode())
    outcomes = Counter(result["outcome"] for result in answer["results"])
    assert outcomes == {"pending": fitting, "not_applied": 50 - fitting}
    assert (more.status_code, more.json()["code"]) == (503, "store-busy")
    assert plain.status_code == 202


def test_cart_holds_fifty_pending_lines(shopper: Shopper) -> None:
    items = [{"catalog_id": MUG}] * 50
    assert shopper.call("POST", "/cart/items", {"items": items}).status_code == 202

    more = shopper.call("POST", "/cart/items", {"catalog_id": MUG})

    assert (more.status_code, more.json()["code"]) == (503, "store-busy")


def test_ordered_cart_leaves_what_was_added_later(
    shopper: Shopper, budget: Budget, store: Store
) -> None:
    shopper.add(MUG, status=202)
    budget.refill()
    url = shopper.call("POST", "/checkout").json()["checkout_url"]
    budget.spend()
    shopper.add(MUG, quantity=3, status=202)
    place_order(url)
    budget.refill()

    again = shopper.call("POST", "/checkout")

    assert again.status_code == 200
    assert [each["quantity"] for cart in store.carts() for each in cart["lines"]] == [3]


def test_form_shows_progress_and_continues_automatically(
    form: Shopper, budget: Budget, store: Store
) -> None:
    waiting = form.post_form("/buy", {"catalog_id": str(MUG)})

    seconds, _, address = waiting.headers["Refresh"].partition("; url=")
    assert waiting.status_code == 202
    assert int(seconds) > 0
    assert "<progress" in waiting.text
    assert "form-action 'self'" in waiting.headers["Content-Security-Policy"]
    budget.refill()
    went = follow(form, address)
    assert went.status_code == 303
    assert went.headers["Location"].startswith(store.url)
    assert [len(cart["lines"]) for cart in store.carts()] == [1]


def test_form_asks_for_agreement_with_a_button(form: Shopper, budget: Budget, store: Store) -> None:
    waiting = form.post_form("/buy", {"catalog_id": str(MUG)})
    store.change_product(MUG, price="12.50")
    budget.refill()

    changed = follow(form, waiting.headers["Refresh"].partition("url=")[2])
    page = html.unescape(changed.text)
    (action,) = re.findall(r'<form method="post" action="([^"]+)"', page)
    (tag,) = re.findall(r'name="if_match" value="(.+)">', page)
    root = form.base.partition("/v1/")[0]
    agreed = form.post_form(
        action.removeprefix(form.base[len(root) :]), {"if_match": tag}, Origin=root
    )

    assert changed.status_code == 409
    assert agreed.status_code == 303


@pytest.mark.parametrize("origin", [BLOG, "https://evil.example", "null"])
def test_checkout_continues_only_from_pages_of_this_service(
    urls: dict[str, str], adds: str, shopper: Shopper, store: Store, origin: str
) -> None:
    address = f"{urls[adds]}/v1/stores/{STORES[adds]}/checkout?site=https://evil.example"
    for method, headers in (
        ("GET", {}),
        ("POST", {"Origin": origin, "Content-Type": "application/x-www-form-urlencoded"}),
    ):
        answer = requests.request(
            method, address, headers=headers, timeout=60, allow_redirects=False
        )
        if origin == BLOG and method == "POST":
            assert answer.json()["code"] == "cart-empty"
        else:
            assert (answer.status_code, answer.json()["code"]) == (403, "origin-refused")
    assert store.calls() == []


def test_no_more_carts_are_kept_than_there_is_room_for(
    redis_url: str, store: Store, budget: Budget, adds: str
) -> None:
    limits = {**FEW_CALLS, "ADDS": adds, "PENDING_CARTS": "2", "ADDRESS_PENDING_CARTS": "1"}
    name = {"when_busy": "DEMO", "deferred": "LATER"}[adds]
    environment = {
        "CARTPROXY_REDIS_URL": redis_url,
        "CARTPROXY_TRUSTED_HOPS": "1",
        **store_environment(store.url, name, **limits),
    }

    def keep(address: str, url: str) -> tuple[int, Shopper]:
        shopper = Shopper(url, store=STORES[adds])
        shopper.http.headers["X-Forwarded-For"] = address
        return shopper.call("POST", "/cart/items", {"catalog_id": MUG}).status_code, shopper

    with redis.Redis.from_url(redis_url) as client:
        client.delete(f"cpw:{{{STORES[adds]}}}")
    with service(environment) as url:
        Shopper(url, store=STORES[adds]).call("GET", f"/products/{MUG}")
        budget.spend()
        first, shopper = keep("198.51.100.1", url)
        of_one_address, _ = keep("198.51.100.1", url)
        second, _ = keep("198.51.100.2", url)
        of_the_store, _ = keep("198.51.100.3", url)
        shopper.call("DELETE", "/cart")
        after_one_has_left, _ = keep("198.51.100.1", url)

    assert (first, of_one_address, second, of_the_store) == (202, 503, 202, 503)
    assert after_one_has_left == 202
