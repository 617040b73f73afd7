"""One cart's record in memory, with what `Records` and `Write` promise; nobody waits here.

A worker that dies (`Killed`) leaves its intent, and its lock until the lease ends.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from types import MappingProxyType

from cartproxy.deadline import Deadline
from cartproxy.errors import CartProxyError, Outcome
from cartproxy.model.keys import IdempotencyKey, Intent, KeptAnswer
from cartproxy.model.record import Record
from cartproxy.model.wishes import KEYLESS
from cartproxy.records.errors import CartBusy
from cartproxy.records.form import Loaded
from support.small_store import Clock, Fault, Killed

LEASE_MS = 15_000
NO_ANSWERS: Mapping[str, KeptAnswer] = MappingProxyType({})


class SmallRecords:
    """`waiting` are writes that wait for the cart: they run as soon as it is free."""

    wait_seconds = 3.0
    lease_ms = 15_000

    def __init__(self, clock: Clock, faults: list[Fault]) -> None:
        self.clock = clock
        self.faults = faults
        self.record: Record | None = None
        self.answers: dict[str, KeptAnswer] = {}
        self.waiting: deque[tuple[str, Callable[[], object]]] = deque()
        self.held = False
        self.held_until = 0
        self.writes = 0
        self.on_save: Callable[[], None] = lambda: None
        self.on_refresh: Callable[[], None] = lambda: None

    def load(
        self, name: str, *, handing_out_checkout: bool = False, showing_order: bool = False
    ) -> Loaded:
        while self.waiting and not self.held:
            self.waiting.popleft()[1]()
        loaded = self.loaded()
        if handing_out_checkout and self.record:
            self.record = replace(self.record, checkout_at_ms=self.clock.redis_ms())
        return loaded

    def loaded(self) -> Loaded:
        busy = self.held or self.held_until > self.clock.true_ms or bool(self.waiting)
        intents = self.record.intents if self.record else ()
        return Loaded(self.record, self.clock.redis_ms(), self.clock.monotonic(), busy, intents)

    @contextmanager
    def writing(self, name: str, deadline: Deadline, intent: Intent) -> Iterator[SmallWrite]:
        if self.held:
            raise CartBusy("Another change to this cart is still under way.")
        # Whoever comes after a dead worker comes after its lease.
        self.clock.true_ms = max(self.clock.true_ms, self.held_until)
        answer = self.answers.get(intent.key.entry) if intent.key else None
        write = SmallWrite(self, name, intent, self.loaded(), answer)
        if answer:
            yield write
            return
        if self.record:
            mine = (write.entry, intent.items)
            self.record = replace(self.record, intents=(*self.record.intents, mine))
        self.held = True
        try:
            yield from self._hold(write)
        except Killed:
            self.held_until = self.clock.true_ms + LEASE_MS
            raise
        finally:
            self.held = False

    def _hold(self, write: SmallWrite) -> Iterator[SmallWrite]:
        try:
            yield write
        except CartProxyError as error:
            if not write.ended and error.outcome is Outcome.NOT_APPLIED:
                write.release()
            raise
        if not write.ended:
            write.release()

    def refresh(self, name: str, seen: Loaded, fresh: Record | None) -> bool:
        seen_revision = seen.record.revision if seen.record else ""
        same = self.record is not None and self.record.revision == seen_revision
        if same and not self.held and self.held_until <= self.clock.true_ms:
            assert self.record is not None
            if self.record.intents == seen.intents:
                self.on_refresh()
                self.record = fresh and replace(
                    fresh,
                    intents=(),
                    checkout_at_ms=self.record.checkout_at_ms,
                    revision=seen_revision,
                )
                return True
        return False

    def keep(self, name: str, key: IdempotencyKey, answer: KeptAnswer) -> None:
        self.answers[key.entry] = answer

    def discard(self, name: str) -> None:
        self.record = None


class SmallWrite:
    def __init__(
        self,
        records: SmallRecords,
        name: str,
        intent: Intent,
        loaded: Loaded,
        answer: KeptAnswer | None,
    ) -> None:
        records.writes += 1
        self._records = records
        self.name = name
        self.key = intent.key
        self.entry = intent.key.entry if intent.key else f"{KEYLESS}{records.writes}"
        self.loaded = loaded
        self.answer = answer
        self.behind = tuple(label for label, _ in records.waiting)
        self.ended = answer is not None

    def keep(self, record: Record) -> None:
        self._put(record)

    def save(
        self,
        record: Record,
        answer: KeptAnswer | None = None,
        others: Mapping[str, KeptAnswer] = NO_ANSWERS,
    ) -> None:
        self._end(answer, others)
        self._put(record)

    def forget(self, answer: KeptAnswer | None = None) -> None:
        self._end(answer)
        self._records.record = None

    def release(self, answer: KeptAnswer | None = None) -> None:
        self._end(answer)
        if self._records.record:
            self._records.record = replace(self._records.record, intents=self.loaded.intents)

    def _end(
        self, answer: KeptAnswer | None, others: Mapping[str, KeptAnswer] = NO_ANSWERS
    ) -> None:
        fault = next((each for each in self._records.faults if each.kind == "save"), None)
        if fault:
            self._records.faults.remove(fault)
            raise Killed
        self.ended = True
        self._records.answers.update(others)
        if self.key and answer:
            self._records.answers[self.key.entry] = answer
        self._records.held = False

    def _put(self, record: Record) -> None:
        self._records.on_save()
        self._records.writes += 1
        before, stored = self.loaded.record, self._records.record
        same = before is not None and before.order_key == record.order_key
        self._records.record = replace(
            record,
            intents=(),
            checkout_at_ms=stored.checkout_at_ms if same and stored else None,
            revision=str(self._records.writes),
        )
