"""What is known about a cart: its last reading, the acknowledged writes since, and its wishes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from cartproxy.model.cart import EMPTY, Change, LineItem, LineState, NewItem, Snapshot
from cartproxy.model.copies import replace
from cartproxy.model.wishes import Wish

REFUSED = ""  # stands for the id of a line that the store did not take
Meant = tuple[str, tuple[NewItem, ...]]  # an entry, and the items of its request


@dataclass(frozen=True, repr=False)
class Record:
    """What Redis holds of one cart.

    `order_key` is None where the store has no cart, or has it no more. `snapshot` is the cart as
    read at `as_of_ms` (0: never); `outdated` says that a write has come since. `since` are the
    lines that such writes made or changed, by id, with their quantity now (0: removed). `changes`
    are what the shopper has not agreed to yet. `intents` are what dead writers meant to add.
    `names` are the ids that lines have now, by the names of ours that they had first, or REFUSED,
    also by the id of a line whose last owed change the store has refused; `named` is how many names
    of ours have been given. `customer_id` is the store's customer for whom the cart is, or will be
    once it is made; it never leaves the service.
    Redis sets the last three: when the checkout was last handed out, the revision, and when the
    first write made the record.
    """

    order_key: str | None = None
    snapshot: Snapshot = EMPTY
    as_of_ms: int = 0
    outdated: bool = True
    since: Mapping[str, NewItem] = field(default_factory=dict)
    wishes: tuple[Wish, ...] = ()
    changes: tuple[Change, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    named: int = 0
    customer_id: int | None = None
    intents: tuple[Meant, ...] = ()
    checkout_at_ms: int | None = None
    revision: str = ""
    made_ms: int = 0

    def lines(self) -> dict[str, NewItem]:
        """Every line that should be in the store's cart, by id, as the shopper chose it."""
        read = {
            line.item_id: NewItem(line.catalog_id, line.quantity, line.chosen)
            for line in self.snapshot.items
        }
        return {
            item_id: item for item_id, item in (read | dict(self.since)).items() if item.quantity
        }

    def quantity(self, item_id: str) -> Decimal:
        """The quantity of a line; 0 where there is none."""
        line = self.since.get(item_id) or self.snapshot.item(item_id)
        return line.quantity if line else Decimal(0)

    def current_id(self, item_id: str) -> str:
        """The id that a line has now, by the one it had in a cart that vanished, or by our name."""
        item_id = self.names.get(item_id) or item_id
        return next(
            (w.line_id for w in self.wishes if w.replaces == item_id and w.has_landed), item_id
        )

    @property
    def is_blank(self) -> bool:
        """Whether there is neither a cart nor anything to remember for the next one."""
        left = self.wishes or self.named or self.customer_id or self.changes
        return self.order_key is None and not left

    @property
    def owes(self) -> bool:
        """Whether something is owed to the store's cart, which any write may send."""
        return any(wish.owed and wish.is_open for wish in self.wishes)

    @property
    def shown(self) -> Snapshot:
        """The cart as the shopper sees it: as last read, with what has been done and asked since.

        There is no checkout URL while the store's cart holds less than that.
        """
        owed = [wish for wish in self.wishes if wish.owed]
        if not (owed or self.since):
            return self.snapshot
        lines = {line.item_id: line for line in self.snapshot.items}
        for item_id, item in self.since.items():
            _set(lines, item_id, item.quantity, LineState.ESTIMATED)
        for wish in owed:
            if wish.sets and wish.is_open:
                _set(lines, self.current_id(wish.sets), wish.item.quantity, LineState.PENDING)
            elif (line := self._missing(wish)) is not None:
                lines[line.item_id] = line
        url = None if self.owes else self.snapshot.checkout_url
        return Snapshot(tuple(lines.values()), url)

    def _missing(self, wish: Wish) -> LineItem | None:
        """The line that an owed wish stands for, where the snapshot does not show it yet."""
        if wish.line is None or self.snapshot.item(wish.line_id):
            return None
        if not wish.has_landed:  # a refused one may be sent again: the cart may be gone
            return wish.line._replace(item_id=wish.replaces, state=LineState.PENDING)
        if not self.outdated:
            return None
        now = self.since.get(wish.line_id, wish.item)
        line = wish.line.of(now.quantity)
        return line._replace(item_id=wish.line_id, state=LineState.ESTIMATED)


BLANK = Record()  # a copy of it costs a third of a new one


def _set(lines: dict[str, LineItem], item_id: str, quantity: Decimal, state: LineState) -> None:
    """Show a line, where there is one, in this quantity."""
    line = lines.get(item_id)
    if line is not None and not quantity:
        del lines[item_id]
    elif line is not None and (line.quantity != quantity or state is LineState.PENDING):
        lines[item_id] = line.of(quantity)._replace(state=state)


def with_wish(record: Record, at: int, wish: Wish) -> Record:
    """The record with this wish in that place."""
    return replace(record, wishes=(*record.wishes[:at], wish, *record.wishes[at + 1 :]))
