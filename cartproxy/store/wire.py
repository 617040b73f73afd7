"""The shapes of the store's JSON, read tolerantly and written exactly.

Field names and quirks: docs/store-api.md, Envelope and Objects.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal, Inexact, InvalidOperation
from functools import reduce
from itertools import pairwise
from math import gcd
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from cartproxy.model.cart import Addresses, Currency, LineItem, LineState, NewItem, Snapshot
from cartproxy.model.customer import Customer
from cartproxy.model.order import Order
from cartproxy.model.product import Kind, OptionSet, Product, ProductOption, Variant
from cartproxy.store.errors import StoreBadResponse
from cartproxy.store.links import Links
from cartproxy.store.text import Texts, first_visible, plain_text

Wire = Mapping[str, object]

_ADDRESS = {
    "first_name": "FirstName",
    "last_name": "LastName",
    "company": "Company",
    "address": "Address",
    "address2": "Address2",
    "city": "City",
    "state": "State",
    "zip_code": "ZipCode",
    "country": "Country",
    "phone": "Phone",
    "email": "Email",
}
_BILLING = {name: f"Billing{field}" for name, field in _ADDRESS.items()}
_BILLING["phone"] = "BillingPhoneNumber"
_SHIPPING = {name: f"Shipment{field}" for name, field in _ADDRESS.items()}
# Lines that the store adds itself (docs/store-api.md, Objects).
_DERIVED = ("Bundle Item:", "KIT ITEM:")
# By the letters of OptionType, in lower case. Dropdown, Radio and Checkbox have been seen on live
# stores; the others are the platform's words (docs/store-api.md, Products). Options of other types
# are chosen at the store. A one-time fee is one of them: it has no price per piece.
_KINDS = {
    "dropdown": Kind.SINGLE,
    "radio": Kind.SINGLE,
    "checkbox": Kind.MULTIPLE,
    "text": Kind.TEXT,
    "textbox": Kind.TEXT,
    "textarea": Kind.MULTILINE,
    "title": Kind.HEADING,
}
# What a line shows for a number that can't be read.
_UNKNOWN = {"ItemQuantity": 1, "ItemUnitPrice": 0, "ItemOptionPrice": 0}
_YES, _NO = ("true", "yes", "1", "1.0"), ("false", "no", "0", "0.0")
# Ids are opaque and case-sensitive (docs/store-api.md, Objects); this only protects the path.
_PATH_SAFE = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_ERROR_STATUS = re.compile("[4-9][0-9]{2}", re.ASCII)
_LARGEST_ID = 2**63 - 1
_LARGEST_LINE_ID = 10**18 - 1  # in URLs, ids of lines have 18 digits at most
_QUANTITY = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,4})?", re.ASCII)
_QUANTITY_UNITS = 10_000  # quantities have 4 decimals at most
_MAX_LISTED = 1_000
_MOST_ORDERS = 100  # in one webhook
_NOT_COMPLETED = 7  # docs/store-api.md, Life of a cart
MOST_CUSTOMERS = 100  # of one e-mail address
_LARGEST_AMOUNT = 10**12
# No price, id or quantity has more than 30 digits or decimals; one with millions is an attack.
_NUMBERS = Context(30, Emin=-1, Emax=30, traps=[InvalidOperation, Inexact])


def write_addresses(addresses: Addresses) -> dict[str, object]:
    """The fields of a CartReduced to change, for `PUT /Cart`.

    `CustomerId` with a small d, as CartReduced has it (docs/store-api.md, Objects).
    """
    wire: dict[str, object] = {
        **{_BILLING[name]: text for name, text in addresses.billing.items()},
        **{_SHIPPING[name]: text for name, text in addresses.shipping.items()},
    }
    return wire | ({"CustomerId": addresses.customer_id} if addresses.customer_id else {})


def write_new_cart(addresses: Addresses) -> dict[str, object]:
    """A whole CartReduced: the documented "empty" body is an object of empty strings."""
    empty: dict[str, object] = dict.fromkeys((*_BILLING.values(), *_SHIPPING.values()), "")
    return empty | write_addresses(addresses)


def write_item(item: NewItem) -> dict[str, object]:
    """A CartItemPost; `ItemOptions` is left out when there are none, as live clients do."""
    wire: dict[str, object] = {"CatalogID": item.catalog_id, "ItemQuantity": item.quantity}
    if item.options:
        wire["ItemOptions"] = [
            {
                "OptionSetID": option.option_set_id,
                "OptionID": option.option_id,
                "OptionValue": option.value,
            }
            for option in item.options
        ]
    return wire


def write_quantity(quantity: Decimal) -> dict[str, object]:
    """A CartItemPut."""
    return {"ItemQuantity": quantity}


def one(body: object) -> Wire:
    """The object in an answer: bare, or alone in an array. Else raises StoreBadResponse."""
    if isinstance(body, list) and len(body) == 1:
        body = body[0]
    if not isinstance(body, dict):
        raise StoreBadResponse("The store's answer does not have the shape of its API.")
    return body


def read_error(body: object) -> tuple[int | None, str] | None:
    """The status and cleaned reason of an error envelope; None when the body is not one.

    Errors come as the envelope with `Key` "Error", perhaps with HTTP 200, or as `{"Message": ...}`
    (docs/store-api.md, Envelope).
    """
    try:
        envelope = one(body)
    except StoreBadResponse:
        return None
    is_error = _word(envelope, "Key").lower() == "error" or set(envelope) == {"Message"}
    if not is_error:
        return None
    status, message = _word(envelope, "Status"), envelope.get("Message")
    reason = plain_text(message)[:200] if isinstance(message, str) else ""
    # One that is no error's, such as HTTP's own 200 again, says nothing.
    return (int(status) if _ERROR_STATUS.fullmatch(status) else None), reason


def read_envelope(body: object, key: str, asked: str | None = None) -> str:
    """The `Value` of a success envelope; upper and lower case of its `Key` are the same.

    Raises StoreBadResponse if it is not the requested id, or nothing that a path may hold.
    """
    envelope = one(body)
    value = envelope.get("Value")
    if isinstance(value, bool) or not _PATH_SAFE.fullmatch(_word(envelope, "Value")):
        raise StoreBadResponse("The store's answer names no usable id.")
    if _word(envelope, "Key").lower() != key.lower() or asked not in (None, str(value)):
        raise StoreBadResponse("The store's answer confirms something other than was requested.")
    return str(value)


def read_cart(body: object, order_key: str, links: Links, currency: Currency) -> Snapshot:
    """The Cart of this key with its lines, without URLs that lead away from the store.

    Raises StoreBadResponse for a cart with another key, or without one. The documented sample has
    no key, but it is outdated: it has no lines and no checkout either, which live carts have
    (docs/store-api.md, Cart endpoints). Reading such an answer as an empty cart would lose the
    lines of the real one.
    """
    wire = one(body)
    if wire.get("OrderKey") != order_key:
        raise StoreBadResponse("The store's answer is not the cart that was requested.")
    texts = Texts()
    lines = _objects(wire.get("CartItemList"))
    items = tuple(_line(line, links, currency, texts) for line in lines)
    if len({line.item_id for line in items}) < len(items):
        # Lines are changed and counted by their ids.
        raise StoreBadResponse("The store's answer has the same line twice.")
    return Snapshot(items=items, checkout_url=links.checkout(wire.get("CheckoutURL")))


def _line(wire: Wire, links: Links, currency: Currency, texts: Texts) -> LineItem:
    """A line; it is marked unreadable if a number is missing or something else ("1,234.50").

    The shopper can still see the cart's other lines, and remove this one.
    """
    unreadable = _unreadable(wire)
    if unreadable:
        wire = {**wire, **{name: _UNKNOWN[name] for name in unreadable}}
    quantity = _decimal(wire, "ItemQuantity")
    unit_price, option_price = _decimal(wire, "ItemUnitPrice"), _decimal(wire, "ItemOptionPrice")
    # A discount may belong to no product.
    catalog_id = 0 if _is_absent(wire, "CatalogID") else _integer(wire, "CatalogID")
    sku = texts.plain(_text(wire, "ItemID"))
    name, options = texts.describe(_text(wire, "ItemDescription"))
    item_id = _integer(wire, "CartItemID")
    if not 0 <= item_id <= _LARGEST_LINE_ID:
        raise StoreBadResponse("The store's answer has a line that can't be named.")
    return LineItem(
        item_id=str(item_id),
        catalog_id=catalog_id,
        sku=sku,
        name=first_visible(name, sku, f"Product {catalog_id}"),
        options=options,
        quantity=quantity,
        unit_price=currency.pad(unit_price),
        option_price=currency.pad(option_price),
        line_total=currency.round((unit_price + option_price) * quantity),
        derived=not unit_price and name.startswith(_DERIVED),
        image_url=_url(wire, "ItemImage1", links),
        state=LineState.UNREADABLE if unreadable else LineState.IN_STORE,
    )


def _unreadable(wire: Wire) -> list[str]:
    """The numbers that are none. A discount may have only one of the two prices."""
    found = [name for name in _UNKNOWN if _is_no_number(wire.get(name))]
    if "ItemQuantity" not in found and (
        _is_absent(wire, "ItemQuantity") or _decimal(wire, "ItemQuantity") < 0
    ):
        found.append("ItemQuantity")
    if _is_absent(wire, "ItemUnitPrice") and _is_absent(wire, "ItemOptionPrice"):
        found.append("ItemUnitPrice")
    return found


def read_product(
    body: object, asked: int | None, links: Links, currency: Currency
) -> Product | None:
    """This product as a shopper may see it; None when the store hides it or does not sell it.

    Raises StoreBadResponse for another product than the one `asked` for.
    """
    wire = one(body)
    sku = _object(wire.get("SKUInfo"))
    catalog_id = _integer(sku, "CatalogID")
    if asked not in (None, catalog_id):
        raise StoreBadResponse("The store's answer is not the product that was requested.")
    if _flag(wire, "Hide") or _flag(wire, "NotForSale"):
        return None
    on_sale = _flag(sku, "OnSale") and not _is_absent(sku, "SalePrice")
    regular = currency.pad(_price(sku, "Price"))
    texts = Texts()
    code = texts.plain(_text(sku, "SKU"))
    name = first_visible(texts.plain(_text(sku, "Name")), code, f"Product {catalog_id}")
    option_sets = tuple(
        _option_set(each, links, currency, texts)
        for each in _sorted(wire.get("OptionSetList"), "OptionSorting")
    )
    stock = _optional(sku, "Stock")
    back_orders = _word(wire, "InventoryControl") == "2"  # docs/store-api.md, Products
    choices = {option.option_id for each in option_sets for option in each.options}
    counted = [
        each
        for each in _objects(wire.get("AdvancedOptionList"))
        if choices.issuperset(_variant_ids(each))
    ]
    variants = tuple(_variant(each, code, back_orders, currency, texts) for each in counted)
    left = [variant.stock for variant in variants] or [stock]
    return Product(
        catalog_id=catalog_id,
        sku=code,
        name=name,
        price=currency.pad(_price(sku, "SalePrice")) if on_sale else regular,
        list_price=regular if on_sale else None,
        image_url=_url(wire, "MainImageFile", links) or _url(wire, "ThumbnailFile", links),
        product_url=_url(wire, "ProductLink", links),
        available=back_orders or any(each is None or each > 0 for each in left),
        option_sets=option_sets,
        variants=tuple(each for each in variants if each.option_ids),
        stock=stock,
        back_orders=back_orders,
        **_quantities(wire),
    )


def _option_set(wire: Wire, links: Links, currency: Currency, texts: Texts) -> OptionSet:
    choices = _sorted(wire.get("OptionList"), "OptionSorting")
    option_set_id = _integer(wire, "OptionSetID")
    type_ = texts.plain(_text(wire, "OptionType"))
    kind = _KINDS.get("".join(filter(str.isalpha, type_.lower())), Kind.UNSUPPORTED)
    limit = _positive(wire, "OptionSizeLimit") if kind.is_typed else None
    return OptionSet(
        option_set_id=option_set_id,
        name=first_visible(texts.plain(_text(wire, "OptionSetName")), f"Option {option_set_id}"),
        type=type_,
        kind=kind,
        required=_flag(wire, "OptionRequired"),
        max_length=None if limit is None else min(int(limit), _LARGEST_ID) or None,
        options=tuple(
            ProductOption(
                option_id=_integer(choice, "OptionID"),
                name=first_visible(
                    texts.plain(_text(choice, "OptionName")),
                    f"Choice {_integer(choice, 'OptionID')}",
                ),
                price_difference=currency.pad(_decimal(choice, "OptionValue")),
                selected=_flag(choice, "OptionSelected"),
                image_url=_url(choice, "OptionImagePath", links),
            )
            for choice in choices
            # One without an id, such as "Please choose", can't be asked for.
            if not _flag(choice, "OptionHide") and _integer(choice, "OptionID") > 0
        ),
    )


def _variant(wire: Wire, sku: str, back_orders: bool, currency: Currency, texts: Texts) -> Variant:
    """A price of 0 means that it has none. The SKU is complete, or a suffix that begins with -."""
    price, stock = _positive(wire, "AdvancedOptionPrice"), _optional(wire, "AdvancedOptionStock")
    own = texts.plain(_text(wire, "AdvancedOptionSufix"))
    return Variant(
        option_ids=_variant_ids(wire),
        available=back_orders or stock is None or stock > 0,
        unit_price=None if price is None else currency.pad(price),
        sku=(sku + own if own.startswith("-") else own) or None,
        stock=stock,
    )


def _variant_ids(wire: Wire) -> tuple[int, ...]:
    """The option ids that a variant's code joins with `-`; empty if the code is something else."""
    parts = _word(wire, "AdvancedOptionCode").split("-")
    readable = all(part.isascii() and part.isdigit() and len(part) < 19 for part in parts)
    return tuple(map(int, parts)) if readable else ()


