"""Waiting for what a test has set going: for the condition, never for a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

# For what never comes. What comes late on a busy machine has all the time it needs.
PATIENCE_SECONDS = 120
ANSWER_SECONDS = 90.0  # of one request: longer than the service's own patience
T = TypeVar("T")


def wait_for(condition: Callable[[], T | None], what: str) -> T:
    """What the condition gives as soon as that is true; `what` says what did not come else."""
    ends = time.monotonic() + PATIENCE_SECONDS
    while not (found := condition()):
        assert time.monotonic() < ends, f"not after {PATIENCE_SECONDS} s: {what}"
        time.sleep(0.02)
    return found
