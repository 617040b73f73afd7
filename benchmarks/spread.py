"""A figure measured in many rounds: its median and its range."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    """Median, lowest and highest of the rounds, and their number."""

    median: float
    least: float
    greatest: float
    rounds: int

    @classmethod
    def of(cls, figures: Sequence[float]) -> Spread:
        """The spread of one figure for each round."""
        return cls(statistics.median(figures), min(figures), max(figures), len(figures))

    def __str__(self) -> str:
        return (
            f"{self.median:.2f}  ({self.least:.2f} to {self.greatest:.2f} in {self.rounds} rounds)"
        )
