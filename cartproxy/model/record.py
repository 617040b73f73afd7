"""What is known of one cart: as last read, what acknowledged writes did since, and wishes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from cartproxy.model.cart import EMPTY, Change, LineItem, NewItem, Snapshot
from cartproxy.model.wishes import Phase, Wish

Meant = tuple[str, tuple[NewItem, ...]]  # an entry, and the items of its request


@dataclass(frozen=True, slots=True, repr=False)
class Record:
    """What Redis holds of one cart.

    `order_key` is None where the store has no cart, or has it no more. `snapshot` is the cart as
    read at `as_of_ms` (0: never); `outdated` says that a write has come since. `since` are the
    lines that such writes made or changed, by id, with their quantity now (0: removed). `changes`
    are what the shopper has not agreed to yet. `intents` are what dead writers meant to add.
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
        """The id that a line has now, by the one it had in a cart that vanished."""
        return next(
            (
                wish.line_id
                for wish in self.wishes
                if wish.replaces == item_id and wish.phase is Phase.LANDED
            ),
            item_id,
        )

    @property
    def owes(self) -> bool:
        """Whether the store's cart lacks something that any write may send."""
        return any(wish.owed and wish.phase in _OPEN for wish in self.wishes)

    @property
    def shown(self) -> Snapshot:
        """The cart as the shopper sees it: with the lines that are still to be put back."""
        missing = [line for wish in self.wishes if wish.owed and (line := self._missing(wish))]
        return Snapshot((*self.snapshot.items, *missing)) if missing else self.snapshot

    def _missing(self, wish: Wish) -> LineItem | None:
        """The line that an owed wish stands for, where the snapshot does not show it yet."""
        if wish.line is None:
            return None
        if wish.phase in _OPEN:
            likely = self.snapshot.item(wish.line_id)
            return None if likely else wish.line._replace(item_id=wish.replaces)
        unread = wish.has_landed and self.outdated and not self.snapshot.item(wish.line_id)
        return wish.line._replace(item_id=wish.line_id) if unread else None


_OPEN = (Phase.WAITING, Phase.SENT)


def with_wish(record: Record, at: int, wish: Wish) -> Record:
    """The record with this wish in that place."""
    return replace(record, wishes=(*record.wishes[:at], wish, *record.wishes[at + 1 :]))
