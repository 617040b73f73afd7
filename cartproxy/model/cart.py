"""What a cart is: frozen values with Decimal money, known to edge, service and store client."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Context, Decimal
from enum import StrEnum
from functools import cached_property
from typing import Any, NamedTuple

import orjson

from cartproxy.compact import compact
from cartproxy.errors import Outcome
from cartproxy.model.order import Ordered
from cartproxy.model.shape import DECIMAL, checked

_WIDE = Context(prec=300)  # for any product of two numbers that a store may state


def plain(number: Decimal) -> str:
    """A number in its normal form: 2 for 2.0, 10 for 1E+1."""
    return f"{number.normalize():f}"


@dataclass(frozen=True)
class Currency:
    """A store's currency: ISO 4217 code and the decimals its amounts are shown with."""

    code: str
    decimals: int = 2

    def round(self, amount: Decimal) -> Decimal:
        """The amount in whole minor units, half away from zero."""
        rounded = amount.quantize(self._minor_unit, ROUND_HALF_UP, _WIDE)
        return rounded or abs(rounded)  # no minus zero

    def pad(self, amount: Decimal) -> Decimal:
        """The same amount with at least the currency's decimals; a finer price stays as it is."""
        rounded = self.round(amount)
        return rounded if rounded == amount else amount

    @cached_property
    def _minor_unit(self) -> Decimal:
        return Decimal(1).scaleb(-self.decimals)


class ItemOption(NamedTuple):
    """A chosen option as the store describes it, in plain text: `Size`, `Small`."""

    name: str
    value: str


class ChosenOption(NamedTuple):
    """An option a shopper picks: ids from the product, `value` the text shown or typed."""

    option_set_id: int
    option_id: int
    value: str = ""


# What the record keeps of a chosen option, and of an item.
CHOSEN = (int, int, str)
ITEM = (int, DECIMAL, [CHOSEN])

_OPTION_TYPES, _CHOSEN_TYPES = [str, str], [int, int, str]
_LINE_TYPES = [
    [str, int, str, str, list, str, str, str, str, image_url, int, list]
    for image_url in (str, type(None))
]
_NUMBERS = re.compile(r"(?:[-0-9.]{1,80}(?:E[+-]?[0-9]{1,2})? ?){4}")  # of a size like DECIMAL's


class LineState(StrEnum):
    """Where a line's figures come from."""

    IN_STORE = "in_store"  # as the store has shown it
    ESTIMATED = "estimated"  # the store has taken it, and has not shown it yet
    PENDING = "pending"  # the store does not know it, or not in this quantity
    UNREADABLE = "unreadable"  # a number in the store's answer can't be parsed


_ESTIMATED = (LineState.ESTIMATED, LineState.PENDING)


