"""The figures as a table to read, and as one line of JSON for a machine."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from benchmarks.cases import ADD_64, GET_64, WAIT_1000, Bench, Case, Result
from benchmarks.contenders import FASTAPI, FLASK, SERVICE
from benchmarks.spread import Spread

COLUMNS = ("CPU-ms", "requests/s", "p50 ms", "p99 ms", "peak MB", "errors")


def rows(bench: Bench, cases: Sequence[Case]) -> list[tuple[str, str, Result]]:
    """Case, server and result, in the order of the table."""
    named = [(case, each.name) for case in cases for each in bench.contenders]
    found = ((case.title, name, bench.result(name, case)) for case, name in named)
    return [(title, name, result) for title, name, result in found if result]


def print_table(bench: Bench, cases: Sequence[Case], figures: dict[str, Any]) -> None:
    """Print everything that was measured."""
    print(f"\n{'':42}{'':14}" + "".join(f"{column:>15}" for column in COLUMNS))
    last = ""
    for title, name, result in rows(bench, cases):
        errors = result.errors.total()
        columns = (
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
            f"{title if title != last else '':42}{name:14}"
            + "".join(f"{each:>15}" for each in columns)
        )
        last = title
    print()
    for title, name, result in rows(bench, cases):
        if result.errors:
            kinds = ", ".join(f"{number} x {kind}" for kind, number in result.errors.most_common())
            print(f"errors of {name}, {title}: {kinds}")
    for name, figure in figures.items():
        print(f"{name.replace('_', ' '):42}{figure}")


def ratios(bench: Bench) -> dict[str, Any]:
    """How the service's CPU compares, with 64 shoppers at work; and its errors with 1,000."""
    waiting = bench.result(SERVICE, WAIT_1000)
    return {
        "get_cpu_vs_fastapi": bench.cpu_ratio(GET_64, SERVICE, FASTAPI),
        "add_cpu_vs_naive_flask": bench.cpu_ratio(ADD_64, SERVICE, FLASK),
        "add_cpu_vs_fastapi": bench.cpu_ratio(ADD_64, SERVICE, FASTAPI),
        "errors_1000_in_flight": waiting.errors.total() if waiting else None,
        "errors_1000_in_flight_kinds": dict(waiting.errors) if waiting else None,
    }


def print_json(figures: dict[str, Any]) -> None:
    """The last line: a spread as its median, and beside it the range of its rounds."""
    line: dict[str, Any] = {}
    for name, figure in figures.items():
        if isinstance(figure, Spread):
            line[name] = round(figure.median, 2)
            line[f"{name}_range"] = [round(figure.least, 2), round(figure.greatest, 2)]
        else:
            line[name] = figure
    print(json.dumps(line))
