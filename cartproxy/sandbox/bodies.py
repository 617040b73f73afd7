"""Reads what clients send: coerced as the real store does, refused where a type can't be read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from cartproxy.sandbox.errors import Refusal

# upstream-evidence.md, part (2). A length is in characters; None is a number.
CART_FIELDS: dict[str, int | None] = {
    "CustomerId": None,
    "BillingFirstName": 100,
    "BillingLastName": 100,
    "BillingCompany": 255,
    "BillingAddress": 200,
    "BillingAddress2": 50,
    "BillingCity": 100,
    "BillingState": 100,
    "BillingZipCode": 20,
    "BillingCountry": 50,
    "BillingPhoneNumber": 30,
    "BillingEmail": 100,
    "ShipmentFirstName": 100,
    "ShipmentLastName": 50,
    "ShipmentCompany": 200,
    "ShipmentAddress": 255,
    "ShipmentAddress2": 50,
    "ShipmentCity": 50,
    "ShipmentState": 100,
    "ShipmentZipCode": 20,
    "ShipmentCountry": 50,
    "ShipmentPhone": 30,
    "ShipmentEmail": 100,
}


@dataclass(frozen=True)
class ItemPost:
    """A CartItemPost: options are (option set, option, text)."""

    catalog_id: int
    quantity: Decimal
    options: tuple[tuple[int, int, str], ...]


def parse(raw: bytes) -> dict[str, Any]:
    """The JSON object of a write; an empty body is an empty object. Raises Refusal 400."""
    if not raw.strip():
        return {}
    try:
        body = json.loads(raw, parse_float=Decimal)
    except ValueError:
        raise Refusal(400, "Invalid JSON") from None
    if not isinstance(body, dict):
        raise Refusal(400, "Invalid request body")
    return body


def read_cart_fields(body: dict[str, Any]) -> dict[str, object]:
    """The CartReduced fields that are there; unknown ones are ignored. Raises Refusal 400."""
    fields: dict[str, object] = {}
    for name, length in CART_FIELDS.items():
        value = body.get(name)
        if value is None:
            continue
        if length is None:
            fields[name] = integer(value, name)
        elif not isinstance(value, str) or len(value) > length:
            raise Refusal(400, f"{name} is invalid")
        else:
            fields[name] = value
    return fields


def read_item(body: dict[str, Any]) -> ItemPost:
    """A CartItemPost. Raises Refusal 400."""
    options = body.get("ItemOptions") or []
    if not isinstance(options, list) or not all(isinstance(each, dict) for each in options):
        raise Refusal(400, "ItemOptions is invalid")
    return ItemPost(
        integer(body.get("CatalogID"), "CatalogID"),
        number(body.get("ItemQuantity", 1), "ItemQuantity"),
        tuple(
            (
                integer(each.get("OptionSetID"), "OptionSetID"),
                integer(each.get("OptionID", 0), "OptionID"),
                str(each.get("OptionValue") or ""),
            )
            for each in options
        ),
    )


def number(value: Any, name: str) -> Decimal:
    """A number, also as a string, which the real store takes too (evidence, quirk 26)."""
    try:
        if not isinstance(value, bool) and isinstance(value, (int, Decimal, str)):
            result = Decimal(value)
            if result.is_finite() and abs(result) < 10**9:
                return result
    except InvalidOperation:
        pass
    raise Refusal(400, f"{name} is invalid")


def integer(value: Any, name: str) -> int:
    """A whole number, also as a string."""
    result = number(value, name)
    if result != result.to_integral_value():
        raise Refusal(400, f"{name} is invalid")
    return int(result)
