"""Kinds of fields that marshmallow lacks: strict numbers, decimal strings, one-line texts."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from typing import Any

from marshmallow import ValidationError, fields, validate

from cartproxy.model.cart import Change
from cartproxy.web.context import context

QUANTITY_DECIMALS = 4
MAX_ERRORS = 20  # in an answer
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
LINE_ID = re.compile(r"[0-9]{1,18}|n[1-9][0-9]{0,8}", re.ASCII)  # the store's, or ours
MAX_ID = 2**31 - 1  # of the store's ids


def money(value: Decimal) -> str:
    """A decimal string: "9.99"."""
    return f"{value:f}"


def number(value: Decimal) -> int | float:
    """A JSON number: 1, 1.5."""
    return int(value) if value == value.to_integral_value() else float(value)


def price_or_quantity(value: Decimal, change: Change) -> str | int | float:
    """What a change was or is: a decimal string for a price, a JSON number for a quantity."""
    return money(value) if change.change == "repriced" else number(value)


def timestamp(value: datetime) -> str:
    """RFC 3339 in UTC, to the millisecond."""
    return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Money(fields.Field[Decimal]):
    """A decimal string: "9.99"."""

    def _serialize(self, value: Decimal | None, *args: Any, **kwargs: Any) -> str | None:
        return None if value is None else money(value)


class Number(fields.Field[Decimal]):
    """A JSON number: 1, 1.5."""

    def _serialize(self, value: Decimal | None, *args: Any, **kwargs: Any) -> int | float | None:
        return None if value is None else number(value)


class PriceOrQuantity(fields.Field[Decimal]):
    """Of a Change: a decimal string where it is about a price, else a JSON number."""


class Timestamp(fields.Field[datetime]):
    """RFC 3339 in UTC, to the millisecond."""


class Quantity(Number):
    """A JSON number with at most 4 decimals, above 0 (or from 0) up to the configured maximum."""

    def __init__(self, *, zero: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.zero = zero

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Decimal:
        if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
            raise ValidationError("Must be a number.")
        quantity = Decimal(value)
        maximum = context().max_quantity
        if not (quantity > 0 or (self.zero and quantity == 0)):
            raise ValidationError("Must be 0 or more." if self.zero else "Must be more than 0.")
        if quantity > maximum:
            raise ValidationError(f"Must be at most {maximum}.")
        if quantity != round(quantity, QUANTITY_DECIMALS):
            raise ValidationError(f"Must have at most {QUANTITY_DECIMALS} decimals.")
        return abs(quantity)  # JSON has a -0.0


class Identifier(fields.Field[int]):
    """A positive JSON integer; neither a string nor a boolean nor 1.0."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> int:
        if type(value) is not int or not 0 < value <= MAX_ID:
            raise ValidationError(f"Must be an integer from 1 to {MAX_ID}.")
        return value


class LineId(fields.String):
    """The id of a line. `Regexp` would put Python's own end of a text into the document."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        text: str = super()._deserialize(value, *args, **kwargs)
        if not LINE_ID.fullmatch(text):
            raise ValidationError("Not the id of a line.")
        return text


class Text(fields.String):
    """A string on one line: control characters and lone surrogates are refused."""

    def __init__(self, max_length: int, **kwargs: Any) -> None:
        self._length = validate.Length(max=max_length)
        super().__init__(validate=(self._length, _one_line), **kwargs)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        text: str = super()._deserialize(value, *args, **kwargs)
        self._length(text)  # before anything else looks at it
        return text


class Email(Text, fields.Email):
    """An e-mail address, or an empty text to remove one."""

    def _validate(self, value: Any) -> None:
        if value and not value.isprintable():  # marshmallow drops what its domain's IDNA form drops
            raise self.make_error("invalid")
        if value:
            super()._validate(value)


class ListOf(fields.List[Any]):
    """A list whose length is checked before its entries.

    Checking stops once there are more errors than an answer lists.
    """

    def __init__(self, inner: fields.Field[Any], min_length: int, max_length: int, **kwargs: Any):
        self._length = validate.Length(min_length, max_length)
        super().__init__(inner, validate=self._length, **kwargs)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> list[Any]:
        if not isinstance(value, list):
            raise self.make_error("invalid")
        self._length(value)
        loaded: list[Any] = []
        errors: dict[int, Any] = {}
        count = 0
        for index, each in enumerate(value):
            try:
                loaded.append(self.inner.deserialize(each))
            except ValidationError as error:
                errors[index] = error.messages
                count += _count(error.messages)
            if count > MAX_ERRORS:
                break
        if errors:
            raise ValidationError(errors)
        return loaded


def _one_line(text: str) -> None:
    if _CONTROL.search(text):
        raise ValidationError("Must not hold control characters.")


def _count(messages: Any) -> int:
    return sum(map(_count, messages.values())) if isinstance(messages, dict) else len(messages)
