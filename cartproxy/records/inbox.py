"""Orders that a store has reported and that are still to be read: a Redis stream.

Each order waits once, even if the store reports it several times. A worker takes a delivery with a
lease; one that is not settled by its end goes to the next worker, so a dead worker loses none.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import redis
from redis.exceptions import ResponseError

from cartproxy.model.order import Order
from cartproxy.records.sales import Sales, SoldCart, books_key
from cartproxy.storage.errors import StorageFull, typed_errors
from cartproxy.storage.scripts import load_script, run_twice
from cartproxy.storage.values import Kind, note_unreadable

_STREAM, _KNOWN = Kind("orders", "stream"), Kind("orders-known", "zset")
_MOST = 100_000
# One consumer for all workers: what matters is how long a delivery has been held, not by whom.
_GROUP = _CONSUMER = "workers"


@dataclass(frozen=True, slots=True)
class Delivery:
    """An order to read; `at_ms` is when the store reported it, in ms since 1970."""

    id: str
    order_id: int
    at_ms: int


class Inbox:
    """One store's orders. For `known_seconds` an order is not taken again."""

    def __init__(
        self, client: redis.Redis, *, store_id: str, lease_seconds: float, known_seconds: float
    ) -> None:
        self._client = client
        self._stream = f"{books_key(store_id)}:in"
        self._keys = {self._stream: _STREAM, f"{books_key(store_id)}:known": _KNOWN}
        self.lease_seconds = lease_seconds
        self.known_seconds = known_seconds
        self._lease_ms = int(lease_seconds * 1000)
        self._from = "0-0"
        self._take = load_script(client, __package__, "take_orders")
        self._settle = load_script(client, __package__, "tally", "settle_order")

    def take(self, order_ids: Sequence[int]) -> int:
        """Add orders to read; returns how many of them are new. Raises StorageError."""
        limits = (_MOST, int(self.known_seconds * 1000))
        new: int = run_twice(self._take, self._keys, [*limits, *order_ids])
        if new < 0:
            raise StorageFull("Too many orders wait to be read.")
        return new

    def next(self) -> Delivery | None:
        """The next order to read, leased to this caller.

        Raises StorageError. Deliveries whose lease has ended come first.
        """
        with typed_errors("next_order"):
            try:
                self._from, found, *_ = self._client.xautoclaim(
                    self._stream, _GROUP, _CONSUMER, self._lease_ms, self._from, count=1
                )
                if not found:
                    new: Any = self._client.xreadgroup(
                        _GROUP, _CONSUMER, {self._stream: ">"}, count=1
                    )
                    found = new[0][1] if new else []
            except ResponseError as error:
                if not str(error).startswith("NOGROUP"):
                    raise
                # No order has been reported yet, or Redis was emptied.
                self._client.xgroup_create(self._stream, _GROUP, id="0", mkstream=True)
                return None
        for delivery, fields in found:
            at_ms, _, _ = delivery.partition(b"-")
            with suppress(KeyError, ValueError):
                return Delivery(delivery.decode(), int(fields[b"order"]), int(at_ms))
            note_unreadable(_STREAM, self._stream)
            run_twice(self._settle, self._keys, [_GROUP, delivery, ""])
        return None

    def age_seconds(self, delivery: Delivery) -> float:
        """How long it has waited, by Redis' clock. Raises StorageError."""
        with typed_errors("order_age"):
            seconds, micro = self._client.time()
        return seconds + micro / 1e6 - delivery.at_ms / 1000

    def give_back(self, delivery: Delivery) -> None:
        """Make it the next one again: nothing was done. Raises StorageError."""
        with typed_errors("give_order_back"):
            self._client.xclaim(
                self._stream,
                _GROUP,
                _CONSUMER,
                0,
                [delivery.id],
                idle=self._lease_ms,
                justid=True,
            )

    def settle(self, delivery: Delivery) -> None:
        """End a delivery that leads to no cart of ours. Raises StorageError."""
        run_twice(self._settle, self._keys, [_GROUP, delivery.id, ""])

    def give_up(self, delivery: Delivery) -> None:
        """End a delivery that can't be read; the store may report it again."""
        run_twice(self._settle, self._keys, [_GROUP, delivery.id, delivery.order_id])

    def book(self, delivery: Delivery, sales: Sales, cart: SoldCart, order: Order) -> bool:
        """End a delivery and book its order, once; whether it was by this one."""
        keys, args = sales.booking(cart, order, delivery.at_ms)
        args = [_GROUP, delivery.id, "", *args]
        return bool(run_twice(self._settle, self._keys | keys, args))
