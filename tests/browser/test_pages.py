"""Ten pages as people have them, and the button on each."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import FrameLocator, Page, expect
from support.shopper import Store
from support.sites import Site

pytestmark = pytest.mark.browser

PAGES = sorted((Path(__file__).parent / "pages").glob("*.html"))
# As a site that is built around nonces sends it.
STRICT = (
    "default-src 'none'; script-src 'nonce-r4nd0m' 'strict-dynamic'; connect-src {proxy}; "
    "img-src data: {store}; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types cartproxy"
)


def show(page: Page, blog: Site, file: Path) -> Page | FrameLocator:
    """Open the page; where its content is."""

    def filled(text: str) -> str:
        return text.replace("{proxy}", blog.proxy).replace("{store}", blog.store)

    headers = {"Content-Security-Policy": filled(STRICT)} if file.stem == "strict" else {}
    for path in ("/", "/third", "/default.aspx"):
        blog.pages[path] = filled(file.read_text()), headers
    page.goto(blog.url)
    if file.stem == "turbo":
        expect(page.locator("body[data-back]")).to_be_attached()
    if file.stem == "react":
        expect(page.get_by_role("link", name="Add to cart")).to_be_visible()
    return page.frame_locator("iframe") if file.stem == "framed" else page


@pytest.mark.parametrize("file", PAGES, ids=lambda file: file.stem)
def test_the_button_works_on_the_page(page: Page, blog: Site, store: Store, file: Path) -> None:
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    content = show(page, blog, file)

    link = content.get_by_role("link", name="Add to cart")
    link.or_(content.get_by_role("button", name="Add to cart")).first.click()

    expect(content.locator("cart-button [role=status]").first).to_have_text("Added to the cart")
    expect(content.get_by_role("button", name="Cart 1")).to_be_visible()
    (cart,) = store.carts()
    assert [(line["catalog_id"], line["quantity"]) for line in cart["lines"]] == [(3829, 1)]
    assert wrong == []
    content.get_by_role("button", name="Cart 1").click()
    dialog = content.get_by_role("dialog", name="Your cart")
    expect(dialog.get_by_text("Pint mug")).to_be_visible()

    dialog.get_by_role("button", name="Checkout").click()

    expect(page.get_by_role("heading", name="Secure checkout")).to_be_visible()


def test_there_are_ten() -> None:
    assert len(PAGES) == 10
