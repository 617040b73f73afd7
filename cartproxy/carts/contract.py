"""What a use case is asked for and what it gives back, beside the cart itself."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from cartproxy.model.cart import Cart, ItemResult, Restored
from cartproxy.model.keys import IdempotencyKey


@dataclass(frozen=True, slots=True)
class Preferences:
    """How a write is wanted: `if_match` lists the entity tags (or `*`) the cart must have.

    `minimal` asks for the write alone: no read-back, and no cart in the answer. `key` makes the
    write one that may be sent again. `admit_creation` is asked before a first cart is made, and may
    raise RateLimited.
    """

    if_match: Collection[str] | None = None
    minimal: bool = False
    key: IdempotencyKey | None = None
    admit_creation: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True)
class Written:
    """What a write did: the cart (None when a minimal answer was asked for), a result per item.

    `created` says that the cart was made, `replayed` that the same request had been answered
    before, `restored` what became of a cart that had vanished at the store.
    """

    cart: Cart | None
    results: tuple[ItemResult, ...] = ()
    created: bool = False
    replayed: bool = False
    restored: Restored | None = None

    def with_cart(self, cart: Cart) -> Written:
        """The same with the cart."""
        return replace(self, cart=cart)

    def with_results(self, results: tuple[ItemResult, ...]) -> Written:
        """The same with these results."""
        return replace(self, results=results)

    def with_restored(self, restored: Restored) -> Written:
        """The same with the report of a cart made anew."""
        return replace(self, restored=restored)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long things are believed or awaited, in seconds.

    `fresh`: a snapshot. `settle`: until a lost add that the cart does not show never comes.
    `dead_writer`: since the last call of a writer whose lock has run out.
    """

    fresh: float
    settle: float
    dead_writer: float
