"""The figures as a table to read, and as one line of JSON for a machine."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from benchmarks.cases import ADD_64, GET_64, WAIT_1000, Bench, Case, Result
from benchmarks.contenders import FASTAPI, FLASK, SERVICE

COLUMNS = ("CPU-ms", "requests/s", "p50 ms", "p99 ms", "peak MB", "errors")


def rows(bench: Bench, cases: Sequence[Case]) -> list[tuple[str, str, Result]]:
    """Case, server and result, in the order of the table."""
    named = [(case, each.name) for case in cases for each in bench.contenders]
    found = ((case.title, name, bench.result(name, case)) for case, name in named)
    return [(title, name, result) for title, name, result in found if result]


def print_table(bench: Bench, cases: Sequence[Case], counts: dict[str, Any]) -> None:
    """Print everything that was measured."""
    print(f"\n{'':42}{'':14}" + "".join(f"{column:>15}" for column in COLUMNS))
    last = ""
    for title, name, result in rows(bench, cases):
        errors = result.errors.total()
        figures = (
            f"{result.cpu_ms:.2f}",
            f"{result.per_second:,.0f}",
            f"{result.p50_ms:.1f}",
            f"{result.p99_ms:.1f}",
            f"{result.peak_megabytes:.0f}",
            f"{errors} of {errors + result.answered}" if errors else "0",
        )
        if title != last:
            print()
        print(
            f"{title if title != last else '':42}{name:14}" + "".join(f"{f:>15}" for f in figures)
        )
        last = title
    print()
    for title, name, result in rows(bench, cases):
        if result.errors:
            kinds = ", ".join(f"{number} x {kind}" for kind, number in result.errors.most_common())
            print(f"errors of {name}, {title}: {kinds}")
    for name, figure in counts.items():
        print(f"{name.replace('_', ' '):42}{figure}")


def ratios(bench: Bench) -> dict[str, Any]:
    """How the service's CPU compares, with 64 shoppers at work; and its errors with 1,000."""

    def cpu(name: str, case: Case) -> float:
        result = bench.result(name, case)
        return result.cpu_ms if result else float("nan")

    waiting = bench.result(SERVICE, WAIT_1000)
    return {
        "get_cpu_vs_fastapi": round(cpu(SERVICE, GET_64) / cpu(FASTAPI, GET_64), 2),
        "add_cpu_vs_naive_flask": round(cpu(SERVICE, ADD_64) / cpu(FLASK, ADD_64), 2),
        "add_cpu_vs_fastapi": round(cpu(SERVICE, ADD_64) / cpu(FASTAPI, ADD_64), 2),
        "errors_1000_in_flight": waiting.errors.total() if waiting else None,
        "errors_1000_in_flight_kinds": waiting.errors if waiting else None,
    }


def print_json(figures: dict[str, Any]) -> None:
    """The last line."""
    print(json.dumps(figures))
