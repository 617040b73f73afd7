"""How a cart at the store differs from what the shopper was shown."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from cartproxy.model.cart import Change, LineItem, NewItem, Snapshot
from cartproxy.model.record import Record


def altered(asked: NewItem, line: LineItem) -> Change:
    """The store has added another quantity than was requested."""
    kind = "reduced" if line.quantity < asked.quantity else "increased"
    return Change(line.item_id, line.catalog_id, line.name, kind, asked.quantity, line.quantity)


def differences(record: Record, now: Snapshot) -> Iterator[Change]:
    """Which lines of a record are gone, less, more or more expensive in a reading.

    Cheaper lines are no difference, nor are lines that the shopper added on the store's own pages.
    """
    for item_id, item in record.lines().items():
        shown = record.snapshot.item(item_id)
        if shown is None or not shown.derived:
            yield from between(item_id, item, shown, now.item(item_id))


def between(
    item_id: str, asked: NewItem, shown: LineItem | None, line: LineItem | None, reason: str = ""
) -> Iterator[Change]:
    """What is worse in the line as it is now, than as it was asked for and shown."""
    name = shown.name if shown else line.name if line else ""
    if line is None:
        kind = "refused" if reason else "gone"
        yield Change(item_id, asked.catalog_id, name, kind, asked.quantity, Decimal(0), reason)
        return
    if line.quantity != asked.quantity:
        yield altered(asked, line)
    if shown is not None and line.price > shown.price:
        yield Change(line.item_id, line.catalog_id, name, "repriced", shown.price, line.price)