def _quantities(wire: Wire) -> dict[str, Any]:
    """Minimum, maximum and step, from four fields of the store.

    `QuantityOptions` lists what a shopper may choose, such as "6,12,18".
    """
    fractional = _flag(wire, "AllowFractionalQuantity")
    minimum, maximum = _positive(wire, "MinimumQuantity"), _positive(wire, "MaximumQuantity")
    step = minimum if _flag(wire, "AllowOnlyMultiples") else None
    listed = _listed(wire)
    if listed:
        minimum = max(listed[0], minimum or listed[0])
        maximum = min(listed[-1], maximum or listed[-1])
        gaps = [int((high - low) * _QUANTITY_UNITS) for low, high in pairwise(listed)]
        step = step or (Decimal(reduce(gcd, gaps)) / _QUANTITY_UNITS if gaps else None)
    units = _QUANTITY_UNITS if fractional else 1
    return {
        "minimum_quantity": _whole(minimum, units, ROUND_CEILING),
        "maximum_quantity": _whole(maximum, units, ROUND_FLOOR),
        "quantity_step": _whole(step, units, ROUND_CEILING),
        "fractional_quantity": fractional,
    }


def _listed(wire: Wire) -> list[Decimal]:
    """The quantities of `QuantityOptions`, ascending; empty if one of them is invalid."""
    listed = _word(wire, "QuantityOptions")
    texts = listed.split(",") if len(listed) <= _MAX_LISTED else [""]
    if not all(_QUANTITY.fullmatch(text.strip()) for text in texts):
        return []
    return sorted({Decimal(text.strip()) for text in texts} - {Decimal(0)})


