"""What one shopper's cart must hold, by the answers that the shopper was given.

Every line has a quantity that no other has: a mug's is a power of two, a pen's its number. So the
quantities at the store tell which adds took effect, and that none did twice, whether the store
merges lines or not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from support.shopper import MUG

PEN = 3839
MOST_MUGS = 14
RAISED = 2**MOST_MUGS  # what a mug's quantity is raised by, which still tells whose line it is
ALTERED = 10**7  # where quantities of the store's own choice begin

Thing = tuple[int, int]  # a line: its product, and the quantity it was added with
Lines = Counter[Thing]  # by product and the quantity it has now


@dataclass
class Add:
    """One add: its key, and what is known of each of its things."""

    key: str
    things: list[Thing]
    known: list[str]

    @property
    def is_open(self) -> bool:
        """Whether a retry may be answered otherwise."""
        return "unknown" in self.known or "pending" in self.known

    def learn(self, outcomes: Iterable[str]) -> None:
        """Note what an attempt was answered; what was answered `applied` once, stays so."""
        self.known = [
            "applied" if before == "applied" else now
            for before, now in zip(self.known, outcomes, strict=True)
        ]


@dataclass
class Ledger:
    """All adds of one shopper, and what became of their lines since."""

    merging: bool
    adds: list[Add] = field(default_factory=list)
    sold: set[Thing] = field(default_factory=set)
    removed: set[Thing] = field(default_factory=set)
    raised: set[Thing] = field(default_factory=set)
    altered: int = 0
    kept: bool = False  # something was answered as pending, which the store may refuse later

    def new_add(self, key: str, mugs: int) -> Add:
        """An add of so many mug lines, whose quantities nothing else has."""
        first = self.mugs
        return self._add(key, [(MUG, 2 ** (first + at)) for at in range(mugs)])

    def add_pens(self, key: str, pens: int) -> Add:
        """An add of so many pens, each with a name of its own, so that no store merges them."""
        return self._add(key, [(PEN, number) for number in range(1, pens + 1)])

    def _add(self, key: str, things: list[Thing]) -> Add:
        self.adds.append(Add(key, things, ["not_applied"] * len(things)))
        return self.adds[-1]

    @property
    def mugs(self) -> int:
        """How many mug lines anybody tried to add."""
        return sum(product == MUG for add in self.adds for product, _ in add.things)

    def things(self) -> list[Thing]:
        """Everything that must be in the cart, in the order in which it was added."""
        gone = self.sold | self.removed
        return [
            thing
            for add in self.adds
            for thing, known in zip(add.things, add.known, strict=True)
            if known in ("applied", "pending") and thing not in gone
        ]

    def now(self, thing: Thing) -> Thing:
        """The line as it is now."""
        product, quantity = thing
        return (product, quantity + RAISED) if thing in self.raised else thing

    def sell(self) -> None:
        """The cart became an order."""
        self.sold.update(self.things())

    def refuse(self, changes: Iterable[Mapping[str, Any]]) -> None:
        """The store did not take these lines back, and the shopper was told so."""
        for change in changes:
            asked = int(change["was"]) if change["change"] in ("gone", "refused") else 0
            self.removed.update(
                thing
                for thing in self.things()
                if thing[0] == change["catalog_id"] and asked < ALTERED
                # A merged line is the sum of its mugs.
                if (thing[1] & asked if thing[0] == MUG else thing[1] == asked)
            )

    def check(self, lines: Iterable[Mapping[str, Any]], *, whole: bool = True) -> None:
        """Compare with a cart's lines; without `whole` there may be others, not yet known of.

        A line of the store's own quantity stands for one that is missing otherwise.
        """
        there: Lines = Counter((line["catalog_id"], line["quantity"]) for line in lines)
        wanted: Lines = Counter(map(self.now, self.things()))
        if self.merging:
            there, wanted = _merged(there), _merged(wanted)
            if not whole:
                return  # nobody knows which of the unknown ones are part of the sum
        missing, beyond = wanted - there, there - wanted
        altered = Counter(product for product, quantity in beyond.elements() if quantity > ALTERED)
        lost = Counter(product for product, _ in missing.elements()) - altered
        assert not lost, f"lost: {missing}, beyond: {beyond}"
        assert altered.total() <= self.altered, f"doubled: {beyond}"
        if whole:
            assert missing.total() == beyond.total(), f"missing: {missing}, beyond: {beyond}"


def _merged(lines: Lines) -> Lines:
    mugs = sum(quantity * count for (product, quantity), count in lines.items() if product == MUG)
    others = Counter({line: count for line, count in lines.items() if line[0] != MUG})
    return others + Counter({(MUG, mugs): 1} if mugs else {})
