"""Whether a request costs more when there are more carts: two services, measured in turn.

Each has its own Redis server. First both hold few carts: that ratio is the control, which
shows how much two equal instances differ on this machine. Then one of them holds many.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from support.servers import redis_server

from benchmarks.cases import ADD_64, GET_64, Bench, Pace
from benchmarks.contenders import Surroundings, service
from benchmarks.memory import Copies

_FEW, _MANY = "service with few carts", "service with many carts"
_COUNTS = {"thousand": 1_000, "million": 1_000_000}


async def growth(around: Surroundings, logs: Path, pace: Pace) -> dict[str, Any]:
    """CPU of a look and of an add with a thousand and a million carts, against a thousand."""
    found: dict[str, Any] = {}
    with ExitStack() as stack:
        copies = {}
        services = []
        for name in (_FEW, _MANY):
            beside = replace(around, redis_url=stack.enter_context(redis_server()))
            services.append(stack.enter_context(service(beside, logs, name)))
            copies[name] = Copies(beside, services[-1])
            await copies[name].make_model()
        copies[_FEW].grow_to(_COUNTS["thousand"])
        for word, count in _COUNTS.items():
            copies[_MANY].grow_to(count)
            bench = Bench(around, services)
            await bench.fill_carts()
            for case in (GET_64, ADD_64):
                await bench.run(case, pace)
                found[f"{case.action}_cpu_{word}_vs_thousand"] = bench.cpu_ratio(case, _MANY, _FEW)
    return found
