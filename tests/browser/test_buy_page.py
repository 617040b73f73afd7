"""The page behind a link that sells."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect
from support.browser_fixtures import new_context
from support.shopper import SHIRT, Store
from support.sites import Site

pytestmark = pytest.mark.browser

CHECKOUT = "Secure checkout"


def service_of(blog: Site) -> str:
    """The service by the name that its settings give it."""
    return blog.proxy.replace("cart.localhost", "127.0.0.1")


@pytest.mark.parametrize("scripts", [True, False])
def test_link_leads_to_the_product_and_its_button_to_the_checkout(
    browser: Browser, blog: Site, store: Store, scripts: bool
) -> None:
    with new_context(browser, java_script_enabled=scripts) as context:
        page = context.new_page()
        page.goto(f"{service_of(blog)}/v1/stores/demo/buy/{SHIRT}?quantity=2")
        expect(page.locator("img.product")).to_be_visible()
        page.get_by_label("Size").select_option(index=1)
        page.get_by_role("button", name="Go to checkout").click()

        expect(page.get_by_role("heading", name=CHECKOUT)).to_be_visible()

    (cart,) = store.carts()
    assert [(line["catalog_id"], line["quantity"]) for line in cart["lines"]] == [(SHIRT, 2)]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_is_accessible_and_fits_a_small_screen(
    browser: Browser, blog: Site, store: Store, scheme: Any
) -> None:
    size = {"width": 320, "height": 700}
    with new_context(browser, color_scheme=scheme, viewport=size) as context:
        page = context.new_page()
        page.goto(f"{service_of(blog)}/v1/stores/demo/buy/3841")

        results = Axe().run(page)
        assert results.violations_count == 0, results.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
