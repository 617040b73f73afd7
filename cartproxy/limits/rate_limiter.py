"""Counts requests against limits in this process, and shares the counts with all workers.

A request needs no round trip for this: each worker counts in memory, and a thread exchanges the
counts with Redis several times a second. A worker that has not seen an address yet treats it as new
for a quarter of a second.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import redis
import structlog

from cartproxy.errors import CartProxyError
from cartproxy.storage.errors import StorageError, typed_errors
from cartproxy.storage.scripts import load_script, run_script
from cartproxy.storage.values import Kind

log = structlog.get_logger("cartproxy.limits")

_SYNC_SECONDS = 0.25
_MOST_BUCKETS = 50_000  # in memory; the emptiest are dropped first
_BATCH = 500
_HOT_SECONDS = 6
_LEVEL = Kind("limit", "string")
# Tells `cartproxy doctor` that a client's address could not be read recently.
UNREADABLE_ADDRESS_KEY = "cpl:{limits}:unreadable-address"
_NOTE_SECONDS = 60
_NOTE_LIFE_SECONDS = 86400


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `per_minute` requests a minute, at once or spread; `key` identifies the client.

    `name` is its name in answers, such as `address-writes`.
    """

    name: str
    key: str
    per_minute: int


@dataclass(frozen=True, slots=True)
class Standing:
    """A limit after a request: how many are left, and the seconds until all are available again."""

    limit: Limit
    remaining: int
    reset_seconds: int


class RateLimited(CartProxyError):
    """An address, a cart or a site sends too many requests; `standing` says which limit it hit."""

    code = "rate-limited"
    retryable = True

    def __init__(self, standing: Standing, *, retry_after: int) -> None:
        super().__init__(
            f"Too many requests (limit {standing.limit.name}).", retry_after=retry_after
        )
        self.standing = standing


class _Bucket:
    __slots__ = ("at", "leak", "level", "unsent")

    def __init__(self, per_minute: int) -> None:
        self.leak = per_minute / 60
        self.level = 0.0
        self.at = time.monotonic()
        self.unsent = 0

    @property
    def is_hot(self) -> bool:
        """Whether at least a tenth of the quota of a minute is used up."""
        return self.now() >= self.leak * _HOT_SECONDS

    def now(self) -> float:
        """The level at this moment."""
        moment = time.monotonic()
        self.level = max(0.0, self.level - (moment - self.at) * self.leak)
        self.at = moment
        return self.level


class RateLimiter:
    """The counts of one process."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._script = load_script(client, __package__, "levels")
        self._buckets: dict[str, _Bucket] = {}
        self._lock = threading.Lock()
        self._counted = threading.Event()
        self._thread: threading.Thread | None = None
        self._has_unreadable = False
        self._noted_at = -math.inf

    def note_unreadable_address(self) -> None:
        """Note that a proxy in front sent an invalid address; the thread stores it later."""
        self._has_unreadable = True

    def take(self, limits: Sequence[Limit], *, exactly: bool = False) -> Standing | None:
        """Count one request against all the limits, or against none of them.

        `exactly` counts it in Redis at once, in one round trip (two if it is refused), and so
        includes the counts of the other workers. Returns the tightest limit; None without limits.
        Raises RateLimited.
        """
        if not limits:
            return None
        with self._lock:
            buckets = [self._bucket(limit) for limit in limits]
            _refuse_if_over(limits, buckets, 1)
            _count(buckets, 1)
            self._run_thread()
        if exactly:
            counted = [(limit.key, each) for limit, each in zip(limits, buckets, strict=True)]
            self._exchange(counted)
            try:
                with self._lock:
                    _refuse_if_over(limits, buckets, 0)
            except RateLimited:
                with self._lock:
                    _count(buckets, -1)
                self._exchange(counted)
                raise
        self._counted.set()
        with self._lock:
            standings = map(_standing, limits, buckets)
            return min(standings, key=lambda each: each.remaining / each.limit.per_minute)

    def _bucket(self, limit: Limit) -> _Bucket:
        bucket = self._buckets.get(limit.key)
        if bucket is None:
            if len(self._buckets) >= _MOST_BUCKETS:
                self._drop_emptiest()
            bucket = self._buckets[limit.key] = _Bucket(limit.per_minute)
        return bucket

    def _drop_emptiest(self) -> None:
        by_level = sorted(self._buckets, key=lambda key: self._buckets[key].now())
        for key in by_level[: _MOST_BUCKETS // 10]:
            del self._buckets[key]

    def _run_thread(self) -> None:
        # Started by the first request: threads do not survive the fork of a worker.
        if self._thread is None:
            self._thread = threading.Thread(target=self._synchronize, daemon=True, name="limiter")
            self._thread.start()

    def _synchronize(self) -> None:
        hot = False
        while True:
            if not hot:
                self._counted.wait()
            self._counted.clear()
            time.sleep(_SYNC_SECONDS)
            hot = self.exchange()

    def exchange(self) -> bool:
        """Add the counts to the levels in Redis, and take over the sums of all workers.

        Without Redis this process goes on with its own counts. Returns whether a bucket is so full
        that the counts of other workers matter even while this one counts nothing.
        """
        self._note()
        with self._lock:
            hot = [each for each in self._buckets.items() if each[1].is_hot]
            waiting = [each for each in self._buckets.items() if each[1].unsent or each[1].is_hot]
        for start in range(0, len(waiting), _BATCH):
            self._exchange(waiting[start : start + _BATCH])
        return bool(hot)

    def _note(self) -> None:
        if not self._has_unreadable or time.monotonic() - self._noted_at < _NOTE_SECONDS:
            return
        self._has_unreadable, self._noted_at = False, time.monotonic()
        log.warning("unreadable_client_address")
        with suppress(StorageError), typed_errors("note_unreadable_address"):
            self._client.set(UNREADABLE_ADDRESS_KEY, "1", ex=_NOTE_LIFE_SECONDS)

    def _exchange(self, waiting: Sequence[tuple[str, _Bucket]]) -> None:
        with self._lock:
            sent = [(bucket, bucket.unsent) for _, bucket in waiting]
            for bucket, _ in sent:
                bucket.unsent = 0
        try:
            keys = {f"cpl:{{limits}}:{key}": _LEVEL for key, _ in waiting}
            args = [each for bucket, count in sent for each in (bucket.leak, count)]
            levels: list[bytes] = run_script(self._script, keys, args)
        except StorageError:
            return
        with self._lock:
            for (bucket, _), level in zip(sent, levels, strict=True):
                bucket.now()
                bucket.level = max(bucket.level, float(level) + bucket.unsent)


def _count(buckets: Sequence[_Bucket], requests: int) -> None:
    for bucket in buckets:
        bucket.level += requests
        bucket.unsent += requests


def _refuse_if_over(limits: Sequence[Limit], buckets: Sequence[_Bucket], more: int) -> None:
    for limit, bucket in zip(limits, buckets, strict=True):
        over = bucket.now() + more - limit.per_minute
        if over > 0:
            wait = max(1, math.ceil(over / bucket.leak))
            raise RateLimited(_standing(limit, bucket), retry_after=wait)


def _standing(limit: Limit, bucket: _Bucket) -> Standing:
    remaining = max(0, math.floor(limit.per_minute - bucket.level))
    return Standing(limit, remaining, math.ceil(bucket.level / bucket.leak))
