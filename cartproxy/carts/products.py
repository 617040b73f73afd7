"""Products for rendering a button, cached in Redis so that page views cost the store nothing."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from decimal import Decimal
from types import NoneType
from typing import Any

import orjson
import redis

from cartproxy.deadline import Deadline
from cartproxy.errors import CartProxyError
from cartproxy.model.product import Kind, OptionSet, Product, ProductOption, Variant
from cartproxy.model.shape import DECIMAL, checked
from cartproxy.storage import values
from cartproxy.storage.errors import typed_errors
from cartproxy.storage.values import note_unreadable, read_text
from cartproxy.store.client import StoreClient

_KIND = values.Kind("product", "string")
# Part of each key, so that two releases that run side by side do not refetch each other's products.
_FORMAT = 2
_OPTION = {
    "option_id": int,
    "name": str,
    "price_difference": DECIMAL,
    "selected": bool,
    "image_url": str | None,
}
_OPTION_SET = {
    "option_set_id": int,
    "name": str,
    "type": str,
    "kind": re.compile("|".join(Kind)),
    "required": bool,
    "max_length": int | None,
    "options": [_OPTION],
}
_VARIANT = {
    "option_ids": [int],
    "available": bool,
    "unit_price": {DECIMAL, NoneType},
    "sku": str | None,
    "stock": {DECIMAL, NoneType},
}
_NUMBERS = (
    "price",
    "list_price",
    "minimum_quantity",
    "maximum_quantity",
    "quantity_step",
    "stock",
)
_PRODUCT = {
    "catalog_id": int,
    "sku": str,
    "name": str,
    "image_url": str | None,
    "product_url": str | None,
    "available": bool,
    "fractional_quantity": bool,
    "back_orders": bool,
    "option_sets": [_OPTION_SET],
    "variants": [_VARIANT],
    **{name: {DECIMAL, NoneType} for name in _NUMBERS},
    "price": DECIMAL,
}


class ProductNotFound(CartProxyError):
    """The store has no such product, or does not show it."""

    code = "product-not-found"


class ProductCatalogue:
    """One store's products; what the store has said is believed for `fresh_seconds`."""

    def __init__(
        self, store: StoreClient, client: redis.Redis, *, store_id: str, fresh_seconds: int
    ) -> None:
        self._store = store
        self._client = client
        self._prefix = f"cpp:{_FORMAT}:{store_id}:"
        self._fresh_seconds = fresh_seconds

    def get(self, catalog_id: int, deadline: Deadline) -> Product:
        """The product. Raises ProductNotFound (also for a hidden one), StoreError, StorageError.

        That a product is not there is remembered too, so that asking for it in a loop is cheap.
        """
        key = f"{self._prefix}{catalog_id}"
        cached = read_text(self._client, _KIND, key, operation="get_product")
        try:
            product = self._ask(catalog_id, key, deadline) if cached is None else _decode(cached)
        except ValueError:
            note_unreadable(_KIND, key)
            product = self._ask(catalog_id, key, deadline)
        if product is None:
            raise ProductNotFound("The store offers no such product.")
        return product

    def _ask(self, catalog_id: int, key: str, deadline: Deadline) -> Product | None:
        product = self._store.get_product(catalog_id, self._store.allow(1, deadline))
        with typed_errors("keep_product"):
            self._client.set(key, _encode(product), ex=self._fresh_seconds)
        return product


def _encode(product: Product | None) -> str:
    fields = None if product is None else asdict(product)
    return json.dumps(fields, default=str, ensure_ascii=False, separators=(",", ":"))


def _decode(text: bytes) -> Product | None:
    """A product from its text. Raises ValueError for anything else."""
    fields = orjson.loads(text)
    if fields is None:
        return None
    checked(fields, _PRODUCT)
    fields["option_sets"] = tuple(map(_option_set, fields["option_sets"]))
    fields["variants"] = tuple(
        Variant(
            **_with_decimals(each, "unit_price", "stock")
            | {"option_ids": tuple(each["option_ids"])}
        )
        for each in fields["variants"]
    )
    return Product(**_with_decimals(fields, *_NUMBERS))


def _option_set(fields: dict[str, Any]) -> OptionSet:
    fields["kind"] = Kind(fields["kind"])
    fields["options"] = tuple(
        ProductOption(**_with_decimals(each, "price_difference")) for each in fields["options"]
    )
    return OptionSet(**fields)


def _with_decimals(fields: dict[str, Any], *names: str) -> dict[str, Any]:
    numbers = {name: fields[name] for name in names}
    return fields | {name: text and Decimal(text) for name, text in numbers.items()}
