"""The sales of one store: carts, checkouts, orders and their value, by day and site.

And which cart an order comes from. When a checkout URL is given out, a hash of the cart's key is
kept, and the ids of its lines, in case an order does not name its cart. All keys of a store share a
hash tag: what is done to several of them at once is done by one script.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import redis

from cartproxy.model.cart import Currency
from cartproxy.model.order import Order
from cartproxy.storage.scripts import load_script, run_script, run_twice
from cartproxy.storage.values import Kind, read_value

KEPT_DAYS = 400
_KEPT_MS = KEPT_DAYS * 86_400_000
_MOST_LINES = 20
_CART, _LINE, _DAY = Kind("sold-cart", "hash"), Kind("sold-line", "string"), Kind("books", "hash")
_FIGURES = ("carts", "checkouts", "orders", "value")


def books_key(store_id: str) -> str:
    """The beginning of all keys of a store's books."""
    return f"cpo:{{{store_id}}}"


@dataclass(frozen=True, slots=True)
class SoldCart:
    """The cart that an order comes from: its record's name, its site, and the hash of its key."""

    name: str
    site: str
    key_hash: str


@dataclass(frozen=True, slots=True)
class Row:
    """A site's day. `value` is in the store's currency."""

    day: date
    origin: str
    carts: int
    checkouts: int
    orders: int
    value: Decimal


class Sales:
    """One store's books. `peppers` are the key of the hashes, and the one before, if there is."""

    def __init__(
        self,
        client: redis.Redis,
        *,
        store_id: str,
        peppers: Sequence[str],
        currency: Currency,
        cart_life: float,
    ) -> None:
        """For `cart_life` seconds after its checkout URL was given out a cart is found by key."""
        self._client = client
        self._key = books_key(store_id)
        self._peppers = [f"{pepper}\n{store_id}".encode() for pepper in peppers]
        self._currency = currency
        self._life_ms = int(cart_life * 1000)
        self._count = load_script(client, __package__, "tally", "count")
        self._hand_out = load_script(client, __package__, "tally", "hand_out")

    def count_cart(self, site: str) -> None:
        """A shopper of this site has begun a cart. Raises StorageError."""
        args: list[str | int] = [site, "carts", _KEPT_MS]
        run_script(self._count, self._day(time.time() * 1000), args)

    def hand_out(self, name: str, site: str, order_key: str, line_ids: Iterable[str]) -> None:
        """A shopper of this site goes to the checkout of this cart. Raises StorageError."""
        key_hash = self._hashes(order_key)[0]
        keys = {self._cart(key_hash): _CART} | self._day(time.time() * 1000)
        keys |= {self._line(line_id): _LINE for line_id in [*line_ids][:_MOST_LINES]}
        args: list[str | int] = [name, site, key_hash, self._life_ms, _KEPT_MS]
        run_twice(self._hand_out, keys, args)

    def cart_of(self, order: Order) -> SoldCart | None:
        """The cart that an order comes from, if it is one of ours. Raises StorageError."""
        for key_hash in self._candidates(order):
            found = self._read("hmget", _CART, self._cart(key_hash), "name", "site")
            if found and None not in found:
                return SoldCart(_text(found[0]), _text(found[1]), key_hash)
        return None

    def is_of(self, cart: SoldCart, order_key: str) -> bool:
        """Whether this is the key of that cart."""
        return cart.key_hash in self._hashes(order_key)

    def booking(
        self, cart: SoldCart, order: Order, at_ms: int
    ) -> tuple[dict[str, Kind], list[str | int]]:
        """What books the order: the keys and arguments that `settle_order.lua` takes for it."""
        minor_units = int(order.subtotal.scaleb(self._currency.decimals))
        keys = {self._cart(cart.key_hash): _CART} | self._day(at_ms)
        return keys, [cart.site, minor_units, self._life_ms, _KEPT_MS]

    def rows(self, since: date) -> Iterator[Row]:
        """The books since that day, which is in UTC. Raises StorageError."""
        day = max(since, datetime.now(UTC).date() - timedelta(KEPT_DAYS))
        while day <= datetime.now(UTC).date():
            found = self._read("hgetall", _DAY, f"{self._key}:d:{day}") or {}
            named = {
                _text(name).partition(" ")[::2]: int(number)
                for name, number in found.items()
                if number.removeprefix(b"-").isdigit()
            }
            for site in sorted({site for _, site in named}):
                carts, checkouts, orders, value = (named.get((each, site), 0) for each in _FIGURES)
                amount = Decimal(value).scaleb(-self._currency.decimals)
                yield Row(day, site, carts, checkouts, orders, amount)
            day += timedelta(1)

    def _candidates(self, order: Order) -> Iterator[str]:
        for order_key in order.order_keys:
            yield from self._hashes(order_key)
        for line_id in order.line_ids[:_MOST_LINES]:
            found = self._read("get", _LINE, self._line(line_id))
            if found is not None:
                yield _text(found)

    def _read(self, command: str, kind: Kind, key: str, *more: str) -> Any:
        return read_value(self._client, command, kind, key, *more, operation="read_books")

    def _hashes(self, order_key: str) -> list[str]:
        return [
            hmac.new(pepper, order_key.encode(), hashlib.sha256).hexdigest()[:32]
            for pepper in self._peppers
        ]

    def _cart(self, key_hash: str) -> str:
        return f"{self._key}:c:{key_hash}"

    def _line(self, line_id: str) -> str:
        return f"{self._key}:l:{line_id}"

    def _day(self, at_ms: float) -> dict[str, Kind]:
        return {f"{self._key}:d:{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d}": _DAY}


def _text(found: bytes) -> str:
    return found.decode(errors="replace")
