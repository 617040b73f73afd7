"""The ways out to the store's checkout, for scripts and for plain forms."""

from __future__ import annotations

import json

from flask import Blueprint, Response

from cartproxy.carts.answers import Terms
from cartproxy.web.bodies import FORM_TYPE, load_form, load_json, media_type, read_body
from cartproxy.web.caller import caller, terms
from cartproxy.web.operations import operation
from cartproxy.web.problems import prefers_html
from cartproxy.web.schemas import CheckoutSchema, NewItemSchema, NothingSchema

checkout = Blueprint("checkout", __name__, url_prefix="/v1/stores/<store>")

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
def check_out(store: str) -> Response:
    if media_type() == FORM_TYPE:
        read_body()  # whatever the form holds, a submit button's name perhaps, means nothing here
    else:
        load_json(_NOTHING)
    who = caller()
    url = who.shop.carts.checkout(who.writing(), terms())
    if prefers_html():
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
def buy(store: str) -> Response:
    item = load_form(_NEW_ITEM)
    who = caller()
    who.check_products([item.catalog_id])
    session = who.writing()
    wanted = Terms(who.deadline, admit_creation=who.admit_creation)
    who.shop.carts.add(session, [item], wanted)
    return _see_other(who.shop.carts.checkout(session, wanted))


def _see_other(url: str) -> Response:
    return Response(status=303, headers={"Location": url})
