"""The use cases: what a shopper can do with a cart, in store calls and Redis round trips.

A first add is create + add + read, a later write is write + read, and a read while the snapshot is
fresh is no store call at all. Writes that wait for one cart share one read-back.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal
from functools import partial

from cartproxy.carts.additions import Additions
from cartproxy.carts.batch import Batch
from cartproxy.carts.contract import Preferences, Written
from cartproxy.carts.deadline import Deadline
from cartproxy.carts.doubt import absorb, item_as_json
from cartproxy.carts.errors import (
    AddressRejected,
    CartEmpty,
    ItemGone,
    ItemNotFound,
    StorageFull,
    StoreBadCheckoutUrl,
    StoreError,
    StoreNotFound,
    StoreRejected,
)
from cartproxy.carts.idempotency import KeptAnswer
from cartproxy.carts.models import Addresses, Cart, ItemResult, NewItem, QuantityChange
from cartproxy.carts.reading import Reading
from cartproxy.carts.record import Record
from cartproxy.carts.records import Intent, Write
from cartproxy.carts.revival import Revival, revive
from cartproxy.store.limits import Allowance

_SHARED_READ_SECONDS = 2.0
_SHARED_READ_POLL_SECONDS = 0.03


class CartService(Reading):
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
                revival = Revival(Record(self._create(addresses, allowance)))
            elif addresses:
                revival = self._update(record, addresses, allowance)
            elif self._is_fresh(write.loaded, record):
                write.release(KeptAnswer())
                return Written(self._cart(record, write.loaded))
            answer = KeptAnswer(created=record is None)
            now = revival.record if revival else record
            return self._finish(write, now, answer, allowance, preferences, revival)  # type: ignore[arg-type]

    def add(
        self,
        session: str,
        items: Sequence[NewItem],
        deadline: Deadline,
        preferences: Preferences,
    ) -> Written:
        """Add items, each once and with its own result; makes the cart when there is none.

        Raises NothingApplied when every item failed, or none is known to have taken effect.
        """
        intent = Intent(preferences.key, items_json=tuple(item_as_json(item) for item in items))
        with self._records.writing(session, deadline, intent) as write:
            if write.answer:
                return self._replay(write, write.answer)
            calls = len(items) + (0 if preferences.minimal else 1)
            calls += 0 if write.loaded.record else 1
            allowance = self._store.allow(calls, deadline)
            found = self._begun(write, preferences, allowance)
            record, additions, revival = self._add_all(write, found, items, allowance)
            return self._conclude(write, record, additions, revival, allowance, preferences)

    def change(
        self,
        session: str,
        changes: Sequence[QuantityChange],
        deadline: Deadline,
        preferences: Preferences,
    ) -> Written:
        """Set quantities of lines, each with its own result; 0 removes, even what is gone already.

        Of several changes of one line that wait at once only the last is made at the store.
        Raises NothingApplied when every change failed.
        """
        label = f"{changes[0].item_id} {_plain(changes[0].quantity)}" if len(changes) == 1 else ""
        with self._records.writing(session, deadline, Intent(preferences.key, label)) as write:
            if write.answer:
                return self._replay(write, write.answer)
            overtaking = _overtaking(changes, write)
            if not overtaking or preferences.if_match is not None:
                return self._change_all(write, changes, deadline, preferences)
            write.release()
        result = ItemResult.applied(0, changes[0].item_id)
        cart = self._after_others(session, write, deadline, changes[0].item_id, overtaking)
        if cart is None:  # whoever came later did not get through, so this change is still to make
            return self.change(session, changes, deadline, preferences)
        if preferences.key:
            self._records.keep(session, preferences.key, KeptAnswer((result,)))
        return Written(None if preferences.minimal else cart, (result,))

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

    def _delete(self, session: str, deadline: Deadline, preferences: Preferences) -> None:
        with self._records.writing(session, deadline, Intent(preferences.key)) as write:
            if write.answer:
                return
            allowance = self._store.allow(1, deadline)
            record = self._begun(write, preferences, allowance)
            if record is None:
                write.release(KeptAnswer())
                return
            with suppress(StoreNotFound):
                self._store.delete_cart(record.order_key, allowance)
            write.forget(KeptAnswer())

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
                self._records.refresh(session, record, fresh)
            record = fresh
        if record is None or not record.snapshot.items:
            raise CartEmpty("There is nothing in the cart to check out.")
        if record.snapshot.checkout_url is None:
            raise StoreBadCheckoutUrl("The store gave no checkout address of its own.")
        self._records.load(session, handing_out_checkout=True)
        return record.snapshot.checkout_url

    def _add_all(
        self, write: Write, found: Record | None, items: Sequence[NewItem], allowance: Allowance
    ) -> tuple[Record, Additions, Revival | None]:
        """The items into the cart, into a new one, or into one made anew where it has vanished."""
        if found is None:
            record = Record(self._create(Addresses(), allowance))
            return record, self._run(record, items, allowance), None
        earlier = next((each for each in found.doubts if each.entry == write.entry != ""), None)
        if earlier:
            read = self._read_back(found, write.loaded, allowance)
            if read is not None:
                earlier = next(each for each in read.doubts if each.entry == write.entry)
                additions = Additions(self._store, read, items, allowance, earlier)
                left_ms = earlier.since_ms + self._settle_ms - write.loaded.now_ms()
                if earlier.missing and left_ms > 0:
                    additions.wait_longer(max(1, -(-left_ms // 1000)), read.snapshot)
                else:
                    additions.run()
                return read, additions, None
            revival = self._renew(found, allowance)
            return revival.record, self._run(revival.record, items, allowance), revival
        additions = self._run(found, items, allowance)
        if additions.batch.refused_entirely:
            renewed = self._renewed(found, items, allowance)
            if renewed:
                return renewed
        return found, additions, None

    def _renewed(
        self, found: Record, items: Sequence[NewItem], allowance: Allowance
    ) -> tuple[Record, Additions, Revival | None] | None:
        """The items in a new cart, where the old one is the reason that they were refused.

        A cart that became an order may answer 404, or stay readable and refuse every write (open):
        only another cart tells whether the item or the order was the reason.
        """
        gone = self._read_key(found, allowance) is None
        if not gone and not found.checkout_at_ms:
            return None
        revival = self._renew(found, allowance)
        additions = self._run(revival.record, items, allowance)
        if not gone and not additions.batch.applied:
            return None
        return revival.record, additions, revival

    def _run(self, record: Record, items: Sequence[NewItem], allowance: Allowance) -> Additions:
        additions = Additions(self._store, record, items, allowance)
        additions.run()
        return additions

    def _change_all(
        self,
        write: Write,
        changes: Sequence[QuantityChange],
        deadline: Deadline,
        preferences: Preferences,
    ) -> Written:
        calls = len(changes) + (0 if preferences.minimal else 1)
        allowance = self._store.allow(calls, deadline)
        record, revival = self._begun(write, preferences, allowance), None
        unknown_line = record and any(change.item_id not in record.lines() for change in changes)
        if record and unknown_line and not self._is_fresh(write.loaded, record):
            read = self._read_back(record, write.loaded, allowance)
            revival = None if read else self._renew(record, allowance)
            record = revival.record if revival else read
        batch = Batch()
        written: dict[str, NewItem] = {}
        for change in changes:
            change = revival.translate(change) if revival else change
            batch.run(partial(self._change_one, record, change, written, allowance))
        if record is None:
            raise batch.failure()
        before = record.quantities()
        growth = {id_: item.quantity - before.get(id_, 0) for id_, item in written.items()}
        doubts = absorb(record.doubts, growth)
        record = record.wrote(written).with_doubts(doubts)
        if not batch.applied:
            write.save(record if not batch.touched else record.outdate(), None)
            raise batch.failure()
        answer = KeptAnswer(batch.results)
        return self._finish(write, record, answer, allowance, preferences, revival)

    def _change_one(
        self,
        record: Record | None,
        change: QuantityChange,
        written: dict[str, NewItem],
        allowance: Allowance,
    ) -> str:
        """Only lines of this cart are named to the store: another cart's id ends here."""
        line = record.lines().get(change.item_id) if record else None
        if record is None or line is None:
            raise ItemNotFound("The cart has no such line.")
        key, item_id = record.order_key, change.item_id
        try:
            if change.quantity:
                self._store.change_item(key, item_id, change.quantity, allowance)
            else:
                self._store.remove_item(key, item_id, allowance)
        except StoreNotFound:
            if change.quantity:
                raise ItemGone("The cart has no such line any more.") from None
        written[item_id] = NewItem(line.catalog_id, change.quantity, line.options)
        return item_id

    def _conclude(
        self,
        write: Write,
        record: Record,
        additions: Additions,
        revival: Revival | None,
        allowance: Allowance,
        preferences: Preferences,
    ) -> Written:
        batch = additions.batch
        doubt = additions.doubt(write.entry, write.loaded.now_ms())
        others = (each for each in record.doubts if not each.entry or each.entry != write.entry)
        doubts = absorb(others, additions.growth) + ((doubt,) if doubt else ())
        record = record.wrote(additions.written).with_doubts(doubts)
        if additions.read is not None:
            record = record.read(additions.read, write.loaded.now_ms(), doubts)
        if not batch.applied:
            write.save(record.outdate() if batch.touched else record, None)
            raise batch.failure()
        # With something still open the key stays open too, so that a retry can settle the rest.
        answer = None if doubt else KeptAnswer(batch.results)
        written = self._finish(write, record, answer, allowance, preferences, revival)
        return written.with_results(batch.results)

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
            write.forget(answer)
        else:
            write.save(fresh or outdated, answer)
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

    def _after_others(
        self, session: str, write: Write, deadline: Deadline, item_id: str, quantities: set[str]
    ) -> Cart | None:
        """The cart once a later change of the line shows in it; None when none does in time."""
        cart = self._shared_reading(write, write.loaded.now_ms(), deadline)
        line = cart.snapshot.item(item_id)
        shown = _plain(line.quantity) if line else "0"
        return cart if shown in quantities else None

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

    def _renew(self, record: Record, allowance: Allowance) -> Revival:
        """A new cart for one that is gone: empty after an order, else with the old lines."""
        if self._is_finished(record):
            return Revival(Record(self._create(Addresses(), allowance)))
        return revive(self._store, record, allowance)

    def _create(self, addresses: Addresses, allowance: Allowance) -> str:
        try:
            return self._store.create_cart(addresses, allowance)
        except StoreRejected as error:
            raise AddressRejected(error.detail) from None
        except StoreError as error:
            # Nothing is in a cart that nobody knows the key of, so trying again is safe.
            error.settle_as_not_applied()
            raise


def _plain(quantity: Decimal) -> str:
    """A quantity in one spelling only: 2 for 2.0, 10 for 1E+1."""
    return f"{quantity.normalize():f}"


def _overtaking(changes: Sequence[QuantityChange], write: Write) -> set[str]:
    """The quantities to which changes behind this one set the same line."""
    if len(changes) != 1:
        return set()
    waiting = (label.split(" ") for label in write.behind if label)
    return {quantity for item_id, quantity in waiting if item_id == changes[0].item_id}
