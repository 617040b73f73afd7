"""The same button in Firefox and in WebKit, Safari's engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from support import other_browsers, waiting
from support.other_browsers import Tab
from support.shopper import Store
from support.sites import PRODUCT, Site

POST = "<cart-count>Cart</cart-count>" + PRODUCT + "<cart-drawer></cart-drawer>"
STATUS = (
    'document.querySelector("cart-button").shadowRoot.querySelector("[role=status]").textContent'
)
COUNT = 'document.querySelector("cart-count").shadowRoot.querySelector("[part=count]").textContent'
DIALOG = 'document.querySelector("cart-drawer").shadowRoot.querySelector("dialog")'
KINDS: dict[str, tuple[Callable[[Path], AbstractContextManager[Tab]], bool]] = {
    "firefox": (other_browsers.firefox, other_browsers.FIREFOX is not None),
    "webkit": (
        other_browsers.webkit,
        None
        not in (other_browsers.WEBKIT_DRIVER, other_browsers.XVFB, other_browsers.MINI_BROWSER),
    ),
}


@pytest.fixture(params=KINDS)
def tab(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Tab]:
    """A tab of that browser; skipped where the machine has none."""
    start, there = KINDS[request.param]
    if not there:
        pytest.skip(f"no {request.param} on this machine")
    with start(tmp_path) as opened:
        yield opened


def wait_for(tab: Tab, expression: str, value: object) -> None:
    """Until the expression has the value in the page."""
    waiting.wait_for(lambda: tab.run(expression) == value, f"{expression} is {value!r}")


def test_a_visit_from_the_button_to_the_checkout(tab: Tab, blog: Site, store: Store) -> None:
    tab.goto(blog.write(POST))

    tab.run('document.querySelector("cart-button a").click()')
    wait_for(tab, STATUS, "Added to the cart")
    tab.goto(blog.url + "/")
    wait_for(tab, COUNT, "1")
    tab.run('document.querySelector("cart-count").shadowRoot.querySelector("button").click()')
    wait_for(tab, DIALOG + ".open", True)
    tab.run(DIALOG + '.querySelector("[part=more]").click()')
    wait_for(tab, DIALOG + '.querySelector("[part=subtotal]").textContent', "$19.98")
    wait_for(tab, "cartproxy.cart.pending", False)
    tab.run(f'{DIALOG}.querySelector("[part=checkout]").click()')
    wait_for(tab, 'document.querySelector("h1")?.textContent', "Secure checkout")

    (cart,) = store.carts()
    assert [(line["catalog_id"], line["quantity"]) for line in cart["lines"]] == [(3829, 2)]


def test_options_by_their_kind_reach_the_store(tab: Tab, blog: Site, store: Store) -> None:
    root = 'document.querySelector("cart-button").shadowRoot'
    tab.goto(
        blog.write('<form action="/outer"><cart-button catalog-id="3841">\n</cart-button></form>')
    )
    wait_for(tab, root + '.querySelectorAll("[part=option]").length', 5)

    tab.run(f'{root}.querySelector("input[part=option]").value = "Ada"')
    tab.run(f'{root}.querySelectorAll("[type=checkbox]")[1].click()')
    tab.run(f'{root}.querySelector("[part=button]").click()')

    wait_for(tab, STATUS, "Added to the cart")
    values = tab.run("cartproxy.cart.items[0].options.map((each) => each.value).join()")
    assert values == "Ada,Gift wrap"
