"""Faults 11 to 13, 20, 21 and 23: what the shopper asked for is in the cart once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from support.adds import ITEM, add, fault, key, until_known
from support.servers import free_port, service, store_environment
from support.shopper import MUG, SHIRT, SMALL, Shopper, Store, credential
from support.waiting import wait_for


def quantity_at_store(store: Store) -> int:
    return sum(line["quantity"] for cart in store.carts() for line in cart["lines"])


# Fault 20
def test_same_key_has_one_effect_and_replays_the_answer(quick: Shopper, store: Store) -> None:
    headers = key()

    first, second = add(quick, headers), add(quick, headers)

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert quantity_at_store(store) == 1
    assert store.kinds() == ["POST Cart", "POST Item", "GET Cart"]


def test_same_key_with_another_body_is_refused(quick: Shopper, store: Store) -> None:
    headers = key()
    add(quick, headers)

    refused = add(quick, headers, quantity=2)

    assert (refused.status_code, refused.json()["code"]) == (422, "idempotency-key-reused")
    assert quantity_at_store(store) == 1


def test_scope_of_a_key_is_its_route_and_cart(quick: Shopper, quick_url: str, store: Store) -> None:
    headers, other = key(), Shopper(quick_url)
    line = add(quick, headers).json()["results"][0]["item_id"]

    changed = quick.call("PATCH", f"/cart/items/{line}", {"quantity": 3}, headers=headers)
    others = add(other, headers)

    assert changed.json()["item_count"] == 3
    assert others.status_code == 201
    assert "Idempotent-Replayed" not in others.headers


def test_double_click_with_one_key_at_once_adds_once(quick: Shopper, store: Store) -> None:
    store.fail({"method": "POST", "path": ITEM, "fault": "latency", "ms": 300, "times": None})
    headers = key()

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: add(quick, headers), range(4)))

    assert {answer.status_code for answer in answers} == {201}
    assert quantity_at_store(store) == 1
    assert sum("Idempotent-Replayed" in answer.headers for answer in answers) == 3


def test_same_key_still_in_progress_is_409_after_the_wait(
    quick: Shopper, impatient_url: str, store: Store
) -> None:
    add(quick, key())
    store.calls()
    store.hold()
    headers = key()

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(add, quick, headers)
        store.wait_for_calls()
        answer = add(Shopper(impatient_url, bearer=quick.bearer), headers)
        store.fail()
        first = running.result()

    assert (answer.status_code, answer.json()["code"]) == (409, "request-in-progress")
    assert answer.headers["Retry-After"] == "1"
    assert first.status_code == 201


def test_write_that_waits_too_long_for_another_is_409_cart_busy(
    quick: Shopper, impatient_url: str, store: Store
) -> None:
    add(quick, key())
    store.calls()
    store.hold()

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(add, quick, key())
        store.wait_for_calls()
        other_tab = Shopper(impatient_url, bearer=quick.bearer)
        busy = other_tab.call("PATCH", "/cart", {"billing": {"city": "Bonn"}})
        store.fail()
        first = running.result()

    assert (busy.status_code, busy.json()["code"]) == (409, "cart-busy")
    assert busy.json()["outcome"] == "not_applied"
    assert int(busy.headers["Retry-After"]) > 0
    assert first.status_code == 201


@pytest.mark.parametrize("bad", ["", "x" * 256, "with space", "\u00fc".encode().decode("latin-1")])
def test_invalid_key_is_400(quick: Shopper, bad: str) -> None:
    assert add(quick, {"Idempotency-Key": bad}).status_code == 400


# Fault 21
def test_fifty_first_adds_at_once_make_one_cart(quick_url: str, store: Store) -> None:
    bearer = credential()

    def one(_: int) -> requests.Response:
        return until_known(Shopper(quick_url, bearer=bearer), key())

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(one, range(50)))

    assert {answer.status_code for answer in answers} == {201}
    (cart,) = store.carts()
    assert len(cart["lines"]) == 50


@pytest.mark.parametrize("merging", [False, True])
def test_first_add_whose_answer_never_arrived_is_sent_again(
    quick: Shopper, store: Store, merging: bool
) -> None:
    store.set(merge_same_item=merging)
    headers = key()
    add(quick, headers)

    again = add(Shopper(quick.base.partition("/v1/")[0], bearer=quick.bearer), headers)

    assert again.json()["item_count"] == 1
    (cart,) = store.carts()
    assert len(cart["lines"]) == 1


# Faults 13 and 23
@pytest.mark.parametrize("merging", [False, True])
@pytest.mark.parametrize("first", [True, False], ids=["first-add", "later-add"])
def test_add_whose_answer_is_lost_lands_once(
    quick: Shopper, store: Store, merging: bool, first: bool
) -> None:
    store.set(merge_same_item=merging)
    if not first:
        add(quick, key())
    store.fail(fault("apply_then_drop"))

    answer = add(quick, key(), quantity=2)

    assert answer.status_code == 201
    assert answer.json()["results"][0]["outcome"] == "applied"
    assert quantity_at_store(store) == (2 if first else 3)


@pytest.mark.parametrize("merging", [False, True])
@pytest.mark.parametrize("minimal", [False, True])
def test_add_that_was_never_applied_is_added_once_by_its_key(
    shopper: Shopper, retrying: Shopper, store: Store, merging: bool, minimal: bool
) -> None:
    store.set(merge_same_item=merging)
    add(shopper, key())
    store.fail(fault("drop"))
    headers = key() | ({"Prefer": "return=minimal"} if minimal else {})

    lost = add(shopper, headers)
    during = quantity_at_store(store)
    again = until_known(retrying, headers)

    assert (lost.status_code, lost.json()["outcome"]) == (504, "unknown")
    assert int(lost.headers["Retry-After"]) >= 1
    assert during == 1
    assert again.status_code == 201
    assert quantity_at_store(store) == 2


@pytest.mark.parametrize("merging", [False, True])
@pytest.mark.parametrize("looks", [1, 2])
def test_add_that_is_applied_late_never_makes_two_lines(
    shopper: Shopper, store: Store, merging: bool, looks: int
) -> None:
    store.set(merge_same_item=merging)
    add(shopper, key())
    store.fail(fault("drop_then_apply", ms=None))
    headers = key()

    unknown = [add(shopper, headers).status_code for _ in range(looks)]
    let_it_come(store, quantity=2)
    again = add(shopper, headers)

    assert unknown == [504] * looks
    assert again.status_code == 201
    assert quantity_at_store(store) == 2
    assert shopper.cart()["item_count"] == 2


def let_it_come(store: Store, quantity: int) -> None:
    """Let the store apply what it has dropped."""
    store.fail()
    wait_for(lambda: quantity_at_store(store) == quantity, "the store applies the add")


def test_retry_of_an_unknown_add_reads_and_does_not_post(shopper: Shopper, store: Store) -> None:
    add(shopper, key())
    store.fail(fault("drop"))
    headers = key()
    add(shopper, headers)
    store.calls()

    again = add(shopper, headers)

    assert (again.status_code, again.json()["code"]) == (504, "outcome-unknown")
    assert store.kinds() == ["GET Cart"]


def test_later_read_shows_an_add_that_came_late(shopper: Shopper, store: Store) -> None:
    add(shopper, key())
    store.fail(fault("drop_then_apply", ms=None))
    lost = add(shopper, {})

    let_it_come(store, quantity=2)

    assert lost.status_code == 504
    assert shopper.cart()["item_count"] == 2


def test_other_writes_succeed_while_an_add_is_unknown(shopper: Shopper, store: Store) -> None:
    add(shopper, key())
    store.fail(fault("drop_then_apply", ms=None))
    headers = key()
    lost = add(shopper, headers)

    other = add(shopper, key())
    let_it_come(store, quantity=3)
    settled = add(shopper, headers)

    assert (lost.status_code, other.status_code, settled.status_code) == (504, 201, 201)
    assert quantity_at_store(store) == 3
    assert settled.json()["results"][0]["item_id"] != other.json()["results"][0]["item_id"]


@pytest.mark.parametrize("merging", [False, True])
@pytest.mark.parametrize("kind", ["apply_then_drop", "drop"])
def test_batch_whose_middle_is_lost_is_completed_by_its_key(
    shopper: Shopper, retrying: Shopper, store: Store, merging: bool, kind: str
) -> None:
    store.set(merge_same_item=merging)
    add(shopper, key())
    shirt = {"catalog_id": SHIRT, "options": [SMALL]}
    body = {"items": [{"catalog_id": MUG}, shirt, {"catalog_id": MUG, "quantity": 2}]}
    store.fail(fault("latency", ms=1), fault(kind))
    headers = key()

    first = shopper.call("POST", "/cart/items", body, headers=headers)
    last = wait_for(
        lambda: complete(retrying.call("POST", "/cart/items", body, headers=headers)),
        "all three are added",
    )

    assert first.status_code == last.status_code == 201
    assert outcomes(first) == (
        ["applied", "unknown", "not_applied"] if kind == "drop" else ["applied"] * 3
    )
    assert quantity_at_store(store) == 5


def outcomes(answer: requests.Response) -> list[str]:
    return [each["outcome"] for each in answer.json()["results"]]


def complete(answer: requests.Response) -> requests.Response | None:
    return answer if answer.ok and set(outcomes(answer)) == {"applied"} else None


def test_create_whose_answer_is_lost_says_that_nothing_was_added(
    quick: Shopper, store: Store
) -> None:
    store.fail(fault("apply_then_drop", path="/Cart"))
    headers = key()

    lost = add(quick, headers)
    again = add(quick, headers)

    assert (lost.status_code, lost.json()["outcome"]) == (502, "not_applied")
    assert again.status_code == 201
    assert quantity_at_store(store) == 1


# Fault 11
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize("kind", ["status", "reset", "apply_then_drop"])
def test_get_put_and_delete_are_retried_once(
    quick: Shopper, store: Store, method: str, kind: str
) -> None:
    line = add(quick, key()).json()["results"][0]["item_id"]
    store.calls()
    store.fail({"method": method, "path": "*", "fault": kind, "status": 500, "times": 1})

    answers = {
        "GET": lambda: quick.call("GET", "/cart", headers={"Cache-Control": "no-cache"}),
        "PUT": lambda: quick.call("PATCH", f"/cart/items/{line}", {"quantity": 2}),
        "DELETE": lambda: quick.call("DELETE", f"/cart/items/{line}"),
    }
    answer = answers[method]()

    assert answer.status_code == 200
    assert answer.json()["stale"] is False
    assert [call for call, _ in store.calls()].count(method) == 2


def test_failing_twice_is_the_answer(quick: Shopper, store: Store) -> None:
    line = add(quick, key()).json()["results"][0]["item_id"]
    store.fail({"method": "PUT", "path": "*", "fault": "status", "status": 500, "times": None})

    answer = quick.call("PATCH", f"/cart/items/{line}", {"quantity": 2})

    assert (answer.status_code, answer.json()["code"]) == (502, "store-error")


# Fault 12
def test_store_that_refuses_connections_is_retried_once_and_nothing_is_applied(
    quick: Shopper, redis_url: str
) -> None:
    settings = {
        "CARTPROXY_REDIS_URL": redis_url,
        **store_environment(f"http://127.0.0.1:{free_port()}", ADDS="direct"),
    }
    with service(settings) as url:
        answer = add(Shopper(url), key())

    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (503, "store-unreachable")
    assert (problem["outcome"], problem["retryable"]) == ("not_applied", True)


# Found by the soak: each retry restarted the waiting time, so an early client never got an answer.
def test_early_retries_do_not_prolong_the_wait(quick: Shopper, store: Store) -> None:
    add(quick, key())
    store.fail(fault("drop"))
    headers = key()

    wait_for(lambda: add(quick, headers).ok, "the add is known")

    assert quantity_at_store(store) == 2


# Found by the soak: a retry that could not read the cart called an applied add "not applied".
def test_retry_that_cannot_read_the_cart_does_not_call_the_add_absent(
    quick: Shopper, store: Store
) -> None:
    add(quick, key())
    no_reads = {"method": "GET", "path": "*", "fault": "html", "times": 2}
    store.fail(fault("apply_then_drop"), no_reads)
    headers = key()

    lost, blind, seeing = (add(quick, headers) for _ in range(3))

    assert [lost.json()["outcome"], blind.json()["outcome"]] == ["unknown", "unknown"]
    assert seeing.status_code == 201
    assert quantity_at_store(store) == 2
