"""Where a store reports new orders: at an address that only the store knows."""

from __future__ import annotations

import hmac
import json
from decimal import Decimal

from flask import Blueprint, Response

from cartproxy.store.errors import StoreBadResponse
from cartproxy.store.wire import read_order_ids
from cartproxy.web.bodies import read_body
from cartproxy.web.operations import operation
from cartproxy.web.refusals import Refused
from cartproxy.web.request import current
from cartproxy.web.schemas import WebhookSchema

webhooks = Blueprint("webhooks", __name__)

_MAX_BYTES = 65_536


@webhooks.post("/hooks/<secret>")
@operation(
    "For the store itself: its webhook of new orders",
    {200: None},
    bodies=(WebhookSchema,),
    problems=(
        *("not-found", "malformed-json", "invalid-request", "body-too-large"),
        *("unsupported-media-type", "storage-full"),
    ),
)
def take_orders(secret: str) -> Response:
    store = current().store
    hook_secret = store.settings.hook_secret.reveal() if store else ""
    orders = store.orders if store else None
    if orders is None or not hmac.compare_digest(secret.encode(), hook_secret.encode()):
        raise Refused("not-found", "There is nothing at this address.")
    try:
        body = json.loads(read_body(_MAX_BYTES), parse_float=Decimal)
    except (ValueError, ArithmeticError, RecursionError):
        raise Refused("malformed-json", "The body is not one JSON document.") from None
    try:
        orders.take(read_order_ids(body))
    except StoreBadResponse as error:
        raise Refused("invalid-request", error.detail) from None
    return Response(status=200)
