"""Faults 9 and 24 to 27: the store forgets, sells or changes what is in a cart."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from support.service_steps import place_order
from support.shopper import MUG, SHIRT, SMALL, Shopper, Store
from support.waiting import ANSWER_SECONDS


def vanish(shopper: Shopper, store: Store) -> None:
    """The store forgets the cart, as it does with old ones; the service is not told."""
    (cart,) = store.carts()
    store.forget_cart(cart["order_key"])


# Fault 9
def test_vanished_cart_is_restored_by_the_next_write(quick: Shopper, store: Store) -> None:
    quick.add(MUG, quantity=2)
    quick.add(SHIRT, options=[SMALL])
    vanish(quick, store)

    answer = quick.add(3831)

    assert [(line["catalog_id"], line["quantity"]) for line in answer["items"]] == [
        (MUG, 2), (SHIRT, 1), (3831, 1),
    ]  # fmt: skip
    assert answer["items"][1]["options"] == [{"name": "Size", "value": "Small"}]
    kept = answer["restored"]["kept"]
    assert [line["catalog_id"] for line in kept] == [MUG, SHIRT]
    assert [line["item_id"] for line in kept] == [line["item_id"] for line in answer["items"][:2]]
    assert answer["restored"]["repriced"] == answer["restored"]["gone"] == []
    assert len(store.carts()) == 1


def test_restored_says_what_is_gone_and_what_costs_another_price(
    quick: Shopper, store: Store
) -> None:
    quick.add(MUG)
    quick.add(3831)
    quick.add(3832)
    vanish(quick, store)
    store.change_product(MUG, price="12.50")
    store.change_product(3832, stock=0)

    restored = quick.add(SHIRT, options=[SMALL])["restored"]

    assert [line["catalog_id"] for line in restored["kept"]] == [3831]
    assert [line["catalog_id"] for line in restored["repriced"]] == [MUG]
    assert [(line["catalog_id"], line["item_id"]) for line in restored["gone"]] == [(3832, None)]


def test_vanished_cart_is_shown_as_it_was_until_the_next_write(
    quick: Shopper, store: Store
) -> None:
    quick.add(MUG)
    vanish(quick, store)

    cart = quick.cart(**{"Cache-Control": "no-cache"})

    assert (cart["stale"], cart["item_count"]) == (True, 1)


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_line_of_a_vanished_cart_can_still_be_changed(
    quick: Shopper, store: Store, method: str
) -> None:
    line = quick.add(MUG)["items"][0]["item_id"]
    quick.add(3831)
    vanish(quick, store)

    body = {"quantity": 4} if method == "PATCH" else None
    changed = quick.call(method, f"/cart/items/{line}", body)
    answer = quick.add(SHIRT, options=[SMALL])

    mugs = [(MUG, 4)] if method == "PATCH" else []
    assert changed.status_code == 200
    assert [(line["catalog_id"], line["quantity"]) for line in answer["items"]] == [
        *mugs, (3831, 1), (SHIRT, 1),
    ]  # fmt: skip
    assert len(store.carts()) == 1


def test_checkout_of_a_vanished_cart_leads_to_a_cart_with_the_same_things(
    quick: Shopper, store: Store
) -> None:
    quick.add(MUG, quantity=3)
    quick.call("POST", "/cart/items", {"catalog_id": 3831}, headers={"Prefer": "return=minimal"})
    vanish(quick, store)

    answer = quick.call("POST", "/checkout")

    assert answer.status_code == 200
    page = requests.get(answer.json()["checkout_url"], timeout=ANSWER_SECONDS).text
    assert "Pint mug" in page
    assert "Wool scarf" in page


def test_addresses_written_to_a_vanished_cart_arrive(quick: Shopper, store: Store) -> None:
    quick.add(MUG)
    vanish(quick, store)

    answer = quick.call("PATCH", "/cart", {"billing": {"city": "Bonn"}})

    assert answer.status_code == 200
    assert answer.json()["item_count"] == 1
    assert len(store.carts()) == 1


def test_bundle_is_restored_once(quick: Shopper, store: Store) -> None:
    quick.add(3830)
    vanish(quick, store)

    answer = quick.add(MUG)

    assert [line["catalog_id"] for line in answer["items"]] == [3830, 3829, 3834, MUG]


# Fault 26
@pytest.mark.parametrize("ordered_cart", ["404", "read_only"])
@pytest.mark.parametrize("unknown_cart_on_add", [400, 404])
def test_after_an_order_the_next_add_starts_a_fresh_cart(
    quick: Shopper, store: Store, ordered_cart: str, unknown_cart_on_add: int
) -> None:
    store.set(ordered_cart=ordered_cart, unknown_cart_on_add=unknown_cart_on_add)
    quick.add(MUG, quantity=2)
    place_order(quick.call("POST", "/checkout").json()["checkout_url"])

    answer = quick.add(SHIRT, options=[SMALL])

    assert [line["catalog_id"] for line in answer["items"]] == [SHIRT]
    assert "restored" not in answer
    assert (len(store.carts("ordered")), len(store.carts("open"))) == (1, 1)


def test_cart_that_is_paid_for_during_an_add_is_not_put_back(quick: Shopper, store: Store) -> None:
    quick.add(MUG)
    store.calls()
    store.hold("POST", "/Cart/*/Item")
    with ThreadPoolExecutor(1) as pool:
        adding = pool.submit(quick.call, "POST", "/cart/items", {"catalog_id": 3831})
        store.wait_for_calls()
        other_tab = Shopper(quick.base.partition("/v1/")[0], bearer=quick.bearer)
        place_order(other_tab.call("POST", "/checkout").json()["checkout_url"])
        store.fail()
        answer = adding.result()

    assert answer.status_code == 201
    assert [line["catalog_id"] for line in answer.json()["items"]] == [3831]
    assert "restored" not in answer.json()
    assert (len(store.carts("ordered")), len(store.carts("open"))) == (1, 1)


def test_order_is_not_shown_to_the_shopper_who_comes_back(quick: Shopper, store: Store) -> None:
    quick.add(MUG)
    place_order(quick.call("POST", "/checkout").json()["checkout_url"])

    cart = quick.cart()

    assert cart["items"] == []
    assert cart["checkout_url"] is None


# Fault 24
def test_removing_a_line_that_the_store_has_removed_gives_the_cart_without_it(
    quick: Shopper, store: Store
) -> None:
    line = quick.add(MUG)["items"][0]["item_id"]
    quick.add(3831)
    store.at_the_store("DELETE", line)

    answer = quick.call("DELETE", f"/cart/items/{line}")

    assert answer.status_code == 200
    assert [line["catalog_id"] for line in answer.json()["items"]] == [3831]


def test_changing_a_line_that_the_store_has_removed_is_404(quick: Shopper, store: Store) -> None:
    line = quick.add(MUG)["items"][0]["item_id"]
    store.at_the_store("DELETE", line)

    answer = quick.call("PATCH", f"/cart/items/{line}", {"quantity": 2})

    assert (answer.status_code, answer.json()["code"]) == (404, "item-not-found")
    assert quick.cart()["items"] == []


# Fault 25
def test_price_changed_meanwhile_is_the_stores(quick: Shopper, store: Store) -> None:
    quick.add(MUG)
    store.change_product(MUG, price="11.11")

    answer = quick.add(MUG)

    assert [line["unit_price"] for line in answer["items"]] == ["9.99", "11.11"]
    assert answer["subtotal"] == "21.10"


# Faults 22 and 28 stand in tests/service/test_etags.py and test_origins.py; 27 in test_batches.py.


def test_add_on_the_stores_own_page_is_shown(quick: Shopper, store: Store) -> None:
    quick.add(MUG)
    store.at_the_store("POST", "", {"CatalogID": 3831, "ItemQuantity": 2})

    cart: dict[str, Any] = quick.cart(**{"Cache-Control": "no-cache"})

    assert [(line["catalog_id"], line["quantity"]) for line in cart["items"]] == [
        (MUG, 1),
        (3831, 2),
    ]


# Found by the soak: within the 30 s of a fresh snapshot the shopper was sent to the finished order.
def test_second_checkout_after_the_order_is_of_an_empty_cart(quick: Shopper, store: Store) -> None:
    quick.add(MUG)
    place_order(quick.call("POST", "/checkout").json()["checkout_url"])

    answer = quick.call("POST", "/checkout")

    assert (answer.status_code, answer.json()["code"]) == (409, "cart-empty")


# Found by the soak: after a reading had shown that the cart was gone, its checkout was handed out.
def test_checkout_after_a_look_at_a_vanished_cart_leads_to_the_same_things(
    quick: Shopper, store: Store
) -> None:
    quick.add(MUG)
    vanish(quick, store)
    quick.cart(**{"Cache-Control": "no-cache"})

    answer = quick.call("POST", "/checkout")

    page = requests.get(answer.json()["checkout_url"], timeout=ANSWER_SECONDS)
    assert page.status_code == 200
    assert "Pint mug" in page.text
