"""The one way from an error to an answer: a problem document (RFC 9457)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import Response, render_template
from werkzeug.exceptions import HTTPException

from cartproxy.carts.errors import (
    AddressRejected,
    CartChanged,
    ItemRefused,
    NothingApplied,
    PreconditionFailed,
)
from cartproxy.errors import CartProxyError
from cartproxy.limits.rate_limiter import RateLimited
from cartproxy.web.cart_json import cart_as_json, changes_as_json, results_as_json
from cartproxy.web.context import context
from cartproxy.web.fields import MAX_ERRORS
from cartproxy.web.problem_kinds import CATALOGUE
from cartproxy.web.refusals import Refused
from cartproxy.web.request import current, current_caller
from cartproxy.web.stores import STORES_PATH

MEDIA_TYPE = "application/problem+json"
POLICY, REFERRER_POLICY = "Content-Security-Policy", "Referrer-Policy"
# On every answer, except where it has its own.
FIXED_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    REFERRER_POLICY: "no-referrer",
    "X-Frame-Options": "DENY",
    POLICY: "default-src 'none'; style-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
}
# A form on such a page is answered with a redirect to the store, which browsers check too.
_FORM_POLICY = FIXED_HEADERS[POLICY].replace(
    "form-action 'none'", "form-action 'self' https: http://localhost:* http://127.0.0.1:*"
)
_NOT_HTTP = (
    "This is not valid HTTP/1.1. Check the first line, the form of each header field, and Host, "
    "Expect, Content-Length and Transfer-Encoding."
)
_OF_STATUS = {404: "not-found", 405: "method-not-allowed", 413: "body-too-large"}


def answer(error: CartProxyError) -> Response:
    """The problem document for an error; a page for a person where the request prefers HTML."""
    cause = error.cause if isinstance(error, NothingApplied) else error
    members: dict[str, Any] = {"detail": cause.detail, "retryable": cause.retryable}
    if cause.retry_after is not None:
        members["retry_after"] = cause.retry_after
    if cause.outcome is not None and not current().is_safe:
        members["outcome"] = cause.outcome
    if isinstance(error, Refused) and error.errors:
        shown = error.errors[:MAX_ERRORS]
        members["errors"] = [{"pointer": at, "detail": text} for at, text in shown]
        if len(shown) < len(error.errors):
            members["detail"] += f" There are more errors than these {MAX_ERRORS}."
    if isinstance(cause, ItemRefused | AddressRejected) and cause.pointer:
        at = "/items/0" if isinstance(error, NothingApplied) and len(error.results) > 1 else ""
        members["errors"] = [{"pointer": at + cause.pointer, "detail": cause.detail}]
    if isinstance(error, NothingApplied):
        members["results"] = results_as_json(error.results)
    if isinstance(error, CartChanged | PreconditionFailed):
        members["cart"] = cart_as_json(error.cart)
    if isinstance(error, CartChanged):
        members["changes"] = changes_as_json(error.cart.changes)
        if current().prefers_html:
            members |= {"go_on": checkout_address(), "tag": error.cart.etag}
            return let_form_leave(_document(error.code, members))
    response = _document(cause.code, members)
    if isinstance(error, CartChanged | PreconditionFailed):
        response.headers["ETag"] = error.cart.etag
    if isinstance(error, RateLimited):
        current().standing = error.standing
    return response


def let_form_leave(response: Response, image_url: str | None = None) -> Response:
    """Make it a page whose form leads to the store, perhaps with one picture of the store's."""
    policy = _FORM_POLICY
    if image_url is not None:
        source = "{0.scheme}://{0.netloc}".format(urlsplit(image_url))
        policy = policy.replace("img-src 'self'", f"img-src 'self' {source}")
    response.headers[POLICY] = policy
    # From a page without a referrer, browsers send a form with `Origin: null`.
    response.headers[REFERRER_POLICY] = "same-origin"
    return response


def checkout_address() -> str:
    """Where a page of this service goes on with a checkout that began on the caller's site."""
    caller = current_caller()
    return f"{STORES_PATH}{caller.store.id}/checkout?{urlencode({'site': caller.origin})}"


def answer_http(error: HTTPException) -> Response:
    """The problem document for what Flask itself refuses; its headers (Allow) are kept."""
    code = _OF_STATUS.get(error.code or 500, "malformed-request")
    response = _document(code, {"detail": _unasked(code), "retryable": False})
    if allow := dict(error.get_headers()).get("Allow"):
        response.headers["Allow"] = allow
    return response


def answer_bug() -> Response:
    """The problem document for an internal error, without any details of it."""
    return _document(
        "internal-error", {"detail": "Something went wrong in this service.", "retryable": True}
    )


def server_refusal(code: str, own_origin: str, request_id: str) -> bytes:
    """A whole HTTP answer to a malformed request, readable by any page, with nothing private."""
    kind = CATALOGUE[code]
    members = {"detail": _unasked(code), "retryable": False}
    body = json.dumps(_describe(code, own_origin, request_id, members)).encode()
    head = [
        f"HTTP/1.1 {kind.status} {kind.title}",
        "Connection: close",
        f"Content-Type: {MEDIA_TYPE}",
        f"Content-Length: {len(body)}",
        # The Origin was not read, so every page may read it, but not with cookies.
        "Access-Control-Allow-Origin: *",
        "Access-Control-Expose-Headers: X-Request-Id",
        "Vary: Origin",
        f"X-Request-Id: {request_id}",
        *(f"{name}: {value}" for name, value in FIXED_HEADERS.items()),
    ]
    return "\r\n".join([*head, "", ""]).encode() + body


def _unasked(code: str) -> str:
    """What is wrong where no code of ours has looked at the request."""
    return _NOT_HTTP if code == "malformed-request" else CATALOGUE[code].remedy


def _document(code: str, members: Mapping[str, Any]) -> Response:
    kind = CATALOGUE[code]
    request = current()
    document = _describe(code, context().own_origin, request.id, members)
    request.problem_code = code
    if request.prefers_html:
        response = Response(render_template("problem.html", store=request.store, **document))
    else:
        response = Response(json.dumps(document, ensure_ascii=False), mimetype=MEDIA_TYPE)
    response.status_code = kind.status
    if "retry_after" in members:
        response.headers["Retry-After"] = str(members["retry_after"])
    if kind.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _describe(
    code: str, own_origin: str, request_id: str, members: Mapping[str, Any]
) -> dict[str, Any]:
    kind = CATALOGUE[code]
    return {
        "type": f"{own_origin}/problems/{code}",
        "title": kind.title,
        "status": kind.status,
        "code": code,
        "request_id": request_id,
        **members,
    }
