"""Pages that were written for the store's own buy widget: only the script's address is changed."""

from __future__ import annotations

from html import escape
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect
from support.shopper import MUG, SHIRT, Store
from support.sites import PRODUCT, Site

pytestmark = pytest.mark.browser

SOLD_OUT = 3833
# As the shortcode of the store's plugin prints one.
USUAL = {
    "content-id": str(MUG),
    "store-url": "{store}/",
    "currency": "$",
    "affiliate-id": "0",
    "stock-text": "In Stock",
    "nostock-text": "Out of Stock",
    "product-name": "true",
    "product-thumb": "true",
    "product-price": "true",
    "button_color": "#884400",
    "button_text_color": "#ffffff",
    "bgd_color": "#fffff0",
    "text_color": "#222222",
    "content-button_text": "Buy Now",
    "content-size": "small",
    "redir": "0",
}
# A picture without a size fills the page, and the button below it asks for nothing until it is near.
INCLUDED = (
    '<link rel="stylesheet" href="data:text/css,'
    '.buy-content-itemname{font-weight:700}.buy-content-image{height:5em}">'
    '<script src="{proxy}/widget/v1/cartproxy.js?store=demo"></script>'
)


def box(**changed: str | None) -> str:
    """The element of the page; None leaves an attribute out, `_` in a name is a dash."""
    attributes = USUAL | {name.replace("__", "-"): value for name, value in changed.items()}
    written = [
        f'data-{name}="{escape(text)}"' for name, text in attributes.items() if text is not None
    ]
    return f'<div class="buy-content" {" ".join(written)}></div>'


def open_page(page: Page, blog: Site, body: str, **headers: str) -> Locator:
    """The page, and its boxes."""
    page.goto(blog.write(INCLUDED + body, script="", **headers))
    return page.locator("div.buy-content")


def color(found: Locator, name: str) -> str:
    said: str = found.evaluate(f"each => getComputedStyle(each).getPropertyValue('{name}')")
    return said.strip()


def test_box_becomes_a_card_whose_button_adds(
    page: Page, blog: Site, store: Store, tidy: list[str]
) -> None:
    card = open_page(page, blog, box())

    expect(card.locator(".buy-content-itemname")).to_have_text("Pint mug")
    expect(card.locator(".buy-content-itemprice")).to_have_text("$9.99")
    expect(card.locator(".buy-content-status")).to_have_text("In Stock")
    expect(card.locator("img.buy-content-image")).to_be_visible()
    assert color(card, "background-color") == "rgb(255, 255, 240)"
    assert color(card, "color") == "rgb(34, 34, 34)"
    button = card.get_by_role("button", name="Buy Now")
    assert color(button, "background-color") == "rgb(136, 68, 0)"
    button.click()
    page.get_by_role("button", name="View cart").click()

    expect(page.get_by_role("dialog").get_by_text("Pint mug")).to_be_visible()
    (cart,) = store.carts()
    assert [(line["catalog_id"], line["quantity"]) for line in cart["lines"]] == [(MUG, 1)]


def test_what_is_not_to_be_shown_is_not(page: Page, blog: Site, store: Store) -> None:
    hidden = {"product__name": "false", "product__thumb": "false", "product__price": "false"}
    card = open_page(page, blog, box(**hidden, stock__text="", content__button_text=""))

    expect(card.get_by_role("button", name="Add to cart")).to_be_visible()
    expect(card.locator(":scope > *")).to_have_count(1)


def test_options_are_asked_for(page: Page, blog: Site, store: Store) -> None:
    card = open_page(page, blog, box(content__id=str(SHIRT)))

    card.get_by_label("Size").select_option(label="Small")
    card.get_by_role("button", name="Buy Now").click()
    expect(page.get_by_role("button", name="View cart")).to_be_visible()

    (cart,) = store.carts()
    assert [line["catalog_id"] for line in cart["lines"]] == [SHIRT]


def test_sold_out_product_says_so_in_the_pages_words(page: Page, blog: Site, store: Store) -> None:
    card = open_page(page, blog, box(content__id=str(SOLD_OUT)))

    expect(card).to_contain_text("Out of Stock")
    expect(card).not_to_contain_text("In Stock")


