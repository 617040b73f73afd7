"""Reads the settings: environment over file over default, and every problem told at once.

A setting `redis_url` is `CARTPROXY_REDIS_URL` in the environment, and a store's `token` is
`CARTPROXY_STORES_<ID>_TOKEN`; any of them may be given as a file by `..._FILE`. The TOML file is
the one that `CARTPROXY_CONFIG` names.
"""

from __future__ import annotations

import difflib
import importlib.util
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from marshmallow import Schema, ValidationError, fields

from cartproxy.settings import Settings, StoreSettings, declared, is_storage_url

PREFIX = "CARTPROXY_"
EX_CONFIG = 78  # sysexits.h: something is wrong with the configuration


class SettingsError(Exception):
    """The settings don't stand; `problems` lists every one, without any secret."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def load(environment: Mapping[str, str], path: Path | None = None) -> Settings:
    """Read the settings; `path` overrides `CARTPROXY_CONFIG`.

    Raises SettingsError with every problem.
    """
    problems: list[str] = []
    path = path or (Path(name) if (name := environment.get(PREFIX + "CONFIG")) else None)
    raw = _read_file(path, problems) if path else {}
    stores = _tables(raw.pop("stores", {}), problems)
    _overlay(environment, raw, stores, problems)
    if not stores:
        problems.append("stores: none is configured; add a [stores.<id>] table to the file.")
    built = {
        name: _build(StoreSettings, table, f"stores.{name}.", problems)
        for name, table in stores.items()
    }
    settings = _build(Settings, raw, "", problems, stores=built)
    for name in stores:
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,31}", name):
            problems.append(f"stores.{name}: an id is lower-case letters, digits and hyphens.")
    if settings is not None:
        problems += _contradictions(settings)
    if problems or settings is None:
        raise SettingsError(problems)
    return cast(Settings, settings)


def load_or_exit(environment: Mapping[str, str], path: Path | None = None) -> Settings:
    """Like `load`; tells the problems on standard error and ends the process with code 78."""
    try:
        return load(environment, path)
    except SettingsError as error:
        for problem in error.problems:
            print(f"cartproxy: {problem}", file=sys.stderr)
        raise SystemExit(EX_CONFIG) from None


def _read_file(path: Path, problems: list[str]) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except OSError as error:
        problems.append(f"{path}: can't be read: {error.strerror}")
    except ValueError as error:
        problems.append(f"{path}: not TOML: {error}")
    return {}


def _tables(stores: Any, problems: list[str]) -> dict[str, dict[str, Any]]:
    tables = stores if isinstance(stores, dict) else {"": stores}
    wrong = [name for name, table in tables.items() if not isinstance(table, dict)]
    if wrong:
        problems.append("stores: each store is a table of its own: [stores.<id>].")
    return {name: dict(table) for name, table in tables.items() if name not in wrong}


def _overlay(
    environment: Mapping[str, str],
    raw: dict[str, Any],
    stores: dict[str, dict[str, Any]],
    problems: list[str],
) -> None:
    """Put the environment's values over the file's."""
    top = {name.upper(): (name, field) for name, field, _ in declared(Settings)}
    per_store = {name.upper(): (name, field) for name, field, _ in declared(StoreSettings)}
    for variable, text in sorted(environment.items()):
        name = variable.removeprefix(PREFIX)
        if name == variable or name == "CONFIG":
            continue
        target: dict[str, Any] | None = raw
        known = top
        if name.startswith("STORES_"):
            store, name = _split_store(name.removeprefix("STORES_"), per_store)
            target, known = stores.setdefault(store, {}) if store else None, per_store
        if name.endswith("_FILE") and name not in known:
            name = name.removesuffix("_FILE")
            text = _read_secret(variable, text, problems)
        if name in known and target is not None:
            setting, field = known[name]
            is_list = isinstance(field, fields.List)
            target[setting] = [part.strip() for part in text.split(",")] if is_list else text
        else:
            close = difflib.get_close_matches(name, known, n=1)
            place = PREFIX if known is top else f"{PREFIX}STORES_<ID>_"
            hint = f"; did you mean {place}{close[0]}?" if close else ""
            problems.append(f"{variable}: no such setting{hint}")


def secret_files(environment: Mapping[str, str]) -> Iterator[tuple[str, Path]]:
    """Each variable `..._FILE` that stands for the value of a setting, and the file it names."""
    per_store = {name.upper(): None for name, _, _ in declared(StoreSettings)}
    for variable, text in sorted(environment.items()):
        name = variable.removeprefix(PREFIX)
        if name == variable or not name.endswith("_FILE"):
            continue
        if name.startswith("STORES_"):
            _, name = _split_store(name.removeprefix("STORES_"), per_store)
        if name not in per_store:  # ca_file is a setting of its own
            yield variable, Path(text)


def _split_store(name: str, known: Mapping[str, Any]) -> tuple[str, str]:
    """`MY_SHOP_PRIVATE_KEY` is the store `my-shop` and its `PRIVATE_KEY`."""
    for ending in ("", "_FILE"):
        for setting in sorted(known, key=len, reverse=True):
            if name.endswith(f"_{setting}{ending}"):
                store = name.removesuffix(f"_{setting}{ending}")
                if store:
                    return store.lower().replace("_", "-"), setting + ending
    return "", name


def _read_secret(variable: str, path: str, problems: list[str]) -> str:
    try:
        return Path(path).read_text().strip()
    except (OSError, ValueError):
        problems.append(f"{variable}: the file can't be read.")
        return ""


def _build(
    kind: type[Any], raw: Mapping[str, Any], prefix: str, problems: list[str], **ready: Any
) -> Any:
    schema = Schema.from_dict({name: field for name, field, _ in declared(kind)})()
    try:
        values = schema.load(raw)
    except ValidationError as error:
        for name, messages in cast("dict[str, Any]", error.messages).items():
            close = difflib.get_close_matches(name, schema.fields, n=1, cutoff=0.7)
            hint = f" Did you mean {close[0]}?" if name not in schema.fields and close else ""
            problems.append(f"{prefix}{name}: {_flat(messages)}{hint}")
        return None
    values = {
        name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
    }
    return kind(**values, **ready)


def _flat(messages: Any) -> str:
    if isinstance(messages, dict):
        return " ".join(_flat(each) for each in messages.values())
    return " ".join(messages)


_HOOK_SECRET = re.compile(r"(?:[A-Za-z0-9._~-]{32,256})?", re.ASCII)


def _contradictions(settings: Settings) -> Iterator[str]:
    if settings.redis_url and len(settings.pepper.reveal()) < 32:
        yield "pepper: set 32 random characters or more, the same for all workers and machines."
    for name in ("seal_key", "previous_seal_key"):
        key = getattr(settings, name).reveal()
        if key and len(key) < 32:
            yield f"{name}: set 32 random characters or more."
        if key and importlib.util.find_spec("cryptography") is None:
            yield f"{name}: needs the extra `crypto`: pip install 'cartproxy[crypto]'."
    if settings.trace_url and not _has_otel():
        yield "trace_url: needs the extra `otel`: pip install 'cartproxy[otel]'."
    if settings.redis_url and not is_storage_url(settings.redis_url.reveal()):
        yield "redis_url: not an address of a kind that is known; see the example."
    if settings.workers > 1 and not settings.redis_url:
        yield "workers: more than one needs redis_url; the embedded storage lives in one process."
    if settings.lock_lease_seconds <= settings.request_seconds:
        yield "lock_lease_seconds: must exceed request_seconds, or a slow write loses its lock."
    for name, store in settings.stores.items():
        if store is not None and not (store.token or store.access_token):
            yield f"stores.{name}.token: set it, or access_token."
        for key in ("private_key", "token", "access_token"):
            if store is not None and _bad_header(getattr(store, key).reveal()):
                yield f"stores.{name}.{key}: must be printable ASCII without spaces."
        if store is not None and not _HOOK_SECRET.fullmatch(store.hook_secret.reveal()):
            yield f"stores.{name}.hook_secret: set 32 characters or more: letters, digits, - . _ ~"


def _has_otel() -> bool:
    try:
        return importlib.util.find_spec("opentelemetry.exporter.otlp.proto.http") is not None
    except ModuleNotFoundError:
        return False


def _bad_header(text: str) -> bool:
    return not re.fullmatch(r"[\x21-\x7e]*", text)
