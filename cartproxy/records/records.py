"""Cart records in Redis: the scripts that load, begin, commit and refresh one.

One string per cart, `cp:{h}` (`record.lua`), with lock (`:lock`), queue (`:q`) and idempotency
entries (`:i`, `entries.lua`) beside it; all share the hash tag, so a cluster keeps them together.
Times are Redis' own, so a server with a wrong clock does no harm. Every script may be repeated by
the same owner without a second effect.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import redis

from cartproxy.deadline import Deadline
from cartproxy.errors import CartProxyError, Outcome
from cartproxy.model.keys import IdempotencyKey, Intent, KeptAnswer
from cartproxy.model.record import Record
from cartproxy.model.wishes import KEYLESS
from cartproxy.records.errors import CartBusy, IdempotencyKeyReused, RequestInProgress
from cartproxy.records.form import Loaded, intent_text, record_of, state_of
from cartproxy.records.live_carts import LiveCarts
from cartproxy.records.seal import UNSEALED, Seal
from cartproxy.storage.errors import StorageError, StorageFull, StorageUnavailable, typed_errors
from cartproxy.storage.scripts import NamedScript, load_script, run_twice

_POLL_SECONDS = 0.015
_LAST_POLL_SECONDS = 0.06
_PLACE_SECONDS = 0.6  # a waiter that has not asked for so long is gone


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

    `answer` is the kept answer when the same key has been answered before: there is no lock then,
    and nothing to do. `behind` are the labels of the writes that wait for this cart.
    """

    def __init__(
        self,
        records: Records,
        name: str,
        owner: str,
        intent: Intent,
        loaded: Loaded,
        *,
        answer: KeptAnswer | None = None,
        behind: tuple[str, ...] = (),
    ) -> None:
        self._records = records
        self._name = name
        self._owner = owner
        self._intent = intent
        self.loaded = loaded
        self.answer = answer
        self.behind = behind
        self.ended = answer is not None

    @property
    def name(self) -> str:
        """The record's name."""
        return self._name

    @property
    def key(self) -> IdempotencyKey | None:
        """The write's idempotency key."""
        return self._intent.key

    @property
    def entry(self) -> str:
        """The name of the write's idempotency entry; without a key one that nobody has."""
        return _entry(self._intent, self._owner)

    def keep(self, record: Record) -> None:
        """Save the record for the case that this machine dies, and go on writing.

        Raises StorageError, with which nothing more may be sent.
        """
        if not self._records.commit(self._name, self._owner, "keep", self._saving(record)):
            raise StorageUnavailable("The write took longer than its lock was held.")

    def save(
        self,
        record: Record,
        answer: KeptAnswer | None = None,
        others: Mapping[str, KeptAnswer] = MappingProxyType({}),
    ) -> None:
        """Save the record, keep the answer under the write's key, and free the lock.

        `others` are answers of other requests that are known now, by their entries.
        """
        self._end("save", self._saving(record), answer, others)

    def _saving(self, record: Record) -> Sequence[str]:
        before = self.loaded.record
        same = before is not None and before.order_key == record.order_key
        return "same" if same else "other", self._records.state(record)

    def forget(self, answer: KeptAnswer | None = None) -> None:
        """Delete the record, keep the answer, and free the lock."""
        self._end("forget", (), answer)

    def release(self, answer: KeptAnswer | None = None) -> None:
        """Free the lock and leave the record as it was."""
        self._end("release", (self.loaded.intents,), answer)

    def abandon(self) -> None:
        """Free the lock, and leave in the record what this write meant to do: it is in doubt."""
        self._end("abandon", (), None)

    def _end(
        self,
        action: str,
        more: Sequence[str],
        answer: KeptAnswer | None,
        others: Mapping[str, KeptAnswer] = MappingProxyType({}),
    ) -> None:
        self.ended = True
        answers = {entry: each.encode() for entry, each in others.items()}
        if self.key and answer:
            answers[self.key.entry] = answer.encode()
        try:
            held = self._records.commit(self._name, self._owner, action, more, answers)
        except StorageError as error:
            error.outcome = Outcome.UNKNOWN
            raise
        if not held:
            raise StorageUnavailable(
                "The write took longer than its lock was held.", outcome=Outcome.UNKNOWN
            )


