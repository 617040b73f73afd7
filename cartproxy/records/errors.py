"""Why a write may not begin."""

from __future__ import annotations

from cartproxy.errors import CartProxyError


class CartBusy(CartProxyError):
    """Other writes held the cart for longer than this one may wait, or too many wait already."""

    code = "cart-busy"
    retryable = True
    usual_retry_after = 1


class RequestInProgress(CartProxyError):
    """A request with the same idempotency key is still at work."""

    code = "request-in-progress"
    retryable = True
    usual_retry_after = 1


class IdempotencyKeyReused(CartProxyError):
    """The idempotency key was used for another request."""

    code = "idempotency-key-reused"
