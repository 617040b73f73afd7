"""Products, for rendering a button."""

from __future__ import annotations

import json
import re
from typing import Any

from flask import Blueprint, Response

from cartproxy.web.bodies import JSON_TYPE
from cartproxy.web.fields import MAX_ID
from cartproxy.web.operations import operation
from cartproxy.web.preferences import payers
from cartproxy.web.refusals import Refused
from cartproxy.web.request import current_caller
from cartproxy.web.schemas import ProductSchema

products = Blueprint("products", __name__)

_CATALOG_ID = re.compile(r"[1-9][0-9]{0,9}", re.ASCII)
_PRODUCT = ProductSchema()
_BROWSER_SECONDS = 60


@products.get("/products/<catalog_id>")
@operation(
    "A product's name, price, image, availability and options",
    {200: ProductSchema},
    problems=("product-not-found", "product-refused"),
)
def get_product(catalog_id: str) -> Response:
    document = find_product(catalog_id)
    return cacheable(Response(json.dumps(document, ensure_ascii=False), mimetype=JSON_TYPE))


def find_product(catalog_id: str) -> dict[str, Any]:
    """The product as JSON has it, if the caller's site may sell it. Raises Refused, StoreError."""
    if not _CATALOG_ID.fullmatch(catalog_id) or int(catalog_id) > MAX_ID:
        raise Refused("product-not-found", "The store does not offer this product.")
    caller = current_caller()
    caller.check_products({"": int(catalog_id)})
    product = caller.store.products.get(int(catalog_id), caller.deadline, payers())
    document: dict[str, Any] = _PRODUCT.dump(product) | {"currency": caller.store.settings.currency}
    document["product_url"] = document["product_url"] or caller.store.settings.site_url
    if not caller.store.settings.show_stock:
        del document["stock"]
    return document


def cacheable(response: Response) -> Response:
    """Let shared caches keep it for a while: it is the same for all."""
    response.cache_control.public = True
    response.cache_control.max_age = _BROWSER_SECONDS
    return response
