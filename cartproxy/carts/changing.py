"""Changing quantities: of bursts only the last is made, and only lines of this cart are named."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import partial

from cartproxy.carts.batch import Batch
from cartproxy.carts.contract import Preferences, Written
from cartproxy.carts.errors import ItemGone, ItemNotFound
from cartproxy.carts.revival import Revival
from cartproxy.carts.writing import Writing
from cartproxy.deadline import Deadline
from cartproxy.model.cart import Cart, ItemResult, NewItem, QuantityChange
from cartproxy.model.keys import Intent, KeptAnswer
from cartproxy.records.record import Record
from cartproxy.records.records import Write
from cartproxy.store.errors import StoreNotFound
from cartproxy.store.limits import Allowance


class Changing(Writing):
    """The use case of the quantity field and the remove button."""

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
        batch, written = self._run_changes(record, changes, revival, allowance)
        if record and batch.found_gone and self._read_key(record, allowance) is None:
            # Not the line but the whole cart has gone.
            if self._is_finished(record):
                self._count_order(record)
                write.forget(None)
                raise batch.failure()
            revival = self._renew(record, allowance)
            record = revival.record
            batch, written = self._run_changes(record, changes, revival, allowance)
        if record is None:
            raise batch.failure()
        record = record.wrote(written)
        if not batch.applied:
            write.save(record if not batch.touched else record.outdate(), None)
            raise batch.failure()
        answer = KeptAnswer(batch.results)
        return self._finish(write, record, answer, allowance, preferences, revival)

    def _run_changes(
        self,
        record: Record | None,
        changes: Sequence[QuantityChange],
        revival: Revival | None,
        allowance: Allowance,
    ) -> tuple[Batch, dict[str, NewItem]]:
        batch = Batch()
        written: dict[str, NewItem] = {}
        for asked in changes:
            change = revival.translate(asked) if revival else asked
            batch.run(partial(self._change_one, record, change, written, allowance))
        return batch, written

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

    def _after_others(
        self, session: str, write: Write, deadline: Deadline, item_id: str, quantities: set[str]
    ) -> Cart | None:
        """The cart once a later change of the line shows in it; None when none does in time."""
        cart = self._shared_reading(write, write.loaded.now_ms(), deadline)
        line = cart.snapshot.item(item_id)
        shown = _plain(line.quantity) if line else "0"
        return cart if shown in quantities else None


def _plain(quantity: Decimal) -> str:
    """A quantity in one spelling only: 2 for 2.0, 10 for 1E+1."""
    return f"{quantity.normalize():f}"


def _overtaking(changes: Sequence[QuantityChange], write: Write) -> set[str]:
    """The quantities to which changes behind this one set the same line."""
    if len(changes) != 1:
        return set()
    waiting = (label.split(" ") for label in write.behind if label)
    return {quantity for item_id, quantity in waiting if item_id == changes[0].item_id}
