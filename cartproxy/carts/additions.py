"""Adding items exactly once, to a store that is not idempotent and whose answers get lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from cartproxy.carts.batch import Batch
from cartproxy.carts.doubt import Doubt, newly_found, settle
from cartproxy.carts.errors import OutcomeUnknown
from cartproxy.errors import Outcome
from cartproxy.metrics import count_doubts
from cartproxy.model.cart import NewItem
from cartproxy.records.record import Record
from cartproxy.store.client import StoreClient
from cartproxy.store.errors import StoreError, StoreNotFound
from cartproxy.store.limits import Allowance


class Additions:
    """One request's items on their way into one cart.

    An add whose answer is lost is settled at once by reading the cart. Where that can't tell,
    since the store may still apply it, the rest is not tried and `doubt` says what is open.
    `record` is the cart's record with all that is known; `earlier` what a former attempt with the
    same key has left in doubt. `now_ms` tells Redis' time.
    """

    def __init__(
        self,
        store: StoreClient,
        record: Record,
        items: Sequence[NewItem],
        allowance: Allowance,
        now_ms: Callable[[], int],
        earlier: Doubt | None = None,
    ) -> None:
        self._store = store
        self._items = tuple(items)
        self._allowance = allowance
        self._now_ms = now_ms
        self._found = dict(earlier.found) if earlier else {}
        self._waiting_since_ms = earlier.since_ms if earlier else None
        others = (each for each in record.doubts if not (earlier and each.entry == earlier.entry))
        self.record = record.with_doubts(tuple(others))
        self.batch = Batch()

    def run(self) -> Batch:
        """Add what is not in the cart yet. Raises nothing: failures stand in the batch."""
        self._waiting_since_ms = None
        for index, item in enumerate(self._items):
            if index in self._found:
                self.batch.run(partial(self._found.__getitem__, index))
            else:
                self.batch.run(partial(self._add, index, item))
        return self.batch

    def wait_longer(self, retry_after: int) -> Batch:
        """Add nothing: report what has been found, and that the rest is not known yet."""

        def unknown() -> str:
            raise OutcomeUnknown(retry_after=retry_after)

        for index in range(len(self._items)):
            found = partial(self._found.__getitem__, index)
            self.batch.run(found if index in self._found else unknown)
        return self.batch

    @property
    def waits(self) -> bool:
        """Whether what is open is an earlier doubt, and no new one."""
        return self._waiting_since_ms is not None

    def doubt(self, entry: str) -> Doubt | None:
        """What is open; None when all is known. Waiting longer makes no doubt any younger."""
        if not self.batch.unknown:
            return None
        since_ms = self._waiting_since_ms or self._now_ms()
        return Doubt(entry, since_ms, self._items, self._found)

    def _add(self, index: int, item: NewItem) -> str:
        try:
            item_id = self._store.add_item(self.record.order_key, item, self._allowance)
        except StoreError as error:
            if error.outcome is not Outcome.UNKNOWN:
                raise
            item_id = self._settle(item, error)
        else:
            quantity = self.record.quantity(item_id) + item.quantity
            line = NewItem(item.catalog_id, quantity, item.options)
            self.record = self.record.wrote({item_id: line})
        self._found[index] = item_id
        return item_id

    def _settle(self, item: NewItem, error: StoreError) -> str:
        """The line that the lost add has made. Raises the error, or OutcomeUnknown, without one."""
        began_ms = self._now_ms()
        try:
            snapshot = self._store.get_cart(self.record.order_key, self._allowance)
        except StoreNotFound:
            raise
        except StoreError:
            raise OutcomeUnknown(because=error) from None
        this = Doubt("", began_ms, (item,))
        *others, this = settle((*self.record.doubts, this), self.record.quantities(), snapshot)
        found = newly_found(self.record.doubts, others)
        count_doubts(self._store.id, "settled_applied", found)
        self.record = self.record.read(snapshot, began_ms, (*others, this))
        self.record = self.record.with_doubts(tuple(others))
        if this.found:
            return this.found[0]
        if error.answered:
            # The store has finished with the call, and the line is not there.
            error.settle_as_not_applied()
            raise error
        raise OutcomeUnknown(because=error)
