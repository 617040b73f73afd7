"""The cart record in Redis, and the scripts that load, begin, commit and refresh it.

One hash per cart, `cp:{h}`, with its lock beside it; both share the hash tag, so a cluster keeps
them together. Times are Redis' own, so a server with a wrong clock does no harm. Every script may
be repeated by the same owner without a second effect.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from importlib.resources import files

import redis
from redis.commands.core import Script

from cartproxy.carts.deadline import Deadline
from cartproxy.carts.errors import CartBusy, Outcome, StorageError, StorageUnavailable
from cartproxy.carts.models import EMPTY, ItemOption, LineItem, Snapshot
from cartproxy.carts.redis_errors import typed_errors

FORMAT = "1"
_FIRST_POLL_SECONDS = 0.02
_LAST_POLL_SECONDS = 0.15


@dataclass(frozen=True, slots=True, repr=False)
class Record:
    """What Redis holds of one cart.

    `as_of_ms` is when the snapshot was read, `outdated` says that a write has come since.
    `checkout_at_ms` is when a checkout URL was last handed out. `revision` names the last write;
    it is Redis' to set.
    """

    order_key: str
    snapshot: Snapshot = EMPTY
    as_of_ms: int = 0
    outdated: bool = True
    checkout_at_ms: int | None = None
    revision: str = ""

    def fields(self) -> list[str]:
        """Names and values alternating, as HSET takes them."""
        pairs = {
            "v": FORMAT,
            "order_key": self.order_key,
            "cart": encode_snapshot(self.snapshot),
            "as_of": str(self.as_of_ms),
            "outdated": "1" if self.outdated else "",
        }
        if self.checkout_at_ms is not None:
            pairs["checkout_at"] = str(self.checkout_at_ms)
        return [text for pair in pairs.items() for text in pair]


@dataclass(frozen=True, slots=True, repr=False)
class Loaded:
    """A record, or None where there is none, with Redis' time when it was loaded, in ms."""

    record: Record | None
    at_ms: int
    at_monotonic: float

    def now_ms(self) -> int:
        """Redis' time now, by this machine's monotonic clock since the load."""
        return self.at_ms + int((time.monotonic() - self.at_monotonic) * 1000)


class Write:
    """A write that holds its cart's lock. Ends with `save` or `forget`; else the lock is freed."""

    def __init__(self, records: Records, name: str, owner: str, loaded: Loaded) -> None:
        self._records = records
        self._name = name
        self._owner = owner
        self.loaded = loaded
        self.ended = False

    def save(self, record: Record) -> None:
        """Save the record and free the lock."""
        self._end("save", record.fields())

    def forget(self) -> None:
        """Delete the record and free the lock."""
        self._end("forget")

    def release(self) -> None:
        """Free the lock and leave the record as it is."""
        self._end("release")

    def _end(self, action: str, fields: Sequence[str] = ()) -> None:
        self.ended = True
        try:
            kept = self._records.commit(self._name, self._owner, action, fields)
        except StorageError as error:
            error.outcome = Outcome.UNKNOWN
            raise
        if not kept:
            raise StorageUnavailable(
                "The write took longer than its lock was held.", outcome=Outcome.UNKNOWN
            )


