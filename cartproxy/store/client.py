"""The store's Cart, Product and Order calls, one method each: a typed answer, or a typed error.

Every error's `outcome` says whether the call took effect. Statuses and bodies: docs/store-api.md,
Cart endpoints. An answer that does not show that it belongs to its call raises StoreForeignAnswer
(docs/decisions/0010-an-answer-belongs-to-its-question.md).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from decimal import Decimal
from typing import TypeVar
from urllib.parse import quote

from cartproxy.errors import Outcome
from cartproxy.model.cart import Addresses, Currency, NewItem, Snapshot
from cartproxy.model.customer import Customer
from cartproxy.model.order import Order
from cartproxy.model.product import Product
from cartproxy.store import wire
from cartproxy.store.errors import (
    StoreAuth,
    StoreBadResponse,
    StoreBusy,
    StoreError,
    StoreForeignAnswer,
    StoreNotFound,
    StoreRejected,
)
from cartproxy.store.guard import GuardedTransport
from cartproxy.store.limits import Allowance
from cartproxy.store.links import Links
from cartproxy.store.owners import Owners
from cartproxy.store.transport import Answer

T = TypeVar("T")
_NO_CUSTOMERS = (
    "The store refuses this service's credentials, or the right to read and write Customers."
)


class StoreClient:
    """One store's API. For `shop_url` and `checkout_hosts` see `Links`."""

    def __init__(
        self,
        transport: GuardedTransport,
        *,
        shop_url: str,
        checkout_hosts: Collection[str],
        currency: Currency,
    ) -> None:
        self._transport = transport
        self._links = Links(shop_url, checkout_hosts)
        self._currency = currency
        self._owners = Owners()
        self.was_seen_to_merge = False  # a cart has shown that equal lines become one

    @property
    def id(self) -> str:
        """The store's id in the settings, as metrics name it."""
        return self._transport.budget.store_id

    @property
    def allow(self) -> Callable[..., Allowance]:
        """An allowance for the calls that a request expects to make: `Budget.allow`."""
        return self._transport.budget.allow

    def create_cart(self, addresses: Addresses, allowance: Allowance) -> str:
        """Create a cart and return its order key. Raises StoreRejected for a refused address."""

        def read(body: object) -> str:
            key = wire.read_envelope(body, "OrderKey")
            if self._owners.of(key):
                raise StoreBadResponse("The store's answer gives a new cart the key of another.")
            self._owners.note(key, key)
            return key

        body = wire.write_new_cart(addresses)
        return self._call("POST", "/Cart", allowance, body, operation="create_cart", read=read)

    def get_cart(self, order_key: str, allowance: Allowance) -> Snapshot:
        """Read a cart. Raises StoreNotFound when it is gone.

        A checkout URL that does not lead to the store is left out, as if there were none.
        """

        def read(body: object) -> Snapshot:
            return wire.read_cart(body, order_key, self._links, self._currency)

        return self._call("GET", f"/Cart/{order_key}", allowance, operation="get_cart", read=read)

    def update_cart(self, order_key: str, addresses: Addresses, allowance: Allowance) -> None:
        """Change a cart's addresses. Raises StoreRejected, and StoreNotFound when it is gone."""
        path, body = f"/Cart/{order_key}", wire.write_addresses(addresses)
        read = self._confirms("OrderKey", order_key, order_key)
        self._call("PUT", path, allowance, body, operation="update_cart", read=read)

    def delete_cart(self, order_key: str, allowance: Allowance) -> None:
        """Delete a cart. Raises StoreNotFound when it is gone already."""
        read = self._confirms("OrderKey", order_key, order_key)
        self._call("DELETE", f"/Cart/{order_key}", allowance, operation="delete_cart", read=read)

    def add_item(self, order_key: str, item: NewItem, allowance: Allowance) -> str:
        """Add a line and return its id. Not idempotent: two calls add two.

        Raises StoreRejected for a refused item. For an unknown cart stores differ: it raises
        StoreRejected or StoreNotFound.
        """
        path, body = f"/Cart/{order_key}/Item", wire.write_item(item)
        read = self._confirms("CartItemID", None, order_key)
        return self._call("POST", path, allowance, body, operation="add_item", read=read)

    def change_item(
        self, order_key: str, item_id: str, quantity: Decimal, allowance: Allowance
    ) -> None:
        """Set a line's quantity. Raises StoreRejected, and StoreNotFound for cart or line."""
        path, body = f"/Cart/{order_key}/Item/{item_id}", wire.write_quantity(quantity)
        read = self._confirms("CartItemID", item_id, order_key)
        self._call("PUT", path, allowance, body, operation="change_item", read=read)

    def remove_item(self, order_key: str, item_id: str, allowance: Allowance) -> None:
        """Remove a line. Raises StoreNotFound for cart or line."""
        path = f"/Cart/{order_key}/Item/{item_id}"
        read = self._confirms("CartItemID", item_id, order_key)
        self._call("DELETE", path, allowance, operation="remove_item", read=read)

    def get_product(self, catalog_id: int, allowance: Allowance) -> Product | None:
        """A product as a shopper may see it; None when there is none, or it is hidden."""

        def read(body: object) -> Product | None:
            return wire.read_product(body, catalog_id, self._links, self._currency)

        path = f"/Products/{catalog_id}"
        try:
            return self._call("GET", path, allowance, operation="get_product", read=read)
        except StoreNotFound:
            return None

    def get_order(self, order_id: int, allowance: Allowance) -> Order:
        """Read an order. Raises StoreNotFound, and StoreAuth without the right to read Orders."""

        def read(body: object) -> Order:
            return wire.read_order(body, order_id, self._currency)

        path = f"/Orders/{order_id}"
        return self._call("GET", path, allowance, operation="get_order", read=read)

    def find_customers(self, email: str, allowance: Allowance) -> tuple[Customer, ...]:
        """The customers with this address. Raises StoreAuth without the right to read Customers."""

        def read(body: object) -> tuple[Customer, ...]:
            return wire.read_customers(body, email)

        path = f"/Customers?email={quote(email, safe='@')}&limit={wire.MOST_CUSTOMERS}"
        try:
            return self._call("GET", path, allowance, operation="find_customers", read=read)
        except StoreNotFound:
            return ()
        except StoreAuth:
            raise StoreAuth(_NO_CUSTOMERS) from None

    def create_customer(self, email: str, allowance: Allowance) -> int:
        """Create a customer and return its id. Not idempotent: two calls may create two.

        Raises StoreRejected, and StoreAuth without the right to write Customers.
        """
        body, read = wire.write_customer(email), wire.read_new_customer
        try:
            return self._call(
                "POST", "/Customers", allowance, body, operation="create_customer", read=read
            )
        except StoreAuth:
            raise StoreAuth(_NO_CUSTOMERS) from None

    def _confirms(self, key: str, asked: str | None, order_key: str) -> Callable[[object], str]:
        """A reader of the id in a write's envelope: the requested one, or a new line of this cart.

        Until the store is known to merge lines, the id of an earlier line is not a new one.
        """

        def read(body: object) -> str:
            value = wire.read_envelope(body, key, asked)
            owner = self._owners.of(value) if asked is None else None
            if owner is not None and not (owner == order_key and self.was_seen_to_merge):
                raise StoreBadResponse("The store's answer names the line of another add.")
            self._owners.note(value, order_key)
            return value

        return read

    def _call(
        self,
        method: str,
        path: str,
        allowance: Allowance,
        body: object = None,
        *,
        operation: str,
        read: Callable[[object], T],
    ) -> T:
        """What `read` returns for a success; it raises StoreBadResponse for any other answer."""
        results: list[T] = []

        def check(answer: Answer) -> bool:
            if answer.status >= 400 or wire.read_error(answer.body):
                return False  # an error does not say what it answers
            try:
                results.append(read(answer.body))
            except StoreBadResponse as error:
                raise StoreForeignAnswer(error.detail) from None
            return True

        answer = self._transport.call(
            method, path, allowance, body, operation=operation, check=check
        )
        if results:
            return results[0]
        status, reason = wire.read_error(answer.body) or (None, "")
        # An error may come with HTTP 200, and its real status only in the body.
        status = answer.status if answer.status >= 400 else status or 400
        raise _refusal(method, status, reason, answer)


def _refusal(method: str, status: int, reason: str, answer: Answer) -> StoreError:
    is_read = method == "GET"  # it has no content that could be refused, and no effect
    if status in (400, 422) and not is_read:
        return StoreRejected(reason or "The store refuses the request.")
    if status in (401, 403):
        return StoreAuth("The store refuses this service's credentials.")
    if status == 404:
        return StoreNotFound("The store does not have what was requested.")
    if status == 429:
        return StoreBusy("The store asks to slow down.", retry_after=answer.retry_after)
    outcome = Outcome.NOT_APPLIED if is_read else Outcome.UNKNOWN
    return StoreBadResponse(f"The store answered with status {status}.", outcome=outcome)
