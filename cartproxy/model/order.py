"""An order as the store reports it, and as the shopper of its cart sees it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

import orjson

from cartproxy.compact import compact
from cartproxy.model.shape import DECIMAL, TIME_MS, checked

_ORDERED = (TIME_MS, DECIMAL, DECIMAL, str)


@dataclass(frozen=True, slots=True, repr=False)
class Order:
    """An order of the store, whether it began here or not.

    `is_placed` is false for one whose shopper has not finished the checkout. One of `order_keys` is
    that of the cart it was, if any is; `line_ids` are the cart's lines. `subtotal` is before tax,
    shipping and discounts, in the currency's decimals.
    """

    order_id: int
    is_placed: bool
    order_keys: tuple[str, ...]
    line_ids: tuple[str, ...]
    item_count: Decimal
    subtotal: Decimal


@dataclass(frozen=True, slots=True)
class Ordered:
    """What was bought with a cart, and when the store reported it, in ms since 1970."""

    at_ms: int
    item_count: Decimal
    subtotal: Decimal
    currency: str

    @property
    def text(self) -> str:
        """As Redis keeps it until the shopper has seen it."""
        return compact([self.at_ms, str(self.item_count), str(self.subtotal), self.currency])

    @classmethod
    def from_text(cls, text: str) -> Ordered:
        """From such a text. Raises ValueError for any other."""
        at_ms, item_count, subtotal, currency = checked(orjson.loads(text), _ORDERED)
        return cls(at_ms, Decimal(item_count), Decimal(subtotal), currency)

    @property
    def at(self) -> datetime:
        """When, in UTC."""
        return datetime.fromtimestamp(self.at_ms / 1000, UTC)
