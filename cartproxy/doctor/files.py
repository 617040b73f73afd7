"""Who else on this machine may read or change the files that settings come from."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from cartproxy.doctor.findings import Finding, error, ok, warning
from cartproxy.settings import StoreSettings
from cartproxy.settings_source import config_file, secret_files


def file_findings(environment: Mapping[str, str], config: Path | None) -> Iterator[Finding]:
    """The modes of the configuration file and of every file that a variable `..._FILE` names."""
    config = config_file(environment, config)
    if config is not None:
        yield from _mode("config file", config)
    for variable, path in secret_files(environment):
        yield from _mode(variable, path)


def ca_file_findings(name: str, store: StoreSettings) -> Iterator[Finding]:
    """Whether the store's own CA bundle is there: its calls would fail without saying why."""
    if store.ca_file and not Path(store.ca_file).is_file():
        yield error(
            "ca-file",
            f"store {name}",
            f"ca_file {store.ca_file} does not exist.",
            "Correct the path, or remove the setting to use the machine's certificates.",
        )


def _mode(about: str, path: Path) -> Iterator[Finding]:
    try:
        mode = path.stat().st_mode
    except OSError as failure:
        yield error(
            "file-unreadable",
            about,
            f"{path}: {failure.strerror}.",
            "Correct the path, or let the service's user read it.",
        )
        return
    shown = f"{path} has mode {stat.S_IMODE(mode):04o}"
    if mode & stat.S_IWOTH:
        yield error(
            "file-world-writable",
            about,
            f"{shown}: everybody on this machine can change it.",
            f"chmod o-rwx {path}",
        )
    elif mode & stat.S_IROTH:
        yield warning(
            "file-world-readable",
            about,
            f"{shown}: everybody on this machine can read it.",
            f"chmod o-rwx {path}, and make the service's user its owner.",
        )
    else:
        yield ok("file-mode", about, f"{shown}.")
