"""How a store fails us, and whether the call took effect there."""

from __future__ import annotations

from cartproxy.errors import CartProxyError, Outcome


class StoreError(CartProxyError):
    """The merchant's store failed us; `outcome` says whether the call took effect there.

    `answered` says that the store has finished with the call: what is not there now, never comes.
    """

    answered = False

    def settle_as_not_applied(self) -> None:
        """Whatever became of the call, what was asked for has not taken effect."""
        self.outcome = Outcome.NOT_APPLIED


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
    """No usable connection came about, so the store surely has not seen the call."""

    code = "store-unreachable"
    retryable = True
    usual_retry_after = 2


class StoreAway(StoreError):
    """The store has failed so often that it is left alone for a while; nothing was sent."""

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
    """The store answered something that is not its API."""

    answered = True

    code = "store-bad-response"
    retryable = True


class StoreForeignAnswer(StoreBadResponse):
    """The answer does not belong to the call, or does not show that it does.

    The store may still be at work on the call itself.
    """

    answered = False


class StoreBadCheckoutUrl(StoreError):
    """The store's checkout URL is missing, not https, or of a foreign host."""

    code = "store-bad-checkout-url"
