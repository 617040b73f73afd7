"""A busy day in the widget: lines that wait for the store, and a checkout that takes long."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, Request, expect
from support.browser_fixtures import new_context
from support.budget import FEW_CALLS, SECONDS_A_CALL, Budget
from support.servers import free_port, service, store_environment
from support.shopper import MUG, Store
from support.sites import PRODUCT, Site, site
from support.waiting import wait_for

pytestmark = pytest.mark.browser

SCHEMES = "<style>html{color-scheme:light dark;background:Canvas;color:CanvasText}</style>"
POST = SCHEMES + "<cart-count>Cart</cart-count>" + PRODUCT + "<cart-drawer></cart-drawer>"
LATER_MS = 2 * SECONDS_A_CALL * 1000


@pytest.fixture(scope="module")
def slow_site(redis_url: str, store_url: str) -> Iterator[Site]:
    """A blog, and a service whose store takes a call now and then."""
    port = free_port()
    environment = {
        "CARTPROXY_REDIS_URL": redis_url,
        "CARTPROXY_BREAKER_FAILURES": "1000000",
        **store_environment(
            store_url,
            ORIGINS=f"http://blog.localhost:{port}",
            **FEW_CALLS,
        ),
    }
    with service(environment) as url:
        proxy = url.replace("127.0.0.1", "cart.localhost")
        with site(port, proxy, store_url) as blog:
            yield blog


@pytest.fixture
def budget(redis_url: str, store: Store) -> Iterator[Budget]:
    budget = Budget(redis_url)
    budget.refill()
    yield budget
    budget.refill()


@pytest.fixture
def blog(slow_site: Site, budget: Budget) -> Site:
    slow_site.pages.clear()
    return slow_site


def arrive(page: Page, blog: Site, body: str = POST) -> None:
    """Open the page, whose time can be put forward, and learn what the mug is."""
    page.clock.install()
    page.goto(blog.write(body))
    page.evaluate("(id) => cartproxy.product(id)", MUG)


def add(page: Page, count: int = 1) -> None:
    for _ in range(count):
        page.evaluate("(id) => cartproxy.add({ catalogId: id })", MUG)


def open_drawer(page: Page) -> Locator:
    page.locator("cart-count button").click()
    dialog = page.get_by_role("dialog", name="Your cart")
    expect(dialog).to_be_visible()
    return dialog


def begin_checkout(
    page: Page, budget: Budget, lines: int = 3, *, stand_still: bool = False
) -> Locator:
    """Press Checkout, when the store has calls for the cart and one of its lines only.

    With `stand_still` the page asks again only when the test puts its time forward.
    """
    budget.spend()
    add(page, lines)
    dialog = open_drawer(page)
    budget.spend(leaving=2)
    if stand_still:
        # It can't be put back, so far enough ahead for a machine that pauses before it is stopped.
        page.clock.pause_at(page.evaluate("Date.now() / 1000 + 60"))
    dialog.get_by_role("button", name="Checkout").click()
    expect(dialog.get_by_role("progressbar")).to_have_js_property("value", 1)
    return dialog


def assert_at_checkout(page: Page, store: Store, *quantities: int) -> None:
    expect(page.get_by_role("heading", name="Secure checkout")).to_be_visible()
    (cart,) = store.carts()
    assert sorted(line["quantity"] for line in cart["lines"]) == sorted(quantities)


def assert_accessible(page: Page) -> None:
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()


def checkouts(page: Page) -> list[Request]:
    """The page's checkout requests; filled while they are made."""
    made: list[Request] = []
    page.on(
        "request",
        lambda each: (
            made.append(each) if (each.method, each.url[-9:]) == ("POST", "/checkout") else 0
        ),
    )
    return made


def test_pending_line_is_shown_changed_and_removed(
    page: Page, blog: Site, budget: Budget, store: Store, tidy: list[str]
) -> None:
    arrive(page, blog)
    page.evaluate(
        'document.addEventListener("cartproxy:add", (event) => { window.told = event.detail; })'
    )
    store.calls()
    budget.spend()

    page.locator("cart-button a").click()
    expect(page.locator("cart-button [role=status]")).to_have_text("Added to the cart")
    assert page.evaluate("told.estimated") is True
    assert page.evaluate("[cartproxy.cart.estimated, cartproxy.cart.items[0].state]") == [
        True,
        "pending",
    ]
    dialog = open_drawer(page)
    expect(dialog.get_by_role("listitem")).to_contain_text("Price confirmed at checkout")
    expect(dialog.locator("[part=foot]")).to_contain_text("Price confirmed at checkout")
    expect(dialog.get_by_role("status")).to_have_text("")
    dialog.get_by_role("button", name="One more: Pint mug").click()
    expect(dialog.locator("[part=subtotal]")).to_have_text("$19.98")
    page.wait_for_function("!cartproxy.cart.pending")
    expect(dialog.get_by_role("listitem")).to_contain_text("Price confirmed at checkout")
    assert page.evaluate("cartproxy.cart.items[0].quantity") == 2
    dialog.get_by_role("button", name="Remove: Pint mug").click()

    expect(dialog.get_by_text("Nothing in it yet.")).to_be_visible()
    page.wait_for_function("!cartproxy.cart.pending")
    assert page.evaluate("cartproxy.refresh().then((cart) => cart.items.length)") == 0
    assert store.calls() == []