def _whole(number: Decimal | None, units: int, rounding: str) -> Decimal | None:
    """Rounded to whole parts of a piece, which has so many `units`."""
    return None if number is None else (number * units).to_integral_value(rounding) / units


def _sorted(value: object, key: str) -> list[Wire]:
    return sorted(_objects(value), key=lambda each: _decimal(each, key))


def write_customer(email: str) -> dict[str, object]:
    """A new Customer with the fewest fields. The store needs a password; nobody learns this one."""
    return {"Email": email, "Password": secrets.token_urlsafe(32), "Enabled": True}


def read_new_customer(body: object) -> int:
    """The id of a customer just made. Raises StoreBadResponse if it can't be one."""
    return _customer_id({"CustomerID": read_envelope(body, "CustomerID")})


def read_customers(body: object, email: str) -> tuple[Customer, ...]:
    """The customers with exactly this address; the store's filter may return others too.

    Raises StoreBadResponse if the store may have more of them than it lists.
    """
    listed = [
        (
            _text(each, "Email"),
            Customer(_customer_id(each), _flag(each, "Enabled", absent=True)),
        )
        for each in _objects(body if isinstance(body, list) else [body])
    ]
    found = tuple(who for text, who in listed if text.strip().casefold() == email.casefold())
    if not found and len(listed) >= MOST_CUSTOMERS:
        raise StoreBadResponse("The store does not say whether it has this customer.")
    return found


