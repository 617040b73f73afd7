"""What a server's processes have used so far, from /proc: the CPU is the robust figure of a run."""

from __future__ import annotations

import os
from pathlib import Path

_TICK_MS = 1000 / os.sysconf("SC_CLK_TCK")


def tree(root: int) -> list[int]:
    """A process and all that descend from it."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int(_stat(int(folder.name))[1])
        except (OSError, IndexError):
            continue
    found = [root]
    for process in found:
        found += [child for child, parent in parents.items() if parent == process]
    return found


def cpu_ms(processes: list[int]) -> float:
    """User and system time of these processes together."""
    return sum(int(_stat(each)[11]) + int(_stat(each)[12]) for each in processes) * _TICK_MS


def peak_megabytes(processes: list[int]) -> float:
    """The largest resident size of each of them, summed; shared pages count in each."""
    return sum(_peak_kilobytes(each) for each in processes) / 1024


def _stat(process: int) -> list[str]:
    """The fields after the name, which may hold spaces: state, parent, ..."""
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()


def _peak_kilobytes(process: int) -> int:
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])
