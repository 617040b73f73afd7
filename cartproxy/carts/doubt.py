"""Adds whose answer was lost: what is known of them, and how a later reading settles them.

The store has no idempotency key, so whether a lost add took effect shows in the cart alone: as a
line that was not known before, or as a known line that has grown.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from cartproxy.carts.models import ChosenOption, LineItem, NewItem, Snapshot

_KEPT_DOUBTS = 32


@dataclass(frozen=True, slots=True)
class Doubt:
    """One request's adds, some of them in doubt since `since_ms` (Redis time).

    `entry` names its idempotency entry, or is empty. `known` are quantities by line before it and
    by other writes since; `found` are its own lines, by place in the request.
    """

    entry: str
    since_ms: int
    items: tuple[NewItem, ...]
    known: Mapping[str, Decimal] = field(default_factory=dict)
    found: Mapping[int, str] = field(default_factory=dict)

    @property
    def missing(self) -> tuple[int, ...]:
        """Places in the request whose line has not been seen."""
        return tuple(index for index in range(len(self.items)) if index not in self.found)

    def as_json(self) -> list[Any]:
        """For the record."""
        return [
            self.entry,
            self.since_ms,
            [item_as_json(item) for item in self.items],
            {item_id: str(quantity) for item_id, quantity in self.known.items()},
            {str(index): item_id for index, item_id in self.found.items()},
        ]

    @classmethod
    def from_json(cls, raw: list[Any]) -> Doubt:
        """From the record."""
        entry, since_ms, items, known, found = raw
        return cls(
            entry,
            since_ms,
            tuple(item_from_json(item) for item in items),
            {item_id: Decimal(quantity) for item_id, quantity in known.items()},
            {int(index): item_id for index, item_id in found.items()},
        )


def item_as_json(item: NewItem) -> list[Any]:
    """An item for the record."""
    options = [[each.option_set_id, each.option_id, each.value] for each in item.options]
    return [item.catalog_id, str(item.quantity), options]


def item_from_json(raw: list[Any]) -> NewItem:
    """An item from the record."""
    catalog_id, quantity, options = raw
    return NewItem(catalog_id, Decimal(quantity), tuple(ChosenOption(*each) for each in options))


def find_line(
    snapshot: Snapshot, item: NewItem, known: Mapping[str, Decimal], claimed: Collection[str]
) -> LineItem | None:
    """The line that a lost add has made or made grow; None when the cart shows none.

    `known` are quantities by line without that add; a line in `claimed` is another add's.
    """
    chosen = {option.value for option in item.options}
    candidates = [
        line
        for line in snapshot.items
        if line.catalog_id == item.catalog_id
        and not line.derived
        and line.item_id not in claimed
        and line.quantity - known.get(line.item_id, Decimal(0)) >= item.quantity
    ]
    # Of several, a line of the very quantity and options is the likeliest to be this add's.
    return max(
        candidates,
        key=lambda line: (
            line.quantity - known.get(line.item_id, Decimal(0)) == item.quantity,
            len(chosen & {option.value for option in line.options}),
        ),
        default=None,
    )


def settle(
    doubts: Iterable[Doubt], snapshot: Snapshot, now_ms: int, settle_ms: int
) -> tuple[Doubt, ...]:
    """The doubts as a reading of the cart leaves them, the older first served.

    One without a key, about which nobody can ask any more, is dropped once it is found, or surely
    absent: `settle_ms` after it arose, the store applies it no more.
    """
    settled: list[Doubt] = []
    grown: dict[str, Decimal] = {}
    for doubt in doubts:
        known = {**doubt.known}
        for item_id, quantity in grown.items():
            known[item_id] = known.get(item_id, Decimal(0)) + quantity
        found = dict(doubt.found)
        for index in doubt.missing:
            item = doubt.items[index]
            line = find_line(snapshot, item, known, ())
            if line is not None:
                found[index] = line.item_id
                for counted in (known, grown):
                    counted[line.item_id] = counted.get(line.item_id, Decimal(0)) + item.quantity
        settled.append(replace(doubt, known=known, found=found))
    return tuple(
        doubt
        for doubt in settled[-_KEPT_DOUBTS:]
        if doubt.entry or (doubt.missing and now_ms - doubt.since_ms < settle_ms)
    )


def absorb(doubts: Iterable[Doubt], changes: Mapping[str, Decimal]) -> tuple[Doubt, ...]:
    """The doubts after other, acknowledged writes: by how much each line has grown or shrunk."""
    if not changes:
        return tuple(doubts)
    return tuple(
        replace(
            doubt,
            known={
                **doubt.known,
                **{
                    item_id: doubt.known.get(item_id, Decimal(0)) + change
                    for item_id, change in changes.items()
                },
            },
        )
        for doubt in doubts
    )
