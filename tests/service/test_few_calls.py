"""Store calls are scarce: those of every action are counted."""

from __future__ import annotations

import pytest
from support.shopper import MUG, Shopper, Store

MINIMAL = {"Prefer": "return=minimal"}


def test_first_add_is_create_add_read(shopper: Shopper, store: Store) -> None:
    shopper.add(MUG)

    assert store.kinds() == ["POST Cart", "POST Item", "GET Cart"]


def test_later_writes_are_write_and_read(shopper: Shopper, store: Store) -> None:
    item_id = shopper.add(MUG)["results"][0]["item_id"]
    store.calls()

    shopper.add(MUG)
    shopper.call("PATCH", f"/cart/items/{item_id}", {"quantity": 2})
    shopper.call("DELETE", f"/cart/items/{item_id}")
    shopper.call("PATCH", "/cart", {"billing": {"city": "Bonn"}})

    assert store.kinds() == [
        "POST Item", "GET Cart", "PUT Item", "GET Cart", "DELETE Item", "GET Cart",
        "PUT Cart", "GET Cart",
    ]  # fmt: skip


def test_reads_and_checkout_from_a_fresh_snapshot_are_no_call(
    shopper: Shopper, store: Store
) -> None:
    shopper.add(MUG)
    store.calls()

    shopper.cart()
    checkout = shopper.call("POST", "/checkout")

    assert checkout.status_code == 200
    assert store.calls() == []


def test_add_that_finds_no_cart_looks_before_it_sends_the_next(
    shopper: Shopper, store: Store
) -> None:
    shopper.add(MUG)
    store.forget_cart(store.carts()[0]["order_key"])
    store.calls()

    shopper.call("POST", "/cart/items", {"items": [{"catalog_id": MUG}, {"catalog_id": 3831}]})

    assert store.kinds() == [
        "POST Item", "GET Cart", "POST Cart", "POST Item", "POST Item", "POST Item", "GET Cart",
    ]  # fmt: skip


def test_no_cache_forces_one_read(shopper: Shopper, store: Store) -> None:
    shopper.add(MUG)
    store.calls()

    shopper.cart(**{"Cache-Control": "no-cache"})

    assert store.kinds() == ["GET Cart"]


def test_minimal_write_is_only_the_write_and_the_next_read_catches_up(
    shopper: Shopper, store: Store
) -> None:
    shopper.add(MUG)
    store.calls()

    written = shopper.call("POST", "/cart/items", {"catalog_id": MUG}, headers=MINIMAL)
    calls = store.kinds()
    cart = shopper.cart()

    assert (written.status_code, written.headers["Preference-Applied"]) == (201, "return=minimal")
    assert set(written.json()) == {"results"}
    assert calls == ["POST Item"]
    assert cart["item_count"] == 2
    assert store.kinds() == ["GET Cart"]


@pytest.mark.parametrize(
    ("preferred", "minimal"),
    [('return="minimal"', True), ("Return\t=\tMINIMAL", True), ("wait=5, return=minimal;a=b", True),
     ('a="x,y", return=minimal; b="c,d"', True), ("return=minimal, return=representation", True),
     ("return=representation, return=minimal", False), ('a="b,return=minimal,c"', False),
     ('return="minimal', False), ("return", False), ("returns=minimal", False), ("x;return=minimal", False)],
)  # fmt: skip
def test_preference_is_read_by_its_grammar(shopper: Shopper, preferred: str, minimal: bool) -> None:
    answer = shopper.call("POST", "/cart", {}, headers={"Prefer": preferred})

    assert answer.headers.get("Preference-Applied") == ("return=minimal" if minimal else None)


def test_line_of_a_minimal_write_can_be_changed_at_once(shopper: Shopper, store: Store) -> None:
    written = shopper.call("POST", "/cart/items", {"catalog_id": MUG}, headers=MINIMAL).json()
    item_id = written["results"][0]["item_id"]

    response = shopper.call("PATCH", f"/cart/items/{item_id}", {"quantity": 7})

    assert response.status_code == 200
    assert response.json()["items"][0]["quantity"] == 7


def test_product_is_fetched_once(shopper: Shopper, store: Store) -> None:
    # The catalogue outlives a test, so ask for a product that no other test asks for.
    answers = [shopper.call("GET", "/products/424242") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert len(store.calls()) == 1


def test_refused_requests_never_reach_the_store(shopper: Shopper, store: Store) -> None:
    bodies = [{"catalog_id": "x"}, {"catalog_id": 1, "quantity": -1}, {"OrderKey": "x"}, {}]

    answers = [shopper.call("POST", "/cart/items", body) for body in bodies]

    assert {answer.status_code for answer in answers} == {422}
    assert store.calls() == []