class Records:
    """All cart records of one Redis."""

    def __init__(self, client: redis.Redis, lives: Lives, seal: Seal = UNSEALED) -> None:
        self._client = client
        self._seal = seal
        self.live_carts = LiveCarts(client, idle_seconds=lives.idle)
        self._lives_ms = (int(lives.idle * 1000), int(lives.absolute * 1000))
        self._lease_ms = int(lives.lease * 1000)
        self._answer_ms = int(lives.answer * 1000)
        self._wait_seconds = lives.wait
        self._load, self._begin, self._commit, self._refresh, self._keep = (
            load_script(client, __package__, *names)
            for names in (
                ("record", "load"),
                ("entries", "begin"),
                ("record", "entries", "commit"),
                ("record", "refresh"),
                ("entries", "keep_answer"),
            )
        )

        self._checkpoint = NamedScript("checkpoint", self._commit.script)

    def load(self, name: str, *, handing_out_checkout: bool = False) -> Loaded:
        """Load a record in one round trip, and slide its idle life."""
        mark = "1" if handing_out_checkout else "0"
        keys = [*_keys(name), f"{record_key(name)}:q"]
        now, text, busy = _list(run_twice(self._load, keys, [*self._lives_ms, mark]))
        loaded = self._loaded(now, text, busy=busy == 1)
        if loaded.record:
            self.live_carts.met(name)
        return loaded

    def state(self, record: Record) -> str:
        """The record's state as the scripts take it."""
        return state_of(record, self._seal)

    def exists(self, name: str) -> bool:
        """Whether there is a record of this name."""
        with typed_errors("exists"):
            return self._client.exists(record_key(name)) == 1

    @contextmanager
    def writing(self, name: str, deadline: Deadline, intent: Intent) -> Iterator[Write]:
        """Hold the cart's lock; yields the write with the record as it stands.

        Waits its turn while others write. Raises CartBusy when that takes too long,
        RequestInProgress when it is the same key that is at work, and IdempotencyKeyReused.
        """
        write = self._wait_for_lock(name, secrets.token_urlsafe(6), deadline, intent)
        try:
            yield write
        except BaseException as error:
            if not write.ended:
                _end_quietly(write, error)
            raise
        if not write.ended:
            write.release()

    def discard(self, name: str) -> None:
        """Delete a record without its lock: all that a full storage still allows."""
        with typed_errors("discard"):
            self._client.delete(record_key(name))
        self.live_carts.ended(name)

    def refresh(self, name: str, seen: Loaded, fresh: Record | None) -> None:
        """Save what was read back (None: the cart is gone), unless a write came in between."""
        action = ["forget"] if fresh is None else ["save", self.state(fresh)]
        revision = seen.record.revision if seen.record else ""
        with suppress(StorageFull):  # then the next reader reads it back again
            run_twice(self._refresh, _keys(name), [revision, seen.intents, *action])
            if fresh is None:
                self.live_carts.ended(name)

    def keep(self, name: str, key: IdempotencyKey, answer: KeptAnswer) -> None:
        """Keep the answer of a write that needed no lock in the end."""
        kept = f"{key.fingerprint} {answer.encode()}"
        run_twice(self._keep, [_entries(name)], [key.entry, kept, self._answer_ms])

    def commit(
        self,
        name: str,
        owner: str,
        action: str,
        more: Sequence[str] = (),
        answers: Mapping[str, str] = MappingProxyType({}),
    ) -> bool:
        """End the owner's write, or save in the middle of it (`keep`).

        `answers` are to be kept by their entries. False when the lock was lost, and nothing is
        changed then.
        """
        keys = _keys(name) + ([_entries(name)] if answers else [])
        ending: list[str | int] = [owner, action, *self._lives_ms, self._answer_ms]
        ending += [*more, "", ""][:2]
        for entry, answer in answers.items():
            ending += [entry, answer]
        script = self._checkpoint if action == "keep" else self._commit
        done = run_twice(script, keys, ending) == 1
        if done and action == "save":
            self.live_carts.met(name)
        elif done and action == "forget":
            self.live_carts.ended(name)
        return done

    def _wait_for_lock(self, name: str, owner: str, deadline: Deadline, intent: Intent) -> Write:
        keys = [*_keys(name), f"{record_key(name)}:q"]
        place_ms = int(_PLACE_SECONDS * 1000)
        asking: list[str | int] = [
            owner,
            self._lease_ms,
            place_ms,
            intent.label,
            intent_text(owner, _entry(intent, owner), intent.items),
        ]
        if intent.key:
            keys.append(_entries(name))
            asking += [intent.key.entry, intent.key.fingerprint, self._answer_ms]
        ends = Deadline.after(min(self._wait_seconds, deadline.remaining()))
        pause = _POLL_SECONDS
        while True:
            state, *reply = _list(run_twice(self._begin, keys, asking))
            if state != b"busy":
                return self._begun(name, owner, intent, state, reply)
            if ends.remaining() <= 0:
                with typed_errors("leave_queue"):
                    self._client.hdel(f"{record_key(name)}:q", owner)
                if reply[0]:
                    raise RequestInProgress(
                        "The same request is still under way.", outcome=Outcome.UNKNOWN
                    )
                raise CartBusy("Another change to this cart is still under way.")
            time.sleep(min(pause, ends.remaining()))
            pause = min(pause * 1.3, _LAST_POLL_SECONDS)

    def _begun(
        self, name: str, owner: str, intent: Intent, state: object, reply: list[Any]
    ) -> Write:
        if state == b"mismatch":
            raise IdempotencyKeyReused("This key was used for another request.")
        now, text, more = reply
        # A begin that was repeated finds its own intent too.
        own = intent_text(owner, _entry(intent, owner), intent.items)
        loaded = self._loaded(now, text and text.replace(f"\n{own}".encode(), b"", 1))
        if state == b"replay":
            answer = KeptAnswer.decode(more.decode())
            return Write(self, name, owner, intent, loaded, answer=answer)
        behind = tuple(label.decode() for label in more)
        return Write(self, name, owner, intent, loaded, behind=behind)

    def _loaded(self, now: Any, text: Any, *, busy: bool = False) -> Loaded:
        record = record_of(text.decode(), self._seal) if text else None
        intents = text.decode().split("\n", 2)[2:] if text else []
        return Loaded(record, int(now), time.monotonic(), busy, "".join(intents))


def _end_quietly(write: Write, error: BaseException) -> None:
    """On the way out with another error, which must not be hidden; the lease frees the lock too."""
    nothing_done = isinstance(error, CartProxyError) and error.outcome is Outcome.NOT_APPLIED
    try:
        write.release() if nothing_done else write.abandon()
    except StorageError:
        return


def _list(reply: object) -> list[Any]:
    assert isinstance(reply, list)  # noqa: S101 - the scripts are ours
    return reply


def record_key(name: str) -> str:
    """The key of the record of this name, or the pattern of such keys for a pattern of names."""
    return f"cp:{{{name}}}"


def _keys(name: str) -> list[str]:
    return [record_key(name), f"{record_key(name)}:lock"]


def _entry(intent: Intent, owner: str) -> str:
    return intent.key.entry if intent.key else f"{KEYLESS}{owner}"


def _entries(name: str) -> str:
    return f"{record_key(name)}:i"
