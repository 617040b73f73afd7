"""The use cases: what a shopper can do with a cart, in store calls and Redis round trips.

A first add is create + add + read, a later write is write + read, and a read while the snapshot is
fresh is no store call at all.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial

from cartproxy.carts.batch import Batch
from cartproxy.carts.deadline import Deadline
from cartproxy.carts.errors import (
    AddressRejected,
    CartEmpty,
    ItemGone,
    ItemNotFound,
    PreconditionFailed,
    StoreBadCheckoutUrl,
    StoreError,
    StoreNotFound,
    StoreRejected,
)
from cartproxy.carts.models import (
    EMPTY,
    Addresses,
    Cart,
    Currency,
    ItemResult,
    NewItem,
    QuantityChange,
)
from cartproxy.carts.record import Loaded, Record, Records, Write, entity_tag
from cartproxy.store.client import StoreClient


@dataclass(frozen=True, slots=True)
class Preferences:
    """How a write is wanted: `if_match` lists the entity tags (or `*`) the cart must have.

    `minimal` asks for the write alone: no read-back, and no cart in the answer.
    """

    if_match: Collection[str] | None = None
    minimal: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    """What a write did: the cart (None when a minimal answer was asked for), a result per item."""

    cart: Cart | None
    results: tuple[ItemResult, ...] = ()
    created: bool = False


class CartService:
    """The carts of one store. Every `session` is a record's name (`carts.sessions`).

    All methods may raise StorageError and StoreError; writes also CartBusy and PreconditionFailed.
    """

    def __init__(
        self, store: StoreClient, records: Records, *, currency: Currency, fresh_seconds: float
    ) -> None:
        self._store = store
        self._records = records
        self._currency = currency
        self._fresh_ms = int(fresh_seconds * 1000)

    def nothing(self) -> Cart:
        """The cart of a shopper who has none."""
        return Cart(EMPTY, self._currency, int(time.time() * 1000), entity_tag(EMPTY))

    def read(self, session: str, deadline: Deadline, *, revalidate: bool = False) -> Cart:
        """The cart: from the snapshot while that is fresh, and while the store is away.

        `revalidate` asks the store in any case. Creates nothing: without a cart it is empty.
        """
        loaded = self._records.load(session)
        record = loaded.record
        if record is None or not (revalidate or self._must_ask(loaded, record)):
            return self._cart(record, loaded)
        try:
            fresh = self._read_back(record, loaded, deadline)
        except StoreError:
            if not record.as_of_ms:
                raise
            return self._cart(record, loaded, stale=True)
        self._records.refresh(session, record, fresh)
        return self._cart(fresh, loaded)

    def write_addresses(
        self, session: str, addresses: Addresses, deadline: Deadline, preferences: Preferences
    ) -> Written:
        """Make the cart when there is none, and write the addresses. Raises AddressRejected."""
        with self._writing(session, deadline, preferences) as (write, record):
            created = record is None
            try:
                if record is not None and addresses:
                    self._store.update_cart(record.order_key, addresses, deadline)
            except StoreNotFound:
                record, created = None, True
            except StoreRejected as error:
                raise AddressRejected(error.detail) from None
            if record is None:
                record = self._create(addresses, deadline)
            elif not addresses and self._is_fresh(write.loaded, record):
                return Written(self._cart(record, write.loaded))
            return Written(self._finish(write, record, deadline, preferences), created=created)

    def add(
        self,
        session: str,
        items: Sequence[NewItem],
        deadline: Deadline,
        preferences: Preferences,
    ) -> Written:
        """Add items, each with its own result; makes the cart when there is none.

        Raises NothingApplied when every item failed.
        """
        with self._writing(session, deadline, preferences) as (write, found):
            record = found or self._create(Addresses(), deadline)
            batch = self._add_all(record, items, deadline)
            if found and batch.refused_entirely and self._is_gone(found, deadline):
                record = self._create(Addresses(), deadline)
                batch = self._add_all(record, items, deadline)
            return self._conclude(write, record, batch, deadline, preferences)

    def change(
        self,
        session: str,
        changes: Sequence[QuantityChange],
        deadline: Deadline,
        preferences: Preferences,
    ) -> Written:
        """Set quantities of lines, each with its own result; 0 removes, even what is gone already.

        Raises NothingApplied when every change failed.
        """
        with self._writing(session, deadline, preferences) as (write, record):
            if record and any(record.snapshot.item(change.item_id) is None for change in changes):
                record = self._up_to_date(write, record, deadline)
            batch = Batch()
            for change in changes:
                batch.run(partial(self._change_one, record, change, deadline))
            if record is None:
                raise batch.failure()
            return self._conclude(write, record, batch, deadline, preferences)

    def delete(self, session: str, deadline: Deadline, preferences: Preferences) -> None:
        """Delete the cart at the store and forget it here; none, or gone already, is fine."""
        with self._writing(session, deadline, preferences) as (write, record):
            if record is None:
                return
            with suppress(StoreNotFound):
                self._store.delete_cart(record.order_key, deadline)
            write.forget()

    def checkout(self, session: str, deadline: Deadline) -> str:
        """The store's checkout URL for the cart. Raises CartEmpty and StoreBadCheckoutUrl."""
        loaded = self._records.load(session)
        record = loaded.record
        if record is not None and not self._is_fresh(loaded, record):
            fresh = self._read_back(record, loaded, deadline)
            self._records.refresh(session, record, fresh)
            record = fresh
        if record is None or not record.snapshot.items:
            raise CartEmpty("There is nothing in the cart to check out.")
        if record.snapshot.checkout_url is None:
            raise StoreBadCheckoutUrl("The store gave no checkout address of its own.")
        self._records.load(session, handing_out_checkout=True)
        return record.snapshot.checkout_url

    @contextmanager
    def _writing(
        self, session: str, deadline: Deadline, preferences: Preferences
    ) -> Iterator[tuple[Write, Record | None]]:
        """Hold the cart's lock, with the record as it stands and the precondition checked."""
        with self._records.writing(session, deadline) as write:
            record = write.loaded.record
            if preferences.if_match is not None:
                record = self._up_to_date(write, record, deadline) if record else None
                cart = self._cart(record, write.loaded)
                if not {"*", cart.etag} & set(preferences.if_match):
                    raise PreconditionFailed(cart)
            yield write, record

    def _add_all(self, record: Record, items: Sequence[NewItem], deadline: Deadline) -> Batch:
        batch = Batch()
        for item in items:
            batch.run(partial(self._store.add_item, record.order_key, item, deadline))
        return batch

    def _change_one(self, record: Record | None, change: QuantityChange, deadline: Deadline) -> str:
        """Only lines of this cart are named to the store: another cart's id ends here."""
        if record is None or record.snapshot.item(change.item_id) is None:
            raise ItemNotFound("The cart has no such line.")
        try:
            if change.quantity:
                self._store.change_item(record.order_key, change.item_id, change.quantity, deadline)
            else:
                self._store.remove_item(record.order_key, change.item_id, deadline)
        except StoreNotFound:
            if change.quantity:
                raise ItemGone("The cart has no such line any more.") from None
        return change.item_id

    def _conclude(
        self,
        write: Write,
        record: Record,
        batch: Batch,
        deadline: Deadline,
        preferences: Preferences,
    ) -> Written:
        if not batch.applied:
            write.save(replace(record, outdated=record.outdated or batch.in_doubt))
            raise batch.failure()
        return Written(self._finish(write, record, deadline, preferences), batch.results)

    def _finish(
        self, write: Write, record: Record, deadline: Deadline, preferences: Preferences
    ) -> Cart | None:
        """Read back what the write has made of the cart, save it, and return it."""
        outdated = replace(record, outdated=True)
        if preferences.minimal:
            write.save(outdated)
            return None
        try:
            fresh = self._read_back(record, write.loaded, deadline)
        except StoreError:
            # The write itself took effect: that is the answer, with the cart as last known.
            write.save(outdated)
            return self._cart(record, write.loaded, stale=True)
        if fresh is None:
            write.forget()
        else:
            write.save(fresh)
        return self._cart(fresh, write.loaded)

    def _create(self, addresses: Addresses, deadline: Deadline) -> Record:
        try:
            return Record(self._store.create_cart(addresses, deadline))
        except StoreRejected as error:
            raise AddressRejected(error.detail) from None

    def _read_back(self, record: Record, loaded: Loaded, deadline: Deadline) -> Record | None:
        """The record with the cart as the store has it now; None when the store has it no more."""
        try:
            snapshot = self._store.get_cart(record.order_key, deadline)
        except StoreNotFound:
            return None
        return replace(record, snapshot=snapshot, as_of_ms=loaded.now_ms(), outdated=False)

    def _up_to_date(self, write: Write, record: Record, deadline: Deadline) -> Record | None:
        if self._is_fresh(write.loaded, record):
            return record
        return self._read_back(record, write.loaded, deadline)

    def _is_gone(self, record: Record, deadline: Deadline) -> bool:
        """Whether the store has forgotten the cart, which a refused add alone does not tell."""
        try:
            self._store.get_cart(record.order_key, deadline)
        except StoreNotFound:
            return True
        return False

    def _is_fresh(self, loaded: Loaded, record: Record) -> bool:
        return not record.outdated and loaded.now_ms() - record.as_of_ms < self._fresh_ms

    def _must_ask(self, loaded: Loaded, record: Record) -> bool:
        """Whether a look needs the store: the snapshot is old, or the shopper left to pay since.

        Whoever comes back from the checkout finds what the store has now, an empty cart perhaps.
        """
        left_since = (record.checkout_at_ms or 0) > record.as_of_ms
        return left_since or not self._is_fresh(loaded, record)

    def _cart(self, record: Record | None, loaded: Loaded, *, stale: bool = False) -> Cart:
        snapshot = record.snapshot if record else EMPTY
        as_of_ms = record.as_of_ms if record and record.as_of_ms else loaded.now_ms()
        return Cart(snapshot, self._currency, as_of_ms, entity_tag(snapshot), stale)
