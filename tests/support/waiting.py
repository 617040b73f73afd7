"""Waiting for a condition, never for a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

# Long enough for a busy machine: only what never comes true fails.
PATIENCE_SECONDS = 120
ANSWER_SECONDS = 90.0  # of one request: longer than the service's own patience
T = TypeVar("T")


def wait_for(condition: Callable[[], T | None], what: str) -> T:
    """The condition's result as soon as it is true; `what` is for the failure message."""
    ends = time.monotonic() + PATIENCE_SECONDS
    while not (found := condition()):
        assert time.monotonic() < ends, f"not after {PATIENCE_SECONDS} s: {what}"
        time.sleep(0.02)
    return found
