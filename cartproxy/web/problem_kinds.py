"""The catalogue of problems: what can go wrong, by code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem: its HTTP status, its title, and what can be done about it."""

    status: int
    title: str
    remedy: str


CATALOGUE: Mapping[str, Kind] = {
    "malformed-request": Kind(
        400, "Malformed request", "Send a well-formed request; `detail` says what is wrong."
    ),
    "malformed-json": Kind(
        400,
        "Malformed JSON",
        "Send one JSON object in UTF-8, without NaN, repeated keys or deep nesting.",
    ),
    "client-header-missing": Kind(
        400,
        "Cartproxy-Client header missing",
        "Send `Cartproxy-Client: name/version` with every JSON write. It proves that a script on "
        "the page made the call, not a form on another site.",
    ),
    "credential-malformed": Kind(
        401,
        "Malformed credential",
        "A bearer is `cpt1_` and 43 base64url characters: 32 random bytes, made by the caller.",
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
        404, "No such store", "The address names a store that this service does not have."
    ),
    "product-not-found": Kind(
        404, "No such product", "The store has no product with this id, or does not offer it."
    ),
    "item-not-found": Kind(
        404, "No such line", "Read the cart again; the line may have been removed meanwhile."
    ),
    "method-not-allowed": Kind(
        405, "Method not allowed", "`Allow` lists the methods that this address accepts."
    ),
    "cart-empty": Kind(409, "The cart is empty", "Add something before going to the checkout."),
    "cart-changed": Kind(
        409,
        "The cart has changed",
        "`changes` says how it differs from what the shopper was shown, `cart` is the current "
        "cart: show both. The same request with `If-Match` and the cart's entity tag goes through.",
    ),
    "cart-busy": Kind(
        409,
        "The cart is busy",
        "Other changes to this cart are under way; try again after `retry_after` seconds.",
    ),
    "request-in-progress": Kind(
        409,
        "The same request is under way",
        "Wait a moment and send it again with the same idempotency key.",
    ),
    "idempotency-key-reused": Kind(
        422,
        "Idempotency key used for another request",
        "Make a new key for every new request; the same key may only be sent with the same body.",
    ),
    "precondition-failed": Kind(
        412,
        "The cart has changed",
        "`cart` is the current cart: show it, and repeat the change if it still makes sense.",
    ),
    "body-too-large": Kind(413, "Body too large", "Send a smaller body, or fewer items at once."),
    "address-too-long": Kind(414, "Address too long", "No address of this service is this long."),
    "headers-too-large": Kind(
        431, "Headers too large", "Send fewer and shorter headers; check for large cookies."
    ),
    "unsupported-media-type": Kind(
        415,
        "Unsupported media type",
        "Send one `Content-Type: application/json`; the two form addresses also accept "
        "`application/x-www-form-urlencoded` and `multipart/form-data`.",
    ),
    "invalid-request": Kind(
        422, "Invalid request", "`errors` lists each field that can't be accepted, and why."
    ),
    "item-rejected": Kind(
        422, "The store refuses the item", "`detail` is the store's reason, if it gave one."
    ),
    "address-rejected": Kind(
        422,
        "The store refuses the address",
        "`detail` is the store's reason, if it gave one.",
    ),
    "rate-limited": Kind(
        429,
        "Too many requests",
        "Try again after `retry_after` seconds; `RateLimit` shows what is left of the limit.",
    ),
    "internal-error": Kind(500, "Internal error", "Report it with its `request_id`."),
    "coding-not-supported": Kind(
        501,
        "Transfer coding not supported",
        "Send the body uncoded, with Content-Length or in chunks.",
    ),
    "store-auth": Kind(
        502,
        "The store refuses this service",
        "The operator checks the store's keys, token and rights. The shopper can do nothing.",
    ),
    "store-error": Kind(502, "The store failed", "Try again a little later."),
    "store-bad-response": Kind(502, "The store's answer is unusable", "Try again a little later."),
    "store-bad-checkout-url": Kind(
        502,
        "The store gave no usable checkout address",
        "The operator checks the store's `checkout_hosts`: only https and listed hosts are used.",
    ),
    "store-tls": Kind(
        502,
        "The store's certificate can't be verified",
        "The operator checks the store's certificate, and `ca_file` if it is a private one.",
    ),
    "overloaded": Kind(
        503, "Too many requests", "This service is busy; try again after `retry_after` seconds."
    ),
    "storage-unavailable": Kind(
        503, "The cart storage is unavailable", "Try again after `retry_after` seconds."
    ),
    "storage-full": Kind(
        503, "The cart storage is full", "The operator gives Redis more memory; reads still work."
    ),
    "storage-newer": Kind(
        503,
        "The cart was written by another release",
        "Try again after `retry_after` seconds: instances are being upgraded or downgraded. The "
        "cart is not changed.",
    ),
    "store-busy": Kind(503, "The store is busy", "Try again after `retry_after` seconds."),
    "store-unreachable": Kind(
        503, "The store can't be reached", "Nothing was sent to the store; try again shortly."
    ),
    "store-unavailable": Kind(
        503,
        "The store is unavailable",
        "It kept failing; nothing was sent. Try again after `retry_after` seconds.",
    ),
    "outcome-unknown": Kind(
        504,
        "It is not known whether it took effect",
        "Send the same request with the same idempotency key: the service reads the cart first "
        "and never adds twice.",
    ),
    "store-timeout": Kind(
        504,
        "The store did not answer in time",
        "`outcome` says whether the change took effect. If it is unknown, read the cart before "
        "trying again.",
    ),
}
