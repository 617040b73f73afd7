"""Copies of records and wishes are what `dataclasses.replace` makes of them."""

from __future__ import annotations

import dataclasses
from decimal import Decimal

import pytest

from cartproxy.model.cart import NewItem
from cartproxy.model.copies import replace
from cartproxy.model.record import Record
from cartproxy.model.wishes import Wish

ITEM = NewItem(3828, Decimal(2))


@pytest.mark.parametrize(
    ("value", "changes"),
    [
        (Record(order_key="k", as_of_ms=5), {"outdated": False, "since": {"1": ITEM}}),
        (Wish("entry", 0, ITEM), {"line_id": "7", "owed": True}),
        (ITEM, {"quantity": Decimal(0)}),
        (ITEM, {}),
    ],
)
def test_copy_has_the_changed_fields_and_all_others(value, changes):
    before = dataclasses.replace(value)

    copy = replace(value, **changes)

    assert copy == dataclasses.replace(value, **changes)
    assert value == before
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(copy, next(iter(vars(copy))), None)


def test_dataclass_with_slots_is_not_copied_by_half():
    slotted = dataclasses.make_dataclass("Slotted", ["field"], slots=True)

    with pytest.raises(TypeError):
        replace(slotted(1), field=2)
