"""`python -m benchmarks.instructions`: the user-space instructions of a request.

Times vary by half on a shared machine; instructions, as valgrind counts them, are the
same to half a per cent from run to run, so a change of one per cent can be seen. They leave out the
kernel, and say nothing of waits for memory: CPU-ms (`make bench`) stay the figure that counts.
"""

from __future__ import annotations

import asyncio
import math
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import AbstractContextManager
from pathlib import Path

from benchmarks import traffic
from benchmarks.contenders import (
    FASTAPI,
    FLASK,
    SERVICE,
    Contender,
    Surroundings,
    reference,
    service,
    surroundings,
)
from benchmarks.load import shop

_SHOPPERS = 8
_REQUESTS_EACH = {"get": 40, "add": 15}
_TOTALS = re.compile(r"^desc: Trigger: dump (\w+)$.*^totals: (\d+)$", re.MULTILINE | re.DOTALL)


def _start(around: Surroundings, folder: Path, name: str) -> AbstractContextManager[Contender]:
    under = (
        "valgrind --tool=callgrind --instr-atstart=no --trace-children=yes "
        f"--max-stackframe=200000000 --callgrind-out-file={folder}/%p "
    )
    if name == SERVICE:
        return service(around, folder, under=under)
    return reference(around, folder, name, under=under)


async def _count(contender: Contender) -> None:
    """Have the counts of looks and of adds written, each to files of its own."""
    bearers = [traffic.new_bearer() for _ in range(_SHOPPERS)]
    for item in traffic.THREE_LINES:
        await _shop(contender.port, [[traffic.add_item(bearer, item)] for bearer in bearers])
    for action, times in _REQUESTS_EACH.items():
        ask = traffic.get_cart if action == "get" else traffic.add_item
        requests = [[ask(bearer) for _ in range(times)] for bearer in bearers]
        await _shop(contender.port, requests)  # so that everything has been imported
        requests = [[ask(bearer) for _ in range(times)] for bearer in bearers]
        _control("--instr=on")
        _control("--zero")
        await _shop(contender.port, requests)
        _control(f"--dump={action}")
        _control("--instr=off")


async def _shop(port: int, requests: list[list[bytes]]) -> None:
    """Make each shopper's requests, all shoppers at once. Raises RuntimeError for an error."""
    sample = await shop(port, [iter(own) for own in requests], math.inf)
    if sample.errors:
        raise RuntimeError(f"errors: {dict(sample.errors)}")


def _control(order: str) -> None:
    command = ["callgrind_control", order]
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603


def _counted(folder: Path) -> dict[str, float]:
    """Thousands of instructions a request, over all processes of the server."""
    totals = dict.fromkeys(_REQUESTS_EACH, 0)
    for file in folder.iterdir():
        if found := _TOTALS.search(file.read_text(errors="replace")):
            totals[found[1]] += int(found[2])
    return {
        action: total / 1000 / (_SHOPPERS * _REQUESTS_EACH[action])
        for action, total in totals.items()
    }


def main() -> None:
    """Count, and print a line for each server."""
    if not shutil.which("valgrind"):
        sys.exit("valgrind is not installed (Debian: valgrind)")
    with surroundings() as around:
        for name in (SERVICE, FASTAPI, FLASK):
            with tempfile.TemporaryDirectory() as folder:
                with _start(around, Path(folder), name) as contender:
                    asyncio.run(_count(contender))
                counted = _counted(Path(folder))
            print(name, *(f"{action} {each:,.0f} k" for action, each in counted.items()), sep="  ")


if __name__ == "__main__":
    main()
