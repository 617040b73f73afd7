"""The use cases: what a shopper can do with a cart, in store calls and Redis round trips.

A first add is create + add + read, a later write is write + read, and a read while the snapshot is
fresh is no store call at all. Writes that wait for one cart share one read-back. If the store's
calls are scarce the read is left out. If there are none, writes are kept as owed wishes until the
checkout, or until the store has calls to spare.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from decimal import Decimal
from enum import StrEnum
from functools import partial

from cartproxy.carts.answers import (
    Sending,
    Terms,
    Written,
    closed,
    now_of,
    reported,
    results_of,
)
from cartproxy.carts.customers import Customers
from cartproxy.carts.drive import Drive
from cartproxy.carts.errors import (
    CartChanged,
    CartEmpty,
    ItemRefused,
    PreconditionFailed,
)
from cartproxy.carts.fold import (
    as_asked,
    asking,
    believed,
    feared,
    inherited,
    owing,
    vanished,
    wishing,
)
from cartproxy.carts.plan import Aim, foreseen, takes_nothing
from cartproxy.carts.products import ProductCatalogue
from cartproxy.deadline import Deadline
from cartproxy.errors import CartProxyError, Outcome
from cartproxy.metrics import count_cart, count_pending, count_saved
from cartproxy.model.cart import (
    EMPTY,
    Addresses,
    Cart,
    Currency,
    ItemResult,
    LineItem,
    LineState,
    NewItem,
    QuantityChange,
    Restored,
    plain,
)
from cartproxy.model.changes import differences
from cartproxy.model.copies import replace
from cartproxy.model.keys import Intent, KeptAnswer
from cartproxy.model.order import Ordered
from cartproxy.model.record import Record
from cartproxy.model.wishes import KEYLESS, Phase, Wish
from cartproxy.records.errors import CartBusy
from cartproxy.records.form import Loaded
from cartproxy.records.locks import Locks
from cartproxy.records.pending import PendingCarts
from cartproxy.records.records import Records, Write
from cartproxy.records.sales import Sales
from cartproxy.storage.errors import StorageError, StorageFull
from cartproxy.store.client import StoreClient
from cartproxy.store.errors import (
    StoreAway,
    StoreBadCheckoutUrl,
    StoreBadResponse,
    StoreBusy,
    StoreError,
    StoreNotFound,
    StoreRejected,
    StoreUnreachable,
)
from cartproxy.store.limits import (
    ADD,
    CHANGE,
    CHECKOUT,
    FIRST_ADD,
    OWED,
    REREAD,
    Allowance,
    Payer,
    Share,
)

MOST_PENDING = 50  # lines of a cart that wait for the store
MOST_PENDING_BYTES = 10_000  # of what was typed into their options
_SHARED_READ_POLL_SECONDS = 0.03
_NEW_CART_SECONDS = 3600  # longer than a proxy holds back an answer


class Adds(StrEnum):
    """When a shopper's changes are sent to the store."""

    DIRECT = "direct"  # at once, or the shopper is refused
    WHEN_BUSY = "when_busy"  # at once while the store has calls to spare
    DEFERRED = "deferred"  # at the checkout


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
        products: ProductCatalogue,
        pending: PendingCarts,
        locks: Locks,
        adds: Adds = Adds.WHEN_BUSY,
        sales: Sales | None = None,
        customers: Customers | None = None,
    ) -> None:
        """A snapshot is fresh for `fresh_seconds`. After `settle_seconds` a lost add that the cart
        does not show is absent. `adds` says when writes are sent to the store. `sales` are given if
        the store reports its orders, `customers` if a caller may name one by e-mail address.
        """
        self._store = store
        self._records = records
        self._currency = currency
        self._products = products
        self._pending = pending
        self._locks = locks
        self._adds = adds
        self._sales = sales
        self._customers = customers
        self._fresh_ms = int(fresh_seconds * 1000)
        self._settle_ms = int(settle_seconds * 1000)

    def nothing(self) -> Cart:
        """The cart of a shopper who has none."""
        return Cart(EMPTY, self._currency, int(time.time() * 1000))

    def key_of_form(self, session: str, body: bytes) -> str | None:
        """The key under which a form is posted: that of the same body, if that came just now.

        None where there is no cart yet, and so nothing that a second post could add to.
        """
        return self._records.key_of_form(session, body) if self._records.exists(session) else None

    def read(
        self,
        session: str,
        deadline: Deadline,
        *,
        revalidate: bool = False,
        payers: Sequence[Payer] = (),
    ) -> Cart:
        """The cart: from the snapshot while that is fresh, and while the store can't be asked.

        `revalidate` asks the store in any case. Creates nothing: without a cart it is empty. Sends
        what is owed if the store has calls to spare. Raises StoreError if there is no snapshot yet.
        """
        loaded = self._records.load(session, showing_order=self._sales is not None)
        ordered, error = loaded.ordered, None
        terms = Terms(deadline, payers=payers)
        sent = self._send_in_idle_time(session, loaded, terms)
        asks = revalidate or self._must_ask(loaded)
        if sent is not None:
            loaded, asks = sent, _known(sent).outdated
        if asks:
            loaded, error = self._look(session, loaded, terms)
        nothing_known = not (known := _known(loaded)).as_of_ms and not known.shown.items
        if error and nothing_known and ordered is None:
            raise error
        return self._cart(loaded, error, ordered)

    def note_order(
        self,
        session: str,
        is_key: Callable[[str], bool],
        order_id: int,
        ordered: Ordered,
        deadline: Deadline,
    ) -> None:
        """The cart whose key this is was paid for: it is empty, and its next reading says so once.

        May be repeated. Raises CartBusy and StorageError.
        """
        with self._records.writing(session, deadline, Intent()) as write:
            record = _known(write.loaded)
            if record.order_key is not None and is_key(record.order_key):
                paid = vanished(replace(record, checkout_at_ms=ordered.at_ms))
                self._close(write, paid, write.entry, None, Terms(deadline))
                count_cart(self._store.id, "ordered")
        self._records.note_order(session, order_id, ordered)

    def _send_in_idle_time(self, session: str, loaded: Loaded, terms: Terms) -> Loaded | None:
        """The cart with what was owed at the store, or None where that has to wait."""
        record = _known(loaded)
        if not any(map(_is_kept, record.wishes)) or loaded.busy or self._adds is Adds.DEFERRED:
            return None
        aim = self._aim_of_owed(KEYLESS, loaded, record)
        calls = foreseen(record, aim)
        allowance = self._store.allow(
            calls, terms.deadline, OWED, waits=False, least=calls, payers=terms.payers
        )
        try:
            allowance.reserve()
            with self._records.writing(session, terms.deadline, Intent()) as write:
                drive = self._drive(write, self._begun(write, terms), aim, terms, allowance)
                return self._sent(write, drive, terms)[0]
        except (StoreError, CartBusy):
            return None

    def add(self, session: str, items: Sequence[NewItem], terms: Terms) -> Written:
        """Add items, each once and with its own result; makes the cart when there is none.

        An item that can't be sent to the store now is kept and owed, if it can be bought by its
        product as last read. Raises NothingApplied when every item failed, or none is known to have
        taken effect.
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
        label = f"{first.item_id} {plain(first.quantity)}" if len(changes) == 1 else ""
        with self._records.writing(session, terms.deadline, Intent(terms.key, label)) as write:
            if write.answer:
                return self._replay(write, write.answer)
            later = _quantities_behind(write, first.item_id) if label else ()
            if not later or terms.if_match is not None:
                drive = self._send(write, self._begun(write, terms), changes, terms)
                return self._end(write, drive, len(changes), terms)
            write.release()
        loaded, error = self._shared_reading(write, write.loaded.now_ms(), terms)
        cart = self._cart(loaded, error)
        line, before = (_shown(each, first.item_id) for each in (loaded, write.loaded))
        left = line.quantity if line else Decimal(0)
        if plain(left) not in later and before and left == before.quantity:
            # The later change did not succeed, so this one still has to be made.
            return self.change(session, changes, terms)
        is_pending = line is not None and line.state is LineState.PENDING
        result = ItemResult.pending if is_pending else ItemResult.applied
        answer = KeptAnswer((result(0, first.item_id),))
        if terms.key:
            with suppress(StorageError):  # what is done must not be reported as failed
                self._records.keep(session, terms.key, answer)
        return Written(None if terms.minimal else cart, answer.results)

    def write_addresses(
        self, session: str, addresses: Addresses, terms: Terms, *, create: bool = True
    ) -> Written:
        """Make the cart when there is none, and write the addresses. Raises AddressRejected.

        Without `create`, a customer without addresses makes no cart, but is kept for the next one.
        """
        with self._records.writing(session, terms.deadline, Intent(terms.key)) as write:
            if write.answer:
                return self._replay(write, write.answer)
            record = self._begun(write, terms)
            waits = False
            if self._customers and addresses.customer_email:
                email = addresses.customer_email
                customer_id = self._customers.id_of(email, terms.deadline, terms.payers)
                is_alone = not (create or addresses or record.order_key)
                addresses = replace(addresses, customer_id=customer_id, customer_email="")
                if is_alone:
                    record, waits = replace(record, customer_id=customer_id), True
            aim = self._aim(write, terms, addresses=addresses or None, create=True)
            if waits:
                aim = replace(aim, addresses=None, create=False, look=False, halted=True)
            elif not (addresses or terms.minimal):
                aim = replace(aim, newer_than_ms=aim.began_ms - self._fresh_ms)
            calls = foreseen(record, aim)
            allowance = self._store.allow(calls, terms.deadline, CHANGE, payers=terms.payers)
            drive = self._drive(write, record, aim, terms, allowance)
            return self._end(write, drive, 0, terms, created=_is_none(write.loaded.record))

    def delete(self, session: str, terms: Terms) -> None:
        """Delete the cart at the store and forget it here; none, or gone already, is fine."""
        try:
            with self._records.writing(session, terms.deadline, Intent(terms.key)) as write:
                if write.answer:
                    return
                record = self._begun(write, terms)
                self._delete_at_store(record, terms)
                # No later line gets a name that was used in this cart.
                left = Record(named=record.named)
                write.save(left, KeptAnswer()) if left.named else write.forget(KeptAnswer())
                self._note_pending(write, left, terms)
        except StorageFull:
            # There is no room for a lock, and deleting is what makes room.
            record = self._records.load(session).record or Record()
            self._delete_at_store(record, terms)
            self._records.discard(session)
        if record.order_key is not None:
            count_cart(self._store.id, "deleted")

    def _delete_at_store(self, record: Record, terms: Terms) -> None:
        if record.order_key is not None:
            allowance = self._store.allow(1, terms.deadline, CHANGE, payers=terms.payers)
            with suppress(StoreNotFound):
                self._store.delete_cart(record.order_key, allowance)

    def checkout(self, session: str, terms: Terms) -> str | Sending:
        """The store's checkout URL; the cart there never holds less than the shopper was shown.

        All that is owed is sent first. If the request's time ends before that, the answer says how
        many lines were sent, and the next request continues. While the store can't be asked, its
        last URL is used if the cart is complete. Raises CartEmpty, StoreBadCheckoutUrl, and
        CartChanged unless `if_match` names the cart as it is now.
        """
        loaded, error = self._records.load(session), None
        if not _is_to_be_sent(loaded) and self._must_ask(loaded):
            loaded, error = self._look(session, loaded, terms, before_paying=True)
            now = self._records.load(session)
            if _known(now).owes:
                loaded = now  # something was added, or the cart seen to be gone, during the call
        if _is_to_be_sent(loaded):
            outcome = self._send_owed(session, terms)
            if isinstance(outcome, Sending):
                return outcome
            loaded, error = outcome, None
        record = loaded.record or Record()
        if not record.snapshot.items:
            raise error or CartEmpty("The cart is empty.")
        cart = self._cart(loaded, error)
        if record.changes and cart.etag not in (terms.if_match or ()):
            raise CartChanged(cart)
        _check(terms, cart)
        if record.snapshot.checkout_url is None:
            raise error or StoreBadCheckoutUrl("The store gave no usable checkout address.")
        if record.changes:
            self._records.refresh(session, loaded, replace(record, changes=()))
        self._records.load(session, handing_out_checkout=True)
        if self._sales and record.order_key:
            with suppress(StorageError):  # the order will be nobody's, and the shopper can pay
                self._sales.hand_out(session, terms.site, record.order_key, record.lines())
        count_cart(self._store.id, "checkout")
        return record.snapshot.checkout_url

    def _send_owed(self, session: str, terms: Terms) -> Loaded | Sending:
        """Send what is owed, because the shopper wants to pay for it, and read the cart back.

        Raises what stops the store from being asked.
        """
        terms = Terms(terms.deadline, payers=terms.payers)
        with self._records.writing(session, terms.deadline, Intent()) as write:
            begun = self._begun(write, terms)
            aim = self._aim_of_owed(write.entry, write.loaded, begun)
            calls = foreseen(begun, aim)
            allowance = self._store.allow(calls, terms.deadline, CHECKOUT, payers=terms.payers)
            drive = self._drive(write, begun, aim, terms, allowance)
            loaded, is_whole = self._sent(write, drive, terms, before_paying=begun)
            if is_whole:
                return loaded
            wishes = [wish for wish in drive.record.wishes if wish.owed]
            error = drive.stopped
            if error is not None and not isinstance(error, StoreBusy):
                raise error
            sent = sum(not wish.is_open for wish in wishes)
            doubts = (wish.at_ms for wish in wishes if wish.phase is Phase.SENT)
            left_ms = max(doubts, default=0) + self._settle_ms - write.loaded.now_ms()
            wait = (error and error.retry_after) or max(1, -(-left_ms // 1000))
            return Sending(sent, len(wishes), wait)

    def _aim_of_owed(self, entry: str, loaded: Loaded, record: Record) -> Aim:
        """To send what is owed, after a reading if an earlier sender's answer is missing."""
        began_ms = loaded.now_ms()
        return Aim(entry, began_ms, newer_than_ms=began_ms if self._is_in_doubt(record) else 0)

    def _is_in_doubt(self, record: Record) -> bool:
        """Whether the last reading came too early to tell what became of something sent."""
        return any(
            wish.phase is Phase.SENT and record.as_of_ms < wish.at_ms + self._settle_ms
            for wish in record.wishes
        )

    def _sent(
        self, write: Write, drive: Drive, terms: Terms, *, before_paying: Record | None = None
    ) -> tuple[Loaded, bool]:
        """The cart after a drive for what is owed, and whether all of it is known and read back.

        `before_paying` is the cart before: what is worse in it now goes into the record's changes.
        """
        record, _ = self._reported(drive.record)
        is_whole = not (record.owes or record.outdated)
        if is_whole and before_paying:
            record = _with_worse(record, as_asked(before_paying, drive.record))
        record = self._close(write, record, write.entry, None, terms)
        return replace(write.loaded, record=record), is_whole

    def _begun(self, write: Write, terms: Terms) -> Record:
        """The record a write begins with, once `If-Match` is checked."""
        loaded = write.loaded
        record = seen = _known(loaded)
        if terms.if_match is None:
            return record
        if record.order_key is not None and not self._is_fresh(loaded, record):
            looking = self._looking(loaded, record, terms)
            if looking.stopped and not self._defers(looking.stopped):
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
        if self._adds is Adds.DEFERRED:
            aim = replace(aim, halted=True, look=False)
        shown = record.shown
        for part in parts:
            if isinstance(part, QuantityChange) and not shown.item(record.current_id(part.item_id)):
                aim = replace(aim, newer_than_ms=aim.began_ms - self._fresh_ms)
        record = asking(wishing(record, write.entry, parts))
        share = CHANGE if isinstance(parts[0], QuantityChange) else ADD
        return self._drive(write, record, aim, terms, self._allowance(record, aim, terms, share))

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

    def _allowance(self, record: Record, aim: Aim, terms: Terms, share: Share) -> Allowance:
        """The calls of a write, of which some may do where what is left is owed."""
        if share is ADD and record.order_key is None:
            share = FIRST_ADD  # so that a flood of new carts does not block existing ones
        waits = self._adds is Adds.DIRECT
        least = 0 if waits else 1 + (record.order_key is None)
        calls = foreseen(record, aim)
        return self._store.allow(
            calls, terms.deadline, share, waits=waits, least=least, payers=terms.payers
        )

    def _drive(
        self, write: Write, record: Record, aim: Aim, terms: Terms, allowance: Allowance
    ) -> Drive:
        def keep(made: Record) -> None:
            self._check_is_new(made.order_key or "")
            if made.wishes:
                until_ms = write.loaded.now_ms() + int(terms.deadline.remaining() * 1000)
                write.keep(feared(made, {write.entry}, until_ms))

        now_ms, settle_ms = write.loaded.now_ms, self._settle_ms
        more = (aim, allowance, now_ms, settle_ms, keep, terms.admit_creation)
        drive = Drive(self._store, record, *more).run()
        after_checkout = drive.record.checkout_at_ms is not None and not drive.aim.created
        refused = after_checkout and takes_nothing(drive.record, drive.aim)
        if refused and self._is_closed(drive.record, terms):
            count_cart(self._store.id, "ordered")
            return Drive(self._store, vanished(drive.record), *more).run()
        return drive

    def _check_is_new(self, order_key: str) -> None:
        """Raise StoreBadResponse where the store has given this new cart to another process too."""
        with suppress(StorageError):
            if not self._locks.take("cart", order_key, _NEW_CART_SECONDS):
                raise StoreBadResponse("The store's answer gives a new cart the key of another.")

    def _defers(self, error: CartProxyError | None) -> bool:
        """Whether what this error has kept from the store may be owed to it."""
        away = (StoreBusy, StoreAway, StoreUnreachable)
        return self._adds is not Adds.DIRECT and (error is None or isinstance(error, away))

    def _owing(self, write: Write, drive: Drive, terms: Terms) -> Record:
        """The record after a write; what could not be sent to the store is owed."""
        own = drive.own()
        if not own or not self._defers(drive.stopped) or any(w.phase is Phase.SENT for w in own):
            return drive.record
        waiting = [wish for wish in own if wish.waits and not wish.sets]
        if waiting and write.loaded.record is None and drive.record.order_key is None:
            terms.admit_creation()
        lines: dict[int, LineItem] = {}
        kept = [wish for wish in drive.record.wishes if _is_kept(wish)]
        room, room_bytes = MOST_PENDING - len(kept), MOST_PENDING_BYTES - sum(map(_typed, kept))
        if waiting and not kept and not self._pending.begin(write.name, _of(terms)):
            room = 0
        for wish in waiting:
            try:
                if room <= 0 or room_bytes < _typed(wish):
                    count_pending(self._store.id, "no_room")
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
        new = sum(map(_is_kept, record.wishes)) - len(kept)
        count_pending(self._store.id, "kept", new)
        count_saved(self._store.id, new and new + 1 + (record.order_key is None))
        return record

    def _note_pending(self, write: Write, record: Record, terms: Terms) -> None:
        """Stop counting a cart that no longer waits; that it waits was noted before."""
        before = (write.loaded.record or Record()).wishes
        if any(map(_is_kept, before)) and not any(map(_is_kept, record.wishes)):
            self._end_pending(write, terms)

    def _end_pending(self, write: Write, terms: Terms) -> None:
        with suppress(StorageError):  # it is counted until its life ends
            self._pending.end(write.name, _of(terms))

    def _looking(
        self, loaded: Loaded, record: Record, terms: Terms, share: Share = REREAD
    ) -> Drive:
        """Only a reading, which does not wait if there is something to show."""
        aim = Aim(KEYLESS, halted=True, newer_than_ms=loaded.now_ms())
        waits = share is not REREAD or not record.as_of_ms
        allowance = self._store.allow(1, terms.deadline, share, waits=waits, payers=terms.payers)
        return Drive(self._store, record, aim, allowance, loaded.now_ms, self._settle_ms).run()

    def _end(
        self, write: Write, drive: Drive, parts: int, terms: Terms, *, created: bool = False
    ) -> Written:
        """Save the cart after a write, and answer with it if it is wanted."""
        error: CartProxyError | None
        record = self._owing(write, drive, terms)
        results, error = results_of(record, drive, parts)
        if drive.aim.addresses or (drive.record.order_key is None and not parts):
            error = drive.stopped
        record, restored = self._reported(record)
        shares = write.behind and record.outdated and not (terms.minimal or error)
        shares = shares and not (drive.is_scarce or any(_is_pending(each) for each in results))
        # A confirmed line is left to the reading of the write behind this one: it may not be there.
        left = shares and any(wish.entry == write.entry for wish in record.wishes)
        unknown = any(result.outcome is Outcome.UNKNOWN for result in results)
        answer = None if error or unknown or left else KeptAnswer(results, created)
        wrote_ms = write.loaded.now_ms()
        record = self._close(write, record, "" if left else write.entry, answer, terms)
        if error:
            raise error
        if terms.minimal:
            return Written(None, results, created)
        loaded = replace(write.loaded, record=record)
        stale = drive.stopped if drive.stale else None
        if shares:
            try:
                loaded, stale = self._shared_reading(write, wrote_ms, terms)
            except StorageError as failed:  # the write is saved and must not be reported as failed
                stale = failed
        if left and loaded.record and any(w.entry == write.entry for w in loaded.record.wishes):
            results, error = results_of(loaded.record, drive, parts)
            if error:
                raise error
        return Written(self._cart(loaded, stale), results, created, restored=restored)

    def _close(
        self, write: Write, record: Record, own: str, answer: KeptAnswer | None, terms: Terms
    ) -> Record:
        """End a write, which leaves what is still open; the record as it is then."""
        record, others = closed(record, own)
        before = write.loaded.record
        if record.is_blank:
            write.forget(answer)
        elif before and before.as_of_ms == record.as_of_ms and before == record:
            write.release(answer)
        else:
            write.save(record, answer, others)
            if self._sales and _is_none(before) and not _is_none(record):
                with suppress(StorageError):
                    self._sales.count_cart(terms.site)
        self._note_pending(write, record, terms)
        return record

    def _look(
        self, session: str, loaded: Loaded, terms: Terms, *, before_paying: bool = False
    ) -> tuple[Loaded, CartProxyError | None]:
        """The cart as the store has it now, read without holding it; and why it could not be read.

        `before_paying`: what is worse than the shopper was shown goes into the record's changes.
        """
        record = _known(loaded)
        if record.order_key is None:
            return loaded, None
        looking = self._looking(loaded, record, terms, CHECKOUT if before_paying else REREAD)
        if looking.stopped:
            return loaded, looking.stopped
        fresh, _ = self._reported(looking.record)
        if before_paying:
            fresh = _with_worse(fresh, as_asked(record, looking.record))
        left = None if fresh.is_blank else fresh
        self._records.refresh(session, loaded, left)
        return replace(loaded, record=left), None

    def _shared_reading(
        self, write: Write, wrote_ms: int, terms: Terms
    ) -> tuple[Loaded, CartProxyError | None]:
        """The cart as a write behind this one reads it; otherwise as this one reads it."""
        ends = Deadline.after(min(self._records.wait_seconds, terms.deadline.remaining()))
        while True:
            loaded = self._records.load(write.name)
            record = loaded.record
            if record is None or (not record.outdated and record.as_of_ms >= wrote_ms):
                return loaded, None
            if ends.remaining() <= 0 or not loaded.busy:
                # The write behind this one has ended without a reading.
                return self._look(write.name, loaded, terms)
            time.sleep(_SHARED_READ_POLL_SECONDS)

    def _reported(self, record: Record) -> tuple[Record, Restored | None]:
        before = record.wishes
        record, restored = reported(record)
        if len(record.wishes) < len(before):
            new = [wish for wish in before if wish.is_new]
            count_pending(self._store.id, "sent", sum(wish.has_landed for wish in new))
            refused = sum(wish.phase is Phase.REFUSED for wish in new)
            count_pending(self._store.id, "refused", refused)
        if restored:
            count_cart(self._store.id, "restored_in_part" if restored.gone else "restored")
        return record, restored

    def _replay(self, write: Write, answer: KeptAnswer) -> Written:
        """The kept answer to the same request, as it is true now, with the cart as last read."""
        record = _known(write.loaded)
        results = tuple(now_of(result, record) for result in answer.results)
        return Written(self._cart(write.loaded), results, answer.created, replayed=True)

    def _is_fresh(self, loaded: Loaded, record: Record) -> bool:
        return not record.outdated and loaded.now_ms() - record.as_of_ms < self._fresh_ms

    def _must_ask(self, loaded: Loaded) -> bool:
        """Whether a look needs the store: the snapshot is old, or an add is in doubt, or the
        shopper left to pay since and may come back from an order.
        """
        record, now_ms = _known(loaded), loaded.now_ms()
        if record.order_key is None or (loaded.busy and not record.as_of_ms):
            return False  # there is nothing to ask for, or its first writer is about to
        left_since = record.as_of_ms < (record.checkout_at_ms or 0) <= now_ms
        return self._is_in_doubt(record) or left_since or not self._is_fresh(loaded, record)

    def _cart(
        self,
        loaded: Loaded,
        error: CartProxyError | None = None,
        ordered: Ordered | None = None,
    ) -> Cart:
        record = loaded.record or Record()
        as_of_ms = record.as_of_ms or loaded.now_ms()
        putting_back = any(w.owed and w.is_open and not w.is_new for w in record.wishes)
        stale = error is not None or putting_back
        return Cart(record.shown, self._currency, as_of_ms, stale, record.changes, ordered)


