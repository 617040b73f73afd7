"""What the edge knows about each configured store."""

from __future__ import annotations

from dataclasses import dataclass

from cartproxy.carts.orders import Orders
from cartproxy.carts.products import ProductCatalogue
from cartproxy.carts.service import CartService
from cartproxy.limits.rate_limiter import Limit
from cartproxy.records.pending import PendingCarts
from cartproxy.settings import StoreSettings
from cartproxy.sites import Sites
from cartproxy.web.api_keys import ApiKeys

STORES_PATH = "/v1/stores/"


@dataclass(frozen=True, slots=True)
class Store:
    """One store: its use cases, and who may use them.

    `products_of` lists the catalog ids of the sites that may sell only some, `creates_of` the
    limit of new carts of those that have a quota. `orders` takes what the store's webhook tells,
    None where no hook_secret is set.
    """

    id: str
    settings: StoreSettings
    carts: CartService
    products: ProductCatalogue
    pending: PendingCarts
    origins: Sites[str]
    keys: ApiKeys
    products_of: Sites[frozenset[int]]
    creates_of: Sites[Limit]
    orders: Orders | None

    @property
    def buy_path(self) -> str:
        """Where a form without scripts is posted."""
        return f"{STORES_PATH}{self.id}/buy"
