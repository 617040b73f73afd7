"""Which lines of a reading explain adds whose answer was lost.

The store has no idempotency key, so only the cart shows whether a lost add took effect: by a new
line, or by a known line that has grown. All lost adds of a cart are matched together, since a line
must not count for two of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import combinations

from cartproxy.model.cart import LineItem, Snapshot
from cartproxy.model.record import Record
from cartproxy.model.wishes import Wish

_EXPLAINING_ADDS = 8  # a sum is looked for among so many at most


def explain(
    sent: Sequence[Wish], record: Record, snapshot: Snapshot
) -> tuple[dict[tuple[str, int], str], dict[tuple[str, int], LineItem], dict[str, Decimal]]:
    """What explains how a cart has grown since it was known, by its lines as the record has them.

    The line of each add that explains a growth, and a likely line of others, by the adds' places;
    and how much more, or less, each line is than all that explains.

    Each add explains once, each growth by its very quantity: first lines that one add explains,
    then lines in which the store has merged several. What is left of a known line's growth is
    shared with another writer, and the oldest add claims it.

    A line that is still left may be an add's own, with a quantity of the store's choice. That is
    to be believed only once nothing else can come; until then the add remembers it. Of a line
    that was written since the last reading, what is left is the store's choice for that write.
    """
    known = record.lines()
    left = {
        line.item_id: line.quantity - (known[line.item_id].quantity if line.item_id in known else 0)
        for line in snapshot.items
        if not line.derived
    }
    lines = [line for line in snapshot.items if left.get(line.item_id, 0) > 0]
    # Where several explanations fit, first what is given up first: another may still come.
    missing = sorted(sent, key=lambda wish: (not wish.final, wish.at_ms))
    found: dict[tuple[str, int], str] = {}
    for choose in (_one_of, _several_of, _oldest_of):
        for line in lines:
            if choose is _oldest_of and line.item_id not in known.keys() - record.since.keys():
                continue  # a new line of another quantity may be somebody else's
            same = [wish for wish in missing if wish.item.catalog_id == line.catalog_id]
            for wish in choose(same, line, left[line.item_id]):
                missing.remove(wish)
                left[line.item_id] -= wish.item.quantity
                found[wish.place] = line.item_id
    remembered = {wish.line_id for wish in sent}
    loose = [
        line
        for line in snapshot.items
        if line.item_id in remembered
        or (left.get(line.item_id, 0) > 0 and line.item_id not in record.since)
    ]
    return found, _likely(missing, loose), left


def _likely(missing: Iterable[Wish], loose: list[LineItem]) -> dict[tuple[str, int], LineItem]:
    """A line for each add, of its product and with all its options."""
    likely = {}
    for wish in missing:
        asked = {option.value for option in wish.item.options if option.value}
        for line in loose:
            same = line.catalog_id == wish.item.catalog_id
            if same and asked <= {option.value for option in line.options}:
                loose.remove(line)
                likely[wish.place] = line
                break
    return likely


def _one_of(adds: Sequence[Wish], line: LineItem, growth: Decimal) -> tuple[Wish, ...]:
    """The add of this very quantity; of several, the one with most of the line's options."""
    shown = {option.value for option in line.options}
    exact = [wish for wish in adds if wish.item.quantity == growth]
    best = max(
        exact,
        key=lambda wish: len(shown & {option.value for option in wish.item.options}),
        default=None,
    )
    return (best,) if best else ()


def _several_of(adds: Sequence[Wish], line: LineItem, growth: Decimal) -> tuple[Wish, ...]:
    """The fewest adds that sum up to the growth."""
    some = adds[:_EXPLAINING_ADDS]
    return next(
        (
            chosen
            for size in range(2, len(some) + 1)
            for chosen in combinations(some, size)
            if growth == sum(wish.item.quantity for wish in chosen)
        ),
        (),
    )


def _oldest_of(adds: Sequence[Wish], line: LineItem, growth: Decimal) -> tuple[Wish, ...]:
    fitting = (wish for wish in adds if wish.item.quantity <= growth)
    oldest = next(fitting, None)
    return (oldest,) if oldest else ()
