"""The store's wire shapes, read tolerantly and written exactly.

Field names and quirks: docs/store-api.md, Objects.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from urllib.parse import urljoin, urlsplit

from cartproxy.model.cart import Addresses, Currency, LineItem, NewItem, Snapshot
from cartproxy.model.product import OptionSet, Product, ProductOption
from cartproxy.store.errors import StoreBadResponse
from cartproxy.store.text import describe_item, plain_text, remembered, tidy

Wire = Mapping[str, object]

_BILLING = {
    "first_name": "BillingFirstName",
    "last_name": "BillingLastName",
    "company": "BillingCompany",
    "address": "BillingAddress",
    "address2": "BillingAddress2",
    "city": "BillingCity",
    "state": "BillingState",
    "zip_code": "BillingZipCode",
    "country": "BillingCountry",
    "phone": "BillingPhoneNumber",
    "email": "BillingEmail",
}
_SHIPPING = {
    "first_name": "ShipmentFirstName",
    "last_name": "ShipmentLastName",
    "company": "ShipmentCompany",
    "address": "ShipmentAddress",
    "address2": "ShipmentAddress2",
    "city": "ShipmentCity",
    "state": "ShipmentState",
    "zip_code": "ShipmentZipCode",
    "country": "ShipmentCountry",
    "phone": "ShipmentPhone",
    "email": "ShipmentEmail",
}
# Lines that nobody added (docs/store-api.md, Objects).
_DERIVED = ("Bundle Item:", "KIT ITEM:")
_LARGEST_ID = 2**63 - 1
_MAX_DIGITS = 30  # no price, id or quantity is longer; a Decimal of millions of digits is an attack


def write_addresses(addresses: Addresses) -> dict[str, object]:
    """The fields of a CartReduced that are to change, for `PUT /Cart`.

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

    Errors come as the envelope with `Key` "Error", perhaps under HTTP 200, or as `{"Message": ...}`
    (docs/store-api.md, Envelope).
    """
    try:
        envelope = one(body)
    except StoreBadResponse:
        return None
    key, message = envelope.get("Key"), envelope.get("Message")
    is_error = key == "Error" or (key is None and set(envelope) == {"Message"})
    if not is_error:
        return None
    status = _word(envelope, "Status")
    reason = plain_text(message)[:200] if isinstance(message, str) else ""
    known = status.isascii() and status.isdigit() and len(status) == 3
    return (int(status) if known else None), reason


def read_envelope(body: object, key: str, asked: str | None = None) -> str:
    """The `Value` of a success envelope, whose `Key` is matched without regard to case.

    Raises StoreBadResponse where it is not the id that was asked for.
    """
    envelope = one(body)
    value = envelope.get("Value")
    if isinstance(value, bool) or not isinstance(value, (str, int)) or not str(value):
        raise StoreBadResponse("The store's answer names no id.")
    if _word(envelope, "Key").lower() != key.lower() or asked not in (None, str(value)):
        raise StoreBadResponse("The store's answer confirms something else than was asked.")
    return str(value)


def read_cart(body: object, order_key: str, shop_url: str, currency: Currency) -> Snapshot:
    """The Cart of this key with its lines; relative images become absolute under `shop_url`.

    Raises StoreBadResponse for a cart of another key, or of none. The documented sample has none,
    but it has no lines and no checkout either, which live carts have: it is older than they are
    (docs/store-api.md, Cart endpoints). To take it for an empty cart would lose what is in the real
    one.
    """
    wire = one(body)
    if wire.get("OrderKey") != order_key:
        raise StoreBadResponse("The store's answer is not the cart that was asked for.")
    items = tuple(_line(line, shop_url, currency) for line in _objects(wire.get("CartItemList")))
    if len({line.item_id for line in items}) < len(items):
        # Lines are changed and counted by their ids.
        raise StoreBadResponse("The store's answer names a line twice.")
    url = wire.get("CheckoutURL")
    return Snapshot(items=items, checkout_url=url if isinstance(url, str) and url else None)


def _line(wire: Wire, shop_url: str, currency: Currency) -> LineItem:
    quantity = _decimal(wire, "ItemQuantity")
    unit_price, option_price = _decimal(wire, "ItemUnitPrice"), _decimal(wire, "ItemOptionPrice")
    name, options = describe_item(_text(wire, "ItemDescription"))
    return LineItem(
        item_id=str(_integer(wire, "CartItemID")),
        catalog_id=_integer(wire, "CatalogID"),
        sku=plain_text(_text(wire, "ItemID")),
        name=name,
        options=options,
        quantity=quantity,
        unit_price=currency.pad(unit_price),
        option_price=currency.pad(option_price),
        line_total=currency.round((unit_price + option_price) * quantity),
        derived=not unit_price and name.startswith(_DERIVED),
        image_url=_url(wire, "ItemImage1", shop_url),
    )


def read_product(
    body: object, catalog_id: int, shop_url: str, currency: Currency
) -> Product | None:
    """This product as a shopper may see it; None when the store hides it or does not sell it.

    Raises StoreBadResponse for another product.
    """
    wire = one(body)
    sku = _object(wire.get("SKUInfo"))
    if _integer(sku, "CatalogID") != catalog_id:
        raise StoreBadResponse("The store's answer is not the product that was asked for.")
    if wire.get("Hide") is True or wire.get("NotForSale") is True:
        return None
    regular, on_sale = currency.pad(_decimal(sku, "Price")), sku.get("OnSale") is True
    stock = _decimal(sku, "Stock") if sku.get("Stock") is not None else None
    return Product(
        catalog_id=catalog_id,
        sku=plain_text(_text(sku, "SKU")),
        name=plain_text(_text(sku, "Name")),
        price=currency.pad(_decimal(sku, "SalePrice")) if on_sale else regular,
        list_price=regular if on_sale else None,
        image_url=_url(wire, "MainImageFile", shop_url) or _url(wire, "ThumbnailFile", shop_url),
        product_url=_url(wire, "ProductLink", shop_url),
        available=_available(wire, stock),
        minimum_quantity=_positive(wire, "MinimumQuantity"),
        maximum_quantity=_positive(wire, "MaximumQuantity"),
        fractional_quantity=wire.get("AllowFractionalQuantity") is True,
        option_sets=tuple(
            _option_set(each, shop_url, currency)
            for each in _sorted(wire.get("OptionSetList"), "OptionSorting")
        ),
        stock=stock,
    )


def _available(wire: Wire, stock: Decimal | None) -> bool:
    """Whether it can be bought now: stock is left, is kept per variant, or back-orders are taken.

    InventoryControl 2 means that back-orders are always taken (docs/store-api.md, Products).
    """
    variants = [
        _decimal(each, "AdvancedOptionStock") for each in _objects(wire.get("AdvancedOptionList"))
    ]
    if _word(wire, "InventoryControl") == "2":
        return True
    return any(left > 0 for left in variants) if variants else stock is None or stock > 0


def _option_set(wire: Wire, shop_url: str, currency: Currency) -> OptionSet:
    choices = _sorted(wire.get("OptionList"), "OptionSorting")
    return OptionSet(
        option_set_id=_integer(wire, "OptionSetID"),
        name=plain_text(_text(wire, "OptionSetName")),
        type=plain_text(_text(wire, "OptionType")),
        required=wire.get("OptionRequired") is True,
        options=tuple(
            ProductOption(
                option_id=_integer(choice, "OptionID"),
                name=plain_text(_text(choice, "OptionName")),
                price_difference=currency.pad(_decimal(choice, "OptionValue")),
                selected=choice.get("OptionSelected") is True,
                image_url=_url(choice, "OptionImagePath", shop_url),
            )
            for choice in choices
            if choice.get("OptionHide") is not True
        ),
    )


def _sorted(value: object, key: str) -> list[Wire]:
    return sorted(_objects(value), key=lambda each: _decimal(each, key))


def _objects(value: object) -> list[Wire]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise StoreBadResponse("The store's answer holds something else where a list belongs.")
    return [_object(each) for each in value]


def _object(value: object) -> Wire:
    if not isinstance(value, dict):
        raise StoreBadResponse("The store's answer holds something else where an object belongs.")
    return value


def _text(wire: Wire, name: str) -> str:
    value = wire.get(name)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
        raise StoreBadResponse("The store's answer holds something else where a text belongs.")
    return str(value)


def _word(wire: Wire, name: str) -> str:
    """A member that decides between cases; what is no word is none of them."""
    value = wire.get(name)
    return str(value) if isinstance(value, (str, int)) else ""


def _decimal(wire: Wire, name: str) -> Decimal:
    value = wire.get(name)
    if value is None or value == "":
        return Decimal(0)
    if isinstance(value, bool) or not isinstance(value, (int, str, Decimal)):
        raise StoreBadResponse("The store's answer holds something else where a number belongs.")
    try:
        number = Decimal(value)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or abs(number.adjusted()) > _MAX_DIGITS or _is_long(number):
        raise StoreBadResponse("The store's answer holds a number that can't be one.")
    return number


def _is_long(number: Decimal) -> bool:
    # To count digits takes seven times as long, and hardly a number is long as a text.
    return len(str(number)) > _MAX_DIGITS and len(number.as_tuple().digits) > _MAX_DIGITS


def _integer(wire: Wire, name: str) -> int:
    value = wire.get(name)
    if type(value) is int and abs(value) <= _LARGEST_ID:  # no Decimal needed
        return value
    number = _decimal(wire, name)
    whole = number == number.to_integral_value() and abs(number) <= _LARGEST_ID
    if value in (None, "") or not whole:
        raise StoreBadResponse("The store's answer lacks an id.")
    return int(number)


def _positive(wire: Wire, name: str) -> Decimal | None:
    """A limit of the store's, where 0 stands for none."""
    number = _decimal(wire, name)
    return number if number > 0 else None


def _url(wire: Wire, name: str, shop_url: str) -> str | None:
    """An absolute http(s) address; None for none and for every other scheme."""
    value = tidy(_text(wire, name))
    return _absolute(shop_url, value) if value else None


@remembered
def _absolute(shop_url: str, value: str) -> str | None:
    try:
        url = urljoin(shop_url, value)
        return url if urlsplit(url).scheme in ("http", "https") else None
    except ValueError:
        return None
