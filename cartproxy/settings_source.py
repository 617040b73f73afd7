"""Reads the settings: environment over file over default, and every problem reported at once.

A setting `redis_url` is `CARTPROXY_REDIS_URL` in the environment, and a store's `token` is
`CARTPROXY_STORES_<ID>_TOKEN`; any of them may be given as a file by `..._FILE`. The TOML file is
the one that `CARTPROXY_CONFIG` names.
"""

from __future__ import annotations

import codecs
import difflib
import importlib.util
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from marshmallow import Schema, ValidationError, fields

from cartproxy.settings import Settings, StoreSettings, declared, is_storage_url
from cartproxy.sites import Sites

PREFIX = "CARTPROXY_"
EX_CONFIG = 78  # sysexits.h: something is wrong with the configuration
# Kubernetes gives every container the addresses of the services around it, as Docker's links do:
# a service `cartproxy` is CARTPROXY_PORT=tcp://10.0.0.1:8000, a service `cartproxy-redis` is
# CARTPROXY_REDIS_SERVICE_HOST. Docker adds CARTPROXY_REDIS_NAME=/web/redis and, behind
# CARTPROXY_REDIS_ENV_, that container's environment. `CARTPROXY_PORT=8000` is a mistake.
_SERVICE_LINK = re.compile(
    rf"{PREFIX}(?!STORES_\w+_NAME\Z)(?:[A-Z0-9_]+?_)??(?:SERVICE_HOST|SERVICE_PORT(?:_[A-Z0-9_]+)?"
    r"|PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?|ENV_\w+|(?P<ours>PORT|NAME))"
)
_ADDRESS = re.compile(r"(?:tcp|udp|sctp)://|/")
_OF_SERVICE = {name.upper(): (name, field) for name, field, _ in declared(Settings)}
_OF_STORE = {name.upper(): (name, field) for name, field, _ in declared(StoreSettings)}
_STORE_AND_SETTING = re.compile(rf"(.+?)_((?:{'|'.join(_OF_STORE)})(?:_FILE)?)", re.DOTALL)


