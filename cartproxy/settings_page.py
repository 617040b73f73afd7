"""What `cartproxy config` prints: the settings in force, and the page docs/settings.md.

The page is made from the settings' declarations.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
from typing import Any

from marshmallow import fields, validate

from cartproxy.settings import Secret, SecretField, Settings, StoreSettings, declared
from cartproxy.settings_source import PREFIX, load_or_exit

_INTRO = """\
# Settings

Made from the code by `cartproxy config docs > docs/settings.md`; a test compares.

Settings come from a TOML file, named by `--config` or `CARTPROXY_CONFIG`, and from environment
variables, which win over the file. [`cartproxy.example.toml`](../config/cartproxy.example.toml) is
such a file with every setting in it. In a variable, the parts of a list are separated by commas.
For each variable there is another that ends in `_FILE` and names a file with the value; spaces and
line ends around the value are removed: `CARTPROXY_PEPPER_FILE=/run/secrets/pepper`. Only one of the
two may be set. Files are in UTF-8, with or without a byte order mark. The variables that Kubernetes
and Docker set for services whose names begin like ours (`CARTPROXY_SERVICE_HOST`,
`CARTPROXY_PORT=tcp://…`) are ignored, with a line in the log.

Wrong settings are all reported together, unknown names with a suggestion, and the process ends with
code 78; no secret is ever printed. `cartproxy config show` prints the settings in force, with
secrets masked. `cartproxy doctor` tries them out and says what to fix.

**Changing them while the service runs.** On SIGHUP the master process (`systemctl reload`,
`kill -HUP`) reads the TOML file and the files of secrets again. New workers start with them, the
old ones finish their requests, and no request is lost. Invalid settings are reported in the log, at
level CRITICAL, and change nothing. Environment variables and `bind` can't change in this way: they
stay as they were at the start. Without `redis_url` a SIGHUP deletes all carts, as a restart does.
"""
_STORES = """\
## Each store

A table `[stores.<id>]` of its own in the file; the id (lower-case letters, digits and hyphens) is
the `{store}` of the URLs. In a variable it is in upper case, with `_` for `-`: the `token` of
`[stores.my-shop]` is `CARTPROXY_STORES_MY_SHOP_TOKEN`.
"""
_HEAD = "| setting | variable | type | default | what |\n| --- | --- | --- | --- | --- |"
_TYPES: tuple[tuple[type[fields.Field[Any]], str], ...] = (
    (SecretField, "secret text"),
    (fields.List, "list of texts"),
    (fields.Boolean, "true or false"),
    (fields.Integer, "integer"),
    (fields.Float, "number"),
    (fields.String, "text"),
)


def print_settings(chosen: argparse.Namespace) -> int:
    """Print every setting in force as `name = value`, a secret as `***`; returns 0."""
    settings = load_or_exit(os.environ, chosen.config)
    _print_values(settings)
    for name, store in settings.stores.items():
        print(f"\n[stores.{name}]")
        _print_values(store)
    return 0


def _print_values(settings: Settings | StoreSettings) -> None:
    for name, _, _ in declared(type(settings)):
        value = getattr(settings, name)
        shown = ("***" if value else "") if isinstance(value, Secret) else value
        print(f"{name} = {shown!r}")


def print_page(_chosen: argparse.Namespace) -> int:
    """Print docs/settings.md; returns 0."""
    print(settings_page(), end="")
    return 0


def settings_page() -> str:
    """The whole page, as Markdown."""
    service = _table(Settings, PREFIX)
    stores = _table(StoreSettings, f"{PREFIX}STORES_<ID>_")
    return "\n".join([_INTRO, "## The service\n", service, "", _STORES, stores, ""])


def _table(kind: type[Settings] | type[StoreSettings], prefix: str) -> str:
    rows = [
        f"| `{name}` | `{prefix}{name.upper()}` | {_type(field)} | {_default(default)} | "
        f"{str(field.metadata['help']).replace('|', chr(92) + '|')} |"
        for name, field, default in declared(kind)
    ]
    return "\n".join([_HEAD, *rows])


def _type(field: fields.Field[Any]) -> str:
    name = next(name for kind, name in _TYPES if isinstance(field, kind))
    limits = [_limit(each) for each in field.validators]
    return ", ".join([name, *filter(None, limits)])


def _limit(validator: object) -> str:
    if isinstance(validator, validate.OneOf):
        return " or ".join(f"`{each}`" for each in validator.choices)
    return f"{validator.min} to {validator.max}" if isinstance(validator, validate.Range) else ""


def _default(default: Any) -> str:
    if default is dataclasses.MISSING:
        return "**required**"
    if default in ("", ()) or isinstance(default, Secret):
        return "empty"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return f"`{default:.10g}`" if isinstance(default, float) else f"`{default}`"
