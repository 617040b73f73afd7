"""Products for rendering a button, cached in Redis so that page views cost the store nothing."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import redis

from cartproxy.deadline import Deadline
from cartproxy.errors import CartProxyError
from cartproxy.model.product import OptionSet, Product, ProductOption
from cartproxy.storage.errors import typed_errors
from cartproxy.store.client import StoreClient


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
        with typed_errors("get_product"):
            cached = self._client.get(key)
        if cached is None:
            product = self._store.get_product(catalog_id, self._store.allow(1, deadline))
            with typed_errors("keep_product"):
                self._client.set(key, _encode(product), ex=self._fresh_seconds)
        else:
            product = _decode(bytes(cached))  # type: ignore[arg-type]
        if product is None:
            raise ProductNotFound("The store offers no such product.")
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
    fields = json.loads(text)
    if fields is None:
        return None
    option_sets = tuple(
        OptionSet(**{**each, "options": tuple(_option(choice) for choice in each["options"])})
        for each in fields.pop("option_sets")
    )
    for name in ("price", "list_price", "minimum_quantity", "maximum_quantity", "stock"):
        fields[name] = None if fields[name] is None else Decimal(fields[name])
    return Product(option_sets=option_sets, **fields)


def _option(fields: dict[str, Any]) -> ProductOption:
    difference = Decimal(fields.pop("price_difference"))
    return ProductOption(price_difference=difference, **fields)
