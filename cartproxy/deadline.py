"""One absolute end for everything a request does."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deadline:
    """A point on the monotonic clock, in seconds, that every call of a request inherits."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """The deadline that passes in so many seconds."""
        return cls(time.monotonic() + seconds)

    def remaining(self) -> float:
        """Seconds left, never below zero."""
        return max(0.0, self.at - time.monotonic())
