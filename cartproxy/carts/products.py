"""Products for rendering a button, cached in Redis so that page views cost the store nothing."""

from __future__ import annotations

import json
from decimal import Decimal
from types import NoneType
from typing import Any

import orjson
import redis

from cartproxy.deadline import Deadline
from cartproxy.errors import CartProxyError
from cartproxy.model.product import OptionSet, Product, ProductOption
from cartproxy.model.shape import DECIMAL, checked
from cartproxy.storage.errors import typed_errors
from cartproxy.storage.values import Kind, note_unreadable, read_text
from cartproxy.store.client import StoreClient

_KIND = Kind("product", "string")
_NUMBERS = ("price", "list_price", "minimum_quantity", "maximum_quantity", "stock")
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
    "required": bool,
    "options": [_OPTION],
}
_PRODUCT = {
    "catalog_id": int,
    "sku": str,
    "name": str,
    "image_url": str | None,
    "product_url": str | None,
    "available": bool,
    "fractional_quantity": bool,
    "option_sets": [_OPTION_SET],
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
        self._prefix = f"cpp:{store_id}:"
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
    if product is None:
        return "null"
    fields = {name: getattr(product, name) for name in Product.__slots__}
    fields["option_sets"] = [
        {name: getattr(each, name) for name in OptionSet.__slots__}
        | {
            "options": [
                {name: getattr(choice, name) for name in ProductOption.__slots__}
                for choice in each.options
            ]
        }
        for each in product.option_sets
    ]
    return json.dumps(fields, default=str, ensure_ascii=False, separators=(",", ":"))


def _decode(text: bytes) -> Product | None:
    """A product from its text. Raises ValueError for anything else."""
    fields = orjson.loads(text)
    if fields is None:
        return None
    checked(fields, _PRODUCT)
    option_sets = tuple(
        OptionSet(**{**each, "options": tuple(_option(choice) for choice in each["options"])})
        for each in fields.pop("option_sets")
    )
    for name in _NUMBERS:
        fields[name] = None if fields[name] is None else Decimal(fields[name])
    return Product(option_sets=option_sets, **fields)


def _option(fields: dict[str, Any]) -> ProductOption:
    difference = Decimal(fields.pop("price_difference"))
    return ProductOption(price_difference=difference, **fields)
