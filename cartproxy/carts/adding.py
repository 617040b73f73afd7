"""Adding items: into the cart, into a new one, or into one made anew, and each once."""

from __future__ import annotations

from collections.abc import Sequence

from cartproxy.carts.additions import Additions
from cartproxy.carts.contract import Preferences, Written
from cartproxy.carts.deadline import Deadline
from cartproxy.carts.doubt import Doubt, absorb, item_as_json
from cartproxy.carts.idempotency import Intent, KeptAnswer
from cartproxy.carts.models import Addresses, NewItem
from cartproxy.carts.record import Record
from cartproxy.carts.records import Write
from cartproxy.carts.revival import Revival
from cartproxy.carts.writing import Writing
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
            record, additions, revival = self._add_all(write, found, items, allowance)
            return self._conclude(write, record, additions, revival, allowance, preferences)

    def _add_all(
        self, write: Write, found: Record | None, items: Sequence[NewItem], allowance: Allowance
    ) -> tuple[Record, Additions, Revival | None]:
        """The items into the cart, into a new one, or into one made anew where it has vanished."""
        if found is None:
            record = Record(self._create(Addresses(), allowance))
            return record, self._run(record, items, allowance), None
        doubt = _of(write, found)
        if doubt:
            return self._resume(write, found, doubt, items, allowance)
        additions = self._run(found, items, allowance)
        if additions.batch.refused_entirely:
            renewed = self._renewed(found, items, allowance)
            if renewed:
                return renewed
        return found, additions, None

    def _resume(
        self,
        write: Write,
        found: Record,
        doubt: Doubt,
        items: Sequence[NewItem],
        allowance: Allowance,
    ) -> tuple[Record, Additions, Revival | None]:
        """Go on with adds in doubt: look first, and add only what is surely absent."""
        read = self._read_back(found, write.loaded, allowance)
        if read is None:
            revival = self._renew(found, allowance)
            return revival.record, self._run(revival.record, items, allowance), revival
        earlier = _of(write, read) or doubt
        additions = Additions(self._store, read, items, allowance, earlier)
        left_ms = earlier.since_ms + self._settle_ms - write.loaded.now_ms()
        if earlier.missing and left_ms > 0:
            additions.wait_longer(max(1, -(-left_ms // 1000)), read.snapshot)
        else:
            additions.run()
        return read, additions, None

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


def _of(write: Write, record: Record) -> Doubt | None:
    """What an earlier attempt with the same key has left in doubt."""
    return next((each for each in record.doubts if each.entry == write.entry != ""), None)
