"""What the use cases of a cart refuse."""

from __future__ import annotations

from cartproxy.errors import CartProxyError, Outcome
from cartproxy.model.cart import Cart, ItemResult


class AddressRejected(CartProxyError):
    """The store refuses the billing or shipping fields, or what is at `pointer`."""

    code = "address-rejected"

    def __init__(self, detail: str, pointer: str = "") -> None:
        super().__init__(detail)
        self.pointer = pointer


class ItemNotFound(CartProxyError):
    """The cart has no such line."""

    code = "item-not-found"


class ItemGone(ItemNotFound):
    """The store has removed the line since the cart was read."""


class ItemRefused(CartProxyError):
    """The item can't be bought as its product was last seen; `pointer` is what of it is wrong."""

    code = "item-rejected"

    def __init__(self, detail: str, pointer: str = "") -> None:
        super().__init__(detail)
        self.pointer = pointer


class CartEmpty(CartProxyError):
    """The cart is empty."""

    code = "cart-empty"


class PreconditionFailed(CartProxyError):
    """`If-Match` names another state of the cart; `cart` is the current one."""

    code = "precondition-failed"

    def __init__(self, cart: Cart) -> None:
        super().__init__("The cart has changed since it was read.")
        self.cart = cart


class CartChanged(CartProxyError):
    """The store's cart holds less than was shown, or costs more; `cart` is the current one."""

    code = "cart-changed"

    def __init__(self, cart: Cart) -> None:
        super().__init__("The cart has changed since it was shown: see `changes`.")
        self.cart = cart


class NothingApplied(CartProxyError):
    """Every part of a request with several items failed; `cause` is the first failure."""

    def __init__(self, cause: CartProxyError, results: tuple[ItemResult, ...]) -> None:
        super().__init__(cause.detail, outcome=cause.outcome, retry_after=cause.retry_after)
        self.cause = cause
        self.results = results


class OutcomeUnknown(CartProxyError):
    """An add's answer was lost, and the cart does not show yet whether it took effect."""

    code = "outcome-unknown"
    retryable = True
    usual_retry_after = 2

    def __init__(
        self, because: CartProxyError | None = None, *, retry_after: int | None = None
    ) -> None:
        reason = because.detail if because else "The store may still apply it."
        super().__init__(
            f"It is not known whether the change took effect. {reason}",
            outcome=Outcome.UNKNOWN,
            retry_after=retry_after,
        )
