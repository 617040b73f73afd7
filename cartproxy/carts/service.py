"""The use cases: what a shopper can do with a cart, in store calls and Redis round trips.

A first add is create + add + read, a later write is write + read, and a read while the snapshot is
fresh is no store call at all. Writes that wait for one cart share one read-back.
"""

from __future__ import annotations

from contextlib import suppress

from cartproxy.carts.adding import Adding
from cartproxy.carts.changing import Changing
from cartproxy.carts.contract import Preferences, Written
from cartproxy.carts.errors import AddressRejected, CartEmpty
from cartproxy.carts.revival import Revival
from cartproxy.deadline import Deadline
from cartproxy.metrics import count_cart
from cartproxy.model.cart import Addresses
from cartproxy.model.keys import Intent, KeptAnswer
from cartproxy.records.record import Record
from cartproxy.storage.errors import StorageFull
from cartproxy.store.errors import StoreBadCheckoutUrl, StoreError, StoreNotFound, StoreRejected
from cartproxy.store.limits import Allowance


class CartService(Adding, Changing):
    """The carts of one store. Every `session` is a record's name (`carts.sessions`).

    All methods may raise StorageError and StoreError; writes also CartBusy, PreconditionFailed,
    RequestInProgress and IdempotencyKeyReused.
    """

    def write_addresses(
        self, session: str, addresses: Addresses, deadline: Deadline, preferences: Preferences
    ) -> Written:
        """Make the cart when there is none, and write the addresses. Raises AddressRejected."""
        with self._records.writing(session, deadline, Intent(preferences.key)) as write:
            if write.answer:
                return self._replay(write, write.answer)
            allowance = self._store.allow(1 if preferences.minimal else 2, deadline)
            record = self._begun(write, preferences, allowance)
            revival = None
            if record is None:
                revival = Revival(Record(self._create_first(addresses, allowance, preferences)))
            elif addresses:
                revival = self._update(record, addresses, allowance)
            elif self._is_fresh(write.loaded, record):
                write.release(KeptAnswer())
                return Written(self._cart(record, write.loaded))
            answer = KeptAnswer(created=record is None)
            now = revival.record if revival else record
            return self._finish(write, now, answer, allowance, preferences, revival)  # type: ignore[arg-type]

    def delete(self, session: str, deadline: Deadline, preferences: Preferences) -> None:
        """Delete the cart at the store and forget it here; none, or gone already, is fine."""
        try:
            self._delete(session, deadline, preferences)
        except StorageFull:
            # There is no room for a lock, and deleting is what makes room.
            record = self._records.load(session).record
            if record is not None:
                with suppress(StoreNotFound):
                    self._store.delete_cart(record.order_key, self._store.allow(1, deadline))
            self._records.discard(session)
            count_cart(self._store.id, "deleted")

    def _delete(self, session: str, deadline: Deadline, preferences: Preferences) -> None:
        with self._records.writing(session, deadline, Intent(preferences.key)) as write:
            if write.answer:
                return
            allowance = self._store.allow(1, deadline)
            record = self._begun(write, preferences, allowance)
            if record is None:
                write.forget(KeptAnswer())  # also what can't be read
                return
            with suppress(StoreNotFound):
                self._store.delete_cart(record.order_key, allowance)
            write.forget(KeptAnswer())
            count_cart(self._store.id, "deleted")

    def checkout(self, session: str, deadline: Deadline) -> str:
        """The store's checkout URL for the cart. Raises CartEmpty and StoreBadCheckoutUrl.

        While the store can't be asked, the address it gave last will do.
        """
        loaded = self._records.load(session)
        record = loaded.record
        if record is not None and self._must_ask(loaded, record):
            try:
                fresh = self._read_back(record, loaded, self._store.allow(1, deadline))
            except StoreError:
                if not record.snapshot.items or record.snapshot.checkout_url is None:
                    raise
                fresh = record
            if fresh is None and not self._is_finished(record):
                fresh = self._revived(session, deadline)
            else:
                if fresh is None:
                    self._count_order(record)
                self._records.refresh(session, record, fresh)
            record = fresh
        if record is None or not record.snapshot.items:
            raise CartEmpty("There is nothing in the cart to check out.")
        if record.snapshot.checkout_url is None:
            raise StoreBadCheckoutUrl("The store gave no checkout address of its own.")
        self._records.load(session, handing_out_checkout=True)
        count_cart(self._store.id, "checkout")
        return record.snapshot.checkout_url

    def _revived(self, session: str, deadline: Deadline) -> Record | None:
        """The cart made anew, because the shopper wants to pay for it."""
        with self._records.writing(session, deadline, Intent()) as write:
            allowance = self._store.allow(3, deadline)
            record = self._begun(write, Preferences(), allowance)
            if record is None:
                return None
            read = self._read_back(record, write.loaded, allowance)
            if read is None:
                made = self._renew(record, allowance).record
                read = self._read_back(made, write.loaded, allowance)
            if read is not None:
                write.save(read, None)
            return read

    def _update(self, record: Record, addresses: Addresses, allowance: Allowance) -> Revival | None:
        """Write addresses; returns the cart made anew where the old one had vanished."""
        try:
            self._store.update_cart(record.order_key, addresses, allowance)
        except StoreNotFound:
            revival = self._renew(record, allowance)
            self._store.update_cart(revival.record.order_key, addresses, allowance)
            return revival
        except StoreRejected as error:
            raise AddressRejected(error.detail) from None
        return None
