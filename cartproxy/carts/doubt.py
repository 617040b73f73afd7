"""Adds whose answer was lost: what is known of them, and how a later reading settles them.

The store has no idempotency key, so whether a lost add took effect shows in the cart alone: as a
line that was not known before, or as a known line that has grown. All doubts of a cart are settled
together, since one of them must not claim what another has done.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import combinations
from typing import Any

from cartproxy.model.cart import ChosenOption, LineItem, NewItem, Snapshot

_KEPT_DOUBTS = 32
_EXPLAINING_ITEMS = 8  # of so many at most a sum is looked for


@dataclass(frozen=True, slots=True)
class Doubt:
    """One request's adds, some of them in doubt since `since_ms` (Redis time).

    `entry` names its idempotency entry, or is empty. `found` are the lines of those that have been
    seen to take effect, by place in the request.
    """

    entry: str
    since_ms: int
    items: tuple[NewItem, ...]
    found: Mapping[int, str] = field(default_factory=dict)

    @property
    def missing(self) -> tuple[int, ...]:
        """Places in the request whose line has not been seen."""
        return tuple(index for index in range(len(self.items)) if index not in self.found)

    def as_json(self) -> list[Any]:
        """For the record."""
        found = {str(index): item_id for index, item_id in self.found.items()}
        return [self.entry, self.since_ms, [item_as_json(item) for item in self.items], found]

    @classmethod
    def from_json(cls, raw: list[Any]) -> Doubt:
        """From the record."""
        entry, since_ms, items, found = raw
        return cls(
            entry,
            since_ms,
            tuple(item_from_json(item) for item in items),
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


@dataclass(frozen=True, slots=True)
class _Missing:
    """An add that has not been seen: its place among the doubts and in its request."""

    doubt: int
    index: int
    item: NewItem


def settle(
    doubts: Iterable[Doubt], before: Mapping[str, Decimal], snapshot: Snapshot
) -> tuple[Doubt, ...]:
    """The doubts as a reading of the cart leaves them.

    `before` are the quantities of the lines known until then: those of the last reading and of
    acknowledged writes since.
    """
    standing = list(doubts)
    missing = [
        _Missing(place, index, doubt.items[index])
        for place, doubt in enumerate(standing)
        for index in doubt.missing
    ]
    for add, item_id in _explain(missing, before, snapshot):
        doubt = standing[add.doubt]
        standing[add.doubt] = replace(doubt, found={**doubt.found, add.index: item_id})
    return tuple(standing)


def still_open(doubts: Iterable[Doubt], now_ms: int, settle_ms: int) -> tuple[Doubt, ...]:
    """The doubts that matter yet.

    One without a key, about which nobody can ask any more, is dropped once it is found, or surely
    absent: `settle_ms` after it arose, the store applies it no more.
    """
    kept = tuple(
        doubt
        for doubt in doubts
        if doubt.entry or (doubt.missing and now_ms - doubt.since_ms < settle_ms)
    )
    return kept[-_KEPT_DOUBTS:]


def newly_found(before: Iterable[Doubt], after: Iterable[Doubt]) -> int:
    """How many of the doubts a settling has answered with yes; both in the same order."""
    return sum(
        bool(old.missing) and not new.missing for old, new in zip(before, after, strict=True)
    )


def newly_absent(after: Iterable[Doubt], since_ms: int, now_ms: int, settle_ms: int) -> int:
    """How many have become surely absent since the reading before, at `since_ms`."""
    return sum(
        bool(doubt.missing) and since_ms < doubt.since_ms + settle_ms <= now_ms for doubt in after
    )


def _explain(
    missing: list[_Missing], before: Mapping[str, Decimal], snapshot: Snapshot
) -> Iterator[tuple[_Missing, str]]:
    """Which adds explain what has grown: each add once, each growth by its very quantity.

    First lines that one add explains, then lines in which the store has merged several. What is
    left of a known line's growth is shared with another writer, and the oldest add claims it.
    """
    grown = {
        line.item_id: line.quantity - before.get(line.item_id, Decimal(0))
        for line in snapshot.items
        if not line.derived
    }
    lines = [line for line in snapshot.items if grown.get(line.item_id, 0) > 0]
    for choose in (_one_of, _several_of, _oldest_of):
        for line in lines:
            growth = grown[line.item_id]
            same = [add for add in missing if add.item.catalog_id == line.catalog_id]
            if choose is _oldest_of and line.item_id not in before:
                continue  # a new line of another quantity is somebody else's
            for add in choose(same, line, growth):
                missing.remove(add)
                grown[line.item_id] -= add.item.quantity
                yield add, line.item_id


def _one_of(adds: list[_Missing], line: LineItem, growth: Decimal) -> tuple[_Missing, ...]:
    """The add of this very quantity; of several, the one with most of the line's options."""
    shown = {option.value for option in line.options}
    exact = [add for add in adds if add.item.quantity == growth]
    best = max(
        exact,
        key=lambda add: len(shown & {option.value for option in add.item.options}),
        default=None,
    )
    return (best,) if best else ()


def _several_of(adds: list[_Missing], line: LineItem, growth: Decimal) -> tuple[_Missing, ...]:
    """The fewest adds that sum up to the growth."""
    some = adds[:_EXPLAINING_ITEMS]
    return next(
        (
            chosen
            for size in range(2, len(some) + 1)
            for chosen in combinations(some, size)
            if growth == sum(add.item.quantity for add in chosen)
        ),
        (),
    )


def _oldest_of(adds: list[_Missing], line: LineItem, growth: Decimal) -> tuple[_Missing, ...]:
    fitting = (add for add in adds if add.item.quantity <= growth)
    oldest = next(fitting, None)
    return (oldest,) if oldest else ()
