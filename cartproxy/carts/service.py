"""The use cases: what a shopper can do with a cart, in store calls and Redis round trips.

A first add is create + add + read, a later write is write + read, and a read while the snapshot is
fresh is no store call at all. Writes that wait for one cart share one read-back. If the store's
calls are scarce the read is left out. If there are none, writes are kept as owed wishes until the
checkout, or until the store has calls to spare.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from decimal import Decimal
from functools import partial

from cartproxy.carts.answers import (
    Sending,
    Terms,
    Written,
    closed,
    now_of,
    results_of,
)
from cartproxy.carts.customers import Customers
from cartproxy.carts.deferral import Adds, Deferral, is_kept
from cartproxy.carts.drive import Drive
from cartproxy.carts.errors import (
    CartChanged,
    CartEmpty,
    NothingApplied,
    OutcomeUnknown,
    PreconditionFailed,
)
from cartproxy.carts.fold import (
    as_asked,
    asking,
    feared,
    still_owing,
    vanished,
    wishing,
)
from cartproxy.carts.plan import Aim, foreseen, takes_nothing
from cartproxy.carts.reading import Readings, known, shown_line, with_worse
from cartproxy.deadline import Deadline
from cartproxy.errors import CartProxyError, Outcome
from cartproxy.metrics import count_cart
from cartproxy.model.cart import (
    Addresses,
    Cart,
    ItemResult,
    LineState,
    NewItem,
    QuantityChange,
    plain,
)
from cartproxy.model.copies import replace
from cartproxy.model.keys import Intent, KeptAnswer
from cartproxy.model.order import Ordered
from cartproxy.model.record import BLANK, Record
from cartproxy.model.wishes import KEYLESS, Phase
from cartproxy.records.errors import CartBusy
from cartproxy.records.form import Loaded
from cartproxy.records.locks import Locks
from cartproxy.records.records import Records, Write
from cartproxy.records.sales import Sales
from cartproxy.storage.errors import StorageError, StorageFull
from cartproxy.store.client import StoreClient
from cartproxy.store.errors import (
    StoreBadCheckoutUrl,
    StoreBadResponse,
    StoreBusy,
    StoreError,
    StoreNotFound,
    StoreRejected,
)
from cartproxy.store.limits import (
    ADD,
    CHANGE,
    CHECKOUT,
    FIRST_ADD,
    OWED,
    Allowance,
    Payer,
    Share,
)

_MOST_LEFT = 16  # adds whose answer waits for a reading; `closed` keeps twice as many requests
_NEW_CART_SECONDS = 3600  # longer than a proxy holds back an answer


class CartService:
    """The carts of one store. Every `session` is a record's name (`records.names`).

    All methods may raise StorageError and StoreError; writes also CartBusy, PreconditionFailed,
    RequestInProgress, IdempotencyKeyReused and RateLimited.
    """

    def __init__(
        self,
        store: StoreClient,
        records: Records,
        readings: Readings,
        deferral: Deferral,
        locks: Locks,
        *,
        sales: Sales | None = None,
        customers: Customers | None = None,
    ) -> None:
        """`sales` are given if the store reports its orders, `customers` if a caller may name one
        by e-mail address.
        """
        self._store = store
        self._records = records
        self._readings = readings
        self._deferral = deferral
        self._locks = locks
        self._sales = sales
        self._customers = customers

    def nothing(self) -> Cart:
        """The cart of a shopper who has none."""
        return self._readings.nothing()

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
        asks = revalidate or self._readings.must_ask(loaded)
        if sent is not None:
            loaded, asks = sent, bool(sent.record and sent.record.outdated)
        if asks:
            loaded, error = self._readings.look(session, loaded, terms)
        record = known(loaded)
        if error and ordered is None and not (record.as_of_ms or record.shown.items):
            raise error
        return self._readings.cart(loaded, error, ordered)

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
            record = known(write.loaded)
            if record.order_key is not None and is_key(record.order_key):
                paid = vanished(replace(record, checkout_at_ms=ordered.at_ms))
                self._close(write, paid, write.entry, None, Terms(deadline))
                count_cart(self._store.id, "ordered")
        self._records.note_order(session, order_id, ordered)

    def _send_in_idle_time(self, session: str, loaded: Loaded, terms: Terms) -> Loaded | None:
        """The cart with what was owed at the store, or None where that has to wait."""
        record = known(loaded)
        if (
            not any(map(is_kept, record.wishes))
            or loaded.busy
            or self._deferral.adds is Adds.DEFERRED
        ):
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
                begun = self._begun(write, terms)
                drive = self._send(write, begun, changes, terms)
                return self._end(write, drive, len(changes), terms, begun=begun)
            write.release()
        loaded, error = self._readings.shared(write, write.loaded.now_ms(), terms)
        cart = self._readings.cart(loaded, error)
        line, before = (shown_line(each, first.item_id) for each in (loaded, write.loaded))
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
                aim = replace(aim, newer_than_ms=aim.began_ms - self._readings.fresh_ms)
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
                self._deferral.note_end(write, left, terms)
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
        looks = 0
        while looks < 2 and not _is_to_be_sent(loaded) and self._readings.must_ask(loaded):
            loaded, error = self._readings.look(session, loaded, terms, before_paying=True)
            looks += 1
            now = self._records.load(session)
            # Something was written, or the cart seen to be gone, during the call.
            if known(now).owes or (loaded.busy and not error and looks < 2):
                loaded = now
            else:
                break
        if _is_to_be_sent(loaded):
            outcome = self._send_owed(session, terms)
            if isinstance(outcome, Sending):
                return outcome
            loaded, error = outcome, None
        record = loaded.record or Record()
        if not record.snapshot.items:
            raise error or CartEmpty("The cart is empty.")
        cart = self._readings.cart(loaded, error)
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
            left_ms = max(doubts, default=0) + self._readings.settle_ms - write.loaded.now_ms()
            wait = (error and error.retry_after) or max(1, -(-left_ms // 1000))
            return Sending(sent, len(wishes), wait)

    def _aim_of_owed(self, entry: str, loaded: Loaded, record: Record) -> Aim:
        """To send what is owed, after a reading if an earlier sender's answer is missing."""
        began_ms = loaded.now_ms()
        return Aim(
            entry, began_ms, newer_than_ms=began_ms if self._readings.is_in_doubt(record) else 0
        )

    def _sent(
        self, write: Write, drive: Drive, terms: Terms, *, before_paying: Record | None = None
    ) -> tuple[Loaded, bool]:
        """The cart after a drive for what is owed, and whether all of it is known and read back.

        `before_paying` is the cart before: what is worse in it now goes into the record's changes.
        """
        record, _ = self._readings.reported(drive.record)
        is_whole = not (record.owes or record.outdated)
        if is_whole and before_paying:
            record = with_worse(record, as_asked(before_paying, drive.record))
        record = self._close(write, record, write.entry, None, terms)
        return replace(write.loaded, record=record), is_whole

    def _begun(self, write: Write, terms: Terms) -> Record:
        """The record a write begins with, once `If-Match` is checked."""
        loaded = write.loaded
        record = seen = known(loaded)
        if terms.if_match is None:
            return record
        if record.order_key is not None and not self._readings.is_fresh(loaded, record):
            looking = self._readings.attempt(loaded, record, terms)
            if looking.stopped and not self._deferral.defers(looking.stopped):
                raise looking.stopped
            seen = looking.record
        # One that has vanished is judged as the shopper saw it.
        cart = self._readings.cart(
            replace(loaded, record=record if seen.order_key is None else seen)
        )
        _check(terms, cart)
        return replace(seen, changes=()) if cart.etag in terms.if_match else seen

    def _send(
        self, write: Write, record: Record, parts: Sequence[NewItem | QuantityChange], terms: Terms
    ) -> Drive:
        """The parts of a request on their way, and all that is owed."""
        aim = self._aim(write, terms)
        if self._deferral.adds is Adds.DEFERRED:
            aim = replace(aim, halted=True, look=False)
        shown = record.shown
        for part in parts:
            if isinstance(part, QuantityChange) and not shown.item(record.current_id(part.item_id)):
                aim = replace(aim, newer_than_ms=aim.began_ms - self._readings.fresh_ms)
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
        waits = self._deferral.adds is Adds.DIRECT
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

        def checked_out() -> int | None:
            with suppress(StorageError):
                now = self._records.load(write.name).record
                if now and now.order_key == record.order_key:
                    return now.checkout_at_ms
            return None

        now_ms, settle_ms = write.loaded.now_ms, self._readings.settle_ms
        more = (aim, allowance, now_ms, settle_ms, keep, terms.admit_creation, checked_out)
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

    def _end(
        self,
        write: Write,
        drive: Drive,
        parts: int,
        terms: Terms,
        *,
        begun: Record = BLANK,
        created: bool = False,
    ) -> Written:
        """Save the cart after a write, and answer with it if it is wanted."""
        error: CartProxyError | None
        record = still_owing(self._deferral.owing(write, drive, terms), write.entry, begun)
        results, error = results_of(record, drive, parts)
        if drive.aim.addresses or (drive.record.order_key is None and not parts):
            error = drive.stopped
        record, restored = self._readings.reported(record)
        shares = write.behind and record.outdated and not (terms.minimal or error)
        shares = shares and not (drive.is_scarce or any(_is_pending(each) for each in results))
        # A confirmed line is left to the reading of the write behind this one: it may not be there.
        # Not where many are left already: of too many, `closed` forgets the first.
        entries = {wish.entry for wish in record.wishes}
        left = shares and write.entry in entries and len(entries) <= _MOST_LEFT
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
                loaded, stale = self._readings.shared(write, wrote_ms, terms)
            except StorageError as failed:  # the write is saved and must not be reported as failed
                stale = failed
        if left and loaded.record:
            if any(wish.entry == write.entry for wish in loaded.record.wishes):
                results, error = results_of(loaded.record, drive, parts)
            elif write.loaded.now_ms() - wrote_ms >= self._readings.settle_ms:
                error = OutcomeUnknown()  # another write has read the cart: with it or without
            if error:
                raise error
        return Written(self._readings.cart(loaded, stale), results, created, restored=restored)

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
        self._deferral.note_end(write, record, terms)
        return record

    def _replay(self, write: Write, answer: KeptAnswer) -> Written:
        """The kept answer to the same request, as it is true now, with the cart as last read."""
        record = known(write.loaded)
        results = tuple(now_of(result, record) for result in answer.results)
        if results and all(each.outcome is Outcome.NOT_APPLIED for each in results):
            raise NothingApplied(StoreRejected("The store has refused it since."), results)
        return Written(self._readings.cart(write.loaded), results, answer.created, replayed=True)


def _is_refused(call: Callable[[], None]) -> bool:
    try:
        call()
    except StoreError as error:
        return isinstance(error, StoreRejected)
    return False


def _is_to_be_sent(loaded: Loaded) -> bool:
    """Whether something is owed to the store, or has been sent to it and not been read back."""
    record = known(loaded)
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


def _quantities_behind(write: Write, item_id: str) -> Collection[str]:
    """The quantities to which changes behind this one set the same line."""
    waiting = (label.split(" ") for label in write.behind if label)
    return [quantity for line_id, quantity in waiting if line_id == item_id]
