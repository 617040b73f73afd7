"""The use cases: what a shopper can do with a cart, in store calls and Redis round trips.

A first add is create + add + read, a later write is write + read, and a read while the snapshot is
fresh is no store call at all. Writes that wait for one cart share one read-back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from functools import partial

from cartproxy.carts.answers import Terms, Written, closed, reported, results_of
from cartproxy.carts.drive import Drive
from cartproxy.carts.errors import CartChanged, CartEmpty, OutcomeUnknown, PreconditionFailed
from cartproxy.carts.fold import asking, believed, feared, inherited, vanished, wishing
from cartproxy.carts.plan import Aim, foreseen
from cartproxy.deadline import Deadline
from cartproxy.errors import CartProxyError, Outcome
from cartproxy.metrics import count_cart
from cartproxy.model.cart import (
    EMPTY,
    Addresses,
    Cart,
    Currency,
    ItemResult,
    NewItem,
    QuantityChange,
    Restored,
)
from cartproxy.model.changes import differences
from cartproxy.model.keys import Intent, KeptAnswer
from cartproxy.model.record import Record
from cartproxy.model.wishes import KEYLESS, Phase
from cartproxy.records.form import Loaded
from cartproxy.records.records import Records, Write
from cartproxy.storage.errors import StorageFull
from cartproxy.store.client import StoreClient
from cartproxy.store.errors import (
    StoreBadCheckoutUrl,
    StoreError,
    StoreNotFound,
    StoreRejected,
)

_SHARED_READ_SECONDS = 2.0
_SHARED_READ_POLL_SECONDS = 0.03


class CartService:
    """The carts of one store. Every `session` is a record's name (`records.names`).

    All methods may raise StorageError and StoreError; writes also CartBusy, PreconditionFailed,
    RequestInProgress, IdempotencyKeyReused and RateLimited.
    """

    def __init__(
        self,
        store: StoreClient,
        records: Records,
        *,
        currency: Currency,
        fresh_seconds: float,
        settle_seconds: float,
    ) -> None:
        """For `fresh_seconds` a snapshot is believed. After `settle_seconds` a lost add that the
        cart does not show never comes.
        """
        self._store = store
        self._records = records
        self._currency = currency
        self._fresh_ms = int(fresh_seconds * 1000)
        self._settle_ms = int(settle_seconds * 1000)

    def nothing(self) -> Cart:
        """The cart of a shopper who has none."""
        return Cart(EMPTY, self._currency, int(time.time() * 1000))

    def mark(self, session: str) -> str:
        """A text that changes whenever the cart is changed or read again; asks no store."""
        record = self._records.load(session).record
        return f"{record.as_of_ms} {record.snapshot.entity_tag}" if record else ""

    def read(self, session: str, deadline: Deadline, *, revalidate: bool = False) -> Cart:
        """The cart: from the snapshot while that is fresh, and while the store can't be asked.

        `revalidate` asks the store in any case. Creates nothing: without a cart it is empty. Raises
        StoreError where there is no snapshot yet.
        """
        loaded = self._records.load(session)
        error = None
        if revalidate or self._must_ask(loaded):
            loaded, error = self._look(session, loaded, deadline)
        if error and not _known(loaded).as_of_ms:
            raise error
        return self._cart(loaded, error)

    def add(self, session: str, items: Sequence[NewItem], terms: Terms) -> Written:
        """Add items, each once and with its own result; makes the cart when there is none.

        Raises NothingApplied when every item failed, or none is known to have taken effect.
        """
        intent = Intent(terms.key, items=tuple(items))
        with self._records.writing(session, terms.deadline, intent) as write:
            if write.answer:
                return self._replay(write, write.answer)
            drive = self._send(write, self._begun(write, terms), items, terms)
            return self._end(write, drive, len(items), terms)

    def change(self, session: str, changes: Sequence[QuantityChange], terms: Terms) -> Written:
        """Set quantities of lines, each with its own result; 0 removes, even what is gone already.

        Of several changes of one line that wait at once only the last is made at the store.
        Raises NothingApplied when every change failed.
        """
        first = changes[0]
        label = f"{first.item_id} {_plain(first.quantity)}" if len(changes) == 1 else ""
        with self._records.writing(session, terms.deadline, Intent(terms.key, label)) as write:
            if write.answer:
                return self._replay(write, write.answer)
            later = _quantities_behind(write, first.item_id) if label else ()
            if not later or terms.if_match is not None:
                drive = self._send(write, self._begun(write, terms), changes, terms)
                return self._end(write, drive, len(changes), terms)
            write.release()
        cart = self._cart(*self._shared_reading(write, write.loaded.now_ms(), terms.deadline))
        line = cart.snapshot.item(first.item_id)
        if (_plain(line.quantity) if line else "0") not in later:
            # Whoever came later did not get through, so this change is still to make.
            return self.change(session, changes, terms)
        answer = KeptAnswer((ItemResult.applied(0, first.item_id),))
        if terms.key:
            self._records.keep(session, terms.key, answer)
        return Written(None if terms.minimal else cart, answer.results)

    def write_addresses(self, session: str, addresses: Addresses, terms: Terms) -> Written:
        """Make the cart when there is none, and write the addresses. Raises AddressRejected."""
        with self._records.writing(session, terms.deadline, Intent(terms.key)) as write:
            if write.answer:
                return self._replay(write, write.answer)
            aim = self._aim(write, terms, addresses=addresses or None, create=True)
            if not (addresses or terms.minimal):
                aim = replace(aim, newer_than_ms=aim.began_ms - self._fresh_ms)
            drive = self._drive(write, self._begun(write, terms), aim, terms)
            return self._end(write, drive, 0, terms, created=write.loaded.record is None)

    def delete(self, session: str, terms: Terms) -> None:
        """Delete the cart at the store and forget it here; none, or gone already, is fine."""
        try:
            with self._records.writing(session, terms.deadline, Intent(terms.key)) as write:
                if write.answer:
                    return
                record = self._begun(write, terms)
                self._delete_at_store(record, terms)
                write.forget(KeptAnswer())
        except StorageFull:
            # There is no room for a lock, and deleting is what makes room.
            record = self._records.load(session).record or Record()
            self._delete_at_store(record, terms)
            self._records.discard(session)
        if record.order_key is not None:
            count_cart(self._store.id, "deleted")

    def _delete_at_store(self, record: Record, terms: Terms) -> None:
        if record.order_key is not None:
            with suppress(StoreNotFound):
                self._store.delete_cart(record.order_key, self._store.allow(1, terms.deadline))

    def checkout(self, session: str, terms: Terms) -> str:
        """The store's checkout URL for the cart, which is never less than the shopper was shown.

        While the store can't be asked, the address it gave last will do. Raises CartEmpty,
        StoreBadCheckoutUrl, and CartChanged unless `if_match` names the cart as it is now.
        """
        loaded, error = self._records.load(session), None
        if self._must_ask(loaded):
            loaded, error = self._look(session, loaded, terms.deadline, before_paying=True)
        if loaded.record is not None and loaded.record.owes:
            loaded = self._put_back(session, terms)
        record = loaded.record
        if record is None or not record.snapshot.items:
            raise error or CartEmpty("There is nothing in the cart to check out.")
        cart = self._cart(loaded, error)
        if record.changes and cart.etag not in (terms.if_match or ()):
            raise CartChanged(cart)
        _check(terms, cart)
        if record.snapshot.checkout_url is None:
            raise error or StoreBadCheckoutUrl("The store gave no checkout address of its own.")
        if record.changes:
            self._records.refresh(session, loaded, replace(record, changes=()))
        self._records.load(session, handing_out_checkout=True)
        count_cart(self._store.id, "checkout")
        return record.snapshot.checkout_url

    def _put_back(self, session: str, terms: Terms) -> Loaded:
        """Send what is owed, because the shopper wants to pay for it."""
        with self._records.writing(session, terms.deadline, Intent()) as write:
            terms = Terms(terms.deadline)
            drive = self._drive(write, self._begun(write, terms), self._aim(write, terms), terms)
            record, _ = self._reported(drive.record)
            record = self._close(write, record, write.entry, None)
            if record.owes or drive.stale:
                raise drive.stopped or OutcomeUnknown()
            return replace(write.loaded, record=record)

    def _begun(self, write: Write, terms: Terms) -> Record:
        """The record a write begins with, once `If-Match` is checked."""
        loaded = write.loaded
        record = seen = _known(loaded)
        if terms.if_match is None:
            return record
        if record.order_key is not None and not self._is_fresh(loaded, record):
            looking = self._looking(loaded, record, terms.deadline)
            if looking.stopped:
                raise looking.stopped
            seen = looking.record
        # One that has vanished is judged as the shopper saw it.
        cart = self._cart(replace(loaded, record=record if seen.order_key is None else seen))
        _check(terms, cart)
        return replace(seen, changes=()) if cart.etag in terms.if_match else seen

    def _send(
        self, write: Write, record: Record, parts: Sequence[NewItem | QuantityChange], terms: Terms
    ) -> Drive:
        """The parts of a request on their way, and all that is owed."""
        aim = self._aim(write, terms)
        for part in parts:
            if isinstance(part, QuantityChange) and not record.quantity(
                record.current_id(part.item_id)
            ):
                aim = replace(aim, newer_than_ms=aim.began_ms - self._fresh_ms)
        record = asking(wishing(record, write.entry, parts))
        drive = self._drive(write, record, aim, terms)
        refused = all(wish.phase is Phase.REFUSED and not wish.sets for wish in drive.own())
        after_checkout = drive.record.checkout_at_ms is not None and not drive.aim.created
        if refused and after_checkout and self._is_closed(drive.record, terms):
            count_cart(self._store.id, "ordered")
            return self._drive(write, vanished(drive.record), aim, terms)
        return drive

    def _is_closed(self, record: Record, terms: Terms) -> bool:
        """Whether the cart is an order that is still there: it takes no write that changes nothing.

        A store that takes no empty update from any cart would look the same, and so would one whose
        stock has shrunk below a line's quantity; hence both.
        """
        key, allowance = record.order_key or "", self._store.allow(2, terms.deadline)
        calls = [partial(self._store.update_cart, key, Addresses(), allowance)]
        for line_id, item in [*record.lines().items()][:1]:
            calls += [partial(self._store.change_item, key, line_id, item.quantity, allowance)]
        return all(map(_is_refused, calls))

    def _aim(
        self,
        write: Write,
        terms: Terms,
        *,
        addresses: Addresses | None = None,
        create: bool = False,
    ) -> Aim:
        looks = not (terms.minimal or write.behind)
        return Aim(write.entry, write.loaded.now_ms(), addresses, create, look=looks)

    def _drive(self, write: Write, record: Record, aim: Aim, terms: Terms) -> Drive:
        allowance = self._store.allow(foreseen(record, aim), terms.deadline)
        if write.loaded.record is None:
            allowance.wait_less()  # so that a flood of new carts keeps no shopper from theirs

        def keep(made: Record) -> None:
            until_ms = write.loaded.now_ms() + int(terms.deadline.remaining() * 1000)
            write.keep(feared(made, {write.entry}, until_ms))

        now_ms, settle_ms = write.loaded.now_ms, self._settle_ms
        return Drive(
            self._store, record, aim, allowance, now_ms, settle_ms, keep, terms.admit_creation
        ).run()

    def _looking(self, loaded: Loaded, record: Record, deadline: Deadline) -> Drive:
        """Nothing but a reading."""
        aim = Aim(KEYLESS, halted=True, newer_than_ms=loaded.now_ms())
        allowance = self._store.allow(1, deadline)
        return Drive(self._store, record, aim, allowance, loaded.now_ms, self._settle_ms).run()

    def _end(
        self, write: Write, drive: Drive, parts: int, terms: Terms, *, created: bool = False
    ) -> Written:
        """Save what a write has made of the cart, and answer with the cart where it is wanted."""
        error: CartProxyError | None
        results, error = results_of(drive.record, drive, parts)
        if drive.aim.addresses or (drive.record.order_key is None and not parts):
            error = drive.stopped
        record, restored = self._reported(drive.record)
        shares = write.behind and record.outdated and not (terms.minimal or error)
        # A confirmed line is left to the reading of whoever is behind: it may not be there.
        left = shares and any(wish.entry == write.entry for wish in record.wishes)
        unknown = any(result.outcome is Outcome.UNKNOWN for result in results)
        answer = None if error or unknown or left else KeptAnswer(results, created)
        wrote_ms = write.loaded.now_ms()
        record = self._close(write, record, "" if left else write.entry, answer)
        if error:
            raise error
        if terms.minimal:
            return Written(None, results, created)
        loaded = replace(write.loaded, record=record)
        stale = drive.stopped if drive.stale else None
        if shares:
            loaded, stale = self._shared_reading(write, wrote_ms, terms.deadline)
        if left and loaded.record and any(w.entry == write.entry for w in loaded.record.wishes):
            results, error = results_of(loaded.record, drive, parts)
            if error:
                raise error
        return Written(self._cart(loaded, stale), results, created, restored=restored)

    def _close(self, write: Write, record: Record, own: str, answer: KeptAnswer | None) -> Record:
        """End a write, which leaves what is still open; the record as it is then."""
        record, others = closed(record, own)
        before = write.loaded.record
        if record.order_key is None and not record.wishes:
            write.forget(answer)
        elif before and before.as_of_ms == record.as_of_ms and before == record:
            write.release(answer)
        else:
            write.save(record, answer, others)
        return record

    def _look(
        self, session: str, loaded: Loaded, deadline: Deadline, *, before_paying: bool = False
    ) -> tuple[Loaded, CartProxyError | None]:
        """The cart as the store has it now, read without holding it; and why it could not be read.

        `before_paying`: what is worse than the shopper was shown goes into the record's changes.
        """
        record = _known(loaded)
        if record.order_key is None:
            return loaded, None
        looking = self._looking(loaded, record, deadline)
        if looking.stopped:
            return loaded, looking.stopped
        fresh, _ = self._reported(looking.record)
        if before_paying and fresh.order_key is not None:
            worse = differences(record, fresh.snapshot)
            fresh = replace(fresh, changes=(*fresh.changes, *worse))
        gone = fresh.order_key is None and not fresh.wishes
        self._records.refresh(session, loaded, None if gone else fresh)
        return replace(loaded, record=None if gone else fresh), None

    def _shared_reading(
        self, write: Write, wrote_ms: int, deadline: Deadline
    ) -> tuple[Loaded, CartProxyError | None]:
        """The cart as one of those behind this write reads it back; else as this one reads it."""
        ends = Deadline.after(min(_SHARED_READ_SECONDS, deadline.remaining()))
        while True:
            loaded = self._records.load(write.name)
            record = loaded.record
            if record is None or (not record.outdated and record.as_of_ms >= wrote_ms):
                return loaded, None
            if ends.remaining() <= 0 or not loaded.busy:
                # Whoever was behind has ended without a reading.
                return self._look(write.name, loaded, deadline)
            time.sleep(_SHARED_READ_POLL_SECONDS)

    def _reported(self, record: Record) -> tuple[Record, Restored | None]:
        record, restored = reported(record)
        if restored:
            count_cart(self._store.id, "restored_in_part" if restored.gone else "restored")
        return record, restored

    def _replay(self, write: Write, answer: KeptAnswer) -> Written:
        """The kept answer to the same request, with the cart as last read."""
        return Written(self._cart(write.loaded), answer.results, answer.created, replayed=True)

    def _is_fresh(self, loaded: Loaded, record: Record) -> bool:
        return not record.outdated and loaded.now_ms() - record.as_of_ms < self._fresh_ms

    def _must_ask(self, loaded: Loaded) -> bool:
        """Whether a look needs the store: the snapshot is old, or an add is in doubt, or the
        shopper left to pay since and may come back from an order.
        """
        record, now_ms = _known(loaded), loaded.now_ms()
        if record.order_key is None or (loaded.busy and not record.as_of_ms):
            return False  # there is nothing to ask for, or its first writer is about to
        in_doubt = any(
            wish.phase is Phase.SENT and record.as_of_ms < wish.at_ms + self._settle_ms
            for wish in record.wishes
        )
        left_since = record.as_of_ms < (record.checkout_at_ms or 0) <= now_ms
        return in_doubt or left_since or not self._is_fresh(loaded, record)

    def _cart(self, loaded: Loaded, error: CartProxyError | None = None) -> Cart:
        record = loaded.record or Record()
        as_of_ms = record.as_of_ms or loaded.now_ms()
        stale = error is not None or record.owes
        return Cart(record.shown, self._currency, as_of_ms, stale, record.changes)


def _is_refused(call: Callable[[], None]) -> bool:
    try:
        call()
    except StoreError as error:
        return isinstance(error, StoreRejected)
    return False


def _known(loaded: Loaded) -> Record:
    """The record with what dead writers may have sent, by a clock that may have been set back."""
    return believed(inherited(loaded.record or Record(), loaded.at_ms), loaded.at_ms)


def _check(terms: Terms, cart: Cart) -> None:
    """Raise PreconditionFailed where `If-Match` names another cart."""
    if terms.if_match is not None and not {"*", cart.etag} & set(terms.if_match):
        raise PreconditionFailed(cart)


def _plain(quantity: Decimal) -> str:
    """A quantity in one spelling only: 2 for 2.0, 10 for 1E+1."""
    return f"{quantity.normalize():f}"


def _quantities_behind(write: Write, item_id: str) -> Collection[str]:
    """The quantities to which changes behind this one set the same line."""
    waiting = (label.split(" ") for label in write.behind if label)
    return [quantity for line_id, quantity in waiting if line_id == item_id]
