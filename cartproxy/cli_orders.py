"""What the commands `sales` and `webhook register` do."""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from typing import Any

from cartproxy.app import store_sales
from cartproxy.records.sales import KEPT_DAYS, Row
from cartproxy.settings import Settings, StoreSettings
from cartproxy.settings_source import load_store_or_exit
from cartproxy.storage.connect import connect
from cartproxy.store import webhooks
from cartproxy.store.errors import StoreError
from cartproxy.upstream import store_calls

_STEPS = """The store does not take a webhook by its API ({reason}). In its online store manager:
  1. Modules > REST API (or Settings > General > Webhooks): add a webhook.
  2. Event: Order New. Format: JSON. Enabled.
  3. URL: {shown}
with the value of hook_secret at the end."""


def _settings(chosen: argparse.Namespace) -> tuple[Settings, StoreSettings]:
    settings, store = load_store_or_exit(os.environ, chosen.config, chosen.store)
    if not store.hook_secret:
        raise SystemExit(f"stores.{chosen.store}.hook_secret is not set: no sales are counted.")
    return settings, store


def print_sales(chosen: argparse.Namespace) -> int:
    """Print a row for each day and site and return 0; SystemExit tells what can't be done."""
    settings, store = _settings(chosen)
    if not settings.redis_url:
        raise SystemExit(
            "No redis_url is set: figures are in the service's memory and can't be read here."
        )
    sales = store_sales(chosen.store, store, settings, connect(settings), settings.pepper.reveal())
    rows = [_as_json(row, store) for row in sales.rows(_since(chosen.since))]
    if chosen.json:
        print(json.dumps(rows, indent=2))
    elif chosen.csv:
        sheet = csv.DictWriter(sys.stdout, _COLUMNS, lineterminator="\n")
        sheet.writeheader()
        sheet.writerows({**row, "origin": _harmless(row["origin"])} for row in rows)
    else:
        print(_table([_COLUMNS, *([str(row[name]) for name in _COLUMNS] for row in rows)]))
    return 0


_COLUMNS = ("day", "origin", "carts", "checkouts", "orders", "value", "currency")


def _as_json(row: Row, store: StoreSettings) -> dict[str, Any]:
    value = f"{store.money.pad(row.value):f}"
    return asdict(row) | {"day": str(row.day), "value": value, "currency": store.currency}


def _harmless(origin: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{origin}" if origin.startswith(("=", "+", "-", "@")) else origin


def _table(lines: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            text.ljust(width) if at in (0, 1, 6) else text.rjust(width)
            for at, (text, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _since(text: str) -> date:
    """The first day of `30d` (today and the 29 days before) or of a date."""
    number = text.removesuffix("d")
    if text != number and number.isascii() and number.isdigit() and 0 < len(number) < 5:
        days = min(int(number), KEPT_DAYS)
        return datetime.now(UTC).date() - timedelta(max(days, 1) - 1)
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise SystemExit("--since is a number of days, 30d, or a date, 2026-11-01.") from None


def register_webhook(chosen: argparse.Namespace) -> int:
    """Let the store post new orders to this service; 0 if it does, 1 if that is left to people."""
    settings, store = _settings(chosen)
    public = settings.hook_url(chosen.store)
    url = public + store.hook_secret.reveal()
    with store_calls(chosen.store, store, settings, "webhook") as call:
        try:
            was_there = webhooks.register(call, url)
        except StoreError as error:
            print(_STEPS.format(reason=error.detail.rstrip("."), shown=f"{public}<hook_secret>"))
            return 1
    print("The store posts its new orders to " + ("this service already." if was_there else public))
    return 0
