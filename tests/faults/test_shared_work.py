"""Writes that wait on one cart share their work, and each caller gets a true answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import redis
import requests
from support.shopper import MUG, Shopper, Store
from support.waiting import wait_for

Write = Callable[[Shopper], requests.Response]


@pytest.fixture
def queue(client: redis.Redis) -> Callable[[], int]:
    """How many writes wait for a cart."""
    for key in client.scan_iter("cp:*:q"):
        client.delete(key)

    def waiting() -> int:
        return max((client.hlen(key) for key in client.scan_iter("cp:*:q")), default=0)

    return waiting


@contextmanager
def one_after_the_other(
    shopper: Shopper, store: Store, queue: Callable[[], int], *writes: Write
) -> Iterator[list[Future[requests.Response]]]:
    """The writes, each from a tab of its own: the first is at the store, the others wait in line.

    They continue after the block.
    """
    store.calls()
    store.hold()
    base = shopper.base.partition("/v1/")[0]
    with ThreadPoolExecutor(len(writes)) as pool:
        sent: list[Future[requests.Response]] = []
        for waiting, write in enumerate(writes):
            sent.append(pool.submit(write, Shopper(base, bearer=shopper.bearer)))
            store.wait_for_calls()
            wait_for(lambda waiting=waiting: queue() == waiting, f"{waiting} wait")  # type: ignore[misc]
        store.fail()
        yield sent


def add(catalog_id: int) -> Write:
    return lambda shopper: shopper.call("POST", "/cart/items", {"catalog_id": catalog_id})


def change(line: str, quantity: float) -> Write:
    return lambda shopper: shopper.call("PATCH", f"/cart/items/{line}", {"quantity": quantity})


def test_waiting_adds_use_one_read_back_together(
    quick: Shopper, store: Store, queue: Callable[[], int]
) -> None:
    quick.add(MUG)

    with one_after_the_other(quick, store, queue, *[add(MUG)] * 6) as sent:
        answers = [each.result() for each in sent]

    kinds = store.kinds()
    assert {answer.status_code for answer in answers} == {201}
    assert kinds.count("POST Item") == 6
    assert kinds.count("GET Cart") <= 3
    for answer in answers:
        cart = answer.json()
        assert answer.json()["results"][0]["item_id"] in {line["item_id"] for line in cart["items"]}
        assert cart["stale"] is False


def test_burst_of_changes_on_one_line_is_one_call_with_the_last_quantity(
    quick: Shopper, store: Store, queue: Callable[[], int]
) -> None:
    line = quick.add(MUG)["items"][0]["item_id"]
    presses = [change(line, quantity) for quantity in range(2, 9)]

    with one_after_the_other(quick, store, queue, *presses) as sent:
        answers = [each.result() for each in sent]

    kinds = store.kinds()
    assert {answer.status_code for answer in answers} == {200}
    assert kinds.count("PUT Item") <= 3
    assert {answer.json()["items"][0]["quantity"] for answer in answers[1:]} == {8}
    assert store.carts()[0]["lines"][0]["quantity"] == 8


@pytest.mark.parametrize("nothing", [0, -0.0])
def test_change_before_a_removal_is_not_sent(
    quick: Shopper, store: Store, queue: Callable[[], int], nothing: float
) -> None:
    line = quick.add(MUG)["items"][0]["item_id"]
    presses = [change(line, quantity) for quantity in (2, 3, nothing)]

    with one_after_the_other(quick, store, queue, *presses) as sent:
        answers = [each.result() for each in sent]

    kinds = store.kinds()
    assert {answer.status_code for answer in answers} == {200}
    assert (kinds.count("PUT Item"), kinds.count("DELETE Item")) == (1, 1)
    assert answers[1].json()["items"] == answers[2].json()["items"] == []


def test_change_is_sent_when_the_one_after_it_fails(
    quick: Shopper, store: Store, queue: Callable[[], int]
) -> None:
    line = quick.add(3832)["items"][0]["item_id"]
    presses = [change(line, quantity) for quantity in (1, 2, 99)]

    with one_after_the_other(quick, store, queue, *presses) as sent:
        _, two, too_many = (each.result() for each in sent)

    assert too_many.status_code == 422
    assert two.status_code == 200
    assert store.carts()[0]["lines"][0]["quantity"] == 2


def test_waiting_writes_are_served_in_order(
    quick: Shopper, store: Store, queue: Callable[[], int]
) -> None:
    quick.add(MUG)
    products = [3829, 3831, 3834, 3837]

    with one_after_the_other(quick, store, queue, *map(add, products)):
        pass

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


# Fault 38
@pytest.mark.parametrize("writers", [40, 120])
def test_of_many_writes_at_once_sixteen_wait_and_the_others_are_refused_at_once(
    quick: Shopper, store: Store, client: redis.Redis, queue: Callable[[], int], writers: int
) -> None:
    quick.add(MUG)
    base = quick.base.partition("/v1/")[0]
    tabs = [Shopper(base, bearer=quick.bearer) for _ in range(writers)]
    store.calls()
    store.hold()
    client.config_resetstat()
    began = time.monotonic()
    with ThreadPoolExecutor(writers) as pool:
        first = pool.submit(add(MUG), tabs[0])
        store.wait_for_calls()
        others = [pool.submit(add(MUG), each) for each in tabs[1:]]
        # Before the first write has its answer from the store.
        wait_for(lambda: sum(each.done() for each in others) == writers - 17, "the refusals")
        waiting = queue()
        commands = sum(each["calls"] for each in client.info("commandstats").values())
        seconds = time.monotonic() - began
        store.fail()
        answers = [each.result() for each in (first, *others)]

    refused = [each for each in answers if each.status_code == 409]
    assert waiting == 16
    assert len(refused) == writers - 17
    assert {each.json()["code"] for each in refused} == {"cart-busy"}
    assert {(each.json()["outcome"], each.json()["retryable"]) for each in refused} == {
        ("not_applied", True)
    }
    assert {each.status_code for each in answers} == {201, 409}
    # Linear: a number for each request, and for each second of the polling of sixteen.
    assert commands < 40 * writers + 1_000 * seconds
