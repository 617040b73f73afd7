"""Reading a cart: from its snapshot, from the store, and what a reading settles."""

from __future__ import annotations

import json
import time
from dataclasses import replace

from cartproxy.carts.contract import Patience, Preferences, Written
from cartproxy.carts.doubt import (
    Doubt,
    item_from_json,
    newly_absent,
    newly_found,
    settle,
    still_open,
)
from cartproxy.carts.errors import PreconditionFailed
from cartproxy.deadline import Deadline
from cartproxy.metrics import count_cart, count_doubts
from cartproxy.model.cart import EMPTY, Cart, Currency, Snapshot
from cartproxy.model.keys import KeptAnswer
from cartproxy.records.record import Loaded, Record, entity_tag
from cartproxy.records.records import Records, Write
from cartproxy.store.client import StoreClient
from cartproxy.store.errors import StoreError, StoreNotFound
from cartproxy.store.limits import Allowance


class Reading:
    """The reading half of the use cases, on which the writing half stands."""

    def __init__(
        self, store: StoreClient, records: Records, *, currency: Currency, patience: Patience
    ) -> None:
        self._store = store
        self._records = records
        self._currency = currency
        self._fresh_ms = int(patience.fresh * 1000)
        self._settle_ms = int(patience.settle * 1000)
        self._dead_writer_ms = int(patience.dead_writer * 1000)

    def nothing(self) -> Cart:
        """The cart of a shopper who has none."""
        return Cart(EMPTY, self._currency, int(time.time() * 1000), entity_tag(EMPTY))

    def read(self, session: str, deadline: Deadline, *, revalidate: bool = False) -> Cart:
        """The cart: from the snapshot while that is fresh, and while the store can't be asked.

        `revalidate` asks the store in any case. Creates nothing: without a cart it is empty. Raises
        StorageError, and StoreError where there is no snapshot yet.
        """
        loaded = self._records.load(session)
        record = loaded.record
        if record is None or not (revalidate or self._must_ask(loaded, record)):
            return self._cart(record, loaded)
        try:
            fresh = self._read_back(record, loaded, self._store.allow(1, deadline))
        except StoreError:
            if not record.as_of_ms:
                raise
            return self._cart(record, loaded, stale=True)
        if fresh is None and not self._is_finished(record):
            # It vanished with things in it: the next write makes it anew from this snapshot, and
            # nobody is sent to the checkout of what is not there.
            self._records.refresh(session, record, self._lost(record))
            return self._cart(record, loaded, stale=True)
        if fresh is None:
            self._count_order(record)
        self._records.refresh(session, record, fresh)
        return self._cart(fresh, loaded)

    def _replay(self, write: Write, answer: KeptAnswer) -> Written:
        """The kept answer to the same request, with the cart as last read."""
        cart = self._cart(write.loaded.record, write.loaded)
        return Written(cart, answer.results, answer.created, replayed=True)

    def _begun(self, write: Write, preferences: Preferences, allowance: Allowance) -> Record | None:
        """The record a write begins with: dead writers' intents inherited, `If-Match` checked."""
        record = write.loaded.record
        if record is not None and record.intents:
            record = self._inherit(record, write.loaded)
        if preferences.if_match is None:
            return record
        if record is not None and not self._is_fresh(write.loaded, record):
            record = self._read_back(record, write.loaded, allowance) or record
        cart = self._cart(record, write.loaded)
        if not {"*", cart.etag} & set(preferences.if_match):
            raise PreconditionFailed(cart)
        return record

    def _inherit(self, record: Record, loaded: Loaded) -> Record:
        """The record with what dead writers meant to add as doubts."""
        since_ms = loaded.at_ms - self._dead_writer_ms
        inherited = []
        for line in record.intents.splitlines():
            _, entry, items = json.loads(line)
            inherited.append(Doubt(entry, since_ms, tuple(item_from_json(item) for item in items)))
        standing = {doubt.entry for doubt in record.doubts if doubt.entry}
        fresh = tuple(doubt for doubt in inherited if doubt.entry not in standing)
        count_doubts(self._store.id, "raised", len(fresh))
        return replace(record, doubts=record.doubts + fresh, intents="")

    def _read_back(self, record: Record, loaded: Loaded, allowance: Allowance) -> Record | None:
        """The record with the cart as the store has it now; None when the store has it no more."""
        began_ms = loaded.now_ms()
        snapshot = self._read_key(record, allowance)
        if snapshot is None:
            return None
        doubts = self._settle(record, snapshot, began_ms) if record.doubts else ()
        return record.read(snapshot, began_ms, doubts)

    def _settle(self, record: Record, snapshot: Snapshot, now_ms: int) -> tuple[Doubt, ...]:
        """The doubts that this reading leaves open."""
        doubts = settle(record.doubts, record.quantities(), snapshot)
        absent = newly_absent(doubts, record.as_of_ms, now_ms, self._settle_ms)
        count_doubts(self._store.id, "settled_applied", newly_found(record.doubts, doubts))
        count_doubts(self._store.id, "settled_not_applied", absent)
        return still_open(doubts, now_ms, self._settle_ms)

    def _read_key(self, record: Record, allowance: Allowance) -> Snapshot | None:
        try:
            return self._store.get_cart(record.order_key, allowance)
        except StoreNotFound:
            return None

    def _is_finished(self, record: Record) -> bool:
        """Whether a cart that is gone may stay so: it was paid for, or nothing was in it."""
        return record.checkout_at_ms is not None or not record.lines()

    def _lost(self, record: Record) -> Record:
        """The record of a cart that is gone and may not stay so; each is counted once."""
        if not record.lost:
            count_cart(self._store.id, "lost")
        return record.lose()

    def _count_order(self, record: Record) -> None:
        """Count a cart that is gone and may stay so; one with nothing in it was no order."""
        if record.checkout_at_ms is not None:
            count_cart(self._store.id, "ordered")

    def _is_fresh(self, loaded: Loaded, record: Record) -> bool:
        return not record.outdated and loaded.now_ms() - record.as_of_ms < self._fresh_ms

    def _must_ask(self, loaded: Loaded, record: Record) -> bool:
        """Whether a look needs the store: the snapshot is old, or an add is in doubt, or the
        shopper left to pay since and may come back from an order.
        """
        in_doubt = any(
            doubt.missing and record.as_of_ms < doubt.since_ms + self._settle_ms
            for doubt in record.doubts
        )
        left_since = (record.checkout_at_ms or 0) > record.as_of_ms
        return in_doubt or left_since or not self._is_fresh(loaded, record)

    def _cart(self, record: Record | None, loaded: Loaded, *, stale: bool = False) -> Cart:
        snapshot = record.snapshot if record else EMPTY
        as_of_ms = record.as_of_ms if record and record.as_of_ms else loaded.now_ms()
        return Cart(snapshot, self._currency, as_of_ms, entity_tag(snapshot), stale)