def test_lines_of_the_store_need_no_such_word(page: Page, blog: Site) -> None:
    arrive(page, blog)
    add(page)

    dialog = open_drawer(page)

    expect(dialog.get_by_role("listitem")).to_be_visible()
    expect(dialog.get_by_text("Price confirmed at checkout")).to_have_count(2)
    for word in dialog.get_by_text("Price confirmed at checkout").all():
        expect(word).to_be_hidden()


def test_our_name_for_a_line_is_good_after_the_store_has_given_its_own(
    page: Page, blog: Site, budget: Budget, store: Store, tidy: list[str]
) -> None:
    arrive(page, blog)
    budget.spend()
    add(page)
    dialog = open_drawer(page)
    more = dialog.get_by_role("button", name="One more: Pint mug")
    more.focus()
    budget.refill()

    (line,) = page.evaluate("cartproxy.refresh().then((cart) => cart.items)")

    assert re.fullmatch(r"\d+", line["item_id"])
    expect(more).to_be_focused()
    expect(dialog.get_by_role("listitem").locator("[part=estimated]")).to_be_hidden()
    more.press("Enter")
    page.wait_for_function("!cartproxy.cart.pending && cartproxy.cart.items[0].quantity === 2")
    page.evaluate('cartproxy.change("n1", 3)')
    assert [line["quantity"] for cart in store.carts() for line in cart["lines"]] == [3]
    page.evaluate('cartproxy.remove("n1")')
    assert [cart["lines"] for cart in store.carts()] == [[]]


def test_checkout_that_takes_long_shows_its_progress_and_goes_on(
    page: Page, blog: Site, budget: Budget, store: Store, tidy: list[str]
) -> None:
    made = checkouts(page)
    arrive(page, blog)

    dialog = begin_checkout(page, budget, stand_still=True)

    bar = dialog.get_by_role("progressbar", name="On to the checkout: 1 of 3")
    expect(bar).to_have_js_property("max", 3)
    expect(dialog.locator("[aria-live=polite]")).to_have_text("On to the checkout: 1 of 3")
    expect(dialog.get_by_role("button", name="Checkout")).to_be_disabled()
    expect(dialog.get_by_role("button", name="Checkout")).to_be_focused()
    assert page.evaluate("cartproxy.cart.progress.of") == 3
    moving = 'document.querySelector("cart-drawer").shadowRoot.getAnimations().length'
    assert page.evaluate(moving) == 0
    budget.spend(leaving=1)
    page.clock.fast_forward(LATER_MS)
    expect(bar).to_have_count(0)
    expect(dialog.locator("[aria-live=polite]")).to_have_text("On to the checkout: 2 of 3")
    budget.refill()
    page.clock.fast_forward(LATER_MS)

    assert_at_checkout(page, store, 1, 1, 1)
    answers = [each.response() for each in made]
    assert [each and each.status for each in answers] == [202, 202, 200]
    assert len({each.headers["idempotency-key"] for each in made}) == 1


@pytest.mark.parametrize("way", ["Not now", "Escape", "Close"])
def test_checkout_that_is_left_loses_nothing(
    page: Page, blog: Site, budget: Budget, store: Store, way: str, tidy: list[str]
) -> None:
    made = checkouts(page)
    arrive(page, blog)
    dialog = begin_checkout(page, budget, stand_still=True)

    if way == "Escape":
        page.keyboard.press("Escape")
    else:
        dialog.get_by_role("button", name=way).press("Enter")

    wait_for(lambda: not page.evaluate("cartproxy.cart.progress"), "the checkout is left")
    page.clock.fast_forward(LATER_MS)
    page.clock.resume()
    if way == "Not now":
        expect(dialog.get_by_role("button", name="Checkout")).to_be_focused()
        expect(dialog.get_by_role("progressbar")).to_be_hidden()
    else:
        expect(dialog).to_be_hidden()
        open_drawer(page)
    assert len(made) == 1
    budget.refill()
    dialog.get_by_role("button", name="Checkout").click()
    assert_at_checkout(page, store, 1, 1, 1)


def test_checkout_that_fails_on_its_way_says_so_and_loses_nothing(
    page: Page, blog: Site, budget: Budget, store: Store
) -> None:
    arrive(page, blog)
    dialog = begin_checkout(page, budget)
    store.fail({"method": "*", "path": "/Cart*", "fault": "status", "status": 401, "times": None})
    budget.refill()

    page.clock.fast_forward(LATER_MS)
    expect(dialog.get_by_role("status")).to_have_text(
        "The store is busy. Please try again in a moment."
    )
    expect(dialog.get_by_role("progressbar")).to_be_hidden()
    expect(dialog.get_by_role("listitem")).to_have_count(3)
    store.fail()
    dialog.get_by_role("button", name="Checkout").click()

    assert_at_checkout(page, store, 1, 1, 1)


