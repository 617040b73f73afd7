"""All checks, in the order of the report; one that fails does not stop the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path

from cartproxy.doctor import edge, files, machine
from cartproxy.doctor.findings import Finding, error, guarded, ok, warning
from cartproxy.doctor.rights import customer_findings, order_findings
from cartproxy.doctor.storage import storage_findings
from cartproxy.doctor.stores import store_findings
from cartproxy.settings import Settings, declared
from cartproxy.settings_source import PREFIX, config_file, read, secret_files, service_links

_ADVICE = "Correct it: docs/settings.md and config/cartproxy.example.toml describe every setting."
_MACHINE_SETTINGS = ("concurrency", "workers", "drain_seconds", "request_seconds", "public_url")


def examine(environment: Mapping[str, str], config: Path | None) -> tuple[bool, list[Finding]]:
    """Whether the settings are valid, and everything that was found.

    Checks that need no invalid setting run all the same.
    """
    settings, problems = read(environment, config)
    path = config_file(environment, config)
    unknown = [each.partition(":")[0] for each in problems]
    if any(each.startswith(f"{path}: ") for each in problems):
        # What the file says about them is not known.
        every = (name for name, _, _ in declared(Settings))
        unknown += [name for name in every if PREFIX + name.upper() not in environment]
    return not problems, [
        *guarded("settings", "settings", partial(_settings, environment, settings, problems)),
        *guarded("files", "files", partial(_file_modes, environment, path)),
        *_run(settings, unknown),
    ]


def _settings(
    environment: Mapping[str, str], settings: Settings, problems: list[str]
) -> Iterator[Finding]:
    for each in problems:
        yield error("settings", each, _ADVICE)
    if not problems:
        yield ok("settings", f"They are valid; stores: {', '.join(settings.stores)}.")
    if links := service_links(environment):
        yield ok("service-links", f"Ignored: {', '.join(links)}.")


def _file_modes(environment: Mapping[str, str], config: Path | None) -> Iterator[Finding]:
    """Of the configuration file, and of every file that a variable `..._FILE` names."""
    named = [*secret_files(environment)]
    for about, path in [("config file", config), *named] if config else named:
        yield from guarded("files", about, partial(files.mode_findings, path))


def _run(settings: Settings, unknown: list[str]) -> Iterator[Finding]:
    """Run each check unless a setting that it needs is invalid: defaults are in their place."""

    def check(
        code: str, about: str, needed: Iterable[str], findings: Callable[[], Iterable[Finding]]
    ) -> Iterator[Finding]:
        missing = sorted({each for each in unknown if each.startswith(tuple(needed))})
        skipped = warning(
            f"{code}-not-examined",
            f"Not checked, since this must be corrected first: {', '.join(missing)}.",
            "Correct it, and run the doctor again.",
        )
        yield from guarded(code, about, (lambda: [skipped]) if missing else findings)

    for code, about, needed, findings in (
        ("public-url", "public_url", ("public_url",), edge.public_url_findings),
        (
            "trusted-hops",
            "trusted_hops",
            ("public_url", "trusted_hops"),
            edge.trusted_hops_findings,
        ),
        ("redis", "redis", ("redis_url", f"{PREFIX}REDIS_URL"), storage_findings),
    ):
        yield from check(code, about, needed, partial(findings, settings))
    named = {each.split(".")[1] for each in unknown if each.startswith("stores.")}
    for name in sorted(named - settings.stores.keys()):
        yield from check("store", f"store {name}", [f"stores.{name}"], tuple)
    for name, store in settings.stores.items():
        for code, store_check in (
            ("store", store_findings),
            ("customers", customer_findings),
            ("orders", order_findings),
            ("shop", edge.shop_findings),
            ("origins", edge.origin_findings),
        ):
            about, ask = f"store {name}", partial(store_check, name, store, settings)
            yield from check(code, about, [f"stores.{name}."], ask)
    for about, findings in (
        ("concurrency", machine.concurrency_findings),
        ("file descriptors", machine.descriptor_findings),
        ("drain_seconds", machine.stop_findings),
    ):
        yield from check("machine", about, _MACHINE_SETTINGS, partial(findings, settings))
