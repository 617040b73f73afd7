"""The command `probe`: checks that it may call the store, runs the walk, prints the report."""

from __future__ import annotations

import argparse
import hashlib
import ipaddress
import json
import math
import os
import signal
import sys
from pathlib import Path
from urllib.parse import urlsplit

from cartproxy.probe.calls import Calls
from cartproxy.probe.journal import Journal
from cartproxy.probe.report import as_json, as_text, profile
from cartproxy.probe.walk import MOST_CALLS, Walk
from cartproxy.settings import Settings, StoreSettings
from cartproxy.settings_source import load_or_exit
from cartproxy.storage.connect import connect
from cartproxy.store.limits import Budget
from cartproxy.store.sessions import new_session
from cartproxy.upstream import store_transport


def probe(chosen: argparse.Namespace) -> int:
    """Probe and print. Returns 0 if every question has an answer and every cart is deleted.

    Raises StorageError, and OSError if the profile can't be written.
    """
    settings = load_or_exit(os.environ, chosen.config)
    store = settings.stores.get(chosen.store)
    if store is None:
        return _refuse(f"There is no store {chosen.store!r}, only {', '.join(settings.stores)}.")
    if not chosen.live and not _is_loopback(store.base_url):
        return _refuse(f"{chosen.store} is not on this machine. --live says that you mean it.")
    if chosen.live and not _is_agreed(chosen, store):
        return _refuse("No call was made.")
    return _walk(chosen, store, settings)


def _walk(chosen: argparse.Namespace, store: StoreSettings, settings: Settings) -> int:
    with new_session(1) as session:
        transport = store_transport(chosen.store, store, settings, session)
        calls = Calls(
            transport, _budget(chosen.store, store, settings), settings.store_call_seconds
        )
        journal = Journal(_journal_path(chosen.store, store), store.private_key.reveal())
        walk = Walk(calls, journal, bases=_bases(store), catalog_id=chosen.product)
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, lambda *_: calls.stop("The probe was stopped."))
        walk.run()
    report = as_json if chosen.json else as_text
    print(report(walk, chosen.store, calls.count, calls.throttled))
    if chosen.profile:
        chosen.profile.write_text(json.dumps(profile(walk), indent=2) + "\n")
    return 1 if walk.unknown or walk.left_behind or walk.lost else 0


def _budget(name: str, store: StoreSettings, settings: Settings) -> Budget:
    """The budget that the service's workers share; without Redis, one for this process."""
    if settings.redis_url:
        client = connect(settings)
    else:
        import fakeredis

        client = fakeredis.FakeRedis(protocol=2)
    return Budget(
        client, store_id=name, rate=store.calls_per_second, burst=store.call_burst, wait_seconds=60
    )


def _is_agreed(chosen: argparse.Namespace, store: StoreSettings) -> bool:
    """Say what will happen, and ask for permission, except with --yes."""
    seconds = math.ceil(MOST_CALLS / store.calls_per_second)
    print(
        f"The probe makes up to {MOST_CALLS} calls to {urlsplit(store.base_url).hostname}, at most "
        f"{store.calls_per_second:g} a second (some {seconds} s).\n"
        "It makes two carts, adds one product twice, asks for a cart that does not exist,\n"
        "writes x's into the cart's shipping address, and deletes the carts. It places no order.",
        file=sys.stderr,
    )
    if chosen.yes:
        return True
    print("Start? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _bases(store: StoreSettings) -> set[str]:
    urls = [urlsplit(url) for url in (store.api_url, store.site_url)]
    origins = {f"{url.scheme}://{url.netloc}" for url in urls}
    return origins | {f"https://{host}" for host in store.hosts}


def _journal_path(name: str, store: StoreSettings) -> Path:
    """One file for each store and address, in the user's own state folder."""
    folder = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    which = hashlib.sha256(f"{store.base_url} {store.secure_url}".encode()).hexdigest()[:12]
    return folder / "cartproxy" / f"probe-{name}-{which}.json"


def _refuse(reason: str) -> int:
    print(f"cartproxy probe: {reason}", file=sys.stderr)
    return 1
