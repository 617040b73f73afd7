"""The product's main job, over real HTTP: from an empty cart to the store's order."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import requests
from support.service_steps import place_order
from support.shopper import MUG, SHIRT, SMALL, Shopper, Store


def test_shopper_adds_changes_removes_and_reaches_the_checkout(
    shopper: Shopper, store: Store
) -> None:
    shopper.add(MUG, quantity=2)
    shirt = shopper.add(SHIRT, options=[SMALL])["results"][0]["item_id"]

    changed = shopper.call("PATCH", f"/cart/items/{shirt}", {"quantity": 3}).json()
    mug = next(line["item_id"] for line in changed["items"] if line["catalog_id"] == MUG)
    removed = shopper.call("DELETE", f"/cart/items/{mug}").json()
    checkout = shopper.call("POST", "/checkout").json()

    assert [(line["catalog_id"], line["quantity"]) for line in removed["items"]] == [(SHIRT, 3)]
    assert checkout["checkout_url"].startswith(f"{store.url}/continue_order.asp?")
    page = requests.get(checkout["checkout_url"], timeout=60)
    assert page.status_code == 200
    (cart,) = store.carts()
    assert [(line["catalog_id"], line["quantity"]) for line in cart["lines"]] == [(SHIRT, 3)]


def test_cart_has_the_documented_shape_and_plain_texts(shopper: Shopper) -> None:
    cart = shopper.add(SHIRT, quantity=2, options=[SMALL])

    (line,) = cart["items"]
    assert set(cart) == {
        "items", "item_count", "subtotal", "currency", "checkout_url", "as_of", "changes", "stale",
        "estimated", "results",
    }  # fmt: skip
    assert set(line) == {
        "item_id", "catalog_id", "sku", "name", "options", "quantity", "unit_price",
        "option_price", "line_total", "image_url", "state",
    }  # fmt: skip
    assert line["options"] == [{"name": "Size", "value": "Small"}]
    assert "<" not in line["name"]
    assert "&" not in line["name"]
    assert line["image_url"].startswith("http://127.0.0.1:")
    assert (cart["item_count"], cart["currency"], cart["stale"]) == (2, "USD", False)
    assert re.fullmatch(r"\d+\.\d\d", line["unit_price"])
    assert float(cart["subtotal"]) == float(line["line_total"]) == 2 * float(line["unit_price"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", cart["as_of"])


def test_option_that_costs_extra_is_shown_apart_and_counted(shopper: Shopper) -> None:
    product = shopper.call("GET", f"/products/{SHIRT}").json()
    sizes = next(each for each in product["option_sets"] if each["option_set_id"] == 1882)
    expensive = next(each for each in sizes["options"] if float(each["price_difference"]) > 0)

    option = {
        "option_set_id": 1882,
        "option_id": expensive["option_id"],
        "value": expensive["name"],
    }
    (line,) = shopper.add(SHIRT, options=[option])["items"]

    assert line["option_price"] == expensive["price_difference"]
    assert float(line["line_total"]) == float(line["unit_price"]) + float(line["option_price"])


def test_after_the_order_the_cart_is_empty_and_a_new_one_can_be_started(
    shopper: Shopper, store: Store
) -> None:
    shopper.add(MUG)
    place_order(shopper.call("POST", "/checkout").json()["checkout_url"])

    after = shopper.cart(**{"Cache-Control": "no-cache"})
    again = shopper.add(SHIRT, options=[SMALL])

    assert after["items"] == []
    assert [line["catalog_id"] for line in again["items"]] == [SHIRT]
    assert (len(store.carts("ordered")), len(store.carts("open"))) == (1, 1)


def test_carts_of_two_shoppers_are_two(shopper: Shopper, proxy_url: str, store: Store) -> None:
    other = Shopper(proxy_url)

    shopper.add(MUG)
    other.add(SHIRT, options=[SMALL])

    assert [line["catalog_id"] for line in shopper.cart()["items"]] == [MUG]
    assert [line["catalog_id"] for line in other.cart()["items"]] == [SHIRT]
    assert len(store.carts()) == 2


def test_stores_of_one_process_have_their_own_carts_currencies_and_api_versions(
    shopper: Shopper, proxy_url: str, store: Store
) -> None:
    shopper.add(MUG)

    second = Shopper(proxy_url, bearer=shopper.bearer, store="second")
    empty = second.cart()
    store.calls()
    added = second.add(MUG)

    assert empty["items"] == []
    assert added["currency"] == "JPY"
    assert "." not in added["subtotal"]
    calls = requests.get(f"{store.url}/_sandbox/calls", timeout=60).json()
    assert {re.search(r"/v(\d)/", call["path"])[1] for call in calls} == {"1"}  # type: ignore[index]


def test_addresses_are_written_and_never_given_back(shopper: Shopper, store: Store) -> None:
    canary = "Zwiebelturmweg 77"
    made = shopper.call(
        "POST", "/cart", {"billing": {"address": canary, "email": "a@shopper.example"}}
    )
    changed = shopper.call("PATCH", "/cart", {"shipping": {"address": canary, "phone": "+1 555"}})
    read = shopper.call("GET", "/cart", headers={"Cache-Control": "no-cache"})

    assert (made.status_code, changed.status_code, read.status_code) == (201, 200, 200)
    for answer in (made, changed, read):
        assert canary not in answer.text
        assert "shopper.example" not in answer.text
    (cart,) = store.carts()
    at_store = store.fields(cart["order_key"])
    assert (at_store["BillingAddress"], at_store["ShipmentAddress"]) == (canary, canary)


def test_making_a_cart_twice_makes_one(shopper: Shopper, store: Store) -> None:
    first = shopper.call("POST", "/cart", {})
    second = shopper.call("POST", "/cart", {})

    assert (first.status_code, second.status_code) == (201, 200)
    assert len(store.carts()) == 1


def test_deleted_cart_is_gone_at_the_store_and_here(shopper: Shopper, store: Store) -> None:
    shopper.add(MUG)

    deleted = shopper.call("DELETE", "/cart")
    again = shopper.call("DELETE", "/cart")

    assert (deleted.status_code, again.status_code) == (204, 204)
    assert shopper.cart()["items"] == []
    assert store.carts() == []


def test_reading_creates_nothing(shopper: Shopper, store: Store) -> None:
    cart = shopper.cart()

    assert cart["items"] == []
    assert store.calls() == []
    assert store.carts() == []


def test_checkout_of_an_empty_cart_is_refused(shopper: Shopper) -> None:
    response = shopper.call("POST", "/checkout")

    assert response.status_code == 409
    assert response.json()["code"] == "cart-empty"


def test_product_that_caches_may_share_says_nothing_of_one_client(shopper: Shopper) -> None:
    product = shopper.call("GET", f"/products/{MUG}", headers={"X-Forwarded-For": "8.8.8.8"})
    missing = shopper.call("GET", "/products/1")
    cart = shopper.call("GET", "/cart")

    assert product.headers["Cache-Control"] == "public, max-age=60"
    assert not {"RateLimit", "RateLimit-Policy", "Set-Cookie"} & product.headers.keys()
    assert "Origin" in product.headers["Vary"]
    for private in (missing, cart):
        assert private.headers["Cache-Control"] == "no-store"


# A page that is reloaded during its first add reads the cart and repeats the add, both at once. It
# keeps the newest answer, and that was the empty cart.
def test_look_during_the_first_add_is_older_than_its_answer(shopper: Shopper, store: Store) -> None:
    store.calls()
    store.hold("GET", "/Cart/*")
    with ThreadPoolExecutor(1) as pool:
        adding = pool.submit(shopper.add)
        store.wait_for_calls(3)
        look = shopper.cart()
        store.fail()
        added = adding.result()

    assert (look["items"], added["item_count"]) == ([], 1)
    assert look["as_of"] < added["as_of"]