def test_tab_that_is_closed_during_a_checkout_loses_nothing(
    page: Page, blog: Site, budget: Budget, store: Store
) -> None:
    arrive(page, blog)
    begin_checkout(page, budget)
    page.close()
    budget.refill()

    later = page.context.new_page()
    later.goto(blog.url)
    expect(later.get_by_role("button", name="Cart 3")).to_be_visible()
    open_drawer(later).get_by_role("button", name="Checkout").click()

    assert_at_checkout(later, store, 1, 1, 1)


def test_price_that_rose_meanwhile_is_shown_and_agreed_to(
    page: Page, blog: Site, budget: Budget, store: Store
) -> None:
    arrive(page, blog)
    budget.spend()
    add(page)
    dialog = open_drawer(page)
    store.change_product(MUG, price="12.50")
    budget.refill()

    dialog.get_by_role("button", name="Checkout").press("Enter")
    note = dialog.get_by_role("status")
    expect(note).to_contain_text("The store has changed your cart.")
    expect(note).to_contain_text("Pint mug: $9.99 → $12.50")
    expect(dialog.locator("[part=subtotal]")).to_have_text("$12.50")
    expect(dialog.get_by_role("button", name="Checkout")).to_be_focused()
    assert_accessible(page)
    dialog.get_by_role("button", name="Not now").click()
    expect(dialog).to_be_hidden()
    open_drawer(page).get_by_role("button", name="Checkout").click()

    assert_at_checkout(page, store, 1)


def test_what_changed_is_in_view_in_a_long_cart(
    page: Page, blog: Site, budget: Budget, store: Store
) -> None:
    arrive(page, blog)
    dialog = begin_checkout(page, budget, lines=8)
    expect(dialog.get_by_role("button", name="Not now")).to_be_in_viewport()
    store.change_product(MUG, price="12.50")
    budget.refill()

    page.clock.fast_forward(LATER_MS)

    expect(dialog.get_by_text("Pint mug: $9.99 → $12.50")).to_be_in_viewport()


def test_line_that_the_store_refuses_in_the_end_is_shown(
    page: Page, blog: Site, budget: Budget, store: Store
) -> None:
    arrive(page, blog)
    budget.spend()
    add(page)
    dialog = open_drawer(page)
    store.change_product(MUG, stock=0)
    budget.refill()

    dialog.get_by_role("button", name="Checkout").press("Enter")

    expect(dialog.get_by_role("status")).to_contain_text("Pint mug: 1 → 0")
    expect(dialog.get_by_text("Nothing in it yet.")).to_be_visible()
    expect(dialog.get_by_role("button", name="Close")).to_be_focused()


@pytest.mark.parametrize("opener", ["View cart", "Cart 3"])
def test_without_a_drawer_the_checkout_says_how_far_it_is(
    page: Page, blog: Site, budget: Budget, store: Store, opener: str
) -> None:
    page.route("**/drawer.js", lambda route: route.abort())
    arrive(page, blog, "<cart-count>Cart</cart-count>" + PRODUCT)
    budget.spend()
    add(page, 2)
    page.locator("cart-button a").click()
    expect(page.locator("cart-button [role=status]")).to_have_text("Added to the cart")
    budget.spend(leaving=2)

    page.get_by_role("button", name=opener).click()

    place = "cart-button [role=status]" if opener == "View cart" else "cart-count button"
    expect(page.locator(place)).to_contain_text("On to the checkout: 1 of 3")
    budget.refill()
    page.clock.fast_forward(LATER_MS)
    assert_at_checkout(page, store, 1, 1, 1)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1100, 320])
def test_axe_finds_nothing_wrong(
    browser: Browser, blog: Site, budget: Budget, scheme: Any, width: int
) -> None:
    size = {"width": width, "height": 700}
    with new_context(
        browser, color_scheme=scheme, viewport=size, reduced_motion="reduce"
    ) as context:
        page = context.new_page()
        arrive(page, blog)
        dialog = begin_checkout(page, budget)
        assert_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        dialog.get_by_role("button", name="Not now").click()
        expect(dialog.get_by_role("listitem").first).to_contain_text("Price confirmed")
        assert_accessible(page)


@pytest.mark.parametrize("language", ["de", "fr", "es"])
def test_other_languages_have_words_for_it(page: Page, blog: Site, language: str) -> None:
    page.goto(blog.write(POST, script=f'data-store="demo" data-lang="{language}"'))
    page.wait_for_function(f"window.cartproxy?.kit.words.{language}?.stay")

    words = page.evaluate(f"cartproxy.kit.words.{language}")

    assert words["estimated"]
    assert words["sending"].count("#") == 2
