"""Adding items exactly once, to a store that is not idempotent and whose answers get lost."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import partial

from cartproxy.carts.batch import Batch
from cartproxy.carts.doubt import Doubt, find_line
from cartproxy.carts.errors import Outcome, OutcomeUnknown, StoreError, StoreNotFound
from cartproxy.carts.models import NewItem, Snapshot
from cartproxy.carts.record import Record
from cartproxy.store.client import StoreClient
from cartproxy.store.limits import Allowance


class Additions:
    """One request's items on their way into one cart.

    An add whose answer is lost is settled at once by reading the cart. Where that can't tell,
    since the store may still apply it, the rest is not tried and `doubt` says what is open.
    `written` are the lines made, with the quantity they have now, `growth` by how much they grew;
    `read` is the cart as last read, while nothing was added since.
    """

    def __init__(
        self,
        store: StoreClient,
        record: Record,
        items: Sequence[NewItem],
        allowance: Allowance,
        earlier: Doubt | None = None,
    ) -> None:
        self._store = store
        self._key = record.order_key
        self._items = tuple(items)
        self._allowance = allowance
        self._known = record.quantities()
        self._found = dict(earlier.found) if earlier else {}
        self._waiting_since_ms = earlier.since_ms if earlier else None
        self.written: dict[str, NewItem] = {}
        self.growth: dict[str, Decimal] = {}
        self.batch = Batch()
        self.read: Snapshot | None = None

    def run(self) -> Batch:
        """Add what is not in the cart yet. Raises nothing: failures stand in the batch."""
        self._waiting_since_ms = None
        for index, item in enumerate(self._items):
            if index in self._found:
                self.batch.run(partial(self._found.__getitem__, index))
            else:
                self.batch.run(partial(self._add, index, item))
        return self.batch

    def wait_longer(self, retry_after: int, read: Snapshot) -> Batch:
        """Add nothing: report what has been found, and that the rest is not known yet."""
        self.read = read

        def unknown() -> str:
            raise OutcomeUnknown(retry_after=retry_after)

        for index in range(len(self._items)):
            found = partial(self._found.__getitem__, index)
            self.batch.run(found if index in self._found else unknown)
        return self.batch

    def doubt(self, entry: str, now_ms: int) -> Doubt | None:
        """What is open; None when all is known. Waiting longer makes no doubt any younger."""
        if not self.batch.unknown:
            return None
        since_ms = self._waiting_since_ms or now_ms
        return Doubt(entry, since_ms, self._items, self._known, self._found)

    def _add(self, index: int, item: NewItem) -> str:
        try:
            item_id = self._store.add_item(self._key, item, self._allowance)
            self.read = None
        except StoreError as error:
            if error.outcome is not Outcome.UNKNOWN:
                raise
            item_id = self._settle(item, error)
        self._found[index] = item_id
        for counted in (self._known, self.growth):
            counted[item_id] = counted.get(item_id, Decimal(0)) + item.quantity
        self.written[item_id] = NewItem(item.catalog_id, self._known[item_id], item.options)
        return item_id

    def _settle(self, item: NewItem, error: StoreError) -> str:
        """The line that the lost add has made. Raises the error, or OutcomeUnknown, without one."""
        try:
            self.read = self._store.get_cart(self._key, self._allowance)
        except StoreNotFound:
            raise
        except StoreError:
            raise OutcomeUnknown(because=error) from None
        line = find_line(self.read, item, self._known, ())
        if line is not None:
            return line.item_id
        if error.answered:
            # The store has finished with the call, and the line is not there.
            error.settle_as_not_applied()
            raise error
        raise OutcomeUnknown(because=error)
