"""Whether each store can be reached, and its credentials have the rights that carts need.

Two GETs, which create and change nothing (docs/store-api.md, Cart endpoints and Lists). So they
can't test the right to write carts: that would leave a cart behind.

- `GET /Cart/{key}` with a random key: 404 shows valid credentials and the right to read carts, 401
  shows that one is missing. The key belongs to nobody's cart, and the answer is not shown anyway.
- `GET /Products?countonly=1`: the same for Products, with the shortest answer. StoreSettings would
  be easier to explain, but cartproxy does not ask for that right.

Neither uses the budget of store calls: it is kept in Redis, which may be what is wrong.
"""

from __future__ import annotations

import secrets
import string
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime

from cartproxy.doctor.findings import Finding, error, ok, warning
from cartproxy.settings import Settings, StoreSettings
from cartproxy.store import wire
from cartproxy.store.errors import StoreError
from cartproxy.store.habits import status_of
from cartproxy.upstream import store_calls

_REFUSED = (401, 403)
_CLOCK_OFF_SECONDS = 30
_KEY_LETTERS = string.ascii_letters + string.digits
_ADVICE = {
    "store-unreachable": "Check api_url, DNS and the firewall's outgoing rules.",
    "store-tls": "Check the machine's certificates and clock; ca_file, if the store has its own.",
    "store-timeout": "If it fails again, check the network, or raise store_call_seconds.",
    "store-error": "If it fails again, ask the store's support.",
    "store-bad-response": "Check api_url and api_version: another service may answer there.",
}


def store_findings(name: str, store: StoreSettings, settings: Settings) -> Iterator[Finding]:
    """What two harmless calls show about one configured store."""
    key = "".join(secrets.choice(_KEY_LETTERS) for _ in range(16))
    with store_calls(name, store, settings, "doctor") as call:
        try:
            cart, products = call("GET", f"/Cart/{key}"), call("GET", "/Products?countonly=1")
        except StoreError as failure:
            advice = _ADVICE.get(failure.code, "Try again.")
            yield error(failure.code, f"{store.api_url}: {failure.detail}", advice)
            return
    yield from _rights(store, status_of(cart), status_of(products))
    # A 404 that is not the API's own: a shop without products answers that one.
    if products.status == 404 and wire.read_error(products.body) is None:
        yield error(
            "store-no-api",
            f"{store.base_url} is not an address of the store's API (404, not in its format).",
            "Correct api_url (without the version) and api_version.",
        )
    yield from _clock(cart.date)


def _rights(store: StoreSettings, cart: int, products: int) -> Iterator[Finding]:
    if 429 in (cart, products):
        yield warning(
            "store-busy",
            "The store asks to slow down (429), so the credentials could not be checked.",
            "Try again in a minute; if it still fails, lower calls_per_second.",
        )
    elif cart in _REFUSED and products in _REFUSED:
        yield error(
            "store-credentials",
            f"The store refuses the credentials ({cart}).",
            "Compare secure_url, private_key and token (or access_token) with the application in "
            "the store's REST API settings; a token is invalid once the merchant removes it there.",
        )
    elif cart in _REFUSED:
        yield error(
            "store-cart-rights",
            "The application may not read carts.",
            "Give it the rights to read and write Cart in the developer portal.",
        )
    elif products in _REFUSED:
        yield error(
            "store-product-rights",
            "The application may not read products.",
            "Give it the right to read Products in the developer portal.",
        )
    else:
        yield ok(
            "store",
            f"{store.api_url} answers, the credentials are valid, carts and products can be read. "
            "Whether carts can be written shows with the first cart.",
        )


def _clock(date: str) -> Iterator[Finding]:
    """Compares clocks to the second: the store's Date has no fractions, and took time to arrive."""
    try:
        offset = time.time() - parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError):
        yield ok("store-clock", "The store's answer has no date, so the clocks can't be compared.")
        return
    if abs(offset) > _CLOCK_OFF_SECONDS:
        which = "ahead of" if offset > 0 else "behind"
        yield warning(
            "clock-offset",
            f"This machine's clock is {abs(offset):.0f} s {which} the store's.",
            "Run a time service (chrony, systemd-timesyncd): carts still work, but certificates "
            "and log lines need the right time.",
        )
    else:
        yield ok("store-clock", f"The clocks differ by {abs(offset):.0f} s.")
