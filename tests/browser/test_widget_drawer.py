"""The drawer: lines, quantities, the way to the checkout and back."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, Route, expect
from support.shopper import Store
from support.sites import PRODUCT, Site

pytestmark = pytest.mark.browser

ANYBODY = {"Access-Control-Allow-Origin": "*"}
POST = "<cart-count>Cart</cart-count>" + PRODUCT + "<cart-drawer></cart-drawer>"


def fill(page: Page, *catalog_ids: int) -> None:
    """Put products into the cart, as a script of the page does."""
    for catalog_id in catalog_ids:
        page.evaluate("(id) => cartproxy.add({ catalogId: id })", catalog_id)


def open_drawer(page: Page) -> Locator:
    """Open it as a shopper does; the dialog."""
    page.locator("cart-count button").click()
    dialog = page.get_by_role("dialog", name="Your cart")
    expect(dialog).to_be_visible()
    return dialog


def test_lines_change_and_go_and_the_checkout_is_the_stores(
    page: Page, blog: Site, store: Store, tidy: list[str]
) -> None:
    page.goto(blog.write(POST))
    fill(page, 3829, 3837)
    dialog = open_drawer(page)

    dialog.get_by_role("button", name="One more: Pint mug").click()
    expect(dialog.locator("[part=subtotal]")).to_have_text("$27.48")
    dialog.get_by_role("button", name="Remove: Ruler").click()
    expect(dialog.get_by_role("listitem")).to_have_count(1)
    dialog.get_by_role("button", name="Checkout").click()

    expect(page.get_by_role("heading", name="Secure checkout")).to_be_visible()
    (cart,) = store.carts()
    assert [(line["catalog_id"], line["quantity"]) for line in cart["lines"]] == [(3829, 2)]


def test_a_burst_of_changes_is_one_call_with_the_last_quantity(
    page: Page, blog: Site, store: Store
) -> None:
    page.goto(blog.write(POST))
    fill(page, 3829)
    dialog = open_drawer(page)
    sent: list[str] = []
    page.on(
        "request",
        lambda request: sent.append(request.post_data or "") if request.method == "PATCH" else None,
    )

    # In one go: a busy machine may take longer for five clicks than the burst is waited for.
    page.evaluate(
        """() => {
          const drawer = document.querySelector("cart-drawer").shadowRoot;
          for (let press = 0; press < 5; press++) drawer.querySelector("[part=more]").click();
        }"""
    )
    expect(dialog.get_by_label("Quantity")).to_have_value("6")
    page.wait_for_function("!cartproxy.cart.pending")

    (cart,) = store.carts()
    assert [line["quantity"] for line in cart["lines"]] == [6]
    assert len(sent) == 1
    assert '"quantity":6' in sent[0]


def test_a_refused_quantity_goes_back_to_what_it_was(page: Page, blog: Site) -> None:
    page.goto(blog.write(POST))
    fill(page, 3832)
    dialog = open_drawer(page)

    dialog.get_by_label("Quantity").fill("9")
    dialog.get_by_label("Quantity").press("Tab")

    expect(dialog.get_by_role("status")).to_contain_text("The store did not accept this.")
    expect(dialog.get_by_label("Quantity")).to_have_value("1")


def test_keyboard_alone_is_enough(page: Page, blog: Site) -> None:
    page.goto(blog.write(POST))
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")  # from the count to the link
    page.keyboard.press("Enter")
    expect(page.locator("cart-button [role=status]")).to_have_text("Added to the cart")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="View cart")).to_be_focused()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Your cart")
    expect(dialog.get_by_role("button", name="Close")).to_be_focused()

    for name in ("One less", "Quantity", "One more", "Remove", "Checkout"):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            """() => { const inside = document.activeElement.shadowRoot.activeElement;
                      return inside.getAttribute("aria-label") ?? inside.textContent; }"""
        )
        assert focused.startswith(name)
    page.keyboard.press("Escape")

    expect(dialog).to_be_hidden()
    expect(page.get_by_role("button", name="View cart")).to_be_focused()


def test_focus_stays_on_the_line_through_a_change_and_moves_on_when_it_goes(
    page: Page, blog: Site
) -> None:
    page.goto(blog.write(POST))
    fill(page, 3829, 3837)
    dialog = open_drawer(page)
    more = dialog.get_by_role("button", name="One more: Pint mug")

    more.press("Enter")
    expect(dialog.locator("[part=subtotal]")).to_have_text("$27.48")
    page.wait_for_function("!cartproxy.cart.pending")
    expect(more).to_be_focused()
    dialog.get_by_role("button", name="Remove: Pint mug").press("Enter")

    expect(dialog.get_by_role("button", name="Remove: Ruler")).to_be_focused()
    dialog.get_by_role("button", name="Remove: Ruler").press("Enter")
    expect(dialog.get_by_role("button", name="Close")).to_be_focused()


def test_one_odd_line_kills_neither_drawer_nor_other_lines(page: Page, blog: Site) -> None:
    page.goto(blog.write(POST))
    fill(page, 3829)
    page.evaluate(
        """() => {
          const key = "cartproxy:demo:cart";
          const kept = JSON.parse(localStorage.getItem(key));
          kept.cart.items.unshift({ item_id: "1", name: "odd", options: null, quantity: "?" }, null);
          localStorage.setItem(key, JSON.stringify(kept));
        }"""
    )
    page.reload()

    dialog = open_drawer(page)

    expect(dialog.get_by_text("Pint mug")).to_be_visible()
    expect(dialog.get_by_role("button", name="Checkout")).to_be_visible()


def test_after_the_order_the_shopper_finds_an_empty_cart(page: Page, blog: Site) -> None:
    page.goto(blog.write(POST))
    fill(page, 3829)
    open_drawer(page).get_by_role("button", name="Checkout").click()
    page.get_by_role("button", name="Place order").click()
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("heading", name="Thank you for your order")).to_be_visible()

    page.goto(blog.url)

    expect(page.get_by_role("button", name="Cart 0")).to_be_visible()
    expect(open_drawer(page).get_by_text("Nothing in it yet.")).to_be_visible()
    expect(page.locator("cart-drawer [part=note]")).to_have_text("")


def test_back_from_the_checkout_without_ordering_the_cart_is_there(page: Page, blog: Site) -> None:
    page.goto(blog.write(POST))
    fill(page, 3829)
    open_drawer(page).get_by_role("button", name="Checkout").click()
    expect(page.get_by_role("heading", name="Secure checkout")).to_be_visible()

    page.go_back()

    expect(page.locator("cart-count")).to_contain_text("1")
    assert page.evaluate("cartproxy.refresh().then((cart) => cart.items.length)") == 1


def test_back_out_of_the_browsers_page_cache_the_order_is_gone_from_the_cart(
    page: Page, blog: Site
) -> None:
    page.goto(blog.write(POST))
    fill(page, 3829)

    with page.expect_response("**/v1/stores/demo/cart"):
        page.evaluate('dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }))')


def test_a_cart_that_is_no_longer_kept_is_said(page: Page, blog: Site) -> None:
    page.goto(blog.write(POST))
    fill(page, 3829)
    page.evaluate('localStorage.setItem("cartproxy:demo:credential", "cpt1_" + "A".repeat(43))')
    page.evaluate("cartproxy.refresh()")

    expect(open_drawer(page).get_by_role("status")).to_have_text(
        "Your earlier cart is no longer kept."
    )


def test_a_cart_that_the_store_had_dropped_is_filled_again_and_said(
    page: Page, blog: Site, store: Store
) -> None:
    page.goto(blog.write(POST))
    fill(page, 3829)
    (cart,) = store.carts()
    store.forget_cart(cart["order_key"])

    fill(page, 3837)

    dialog = open_drawer(page)
    expect(dialog.get_by_role("status")).to_have_text(
        "The store had dropped this cart; it was filled again."
    )
    expect(dialog.get_by_role("listitem")).to_have_count(2)


def test_a_cart_that_the_store_has_changed_is_shown_before_the_checkout(
    page: Page, blog: Site, store: Store
) -> None:
    page.goto(blog.write(POST))
    fill(page, 3829, 3837)
    dialog = open_drawer(page)
    (cart,) = store.carts()
    store.forget_cart(cart["order_key"])
    store.change_product(3837, stock=0)

    dialog.get_by_role("button", name="One more: Pint mug").click()
    expect(dialog.get_by_role("listitem")).to_have_count(1)
    dialog.get_by_role("button", name="Checkout").click()
    expect(dialog.get_by_role("status")).to_contain_text("The store has changed your cart.")
    dialog.get_by_role("button", name="Checkout").click()

    expect(page.get_by_role("heading", name="Secure checkout")).to_be_visible()
    (cart,) = store.carts()
    assert [(line["catalog_id"], line["quantity"]) for line in cart["lines"]] == [(3829, 2)]


def test_campaign_parameters_travel_to_the_checkout_by_setting(page: Page, blog: Site) -> None:
    blog.write(POST, script='data-store="demo" data-campaign')
    page.goto(blog.url + "/?utm_source=blog&utm_medium=post&_gl=1*abc&session=secret")
    page.goto(blog.url)
    fill(page, 3829)

    with page.expect_navigation(url="**/continue_order.asp**"):
        open_drawer(page).get_by_role("button", name="Checkout").click()

    assert "utm_source=blog&utm_medium=post&_gl=1*abc" in page.url
    assert "secret" not in page.url
    assert "orderkey=" in page.url


def test_without_the_setting_no_parameter_travels(page: Page, blog: Site) -> None:
    blog.write(POST)
    page.goto(blog.url + "/?utm_source=blog")
    fill(page, 3829)

    with page.expect_navigation(url="**/continue_order.asp**"):
        open_drawer(page).get_by_role("button", name="Checkout").click()

    assert "utm_" not in page.url


def test_an_empty_cart_has_no_checkout(page: Page, blog: Site) -> None:
    page.goto(blog.write(POST))

    expect(open_drawer(page).get_by_role("button", name="Checkout")).to_have_count(0)


def test_the_drawer_opens_on_an_add_by_setting(page: Page, blog: Site) -> None:
    page.goto(blog.write(PRODUCT + "<cart-drawer open-on-add></cart-drawer>"))

    page.locator("cart-button a").click()

    expect(page.get_by_role("dialog", name="Your cart").get_by_text("Pint mug")).to_be_visible()


def test_a_page_without_a_drawer_gets_one_when_it_is_asked_for(
    page: Page, blog: Site, tidy: list[str]
) -> None:
    page.goto(blog.write("<cart-count>Cart</cart-count>" + PRODUCT))

    open_drawer(page)


def test_nothing_of_the_checkout_address_is_kept_in_the_browser(page: Page, blog: Site) -> None:
    page.goto(blog.write(POST))
    fill(page, 3829)

    kept = page.evaluate("JSON.stringify({ ...localStorage })")

    assert "Pint mug" in kept
    assert "orderkey" not in kept.lower()


def test_a_reading_that_began_before_a_change_does_not_undo_it(
    page: Page, blog: Site, store: Store
) -> None:
    read: list[Route] = []
    page.goto(blog.write(POST))
    fill(page, 3829)
    dialog = open_drawer(page)
    before = page.evaluate("cartproxy.refresh()")
    page.route("**/cart", lambda route: read.append(route))
    with page.expect_request("**/cart"):
        page.evaluate("() => { window.done = cartproxy.refresh(); }")
    page.evaluate("cartproxy.change(cartproxy.cart.items[0].item_id, 3)")

    read[0].fulfill(json={**before, "as_of": "2100-01-01T00:00:00.000Z"}, headers=ANYBODY)
    page.evaluate("done")

    expect(dialog.get_by_label("Quantity: Pint mug")).to_have_value("3")


def test_a_price_finer_than_a_cent_is_shown_as_it_is(page: Page, blog: Site) -> None:
    def by_the_screw(route: Route) -> None:
        answer = route.fetch(url=route.request.url.replace("cart.localhost", "127.0.0.1"))
        route.fulfill(response=answer, json={**answer.json(), "price": "0.0125"})

    page.route("**/products/3829", by_the_screw)
    page.goto(blog.write(POST.replace("catalog-id", 'shown-price="1" catalog-id')))

    expect(page.locator("cart-button [role=status]")).to_have_text("The price is now $0.0125")


def test_a_price_has_as_many_decimals_as_it_needs_and_at_least_its_currencys(
    page: Page, blog: Site
) -> None:
    wanted = [
        ["en", "9.99", "USD", "$9.99"],
        ["en", "9.9", "USD", "$9.90"],
        ["en", "1234.125", "USD", "$1,234.125"],
        ["de", "0.0125", "EUR", "0,0125\xa0€"],
        ["fr", "9.9", "EUR", "9,90\xa0€"],
        ["es", "0.0125", "EUR", "0,0125\xa0€"],
        ["ja", "980.00", "JPY", "\uffe5980"],
        ["en", "1.5", "KWD", "KWD\xa01.500"],
        ["en", "9.9", "no currency", "9.9 no currency"],
    ]
    page.goto(blog.write(POST))

    shown = page.evaluate(
        """(wanted) => wanted.map(([language, amount, currency]) => {
             document.documentElement.lang = language;
             return [language, amount, currency, cartproxy.kit.money(amount, currency)];
           })""",
        wanted,
    )

    assert shown == wanted
