"""Which cart each id belongs to that the store confirmed recently.

The store gives a cart's key only once, and a line's id to one cart only (docs/store-api.md,
Objects). So an answer with an id of another cart is the answer to another call, even if the call
named no id.
"""

from __future__ import annotations

from collections import OrderedDict

_KEPT = 1024  # an answer that is sent twice comes again soon


class Owners:
    """The last ids that this process has seen. Any thread may use it."""

    def __init__(self) -> None:
        self._owners: OrderedDict[str, str] = OrderedDict()

    def of(self, name: str) -> str | None:
        """The order key of the cart that has this id, if known; an order key belongs to itself."""
        return self._owners.get(name)

    def note(self, name: str, order_key: str) -> None:
        """Remember that the store has confirmed the id in this cart."""
        self._owners[name] = order_key
        if len(self._owners) > _KEPT:
            self._owners.popitem(last=False)
