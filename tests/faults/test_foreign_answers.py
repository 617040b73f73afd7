"""Fault 43: thirty shoppers at once, and a store or a proxy in front that mixes up its answers.

Each shopper buys quantities that nobody else buys, which shows whose a line is.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
import requests
from support.faults_settings import QUICK
from support.servers import service, store_environment
from support.shopper import MUG, SHIRT, SMALL, Shopper, Store

SHOPPERS = 30
MINIMAL = {"Prefer": "return=minimal"}
NOW = {"Cache-Control": "no-cache"}


class Buyer:
    """A shopper whose quantities are from `mark` to `mark + 99`."""

    def __init__(self, url: str, number: int) -> None:
        self.shopper = Shopper(url)
        self.mark = 100 * (number + 1)

    def call(self, method: str, path: str, json: Any = None, **headers: str) -> requests.Response:
        """One call, whose answer must show nothing of other shoppers."""
        answer = self.shopper.call(method, path, json, headers=headers, timeout=60)
        body = answer.json() if answer.content else {}
        foreign = [line for line in body.get("items", []) if not self.owns(line)]
        assert not foreign, f"{method} {path} of {self.mark} shows {foreign}"
        assert answer.status_code != 500, answer.text
        return answer

    def owns(self, line: dict[str, Any]) -> bool:
        return bool(self.mark <= line["quantity"] < self.mark + 100)

    def add(self, *places: int, **headers: str) -> requests.Response:
        """Add lines, sending the same again while it is retryable, as a widget does.

        Parts that were certainly not applied are sent again with a new key.
        """
        items = [{"catalog_id": MUG, "quantity": self.mark + place} for place in places]
        ends = time.monotonic() + 120
        while True:
            keyed = {"Idempotency-Key": secrets.token_hex(8)} | headers
            post = partial(self.call, "POST", "/cart/items", {"items": items}, **keyed)
            answer = self.until_known(post, in_parts=True)
            parts = answer.json()["results"]
            left = [items[part["index"]] for part in parts if part["outcome"] == "not_applied"]
            if not left:
                return answer
            assert time.monotonic() < ends, answer.text
            items = left

    def until_known(
        self, call: Callable[[], requests.Response], in_parts: bool = False
    ) -> requests.Response:
        ends = time.monotonic() + 120
        while not is_known(answer := call(), in_parts):
            assert answer.json().get("retryable", True), answer.text
            assert time.monotonic() < ends, answer.text
            time.sleep(int(answer.headers.get("Retry-After", "0")))
        return answer

    def shown(self) -> list[int]:
        """The quantities in the cart as the store has it."""
        ends = time.monotonic() + 120
        while (cart := self.call("GET", "/cart", **NOW).json()).get("stale", True):
            assert time.monotonic() < ends, cart
        return sorted(line["quantity"] - self.mark for line in cart["items"])

    def at_store(self, store: Store) -> list[list[int]]:
        """The same, in each cart that holds any of them."""
        carts = [[line["quantity"] for line in cart["lines"]] for cart in store.carts()]
        return [
            sorted(quantity - self.mark for quantity in cart)
            for cart in carts
            if any(self.owns({"quantity": quantity}) for quantity in cart)
        ]


def together(buyers: list[Buyer], act: Callable[[Buyer], Any]) -> list[Any]:
    with ThreadPoolExecutor(len(buyers)) as pool:
        return list(pool.map(act, buyers))


@pytest.fixture(scope="module")
def unmerging_url(redis_url: str, store_url: str) -> Iterator[str]:
    """A service of two workers that has never seen its store merge lines."""
    environment = {"CARTPROXY_REDIS_URL": redis_url, **QUICK}
    with service(environment | store_environment(store_url)) as url:
        yield url


@pytest.fixture
def buyers(unmerging_url: str, store: Store) -> list[Buyer]:
    """Thirty shoppers with one line each, whose carts have not been read yet."""
    store.change_product(MUG, stock=10**6)
    buyers = [Buyer(unmerging_url, number) for number in range(SHOPPERS)]
    together(buyers, lambda buyer: buyer.add(1, **MINIMAL))
    return buyers


def is_known(answer: requests.Response, in_parts: bool = False) -> bool:
    known = {"applied", "not_applied"} if in_parts else {"applied"}
    results = answer.json().get("results", [])
    return answer.status_code < 400 and all(each["outcome"] in known for each in results)


def is_bad_response(answer: requests.Response) -> bool:
    return (answer.status_code, answer.json()["code"]) == (502, "store-bad-response")


@pytest.mark.parametrize(("method", "path"), [("GET", "/cart"), ("POST", "/checkout")])
def test_reading_that_gets_another_cart_shows_and_keeps_nothing_of_it(
    buyers: list[Buyer], store: Store, method: str, path: str
) -> None:
    store.fail({"method": "GET", "path": "/Cart/*", "fault": "other_cart", "times": None})

    answers = together(buyers, lambda buyer: buyer.call(method, path))
    store.fail()

    assert all(is_bad_response(answer) for answer in answers)
    assert together(buyers, Buyer.shown) == [[1]] * SHOPPERS


def test_reading_that_gets_another_cart_falls_back_to_the_snapshot(
    buyers: list[Buyer], store: Store
) -> None:
    together(buyers, Buyer.shown)
    store.fail({"method": "GET", "path": "/Cart/*", "fault": "other_cart", "times": None})

    carts = together(buyers, lambda buyer: buyer.call("GET", "/cart", **NOW).json())
    leaving = together(buyers, lambda buyer: buyer.call("POST", "/checkout").json())
    store.fail()

    keys = {cart["lines"][0]["quantity"] - 1: cart["order_key"] for cart in store.carts()}
    assert all(cart["stale"] and cart["item_count"] == buyer.mark + 1
               for buyer, cart in zip(buyers, carts, strict=True))  # fmt: skip
    assert all(keys[buyer.mark] in left["checkout_url"]
               for buyer, left in zip(buyers, leaving, strict=True))  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path", "body", "left"),
    [
        ("PATCH", "/cart/items/{line}", 5, [5]),
        ("DELETE", "/cart/items/{line}", None, []),
        ("PATCH", "/cart", {"billing": {"city": "Bonn"}}, [1]),
    ],
    ids=["change", "remove", "addresses"],
)
def test_write_that_gets_another_carts_envelope_is_not_confirmed(
    buyers: list[Buyer], store: Store, method: str, path: str, body: Any, left: list[int]
) -> None:
    together(buyers, Buyer.shown)

    def write(buyer: Buyer) -> requests.Response:
        (line,) = buyer.call("GET", "/cart").json()["items"]
        json = {"quantity": buyer.mark + body} if isinstance(body, int) else body
        return buyer.call(method, path.format(line=line["item_id"]), json)

    method_at_store = {"PATCH": "PUT"}.get(method, method)
    store.fail({"method": method_at_store, "path": "*", "fault": "other_cart", "times": None})
    answers = together(buyers, write)
    store.fail()

    assert all(is_bad_response(answer) for answer in answers)
    assert {answer.json()["outcome"] for answer in answers} == {"unknown"}
    assert together(buyers, Buyer.shown) == [left] * SHOPPERS


def test_deletion_that_gets_another_carts_envelope_is_not_confirmed(
    buyers: list[Buyer], store: Store
) -> None:
    store.fail({"method": "DELETE", "path": "/Cart/*", "fault": "other_cart", "times": None})

    answers = together(buyers, lambda buyer: buyer.call("DELETE", "/cart"))
    store.fail()

    assert all(is_bad_response(answer) for answer in answers)
    assert {answer.json()["outcome"] for answer in answers} == {"unknown"}
    assert len(store.carts("gone")) == SHOPPERS


def busy(buyer: Buyer) -> None:
    """What a shopper does; each call is repeated until its outcome is known."""
    buyer.add(2)
    buyer.add(3, 4, 5)
    buyer.add(6, **MINIMAL)
    ids = {line["quantity"]: line["item_id"] for line in buyer.call("GET", "/cart").json()["items"]}
    changed = ids.get(buyer.mark + 1)
    if changed:
        json = {"quantity": buyer.mark + 50}
        buyer.until_known(lambda: buyer.call("PATCH", f"/cart/items/{changed}", json))


@pytest.mark.parametrize("ms", [None, 10, 25, 40])
def test_answers_that_come_twice_are_taken_once(
    buyers: list[Buyer], store: Store, ms: int | None
) -> None:
    # Without ms the next call on the connection always reads the second answer.
    late = {"times": 10 * SHOPPERS} if ms is None else {"times": None, "ms": ms}
    together(buyers, Buyer.shown)
    store.fail({"method": "*", "path": "*", "fault": "twice", **late})

    together(buyers, busy)
    store.fail()

    bought = [[2, 3, 4, 5, 6, 50]] * SHOPPERS
    assert together(buyers, Buyer.shown) == bought
    assert [buyer.at_store(store) for buyer in buyers] == [[each] for each in bought]


@pytest.fixture(scope="module")
def one_worker_url(redis_url: str, store_url: str) -> Iterator[str]:
    """A service of one process, which does not know the carts made by another one."""
    environment = {"CARTPROXY_REDIS_URL": redis_url, "CARTPROXY_WORKERS": "1", **QUICK}
    with service({**environment, **store_environment(store_url)}) as url:
        yield url


def test_add_that_gets_another_carts_line_gives_the_shopper_its_own(
    one_worker_url: str, store: Store
) -> None:
    store.change_product(MUG, stock=10**6)
    buyers = [Buyer(one_worker_url, number) for number in range(SHOPPERS)]
    together(buyers, lambda buyer: buyer.add(1))
    Buyer(one_worker_url, SHOPPERS).add(1)  # the newest cart, whose line answers for others
    store.fail({"method": "POST", "path": "/Cart/*/Item", "fault": "other_cart", "times": None})

    answers = together(buyers, lambda buyer: buyer.add(2).json())
    store.fail()

    added = [
        [line["item_id"] for line in cart["items"] if line["quantity"] % 100 == 2]
        for cart in answers
    ]
    assert added == [[result["item_id"] for result in answer["results"]] for answer in answers]
    assert [buyer.at_store(store) for buyer in buyers] == [[[1, 2]]] * SHOPPERS


@pytest.mark.parametrize("body", [{"items": [{"catalog_id": MUG}]}, {"billing": {"city": "Bonn"}}])
def test_no_process_gets_the_new_cart_of_another(
    quick_url: str, impatient_url: str, store: Store, body: dict[str, Any]
) -> None:
    method, path = ("POST", "/cart/items") if "items" in body else ("PATCH", "/cart")
    owner, other = Buyer(quick_url, 1), Shopper(impatient_url)
    owner.add(1)
    store.fail({"method": "POST", "path": "/Cart", "fault": "other_cart", "times": 1})

    refused = other.call(method, path, body)
    again = other.call(method, path, body)

    assert is_bad_response(refused)
    assert refused.json()["outcome"] == "not_applied"
    assert (owner.shown(), owner.at_store(store)) == ([1], [[1]])
    assert again.status_code < 300
    assert len(store.carts()) == 3  # and one that is not used


@pytest.mark.parametrize("fault", ["other_cart", "twice"])
def test_no_two_shoppers_get_one_new_cart(one_worker_url: str, store: Store, fault: str) -> None:
    store.change_product(MUG, stock=10**6)
    buyers = [Buyer(one_worker_url, number) for number in range(SHOPPERS)]
    buyers[0].add(1)
    store.fail({"method": "POST", "path": "/Cart", "fault": fault, "times": 2 * SHOPPERS})

    together(buyers[1:], lambda buyer: buyer.add(1))
    store.fail()

    assert together(buyers, Buyer.shown) == [[1]] * SHOPPERS
    assert [buyer.at_store(store) for buyer in buyers] == [[[1]]] * SHOPPERS


# The first add into a known line is settled by a reading; it must not count as a lost answer.
def test_batch_with_one_lost_answer_continues_at_a_store_not_known_to_merge(
    redis_url: str, store_url: str, store: Store
) -> None:
    store.set(merge_same_item=True)
    environment = {"CARTPROXY_REDIS_URL": redis_url, "CARTPROXY_WORKERS": "1", **QUICK}
    with service({**environment, **store_environment(store_url)}) as url:
        shopper = Shopper(url)
        shopper.add(MUG)
        lost = {"method": "POST", "path": "/Cart/*/Item", "fault": "apply_then_drop", "times": 1}
        store.fail({**lost, "fault": "latency", "ms": 0}, lost)

        shirt = {"catalog_id": SHIRT, "options": [SMALL]}
        items = [{"catalog_id": MUG}, shirt, {"catalog_id": MUG, "quantity": 2}]
        answer = shopper.call("POST", "/cart/items", {"items": items})

    assert [part["outcome"] for part in answer.json()["results"]] == ["applied"] * 3
