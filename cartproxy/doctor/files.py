"""Who else on this machine may read or change the files that settings come from."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

from cartproxy.doctor.findings import Finding, error, ok, warning
from cartproxy.settings import Settings, StoreSettings


def ca_file_findings(_name: str, store: StoreSettings, _settings: Settings) -> Iterator[Finding]:
    """Whether the store's own CA bundle exists: without it, calls fail without saying why."""
    if store.ca_file and not Path(store.ca_file).is_file():
        yield error(
            "ca-file",
            f"ca_file {store.ca_file} does not exist.",
            "Correct the path, or remove the setting to use the machine's certificates.",
        )


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
