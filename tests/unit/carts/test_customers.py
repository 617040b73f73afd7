"""Which of a store's customers a cart is for, and how long a record remembers it."""

from __future__ import annotations

import pytest

from cartproxy.carts.customers import oldest
from cartproxy.carts.fold import vanished
from cartproxy.model.customer import Customer
from cartproxy.model.record import Record
from cartproxy.records.form import record_of, state_of
from cartproxy.records.seal import Seal
from cartproxy.store.errors import StoreBadResponse
from cartproxy.store.wire import MOST_CUSTOMERS, read_customers, read_new_customer

EMAIL = "ann@shop.example"


def customer(customer_id: int, email: str = EMAIL, **more: object) -> dict[str, object]:
    return {"CustomerID": customer_id, "Email": email, **more}


@pytest.mark.parametrize(
    ("customers", "expected"),
    [
        ([], None),
        ([Customer(3, enabled=False)], None),
        ([Customer(9, enabled=True), Customer(5, enabled=True), Customer(3, enabled=False)], 5),
    ],
)
def test_oldest_is_the_lowest_id_of_the_enabled(
    customers: list[Customer], expected: int | None
) -> None:
    assert oldest(customers) == expected


def test_customers_of_other_addresses_are_not_meant() -> None:
    listed = [customer(1, "joann@shop.example"), customer(2, " Ann@Shop.Example", Enabled=False)]

    assert read_customers(listed, EMAIL) == (Customer(2, enabled=False),)
    assert read_customers(customer(3), EMAIL) == (Customer(3, enabled=True),)
    assert read_customers([], EMAIL) == ()


def others(count: int) -> list[dict[str, object]]:
    return [customer(number, f"{number}@shop.example") for number in range(1, count + 1)]


@pytest.mark.parametrize(
    "body", [others(MOST_CUSTOMERS), None, {}, {"TotalCount": 1}, customer(0), customer(-3)]
)
def test_answer_that_does_not_say_who_there_is_makes_nobody(body: object) -> None:
    with pytest.raises(StoreBadResponse):
        read_customers(body, EMAIL)


@pytest.mark.parametrize("value", ["abc", "0", -3, "9" * 30, "", None, True, 1.5])
def test_new_customer_without_a_usable_id_is_no_customer(value: object) -> None:
    with pytest.raises(StoreBadResponse):
        read_new_customer([{"Key": "CustomerID", "Value": value}])


@pytest.mark.parametrize(("checkout_at_ms", "expected"), [(None, 7), (1, None)])
def test_next_cart_is_for_the_same_customer_unless_this_one_was_paid_for(
    checkout_at_ms: int | None, expected: int | None
) -> None:
    record = Record("key", customer_id=7, checkout_at_ms=checkout_at_ms)

    assert vanished(record).customer_id == expected


@pytest.mark.parametrize("customer_id", [None, 7])
def test_record_keeps_its_customer_and_nothing_but_that(customer_id: int | None) -> None:
    record = Record(customer_id=customer_id)

    kept, _ = record_of(f"1 r 0\n{state_of(record, Seal())}\n", Seal())

    assert kept.customer_id == customer_id
    assert kept.is_blank == (customer_id is None)
