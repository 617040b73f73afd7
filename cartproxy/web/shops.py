"""What the edge knows of each configured store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Flask, current_app

from cartproxy.carts.products import ProductCatalogue
from cartproxy.carts.service import CartService
from cartproxy.records.live_carts import LiveCarts
from cartproxy.records.names import SessionNames
from cartproxy.web.api_keys import ApiKeys
from cartproxy.web.connections import Connections
from cartproxy.web.credentials import CookiePolicy
from cartproxy.web.limits import Limits
from cartproxy.web.origins import Origins


@dataclass(frozen=True, slots=True)
class Shop:
    """One store: its use cases, and who may use them.

    `products_of` lists the catalog ids of the origins that may sell only some, `creates_of` the
    new carts a minute of those that have a quota.
    """

    id: str
    carts: CartService
    products: ProductCatalogue
    origins: Origins
    currency: str
    show_stock: bool
    keys: ApiKeys
    products_of: Mapping[str, frozenset[int]]
    creates_of: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Edge:
    """Everything that routes need, wired by the application factory.

    `places` holds one entry for each request that may still begin: a list gives and takes in one
    step, at a twentieth of a semaphore's cost.
    """

    shops: Mapping[str, Shop]
    sessions: SessionNames
    live_carts: LiveCarts
    cookie: CookiePolicy
    own_origin: str
    request_seconds: float
    limits: Limits
    connections: Connections
    places: list[None]

    def install(self, app: Flask) -> None:
        """Make this the edge of the application."""
        app.extensions["cartproxy"] = self
        app.config["OWN_ORIGIN"] = self.own_origin


def edge() -> Edge:
    """The current application's edge."""
    installed: Edge = current_app.extensions["cartproxy"]
    return installed
