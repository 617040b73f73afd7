"""What the service adds to the time that the store needs for an add."""

from __future__ import annotations

from itertools import repeat

import requests

from benchmarks import traffic
from benchmarks.contenders import Contender, Surroundings
from benchmarks.load import shop
from benchmarks.spread import Spread

_DIRECT_SECONDS = 0.05
_THROUGH_SECONDS = 0.2


async def added_ms(around: Surroundings, own: Contender, bearer: str, slices: int) -> Spread:
    """The median of an add minus those of its two store calls made directly; one shopper.

    They take turns in short slices, so that a machine that slows down slows both.
    """
    made = requests.post(f"{around.store_url}/Cart", json={}, timeout=5).json()
    calls = traffic.store_calls(str(made[0]["Value"]))
    added = []
    for _ in range(slices):
        direct = [await shop(around.store_port, [repeat(call)], _DIRECT_SECONDS) for call in calls]
        through = await shop(own.port, [traffic.adds(bearer)], _THROUGH_SECONDS)
        added.append(through.percentile(0.5) - sum(each.percentile(0.5) for each in direct))
    return Spread.of(added)
