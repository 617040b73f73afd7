"""What answers show about undocumented behaviour of a store: for the probe.

Names and values are those of the simulated store's settings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from cartproxy.model.cart import Addresses, Currency, NewItem
from cartproxy.store import wire
from cartproxy.store.errors import StoreBadResponse
from cartproxy.store.links import Links
from cartproxy.store.transport import Answer

_ISO_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?")
_US_DATE = re.compile(r"\d\d/\d\d/\d{4} \d\d:\d\d(:\d\d)?")
_DIGITS = re.compile(r"(\d+)")
# Undocumented maximum lengths in the shipping address, with likely values.
UNSURE_LENGTHS = {"state": 100, "zip_code": 20, "phone": 50}


def empty_cart() -> object:
    """The body that creates an empty cart."""
    return wire.write_new_cart(Addresses())


def one_item(catalog_id: int) -> object:
    """The body that adds a product with quantity 1."""
    return wire.write_item(NewItem(catalog_id, Decimal(1)))


def shipping(name: str, length: int) -> object:
    """The body that sets a field of the shipping address to a text of this length."""
    return wire.write_addresses(Addresses(shipping={name: "x" * length}))


def status_of(answer: Answer) -> int:
    """HTTP's status, or the one in the body of an error that came with HTTP 200."""
    error = wire.read_error(answer.body)
    return (error[0] or 400) if error and answer.status < 400 else answer.status


def created_key(answer: Answer) -> str:
    """The order key of a cart that was created. Raises StoreBadResponse."""
    return wire.read_envelope(answer.body, "OrderKey")


def envelope_habits(answer: Answer) -> dict[str, Any]:
    """`status_type`."""
    status = wire.one(answer.body).get("Status")
    return {"status_type": "string" if isinstance(status, str) else "integer"}


def empty_cart_habits(answer: Answer) -> dict[str, Any]:
    """`get_status`, `get_shape`, `empty_list` and `date_format`, as far as the cart shows them."""
    cart = wire.one(answer.body)
    habits: dict[str, Any] = {
        "get_shape": "list" if isinstance(answer.body, list) else "object",
    }
    lines = cart.get("CartItemList", "absent")
    if lines in (None, [], "absent"):
        habits["empty_list"] = lines
    if answer.status in (200, 201):
        habits["get_status"] = answer.status
    date = str(cart.get("OrderDate", ""))
    for name, form in (("iso", _ISO_DATE), ("us", _US_DATE)):
        if form.fullmatch(date):
            habits["date_format"] = name
    return habits


def checkout_url(answer: Answer) -> str:
    """The cart's checkout URL; empty if there is none that a terminal may show."""
    url = wire.one(answer.body).get("CheckoutURL")
    return url if isinstance(url, str) and url.isascii() and url.isprintable() else ""


def line_ids(answer: Answer) -> list[str]:
    """The ids of a cart's lines."""
    lines = wire.one(answer.body).get("CartItemList")
    listed = lines if isinstance(lines, list) else []
    return [str(line.get("CartItemID")) for line in listed if isinstance(line, dict)]


def template(urls: Mapping[str, str], bases: set[str]) -> str | None:
    """The pattern of checkout URLs, from those of two carts by order key; None if there is none.

    `bases` are addresses of the store without a path. Apart from their keys, the URLs may differ
    in one number only: the order's.
    """
    parts = [_parts(key, url, bases) for key, url in urls.items()]
    if len(parts) < 2 or not all(parts) or len({len(each) for each in parts}) > 1:
        return None
    pattern, numbers = "", set()
    for texts in zip(*parts, strict=True):
        if len(set(texts)) == 1:
            pattern += texts[0]
        elif all(map(str.isdigit, texts)):
            numbers.add(texts)
            pattern += "{order_id}"
        else:
            return None
    return pattern if len(numbers) <= 1 else None


def _parts(key: str, url: str, bases: set[str]) -> list[str]:
    """A URL split at its numbers, with braces doubled, and base and key as placeholders.

    Empty if the URL does not have the key.
    """
    if key not in url:
        return []
    base = next((each for each in bases if url.startswith(f"{each}/")), "")
    rest = url.removeprefix(base)
    found = ["{base}" if base else ""]
    for place, text in enumerate(rest.split(key)):
        found += ["{order_key}"] if place else []
        found += _DIGITS.split(text.replace("{", "{{").replace("}", "}}"))
    return found


def sellable(answer: Answer) -> Iterator[int]:
    """The products of a list that can be bought with quantity 1 and without options."""
    listed = answer.body if isinstance(answer.body, list) else []
    for each in listed:
        try:
            product = wire.read_product(each, None, _LINKS, _CURRENCY)
        except StoreBadResponse:
            continue
        if product is None or not product.available or product.minimum_quantity:
            continue
        few = product.stock is not None and product.stock < 2
        if not few and not any(one.required for one in product.option_sets):
            yield product.catalog_id


_CURRENCY, _LINKS = Currency("USD"), Links("https://store.invalid/", ())
