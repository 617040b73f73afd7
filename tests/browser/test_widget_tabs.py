"""Two tabs, no storage, no connection, a tab closed too soon."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, Playwright, Route, expect
from support.browser_settings import ARGUMENTS, CHROMIUM
from support.shopper import Store
from support.sites import PRODUCT, Site
from support.waiting import PATIENCE_SECONDS, wait_for

pytestmark = pytest.mark.browser

POST = "<cart-count>Cart</cart-count>" + PRODUCT + "<cart-drawer></cart-drawer>"
ADD = "cartproxy.add({ catalogId: 3829 })"
CHANGE = "((quantity) => cartproxy.change(cartproxy.cart.items[0].item_id, quantity))"


@pytest.fixture(params=[0, 1], ids=["third-party cookies allowed", "third-party cookies blocked"])
def profile(
    request: pytest.FixtureRequest, playwright: Playwright, tmp_path: Path
) -> Iterator[BrowserContext]:
    """A lasting profile of stock Chromium, with the setting for third-party cookies."""
    preferences = tmp_path / "Default" / "Preferences"
    preferences.parent.mkdir()
    preferences.write_text(f'{{"profile": {{"cookie_controls_mode": {request.param}}}}}')
    context = playwright.chromium.launch_persistent_context(
        tmp_path, executable_path=CHROMIUM, args=ARGUMENTS
    )
    context.set_default_timeout(PATIENCE_SECONDS * 1000)
    yield context
    context.close()


def test_the_whole_visit_needs_no_third_party_cookie(
    profile: BrowserContext, blog: Site, store: Store
) -> None:
    page = profile.new_page()
    page.goto(blog.write(POST))

    page.locator("cart-button a").click()
    expect(page.locator("cart-button [role=status]")).to_have_text("Added to the cart")
    page.reload()
    expect(page.get_by_role("button", name="Cart 1")).to_be_visible()
    page.get_by_role("button", name="Cart 1").click()
    page.get_by_role("button", name="Checkout").click()

    expect(page.get_by_role("heading", name="Secure checkout")).to_be_visible()
    assert [cookie for cookie in profile.cookies() if "cartproxy" in cookie["name"]] == []


def test_two_first_adds_in_two_tabs_at_once_make_one_cart(
    context: BrowserContext, blog: Site, store: Store
) -> None:
    tabs = [context.new_page(), context.new_page()]
    for tab in tabs:
        tab.goto(blog.write(POST))

    # Neither waits for the other: both are told to add before either has an answer.
    for tab in tabs:
        tab.evaluate(f"() => {{ window.done = {ADD}; }}")
    for tab in tabs:
        tab.evaluate("done")

    (cart,) = store.carts()
    assert sum(line["quantity"] for line in cart["lines"]) == 2
    for tab in tabs:
        expect(tab.get_by_role("button", name="Cart 2")).to_be_visible()


def test_tabs_stay_in_step(context: BrowserContext, blog: Site) -> None:
    first, second = context.new_page(), context.new_page()
    for tab in (first, second):
        tab.goto(blog.write(POST))

    first.evaluate(ADD)
    expect(second.get_by_role("button", name="Cart 1")).to_be_visible()
    second.evaluate("cartproxy.remove(cartproxy.cart.items[0].item_id)")

    expect(first.get_by_role("button", name="Cart 0")).to_be_visible()


def test_a_browser_that_blocks_storage_has_a_cart_for_the_page_and_says_so(
    page: Page, blog: Site, store: Store, tidy: list[str]
) -> None:
    page.add_init_script(
        """for (const name of ["localStorage", "sessionStorage"])
             Object.defineProperty(window, name, { get() { throw new DOMException("blocked", "SecurityError"); } });"""
    )
    page.goto(blog.write(POST, script='data-store="demo" data-campaign'))

    page.evaluate(ADD)
    page.evaluate(ADD)
    page.get_by_role("button", name="Cart 2").click()

    (cart,) = store.carts()
    assert sum(line["quantity"] for line in cart["lines"]) == 2
    expect(page.get_by_role("dialog").get_by_role("status")).to_contain_text(
        "Your browser keeps nothing for this page"
    )


def test_a_press_while_offline_goes_through_when_the_connection_is_back(
    page: Page, blog: Site, store: Store
) -> None:
    page.goto(blog.write(POST))
    expect(page.get_by_role("button", name="Cart 0")).to_be_visible()
    page.context.set_offline(True)

    page.locator("cart-button a").click()
    expect(page.locator("cart-button [role=status]")).to_contain_text("You are offline")
    expect(page.get_by_role("button", name="Cart 1")).to_be_visible()
    page.context.set_offline(False)

    expect(page.locator("cart-button [role=status]")).to_have_text("Added to the cart")
    (cart,) = store.carts()
    assert [line["quantity"] for line in cart["lines"]] == [1]


def test_going_offline_in_the_middle_of_an_add_adds_once(
    page: Page, blog: Site, store: Store
) -> None:
    sent: list[str] = []

    def go_offline_under_way(route: Route) -> None:
        sent.append(route.request.headers["idempotency-key"])
        if len(sent) == 1:
            route.fetch(url=route.request.url.replace("cart.localhost", "127.0.0.1"))
            page.context.set_offline(True)
            route.abort("internetdisconnected")
        else:
            route.continue_()

    page.route("**/cart/items", go_offline_under_way)
    page.goto(blog.write(POST))
    page.locator("cart-button a").click()
    expect(page.locator("cart-button [role=status]")).to_contain_text("You are offline")
    page.context.set_offline(False)

    expect(page.locator("cart-button [role=status]")).to_have_text("Added to the cart")
    assert len(set(sent)) == 1
    (cart,) = store.carts()
    assert [line["quantity"] for line in cart["lines"]] == [1]


def add_without_an_answer(tab: Page, store: Store) -> None:
    """Press the button in a page whose requests get no answer, and are not sent."""
    tab.evaluate(
        "() => { window.fetch = () => new Promise(() => {}); cartproxy.add({ catalogId: 3829 }); }"
    )
    tab.wait_for_function('localStorage.getItem("cartproxy:demo:outbox")?.includes("3829")')
    assert store.carts() == []


@pytest.mark.parametrize("opened", ["after the close", "after the add", "before the add"])
def test_the_add_of_a_closed_tab_is_taken_up_by_another_page(
    context: BrowserContext, blog: Site, store: Store, opened: str
) -> None:
    blog.write(POST)
    first, second = context.new_page(), context.new_page()
    if opened == "before the add":
        second.goto(blog.url)
    first.goto(blog.url)
    add_without_an_answer(first, store)
    if opened == "after the add":
        second.goto(blog.url)
        second.evaluate("cartproxy.refresh()")
        assert store.carts() == []
    first.close()
    if opened == "after the close":
        second.goto(blog.url)

    expect(second.get_by_role("button", name="Cart 1")).to_be_visible()
    second.reload()
    second.evaluate("cartproxy.refresh()")
    (cart,) = store.carts()
    assert [line["quantity"] for line in cart["lines"]] == [1]


def quantities(store: Store) -> list[int]:
    """Of the lines of the only cart."""
    (cart,) = store.carts()
    return [line["quantity"] for line in cart["lines"]]


@pytest.mark.parametrize("press", ["One more: Pint mug", "Remove: Pint mug"])
@pytest.mark.parametrize("to", ["another site", "a page of this site"])
def test_a_change_is_made_though_the_page_is_left_at_once(
    page: Page, blog: Site, store: Store, press: str, to: str
) -> None:
    left = blog.write(POST, path="/next") if to == "a page of this site" else blog.store
    page.goto(blog.write(POST + f'<a id="away" href="{left}">Away</a>'))
    page.evaluate(ADD)
    page.reload()  # nothing is under way, and no preflight has been made in this page
    page.evaluate("cartproxy.open()")
    expect(page.get_by_role("button", name=press)).to_be_visible()

    page.get_by_role("button", name=press).evaluate(
        "(button) => { button.click(); document.querySelector('#away').click(); }"
    )

    page.wait_for_url(left + "**")
    wanted = [2] if "more" in press else []
    wait_for(lambda: quantities(store) == wanted, f"the cart holds {wanted}")
    if left != blog.store:
        expect(page.get_by_role("button", name=f"Cart {sum(wanted)}")).to_be_visible()


def test_a_change_waits_for_no_other_when_the_page_is_left(
    page: Page, blog: Site, store: Store
) -> None:
    page.goto(blog.write(POST))
    page.evaluate(ADD)
    store.calls()
    store.hold("PUT", times=1)
    page.evaluate(f"() => {{ {CHANGE}(2); }}")
    store.wait_for_calls()

    page.evaluate(f"() => {{ {CHANGE}(3); location.href = '{blog.store}'; }}")
    page.wait_for_url(blog.store + "**")
    store.fail()

    wait_for(lambda: quantities(store) == [3], "the cart holds 3")


def change_without_an_answer(tab: Page, quantity: int) -> None:
    """Change the only line in a page whose requests get no answer, and are not sent."""
    tab.evaluate(f"() => {{ window.fetch = () => new Promise(() => {{}}); {CHANGE}({quantity}); }}")
    tab.wait_for_function('localStorage.getItem("cartproxy:demo:outbox")?.includes("PATCH")')


def test_the_change_of_a_closed_tab_is_made_by_the_next_page(
    context: BrowserContext, blog: Site, store: Store
) -> None:
    first, second = context.new_page(), context.new_page()
    first.goto(blog.write(POST))
    first.evaluate(ADD)
    change_without_an_answer(first, 3)
    assert quantities(store) == [1]

    first.close()
    second.goto(blog.url)

    expect(second.get_by_role("button", name="Cart 3")).to_be_visible()
    assert quantities(store) == [3]


def test_the_change_of_a_closed_tab_never_undoes_a_later_one(
    context: BrowserContext, blog: Site, store: Store
) -> None:
    first, second = context.new_page(), context.new_page()
    first.goto(blog.write(POST))
    first.evaluate(ADD)
    change_without_an_answer(first, 5)
    second.goto(blog.url)
    second.evaluate(CHANGE + "(3)")

    first.close()
    second.reload()

    second.wait_for_function('localStorage.getItem("cartproxy:demo:outbox") === "[]"')
    assert quantities(store) == [3]
    expect(second.get_by_role("button", name="Cart 3")).to_be_visible()
