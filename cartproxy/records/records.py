"""Cart records in Redis: the scripts that load, begin, commit and refresh one.

One string per cart, `cp:{h}` (`record.lua`), with lock (`:lock`), queue (`:q`), idempotency
entries (`:i`, `entries.lua`), the note of an order (`:o`, `note_order.lua`) and for seconds the
keys of forms (`:f:…`) beside it; all share the hash tag, so a cluster keeps them together. Times
are Redis' own, so a server with a wrong clock does no harm. Every script may be repeated by the
same owner without a second effect.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

import redis

from cartproxy.deadline import Deadline
from cartproxy.errors import CartProxyError, Outcome
from cartproxy.model.copies import replace
from cartproxy.model.keys import IdempotencyKey, Intent, KeptAnswer
from cartproxy.model.order import Ordered
from cartproxy.model.record import Meant, Record
from cartproxy.model.wishes import KEYLESS
from cartproxy.records.errors import CartBusy, IdempotencyKeyReused, RequestInProgress
from cartproxy.records.form import (
    NEWEST_FORMAT,
    Loaded,
    intent_of,
    intent_text,
    record_of,
    state_of,
)
from cartproxy.records.live_carts import LiveCarts
from cartproxy.records.seal import Seal
from cartproxy.storage.errors import StorageError, StorageFull, StorageUnavailable, typed_errors
from cartproxy.storage.scripts import NamedScript, load_script, probe_script, run_twice
from cartproxy.storage.values import Kind, note_unreadable, read_value

_POLL_SECONDS = 0.015
_LAST_POLL_SECONDS = 0.06
_LONGEST_POLL_SECONDS = 0.25  # of those who have others before them
_DOUBLE_CLICK_MS = 5_000
_NO_ANSWERS: Mapping[str, KeptAnswer] = MappingProxyType({})
_NO_ANSWER = "-"  # frees a key

RECORD = Kind("record", "string")
_INTENT, _LOCK = Kind("intent", "string"), Kind("lock", "string")
_FORM = Kind("form", "string")
_QUEUE, _ENTRIES, _ANSWER = Kind("queue", "hash"), Kind("entries", "hash"), Kind("answer", "hash")
_ORDER = Kind("order", "string")


@dataclass(frozen=True, slots=True)
class Lives:
    """How long things are kept, in seconds."""

    idle: float
    absolute: float
    lease: float
    wait: float
    answer: float


class Write:
    """A write that holds its cart's lock, until `save`, `forget` or `release`.

    `loaded` is the record of this name as it was when the write began. `entry` names its
    idempotency entry; without a key it is a random one. `line` is what stands in the record of the
    write's intent, by its `owner`. `was_open` says that an earlier write with the same key has not
    ended, or is in doubt. `answer` is the kept answer when the same key has been answered before:
    there is no lock then, and nothing to do. `behind` are the labels of the writes that wait for
    this cart.
    """

    loaded: Loaded

    def __init__(self, records: Records, name: str, intent: Intent, seal: Seal) -> None:
        self._records = records
        self.name = name
        self.intent = intent
        self.owner = secrets.token_urlsafe(6)
        self.entry = intent.key.entry if intent.key else f"{KEYLESS}{self.owner}"
        self.line = seal.close(intent_text(self.owner, self.entry, intent.items))
        self.answer: KeptAnswer | None = None
        self.behind: tuple[str, ...] = ()
        self.was_open = False
        self.ended = False

    def keep(self, record: Record) -> None:
        """Save the record for the case that this machine dies, and go on writing.

        Raises StorageError, with which nothing more may be sent.
        """
        self._records.commit(self.name, self.owner, "keep", self._saving(record))

    def save(
        self,
        record: Record,
        answer: KeptAnswer | None = None,
        others: Mapping[str, KeptAnswer] = _NO_ANSWERS,
    ) -> None:
        """Save the record, keep the answer under the write's key, and free the lock.

        `others` are answers of other requests that are known now, by their entries.
        """
        in_doubt = any(wish.entry == self.entry for wish in record.wishes)
        self._end("save", self._saving(record), answer, others, in_doubt=in_doubt)

    def forget(self, answer: KeptAnswer | None = None) -> None:
        """Delete the record, keep the answer, and free the lock."""
        self._end("forget", (), answer)

    def release(self, answer: KeptAnswer | None = None) -> None:
        """Free the lock and leave the record as it was."""
        self._end("release", (self.line,), answer)

    def abandon(self) -> None:
        """Free the lock, and record what this write was doing: its outcome is unknown."""
        self._end("abandon", (), None, in_doubt=True)

    def _saving(self, record: Record) -> Sequence[str]:
        before = self.loaded.record
        same = before is not None and before.order_key == record.order_key
        return "same" if same else "other", self._records.state(record)

    def _end(
        self,
        action: str,
        more: Sequence[str],
        answer: KeptAnswer | None,
        others: Mapping[str, KeptAnswer] = _NO_ANSWERS,
        *,
        in_doubt: bool = False,
    ) -> None:
        """Without an answer the key stays open while something is in doubt, and else is free."""
        self.ended = True
        answers = {entry: each.encode() for entry, each in others.items()}
        if self.intent.key and answer:
            answers[self.entry] = answer.encode()
        elif self.intent.key and not (in_doubt or self.was_open):
            answers[self.entry] = _NO_ANSWER
        try:
            self._records.commit(self.name, self.owner, action, more, answers)
        except StorageError as error:
            error.outcome = Outcome.UNKNOWN
            raise


class Records:
    """All cart records of one Redis."""

    def __init__(
        self, client: redis.Redis, lives: Lives, seal: Seal, written_format: int = NEWEST_FORMAT
    ) -> None:
        self._client = client
        self._seal = seal
        self._format = written_format
        self.live_carts = LiveCarts(client, idle_seconds=lives.idle)
        self._lives_ms = (int(lives.idle * 1000), int(lives.absolute * 1000))
        self.lease_ms = int(lives.lease * 1000)
        self._answer_ms = int(lives.answer * 1000)
        self.wait_seconds = lives.wait
        # A write that has not polled for this long counts as dead: half, so that others still get a
        # turn.
        self._place_ms = int(lives.wait * 500)
        self._longest_poll = min(_LONGEST_POLL_SECONDS, self._place_ms / 2000)
        self._probe = probe_script(client)
        script = partial(load_script, client, __package__)
        self._load = script("record", "load")
        self._begin = script("record", "entries", "begin")
        self._commit = script("record", "entries", "commit")
        self._refresh = script("record", "refresh")
        self._keep = script("entries", "keep_answer")
        self._note = script("note_order")
        self._checkpoint = NamedScript("checkpoint", self._commit.script)

    def load(
        self, name: str, *, handing_out_checkout: bool = False, showing_order: bool = False
    ) -> Loaded:
        """Load a record in one round trip, and restart its idle time.

        `showing_order`: with what was bought with the cart, which is loaded only once.
        """
        mark = "1" if handing_out_checkout else "0"
        keys = _keys(name) | {_queue(name): _QUEUE}
        if showing_order:
            keys |= _order_note(name)
        now, text, busy, *bought = run_twice(self._load, keys, [*self._lives_ms, mark])
        loaded = self._loaded(name, now, text, busy=busy == 1)
        if loaded.record:
            self.live_carts.note(name, alive=True)
        return replace(loaded, ordered=self._ordered(name, bought[0])) if bought else loaded

    def note_order(self, name: str, order_id: int, ordered: Ordered) -> None:
        """Note what was bought with the cart, for the next load that shows it; each order once."""
        life_ms = self._lives_ms[0]
        run_twice(self._note, _order_note(name), [order_id, ordered.text, life_ms])

    def _ordered(self, name: str, text: bytes) -> Ordered | None:
        try:
            return Ordered.from_text(text.decode())
        except ValueError:
            note_unreadable(_ORDER, record_key(name))
            return None

    def key_of_form(self, name: str, body: bytes) -> str:
        """A key that is the same for the same body within seconds, on all machines."""
        place = f"{record_key(name)}:f:{hashlib.sha256(body).hexdigest()[:32]}"
        own = secrets.token_bytes(16)
        with typed_errors("key_of_form"):
            if self._client.set(place, own, nx=True, px=_DOUBLE_CLICK_MS):
                return own.hex()
        first: bytes | None = read_value(self._client, "get", _FORM, place, operation="key_of_form")
        return (first or own).hex()

    def state(self, record: Record) -> str:
        """The record's state as the scripts take it."""
        return state_of(record, self._seal, self._format)

    def check(self) -> None:
        """Raise StorageError where a cart could not be written."""
        run_twice(self._probe, {f"{record_key('ready')}:probe": RECORD}, [])

    def exists(self, name: str) -> bool:
        """Whether there is a record of this name."""
        with typed_errors("exists"):
            return self._client.exists(record_key(name)) == 1

    @contextmanager
    def writing(self, name: str, deadline: Deadline, intent: Intent) -> Iterator[Write]:
        """Hold the cart's lock; yields the write with the record as it is now.

        Waits its turn while others write. Raises CartBusy when that takes too long or too many
        wait, RequestInProgress when it is the same key that is at work, and IdempotencyKeyReused. A
        record that can't be read counts as none, but for those that another release or key opens:
        then StorageNewer or StorageUnavailable.
        """
        write = Write(self, name, intent, self._seal)
        now, text = self._wait_for_lock(write, deadline)
        try:
            write.loaded = self._loaded(name, now, text, own=write.line)
            yield write
        except BaseException as error:
            if not write.ended:
                _end_quietly(write, error)
            raise
        if not write.ended:
            write.release()

    def discard(self, name: str) -> None:
        """Delete a record without its lock: a full storage allows nothing else."""
        with typed_errors("discard"):
            self._client.delete(record_key(name))
        self.live_carts.note(name, alive=False)

    def refresh(self, name: str, seen: Loaded, fresh: Record | None) -> bool:
        """Save what was read back (None: the cart is gone); False where a write came in between."""
        is_alone = True
        action = ["forget"] if fresh is None else ["save", self.state(fresh)]
        revision = seen.record.revision if seen.record else ""
        with suppress(StorageFull):  # then the next reader reads it back again
            is_alone = bool(
                run_twice(self._refresh, _keys(name), [revision, seen.intents, *action])
            )
            if is_alone and fresh is None:
                self.live_carts.note(name, alive=False)
        return is_alone

    def keep(self, name: str, key: IdempotencyKey, answer: KeptAnswer) -> None:
        """Keep the answer of a write that needed no lock in the end."""
        kept = f"{key.fingerprint} {answer.encode()}"
        run_twice(self._keep, _entries(name), [key.entry, kept, self._answer_ms])

    def commit(
        self,
        name: str,
        owner: str,
        action: str,
        more: Sequence[str] = (),
        answers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """End the owner's write, or save in the middle of it (`keep`).

        `answers` are to be kept by their entries, or free them. Raises StorageError, also when the
        lock was lost: nothing is changed then.
        """
        keys = _keys(name) | (_entries(name) if answers else {})
        ending: list[str | int] = [owner, action, *self._lives_ms, self._answer_ms]
        ending += [*more, "", ""][:2]
        for entry, answer in answers.items():
            ending += [entry, answer]
        script = self._checkpoint if action == "keep" else self._commit
        # What was done at the store must be known here, also after a long wait for Redis.
        insist = action in ("save", "keep", "forget")
        if not run_twice(script, keys, ending, insist=insist):
            raise StorageUnavailable("The write took longer than its lock was held.")
        if action in ("save", "forget"):
            self.live_carts.note(name, alive=action == "save")

    def _wait_for_lock(self, write: Write, deadline: Deadline) -> tuple[bytes, bytes | None]:
        """Redis' time and the record as text, once the lock is the write's, or it has an answer."""
        name, key = write.name, write.intent.key
        keys = _keys(name) | {_queue(name): _QUEUE}
        asking: list[str | bytes | int] = [
            write.owner,
            self.lease_ms,
            self._place_ms,
            write.intent.label,
            write.line,
        ]
        if key:
            keys |= _entries(name)
            asking += [key.entry, key.fingerprint, self._answer_ms, ""]
        ends = Deadline.after(min(self.wait_seconds, deadline.remaining()))
        pause = _POLL_SECONDS
        while True:
            state, *reply = run_twice(self._begin, keys, asking)
            if state == b"mismatch":
                raise IdempotencyKeyReused("This key was used for another request.")
            if state == b"granted":
                now, text, behind, was_open = reply
                write.was_open = bool(was_open)
                write.behind = tuple(label.decode() for label in behind)
                return now, text
            if state == b"replay":
                now, text, answer = reply
                try:
                    write.answer = KeptAnswer.decode(answer)
                except ValueError:
                    note_unreadable(_ANSWER, record_key(name))
                    asking[-1] = answer
                    continue
                write.ended = True
                return now, text
            is_full, is_over = state == b"full", ends.remaining() <= 0
            if is_over and not is_full:
                with typed_errors("leave_queue"):
                    self._client.hdel(_queue(name), write.owner)
            if is_over or is_full:
                if reply[0]:
                    raise RequestInProgress(
                        "The same request is still under way.", outcome=Outcome.UNKNOWN
                    )
                raise CartBusy(
                    "Too many changes to this cart are waiting."
                    if is_full
                    else "Another change to this cart is still under way."
                )
            wait = min(pause * (1 + reply[1]), self._longest_poll)
            time.sleep(min(wait, ends.remaining()))
            pause = min(pause * 1.3, _LAST_POLL_SECONDS)

    def _loaded(
        self, name: str, now: bytes, text: bytes | None, *, own: str = "", busy: bool = False
    ) -> Loaded:
        """What was loaded, without the intent `own`: a begin that was repeated finds it too."""
        record, intents = None, ""
        if text is not None:
            try:
                record, intents = record_of(text.decode(), self._seal)
            except ValueError:
                note_unreadable(RECORD, record_key(name))
        others = [line for line in intents.split("\n") if line not in ("", own)]
        if record and others:
            record = replace(record, intents=tuple(self._opened(name, others)))
        return Loaded(record, int(now), time.monotonic(), busy, "\n".join(others))

    def _opened(self, name: str, intents: Iterable[str]) -> Iterator[Meant]:
        for each in intents:
            try:
                yield intent_of(self._seal.open(each))
            except ValueError:
                note_unreadable(_INTENT, record_key(name))


def _end_quietly(write: Write, error: BaseException) -> None:
    """On the way out with another error, which must not be hidden; the lease frees the lock too."""
    nothing_done = isinstance(error, CartProxyError) and error.outcome is Outcome.NOT_APPLIED
    try:
        write.release() if nothing_done else write.abandon()
    except StorageError:
        return


def record_key(name: str) -> str:
    """The key of the record of this name, or the pattern of such keys for a pattern of names."""
    return f"cp:{{{name}}}"


def _keys(name: str) -> dict[str, Kind]:
    return {record_key(name): RECORD, f"{record_key(name)}:lock": _LOCK}


def _queue(name: str) -> str:
    return f"{record_key(name)}:q"


def _order_note(name: str) -> dict[str, Kind]:
    return {f"{record_key(name)}:o": _ORDER}


def _entries(name: str) -> dict[str, Kind]:
    return {f"{record_key(name)}:i": _ENTRIES}
