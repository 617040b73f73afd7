"""Admits a request: which store, from which site, with which credential. Touches no storage."""

from __future__ import annotations

import re

from flask import Response

from cartproxy.deadline import Deadline
from cartproxy.limits.addresses import network
from cartproxy.web import api_keys
from cartproxy.web.bodies import receive
from cartproxy.web.caller import Caller
from cartproxy.web.context import Context
from cartproxy.web.credentials import read_bearer
from cartproxy.web.forms import FORM_TYPES
from cartproxy.web.origins import cors_fields
from cartproxy.web.rate_limits import RateLimits, limit_fields
from cartproxy.web.refusals import Refused
from cartproxy.web.request import Request
from cartproxy.web.stores import STORES_PATH, Store

_ADDRESS_HEADER = "Cartproxy-Client-Address"
_CLIENT = re.compile(r"[A-Za-z0-9._-]{1,64}/[A-Za-z0-9._+-]{1,64}", re.ASCII)
_WEBHOOK = "webhooks.take_orders"
_FORM_PATHS = ("/checkout", "/buy")


def admit(request: Request, context: Context) -> Response | None:
    """Before every request: find the store, check the site, read the credential.

    Answers preflights itself. Raises Refused; nothing has been read from storage or store by then.
    """
    if request.path.startswith(STORES_PATH):
        # Not from the route: a page may also read that there is none.
        request.store_id = request.path[len(STORES_PATH) :].partition("/")[0]
    if request.is_written_otherwise:
        raise Refused("not-found", "There is nothing at this address.")
    if not request.store_id:
        return None
    store = context.stores.get(request.store_id)
    if request.method == "OPTIONS" and _origin_that_may_read(request, context, store):
        return Response(status=204)
    if store is None:
        raise Refused("store-not-found", "This service has no store with this id.")
    request.store = store
    if request.endpoint == _WEBHOOK:
        _take_place(request, context)
        return None  # the store itself: no site and no shopper; its address is the credential
    key = store.keys.find(request.header(api_keys.HEADER), origin=request.header("Origin"))
    origin = f"key:{key.name}" if key else _admitted_origin(request, context, store)
    _take_place(request, context)
    reads = request.is_safe
    if reads:
        _refuse_body(request)
    elif key is None:
        _require_script_or_form(request)
    bearer = read_bearer(request.header("Authorization"))
    credential = bearer or context.cookie.read(request.cookies)
    address = (
        _reported_address(request.header(_ADDRESS_HEADER))
        if key
        else context.limits.address(request.header("X-Forwarded-For"), request.remote_addr)
    )
    request.caller = Caller(
        store,
        origin,
        key,
        address,
        credential,
        by_cookie=bearer is None,
        deadline=Deadline.after(context.request_seconds),
        names=context.cart_names,
    )
    kind = "reads" if reads else "writes"
    request.standing = context.limits.take(kind, address, credential)
    return None


def _take_place(request: Request, context: Context) -> None:
    if len(context.under_way) >= context.max_under_way:
        raise Refused("overloaded", "Too many requests are under way.", retry_after=1)
    context.under_way.add(request)


def admit_creation(request: Request, limits: RateLimits) -> None:
    """Count a new cart of the request's caller. Raises RateLimited."""
    caller = request.caller
    assert caller is not None  # noqa: S101 - who makes a cart has been through `admit`
    quota = caller.store.creates_of.find(caller.origin)
    request.standing = limits.take("creates", caller.address, None, quota)


def finish(request: Request, context: Context, response: Response) -> dict[str, str]:
    """After every request: headers for CORS and of its limit; a cookie, if due, is set here."""
    fields: dict[str, str] = {}
    if request.store_id:
        origin = _origin_that_may_read(request, context, request.store)
        wanted = request.header("Access-Control-Request-Headers") or ""
        fields |= cors_fields(origin, wanted if request.method == "OPTIONS" else None)
    if request.standing and "public" not in "".join(response.headers.getlist("Cache-Control")):
        # Otherwise a cache would show everybody how much of one client's limit is left.
        fields |= limit_fields(request.standing)
    if request.caller and request.caller.cookie:
        context.cookie.issue(response, request.caller.cookie)
    return fields


def leave(request: Request, context: Context) -> None:
    """At the very end of every request: free its place."""
    context.under_way.discard(request)


def _reported_address(address: str | None) -> str | None:
    """The address that a server-side caller reports of its shopper, as it is counted."""
    if address is None:
        return None
    try:
        return network(address)
    except ValueError:
        raise Refused("malformed-request", f"{_ADDRESS_HEADER} is no address.") from None


def _origin_that_may_read(request: Request, context: Context, store: Store | None) -> str | None:
    """The request's Origin, if it may read answers: of this store, or of any where none is named.

    So a page with a mistyped store id can read that, and not just that something failed.
    """
    origin = request.header("Origin")
    stores = context.stores.values() if store is None else (store,)
    return origin if origin and any(origin in each.origins for each in stores) else None


def _admitted_origin(request: Request, context: Context, store: Store) -> str:
    origin = request.header("Origin")  # several are joined with commas, which is on no list
    site = request.args.get("site") if request.path.endswith("/checkout") else None
    if site and (origin == context.own_origin or (origin is None and request.is_safe)):
        # A page of this service goes on with a checkout that began on that site.
        if site in store.origins or (site == context.own_origin and store.settings.buy_page):
            return site
        raise Refused("origin-refused", "This site is not on the store's list of origins.")
    if request.is_safe and origin in (None, context.own_origin):
        return context.own_origin  # a page of this service itself
    if origin == context.own_origin and store.settings.buy_page and request.path == store.buy_path:
        return origin  # the form of the page for links
    if origin is None:
        raise Refused("origin-refused", "A write must name its Origin.")
    if origin == "null":
        raise Refused(
            "origin-refused",
            "The page hides its origin, by a Referrer-Policy or a sandbox. It must send it.",
        )
    if origin not in store.origins:
        raise Refused("origin-refused", "This site is not on the store's list of origins.")
    return origin


def _refuse_body(request: Request) -> None:
    """Refuse a read with a body; proxies may send an empty one."""
    chunked = request.header("Transfer-Encoding") is not None
    length = request.environ.get("CONTENT_LENGTH", "")  # `content_length` costs ten times as much
    if length.strip("0") or (chunked and receive(request, 1)):
        raise Refused("malformed-request", "A read must not have a body.")


def _require_script_or_form(request: Request) -> None:
    """A script proves itself by a header that no form can send; forms have two addresses."""
    if request.path.endswith(_FORM_PATHS) and request.media_type in FORM_TYPES:
        return
    if not _CLIENT.fullmatch(request.header("Cartproxy-Client") or ""):
        raise Refused("client-header-missing", "A write needs `Cartproxy-Client: name/version`.")
