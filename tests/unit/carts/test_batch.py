"""Several items in one request: what each becomes, and when the rest is not tried."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cartproxy.carts.batch import Batch
from cartproxy.carts.errors import ItemGone, ItemNotFound
from cartproxy.errors import CartProxyError, Outcome
from cartproxy.model.cart import ItemResult
from cartproxy.storage.errors import StorageUnavailable
from cartproxy.store.errors import (
    StoreAuth,
    StoreBusy,
    StoreFailed,
    StoreNotFound,
    StoreRejected,
    StoreTimeout,
    StoreUnreachable,
)

APPLIED, NOT_APPLIED, UNKNOWN = Outcome.APPLIED, Outcome.NOT_APPLIED, Outcome.UNKNOWN


def gives(item_id: str) -> Callable[[], str]:
    return lambda: item_id


def fails(error: CartProxyError) -> Callable[[], str]:
    def call() -> str:
        raise error

    return call


def batch_of(*calls: Callable[[], str]) -> Batch:
    batch = Batch()
    for call in calls:
        batch.run(call)
    return batch


@pytest.mark.parametrize(
    "error", [StoreRejected("x"), StoreNotFound("x"), ItemNotFound("x"), ItemGone("x")], ids=repr
)
def test_bad_item_stops_none_of_the_others(error: CartProxyError) -> None:
    batch = batch_of(gives("1"), fails(error), gives("3"))

    assert batch.results == (
        ItemResult(0, APPLIED, "1"),
        ItemResult(1, NOT_APPLIED, None, error.code),
        ItemResult(2, APPLIED, "3"),
    )


@pytest.mark.parametrize(
    "error",
    [StoreAuth("x"), StoreBusy("x"), StoreUnreachable("x"), StoreFailed("x", outcome=UNKNOWN),
     StoreTimeout("x", outcome=UNKNOWN), StorageUnavailable("x")],
    ids=repr,
)  # fmt: skip
def test_failing_store_is_not_asked_for_the_rest(error: CartProxyError) -> None:
    asked: list[str] = []

    batch = batch_of(gives("1"), fails(error), lambda: asked.append("2") or "2")

    assert asked == []
    assert batch.results[1:] == (
        ItemResult(1, error.outcome or NOT_APPLIED, None, error.code),
        ItemResult(2, NOT_APPLIED, None, error.code),
    )


def test_bug_is_not_taken_for_a_result() -> None:
    def call() -> str:
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        batch_of(call)


@pytest.mark.parametrize(
    ("calls", "applied", "unknown", "touched", "refused_entirely"),
    [
        ((), False, False, False, False),
        ((gives("1"),), True, False, True, False),
        ((fails(StoreRejected("x")),), False, False, False, True),
        ((fails(StoreRejected("x")), fails(StoreNotFound("x"))), False, False, False, True),
        ((fails(StoreRejected("x")), gives("1")), True, False, True, False),
        ((fails(StoreFailed("x", outcome=UNKNOWN)),), False, True, True, False),
        ((fails(StoreRejected("x")), fails(StoreBusy("x"))), False, False, False, False),
        ((fails(ItemGone("x")),), False, False, True, False),
        ((fails(ItemNotFound("x")),), False, False, False, False),
    ],
)  # fmt: skip
def test_batch_tells_whether_the_cart_may_have_changed(
    calls: tuple[Callable[[], str], ...],
    applied: bool,
    unknown: bool,
    touched: bool,
    refused_entirely: bool,
) -> None:
    batch = batch_of(*calls)

    assert (batch.applied, batch.unknown, batch.touched, batch.refused_entirely) == (
        applied,
        unknown,
        touched,
        refused_entirely,
    )


def test_failure_is_the_first_one_unless_another_is_in_doubt() -> None:
    rejected, lost = StoreRejected("no"), StoreTimeout("late", outcome=UNKNOWN)

    sure = batch_of(fails(rejected), fails(ItemNotFound("x"))).failure()
    doubtful = batch_of(fails(rejected), fails(lost), gives("3")).failure()

    assert sure.cause is rejected
    assert (doubtful.cause, doubtful.outcome) == (lost, UNKNOWN)
    assert [each.outcome for each in doubtful.results] == [NOT_APPLIED, UNKNOWN, NOT_APPLIED]
