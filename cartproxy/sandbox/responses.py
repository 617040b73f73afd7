"""Writes the store's answers: envelopes and carts (docs/store-api.md)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from cartproxy.sandbox.carts import Cart, Line
from cartproxy.sandbox.errors import Refusal
from cartproxy.sandbox.fields import write_date
from cartproxy.sandbox.switches import Switches
from cartproxy.sandbox.tables import CART


def envelope(key: str, value: object, status: int, message: str, switches: Switches) -> Any:
    """A result list of one; all four values are strings on the wire."""
    number: object = status if switches.status_type == "integer" else str(status)
    return [{"Key": key, "Value": str(value), "Status": number, "Message": message}]


def error(refusal: Refusal, switches: Switches) -> Any:
    """The error envelope. What the real `Value` is, is not known; ours is empty."""
    return envelope("Error", "", refusal.status, refusal.message, switches)


def cart(cart: Cart, checkout_url: str, switches: Switches) -> Any:
    """The answer to `GET /Cart/{orderkey}`."""
    fields: dict[str, Any] = {
        name: cart.fields.get(name, "" if field.length else 0)
        for name, field in CART.fields.items()
    }
    fields |= {
        "OrderKey": cart.order_key,
        "OrderDate": write_date(cart.created, switches.date_format),
        "OrderAmount": float(cart.amount),
        "OrderWeight": 0.0,
        "LastUpdate": write_date(datetime.now(), switches.date_format),
        "CheckoutURL": checkout_url,
    }
    lines = [_line(line, switches) for line in cart.lines]
    if lines or switches.empty_list != "absent":
        fields["CartItemList"] = lines or switches.empty_list
    # The documented sample is a bare object; ours also has the fields that the sample lacks.
    return fields if switches.get_shape == "object" else [fields]


def _line(line: Line, switches: Switches) -> dict[str, Any]:
    return {
        "CatalogID": line.catalog_id,
        "CartItemID": line.item_id,
        "ItemID": line.sku,
        "ItemQuantity": float(line.quantity),
        "ItemDescription": line.description,
        "ItemUnitPrice": float(line.unit_price),
        "ItemOptionPrice": float(line.option_price),
        "ItemDateAdded": write_date(line.added, switches.date_format),
        "ItemImage1": line.image,
    }


def store_settings() -> dict[str, Any]:
    """`GET /StoreSettings` (docs/store-api.md, Store settings)."""
    return {
        "StoreInformation": {
            "StoreName": "Sandbox store",
            "StoreURL": "http://sandbox-store.example",
            "StoreSecureURL": "https://sandbox-store.example",
        },
        "MerchantInformation": {},
        "StoreStandards": {
            "StoreTimeZone": "-5",
            "CurrencySymbol": "$",
            "DecimalPlacesOnPrice": "2",
            "CurrencyCode": "USD",
        },
    }
