"""Whose the ids are that the store has confirmed lately.

A cart's key is given once, and a line's id, which the store draws for all carts together, belongs
to one cart for ever (docs/store-api.md, Objects). So an answer that gives one of another cart's
is an answer to another question, even where nothing in it was asked for.
"""

from __future__ import annotations

from collections import OrderedDict

_KEPT = 1024  # an answer that comes a second time comes soon


class Owners:
    """The last ids that were confirmed to this process. May be used by any thread."""

    def __init__(self) -> None:
        self._owners: OrderedDict[str, str] = OrderedDict()

    def of(self, name: str) -> str | None:
        """The order key of the cart that a line's id belongs to; an order key's is itself."""
        return self._owners.get(name)

    def note(self, name: str, order_key: str) -> None:
        """The store has confirmed the id in this cart."""
        self._owners[name] = order_key
        if len(self._owners) > _KEPT:
            self._owners.popitem(last=False)
