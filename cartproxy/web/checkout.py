"""The ways out to the store's checkout, for scripts and for plain forms."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial

from flask import Blueprint, Response

from cartproxy.carts.answers import Terms
from cartproxy.model.keys import IdempotencyKey
from cartproxy.web.admission import admit_creation
from cartproxy.web.bodies import FORM_TYPE, load_form, load_json, read_body
from cartproxy.web.context import context
from cartproxy.web.operations import operation
from cartproxy.web.preferences import terms
from cartproxy.web.request import current, current_caller
from cartproxy.web.schemas import CheckoutSchema, NewItemSchema, NothingSchema

checkout = Blueprint("checkout", __name__)

_NEW_ITEM, _NOTHING = NewItemSchema(), NothingSchema()
_PROBLEMS = ("cart-empty", "cart-changed", "store-bad-checkout-url")


@checkout.post("/checkout")
@operation(
    "The store's checkout address; a form post is sent there",
    {200: CheckoutSchema, 303: None},
    bodies=(NothingSchema,),
    form=NothingSchema,
    problems=_PROBLEMS,
    writes=True,
)
def check_out() -> Response:
    request = current()
    if request.media_type == FORM_TYPE:
        read_body()  # whatever the form holds, a submit button's name perhaps, means nothing here
    else:
        load_json(_NOTHING)
    caller = current_caller()
    url = caller.store.carts.checkout(caller.cart_to_change(), terms())
    if request.prefers_html:
        return _see_other(url)
    return Response(json.dumps({"checkout_url": url}), mimetype="application/json")


@checkout.post("/buy")
@operation(
    "Without JavaScript: add the form's item and go to the checkout",
    {303: None},
    form=NewItemSchema,
    problems=(*_PROBLEMS, "item-rejected", "product-refused"),
    writes=True,
)
def buy() -> Response:
    item = load_form(_NEW_ITEM)
    caller = current_caller()
    caller.check_products([item.catalog_id])
    cart = caller.cart_to_change()
    admit = partial(admit_creation, current(), context().limits)
    wanted = Terms(caller.deadline, admit_creation=admit)
    key = _key_of_form(caller.store.carts.mark(cart))
    caller.store.carts.add(cart, [item], replace(wanted, key=key))
    return _see_other(caller.store.carts.checkout(cart, wanted))


def _key_of_form(mark: str) -> IdempotencyKey:
    """The key of a form's post: a double click sends the same body to the same cart twice.

    Sent again once the cart has changed, it is another wish to buy.
    """
    request = current()
    body = request.received
    return IdempotencyKey.of(f"{mark} {body.decode('latin-1')}", "form", request.path, body)


def _see_other(url: str) -> Response:
    return Response(status=303, headers={"Location": url})