def test_several_late_ones_and_our_own_elements_share_one_cart(
    page: Page, blog: Site, store: Store
) -> None:
    cards = open_page(
        page,
        blog,
        box() + PRODUCT + "<cart-count>Cart</cart-count>" + box(content__id="3837"),
    )
    expect(cards.get_by_role("button", name="Buy Now")).to_have_count(2)
    page.evaluate("html => document.querySelector('main').insertAdjacentHTML('beforeend', html)",
                  box(content__button_text="Late").replace("{store}", blog.store))  # fmt: skip

    page.get_by_role("button", name="Late").click()
    expect(page.get_by_role("button", name="Cart 1")).to_be_visible()
    page.get_by_role("link", name="Add to cart").click()
    expect(page.get_by_role("button", name="Cart 2")).to_be_visible()
    page.wait_for_function("!cartproxy.cart.pending")

    (cart,) = store.carts()
    assert len(cart["lines"]) == 2


def test_page_gets_its_first_box_late(page: Page, blog: Site, store: Store) -> None:
    cards = open_page(page, blog, PRODUCT)
    page.wait_for_load_state("load")
    page.evaluate("html => document.querySelector('main').insertAdjacentHTML('beforeend', html)",
                  box().replace("{store}", blog.store))  # fmt: skip

    expect(cards.get_by_role("button", name="Buy Now")).to_be_visible()


def test_unknown_product_is_a_plain_link(page: Page, blog: Site, store: Store) -> None:
    card = open_page(page, blog, box(content__id="999999"))

    link = card.get_by_role("link", name="Buy Now")
    expect(link).to_have_attribute("href", f"{blog.store}/")
    expect(card.get_by_role("button")).to_have_count(0)


@pytest.mark.parametrize("written", ["javascript:alert(1)", "data:text/html,x", ""])
def test_no_link_leads_to_a_script(page: Page, blog: Site, store: Store, written: str) -> None:
    card = open_page(page, blog, box(content__id="999999", store__url=written) + box())
    expect(card.get_by_role("button", name="Buy Now")).to_be_visible()
    page.evaluate("cartproxy.kit.legacy()")

    expect(card.first.locator("a")).to_have_count(0)


def test_box_of_another_store_is_left_alone_and_the_doctor_says_so(
    page: Page, blog: Site, store: Store
) -> None:
    cards = open_page(page, blog, box(store__url="https://other.example/") + box())
    expect(cards.nth(1).get_by_role("button", name="Buy Now")).to_be_visible()
    found: list[dict[str, Any]] = page.evaluate("cartproxy.doctor()")

    (said,) = [each for each in found if each["code"] == "other-store"]
    assert "https://other.example/" in said["message"]
    assert blog.store in said["message"]
    expect(cards.first).to_be_empty()


def test_attributes_are_read_as_people_write_them(page: Page, blog: Site, store: Store) -> None:
    written = {"content__id": f" {MUG} ", "button_color": "no colour", "bgd_color": "fffff0"}
    card = open_page(page, blog, box(**written, product__name="False", product__thumb="0"))

    button = card.get_by_role("button", name="Buy Now")
    assert color(button, "background-color") == "rgb(11, 87, 208)"
    assert color(card, "background-color") == "rgb(255, 255, 240)"
    expect(card.locator(".buy-content-itemname, img")).to_have_count(0)


def test_box_that_the_page_empties_is_filled_again(page: Page, blog: Site, store: Store) -> None:
    card = open_page(page, blog, box())
    expect(card.get_by_role("button", name="Buy Now")).to_be_visible()

    card.evaluate("each => each.replaceChildren()")

    expect(card.get_by_role("button", name="Buy Now")).to_be_visible()


def test_box_that_another_script_has_filled_is_left_alone(
    page: Page, blog: Site, store: Store
) -> None:
    filled = box().replace("></div>", "><button>Theirs</button></div>")
    cards = open_page(page, blog, filled + box())

    expect(cards.nth(1).get_by_role("button", name="Buy Now")).to_be_visible()
    expect(cards.first.get_by_role("button")).to_have_text(["Theirs"])


def test_strict_policy_and_accessibility(
    page: Page, blog: Site, store: Store, tidy: list[str]
) -> None:
    policy = (
        f"default-src 'none'; script-src {blog.proxy}; connect-src {blog.proxy}; style-src data:; "
        f"img-src data: {blog.store}; require-trusted-types-for 'script'; trusted-types cartproxy"
    )
    card = open_page(page, blog, box(), Content_Security_Policy=policy)
    expect(card.get_by_role("button", name="Buy Now")).to_be_visible()
    assert color(card, "background-color") == "rgb(255, 255, 240)"

    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
