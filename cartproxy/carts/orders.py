"""Orders that a store's webhook reports are read, booked, and shown to their shoppers.

Anybody could send a webhook, so it only says which order to read. The order is read when the store
has calls to spare. Every step may be repeated after a worker has died or a reply was lost.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from functools import partial

import structlog

from cartproxy.carts.service import CartService
from cartproxy.deadline import Deadline
from cartproxy.metrics import count_order, count_order_value
from cartproxy.model.cart import Currency
from cartproxy.model.order import Order, Ordered
from cartproxy.records.errors import CartBusy
from cartproxy.records.inbox import Delivery, Inbox
from cartproxy.records.sales import Sales
from cartproxy.storage.errors import StorageError
from cartproxy.store.client import StoreClient
from cartproxy.store.errors import StoreAuth, StoreBusy, StoreError, StoreNotFound
from cartproxy.store.limits import ORDER

log = structlog.get_logger("cartproxy.orders")

_POLL_SECONDS = 1.0
_BUSY_SECONDS = 5.0  # to ask the budget again costs the store nothing
_PAUSE_SECONDS = 30.0
_LONGEST_PAUSE_SECONDS = 600.0


class Orders:
    """One store's orders, from the webhook to the books."""

    def __init__(
        self,
        store: StoreClient,
        carts: CartService,
        inbox: Inbox,
        sales: Sales,
        *,
        currency: Currency,
        read_seconds: float,
    ) -> None:
        """To read an order, and to note it, may take `read_seconds`."""
        self._store = store
        self._carts = carts
        self._inbox = inbox
        self._sales = sales
        self._currency = currency
        self._read_seconds = read_seconds
        self._failures = 0
        self._paused_until = 0.0

    def take(self, order_ids: Sequence[int]) -> None:
        """The store reports these orders. Raises StorageError, and then none is accepted."""
        count_order(self._store.id, "received", self._inbox.take(order_ids))

    def work(self) -> bool:
        """Read and book the next order; whether there may be another now."""
        if time.monotonic() < self._paused_until:
            return False
        try:
            delivery = self._inbox.next()
            return delivery is not None and self._settle(delivery)
        except StorageError as error:
            self._pause(error.retry_after or 1)
            return False

    def _settle(self, delivery: Delivery) -> bool:
        """Whether the delivery is done. A failed one is delivered again when its lease ends."""
        deadline = Deadline.after(self._read_seconds)
        try:
            allowance = self._store.allow(1, deadline, ORDER, waits=False)
            order = self._store.get_order(delivery.order_id, allowance)
            self._book(delivery, order, deadline)
        except (StoreBusy, CartBusy) as error:
            self._inbox.give_back(delivery)
            self._pause(min(error.retry_after or 1, _BUSY_SECONDS))
            return False
        except StoreError as error:
            is_unknown = isinstance(error, StoreNotFound)
            longest = self._inbox.lease_seconds if is_unknown else self._inbox.known_seconds
            if self._inbox.age_seconds(delivery) > longest:
                self._inbox.give_up(delivery)
                count_order(self._store.id, "given_up")
                log.error("order_given_up", store=self._store.id, code=error.code)
            elif not is_unknown:
                self._fail(error)
            return is_unknown
        self._failures = 0
        return True

    def _book(self, delivery: Delivery, order: Order, deadline: Deadline) -> None:
        store_id = self._store.id
        if not order.is_placed:
            self._inbox.give_up(delivery)  # its shopper may still finish it
            count_order(store_id, "not_placed")
            return
        cart = self._sales.cart_of(order)
        if cart is None:
            self._inbox.settle(delivery)
            count_order(store_id, "not_ours")
            return
        ordered = Ordered(delivery.at_ms, order.item_count, order.subtotal, self._currency.code)
        is_this = partial(self._sales.is_of, cart)
        self._carts.note_order(cart.name, is_this, order.order_id, ordered, deadline)
        if self._inbox.book(delivery, self._sales, cart, order):
            count_order(store_id, "booked")
            count_order_value(store_id, float(order.subtotal))

    def _fail(self, error: StoreError) -> None:
        self._failures += 1
        longest = isinstance(error, StoreAuth)
        pause = _LONGEST_PAUSE_SECONDS if longest else _PAUSE_SECONDS * 2.0**self._failures
        self._pause(min(pause, _LONGEST_PAUSE_SECONDS))
        log.warning("order_unread", store=self._store.id, code=error.code)

    def _pause(self, seconds: float) -> None:
        self._paused_until = time.monotonic() + seconds


def work_in_background(stores: Sequence[Orders]) -> None:
    """Read the orders of these stores from now on; in each worker, after the fork."""
    if stores:
        threading.Thread(target=_work, args=(stores,), daemon=True, name="orders").start()


def _work(stores: Sequence[Orders]) -> None:
    while True:
        more = False
        for each in stores:
            try:
                more = each.work() or more
            except Exception as error:  # one order must not end this thread; its lease ends
                log.error("bug", error=type(error).__name__)
        if not more:
            time.sleep(_POLL_SECONDS)