def _customer_id(wire: Wire) -> int:
    customer_id = _integer(wire, "CustomerID")
    if customer_id <= 0:  # a cart with 0 would be nobody's
        raise StoreBadResponse("The store's answer lacks an id.")
    return customer_id


def read_order_ids(body: object) -> tuple[int, ...]:
    """The ids of the orders that a webhook reports: one object, or an array of them.

    Nothing else in it can be trusted. Raises StoreBadResponse if an id is missing.
    """
    orders = [_object(each) for each in (body if isinstance(body, list) else [body])]
    ids = tuple(_integer(each, "OrderID") for each in orders)
    if not 0 < len(ids) <= _MOST_ORDERS or min(ids) <= 0:
        raise StoreBadResponse("The body holds no orders, or too many.")
    return ids


def read_order(body: object, order_id: int, currency: Currency) -> Order:
    """The order of this id. Raises StoreBadResponse for another.

    The query of `ContinueURL` has the cart's key followed by the order's id, and its lines keep
    the ids that they had in the cart (docs/store-api.md, Checkout and Objects).
    """
    wire = one(body)
    if _integer(wire, "OrderID") != order_id:
        raise StoreBadResponse("The store's answer is not the order that was requested.")
    lines = _objects(wire.get("OrderItemList"))
    amounts = (
        (_decimal(line, "ItemUnitPrice") + _decimal(line, "ItemOptionPrice"))
        * _decimal(line, "ItemQuantity")
        for line in lines
    )
    subtotal = currency.round(sum(amounts, Decimal(0)))
    if abs(subtotal) >= _LARGEST_AMOUNT:
        raise StoreBadResponse("The store's answer has a number that is not valid.")
    return Order(
        order_id,
        is_placed=_decimal(wire, "OrderStatusID") != _NOT_COMPLETED,
        order_keys=_cart_keys(_text(wire, "ContinueURL"), order_id),
        line_ids=tuple(
            str(_integer(line, "ItemIndexID")) for line in lines if line.get("ItemIndexID")
        ),
        item_count=sum((_decimal(line, "ItemQuantity") for line in lines), Decimal(0)),
        subtotal=subtotal,
    )


