"""What the widget costs a reader's connection, by the browser's own account of it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from support.shopper import Store
from support.sites import PRODUCT, Site
from support.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.browser

COUNT = "<cart-count>Cart</cart-count>"
FILE, CALL, PREFLIGHT = "widget files", "API calls", "preflights"
# By kind: requests, and bytes received.
Cost = dict[str, tuple[int, int]]
# Requests, exactly, and the bytes that they may bring; docs/performance.md states what they do bring.
BUDGET: dict[str, Cost] = {
    "opened": {FILE: (1, 8_800), CALL: (1, 1_100)},
    "first add": {PREFLIGHT: (1, 800), CALL: (1, 1_260)},
    "second add": {CALL: (1, 1_500)},
    "third add": {CALL: (1, 1_740)},
    "drawer": {FILE: (1, 4_400)},
    "next page": {},
    "add there": {CALL: (1, 1_980)},
    "page half a minute later": {PREFLIGHT: (1, 800), CALL: (1, 1_910)},
}
# What is known is believed for 30 s; only then does a page ask for the cart.
AGE_THE_CART = """() => {
  const kept = JSON.parse(localStorage["cartproxy:demo:cart"]);
  localStorage["cartproxy:demo:cart"] = JSON.stringify({ ...kept, at: 0 });
}"""


class Wire:
    """What comes from the service, header lines and all; an answer out of the cache is nothing."""

    def __init__(self, page: Page, proxy: str) -> None:
        self._page = page
        self._proxy = proxy
        self._kinds: dict[str, str] = {}
        self._bytes: Counter[str] = Counter()
        self._under_way: set[str] = set()
        # Playwright's own events keep preflights from view; the protocol's do not.
        session = page.context.new_cdp_session(page)
        session.on("Network.requestWillBeSent", self._began)
        session.on("Network.responseReceivedExtraInfo", self._received_head)
        session.on("Network.loadingFinished", self._finished)
        session.on("Network.loadingFailed", self._finished)
        session.send("Network.enable")

    def _began(self, event: dict[str, Any]) -> None:
        request = event["request"]
        if request["url"].startswith(self._proxy):
            kind = FILE if "/widget/" in request["url"] else CALL
            self._kinds[event["requestId"]] = PREFLIGHT if request["method"] == "OPTIONS" else kind
            self._under_way.add(event["requestId"])

    def _received_head(self, event: dict[str, Any]) -> None:
        self._at_least(event["requestId"], len(event["headersText"]))

    def _finished(self, event: dict[str, Any]) -> None:
        # Head and body; 0 for a preflight, of which the head is all there is.
        self._at_least(event["requestId"], event.get("encodedDataLength", 0))
        self._under_way.discard(event["requestId"])

    def _at_least(self, request: str, received: int) -> None:
        self._bytes[request] = max(self._bytes[request], int(received))

    def _kinds_received(self) -> Iterator[str]:
        """The kind of each request of which something has come."""
        return (kind for request, kind in self._kinds.items() if self._bytes[request])

    def taken(self, step: str) -> Cost:
        """Requests and bytes received of each kind since the last time asked.

        What the step may take is waited for: a busy browser pauses before it asks, and may tell of
        a head after it has told that the answer is finished.
        """
        due = Counter({kind: count for kind, (count, _) in BUDGET[step].items()})
        ends = time.monotonic() + PATIENCE_SECONDS
        while due - Counter(self._kinds_received()) and time.monotonic() < ends:
            self._page.wait_for_timeout(20)
        self._page.wait_for_load_state("networkidle")
        while self._under_way:
            self._page.wait_for_timeout(20)
        found: Cost = {}
        for request, kind in self._kinds.items():
            if received := self._bytes[request]:
                before, total = found.get(kind, (0, 0))
                found[kind] = before + 1, total + received
        self._kinds.clear()
        return found


def press(page: Page, count: int) -> None:
    """Add the product, and see it in the cart."""
    page.locator("cart-button a").click()
    expect(page.get_by_role("button", name=f"Cart {count}")).to_be_visible()
    expect(page.locator("cart-button [role=status]")).to_have_text("Added to the cart")
    page.wait_for_timeout(600)  # within which the button takes a second press for a double click


def requests(costs: dict[str, Cost]) -> dict[str, dict[str, int]]:
    """The requests alone, by step and kind."""
    return {step: {kind: n for kind, (n, _) in cost.items()} for step, cost in costs.items()}


def test_a_visit_costs_no_more_requests_and_bytes_than_these(
    page: Page, blog: Site, store: Store, tidy: list[str]
) -> None:
    page.clock.set_fixed_time(time.time())  # what is believed for a while must not age meanwhile
    wire = Wire(page, blog.proxy)
    spent: dict[str, Cost] = {}

    page.goto(blog.write(COUNT + PRODUCT))
    spent["opened"] = wire.taken("opened")
    press(page, 1)
    spent["first add"] = wire.taken("first add")
    press(page, 2)
    spent["second add"] = wire.taken("second add")
    press(page, 3)
    spent["third add"] = wire.taken("third add")
    page.get_by_role("button", name="View cart").click()
    expect(page.get_by_role("dialog").get_by_role("listitem")).to_have_count(3)
    spent["drawer"] = wire.taken("drawer")
    page.goto(blog.write(COUNT + PRODUCT, path="/next"))
    spent["next page"] = wire.taken("next page")
    press(page, 4)
    spent["add there"] = wire.taken("add there")
    page.evaluate(AGE_THE_CART)
    page.goto(blog.url)
    spent["page half a minute later"] = wire.taken("page half a minute later")

    for step, found in spent.items():
        print(f"{step}: {found or 'nothing'}")
    assert requests(spent) == requests(BUDGET)
    over = [
        (step, kind, received)
        for step, found in spent.items()
        for kind, (_, received) in found.items()
        if received > BUDGET[step][kind][1]
    ]
    assert over == []


def test_the_widgets_files_come_compressed(page: Page, blog: Site) -> None:
    with (
        page.expect_response("**/cartproxy.js") as core,
        page.expect_response("**/drawer.js") as drawer,
    ):
        page.goto(blog.write(COUNT + "<cart-drawer></cart-drawer>"))

    assert core.value.headers["content-encoding"] == "gzip"
    assert drawer.value.headers["content-encoding"] == "gzip"
