"""Writes what the store answers: envelopes, carts, products (upstream.md; evidence, part (2))."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from cartproxy.sandbox.bodies import CART_FIELDS
from cartproxy.sandbox.carts import Cart, Line
from cartproxy.sandbox.catalogue import OptionSet, Product
from cartproxy.sandbox.errors import Refusal
from cartproxy.sandbox.switches import Switches

_MIN_VALUE = "0001-01-01T00:00:00"  # .NET's "no date"


def envelope(key: str, value: object, status: int, message: str, switches: Switches) -> Any:
    """A result list of one; all four values are strings on the wire."""
    number: object = status if switches.status_type == "integer" else str(status)
    return [{"Key": key, "Value": str(value), "Status": number, "Message": message}]


def error(refusal: Refusal, switches: Switches) -> Any:
    """The error envelope; `Value` is empty by our choice (unknown)."""
    return envelope("Error", "", refusal.status, refusal.message, switches)


def cart(cart: Cart, checkout_url: str, switches: Switches) -> Any:
    """The answer to `GET /Cart/{orderkey}`."""
    if switches.get_shape == "object":
        # The documented sample is a bare object; ours keeps the fields that the sample forgot.
        return _cart(cart, checkout_url, switches)
    return [_cart(cart, checkout_url, switches)]


def _cart(cart: Cart, checkout_url: str, switches: Switches) -> dict[str, Any]:
    fields: dict[str, Any] = {
        name: cart.fields.get(name, 0 if length is None else "")
        for name, length in CART_FIELDS.items()
    }
    fields |= {
        "OrderKey": cart.order_key,
        "OrderDate": _date(cart.created, switches),
        "OrderAmount": _decimal(cart.amount),
        "OrderWeight": 0.0,
        "LastUpdate": _date(datetime.now(), switches),
        "CheckoutURL": checkout_url,
    }
    lines = [_line(line, switches) for line in cart.lines]
    if lines or switches.empty_list != "absent":
        fields["CartItemList"] = lines or (None if switches.empty_list is None else [])
    return fields


def _line(line: Line, switches: Switches) -> dict[str, Any]:
    return {
        "CatalogID": line.catalog_id,
        "CartItemID": line.item_id,
        "ItemID": line.sku,
        "ItemQuantity": _decimal(line.quantity),
        "ItemDescription": line.description,
        "ItemUnitPrice": _decimal(line.unit_price),
        "ItemOptionPrice": _decimal(line.option_price),
        "ItemDateAdded": _date(line.added, switches) if line.added else _MIN_VALUE,
        "ItemImage1": line.image,
    }


def product(product: Product, base: str) -> dict[str, Any]:
    """A product as `GET /Products` has it (evidence, part 10)."""
    return {
        "SKUInfo": {
            "CatalogID": product.id,
            "SKU": product.sku,
            "Name": product.name,
            "Cost": _decimal(product.price / 2),
            "Price": _decimal(product.price),
            "RetailPrice": _decimal(product.price),
            "SalePrice": _decimal(product.sale_price or Decimal(0)),
            "OnSale": product.sale_price is not None,
            "Stock": _decimal(product.stock),
        },
        "ShortDescription": product.description,
        "Description": product.description,
        "MainImageFile": f"assets/images/{product.sku.lower()}.svg",
        "ThumbnailFile": f"assets/images/{product.sku.lower()}.svg",
        "ProductLink": f"{base}/product-p/{product.id}",
        "Hide": product.hide,
        "NotForSale": product.not_for_sale,
        "MinimumQuantity": _decimal(product.minimum),
        "MaximumQuantity": _decimal(product.maximum),
        "AllowOnlyMultiples": product.multiples_only,
        "AllowFractionalQuantity": product.fractional,
        "QuantityOptions": product.quantity_options,
        "InventoryControl": 2 if product.back_order else -1,
        "PriceLevel1": _decimal(product.price * Decimal("0.9")),
        "OptionSetList": [
            _option_set(each, index) for index, each in enumerate(product.option_sets)
        ],
        "AdvancedOptionList": [
            {
                "AdvancedOptionCode": code,
                "AdvancedOptionSufix": f"-{code}",
                "AdvancedOptionName": "",
                "AdvancedOptionCost": 0.0,
                "AdvancedOptionStock": float(stock),
                "AdvancedOptionPrice": _decimal(product.variant_price),
            }
            for code, stock in product.variant_stock.items()
        ],
    }


def _option_set(option_set: OptionSet, index: int) -> dict[str, Any]:
    return {
        "OptionSetID": option_set.id,
        "OptionSetName": option_set.name,
        "OptionSorting": float(index),
        "OptionRequired": option_set.required,
        "OptionType": option_set.type,
        "OptionSizeLimit": option_set.size_limit,
        "OptionList": [
            {
                "OptionID": option.id,
                "OptionName": option.name,
                "OptionSelected": option.selected,
                "OptionHide": option.hidden,
                "OptionValue": _decimal(option.price),
                "OptionPartNumber": "",
                "OptionSorting": float(place),
                "OptionImagePath": "",
            }
            for place, option in enumerate(option_set.options)
        ],
    }


def store_settings() -> dict[str, Any]:
    """`GET /StoreSettings` (evidence, part 15)."""
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


def _decimal(value: Decimal) -> float:
    """Whole decimals go out as `1.0`, others as they are (evidence, part 8)."""
    return float(value)


def _date(moment: datetime, switches: Switches) -> str:
    """Store-local, without zone; the samples' form by switch."""
    if switches.date_format == "us":
        return moment.strftime("%m/%d/%Y %H:%M")
    return moment.strftime("%Y-%m-%dT%H:%M:%S")
