"""Who else on this machine may read or change the files that settings come from."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

from cartproxy.doctor.findings import Finding, error, ok, warning


def mode_findings(path: Path) -> Iterator[Finding]:
    """Whether a file can be read, and by whom."""
    try:
        mode = path.stat().st_mode
    except OSError as failure:
        yield error(
            "file-unreadable",
            f"{path}: {failure.strerror}.",
            "Correct the path, or let the service's user read it.",
        )
        return
    shown = f"{path} has mode {stat.S_IMODE(mode):04o}"
    if mode & stat.S_IWOTH:
        yield error(
            "file-world-writable",
            f"{shown}: everybody on this machine can change it.",
            f"chmod o-rwx {path}",
        )
    elif mode & stat.S_IROTH:
        yield warning(
            "file-world-readable",
            f"{shown}: everybody on this machine can read it.",
            f"chmod o-rwx {path}, and make the service's user its owner.",
        )
    else:
        yield ok("file-mode", f"{shown}.")
