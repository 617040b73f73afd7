"""What all requests share: the settings of the edge, and the parts that answer with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from flask import current_app

from cartproxy.carts.orders import work_in_background
from cartproxy.records.live_carts import LiveCarts
from cartproxy.records.names import CartNames
from cartproxy.web.credentials import CookiePolicy
from cartproxy.web.rate_limits import RateLimits
from cartproxy.web.request import Request
from cartproxy.web.stores import Store


@dataclass(frozen=True, slots=True, eq=False)
class Context:
    """Wired by the application factory, which keeps it in `app.extensions["cartproxy"]`.

    `under_way` holds the requests that are being served, at most `max_under_way`. A set, since it
    costs 140 ns a request; a semaphore under gevent costs 4.7 µs (2026-11-26).
    """

    stores: Mapping[str, Store]
    cart_names: CartNames
    live_carts: LiveCarts
    cookie: CookiePolicy
    limits: RateLimits
    own_origin: str
    request_seconds: float
    max_under_way: int
    max_idle_connections: int
    max_body_bytes: int
    max_quantity: int
    show_docs: bool
    metrics_token: str
    under_way: set[Request] = field(default_factory=set)

    def work_in_background(self) -> None:
        """From now on read the orders that stores report; in each worker, after the fork."""
        work_in_background([each.orders for each in self.stores.values() if each.orders])


def context() -> Context:
    """The context of the current application."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    installed: Context = app.extensions["cartproxy"]
    return installed
