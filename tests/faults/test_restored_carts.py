"""Faults 46 and 47: a vanished cart is restored, over as many requests as that takes."""

from __future__ import annotations

import time
from typing import Any

import pytest
from support.adds import add, fault, key, until_known
from support.servers import service, store_environment
from support.shopper import MUG, SHIRT, SMALL, Shopper, Store
from support.waiting import wait_for

SCARF, LAMPS, TEA, RULER = 3831, 3832, 3834, 3837
SCARCE = {
    "CARTPROXY_REQUEST_SECONDS": "3",
    "CARTPROXY_SETTLE_SECONDS": "2",
    "CARTPROXY_CALL_WAIT_SECONDS": "1",
    # A busy machine must not look like an unreachable Redis.
    "CARTPROXY_REDIS_TIMEOUT_SECONDS": "5",
}


def fill(shopper: Shopper, store: Store, lines: int) -> list[int]:
    """A cart of so many lines, each of a quantity of its own, most of them from the store's pages;
    the quantities, in order.
    """
    shopper.add(MUG)
    for quantity in range(2, lines + 1):
        store.at_the_store("POST", "", {"CatalogID": MUG, "ItemQuantity": quantity})
    return quantities(shopper.cart(**{"Cache-Control": "no-cache"})["items"])


def quantities(lines: list[dict[str, Any]]) -> list[int]:
    return [line["quantity"] for line in lines]


def at_store(store: Store) -> list[int]:
    """The quantities in the store's one cart that is not empty."""
    (cart,) = store.carts()
    return quantities(cart["lines"])


def vanish(store: Store) -> None:
    (cart,) = store.carts()
    store.forget_cart(cart["order_key"])


# Fault 46, in a fraction of the time that a store of 2 calls a second takes
@pytest.mark.parametrize(("lines", "calls_per_second"), [(30, 8), (80, 14)])
def test_large_cart_is_restored_over_several_requests(
    redis_url: str, store: Store, lines: int, calls_per_second: int
) -> None:
    limits = {"CALLS_PER_SECOND": str(calls_per_second), "CALL_BURST": "2", "ADDS": "direct"}
    settings = {
        "CARTPROXY_REDIS_URL": redis_url,
        **SCARCE,
        **store_environment(store.url, **limits),
    }
    with service(settings) as url:
        shopper, headers = Shopper(url), key()
        wanted = fill(shopper, store, lines)
        vanish(store)
        there = [0]

        def is_restored() -> bool:
            answer = add(shopper, headers, catalog_id=SCARF)
            if answer.status_code == 201:
                return True
            assert answer.json()["retryable"], answer.text
            there.append(sum(len(cart["lines"]) for cart in store.carts()))
            assert there[-1] >= there[-2], "a request started from the beginning"
            assert len(store.carts()) <= 1
            shown = shopper.cart()
            assert quantities(shown["items"])[:lines] == wanted
            assert shown["stale"] or there[-1] == lines, "missing lines are not reported"
            time.sleep(int(answer.headers.get("Retry-After", "1")))
            return False

        wait_for(is_restored, "the cart is restored")
        cart = settled_cart(shopper)

    assert len(there) > 1
    assert quantities(cart["items"]) == at_store(store) == [*wanted, 1]
    assert cart["changes"] == []


def settled_cart(shopper: Shopper) -> dict[str, Any]:
    """The cart, once everything is back, which takes further writes."""

    def settled() -> dict[str, Any] | None:
        answer = shopper.call("PATCH", "/cart", {"billing": {"city": "Bonn"}})
        return answer.json() if answer.ok and not answer.json()["stale"] else None

    return wait_for(settled, "everything is back") or {}


def being_made_again(shopper: Shopper, store: Store) -> list[str]:
    """A cart of three lines: the first is restored, and the store refuses the others.

    The ids that the lines had before their cart vanished.
    """
    shopper.add(MUG)
    shopper.add(SCARF)
    ids = [line["item_id"] for line in shopper.add(SHIRT, options=[SMALL])["items"]]
    vanish(store)
    # The add finds that the cart is gone; the first line comes back, and then no other does.
    store.fail(fault("latency", times=2, ms=0), fault("status", times=None, status=401))
    assert add(shopper, key(), catalog_id=RULER).status_code == 502
    store.fail()
    assert at_store(store) == [1]
    return ids


def test_cart_that_is_being_restored_is_shown_completely(quick: Shopper, store: Store) -> None:
    being_made_again(quick, store)

    for headers in ({}, {"Cache-Control": "no-cache"}):
        cart = quick.cart(**headers)
        assert [line["catalog_id"] for line in cart["items"]] == [MUG, SCARF, SHIRT]
        assert cart["items"][2]["options"] == [{"name": "Size", "value": "Small"}]
        assert (cart["stale"], cart["changes"]) == (True, [])


