"""What the command `snippet` does."""

from __future__ import annotations

import argparse
import os
import sys

from cartproxy.settings_source import load_store_or_exit
from cartproxy.widget.snippet import ask, buy_link, qr_code, snippet


def print_snippet(chosen: argparse.Namespace) -> int:
    """Ask the running service about the product, and print what fits it.

    Returns 0, or 1 for a link where links are switched off; without an answer there are no options.
    """
    settings, store = load_store_or_exit(os.environ, chosen.config, chosen.store)
    if chosen.link or chosen.qr:
        if not store.buy_page:
            print("Links are switched off: buy_page in the store's settings.", file=sys.stderr)
            return 1
        link = buy_link(settings.public_url, chosen.store, chosen.product)
        print(qr_code(link) if chosen.qr else link)
        return 0
    product = ask(settings.public_url, chosen.store, chosen.product)
    if "name" not in product:
        print("The service did not describe the product: no price, no options.", file=sys.stderr)
    site = store.site_url.rstrip("/")
    scheme = site.partition("://")[0]
    checkouts = [f"{scheme}://{host}" for host in store.hosts]
    print(snippet(settings.public_url, chosen.store, product, site, checkouts))
    return 0
