"""What is kept here where the store can't be told now: how much, and at which price."""

from __future__ import annotations

from contextlib import suppress
from enum import StrEnum

from cartproxy.carts.answers import Terms
from cartproxy.carts.drive import Drive
from cartproxy.carts.errors import ItemRefused
from cartproxy.carts.fold import owing
from cartproxy.carts.products import ProductCatalogue
from cartproxy.errors import CartProxyError
from cartproxy.metrics import count_pending, count_saved
from cartproxy.model.cart import LineItem
from cartproxy.model.record import Record
from cartproxy.model.wishes import Phase, Wish
from cartproxy.records.pending import PendingCarts
from cartproxy.records.records import Write
from cartproxy.storage.errors import StorageError
from cartproxy.store.errors import StoreAway, StoreBusy, StoreError, StoreUnreachable

MOST_PENDING = 50  # lines of a cart that wait for the store
MOST_PENDING_BYTES = 10_000  # of what was typed into their options


class Adds(StrEnum):
    """When a shopper's changes are sent to the store."""

    DIRECT = "direct"  # at once, or the shopper is refused
    WHEN_BUSY = "when_busy"  # at once while the store has calls to spare
    DEFERRED = "deferred"  # at the checkout


class Deferral:
    """Which changes of one store's carts are owed to it. May raise StorageError and StoreError."""

    def __init__(
        self, store_id: str, adds: Adds, products: ProductCatalogue, pending: PendingCarts
    ) -> None:
        """Kept adds are judged and priced by `products`; `pending` counts the carts that wait."""
        self._store_id = store_id
        self.adds = adds
        self._products = products
        self._pending = pending

    def defers(self, error: CartProxyError | None) -> bool:
        """Whether what this error has kept from the store may be owed to it."""
        away = (StoreBusy, StoreAway, StoreUnreachable)
        return self.adds is not Adds.DIRECT and (error is None or isinstance(error, away))

    def owing(self, write: Write, drive: Drive, terms: Terms) -> Record:
        """The record after a write; what could not be sent to the store is owed."""
        own = drive.own()
        if not own or not self.defers(drive.stopped) or any(w.phase is Phase.SENT for w in own):
            return drive.record
        waiting = [wish for wish in own if wish.waits and not wish.sets]
        if waiting and write.loaded.record is None and drive.record.order_key is None:
            terms.admit_creation()
        lines: dict[int, LineItem] = {}
        kept = [wish for wish in drive.record.wishes if is_kept(wish)]
        room, room_bytes = MOST_PENDING - len(kept), MOST_PENDING_BYTES - sum(map(_typed, kept))
        if waiting and not kept and not self._pending.begin(write.name, _of(terms)):
            room = 0
        for wish in waiting:
            try:
                if room <= 0 or room_bytes < _typed(wish):
                    count_pending(self._store_id, "no_room")
                    raise StoreBusy("Too much is already waiting for the store.")
                lines[wish.index] = self._products.offer(wish.item, terms.deadline, terms.payers)
                room, room_bytes = room - 1, room_bytes - _typed(wish)
                drive.errors.pop(wish.place, None)
            except ItemRefused as error:
                drive.errors[wish.place] = error
            except StoreError as error:
                drive.errors[wish.place] = drive.stopped or error
        if not terms.minimal and drive.record.outdated and (drive.stale or drive.is_scarce):
            for wish in own:
                if wish.has_landed and not wish.sets:
                    known = self._products.known_offer(wish.item)
                    lines |= {wish.index: known} if known else {}
        if waiting and not (kept or lines):
            self._end_pending(write, terms)
        record = owing(drive.record, write.entry, lines)
        new = sum(map(is_kept, record.wishes)) - len(kept)
        count_pending(self._store_id, "kept", new)
        count_saved(self._store_id, new and new + 1 + (record.order_key is None))
        return record

    def note_end(self, write: Write, record: Record, terms: Terms) -> None:
        """Stop counting a cart that no longer waits; that it waits was noted before."""
        before = (write.loaded.record or Record()).wishes
        if any(map(is_kept, before)) and not any(map(is_kept, record.wishes)):
            self._end_pending(write, terms)

    def _end_pending(self, write: Write, terms: Terms) -> None:
        with suppress(StorageError):  # it is counted until its life ends
            self._pending.end(write.name, _of(terms))


def is_kept(wish: Wish) -> bool:
    """Whether it waits here for the store, which has never had it."""
    return wish.is_new and wish.is_open


def _typed(wish: Wish) -> int:
    """How many bytes the texts of its options have."""
    return sum(len(option.value.encode()) for option in wish.item.options)


def _of(terms: Terms) -> str | None:
    """The name under which the calls of the shopper's address are counted."""
    return next((payer.name for payer in terms.payers if payer.is_address), None)
