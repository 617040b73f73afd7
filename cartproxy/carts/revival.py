"""A cart that has vanished at the store is made anew from what the shopper had chosen."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal

from cartproxy.model.cart import (
    Addresses,
    LineItem,
    NewItem,
    QuantityChange,
    Restored,
    RestoredLine,
    Snapshot,
)
from cartproxy.records.record import Record
from cartproxy.store.client import StoreClient
from cartproxy.store.errors import StoreNotFound, StoreRejected
from cartproxy.store.limits import Allowance


@dataclass(frozen=True, slots=True)
class Revival:
    """A cart made anew: its record, the new ids of its old lines, and what has changed in it."""

    record: Record
    new_ids: dict[str, str] = field(default_factory=dict)
    gone: tuple[RestoredLine, ...] = ()

    def translate(self, change: QuantityChange) -> QuantityChange:
        """A change of an old line as one of the line that stands for it now."""
        return replace(change, item_id=self.new_ids.get(change.item_id, change.item_id))

    def report(self, old: Snapshot, now: Snapshot) -> Restored:
        """What became of the old lines, by the cart as it is now."""
        before = {self.new_ids.get(each.item_id): each for each in old.items}
        kept: list[RestoredLine] = []
        repriced: list[RestoredLine] = []
        for item_id in self.new_ids.values():
            line = now.item(item_id)
            if line is None:
                continue
            was = before.get(item_id)
            same = was is None or _price(was) == _price(line)
            (kept if same else repriced).append(
                RestoredLine(line.catalog_id, line.name, line.quantity, item_id)
            )
        return Restored(tuple(kept), tuple(repriced), self.gone)


def revive(store: StoreClient, record: Record, allowance: Allowance) -> Revival:
    """Make the cart of a record anew at the store.

    Raises StoreError; the record then still stands for the old cart: the next write tries again.
    """
    key = store.create_cart(Addresses(), allowance)
    new_ids: dict[str, str] = {}
    written: dict[str, NewItem] = {}
    gone: list[RestoredLine] = []
    for item_id, item in record.lines().items():
        line = record.snapshot.item(item_id)
        if line is not None and line.derived:
            continue  # it comes along with the line it belongs to
        try:
            new_id = store.add_item(key, item, allowance)
        except (StoreRejected, StoreNotFound):
            name = line.name if line else ""
            gone.append(RestoredLine(item.catalog_id, name, item.quantity, None))
            continue
        new_ids[item_id] = new_id
        before = written.get(new_id)
        total = item.quantity + (before.quantity if before else Decimal(0))
        written[new_id] = NewItem(item.catalog_id, total, item.options)
    return Revival(Record(key).wrote(written), new_ids, tuple(gone))


def _price(line: LineItem) -> Decimal:
    return line.unit_price + line.option_price
