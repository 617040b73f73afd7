"""Writes that wait on one cart share their work, and each caller is answered truly."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from support.shopper import MUG, Shopper, Store


def slow(store: Store, ms: int = 150) -> None:
    store.fail({"method": "*", "path": "*", "fault": "latency", "ms": ms, "times": None})


def test_waiting_adds_use_one_read_back_together(quick: Shopper, store: Store) -> None:
    quick.add(MUG)
    slow(store)
    store.calls()
    base = quick.base.partition("/v1/")[0]

    def add(_: int) -> requests.Response:
        shopper = Shopper(base, bearer=quick.bearer)
        return shopper.call("POST", "/cart/items", {"catalog_id": MUG})

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(add, range(8)))

    kinds = store.kinds()
    assert {answer.status_code for answer in answers} == {201}
    assert kinds.count("POST Item") == 8
    assert kinds.count("GET Cart") <= 3
    for answer in answers:
        cart = answer.json()
        assert answer.json()["results"][0]["item_id"] in {line["item_id"] for line in cart["items"]}
        assert cart["stale"] is False


def test_burst_of_changes_on_one_line_is_one_call_with_the_last_quantity(
    quick: Shopper, store: Store
) -> None:
    line = quick.add(MUG)["items"][0]["item_id"]
    slow(store, 400)
    store.calls()
    base = quick.base.partition("/v1/")[0]
    answers: dict[int, requests.Response] = {}

    def change(quantity: int) -> None:
        shopper = Shopper(base, bearer=quick.bearer)
        answers[quantity] = shopper.call("PATCH", f"/cart/items/{line}", {"quantity": quantity})

    presses = [threading.Thread(target=change, args=(quantity,)) for quantity in range(2, 9)]
    for press in presses:
        press.start()
        time.sleep(0.05)
    for press in presses:
        press.join()

    kinds = store.kinds()
    assert {answer.status_code for answer in answers.values()} == {200}
    assert kinds.count("PUT Item") <= 3
    assert {answer.json()["items"][0]["quantity"] for answer in list(answers.values())[1:]} == {8}
    assert store.carts()[0]["lines"][0]["quantity"] == 8


def test_change_whose_successor_fails_is_made_after_all(quick: Shopper, store: Store) -> None:
    line = quick.add(3832)["items"][0]["item_id"]
    slow(store, 400)
    base = quick.base.partition("/v1/")[0]
    answers: dict[float, requests.Response] = {}

    def change(quantity: float) -> None:
        shopper = Shopper(base, bearer=quick.bearer)
        answers[quantity] = shopper.call("PATCH", f"/cart/items/{line}", {"quantity": quantity})

    presses = [threading.Thread(target=change, args=(quantity,)) for quantity in (1, 2, 99)]
    for press in presses:
        press.start()
        time.sleep(0.08)
    for press in presses:
        press.join()

    assert answers[99].status_code == 422
    assert answers[2].status_code == 200
    assert store.carts()[0]["lines"][0]["quantity"] == 2


def test_waiting_is_fair_the_first_who_came_is_the_first_served(
    quick: Shopper, store: Store
) -> None:
    quick.add(MUG)
    slow(store, 250)
    base = quick.base.partition("/v1/")[0]
    products = [3829, 3831, 3834, 3837]

    def add(catalog_id: int) -> None:
        Shopper(base, bearer=quick.bearer).call("POST", "/cart/items", {"catalog_id": catalog_id})

    waiting = [threading.Thread(target=add, args=(catalog_id,)) for catalog_id in products]
    for each in waiting:
        each.start()
        time.sleep(0.1)
    for each in waiting:
        each.join()

    assert [line["catalog_id"] for line in store.carts()[0]["lines"][1:]] == products


@pytest.mark.parametrize("minimal", [True, False])
def test_minimal_write_costs_one_call_also_when_others_wait(
    quick: Shopper, store: Store, minimal: bool
) -> None:
    quick.add(MUG)
    store.calls()
    headers = {"Prefer": "return=minimal"} if minimal else {}

    quick.call("POST", "/cart/items", {"catalog_id": MUG}, headers=headers)

    assert len(store.calls()) == (1 if minimal else 2)
