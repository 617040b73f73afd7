"""All checks, in the order of the report, each in a guard of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from cartproxy.doctor import edge, files, machine
from cartproxy.doctor.findings import Finding, error, guarded, ok
from cartproxy.doctor.orders import order_findings
from cartproxy.doctor.storage import storage_findings
from cartproxy.doctor.stores import store_findings
from cartproxy.settings import Settings
from cartproxy.settings_source import SettingsError, load


def examine(environment: Mapping[str, str], config: Path | None) -> tuple[bool, list[Finding]]:
    """Whether the settings stand, and everything that was found.

    Where they don't, only they and their files can be examined.
    """
    modes = guarded("files", "files", partial(files.file_findings, environment, config))
    try:
        settings = load(environment, config)
    except SettingsError as failure:
        wrong = [error("settings", "settings", each, _MEND) for each in failure.problems]
        return False, [*wrong, *modes]
    names = ", ".join(settings.stores)
    sound = ok("settings", "settings", f"They stand; stores: {names}.")
    return True, [sound, *modes, *_run(settings)]


_MEND = "Correct it: docs/settings.md and config/cartproxy.example.toml tell every setting."


def _run(settings: Settings) -> Iterator[Finding]:
    yield from guarded("public-url", "public_url", partial(edge.public_url_findings, settings))
    yield from guarded(
        "trusted-hops", "trusted_hops", partial(edge.trusted_hops_findings, settings)
    )
    yield from guarded("redis", "redis", partial(storage_findings, settings))
    for name, store in settings.stores.items():
        about = f"store {name}"
        yield from guarded("ca-file", about, partial(files.ca_file_findings, name, store))
        yield from guarded("store", about, partial(store_findings, name, store, settings))
        yield from guarded("orders", about, partial(order_findings, name, store, settings))
        yield from guarded("origins", about, partial(edge.origin_findings, name, store, settings))
    for check in (machine.concurrency_findings, machine.descriptor_findings, machine.stop_findings):
        yield from guarded("machine", "gunicorn", partial(check, settings))