class LineItem(NamedTuple):
    """One line of a cart; prices are the store's, per piece.

    `line_total` is (unit + option price) x quantity, rounded to the currency. `derived` marks a
    line that came along with another, such as a part of a bundle. `chosen` are the options as they
    were requested; the store does not return them, so they are known only for lines that we added.
    The figures of a PENDING or ESTIMATED line come from the product cache.
    """

    item_id: str
    catalog_id: int
    sku: str
    name: str
    options: tuple[ItemOption, ...]
    quantity: Decimal
    unit_price: Decimal
    option_price: Decimal
    line_total: Decimal
    image_url: str | None
    derived: bool = False
    chosen: tuple[ChosenOption, ...] = ()
    state: LineState = LineState.IN_STORE

    @property
    def place(self) -> str:
        """Where the line is, for the shopper: `in_store`, `pending` or `unreadable`."""
        return LineState.IN_STORE if self.state is LineState.ESTIMATED else self.state

    @property
    def price(self) -> Decimal:
        """What one piece costs, options included."""
        return self.unit_price + self.option_price

    def of(self, quantity: Decimal) -> LineItem:
        """The line with another quantity."""
        total = _WIDE.multiply(self.price, quantity)
        total = total.quantize(self.line_total, ROUND_HALF_UP, _WIDE)
        return self._replace(quantity=quantity, line_total=total)

    def as_json(self) -> list[Any]:
        """For the record."""
        return [
            self.item_id,
            self.catalog_id,
            self.sku,
            self.name,
            [list(option) for option in self.options],
            str(self.quantity),
            str(self.unit_price),
            str(self.option_price),
            str(self.line_total),
            self.image_url,
            int(self.derived),
            [list(option) for option in self.chosen],
            *([] if self.state is LineState.IN_STORE else [self.state]),
        ]

    @classmethod
    def from_json(cls, raw: Any) -> LineItem:
        """From the record. Raises ValueError for anything else."""
        # Every look passes here, so no `checked`, which takes three times as long.
        try:
            if [*map(type, raw[:12])] not in _LINE_TYPES:
                raise ValueError("Not the fields of a line.")
            item_id, catalog_id, sku, name, options, *numbers, image_url, derived, chosen = raw[:12]
            state = LineState(*raw[12:]) if len(raw) > 12 else LineState.IN_STORE
            if not _NUMBERS.fullmatch(" ".join(numbers)):
                raise ValueError("A line without its numbers.")
            if options and any([*map(type, each)] != _OPTION_TYPES for each in options):
                raise ValueError("No option.")
            if chosen and any([*map(type, each)] != _CHOSEN_TYPES for each in chosen):
                raise ValueError("No choice.")
            quantity, unit_price, option_price, line_total = map(Decimal, numbers)
        except (TypeError, ArithmeticError):
            raise ValueError("No line.") from None
        return cls(
            item_id,
            catalog_id,
            sku,
            name,
            tuple([ItemOption(*each) for each in options]),
            quantity,
            unit_price,
            option_price,
            line_total,
            image_url,
            bool(derived),
            tuple([ChosenOption(*each) for each in chosen]),
            state,
        )


_SNAPSHOT_TYPES = [[str, list], [type(None), list]]


@dataclass(frozen=True)
class Snapshot:
    """A cart as last read from the store."""

    items: tuple[LineItem, ...] = ()
    checkout_url: str | None = field(default=None, repr=False)

    @cached_property
    def text(self) -> str:
        """The snapshot as its record keeps it: JSON without a control character."""
        return compact([self.checkout_url, [line.as_json() for line in self.items]])

    @classmethod
    def from_text(cls, text: str) -> Snapshot:
        """The snapshot of such a text. Raises ValueError for any other."""
        raw = orjson.loads(text)
        if type(raw) is not list or [*map(type, raw)] not in _SNAPSHOT_TYPES:
            raise ValueError("No cart.")
        checkout_url, lines = raw
        snapshot = cls(tuple(map(LineItem.from_json, lines)), checkout_url)
        vars(snapshot)["text"] = text  # so that a read does not write JSON for the entity tag
        return snapshot

    @cached_property
    def entity_tag(self) -> str:
        """A strong entity tag, quoted, of the content, without the time of reading."""
        return f'"{hashlib.sha256(self.text.encode()).hexdigest()[:24]}"'

    def item(self, item_id: str) -> LineItem | None:
        """The line with this id, if there is one."""
        return next((line for line in self.items if line.item_id == item_id), None)


EMPTY = Snapshot()


class Change(NamedTuple):
    """A difference from what the shopper was shown, which the shopper did not ask for.

    `change` is `repriced` (`was` and `now` are prices per piece), `reduced`, `increased`, `gone` or
    `refused` (quantities). `item_id` is the line's id, or the last one it had; `reason` is the
    store's own word.
    """

    item_id: str
    catalog_id: int
    name: str
    change: str
    was: Decimal
    now: Decimal
    reason: str = ""


