"""The ways to the store's checkout, for scripts and for plain forms."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from urllib.parse import parse_qsl

from flask import Blueprint, Response, render_template

from cartproxy.carts.answers import Sending, Terms
from cartproxy.carts.errors import CartEmpty
from cartproxy.model.keys import IdempotencyKey
from cartproxy.web.admission import admit_creation
from cartproxy.web.bodies import load_json
from cartproxy.web.context import context
from cartproxy.web.forms import FORM_TYPES, load_form, read_form
from cartproxy.web.operations import operation
from cartproxy.web.preferences import payers, terms
from cartproxy.web.problems import checkout_address, let_form_leave
from cartproxy.web.request import current, current_caller
from cartproxy.web.schemas import CheckoutSchema, NewItemSchema, NothingSchema, SendingSchema

checkout = Blueprint("checkout", __name__)

_NEW_ITEM, _NOTHING, _SENDING = NewItemSchema(), NothingSchema(), SendingSchema()
_PROBLEMS = ("cart-empty", "cart-changed", "store-bad-checkout-url")


@checkout.post("/checkout")
@operation(
    "The store's checkout address; a form post is sent there",
    {200: CheckoutSchema, 202: SendingSchema, 303: None},
    bodies=(NothingSchema,),
    form=NothingSchema,
    problems=_PROBLEMS,
    writes=True,
)
def check_out() -> Response:
    request, tag = current(), None
    if request.media_type in FORM_TYPES:
        # Other fields of the form, such as a submit button's name, are ignored.
        tag = dict(parse_qsl(read_form())).get("if_match")
    else:
        load_json(_NOTHING)
    caller = current_caller()
    cart = caller.cart_to_change()
    wanted = replace(terms(), if_match=(tag,)) if tag else terms()
    result = caller.store.carts.checkout(cart, wanted)
    if request.prefers_html:
        return _redirect_or_wait(result)
    if isinstance(result, Sending):
        response = Response(json.dumps(_SENDING.dump(result)), 202, mimetype="application/json")
        response.headers["Retry-After"] = str(result.retry_after)
        return response
    return Response(json.dumps({"checkout_url": result}), mimetype="application/json")


@checkout.get("/checkout")
@operation(
    "A page that continues a checkout automatically", {202: None, 303: None}, problems=_PROBLEMS
)
def go_on() -> Response:
    caller = current_caller()
    name = caller.cart_to_read()
    if name is None:
        raise CartEmpty("The cart is empty.")
    return _redirect_or_wait(caller.store.carts.checkout(name, replace(terms(), key=None)))


@checkout.post("/buy")
@operation(
    "Without JavaScript: add the form's item and go to the checkout",
    {202: None, 303: None},
    form=NewItemSchema,
    problems=(*_PROBLEMS, "item-rejected", "product-refused"),
    writes=True,
)
def buy() -> Response:
    item = load_form(_NEW_ITEM)
    request, caller = current(), current_caller()
    caller.check_products({"/catalog_id": item.catalog_id})
    cart = caller.cart_to_change()
    admit = partial(admit_creation, request, context().limits)
    wanted = once = Terms(
        caller.deadline, admit_creation=admit, payers=payers(), site=caller.origin
    )
    key = caller.store.carts.key_of_form(cart, request.received)
    if key is not None:  # a double click posts the same form twice, and counts once
        once = replace(wanted, key=IdempotencyKey.of(key, "form", request.path, request.received))
    caller.store.carts.add(cart, [item], once)
    return _redirect_or_wait(caller.store.carts.checkout(cart, wanted))


def _redirect_or_wait(result: str | Sending) -> Response:
    """Send the shopper to the store's checkout; or show a page that repeats until it is ready."""
    if isinstance(result, str):
        return Response(status=303, headers={"Location": result})
    address = checkout_address()
    response = Response(
        render_template("sending.html", sent=result.sent, of=result.of, go_on=address), 202
    )
    response.headers["Refresh"] = f"{result.retry_after}; url={address}"
    return let_form_leave(response)
