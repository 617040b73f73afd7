"""A circuit breaker: stops calling a store that keeps failing, and tests it with one call."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from cartproxy.metrics import show_breaker
from cartproxy.store.errors import (
    StoreAway,
    StoreError,
    StoreFailed,
    StoreTimeout,
    StoreUnreachable,
)

_FAILURES = (StoreFailed, StoreTimeout, StoreUnreachable)
_RECENT_SECONDS = 10
_LONGEST_SECONDS = 60.0
_WINDOW = 4  # times the failures in a row: half of 20 calls, by default


class Breaker:
    """One process's view of one store.

    Opens after `failures` in a row, or when half of four times as many calls within 10 s have
    failed: for `open_seconds`, doubling up to 60 s each time the one probe after it fails.
    """

    def __init__(self, *, failures: int, open_seconds: float, label: str = "store") -> None:
        self._label = label
        self._limit = failures
        self._first_seconds = open_seconds
        self._lock = threading.Lock()
        self._recent: deque[tuple[float, bool]] = deque(maxlen=failures * _WINDOW)
        self._in_a_row = 0
        self._open_until = 0.0
        self._open_seconds = 0.0
        self._probing = False

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Make a call inside the block. Raises StoreAway while the breaker is open."""
        probe = self._enter()
        failed = None
        try:
            yield
            failed = False
        except StoreError as error:
            failed = isinstance(error, _FAILURES)
            raise
        finally:
            self._leave(failed, probe=probe)

    def _enter(self) -> bool:
        with self._lock:
            if not self._open_seconds:
                return False
            left = self._open_until - time.monotonic()
            if left > 0 or self._probing:
                raise StoreAway(
                    "The store keeps failing and is not called for a while.",
                    retry_after=max(1, math.ceil(left)),
                )
            self._probing = True
            return True

    def _leave(self, failed: bool | None, *, probe: bool) -> None:
        """Count the end of a call; None: it shows nothing about the store."""
        now = time.monotonic()
        with self._lock:
            if probe:
                self._probing = False
            if failed is None:
                return
            if probe and not failed:
                self._open_seconds = 0.0
                self._recent.clear()
                show_breaker(self._label, is_open=False)
            self._recent.append((now, failed))
            while now - self._recent[0][0] > _RECENT_SECONDS:
                self._recent.popleft()
            self._in_a_row = self._in_a_row + 1 if failed else 0
            if failed and (probe or (not self._open_seconds and self._has_too_many_failures())):
                self._open_seconds = min(
                    self._open_seconds * 2 or self._first_seconds, _LONGEST_SECONDS
                )
                self._open_until = now + self._open_seconds
                show_breaker(self._label, is_open=True)

    def _has_too_many_failures(self) -> bool:
        failed = sum(failed for _, failed in self._recent)
        half = len(self._recent) == self._recent.maxlen and failed * 2 >= len(self._recent)
        return self._in_a_row >= self._limit or half
