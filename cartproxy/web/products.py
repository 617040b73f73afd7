"""Products, for rendering a button."""

from __future__ import annotations

import json
import re
from typing import Any

from flask import Blueprint, Response

from cartproxy.web.caller import caller
from cartproxy.web.operations import operation
from cartproxy.web.refusals import Refused
from cartproxy.web.schemas import ProductSchema

products = Blueprint("products", __name__, url_prefix="/v1/stores/<store>")

_CATALOG_ID = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)
_PRODUCT = ProductSchema()
_BROWSER_SECONDS = 60


@products.get("/products/<catalog_id>")
@operation(
    "A product's name, price, image, availability and options",
    {200: ProductSchema},
    problems=("product-not-found", "product-refused"),
)
def get_product(store: str, catalog_id: str) -> Response:
    if not _CATALOG_ID.fullmatch(catalog_id):
        raise Refused("product-not-found", "The store offers no such product.")
    who = caller()
    who.check_products([int(catalog_id)])
    product = who.shop.products.get(int(catalog_id), who.deadline)
    document: dict[str, Any] = _PRODUCT.dump(product) | {"currency": who.shop.currency}
    if not who.shop.show_stock:
        del document["stock"]
    response = Response(json.dumps(document, ensure_ascii=False), mimetype="application/json")
    response.cache_control.public = True
    response.cache_control.max_age = _BROWSER_SECONDS
    return response
