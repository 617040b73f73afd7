"""The catalogue of problem codes, and the one way from an error to an answer (RFC 9457)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Response, current_app, render_template, request
from werkzeug.exceptions import HTTPException

from cartproxy.carts.errors import NothingApplied, PreconditionFailed
from cartproxy.errors import CartProxyError
from cartproxy.limits.rate_limiter import RateLimited
from cartproxy.web.asked import current
from cartproxy.web.cart_json import cart_as_json, results_as_json

MEDIA_TYPE = "application/problem+json"
# They stand on every answer.
FIXED_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
}


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem: its HTTP status, its title, and what whoever meets it can do."""

    status: int
    title: str
    mend: str


CATALOGUE: Mapping[str, Kind] = {
    "malformed-request": Kind(
        400, "Malformed request", "Send a well-formed request; `detail` says what is wrong."
    ),
    "malformed-json": Kind(
        400, "Malformed JSON", "Send one JSON object in UTF-8: no NaN, no key twice, not too deep."
    ),
    "client-header-missing": Kind(
        400,
        "Cartproxy-Client header missing",
        "Send `Cartproxy-Client: name/version` with every JSON write. It proves that a script of "
        "the page made the call, not a form of somebody else's.",
    ),
    "credential-malformed": Kind(
        401,
        "Malformed credential",
        "A bearer is `cpt1_` and 43 base64url characters: 32 random bytes, drawn by the caller.",
    ),
    "key-refused": Kind(
        401,
        "API key refused",
        "Send one key of the store's `api_keys` in `Cartproxy-Key`, from a server and without "
        "`Origin`. `cartproxy keys create` makes one.",
    ),
    "product-refused": Kind(
        403,
        "Not a product of this site",
        "The operator lists the products that this site may sell in the store's `origin_products`.",
    ),
    "origin-refused": Kind(
        403,
        "Origin refused",
        "This site may not use this store's carts. The operator adds it to the store's `origins`, "
        "exactly as the browser sends it: scheme, host and port.",
    ),
    "not-found": Kind(404, "Not found", "There is nothing at this address."),
    "store-not-found": Kind(
        404, "No such store", "The address names a store that this service does not serve."
    ),
    "product-not-found": Kind(
        404, "No such product", "The store has no product of this id, or does not offer it."
    ),
    "item-not-found": Kind(
        404, "No such line", "Read the cart again; the line may have been removed meanwhile."
    ),
    "method-not-allowed": Kind(
        405, "Method not allowed", "`Allow` lists the methods of this address."
    ),
    "cart-empty": Kind(409, "The cart is empty", "Add something before going to the checkout."),
    "request-in-progress": Kind(
        409,
        "The same request is under way",
        "Wait a moment and send it again with the same idempotency key.",
    ),
    "idempotency-key-reused": Kind(
        422,
        "Idempotency key used for another request",
        "Draw a new key for every new request; the same key goes with the same body alone.",
    ),
    "precondition-failed": Kind(
        412,
        "The cart has changed",
        "`cart` is the cart as it is now: show it, and repeat the change if it still makes sense.",
    ),
    "body-too-large": Kind(413, "Body too large", "Send a smaller body, or fewer items at once."),
    "address-too-long": Kind(414, "Address too long", "No address of this service is so long."),
    "headers-too-large": Kind(
        431, "Headers too large", "Send fewer and shorter headers; cookies of other sites, perhaps."
    ),
    "unsupported-media-type": Kind(
        415,
        "Unsupported media type",
        "Send `Content-Type: application/json`, once; the two form addresses also take "
        "`application/x-www-form-urlencoded`.",
    ),
    "invalid-request": Kind(
        422, "Invalid request", "`errors` points at each field that can't be accepted, and why."
    ),
    "item-rejected": Kind(
        422, "The store refuses the item", "`detail` is the store's reason, as far as it gave one."
    ),
    "address-rejected": Kind(
        422,
        "The store refuses the address",
        "`detail` is the store's reason, as far as it gave one.",
    ),
    "rate-limited": Kind(
        429,
        "Too many requests",
        "Try again after `retry_after` seconds; `RateLimit` tells how the limit stands.",
    ),
    "internal-error": Kind(
        500, "A fault of this service", "Report it with its `request_id`. It is ours to mend."
    ),
    "store-auth": Kind(
        502,
        "The store refuses this service",
        "The operator checks the store's keys, token and rights. The shopper can do nothing.",
    ),
    "store-error": Kind(502, "The store failed", "Try again a little later."),
    "store-bad-response": Kind(
        502, "The store answered something unusable", "Try again a little later."
    ),
    "store-bad-checkout-url": Kind(
        502,
        "The store gave no usable checkout address",
        "The operator checks the store's `checkout_hosts`: only https and listed hosts are used.",
    ),
    "store-tls": Kind(
        502,
        "The store's certificate can't be verified",
        "The operator checks the store's certificate, and `ca_file` where it is a private one.",
    ),
    "overloaded": Kind(
        503, "Too many requests", "This service is busy; try again after `retry_after` seconds."
    ),
    "cart-busy": Kind(503, "The cart is busy", "Another change is under way; try again shortly."),
    "storage-unavailable": Kind(
        503, "The cart storage is away", "Try again after `retry_after` seconds."
    ),
    "storage-full": Kind(
        503, "The cart storage is full", "The operator gives Redis more memory; reads go on."
    ),
    "storage-newer": Kind(
        503,
        "The cart was written by another release",
        "Try again after `retry_after` seconds: instances are being upgraded, or were taken back. "
        "The cart is kept as it is.",
    ),
    "store-busy": Kind(503, "The store is busy", "Try again after `retry_after` seconds."),
    "store-unreachable": Kind(
        503, "The store can't be reached", "Nothing was sent to the store; try again shortly."
    ),
    "store-unavailable": Kind(
        503,
        "The store is left alone",
        "It kept failing; nothing was sent. Try again after `retry_after` seconds.",
    ),
    "outcome-unknown": Kind(
        504,
        "Not known whether it took effect",
        "Send the same request with the same idempotency key: it looks first, and never adds "
        "twice.",
    ),
    "store-timeout": Kind(
        504,
        "The store did not answer in time",
        "`outcome` says whether the change took effect. Where it is unknown, read the cart before "
        "trying again.",
    ),
}
_OF_STATUS = {404: "not-found", 405: "method-not-allowed", 413: "body-too-large"}


