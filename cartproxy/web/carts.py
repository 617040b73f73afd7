"""The cart and its lines."""

from __future__ import annotations

from decimal import Decimal

from flask import Blueprint, Response

from cartproxy.carts.answers import Written
from cartproxy.compact import compact
from cartproxy.errors import Outcome
from cartproxy.model.cart import Cart, QuantityChange
from cartproxy.web import schemas
from cartproxy.web.bodies import JSON_TYPE, load_json
from cartproxy.web.cart_json import cart_as_json, results_as_json
from cartproxy.web.fields import LINE_ID
from cartproxy.web.operations import operation
from cartproxy.web.preferences import payers, terms
from cartproxy.web.refusals import Refused
from cartproxy.web.request import current, current_caller

carts = Blueprint("carts", __name__)

_RESTORED = schemas.RestoredSchema()
_ADDRESSES, _CUSTOMER = schemas.AddressesSchema(), schemas.CustomerSchema()
_NOTHING = schemas.NothingSchema()
_NEW_ITEM, _NEW_ITEMS = schemas.NewItemSchema(), schemas.NewItemsSchema()
_QUANTITY, _QUANTITIES = schemas.QuantitySchema(), schemas.QuantityChangesSchema()
_ITEM_PROBLEMS = ("item-rejected", "item-not-found")
_CHANGE = {"writes": True, "minimal": schemas.ResultsSchema}
_SET_ADDRESSES = _CHANGE | {"bodies": (schemas.CustomerSchema,), "problems": ("address-rejected",)}
_CHANGE_ITEMS = _CHANGE | {"problems": _ITEM_PROBLEMS}


@carts.get("/cart")
@operation("The cart; an empty one if there is none", {200: schemas.CartSchema, 304: None})
def get_cart() -> Response:
    request, caller = current(), current_caller()
    name = caller.cart_to_read()
    if name is None:
        return _cart_answer(caller.store.carts.nothing())
    revalidate = "no-cache" in (request.header("Cache-Control") or "").lower()
    cart = caller.store.carts.read(name, caller.deadline, revalidate=revalidate, payers=payers())
    tags = request.header("If-None-Match") and request.if_none_match
    if tags and cart.ordered is None and tags.contains_weak(cart.etag.strip('"')):
        return Response(status=304, headers={"ETag": cart.etag})
    return _cart_answer(cart)


@carts.post("/cart")
@operation(
    "Make the cart now, with addresses if given",
    {201: schemas.WrittenCartSchema, 200: schemas.WrittenCartSchema},
    **_SET_ADDRESSES,
)
def create_cart() -> Response:
    written = _set_addresses()
    return _answer(written, 201 if written.created else 200)


@carts.patch("/cart")
@operation(
    "Change addresses; no answer contains them",
    {200: schemas.WrittenCartSchema},
    **_SET_ADDRESSES,
)
def update_cart() -> Response:
    return _answer(_set_addresses(create=False))


@carts.delete("/cart")
@operation(
    "Delete the cart and end its session",
    {204: None},
    bodies=(schemas.NothingSchema,),
    writes=True,
)
def delete_cart() -> Response:
    load_json(_NOTHING)
    caller = current_caller()
    caller.store.carts.delete(caller.cart_to_change(), terms())
    return Response(status=204)


@carts.post("/cart/items")
@operation(
    "Add one item or several; makes the cart if there is none",
    {201: schemas.CartWithResultsSchema, 202: schemas.CartWithResultsSchema},
    bodies=(schemas.NewItemSchema, schemas.NewItemsSchema),
    problems=(*_ITEM_PROBLEMS, "product-refused"),
    **_CHANGE,
)
def add_items() -> Response:
    loaded = load_json(_NEW_ITEM, _NEW_ITEMS)
    several = isinstance(loaded, dict)
    items = loaded["items"] if several else [loaded]
    caller = current_caller()
    caller.check_products(
        {
            f"/items/{at}" if several else "/catalog_id": each.catalog_id
            for at, each in enumerate(items)
        }
    )
    name = caller.cart_to_change()
    return _answer(caller.store.carts.add(name, items, terms()), 201)


@carts.patch("/cart/items")
@operation(
    "Change the quantities of several lines; 0 removes",
    {200: schemas.CartWithResultsSchema, 202: schemas.CartWithResultsSchema},
    bodies=(schemas.QuantityChangesSchema,),
    **_CHANGE_ITEMS,
)
def change_items() -> Response:
    return _change(load_json(_QUANTITIES)["items"])


@carts.patch("/cart/items/<item_id>")
@operation(
    "Change a line's quantity; 0 removes it",
    {200: schemas.CartWithResultsSchema, 202: schemas.CartWithResultsSchema},
    bodies=(schemas.QuantitySchema,),
    **_CHANGE_ITEMS,
)
def change_item(item_id: str) -> Response:
    quantity = load_json(_QUANTITY)["quantity"]
    return _change([QuantityChange(_checked(item_id), quantity)])


@carts.delete("/cart/items/<item_id>")
@operation(
    "Remove a line",
    {200: schemas.CartWithResultsSchema, 202: schemas.CartWithResultsSchema},
    bodies=(schemas.NothingSchema,),
    **_CHANGE_ITEMS,
)
def remove_item(item_id: str) -> Response:
    load_json(_NOTHING)
    return _change([QuantityChange(_checked(item_id), Decimal(0))])


def _checked(item_id: str) -> str:
    if not LINE_ID.fullmatch(item_id):
        raise Refused("item-not-found", "The cart has no such line.")
    return item_id


def _change(changes: list[QuantityChange]) -> Response:
    caller = current_caller()
    name = caller.cart_to_change()
    return _answer(caller.store.carts.change(name, changes, terms()))


def _set_addresses(*, create: bool = True) -> Written:
    caller = current_caller()
    addresses = load_json(_CUSTOMER if caller.key else _ADDRESSES)
    if addresses.customer_email and not (caller.key and caller.key.may_name_customers):
        errors = [("/customer", "Only with an API key that has the right `customers`.")]
        raise Refused("invalid-request", "This key may not name a customer.", errors=errors)
    name = caller.cart_to_change()
    return caller.store.carts.write_addresses(name, addresses, terms(), create=create)


def _answer(written: Written, status: int = 200) -> Response:
    """The cart after a change with the results per item; for a minimal answer only the results.

    The status is 202 where all that was accepted is still to be sent to the store.
    """
    outcomes = {result.outcome for result in written.results}
    if outcomes - {Outcome.NOT_APPLIED} == {Outcome.PENDING}:
        status = 202
    results = {"results": results_as_json(written.results)} if written.results else {}
    if written.cart is None:
        response = _json(results or {"results": []}, status)
        response.headers["Preference-Applied"] = "return=minimal"
        return response
    restored = {"restored": _RESTORED.dump(written.restored)} if written.restored else {}
    response = _cart_answer(written.cart, status, results | restored)
    if written.replayed:
        response.headers["Idempotent-Replayed"] = "true"
    return response


def _cart_answer(cart: Cart, status: int = 200, more: dict[str, object] | None = None) -> Response:
    response = _json(cart_as_json(cart) | (more or {}), status)
    response.headers["ETag"] = cart.etag
    return response


def _json(document: object, status: int) -> Response:
    return Response(compact(document), status, content_type=JSON_TYPE)
