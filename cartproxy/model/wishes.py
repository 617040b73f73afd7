"""What a shopper asked for and the store may not have yet; it is recorded only here."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from cartproxy.model.cart import LineItem, NewItem
from cartproxy.model.copies import replace

KEYLESS = "~"  # begins the entry of a request without a key: nobody can ask about it later
RESTORED = ""  # the entry of wishes that are owed: they belong to no request any more
OURS = "n"  # begins the name that a line has before the store has given it an id


class Phase(StrEnum):
    """How far a wish has come."""

    WAITING = "waiting"  # not sent, or certainly without effect
    SENT = "sent"  # sent at `at_ms` at the latest; not known whether it took effect
    LANDED = "landed"  # in the cart as line `line_id`
    REFUSED = "refused"  # the store said no


@dataclass(frozen=True, repr=False)
class Wish:
    """One part of a write, kept until its outcome is known and its answer is kept.

    It adds `item`, or sets the line `sets` to the item's quantity (0 removes it). `entry` names the
    idempotency entry of its request, `index` its place there. `owed`: whoever writes next may send
    it; any other is sent by its own request only. `final`: the store has finished with the call, so
    what a reading does not show will never come. `line_id` of a sent wish is a line that may be its
    own, with another quantity. `code` and `reason` say why it was refused. A wish that is owed has
    `line`, as last shown if ever, and `replaces`, the id under which that is shown: the one it had
    in a cart that vanished, or a name of ours where the store has never had it.
    """

    entry: str
    index: int
    item: NewItem
    sets: str = ""
    phase: Phase = Phase.WAITING
    at_ms: int = 0
    line_id: str = ""
    owed: bool = False
    final: bool = False
    code: str = ""
    reason: str = ""
    replaces: str = ""
    line: LineItem | None = None

    @property
    def place(self) -> tuple[str, int]:
        """What names the wish within its record."""
        return self.entry, self.index

    @property
    def waits(self) -> bool:
        """Whether it may be sent."""
        return self.phase is Phase.WAITING

    @property
    def has_landed(self) -> bool:
        """Whether it took effect, as far as the store has said."""
        return self.phase is Phase.LANDED

    @property
    def is_open(self) -> bool:
        """Whether it may still take effect."""
        return self.phase is Phase.WAITING or self.phase is Phase.SENT

    @property
    def is_new(self) -> bool:
        """Whether it is owed and the store has never had it, so it puts no lost line back."""
        return self.owed and (bool(self.sets) or self.replaces.startswith(OURS))

    def waiting(self) -> Wish:
        """The wish as it is when it has not been sent."""
        return replace(
            self, phase=Phase.WAITING, at_ms=0, line_id="", final=False, code="", reason=""
        )

    def sent(self, at_ms: int) -> Wish:
        """The wish whose answer is missing."""
        return replace(self, phase=Phase.SENT, at_ms=at_ms, line_id="")

    def landed(self, line_id: str, at_ms: int) -> Wish:
        """The wish as this line."""
        return replace(self, phase=Phase.LANDED, line_id=line_id, at_ms=at_ms, final=False)

    def of(self, quantity: Decimal) -> Wish:
        """The wish for another quantity, and its line as that shows it."""
        line = self.line.of(quantity) if self.line else None
        return replace(self, item=replace(self.item, quantity=quantity), line=line)