class Refused(CartProxyError):
    """The edge refuses a request before anything else is touched.

    `errors` are pairs of JSON pointer and text.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        errors: Sequence[tuple[str, str]] = (),
        retry_after: int | None = None,
    ) -> None:
        super().__init__(detail, retry_after=retry_after)
        self.code = code  # type: ignore[misc] # the edge has a code per refusal, not per class
        self.errors = errors
        self.retryable = retry_after is not None  # type: ignore[misc]


def answer(error: CartProxyError) -> Response:
    """The problem document for an error; a page for a person where the request prefers HTML."""
    cause = error.cause if isinstance(error, NothingApplied) else error
    members: dict[str, Any] = {"detail": cause.detail, "retryable": cause.retryable}
    if cause.retry_after is not None:
        members["retry_after"] = cause.retry_after
    if cause.outcome is not None and request.method not in ("GET", "HEAD", "OPTIONS"):
        members["outcome"] = cause.outcome
    if isinstance(error, Refused) and error.errors:
        members["errors"] = [{"pointer": at, "detail": text} for at, text in error.errors]
    if isinstance(error, NothingApplied):
        members["results"] = results_as_json(error.results)
    if isinstance(error, PreconditionFailed):
        members["cart"] = cart_as_json(error.cart)
    response = _document(cause.code, members)
    if isinstance(error, PreconditionFailed):
        response.headers["ETag"] = error.cart.etag
    if isinstance(error, RateLimited):
        current().standing = error.standing
    return response


def answer_http(error: HTTPException) -> Response:
    """The problem document for what Flask itself refuses; its headers (Allow) are kept."""
    code = _OF_STATUS.get(error.code or 500, "malformed-request")
    response = _document(code, {"detail": CATALOGUE[code].mend, "retryable": False})
    for name, value in error.get_headers():
        if name == "Allow":
            response.headers[name] = value
    return response


def answer_bug() -> Response:
    """The problem document for a fault of ours, which tells nothing of it."""
    return _document(
        "internal-error", {"detail": "Something went wrong in this service.", "retryable": True}
    )


def server_refusal(code: str, own_origin: str, request_id: str) -> bytes:
    """A whole HTTP answer to what is no request, from whatever page: it says nothing of anyone."""
    kind = CATALOGUE[code]
    members = {"detail": kind.mend, "retryable": False}
    body = json.dumps(_describe(code, own_origin, request_id, members)).encode()
    head = [
        f"HTTP/1.1 {kind.status} {kind.title}",
        "Connection: close",
        f"Content-Type: {MEDIA_TYPE}",
        f"Content-Length: {len(body)}",
        # The Origin was not read; so for every page, but none with its cookies.
        "Access-Control-Allow-Origin: *",
        "Access-Control-Expose-Headers: X-Request-Id",
        "Vary: Origin",
        "Cache-Control: no-store",
        f"X-Request-Id: {request_id}",
        *(f"{name}: {value}" for name, value in FIXED_HEADERS.items()),
    ]
    return "\r\n".join([*head, "", ""]).encode() + body


def prefers_html() -> bool:
    """Whether a person looks at the answer: a form was posted from a page, or an address opened."""
    accept = request.accept_mimetypes
    return accept.best_match(("application/json", "text/html"), "application/json") == "text/html"


def _document(code: str, members: Mapping[str, Any]) -> Response:
    kind = CATALOGUE[code]
    own_origin: str = current_app.config["OWN_ORIGIN"]
    asked = current()
    document = _describe(code, own_origin, asked.id, members)
    asked.problem_code = code
    if prefers_html():
        response = Response(render_template("problem.html", **document, mend=kind.mend))
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
