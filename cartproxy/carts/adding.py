"""Adding items: into the cart, into a new one, or into one made anew, and each once."""

from __future__ import annotations

from collections.abc import Sequence

from cartproxy.carts.additions import Additions
from cartproxy.carts.contract import Preferences, Written
from cartproxy.carts.doubt import Doubt, item_as_json
from cartproxy.carts.errors import OutcomeUnknown
from cartproxy.carts.revival import Revival
from cartproxy.carts.writing import Writing
from cartproxy.deadline import Deadline
from cartproxy.metrics import count_doubts
from cartproxy.model.cart import Addresses, NewItem
from cartproxy.model.keys import Intent, KeptAnswer
from cartproxy.records.record import Record
from cartproxy.records.records import Write
from cartproxy.store.errors import StoreError
from cartproxy.store.limits import Allowance


class Adding(Writing):
    """The use case of the add button."""

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
            additions, revival = self._add_all(write, found, items, allowance, preferences)
            return self._conclude(write, additions, revival, allowance, preferences)

    def _add_all(
        self,
        write: Write,
        found: Record | None,
        items: Sequence[NewItem],
        allowance: Allowance,
        preferences: Preferences,
    ) -> tuple[Additions, Revival | None]:
        """The items into the cart, into a new one, or into one made anew where it has vanished."""
        if found is None:
            record = Record(self._create_first(Addresses(), allowance, preferences))
            return self._run(write, record, items, allowance), None
        doubt = _of(write, found)
        if doubt:
            return self._resume(write, found, doubt, items, allowance)
        additions = self._run(write, found, items, allowance)
        if additions.batch.refused_entirely:
            renewed = self._renewed(write, found, items, allowance)
            if renewed:
                return renewed
        return additions, None

    def _resume(
        self,
        write: Write,
        found: Record,
        doubt: Doubt,
        items: Sequence[NewItem],
        allowance: Allowance,
    ) -> tuple[Additions, Revival | None]:
        """Go on with adds in doubt: look first, and add only what is surely absent."""
        try:
            read = self._read_back(found, write.loaded, allowance)
        except StoreError as error:
            # This attempt did nothing; of the earlier one no more is known than before.
            raise OutcomeUnknown(because=error) from None
        if read is None:
            revival = self._renew(found, allowance)
            return self._run(write, revival.record, items, allowance), revival
        earlier = _of(write, read) or doubt
        now_ms = write.loaded.now_ms
        additions = Additions(self._store, read, items, allowance, now_ms, earlier)
        left_ms = earlier.since_ms + self._settle_ms - now_ms()
        if earlier.missing and left_ms > 0:
            additions.wait_longer(max(1, -(-left_ms // 1000)))
        else:
            additions.run()
        return additions, None

    def _renewed(
        self, write: Write, found: Record, items: Sequence[NewItem], allowance: Allowance
    ) -> tuple[Additions, Revival | None] | None:
        """The items in a new cart, where the old one is the reason that they were refused.

        A cart that became an order may answer 404, or stay readable and refuse every write (open):
        only another cart tells whether the item or the order was the reason.
        """
        gone = self._read_key(found, allowance) is None
        if not gone and not found.checkout_at_ms:
            return None
        revival = self._renew(found, allowance)
        additions = self._run(write, revival.record, items, allowance)
        if not gone and not additions.batch.applied:
            return None
        return additions, revival

    def _run(
        self, write: Write, record: Record, items: Sequence[NewItem], allowance: Allowance
    ) -> Additions:
        additions = Additions(self._store, record, items, allowance, write.loaded.now_ms)
        additions.run()
        return additions

    def _conclude(
        self,
        write: Write,
        additions: Additions,
        revival: Revival | None,
        allowance: Allowance,
        preferences: Preferences,
    ) -> Written:
        batch = additions.batch
        doubt = additions.doubt(write.entry)
        record = additions.record
        if doubt:
            record = record.with_doubts((*record.doubts, doubt))
            count_doubts(self._store.id, "raised", 0 if additions.waits else 1)
        if not batch.applied:
            write.save(record, None)
            raise batch.failure()
        # With something still open the key stays open too, so that a retry can settle the rest.
        answer = None if doubt else KeptAnswer(batch.results)
        written = self._finish(write, record, answer, allowance, preferences, revival)
        return written.with_results(batch.results)


def _of(write: Write, record: Record) -> Doubt | None:
    """What an earlier attempt with the same key has left in doubt."""
    return next((each for each in record.doubts if each.entry == write.entry != ""), None)
