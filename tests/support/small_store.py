"""A store in memory that knows the truth: which add made which part of which line.

It has the methods of `StoreClient` that a cart needs, and time that is a number. What goes wrong is
in `faults`: each strikes the next call of its kind.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import combinations
from typing import Any, NamedTuple, NoReturn

from cartproxy.deadline import Deadline
from cartproxy.errors import Outcome
from cartproxy.model.cart import Addresses, LineItem, NewItem, Snapshot
from cartproxy.store.errors import (
    StoreAuth,
    StoreBadResponse,
    StoreBusy,
    StoreError,
    StoreForeignAnswer,
    StoreNotFound,
    StoreRejected,
    StoreTimeout,
    StoreUnreachable,
)
from cartproxy.store.limits import Payer, Share

CALL_MS = 100


class Killed(BaseException):
    """The worker dies here."""


@dataclass
class Clock:
    """`true_ms` only ever grows; Redis' clock may be set, which changes `shift_ms`.

    It takes the place of the module `time`.
    """

    true_ms: int = 1_000_000_000
    shift_ms: int = 0

    def redis_ms(self) -> int:
        return self.true_ms + self.shift_ms

    def monotonic(self) -> float:
        return self.true_ms / 1000

    def sleep(self, seconds: float) -> None:
        self.true_ms += int(seconds * 1000)


class Fault(NamedTuple):
    """What strikes the next call of a kind: `add`, `create`, `read`, `write` (of
    a line), `addresses` or `save`.

    `effect`: now, never, or after so many ms. `answer`: ok; lost (it may still come true); garbled
    (the store has finished); refused, auth, missing, busy, unreachable; invented (another id than
    the line's); earlier (the answer of an earlier add of this cart).
    `factor` is what the store makes of a quantity. `dies` says whether the worker dies before or
    after the call; `vanishes`, that the cart does before it.
    """

    kind: str
    effect: str | int = "now"
    answer: str = "ok"
    factor: Decimal = Decimal(1)
    dies: str = ""
    vanishes: bool = False


SOUND = Fault("")
CONFIRMED = "ok", "invented", "earlier"


@dataclass(eq=False)
class Part:
    """What one add put into a cart, and again into the cart that took its place.

    `kind` is product and quantity as asked for, `now` the quantity once its line was changed.
    `excused`: it is gone because somebody wanted it so.
    """

    kind: tuple[int, Decimal]
    serial: int
    excused: bool = False
    now: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        self.now = self.kind[1]


@dataclass(eq=False)
class Line:
    """`confirmed` are the parts of which the store has said that they are in this line, and when."""

    item_id: str
    catalog_id: int
    quantity: Decimal
    parts: list[Part]
    confirmed: dict[Part, int] = field(default_factory=dict)

    def unconfirm(self, parts: list[Part]) -> None:
        self.confirmed = {part: ms for part, ms in self.confirmed.items() if part not in parts}


@dataclass(eq=False)
class StoreCart:
    key: str
    state: str = "open"  # open, ordered, gone
    lines: dict[str, Line] = field(default_factory=dict)
    may_be_orphan: bool = False
    answers: list[Line] = field(default_factory=list)  # that the adds of this worker have had


@dataclass
class Calls:
    """An allowance that counts: calls beyond what is left of the budget are refused.

    One that does not wait is told at once how many are left.
    """

    store: SmallStore
    foreseen: int
    waits: bool
    least: int
    made: int = 0
    is_scarce: bool = False

    @property
    def is_spent(self) -> bool:
        return self.is_scarce and self.store.calls_left <= 0

    def reserve(self) -> None:
        if not self.waits and self.made == 0:
            if self.store.calls_left < (self.least or self.foreseen):
                raise StoreBusy("The store's budget of calls is spent.")
            self.is_scarce = self.store.calls_left < self.foreseen

    def take(self) -> None:
        self.reserve()
        self.made += 1
        assert self.made < 100, "no end"
        self.store.clock.true_ms += CALL_MS
        self.store.calls_left -= 1
        if self.store.calls_left < 0:
            raise StoreBusy("The store's budget of calls is spent.")


class SmallStore:
    """One store. `merges` the same product into one line; `unknown` is what an add to an unknown
    cart raises; `readable`: an order stays readable, and refuses writes.
    """

    id = "demo"

    def __init__(
        self, clock: Clock, *, merges: bool, unknown: type[StoreError], readable: bool
    ) -> None:
        self.clock = clock
        self.merges = merges
        self.was_seen_to_merge = False
        self.unknown = unknown
        self.readable = readable
        self.carts: dict[str, StoreCart] = {}
        self.lines: dict[str, Line] = {}  # every line that ever was
        self.touched: set[str] = set()  # the lines that are not as we asked
        self.is_read_back = True  # whoever sends reads the cart after that
        self.is_read = True  # since somebody took something out on the store's own pages
        self.named: set[tuple[str, str]] = set()  # the ids that were told, with their carts
        self.faults: list[Fault] = []
        self.meanwhile: list[tuple[str, Callable[[], object]]] = []
        self.late: list[tuple[int, Callable[[], None], list[Part]]] = []
        self.calls_left = 10**9
        # Confirmed without an effect yet; by whoever reads: and not read back since.
        self.unread: list[Part] = []
        self.unsaved: list[tuple[Line, list[Part]]] = []  # confirmed since the record was saved
        self.looked_at: list[Part] = []  # was unread until a look since then
        # By whoever sends: the parts of the line that is added, or those known of one that changes.
        self.parts_sent: list[Part] = []

    def allow(
        self,
        calls: int,
        deadline: Deadline,
        share: Share | None = None,
        *,
        waits: bool = True,
        least: int = 0,
        payers: Sequence[Payer] = (),
    ) -> Calls:
        return Calls(self, calls, waits, least)

    def open_carts(self) -> list[StoreCart]:
        return [cart for cart in self.carts.values() if cart.state == "open"]

    def put(self, cart: StoreCart, line: Line) -> None:
        """Put a line into a cart, or into a line of it."""
        same = self._same(cart, line)
        if same:
            same.quantity += line.quantity
            same.parts += line.parts
        else:
            cart.lines[line.item_id] = line

    def saved(self) -> None:
        """The record holds what the store has confirmed, and what a look has shown."""
        self.unsaved.clear()
        self.looked_at.clear()

    def forget_unsaved(self) -> None:
        """The worker has died: nobody knows what the store has confirmed to it, or shown."""
        self.unread += self.looked_at
        self.looked_at.clear()
        for line, parts in self.unsaved:
            line.unconfirm(parts)
        self.unsaved.clear()
        for cart in self.carts.values():
            cart.answers.clear()

    def put_foreign(self, cart: StoreCart, catalog_id: int, part: Part) -> None:
        """Its shopper adds something on the store's own pages."""
        self.put(cart, self._new_line("F", catalog_id, Decimal(3), [part]))

    def _new_line(self, kind: str, catalog_id: int, quantity: Decimal, parts: list[Part]) -> Line:
        line = Line(f"{kind}{len(self.lines)}", catalog_id, quantity, list(parts))
        self.lines[line.item_id] = line
        return line

    def _same(self, cart: StoreCart, new: Line) -> Line | None:
        same = (line for line in cart.lines.values() if line.catalog_id == new.catalog_id)
        return next(same, None) if self.merges else None

    def vanish(self) -> None:
        for cart in self.open_carts():
            cart.state = "gone"

    def land_late(self, parts: Collection[Part] = ()) -> None:
        """Let come true what is due, and what makes these parts."""
        late, self.late = self.late, []
        for at_ms, apply, made in late:
            if at_ms <= self.clock.true_ms or not set(made).isdisjoint(parts):
                apply()
            else:
                self.late.append((at_ms, apply, made))

    # --- The calls -------------------------------------------------------------------------------

    def create_cart(self, addresses: Addresses, allowance: Calls) -> str:
        fault = self._begin("create", "", allowance)

        def apply() -> None:
            lost = fault.answer != "ok" or fault.dies == "after"
            self.carts[key] = StoreCart(key, may_be_orphan=lost)

        key = f"K{len(self.carts)}"
        self._strike(fault, apply)
        return key

    def get_cart(self, key: str, allowance: Calls) -> Snapshot:
        fault = self._begin("read", key, allowance)
        if fault.answer == "lost":
            raise StoreTimeout("The store did not answer in time.")
        self._strike(fault, lambda: None)
        cart = self._cart(key, StoreNotFound, readable=True)
        self.is_read = True
        self.named.update((key, line_id) for line_id in cart.lines)
        return Snapshot(tuple(map(_shown, cart.lines.values())), f"https://store.example/{key}")

    def update_cart(self, key: str, addresses: Addresses, allowance: Calls) -> None:
        fault = self._begin("addresses", key, allowance)
        self._cart(key, StoreNotFound)
        self._strike(fault, lambda: None)

    def delete_cart(self, key: str, allowance: Calls) -> None:
        fault = self._begin("write", key, allowance)
        cart = self._cart(key, StoreNotFound)

        def apply() -> None:
            cart.state = "gone"
            excuse(part for line in cart.lines.values() for part in line.parts)

        self._strike(fault, apply)

    def add_item(self, key: str, item: NewItem, allowance: Calls) -> str:
        fault = self._begin("add", key, allowance)
        cart = self._cart(key, self.unknown)
        parts = self.parts_sent
        new = self._new_line("L", item.catalog_id, item.quantity * fault.factor, parts)
        line = self._same(cart, new) or new
        if fault.factor != 1:
            self.touched.add(line.item_id)
        if fault.answer == "earlier" and not (
            cart.answers and cart.answers[-1].item_id in cart.lines
        ):
            fault = fault._replace(answer="ok")
        elif fault.answer == "earlier":
            line = cart.answers[-1]
            if self.was_seen_to_merge:  # nobody can tell that it is not in that line
                fault = fault._replace(effect="now")
                if line.catalog_id == item.catalog_id and not self.is_read_back:
                    self.touched.add(line.item_id)
        if line in cart.answers and not self.was_seen_to_merge and fault.answer in CONFIRMED:
            fault = fault._replace(answer="another's")
        confirmed = fault.answer in CONFIRMED and not fault.dies
        if self.merges and fault.answer == "ok" and confirmed:
            fault = fault._replace(effect="now")  # which line it will be in can't be known yet
        if confirmed and fault.effect != "now":
            self.unread += parts

        def apply() -> None:
            if cart.state == "open":
                self.put(cart, new)

        self._strike(fault, apply)
        if fault.answer == "invented":
            line = self._new_line("X", item.catalog_id, new.quantity, parts)
        cart.answers.append(line)
        self.named.add((key, line.item_id))
        line.confirmed |= dict.fromkeys(parts, self.clock.redis_ms())
        self.unsaved.append((line, parts))
        return line.item_id

    def change_item(self, key: str, item_id: str, quantity: Decimal, allowance: Calls) -> None:
        fault = self._begin("write", key, allowance)
        line = self._line(key, item_id)
        known = self.parts_sent
        if fault.factor != 1 or fault.answer != "ok":
            self.touched.add(item_id)

        def apply() -> None:
            line.quantity = quantity * fault.factor
            left = of_sum([part for part in line.parts if part in known], quantity)
            excuse(part for part in line.parts if part not in left)  # overwritten, or taken out
            line.parts = left
            if left:  # the first stands for what is more or less than all of them
                left[0].now += line.quantity - sum(part.now for part in left)

        self._strike(fault, apply)

    def remove_item(self, key: str, item_id: str, allowance: Calls) -> None:
        fault = self._begin("write", key, allowance)
        line = self._line(key, item_id)
        if fault.answer != "ok":
            self.touched.add(item_id)

        def apply() -> None:
            del self.carts[key].lines[item_id]
            excuse(line.parts)

        self._strike(fault, apply)

    # --- What goes wrong -------------------------------------------------------------------------

    def _begin(self, kind: str, key: str, allowance: Calls) -> Fault:
        allowance.take()
        for at, (when, run) in enumerate(self.meanwhile):
            if when == kind:
                del self.meanwhile[at]
                run()
                break
        self.land_late()
        fault = next((each for each in self.faults if each.kind == kind), SOUND)
        if fault is not SOUND:
            self.faults.remove(fault)
        if fault.vanishes and key and self.carts[key].state == "open":
            self.vanish()
        if fault.dies == "before":
            raise Killed
        return fault

    def _strike(self, fault: Fault, apply: Callable[[], None]) -> None:
        if fault.effect == "now":
            apply()
        elif fault.effect != "never":
            parts = self.parts_sent if fault.kind == "add" else []
            self.late.append((self.clock.true_ms + int(fault.effect), apply, parts))
        if fault.dies:
            raise Killed
        if fault.answer not in CONFIRMED:
            _fail(fault.answer)

    def _cart(self, key: str, unknown: type[StoreError], *, readable: bool = False) -> StoreCart:
        cart = self.carts[key]
        if cart.state == "ordered" and self.readable:
            if readable:
                return cart
            raise StoreRejected("The order is complete.")
        if cart.state != "open":
            raise unknown("The store does not know what was asked for.")
        return cart

    def _line(self, key: str, item_id: str) -> Line:
        assert (key, item_id) in self.named, "another cart's line is named to the store"
        cart = self._cart(key, StoreNotFound)
        if item_id not in cart.lines:
            raise StoreNotFound("The store does not know what was asked for.")
        return cart.lines[item_id]


def excuse(parts: Any) -> None:
    """These are gone because somebody wanted it so."""
    for part in parts:
        part.excused = True


def of_sum(parts: list[Part], quantity: Decimal) -> list[Part]:
    """The most of the parts that are together this quantity; all of them, if none are.

    First without those that somebody wanted gone; and of all, without those too.
    """
    parts = sorted(parts, key=lambda part: part.excused)
    sizes = range(len(parts) - 1, 0, -1)
    choices = (list(some) for size in sizes for some in combinations(parts, size))
    rest = [part for part in parts if not part.excused] or parts
    return next((some for some in choices if sum(p.now for p in some) == quantity), rest)


def _shown(line: Line) -> LineItem:
    one, none = Decimal(1), Decimal(0)
    serials = " ".join(str(part.serial) for part in line.parts)  # what whoever reads this knows of
    return LineItem(
        line.item_id, line.catalog_id, "", "", (), line.quantity, one, none, line.quantity, serials
    )


def _fail(answer: str) -> NoReturn:
    if answer == "lost":
        raise StoreTimeout("The store did not answer in time.", outcome=Outcome.UNKNOWN)
    if answer == "garbled":
        raise StoreBadResponse("The store's answer is not JSON.", outcome=Outcome.UNKNOWN)
    if answer == "refused":
        raise StoreRejected("The store refuses this.")
    if answer == "another's":
        raise StoreForeignAnswer("It names the line of another add.", outcome=Outcome.UNKNOWN)
    if answer == "auth":
        raise StoreAuth("The store does not accept the credentials.")
    if answer == "missing":
        raise StoreNotFound("The store does not know what was asked for.")
    if answer == "busy":
        raise StoreBusy("The store asks to slow down.")
    raise StoreUnreachable("The store can't be reached.")
