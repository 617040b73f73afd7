"""What a cart looks like: as it is known here, or as the store has it now."""

from __future__ import annotations

import time

from cartproxy.carts.answers import Terms, reported
from cartproxy.carts.drive import Drive
from cartproxy.carts.fold import as_asked, believed, inherited, with_likely_lines
from cartproxy.carts.plan import Aim
from cartproxy.deadline import Deadline
from cartproxy.errors import CartProxyError
from cartproxy.metrics import count_cart, count_pending
from cartproxy.model.cart import EMPTY, Cart, Currency, LineItem, Restored
from cartproxy.model.changes import differences
from cartproxy.model.copies import replace
from cartproxy.model.order import Ordered
from cartproxy.model.record import Record
from cartproxy.model.wishes import KEYLESS, Phase
from cartproxy.records.form import Loaded
from cartproxy.records.records import Records, Write
from cartproxy.store.client import StoreClient
from cartproxy.store.limits import CHECKOUT, REREAD, Share

_SHARED_READ_POLL_SECONDS = 0.03


class Readings:
    """The readings of one store's carts. May raise StorageError and StoreError."""

    def __init__(
        self,
        store: StoreClient,
        records: Records,
        currency: Currency,
        *,
        fresh_seconds: float,
        settle_seconds: float,
    ) -> None:
        """A snapshot is fresh for `fresh_seconds`. After `settle_seconds` a lost add that the cart
        does not show is absent.
        """
        self._store = store
        self._records = records
        self._currency = currency
        self.fresh_ms = int(fresh_seconds * 1000)
        self.settle_ms = int(settle_seconds * 1000)

    def nothing(self) -> Cart:
        """The cart of a shopper who has none."""
        return Cart(EMPTY, self._currency, int(time.time() * 1000))

    def is_fresh(self, loaded: Loaded, record: Record) -> bool:
        """Whether the snapshot may be shown without asking the store."""
        return not record.outdated and loaded.now_ms() - record.as_of_ms < self.fresh_ms

    def must_ask(self, loaded: Loaded) -> bool:
        """Whether a look needs the store: the snapshot is old, or an add is in doubt, or the
        shopper left to pay since and may come back from an order.
        """
        record, now_ms = known(loaded), loaded.now_ms()
        if record.order_key is None or (loaded.busy and not record.as_of_ms):
            return False  # there is nothing to ask for, or its first writer is about to
        left_since = record.as_of_ms < (record.checkout_at_ms or 0) <= now_ms
        return self.is_in_doubt(record) or left_since or not self.is_fresh(loaded, record)

    def is_in_doubt(self, record: Record) -> bool:
        """Whether the last reading came too early to tell what became of something sent."""
        return any(
            wish.phase is Phase.SENT and record.as_of_ms < wish.at_ms + self.settle_ms
            for wish in record.wishes
        )

    def attempt(self, loaded: Loaded, record: Record, terms: Terms, share: Share = REREAD) -> Drive:
        """Only a reading, which does not wait if there is something to show."""
        aim = Aim(KEYLESS, halted=True, newer_than_ms=loaded.now_ms())
        waits = share is not REREAD or not record.as_of_ms
        allowance = self._store.allow(1, terms.deadline, share, waits=waits, payers=terms.payers)
        return Drive(self._store, record, aim, allowance, loaded.now_ms, self.settle_ms).run()

    def look(
        self, session: str, loaded: Loaded, terms: Terms, *, before_paying: bool = False
    ) -> tuple[Loaded, CartProxyError | None]:
        """The cart as the store has it now, read without holding it; and why it could not be read.

        It is `busy` if a write came in between, whose adds may have been taken for others.
        `before_paying`: what is worse than the shopper was shown goes into the record's changes.
        """
        record = known(loaded)
        if record.order_key is None:
            return loaded, None
        looking = self.attempt(loaded, record, terms, CHECKOUT if before_paying else REREAD)
        if looking.stopped:
            return loaded, looking.stopped
        fresh, _ = self.reported(looking.record)
        if before_paying:
            fresh = with_worse(fresh, as_asked(record, looking.record))
        left = None if fresh.is_blank else fresh
        is_alone = self._records.refresh(session, loaded, left)
        return replace(loaded, record=left, busy=not is_alone), None

    def shared(
        self, write: Write, wrote_ms: int, terms: Terms
    ) -> tuple[Loaded, CartProxyError | None]:
        """The cart as a write behind this one reads it; otherwise as this one reads it."""
        ends = Deadline.after(min(self._records.wait_seconds, terms.deadline.remaining()))
        seen: Loaded | None = None
        while True:
            loaded = self._records.load(write.name)
            record = loaded.record
            if record is None or (not record.outdated and record.as_of_ms >= wrote_ms):
                return loaded, None
            is_over = ends.remaining() <= 0
            if seen and is_over:
                return seen, None
            if is_over or not loaded.busy:
                # The write behind this one has ended without a reading.
                seen, error = self.look(write.name, loaded, terms)
                if error or not seen.busy:
                    return seen, error
            else:
                time.sleep(_SHARED_READ_POLL_SECONDS)

    def cart(
        self,
        loaded: Loaded,
        error: CartProxyError | None = None,
        ordered: Ordered | None = None,
    ) -> Cart:
        """The cart for an answer; stale if an `error` kept the store from being read."""
        record = loaded.record or Record()
        # Clients keep the newest answer: that of a first write under way will be newer than this.
        began_ms = loaded.now_ms() - (self._records.lease_ms if loaded.busy else 0)
        as_of_ms = record.as_of_ms or began_ms
        putting_back = any(w.owed and w.is_open and not w.is_new for w in record.wishes)
        stale = error is not None or putting_back
        return Cart(record.shown, self._currency, as_of_ms, stale, record.changes, ordered)

    def reported(self, record: Record) -> tuple[Record, Restored | None]:
        """As `answers.reported`, and counted."""
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


def known(loaded: Loaded) -> Record:
    """The record with what dead writers may have sent, by a clock that may have been set back."""
    return believed(inherited(loaded.record or Record(), loaded.at_ms), loaded.at_ms)


def shown_line(loaded: Loaded, item_id: str) -> LineItem | None:
    """A line as the shopper sees it, by any id that it has had."""
    record = known(loaded)
    return record.shown.item(record.current_id(item_id))


def with_worse(record: Record, shown: Record) -> Record:
    """The record with what is worse in it than was shown of the same cart, in its changes."""
    if record.order_key != shown.order_key:
        return record
    record = with_likely_lines(record)  # the shopper would pay for them
    known = {each.item_id for each in record.changes}
    worse = differences(shown, record.snapshot)
    new = (each for each in worse if each.item_id not in known)
    return replace(record, changes=(*record.changes, *new))
