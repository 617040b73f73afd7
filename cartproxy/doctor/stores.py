"""Is each store reachable, and do its credentials open what cartproxy needs?

Two GETs, which create and change nothing (docs/store-api.md, Cart endpoints and Lists), so they
can't prove the right to write carts: a proof would leave a cart behind.

- `GET /Cart/{key}` with a key drawn here: 404 says that credentials and Cart rights are good, 401
  that they are not. The key is random, so it opens nobody's cart; the answer is not shown anyway.
- `GET /Products?countonly=1`: the same for Products, and the shortest answer of all. StoreSettings
  would be shorter to explain, but is a right that cartproxy does not ask for.

Neither waits for the budget of store calls: that lives in Redis, which may be what is wrong.
"""

from __future__ import annotations

import secrets
import string
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime

from cartproxy.deadline import Deadline
from cartproxy.doctor.findings import Finding, error, ok, warning
from cartproxy.settings import Settings, StoreSettings
from cartproxy.store import wire
from cartproxy.store.errors import StoreError
from cartproxy.store.sessions import new_session
from cartproxy.store.transport import Answer, StoreTransport
from cartproxy.upstream import store_transport

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
    """What two harmless calls say of one configured store."""
    about = f"store {name}"
    with new_session(1) as session:
        transport = store_transport(name, store, settings, session)
        key = "".join(secrets.choice(_KEY_LETTERS) for _ in range(16))
        try:
            cart = _ask(transport, settings, f"/Cart/{key}")
            products = _ask(transport, settings, "/Products?countonly=1")
        except StoreError as failure:
            advice = _ADVICE.get(failure.code, "Try again.")
            yield error(failure.code, about, f"{store.api_url}: {failure.detail}", advice)
            return
    yield from _rights(about, store, _status(cart), _status(products))
    if _is_no_api(products):
        yield error(
            "store-no-api",
            about,
            f"{store.base_url} is not an address of the store's API (404, not in its format).",
            "Correct api_url (without the version) and api_version.",
        )
    yield from _clock(about, cart.date)


def _ask(transport: StoreTransport, settings: Settings, path: str) -> Answer:
    deadline = Deadline.after(settings.store_call_seconds)
    return transport.call("GET", path, deadline, operation="doctor")


def _status(answer: Answer) -> int:
    """HTTP's status, or the one of an error envelope that came under HTTP 200."""
    told = wire.read_error(answer.body)
    if answer.status < 400 and told is not None:
        return told[0] or 400
    return answer.status


def _is_no_api(products: Answer) -> bool:
    """A shop without products answers 404 too, but in the form of the API."""
    return products.status == 404 and wire.read_error(products.body) is None


def _rights(about: str, store: StoreSettings, cart: int, products: int) -> Iterator[Finding]:
    if 429 in (cart, products):
        yield warning(
            "store-busy",
            about,
            "The store asks to slow down (429), so the credentials could not be checked.",
            "Try again in a minute; if it still fails, lower calls_per_second.",
        )
    elif cart in _REFUSED and products in _REFUSED:
        yield error(
            "store-credentials",
            about,
            f"The store refuses the credentials ({cart}).",
            "Compare secure_url, private_key and token (or access_token) with the application in "
            "the store's REST API settings; a token ends when the merchant removes it there.",
        )
    elif cart in _REFUSED:
        yield error(
            "store-cart-rights",
            about,
            "The application may not read carts.",
            "Give it the rights to read and write Cart in the developer portal.",
        )
    elif products in _REFUSED:
        yield error(
            "store-product-rights",
            about,
            "The application may not read products.",
            "Give it the right to read Products in the developer portal.",
        )
    else:
        yield ok(
            "store",
            about,
            f"{store.api_url} answers, the credentials are valid, carts and products may be read. "
            "Whether carts may be written shows with the first cart.",
        )


def _clock(about: str, date: str) -> Iterator[Finding]:
    """The store's Date has whole seconds, and is as old as its way to here."""
    try:
        offset = time.time() - parsedate_to_datetime(date).timestamp()
    except ValueError:
        yield ok("store-clock", about, "The store's answer has no date to compare clocks by.")
        return
    if abs(offset) > _CLOCK_OFF_SECONDS:
        which = "ahead of" if offset > 0 else "behind"
        yield warning(
            "clock-offset",
            about,
            f"This machine's clock is {abs(offset):.0f} s {which} the store's.",
            "Run a time service (chrony, systemd-timesyncd): carts still work, but certificates "
            "and log lines need the right time.",
        )
    else:
        yield ok("store-clock", about, f"The clocks differ by {abs(offset):.0f} s.")