class Records:
    """All cart records of one Redis. Durations are in seconds."""

    def __init__(
        self,
        client: redis.Redis,
        *,
        idle_seconds: float,
        absolute_seconds: float,
        lease_seconds: float,
        wait_seconds: float,
    ) -> None:
        self._client = client
        self._lives = (int(idle_seconds * 1000), int(absolute_seconds * 1000))
        self._lease_ms = int(lease_seconds * 1000)
        self._wait_seconds = wait_seconds
        self._load, self._begin, self._commit, self._refresh = (
            client.register_script(files(__package__).joinpath(f"{name}.lua").read_text())
            for name in ("load", "begin", "commit", "refresh")
        )

    def load(self, name: str, *, handing_out_checkout: bool = False) -> Loaded:
        """Load a record in one round trip, and slide its idle life."""
        mark = "1" if handing_out_checkout else "0"
        return _loaded(_run(self._load, [_key(name)], [*self._lives, mark]))

    @contextmanager
    def writing(self, name: str, deadline: Deadline) -> Iterator[Write]:
        """Hold the cart's lock; yields the write with the record as it stands.

        Waits while another write holds it. Raises CartBusy when that takes too long.
        """
        owner = secrets.token_urlsafe(6)
        write = Write(self, name, owner, self._wait_for_lock(name, owner, deadline))
        try:
            yield write
        except BaseException:
            if not write.ended:
                self._free_quietly(write)
            raise
        if not write.ended:
            write.release()

    def exists(self, name: str) -> bool:
        """Whether there is a record of this name."""
        with typed_errors():
            return self._client.exists(_key(name)) == 1

    def refresh(self, name: str, seen: Record, fresh: Record | None) -> None:
        """Save what was read back (None: the cart is gone), unless a write came in between."""
        action = ["forget"] if fresh is None else ["save", *fresh.fields()]
        _run(self._refresh, _keys(name), [seen.revision, *action])

    def commit(self, name: str, owner: str, action: str, fields: Sequence[str]) -> bool:
        """End the owner's write; False when the lock was lost, and nothing is changed then."""
        return _run(self._commit, _keys(name), [owner, *self._lives, action, *fields]) == 1

    def _wait_for_lock(self, name: str, owner: str, deadline: Deadline) -> Loaded:
        ends = Deadline.after(min(self._wait_seconds, deadline.remaining()))
        pause = _FIRST_POLL_SECONDS
        while True:
            reply = _run(self._begin, _keys(name), [owner, self._lease_ms])
            if reply is not None:
                return _loaded(reply)
            if ends.remaining() <= 0:
                raise CartBusy("Another change to this cart is still under way.")
            time.sleep(min(pause * (0.5 + secrets.randbelow(1000) / 1000), ends.remaining()))
            pause = min(pause * 1.5, _LAST_POLL_SECONDS)

    @staticmethod
    def _free_quietly(write: Write) -> None:
        """On the way out with another error, which must not be hidden; the lease frees it too."""
        try:
            write.release()
        except StorageError:
            return


def encode_snapshot(snapshot: Snapshot) -> str:
    """A snapshot as compact JSON: record format 1."""
    lines = [
        [
            line.item_id,
            line.catalog_id,
            line.sku,
            line.name,
            [[option.name, option.value] for option in line.options],
            str(line.quantity),
            str(line.unit_price),
            str(line.option_price),
            str(line.line_total),
            line.image_url,
        ]
        for line in snapshot.items
    ]
    return json.dumps([snapshot.checkout_url, lines], ensure_ascii=False, separators=(",", ":"))


def decode_snapshot(text: str) -> Snapshot:
    """The snapshot in a record of format 1."""
    checkout_url, lines = json.loads(text)
    return Snapshot(
        items=tuple(
            LineItem(
                item_id,
                catalog_id,
                sku,
                name,
                tuple(ItemOption(*option) for option in options),
                Decimal(quantity),
                Decimal(unit_price),
                Decimal(option_price),
                Decimal(line_total),
                image_url,
            )
            for (
                item_id,
                catalog_id,
                sku,
                name,
                options,
                quantity,
                unit_price,
                option_price,
                line_total,
                image_url,
            ) in lines
        ),
        checkout_url=checkout_url,
    )


def entity_tag(snapshot: Snapshot) -> str:
    """A strong entity tag, quoted, of what the cart holds; when it was read is no part of it."""
    return f'"{hashlib.sha256(encode_snapshot(snapshot).encode()).hexdigest()[:24]}"'


def _loaded(reply: object) -> Loaded:
    assert isinstance(reply, list)  # noqa: S101 - the scripts are ours
    now, flat = reply
    texts = [part.decode() for part in flat]
    fields = dict(zip(texts[::2], texts[1::2], strict=True))
    return Loaded(_record(fields), int(now), time.monotonic())


def _record(fields: dict[str, str]) -> Record | None:
    if fields.get("v") != FORMAT:
        return None
    checkout_at = fields.get("checkout_at")
    return Record(
        order_key=fields["order_key"],
        snapshot=decode_snapshot(fields["cart"]),
        as_of_ms=int(fields["as_of"]),
        outdated=bool(fields["outdated"]),
        checkout_at_ms=int(checkout_at) if checkout_at else None,
        revision=fields["revision"],
    )


def _key(name: str) -> str:
    return f"cp:{{{name}}}"


def _keys(name: str) -> list[str]:
    return [_key(name), f"{_key(name)}:lock"]


def _run(script: Script, keys: Sequence[str], args: Iterable[str | int]) -> object:
    """Run a script in one round trip; a server that lost its scripts is sent them anew."""
    with typed_errors():
        return script(keys=keys, args=list(args))
