"""What the commands `carts list | show | revoke` and `keys create` do."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice

from cartproxy.model.cart import plain
from cartproxy.records.admin import CartAdmin, Entry
from cartproxy.records.names import site_name
from cartproxy.records.seal import Seal
from cartproxy.settings import KEY_NAME, Settings, is_site
from cartproxy.settings_source import load_or_exit
from cartproxy.storage.connect import connect

_SHORTEST_NAME = 12  # what logs show


def _open(chosen: argparse.Namespace) -> tuple[Settings, CartAdmin]:
    settings = load_or_exit(os.environ, chosen.config)
    if not settings.redis_url:
        raise SystemExit(
            "No redis_url is set: carts are in the service's memory and can't be read here."
        )
    seal = Seal(settings.seal_key.reveal(), settings.previous_seal_key.reveal())
    return settings, CartAdmin(connect(settings), seal)


def _found(chosen: argparse.Namespace, settings: Settings, admin: CartAdmin) -> Iterator[str]:
    """Names of the carts of the site that was asked for, or of all."""
    if bool(chosen.store) != bool(chosen.origin):
        raise SystemExit("--store and --origin go together: a cart belongs to both.")
    if not chosen.store:
        yield from admin.names()
        return
    if chosen.store not in settings.stores:
        raise SystemExit(f"No store has this name. There are: {', '.join(settings.stores)}.")
    if not re.fullmatch(rf"key:{KEY_NAME}", chosen.origin) and not is_site(chosen.origin):
        raise SystemExit(
            "--origin is one site, as browsers send it, without a path: https://blog.example, or "
            "key:NAME."
        )
    for pepper in (settings.pepper, settings.previous_pepper):
        if pepper:
            site = site_name(pepper.reveal(), store=chosen.store, origin=chosen.origin)
            yield from admin.names(site=site)


def list_carts(chosen: argparse.Namespace) -> int:
    """Print a line for each cart and return 0; SystemExit tells what can't be done."""
    settings, admin = _open(chosen)
    for name in islice(_found(chosen, settings, admin), chosen.limit):
        entry = admin.look(name)
        if entry:
            print(_line(entry))
    return 0


def _line(entry: Entry) -> str:
    made = f"{entry.created:%Y-%m-%d %H:%M}" if entry.created else "-"
    lines = entry.record.lines().values() if entry.record else ()
    pieces = sum((line.quantity for line in lines), Decimal(0))
    days = entry.expires_seconds / 86400
    holds = f"lines {len(lines)}  pieces {plain(pieces)}" if entry.record else "unreadable"
    return f"{entry.name[:_SHORTEST_NAME]}  made {made}  {holds}  {days:.1f} days left"


def show_cart(chosen: argparse.Namespace) -> int:
    """Print one cart's lines and return 0; SystemExit tells what can't be done."""
    _, admin = _open(chosen)
    entry = admin.look(_one(admin, chosen.name))
    if entry is None:
        raise SystemExit("The cart was deleted just now.")
    if entry.record is None:
        raise SystemExit("The cart can't be read: seal_key, or the release, is not the service's.")
    print(_line(entry))
    for line in entry.record.shown.items:
        chosen_options = ", ".join(f"{option.name}: {option.value}" for option in line.options)
        print(
            f"  {plain(line.quantity)} x {line.catalog_id} {line.name}  {chosen_options}".rstrip()
        )
    wishes = entry.record.wishes
    if pending := sum(wish.owed and wish.is_open for wish in wishes):
        print(f"  waiting for the store: {pending}")
    if doubts := {wish.entry for wish in wishes if not wish.owed}:
        print(f"  in doubt: {len(doubts)}")
    return 0


def revoke_carts(chosen: argparse.Namespace) -> int:
    """Forget a cart, or all of a site, and return 0; SystemExit tells what can't be done."""
    settings, admin = _open(chosen)
    if bool(chosen.name) == bool(chosen.origin):
        raise SystemExit("Give a cart's name, or --store and --origin for all carts of a site.")
    names = [_one(admin, chosen.name)] if chosen.name else list(_found(chosen, settings, admin))
    admin.revoke(names)
    print(f"{len(names)} revoked: their credentials open an empty cart from now on.")
    return 0


def _one(admin: CartAdmin, beginning: str) -> str:
    """The one cart whose name begins so."""
    if len(beginning) < _SHORTEST_NAME or not beginning.isalnum():
        raise SystemExit(f"A cart's name has {_SHORTEST_NAME} characters at least.")
    found = list(islice(admin.names(beginning), 2))
    if len(found) != 1:
        raise SystemExit(
            "There is no such cart." if not found else "More than one cart's name begins like this."
        )
    return found[0]


def create_key(chosen: argparse.Namespace) -> int:
    """Print a new key and the settings' entry for it; SystemExit tells what can't be done."""
    from cartproxy.web.api_keys import create

    if not re.fullmatch(KEY_NAME, chosen.name, re.ASCII):
        raise SystemExit("A key's name is 1 to 32 letters, digits and . _ -")
    key, entry = create(chosen.name, customers=chosen.customers)
    print("The key, shown only once, for the server that calls:", file=sys.stderr)
    print(key)
    print("Its entry in the store's settings:", file=sys.stderr)
    print(f'api_keys = ["{entry}"]')
    return 0