class SettingsError(Exception):
    """The settings are not valid; `problems` lists every one, without any secret."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def load(environment: Mapping[str, str], path: Path | None = None) -> Settings:
    """Read the settings; `path` overrides `CARTPROXY_CONFIG`.

    Raises SettingsError with every problem.
    """
    settings, problems = read(environment, path)
    if problems:
        raise SettingsError(problems)
    return settings


def read(environment: Mapping[str, str], path: Path | None = None) -> tuple[Settings, list[str]]:
    """The settings, with defaults for those that are wrong, and every problem.

    A store is missing there where a setting that it needs is. Each problem begins with the name of
    its setting, variable or file, and a colon.
    """
    problems: list[str] = []
    path = config_file(environment, path)
    raw = _read_file(path, problems) if path else {}
    stores = _tables(raw.pop("stores", {}), problems)
    _overlay(environment, raw, stores, problems)
    if not stores:
        problems.append("stores: none is configured; add a [stores.<id>] table to the file.")
    built = {}
    for name, table in stores.items():
        values = _values(StoreSettings, table, f"stores.{name}.", problems)
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,31}", name):
            problems.append(f"stores.{name}: an id is lower-case letters, digits and hyphens.")
        with suppress(TypeError):  # a required one is missing
            built[name] = StoreSettings(**values)
            problems += _contradictions_of_store(f"stores.{name}", built[name])
    settings = Settings(**_values(Settings, raw, "", problems), stores=built)
    problems += _contradictions(settings)
    return settings, problems


def config_file(environment: Mapping[str, str], path: Path | None) -> Path | None:
    """The TOML file: the one that is named, else the one of `CARTPROXY_CONFIG`."""
    named = environment.get(PREFIX + "CONFIG")
    return path or (Path(named) if named else None)


def service_links(environment: Mapping[str, str]) -> list[str]:
    """The variables that an orchestrator sets for a service whose name begins like ours."""
    return sorted(name for name, text in environment.items() if _is_service_link(name, text))


def _is_service_link(variable: str, text: str) -> bool:
    match = _SERVICE_LINK.fullmatch(variable)
    return match is not None and (match["ours"] is None or _ADDRESS.match(text) is not None)


def load_or_exit(environment: Mapping[str, str], path: Path | None = None) -> Settings:
    """Like `load`; prints the problems on standard error and ends the process with code 78."""
    try:
        return load(environment, path)
    except SettingsError as error:
        for problem in error.problems:
            print(f"cartproxy: {problem}", file=sys.stderr)
        raise SystemExit(EX_CONFIG) from None


def load_store_or_exit(
    environment: Mapping[str, str], path: Path | None, store_id: str
) -> tuple[Settings, StoreSettings]:
    """The settings, and those of one store; ends the process with code 1 if there is none."""
    settings = load_or_exit(environment, path)
    store = settings.stores.get(store_id)
    if store is None:
        known = ", ".join(settings.stores)
        raise SystemExit(f"There is no store {store_id!r} in the settings, only {known}.")
    return settings, store


def _read_file(path: Path, problems: list[str]) -> dict[str, Any]:
    try:
        return tomllib.loads(_text(path))
    except OSError as error:
        problems.append(f"{path}: can't be read: {error.strerror}")
    except (ValueError, RecursionError) as error:
        problems.append(f"{path}: not TOML: {error}")
    return {}


def _text(path: Path) -> str:
    """A file in UTF-8, or as Windows writes it: with a byte order mark, perhaps in UTF-16."""
    content = path.read_bytes()
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return content.decode("utf-16" if wide else "utf-8-sig")


def _tables(stores: Any, problems: list[str]) -> dict[str, dict[str, Any]]:
    tables = stores if isinstance(stores, dict) else {"": stores}
    wrong = [name for name, table in tables.items() if not isinstance(table, dict)]
    if wrong:
        problems.append("stores: each store needs its own table: [stores.<id>].")
    return {name: dict(table) for name, table in tables.items() if name not in wrong}


def _overlay(
    environment: Mapping[str, str],
    raw: dict[str, Any],
    stores: dict[str, dict[str, Any]],
    problems: list[str],
) -> None:
    """Put the environment's values over the file's."""
    for variable, store, name, is_file in _variables(environment):
        known = _OF_SERVICE if store is None else _OF_STORE
        text = environment[variable]
        if is_file:
            if (plain := variable.removesuffix("_FILE")) in environment:
                problems.append(f"{variable}: {plain} is set too; only one of them can apply.")
            text = _read_secret(variable, text, problems)
        if name not in known or store == "":
            close = difflib.get_close_matches(name, known, n=1)
            place = PREFIX if store is None else f"{PREFIX}STORES_<ID>_"
            hint = f"; did you mean {place}{close[0]}?" if close else ""
            problems.append(f"{variable}: no such setting{hint}")
            continue
        if text.encode(errors="ignore").decode() != text:  # random bytes, as a key
            problems.append(f"{variable}: the value is not UTF-8.")
            text = ""
        setting, field = known[name]
        is_list = isinstance(field, fields.List)
        target = raw if store is None else stores.setdefault(store, {})
        target[setting] = [part.strip() for part in text.split(",")] if is_list else text


def secret_files(environment: Mapping[str, str]) -> Iterator[tuple[str, Path]]:
    """Each variable `..._FILE` that stands for the value of a setting, and the file it names."""
    for variable, _, _, is_file in _variables(environment):
        if is_file:
            yield variable, Path(environment[variable])


def _variables(environment: Mapping[str, str]) -> Iterator[tuple[str, str | None, str, bool]]:
    """Each variable of ours, its store, its setting in capitals, and whether it names a file.

    `CARTPROXY_STORES_MY_SHOP_TOKEN_FILE` is the store `my-shop` and its `TOKEN`, in a file. The
    store is None for a setting of the service, and empty where no store's setting is named.
    """
    for variable, text in sorted(environment.items()):
        name = variable.removeprefix(PREFIX)
        if name == variable or name == "CONFIG" or _is_service_link(variable, text):
            continue
        store, known = None, _OF_SERVICE
        if name.startswith("STORES_"):
            store, known, name = "", _OF_STORE, name.removeprefix("STORES_")
            if match := _STORE_AND_SETTING.fullmatch(name):
                store, name = match[1].lower().replace("_", "-"), match[2]
        is_file = name.endswith("_FILE") and name not in known
        yield variable, store, name.removesuffix("_FILE") if is_file else name, is_file


def _read_secret(variable: str, path: str, problems: list[str]) -> str:
    try:
        return _text(Path(path)).strip()
    except OSError as error:
        problems.append(f"{variable}: the file can't be read: {error.strerror}")
    except ValueError:  # its text would show a part of the secret
        problems.append(f"{variable}: the file can't be read: not UTF-8")
    return ""


def _values(
    kind: type[Any], raw: Mapping[str, Any], prefix: str, problems: list[str]
) -> dict[str, Any]:
    """The values that are right; of the others, the problems."""
    schema = Schema.from_dict({name: field for name, field, _ in declared(kind)})()
    try:
        values = schema.load(raw)
    except ValidationError as error:
        wrong = cast("dict[str, Any]", error.messages)
        for name, messages in wrong.items():
            close = difflib.get_close_matches(name, schema.fields, n=1, cutoff=0.7)
            hint = f" Did you mean {close[0]}?" if name not in schema.fields and close else ""
            problems.append(f"{prefix}{name}: {_flat(messages)}{hint}")
        right = cast("dict[str, Any]", error.valid_data)
        values = {name: value for name, value in right.items() if name not in wrong}
    return {
        name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
    }


def _flat(messages: Any) -> str:
    if isinstance(messages, dict):
        return " ".join(_flat(each) for each in messages.values())
    return " ".join(messages)


_HOOK_SECRET = re.compile(r"(?:[A-Za-z0-9._~-]{32,256})?", re.ASCII)


def _contradictions(settings: Settings) -> Iterator[str]:
    if settings.redis_url and len(settings.pepper.reveal()) < 32:
        yield "pepper: set 32 random characters or more, the same for all workers and machines."
    for name in ("previous_pepper", "seal_key", "previous_seal_key"):
        key = getattr(settings, name).reveal()
        if key and len(key) < 32:
            yield f"{name}: set 32 random characters or more."
        if key and "seal" in name and importlib.util.find_spec("cryptography") is None:
            yield f"{name}: needs the extra `crypto`: pip install 'cartproxy[crypto]'."
    if _bad_header(settings.metrics_token.reveal()):
        yield "metrics_token: must be printable ASCII without spaces."
    if settings.trace_url and not _has_otel():
        yield "trace_url: needs the extra `otel`: pip install 'cartproxy[otel]'."
    if settings.redis_url and not is_storage_url(settings.redis_url.reveal()):
        yield "redis_url: not a known kind of address; see the example."
    if settings.workers > 1 and not settings.redis_url:
        yield "workers: more than one needs redis_url; the embedded storage lives in one process."
    if settings.lock_lease_seconds <= settings.request_seconds:
        yield "lock_lease_seconds: must exceed request_seconds, or a slow write loses its lock."


def _contradictions_of_store(prefix: str, store: StoreSettings) -> Iterator[str]:
    if not (store.token or store.access_token):
        yield f"{prefix}.token: set it, or access_token."
    for key in ("private_key", "token", "access_token"):
        if _bad_header(getattr(store, key).reveal()):
            yield f"{prefix}.{key}: must be printable ASCII without spaces."
    if not _HOOK_SECRET.fullmatch(store.hook_secret.reveal()):
        yield f"{prefix}.hook_secret: set 32 characters or more: letters, digits, - . _ ~"
    for name in ("origin_products", "origin_creates_per_minute"):
        sites = [entry.split()[0] for entry in getattr(store, name)]
        for origin in sorted({each for each in sites if sites.count(each) > 1}):
            yield f"{prefix}.{name}: {origin} is there twice; only one can apply."
        for origin in sorted(set(sites)):
            if not _can_apply(origin, store.origins):
                yield f"{prefix}.{name}: {origin} is not in origins, so it could never apply."


def _can_apply(origin: str, listed: Iterable[str]) -> bool:
    """Whether an entry for the site, or for all below a wildcard, fits one that is listed."""
    entry, allowed = {origin: True}, dict.fromkeys(listed, True)
    return origin in allowed or origin in Sites(allowed) or any(map(Sites(entry).find, allowed))


def _has_otel() -> bool:
    try:
        return importlib.util.find_spec("opentelemetry.exporter.otlp.proto.http") is not None
    except ModuleNotFoundError:
        return False


def _bad_header(text: str) -> bool:
    return not re.fullmatch(r"[\x21-\x7e]*", text)