def _cart_keys(url: str, order_id: int) -> tuple[str, ...]:
    """The possible keys of a cart in a URL: with and without the order's id at the end."""
    try:
        fields = parse_qsl(urlsplit(url).query, max_num_fields=20)
    except ValueError:
        return ()
    keys = [text for name, text in fields if name.lower() == "orderkey"]
    possible = dict.fromkeys([*(key.removesuffix(str(order_id)) for key in keys), *keys])
    return tuple(filter(_PATH_SAFE.fullmatch, possible))


def _objects(value: object) -> list[Wire]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise StoreBadResponse("The store's answer has something else where a list belongs.")
    return [_object(each) for each in value]


def _object(value: object) -> Wire:
    if not isinstance(value, dict):
        raise StoreBadResponse("The store's answer has something else where an object belongs.")
    return value


def _text(wire: Wire, name: str) -> str:
    value = wire.get(name)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
        raise StoreBadResponse("The store's answer has something else where a text belongs.")
    return str(value)


def _word(wire: Wire, name: str) -> str:
    """A member that selects a case; empty for other types, which match no case."""
    value = wire.get(name)
    return str(value) if isinstance(value, (str, int)) else ""


def _flag(wire: Wire, name: str, *, absent: bool = False) -> bool:
    """A yes or no, also as a text or a number, as databases write them.

    What is neither is refused: it could hide a product, or an option.
    """
    if _is_absent(wire, name):
        return absent
    word = str(wire[name]).strip().lower()
    if word not in _YES and word not in _NO:
        raise StoreBadResponse("The store's answer has something else where a yes or no belongs.")
    return word in _YES