@dataclass(frozen=True)
class Cart:
    """What a shopper is shown: a snapshot with its age, its currency and its entity tag.

    `as_of_ms` is Redis time in milliseconds since 1970; `stale` says that the store could not be
    asked although it should have been. `ordered` is what was bought with the cart before, shown
    once. The entity tag names the content, not the moment of reading.
    """

    snapshot: Snapshot
    currency: Currency
    as_of_ms: int
    stale: bool = False
    changes: tuple[Change, ...] = ()
    ordered: Ordered | None = None

    @property
    def etag(self) -> str:
        """A strong entity tag, quoted, of the lines and the checkout address."""
        return self.snapshot.entity_tag

    @property
    def items(self) -> tuple[LineItem, ...]:
        """The lines in the store's order."""
        return self.snapshot.items

    @property
    def checkout_url(self) -> str | None:
        """Where the shopper pays; none while the store has given none."""
        return self.snapshot.checkout_url

    @property
    def estimated(self) -> bool:
        """Whether a line's figures are not the store's own."""
        return any(line.state in _ESTIMATED for line in self.items)

    @property
    def item_count(self) -> Decimal:
        """The sum of the quantities."""
        return sum((line.quantity for line in self.items), Decimal(0))

    @property
    def subtotal(self) -> Decimal:
        """The sum of the line totals as shown."""
        return self.currency.round(sum((line.line_total for line in self.items), Decimal(0)))

    @property
    def as_of(self) -> datetime:
        """When the store was last asked, in UTC."""
        return datetime.fromtimestamp(self.as_of_ms / 1000, UTC)


@dataclass(frozen=True)
class NewItem:
    """A product to put into the cart."""

    catalog_id: int
    quantity: Decimal = Decimal(1)
    options: tuple[ChosenOption, ...] = ()

    def as_json(self) -> list[Any]:
        """For the record."""
        return [self.catalog_id, str(self.quantity), [list(option) for option in self.options]]

    @classmethod
    def from_json(cls, raw: Any) -> NewItem:
        """From the record. Raises ValueError for anything else."""
        catalog_id, quantity, options = checked(raw, ITEM)
        return cls(catalog_id, Decimal(quantity), tuple(ChosenOption(*each) for each in options))


@dataclass(frozen=True, slots=True)
class QuantityChange:
    """A line's new quantity; 0 removes the line."""

    item_id: str
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class ItemResult:
    """The result of one part of a request with several items, by its index in the request."""

    index: int
    outcome: Outcome
    item_id: str | None = None
    code: str | None = None

    @classmethod
    def applied(cls, index: int, item_id: str) -> ItemResult:
        """The result of a part that took effect."""
        return cls(index, Outcome.APPLIED, item_id)

    @classmethod
    def pending(cls, index: int, item_id: str) -> ItemResult:
        """The result of a part that is kept, and owed to the store."""
        return cls(index, Outcome.PENDING, item_id)


@dataclass(frozen=True, repr=False)
class Addresses:
    """Billing and shipping fields to write, by the API's names; an absent name is left as it is.

    `customer_id` links the cart to a customer of the store, `customer_email` to the one with that
    address, whose id is still to be found.
    Write-only: never read back from the store, never shown, never in a `repr`.
    """

    billing: Mapping[str, str] = field(default_factory=dict)
    shipping: Mapping[str, str] = field(default_factory=dict)
    customer_id: int | None = None
    customer_email: str = ""

    def __bool__(self) -> bool:
        return bool(self.billing or self.shipping or self.customer_id)


@dataclass(frozen=True, slots=True)
class RestoredLine:
    """A line of a restored cart; `item_id` is its new id, None if it is gone."""

    catalog_id: int
    name: str
    quantity: Decimal
    item_id: str | None


@dataclass(frozen=True, slots=True)
class Restored:
    """What happened to the lines of a cart that had vanished at the store."""

    kept: tuple[RestoredLine, ...]
    repriced: tuple[RestoredLine, ...]
    gone: tuple[RestoredLine, ...]
