"""The order is done: the page on which the shopper began learns of it, once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import redis
from playwright.sync_api import BrowserContext, Page, expect
from support.books import empty_books
from support.service_steps import place_order
from support.shopper import Store
from support.sites import Site, blog_and_service
from support.waiting import wait_for

pytestmark = pytest.mark.browser

LISTEN = """<script>
  document.addEventListener("cartproxy:purchase", ({ detail }) => {
    const told = JSON.parse(sessionStorage.told ?? "[]");
    sessionStorage.told = JSON.stringify([...told, detail]);
  });
</script>"""


@pytest.fixture(scope="module")
def widget_site(
    redis_url: str, store_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """A service that is told of orders; it ends with this file, since it reads on and on."""
    log = tmp_path_factory.mktemp("purchase") / "log"
    with blog_and_service(redis_url, store_url, log, HOOK_SECRET="h" * 32) as blog:
        yield blog


def told(*tabs: Page) -> list[dict[str, Any]]:
    """What the pages of these tabs were told of purchases."""
    return [
        each for tab in tabs for each in tab.evaluate("JSON.parse(sessionStorage.told ?? '[]')")
    ]


def tell_of_orders(store: Store, blog: Site) -> None:
    """Let the simulated store post its orders, to an address that not only browsers resolve."""
    service = blog.proxy.replace("cart.localhost", "127.0.0.1")
    store.set(webhook_url=f"{service}/v1/stores/demo/hooks/{'h' * 32}")


def order_was_read(books: redis.Redis) -> bool:
    """Whether the store has told of an order, and none waits."""
    stream = "cpo:{demo}:in"
    if not books.exists(stream):
        return False
    about: dict[str, Any] = books.xinfo_stream(stream)  # type: ignore[assignment]
    return about["entries-added"] > 0 and not about["length"]


def test_purchase_is_told_once_whatever_tab_or_page_asks_first(
    context: BrowserContext, blog: Site, store: Store, redis_url: str
) -> None:
    tell_of_orders(store, blog)
    tabs = [context.new_page(), context.new_page()]
    page, other = tabs
    blog.write("<cart-count>Cart</cart-count>" + LISTEN)
    with empty_books(redis_url) as books:
        for tab in tabs:
            tab.goto(blog.url)
        page.evaluate("cartproxy.add({ catalogId: 3829, quantity: 2 })")
        # Not waited for: it leads away from the page, and a script of a left page has no answer.
        page.evaluate("void cartproxy.checkout()")
        page.get_by_role("button", name="Place order").click()
        page.get_by_role("button", name="Approve").click()
        wait_for(lambda: store.carts("ordered"), "the order is placed")
        # Before the store's word has been read, the cart is only empty.
        other.evaluate("cartproxy.refresh()")
        wait_for(lambda: order_was_read(books), "the store has told, and the order is read")

    page.goto(blog.url)
    for tab in tabs:
        tab.evaluate("cartproxy.refresh()")
        tab.reload()
        tab.evaluate("cartproxy.refresh()")

    (purchase,) = told(*tabs)
    at, (item,) = purchase.pop("at"), purchase.pop("items")
    assert (item["item_id"], item["price"], item["quantity"]) == ("3829", 9.99, 2)
    assert purchase == {
        "currency": "USD",
        "value": 19.98,
        "subtotal": "19.98",
        "item_count": 2,
    }
    assert page.evaluate("at => Date.now() - Date.parse(at)", at) < 600_000
    for tab in tabs:
        expect(tab.get_by_role("button", name="Cart 0")).to_be_visible()
        assert tab.evaluate("cartproxy.cart.ordered") is None


def test_cart_that_another_browser_paid_for_is_told_without_its_items(
    page: Page, blog: Site, store: Store, redis_url: str
) -> None:
    tell_of_orders(store, blog)
    blog.write(LISTEN)
    page.goto(blog.url)
    page.evaluate("cartproxy.add({ catalogId: 3829 })")
    with empty_books(redis_url) as books:
        url = page.evaluate(
            """async () => {
              const headers = {
                Authorization: "Bearer " + localStorage["cartproxy:demo:credential"],
                "Content-Type": "application/json",
                "Cartproxy-Client": "test/1",
              };
              const sent = { method: "POST", headers, body: "{}" };
              return (await (await fetch(cartproxy.base + "/checkout", sent)).json()).checkout_url;
            }"""
        )
        place_order(url)
        wait_for(lambda: order_was_read(books), "the store has told, and the order is read")

    page.evaluate("cartproxy.refresh()")

    (purchase,) = told(page)
    assert (purchase["value"], purchase["items"]) == (9.99, [])