def _is_absent(wire: Wire, name: str) -> bool:
    value = wire.get(name)  # may be a Decimal, which takes five times as long to compare with ""
    return value is None or (isinstance(value, str) and not value)


def _decimal(wire: Wire, name: str) -> Decimal:
    if _is_absent(wire, name):
        return Decimal(0)
    value = wire[name]
    if isinstance(value, bool) or not isinstance(value, (int, str, Decimal)):
        raise StoreBadResponse("The store's answer has something else where a number belongs.")
    try:
        number = _NUMBERS.plus(Decimal(value))
    except ArithmeticError:
        number = Decimal("NaN")
    if not number.is_finite():
        raise StoreBadResponse("The store's answer has a number that is not valid.")
    return number or Decimal(0)  # no minus zero


def _price(wire: Wire, name: str) -> Decimal:
    """What something costs: without a number it is not free, and never less than that."""
    number = _decimal(wire, name)
    if _is_absent(wire, name) or number < 0:
        raise StoreBadResponse("The store's answer lacks a price.")
    return number


def _optional(wire: Wire, name: str) -> Decimal | None:
    return None if wire.get(name) is None else _decimal(wire, name)


def _is_no_number(value: object) -> bool:
    """Whether it is no number at all; a number with too many digits is not meant."""
    if not isinstance(value, str):
        return isinstance(value, (bool, list, dict))
    try:
        return value != "" and not Decimal(value).is_finite()
    except InvalidOperation:
        return True


def _integer(wire: Wire, name: str) -> int:
    value = wire.get(name)
    if type(value) is int and abs(value) <= _LARGEST_ID:  # no Decimal needed
        return value
    number = _decimal(wire, name)
    whole = number == number.to_integral_value() and abs(number) <= _LARGEST_ID
    if _is_absent(wire, name) or not whole:
        raise StoreBadResponse("The store's answer lacks an id.")
    return int(number)


def _positive(wire: Wire, name: str) -> Decimal | None:
    """A limit of the store; 0 means none."""
    number = _decimal(wire, name)
    return number if number > 0 else None


def _url(wire: Wire, name: str, links: Links) -> str | None:
    return links.absolute(_text(wire, name))