def _is_refused(call: Callable[[], None]) -> bool:
    try:
        call()
    except StoreError as error:
        return isinstance(error, StoreRejected)
    return False


def _known(loaded: Loaded) -> Record:
    """The record with what dead writers may have sent, by a clock that may have been set back."""
    return believed(inherited(loaded.record or Record(), loaded.at_ms), loaded.at_ms)


def _shown(loaded: Loaded, item_id: str) -> LineItem | None:
    """A line as the shopper sees it, by any id that it has had."""
    record = _known(loaded)
    return record.shown.item(record.current_id(item_id))


def _with_worse(record: Record, shown: Record) -> Record:
    """The record with what is worse in it than was shown of the same cart, in its changes."""
    if record.order_key != shown.order_key:
        return record
    known = {each.item_id for each in record.changes}
    worse = differences(shown, record.snapshot)
    new = (each for each in worse if each.item_id not in known)
    return replace(record, changes=(*record.changes, *new))


def _is_to_be_sent(loaded: Loaded) -> bool:
    """Whether something is owed to the store, or has been sent to it and not been read back."""
    record = _known(loaded)
    return record.owes or (record.outdated and any(wish.owed for wish in record.wishes))


def _check(terms: Terms, cart: Cart) -> None:
    """Raise PreconditionFailed where `If-Match` names another cart."""
    if terms.if_match is not None and not {"*", cart.etag} & set(terms.if_match):
        raise PreconditionFailed(cart)


def _is_none(record: Record | None) -> bool:
    """Whether there is no cart: it has not begun, or all that is left of it is what it was."""
    return record is None or (record.order_key is None and not record.wishes)


def _is_pending(result: ItemResult) -> bool:
    return result.outcome is Outcome.PENDING


def _is_kept(wish: Wish) -> bool:
    return wish.is_new and wish.is_open


def _typed(wish: Wish) -> int:
    """How many bytes the texts of its options have."""
    return sum(len(option.value.encode()) for option in wish.item.options)


def _of(terms: Terms) -> str | None:
    """The name under which the calls of the shopper's address are counted."""
    return next((payer.name for payer in terms.payers if payer.is_address), None)


def _quantities_behind(write: Write, item_id: str) -> Collection[str]:
    """The quantities to which changes behind this one set the same line."""
    waiting = (label.split(" ") for label in write.behind if label)
    return [quantity for line_id, quantity in waiting if line_id == item_id]