@pytest.mark.parametrize("at", [0, 2], ids=["put-back", "missing"])
@pytest.mark.parametrize("quantity", [4, 0])
@pytest.mark.parametrize("one_url", [False, True])
def test_line_that_is_being_restored_can_be_changed_under_its_old_id(
    quick: Shopper, store: Store, at: int, quantity: int, one_url: bool
) -> None:
    old_id = being_made_again(quick, store)[at]

    if one_url:
        lines = {"items": [{"item_id": old_id, "quantity": quantity}]}
        answer = quick.call("PATCH", "/cart/items", lines)
    elif quantity:
        answer = quick.call("PATCH", f"/cart/items/{old_id}", {"quantity": quantity})
    else:
        answer = quick.call("DELETE", f"/cart/items/{old_id}")

    wanted = [quantity if place == at else 1 for place in range(3)]
    assert answer.status_code == 200, answer.text
    assert at_store(store) == [each for each in wanted if each]
    assert quantities(answer.json()["items"]) == at_store(store)
    assert (answer.json()["stale"], answer.json()["changes"]) == (False, [])


# Fault 47
@pytest.mark.parametrize("merging", [False, True])
@pytest.mark.parametrize("kind", ["apply_then_drop", "drop"])
def test_retry_after_its_cart_vanished_adds_once_and_does_not_affect_other_keys(
    quick: Shopper, store: Store, merging: bool, kind: str
) -> None:
    store.set(merge_same_item=merging)
    no_reads = {"method": "GET", "path": "*", "fault": "html", "times": None}
    mine, other = key(), key()
    my_items = [{"catalog_id": MUG, "quantity": 2**bit} for bit in (1, 2)]
    other_items = [{"catalog_id": MUG, "quantity": 2**bit} for bit in (3, 4)]
    quick.add(MUG)
    for headers, items in ((other, other_items), (mine, my_items)):
        store.fail(fault("latency", ms=0), fault(kind), no_reads)
        lost = add(quick, headers, items=items)
        outcomes = [each["outcome"] for each in lost.json()["results"]]
        # A process believes that a line was merged once a reading has shown it such a store.
        assert outcomes == ["applied", "unknown"] or (
            merging and outcomes == ["unknown", "not_applied"]
        )
    store.fail()
    vanish(store)

    first = until_known(quick, mine, items=my_items)
    between = at_store(store)
    second = until_known(quick, other, items=other_items)

    for answer in (first, second):
        assert [each["outcome"] for each in answer.json()["results"]] == ["applied", "applied"]
    # Only the other request may send its unknown part again.
    assert sum(between) - (1 + 2 + 4) in ((0, 8) if merging else (8,))
    assert sum(at_store(store)) == 1 + 2 + 4 + 8 + 16
    if not merging:
        assert sorted(at_store(store)) == [1, 2, 4, 8, 16]


@pytest.mark.parametrize("merging", [False, True])
@pytest.mark.parametrize("kind", ["apply_then_drop", "drop", "drop_then_apply"])
def test_lost_answer_during_a_restore_makes_no_second_line(
    quick: Shopper, store: Store, merging: bool, kind: str
) -> None:
    store.set(merge_same_item=merging)
    for bit, catalog_id in enumerate((MUG, SCARF, TEA)):
        quick.add(catalog_id, quantity=2**bit)
    vanish(store)
    # The first add finds that the cart is gone.
    store.fail(fault("latency", times=2, ms=0), fault(kind, ms=300, within_ms=1500))

    answer = until_known(quick, key(), quantity=8)
    settled = settled_cart(quick)

    assert answer.status_code == 201
    assert sum(at_store(store)) == settled["item_count"] == 1 + 2 + 4 + 8
    if not merging:
        assert sorted(at_store(store)) == [1, 2, 4, 8]
    assert settled["changes"] == []


# Found by the soak: the line came back with the cart, and its key added it again.
def test_line_with_a_changed_quantity_and_an_unknown_add_is_restored_once(
    shopper: Shopper, retrying: Shopper, store: Store
) -> None:
    shopper.add(SCARF)
    store.fail(fault("alters_quantity", to=5, then="drop"))
    headers = key()
    lost = add(shopper, headers)
    vanish(store)

    answer = until_known(retrying, headers)

    assert (lost.status_code, answer.status_code) == (504, 201)
    assert at_store(store) == [1, 5]
    assert [each["change"] for each in answer.json()["changes"]] == ["increased"]


# Found by the soak: it counted as a change by the store, and the checkout stopped.
def test_add_merged_into_a_restored_line_is_not_a_change(quick: Shopper, store: Store) -> None:
    store.set(merge_same_item=True)
    quick.add(MUG, quantity=2)
    vanish(store)

    answer = quick.add(MUG, quantity=3)

    assert at_store(store) == [5]
    assert answer["changes"] == []
    assert quick.call("POST", "/checkout").status_code == 200
