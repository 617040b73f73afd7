"""What all writes share: how one ends, who reads the cart back, and carts made anew."""

from __future__ import annotations

import time

from cartproxy.carts.contract import Preferences, Written
from cartproxy.carts.errors import AddressRejected
from cartproxy.carts.reading import Reading
from cartproxy.carts.revival import Revival, revive
from cartproxy.deadline import Deadline
from cartproxy.metrics import count_cart
from cartproxy.model.cart import Addresses, Cart
from cartproxy.model.keys import KeptAnswer
from cartproxy.records.record import Record
from cartproxy.records.records import Write
from cartproxy.store.errors import StoreError, StoreRejected
from cartproxy.store.limits import Allowance

_SHARED_READ_SECONDS = 2.0
_SHARED_READ_POLL_SECONDS = 0.03


class Writing(Reading):
    """The common half of the writing use cases."""

    def _finish(
        self,
        write: Write,
        record: Record,
        answer: KeptAnswer | None,
        allowance: Allowance,
        preferences: Preferences,
        revival: Revival | None = None,
    ) -> Written:
        """Save what a write has made of the cart, with a reading of it where one is wanted."""
        done = Written(None, answer.results if answer else (), answer.created if answer else False)
        outdated = record.outdate()
        if preferences.minimal:
            write.save(outdated, answer)
            return done
        if write.behind and revival is None:
            wrote_ms = write.loaded.now_ms()
            write.save(outdated, answer)
            return done.with_cart(self._shared_reading(write, wrote_ms, allowance.deadline))
        try:
            fresh = self._read_back(record, write.loaded, allowance)
        except StoreError:
            # The write itself took effect: that is the answer, with the cart as last known.
            write.save(outdated, answer)
            return done.with_cart(self._cart(record, write.loaded, stale=True))
        if fresh is None and self._is_finished(record):
            self._count_order(record)
            write.forget(answer)
        else:
            write.save(fresh or self._lost(record), answer)
        old = write.loaded.record
        if revival and old and fresh and revival.new_ids:
            done = done.with_restored(revival.report(old.snapshot, fresh.snapshot))
        return done.with_cart(self._cart(fresh, write.loaded))

    def _shared_reading(self, write: Write, wrote_ms: int, deadline: Deadline) -> Cart:
        """The cart as one of those behind this write reads it back; else as this one reads it."""
        ends = Deadline.after(min(_SHARED_READ_SECONDS, deadline.remaining()))
        while ends.remaining() > 0:
            loaded = self._records.load(write.name)
            record = loaded.record
            if record is None or (not record.outdated and record.as_of_ms >= wrote_ms):
                return self._cart(record, loaded)
            if not loaded.busy:
                break  # whoever was behind has ended without a reading
            time.sleep(_SHARED_READ_POLL_SECONDS)
        return self.read(write.name, deadline, revalidate=True)

    def _renew(self, record: Record, allowance: Allowance) -> Revival:
        """A new cart for one that is gone: empty after an order, else with the old lines."""
        if self._is_finished(record):
            self._count_order(record)
            return Revival(Record(self._create(Addresses(), allowance)))
        self._lost(record)
        revival = revive(self._store, record, allowance)
        count_cart(self._store.id, "restored_in_part" if revival.gone else "restored")
        return revival

    def _create_first(
        self, addresses: Addresses, allowance: Allowance, preferences: Preferences
    ) -> str:
        """The first cart of a session. Raises RateLimited.

        Whoever has a cart goes before whoever has none yet, so that a flood of new carts does not
        keep shoppers from theirs.
        """
        preferences.admit_creation()
        allowance.wait_less()
        return self._create(addresses, allowance)

    def _create(self, addresses: Addresses, allowance: Allowance) -> str:
        try:
            key = self._store.create_cart(addresses, allowance)
        except StoreRejected as error:
            raise AddressRejected(error.detail) from None
        except StoreError as error:
            # Nothing is in a cart that nobody knows the key of, so trying again is safe.
            error.settle_as_not_applied()
            raise
        count_cart(self._store.id, "created")
        return key
