"""Products for rendering a button, cached in Redis so that page views cost the store nothing."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from decimal import Decimal
from types import NoneType
from typing import Any

import orjson
import redis

from cartproxy.carts.errors import ItemRefused
from cartproxy.deadline import Deadline
from cartproxy.errors import CartProxyError
from cartproxy.model.cart import Currency, LineItem, NewItem
from cartproxy.model.offer import Refusal, judge
from cartproxy.model.product import Kind, OptionSet, Product, ProductOption, Variant
from cartproxy.model.shape import DECIMAL, checked
from cartproxy.storage import values
from cartproxy.storage.errors import typed_errors
from cartproxy.storage.scripts import load_script, run_script
from cartproxy.storage.values import note_unreadable
from cartproxy.store.client import StoreClient
from cartproxy.store.errors import StoreBusy, StoreError
from cartproxy.store.limits import PRODUCT, Payer

_KEPT_MS = 86_400_000
_ASKING_MS = 10_000  # who has asked for so long is gone
_AGAIN_MS = 1000  # after a question that came to nothing
_POLL_SECONDS = 0.05
_KIND, _ASKING = values.Kind("product", "string"), values.Kind("asking", "string")
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
    """One store's products: an answer of the store is fresh for `fresh_seconds`.

    It is shown for a day if the store can't be asked. However many requests need a product, in any
    process, only one fetches it.
    """

    def __init__(
        self,
        store: StoreClient,
        client: redis.Redis,
        *,
        store_id: str,
        fresh_seconds: int,
        currency: Currency,
    ) -> None:
        self._store = store
        self._client = client
        self._prefix = f"cpp:{_FORMAT}:{store_id}:"
        self._fresh_ms = fresh_seconds * 1000
        self._currency = currency
        self._script = load_script(client, __package__, "product")

    def get(self, catalog_id: int, deadline: Deadline, payers: Sequence[Payer] = ()) -> Product:
        """The product. Raises ProductNotFound (also for a hidden one), StoreError, StorageError.

        A missing product is remembered too, so that asking for it in a loop is cheap.
        """
        while True:
            found, state = self._look_up(catalog_id)
            if state == b"ask":
                found = self._ask(catalog_id, found, deadline, payers)
            elif found is None and deadline.remaining() > _POLL_SECONDS:
                time.sleep(_POLL_SECONDS)  # another request is fetching it
                continue
            if found is None:
                raise StoreBusy("Another request is reading this product.")
            if not found:
                raise ProductNotFound("The store does not offer this product.")
            return found[0]

    def offer(self, item: NewItem, deadline: Deadline, payers: Sequence[Payer] = ()) -> LineItem:
        """The line that an item will be, if it can be bought as its product was last seen.

        Raises ItemRefused, StoreError where the product is not known, StorageError.
        """
        try:
            return self._line(self.get(item.catalog_id, deadline, payers), item)
        except ProductNotFound as error:
            raise ItemRefused(error.detail, "/catalog_id") from None

    def known_offer(self, item: NewItem) -> LineItem | None:
        """The same as far as it is known without a call. Raises StorageError."""
        found, _ = self._look_up(item.catalog_id, asks=False)
        with suppress(ItemRefused):
            return self._line(found[0], item) if found else None
        return None

    def _line(self, product: Product, item: NewItem) -> LineItem:
        offer = judge(product, item)
        if isinstance(offer, Refusal):
            raise ItemRefused(offer.detail, offer.pointer)
        price = offer.unit_price + offer.option_price
        return LineItem(
            item_id="",
            catalog_id=item.catalog_id,
            sku=offer.sku,
            name=product.name,
            options=offer.options,
            quantity=item.quantity,
            unit_price=offer.unit_price,
            option_price=offer.option_price,
            line_total=self._currency.round(price * item.quantity),
            image_url=product.image_url,
        )

    def _look_up(
        self, catalog_id: int, *, asks: bool = True
    ) -> tuple[tuple[Product, ...] | None, bytes]:
        """The product, none if the store has none, None if it is not known; and what to do.

        `ask`: this caller has to fetch it from the store. `wait`: another one does.
        """
        key = self._key(catalog_id)
        keys = {key: _KIND, f"{key}:asking": _ASKING}
        args = (self._fresh_ms, _KEPT_MS, _ASKING_MS if asks else 0)
        text, state = run_script(self._script, keys, args)
        try:
            product = None if text is None else _decode(text)
        except ValueError:
            note_unreadable(_KIND, key)
            self._forget(key)
            # Who is to ask holds the mark already, and would wait for itself.
            return (None, state) if state == b"ask" else self._look_up(catalog_id, asks=asks)
        return None if text is None else (product,) if product else (), state

    def _ask(
        self,
        catalog_id: int,
        known: tuple[Product, ...] | None,
        deadline: Deadline,
        payers: Sequence[Payer],
    ) -> tuple[Product, ...]:
        """The product as the store has it now, or the cached one if the store can't be asked."""
        key = self._key(catalog_id)
        allowance = self._store.allow(1, deadline, PRODUCT, waits=known is None, payers=payers)
        try:
            product = self._store.get_product(catalog_id, allowance)
        except StoreError:
            if known is None:
                self._forget(f"{key}:asking")
                raise
            with typed_errors("keep_product"):
                self._client.pexpire(f"{key}:asking", _AGAIN_MS)
            return known
        with typed_errors("keep_product"):
            self._client.set(key, _encode(product), px=_KEPT_MS)
        self._forget(f"{key}:asking")
        return (product,) if product else ()

    def _key(self, catalog_id: int) -> str:
        return f"{self._prefix}{{{catalog_id}}}"

    def _forget(self, key: str) -> None:
        with typed_errors("keep_product"):
            self._client.delete(key)


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
