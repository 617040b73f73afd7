"""All checks, in the order of the report, each in a guard of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path

from cartproxy.doctor import edge, files, machine
from cartproxy.doctor.customers import customer_findings
from cartproxy.doctor.findings import Finding, error, guarded, ok, warning
from cartproxy.doctor.orders import order_findings
from cartproxy.doctor.storage import storage_findings
from cartproxy.doctor.stores import store_findings
from cartproxy.settings import Settings, declared
from cartproxy.settings_source import PREFIX, config_file, read, service_links


def examine(environment: Mapping[str, str], config: Path | None) -> tuple[bool, list[Finding]]:
    """Whether the settings are valid, and everything that was found.

    Where some are wrong, what does not depend on them is examined all the same.
    """
    modes = guarded("files", "files", partial(files.file_findings, environment, config))
    settings, problems = read(environment, config)
    wrong = [error("settings", "settings", each, _ADVICE) for each in problems]
    if not problems:
        names = ", ".join(settings.stores)
        wrong = [ok("settings", "settings", f"They are valid; stores: {names}.")]
    links = service_links(environment)
    ignored = [ok("service-links", "settings", f"Ignored: {', '.join(links)}.")] if links else []
    path = config_file(environment, config)
    unknown = [each.partition(":")[0] for each in problems]
    if any(each.startswith(f"{path}: ") for each in problems):
        # What the file says of them is not known.
        every = (name for name, _, _ in declared(Settings))
        unknown += [name for name in every if PREFIX + name.upper() not in environment]
    return not problems, [*wrong, *ignored, *modes, *_run(settings, unknown)]


_ADVICE = "Correct it: docs/settings.md and config/cartproxy.example.toml describe every setting."


def _run(settings: Settings, unknown: list[str]) -> Iterator[Finding]:
    """Each check, but for those of settings that are wrong: a default stands in their place."""

    def check(
        code: str, about: str, needed: Iterable[str], findings: Callable[[], Iterable[Finding]]
    ) -> Iterator[Finding]:
        wanting = sorted({each for each in unknown if each.startswith(tuple(needed))})
        if not wanting:
            yield from guarded(code, about, findings)
            return
        yield warning(
            f"{code}-not-examined",
            about,
            f"Not checked, since this must be corrected first: {', '.join(wanting)}.",
            "Correct it, and run the doctor again.",
        )

    yield from check(
        "public-url", "public_url", ["public_url"], partial(edge.public_url_findings, settings)
    )
    yield from check(
        "trusted-hops",
        "trusted_hops",
        ["public_url", "trusted_hops"],
        partial(edge.trusted_hops_findings, settings),
    )
    yield from check(
        "redis",
        "redis",
        ["redis_url", f"{PREFIX}REDIS_URL"],
        partial(storage_findings, settings),
    )
    named = {each.split(".")[1] for each in unknown if each.startswith("stores.")}
    for name in sorted(named - settings.stores.keys()):
        yield from check("store", f"store {name}", [f"stores.{name}"], tuple)
    for name, store in settings.stores.items():
        about, needed = f"store {name}", [f"stores.{name}."]
        yield from check("ca-file", about, needed, partial(files.ca_file_findings, name, store))
        yield from check("store", about, needed, partial(store_findings, name, store, settings))
        yield from check(
            "customers", about, needed, partial(customer_findings, name, store, settings)
        )
        yield from check("orders", about, needed, partial(order_findings, name, store, settings))
        yield from check("shop", about, needed, partial(edge.shop_findings, name, store))
        yield from check(
            "origins", about, needed, partial(edge.origin_findings, name, store, settings)
        )
    for each in (machine.concurrency_findings, machine.descriptor_findings, machine.stop_findings):
        needed = ["concurrency", "workers", "drain_seconds", "request_seconds", "public_url"]
        yield from check("machine", "gunicorn", needed, partial(each, settings))
