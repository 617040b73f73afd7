"""Who sends a request, and for which cart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cartproxy.deadline import Deadline
from cartproxy.records.names import CartNames, draw_credential
from cartproxy.web.api_keys import ApiKey
from cartproxy.web.refusals import Refused
from cartproxy.web.stores import Store


@dataclass(slots=True)
class Caller:
    """Who asks: `credential` is None for a reader who has none yet.

    `key` is the API key of a server-side caller, whose `origin` is that key. `address` is the
    address for the limits, None if the shopper is not limited.
    """

    store: Store
    origin: str
    key: ApiKey | None
    address: str | None
    credential: str | None
    by_cookie: bool
    deadline: Deadline
    names: CartNames
    cart: str | None = None  # its name, once a route has asked for it
    cookie: str | None = None  # the credential to set with the answer

    def cart_to_read(self) -> str | None:
        """The name of the cart to read; None when the caller can't have one."""
        return None if self.credential is None else self._named(self.credential)

    def cart_to_change(self) -> str:
        """The name of the cart to change; a caller without a credential gets a cookie."""
        self.credential = self.credential or draw_credential()
        if self.by_cookie:
            self.cookie = self.credential
        return self._named(self.credential)

    def check_products(self, catalog_ids: Mapping[str, int]) -> None:
        """Refuse products that the site may not sell, by their JSON pointers. Raises Refused."""
        listed = self.store.products_of.find(self.origin)
        if listed is None:
            return
        wrong = [at for at, each in catalog_ids.items() if each not in listed]
        if wrong:
            errors = [(at, "Not on this site's list.") for at in wrong if at]
            raise Refused("product-refused", "This site may not sell this product.", errors=errors)

    def _named(self, credential: str) -> str:
        self.cart = self.names.name(store=self.store.id, origin=self.origin, credential=credential)
        return self.cart
