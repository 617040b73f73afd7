"""`python -m benchmarks [--quick] [--svg PATH]`: measures, prints a table and one line of JSON."""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Any

import requests

from benchmarks import cases, chart, table, traffic
from benchmarks.cases import Bench
from benchmarks.contenders import SERVICE, Contender, Surroundings, contenders, surroundings
from benchmarks.counts import Counter
from benchmarks.load import shop
from benchmarks.memory import Copies


@dataclass(frozen=True)
class Plan:
    """How long and how much."""

    cases: tuple[cases.Case, ...]
    rounds: int
    seconds: float
    waiting_seconds: float
    carts_weighed: int
    cart_counts: tuple[int, ...]


_BOTH = (cases.GET_1, cases.GET_64, cases.ADD_1, cases.ADD_64)
QUICK = Plan(_BOTH, 1, 0.5, 0.5, 10_000, ())
FULL = Plan((*_BOTH, cases.GET_1000, cases.ADD_64_SLOW), 4, 1.5, 5, 100_000, (1_000, 1_000_000))


async def measure(around: Surroundings, started: list[Contender], plan: Plan) -> tuple[Bench, Any]:
    """Everything, in the order in which the parts disturb each other least."""
    own = started[0]
    bench = Bench(around, started)
    await bench.fill_carts()
    counts = await _count(around, own, bench.bearers[SERVICE][0])
    for case in plan.cases:
        print(case.title, flush=True)
        await bench.run(case, rounds=plan.rounds, seconds=plan.seconds)
    counts["added_ms"] = await _added_latency(around, own, bench, plan)
    only = SERVICE if plan is QUICK else ""
    await bench.run(cases.WAIT_1000, rounds=1, seconds=plan.waiting_seconds, only=only)
    copies = Copies(around, own)
    await copies.make_model()
    counts["carts_weighed"] = plan.carts_weighed
    counts["keys_per_cart"] = copies.keys_per_cart
    copies.clear()
    counts["bytes_per_cart"] = round(copies.bytes_per_cart(plan.carts_weighed))
    counts["bytes_of_the_record_alone"] = round(copies.bytes_per_cart(plan.carts_weighed, 1))
    counts |= await _growth(around, own, copies, plan)
    return bench, counts


async def _count(around: Surroundings, own: Contender, bearer: str) -> dict[str, Any]:
    counter = await Counter.of(around, own)
    first_trips, first_calls = await counter.first_add()
    trips, calls = await counter.add(bearer)
    minimal_trips, minimal_calls = await counter.add(bearer, minimal=True)
    await counter.add(bearer)
    get_trips, _ = await counter.get(bearer)
    return {
        "redis_trips_get": get_trips,
        "redis_trips_write": max(first_trips, trips, minimal_trips),
        "store_calls_first_add": first_calls,
        "store_calls_add": calls,
        "store_calls_add_minimal": minimal_calls,
        "start_to_ready_seconds": round(own.start_seconds, 2),
    }


async def _added_latency(around: Surroundings, own: Contender, bench: Bench, plan: Plan) -> float:
    """Median of an add minus the medians of its two store calls made directly; one shopper."""
    added = []
    bearer = bench.bearers[SERVICE][0]
    order_key = _cart_at_the_store(around)
    calls = traffic.store_calls(order_key)
    for _ in range(plan.rounds):
        direct = [await shop(around.store_port, [repeat(call)], 0.3) for call in calls]
        through = await shop(own.port, [traffic.adds(bearer)], plan.seconds)
        added.append(through.percentile(0.5) - sum(each.percentile(0.5) for each in direct))
    return round(statistics.median(added), 2)


def _cart_at_the_store(around: Surroundings) -> str:
    made = requests.post(f"{around.store_url}/Cart", json={}, timeout=5).json()
    return str(made[0]["Value"])


async def _growth(
    around: Surroundings, own: Contender, copies: Copies, plan: Plan
) -> dict[str, Any]:
    """CPU of a look and of an add with few and with many carts in Redis."""
    found = {}
    for count in plan.cart_counts:
        copies.clear()
        bench = Bench(around, [own])
        await bench.fill_carts()
        copies.grow_to(count)
        for case in (cases.GET_64, cases.ADD_64):
            await bench.run(case, rounds=plan.rounds, seconds=plan.seconds)
            result = bench.result(SERVICE, case)
            assert result is not None
            found[f"{case.action}_cpu_ms_at_{count}_carts"] = round(result.cpu_ms, 2)
    return found


def main() -> None:
    """Start the servers, measure, print."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds, under 50 s")
    parser.add_argument("--svg", type=Path, help="draw the chart to this file")
    chosen = parser.parse_args()
    plan = QUICK if chosen.quick else FULL
    with (
        tempfile.TemporaryDirectory() as logs,
        surroundings() as around,
        contenders(around, Path(logs)) as started,
    ):
        bench, counts = asyncio.run(measure(around, started, plan))
    shown = (*plan.cases, cases.WAIT_1000)
    table.print_table(bench, shown, counts)
    if chosen.svg:
        # Of those who wait, most get no answer from some servers: no scale holds that.
        chart.draw(table.rows(bench, plan.cases), chosen.svg)
    table.print_json(table.ratios(bench) | counts)


if __name__ == "__main__":
    main()
