"""Every way in which the product says no, in one hierarchy.

Raised where the fact is known, turned into an answer in `cartproxy.web.problems` alone.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from cartproxy.carts.models import Cart, ItemResult
    from cartproxy.limits.tally import Standing


class Outcome(StrEnum):
    """Whether what was asked for took effect at the store."""

    APPLIED = "applied"
    NOT_APPLIED = "not_applied"
    UNKNOWN = "unknown"


class CartProxyError(Exception):
    """Base of all: `code` names the problem, `retryable` whether trying again may help.

    `detail` is text for people and never holds a secret; `retry_after` is in whole seconds.
    """

    code: ClassVar[str]
    retryable: ClassVar[bool] = False
    usual_retry_after: ClassVar[int | None] = None

    def __init__(
        self,
        detail: str,
        *,
        outcome: Outcome | None = Outcome.NOT_APPLIED,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.outcome = outcome
        self.retry_after = self.usual_retry_after if retry_after is None else retry_after


class AddressRejected(CartProxyError):
    """The store refuses the billing or shipping fields."""

    code = "address-rejected"


class ItemNotFound(CartProxyError):
    """The cart has no such line."""

    code = "item-not-found"


class ItemGone(ItemNotFound):
    """The store has removed the line since the cart was read."""


class ProductNotFound(CartProxyError):
    """The store has no such product, or does not show it."""

    code = "product-not-found"


class CartEmpty(CartProxyError):
    """There is nothing to check out."""

    code = "cart-empty"


class CartBusy(CartProxyError):
    """Other writes held the cart for longer than this one may wait."""

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


class PreconditionFailed(CartProxyError):
    """`If-Match` names another state of the cart; `cart` is the present one."""

    code = "precondition-failed"

    def __init__(self, cart: Cart) -> None:
        super().__init__("The cart has changed since it was read.")
        self.cart = cart


class NothingApplied(CartProxyError):
    """Every part of a request with several items failed; `cause` is the first failure."""

    def __init__(self, cause: CartProxyError, results: tuple[ItemResult, ...]) -> None:
        super().__init__(cause.detail, outcome=cause.outcome, retry_after=cause.retry_after)
        self.cause = cause
        self.results = results


class RateLimited(CartProxyError):
    """An address, a cart or a site asks too often; `standing` says which limit it met."""

    code = "rate-limited"
    retryable = True

    def __init__(self, standing: Standing, *, retry_after: int) -> None:
        super().__init__(
            f"Too many requests (limit {standing.limit.name}).", retry_after=retry_after
        )
        self.standing = standing


class StorageError(CartProxyError):
    """Redis did not do what was asked of it."""


class StorageUnavailable(StorageError):
    """Redis is away, too slow, or refuses us."""

    code = "storage-unavailable"
    retryable = True
    usual_retry_after = 2


class StorageFull(StorageError):
    """Redis has no memory left for writes."""

    code = "storage-full"
    retryable = True
    usual_retry_after = 30


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


class OutcomeUnknown(CartProxyError):
    """An add's answer was lost, and the cart does not show yet whether it took effect."""

    code = "outcome-unknown"
    retryable = True
    usual_retry_after = 2

    def __init__(
        self, because: StoreError | None = None, *, retry_after: int | None = None
    ) -> None:
        reason = because.detail if because else "The store may still apply it."
        super().__init__(
            f"It is not known whether the change took effect. {reason}",
            outcome=Outcome.UNKNOWN,
            retry_after=retry_after,
        )


class StoreBusy(StoreError):
    """The store throttles us (its 429)."""

    code = "store-busy"
    retryable = True
    usual_retry_after = 1


class StoreUnreachable(StoreError):
    """No connection came about, so the store surely has not seen the call."""

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


class StoreBadCheckoutUrl(StoreError):
    """The store's checkout URL is missing, not https, or of a foreign host."""

    code = "store-bad-checkout-url"
