"""Errors of calls to the store; each says whether the call took effect there."""

from __future__ import annotations

from cartproxy.errors import CartProxyError


class StoreError(CartProxyError):
    """A call to the merchant's store failed; `outcome` says whether it took effect there.

    `answered`: the store has finished with the call, so it will have no later effect.
    """

    answered = False


class StoreRejected(StoreError):
    """The store refuses the content of a call (its 400 or 422); `detail` is its cleaned reason."""

    code = "item-rejected"


class StoreNotFound(StoreError):
    """The store knows no such cart, line or product (its 404)."""

    code = "store-bad-response"


class StoreAuth(StoreError):
    """The store refuses our credentials (its 401 or 403): never the shopper's fault."""

    code = "store-auth"


class StoreBusy(StoreError):
    """The store throttles us (its 429)."""

    code = "store-busy"
    retryable = True
    usual_retry_after = 1


class StoreUnreachable(StoreError):
    """No usable connection could be opened, so the store has certainly not seen the call."""

    code = "store-unreachable"
    retryable = True
    usual_retry_after = 2


class StoreAway(StoreError):
    """The store has failed so often that it is not called for a while; nothing was sent."""

    code = "store-unavailable"
    retryable = True
    usual_retry_after = 5


class StoreTls(StoreError):
    """The store's certificate can't be verified."""

    code = "store-tls"


class StoreTimeout(StoreError):
    """The deadline passed before the store had answered."""

    code = "store-timeout"
    retryable = True


class StoreFailed(StoreError):
    """The store answered 5xx, or the connection broke in the middle of a call."""

    code = "store-error"
    retryable = True


class StoreBadResponse(StoreError):
    """The store's answer does not follow its API."""

    answered = True

    code = "store-bad-response"
    retryable = True


class StoreForeignAnswer(StoreBadResponse):
    """The answer does not belong to the call, or does not show that it does.

    The store may still be processing the call.
    """

    answered = False


class StoreBadCheckoutUrl(StoreError):
    """The store's checkout URL is missing, not https, or on a host that is not the store's."""

    code = "store-bad-checkout-url"
