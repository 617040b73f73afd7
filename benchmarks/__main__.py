"""`python -m benchmarks [--quick] [--svg PATH]`: measures, prints a table and one line of JSON."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import cases, chart, table
from benchmarks.cases import Bench, Case, Pace
from benchmarks.contenders import SERVICE, Contender, Surroundings, contenders, surroundings
from benchmarks.counts import Counter
from benchmarks.growth import growth
from benchmarks.latency import added_ms
from benchmarks.memory import Copies


@dataclass(frozen=True)
class Plan:
    """How long and how much."""

    cases: dict[Case, Pace]
    waiting: Pace
    latency_slices: int
    carts_weighed: int
    growth: Pace | None


# Many short rounds, so that the servers are measured within seconds of each other.
_ROUNDS = Pace(16, 0.3)
QUICK = Plan(
    {
        cases.GET_1: Pace(1, 0.3),
        cases.GET_64: Pace(3, 0.25),
        cases.ADD_1: Pace(1, 0.3),
        cases.ADD_64: Pace(3, 0.25),
    },
    waiting=Pace(1, 0.5),
    latency_slices=5,
    carts_weighed=10_000,
    growth=None,
)
FULL = Plan(
    {
        **dict.fromkeys((cases.GET_1, cases.GET_64, cases.ADD_1, cases.ADD_64), _ROUNDS),
        **dict.fromkeys((cases.GET_1000, cases.ADD_64_SLOW), Pace(4, 1.5)),
    },
    waiting=Pace(1, 5),
    latency_slices=20,
    carts_weighed=100_000,
    growth=_ROUNDS,
)


async def measure(
    around: Surroundings, started: list[Contender], plan: Plan, logs: Path
) -> tuple[Bench, dict[str, Any]]:
    """Everything, in the order in which the parts disturb each other least."""
    own = started[0]
    bench = Bench(around, started)
    await bench.fill_carts()
    counts = await _count(around, own, bench.bearers[SERVICE][0])
    for case, pace in plan.cases.items():
        print(case.title, flush=True)
        await bench.run(case, pace)
    bearer = bench.bearers[SERVICE][0]
    counts["added_ms"] = await added_ms(around, own, bearer, plan.latency_slices)
    await bench.run(cases.WAIT_1000, plan.waiting, only=SERVICE if plan is QUICK else "")
    copies = Copies(around, own)
    await copies.make_model()
    counts["carts_weighed"] = plan.carts_weighed
    counts["keys_per_cart"] = copies.keys_per_cart
    copies.clear()
    counts["bytes_per_cart"] = round(copies.bytes_per_cart(plan.carts_weighed))
    counts["bytes_of_the_record_alone"] = round(copies.bytes_per_cart(plan.carts_weighed, 1))
    if plan.growth:
        counts |= await growth(around, logs, plan.growth)
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


def main() -> None:
    """Start the servers, measure, print."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds, under 50 s")
    parser.add_argument("--svg", type=Path, help="draw the chart to this file")
    chosen = parser.parse_args()
    plan = QUICK if chosen.quick else FULL
    with (
        tempfile.TemporaryDirectory() as folder,
        surroundings() as around,
        contenders(around, logs := Path(folder)) as started,
    ):
        bench, counts = asyncio.run(measure(around, started, plan, logs))
    figures = table.ratios(bench) | counts
    table.print_table(bench, (*plan.cases, cases.WAIT_1000), figures)
    if chosen.svg:
        # Left out: with many waiting shoppers some servers answer hardly anybody.
        chart.draw(table.rows(bench, list(plan.cases)), chosen.svg)
    table.print_json(figures)


if __name__ == "__main__":
    main()
