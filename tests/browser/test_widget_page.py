"""The widget's place on a page: policies, accessibility, small screens, and what it costs."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from support.browser_fixtures import new_context
from support.shopper import Store
from support.sites import PRODUCT, Site
from support.snippets import printed

from cartproxy.widget import releases

pytestmark = pytest.mark.browser

OPTIONS = (
    '<cart-button catalog-id="3828"></cart-button><cart-button catalog-id="3841"></cart-button>'
)
POST = "<cart-count>Cart</cart-count>" + PRODUCT + OPTIONS + "<cart-drawer></cart-drawer>"
ADD = "cartproxy.add({ catalogId: 3829 })"


def assert_accessible(page: Page) -> None:
    """No violation of axe-core's rules, the best practices among them."""
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()


def test_a_strict_policy_as_the_snippet_names_it_is_enough(
    page: Page, blog: Site, store: Store, tidy: list[str]
) -> None:
    policy = (
        f"default-src 'none'; script-src {blog.proxy}; connect-src {blog.proxy}; "
        f"img-src data: {blog.store}; form-action {blog.proxy}; base-uri 'none'; "
        "require-trusted-types-for 'script'; trusted-types cartproxy"
    )
    page.goto(blog.write(POST, Content_Security_Policy=policy))

    page.locator("cart-button > a").click()
    page.get_by_role("button", name="View cart").click()
    image = page.get_by_role("dialog").locator("img")
    expect(image).to_be_visible()
    page.get_by_role("button", name="Checkout").click()

    expect(page.get_by_role("heading", name="Secure checkout")).to_be_visible()


def test_the_tag_with_integrity_runs_and_an_altered_one_leaves_the_link(
    page: Page, blog: Site
) -> None:
    right = page.request.get(
        blog.proxy.replace("cart.localhost", "127.0.0.1") + "/widget/1.1.0/cartproxy.js"
    )
    assert right.headers["cache-control"] == "public, max-age=31536000, immutable"
    tag = (
        f'<script src="{blog.proxy}/widget/1.1.0/cartproxy.js" data-store="demo" '
        'crossorigin="anonymous" integrity="%s" defer></script>'
    )

    released = releases.script("1.1.0", "cartproxy.js")
    page.goto(blog.write(tag % released.integrity + POST, script=""))
    expect(page.get_by_role("button", name="Cart 0")).to_be_visible()

    page.goto(blog.write(tag % ("sha384-" + "A" * 64) + POST, script=""))

    page.locator("cart-button > a").click()
    expect(page).to_have_url(f"{blog.store}/product-p/3829")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1100, 320])
def test_axe_finds_nothing_wrong(browser: Browser, blog: Site, scheme: Any, width: int) -> None:
    size = {"width": width, "height": 700}
    with new_context(browser, color_scheme=scheme, viewport=size) as context:
        _examine(context.new_page(), blog, width)


def _examine(page: Page, blog: Site, width: int) -> None:
    page.goto(blog.write("<style>html{color-scheme:light dark;background:Canvas}</style>" + POST))
    expect(page.get_by_label("Size")).to_be_visible()
    expect(page.get_by_label("Gift wrap")).to_be_visible()
    assert_accessible(page)

    page.locator("cart-button > a").click()
    page.get_by_role("button", name="View cart").click()
    expect(page.get_by_role("dialog").get_by_text("Pint mug")).to_be_visible()

    assert_accessible(page)
    overflow = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert overflow == 0
    dialog = page.get_by_role("dialog").bounding_box()
    assert dialog is not None
    assert dialog["x"] >= 0
    assert dialog["x"] + dialog["width"] <= width


def test_drawer_comes_from_the_other_side_where_text_runs_from_right_to_left(
    page: Page, blog: Site
) -> None:
    page.goto(blog.write('<script></script><div dir="rtl">' + POST + "</div>"))
    page.locator("cart-count button").click()

    dialog = page.get_by_role("dialog").bounding_box()

    assert dialog is not None
    assert dialog["x"] == 0


def test_a_new_reader_costs_no_call_of_a_cart(page: Page, blog: Site) -> None:
    asked: list[str] = []
    page.on(
        "request", lambda request: asked.append(request.url) if "/cart" in request.url else None
    )
    page.goto(blog.write("<cart-count>Cart</cart-count>" + PRODUCT))
    expect(page.get_by_role("button", name="Cart 0")).to_be_visible()
    page.wait_for_load_state("networkidle")

    assert [url for url in asked if "/v1/stores/demo/cart" in url] == []


@pytest.mark.parametrize(
    "inside",
    ['<a href="{store}/product-p/3829">Add to cart</a>',
     '<form method="post" action="{proxy}/v1/stores/demo/buy"><button>Add to cart</button></form>'],
)  # fmt: skip
def test_nothing_moves_when_the_script_comes(page: Page, blog: Site, inside: str) -> None:
    element = f'<cart-button catalog-id="3829" shown-price="9,99">{inside}</cart-button>'
    page.add_init_script(
        """window.moved = 0;
           new PerformanceObserver((list) => { for (const each of list.getEntries()) moved += each.value; })
             .observe({ type: "layout-shift", buffered: true });"""
    )
    page.goto(blog.write(f"<div>{element}</div>" + "<p>Words of the post.</p>" * 20))
    expect(page.locator("cart-button [part=status]")).to_be_attached()
    page.wait_for_load_state("networkidle")
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    assert page.evaluate("moved") == 0


def test_one_preflight_is_enough_for_a_visit_of_writes(page: Page, blog: Site) -> None:
    session = page.context.new_cdp_session(page)
    preflights: list[str] = []
    session.on(
        "Network.requestWillBeSent",
        lambda event: (
            preflights.append(event["request"]["url"])
            if event["request"]["method"] == "OPTIONS"
            else None
        ),
    )
    session.send("Network.enable")
    page.goto(blog.write(POST))

    page.evaluate(ADD)
    page.evaluate("cartproxy.change(cartproxy.cart.items[0].item_id, 3)")
    page.evaluate(ADD)
    page.evaluate("cartproxy.remove(cartproxy.cart.items[0].item_id)")

    assert preflights == [f"{blog.proxy}/v1/stores/demo/cart/items"]


def test_the_script_twice_draws_one_drawer_and_adds_once(
    page: Page, blog: Site, store: Store, tidy: list[str]
) -> None:
    again = f'<script src="{blog.proxy}/widget/v1/cartproxy.js" data-store="demo" defer></script>'
    page.goto(blog.write(again + POST))

    page.locator("cart-button > a").click()

    expect(page.get_by_role("button", name="Cart 1")).to_be_visible()
    page.wait_for_function("!cartproxy.cart.pending")
    assert page.evaluate("cartproxy.loadedTwice") is True
    (cart,) = store.carts()
    assert len(cart["lines"]) == 1


def findings(page: Page) -> dict[str, dict[str, str]]:
    """What the doctor says of the page, by code."""
    found: list[dict[str, str]] = page.evaluate("cartproxy.doctor()")
    return {each["code"]: each for each in found}


def test_the_doctor_finds_nothing_wrong_with_a_sound_page(page: Page, blog: Site) -> None:
    page.goto(blog.write(PRODUCT) + "?cartproxy-doctor")

    dialog = page.get_by_role("dialog", name="cartproxy doctor")
    expect(dialog).to_be_visible()
    assert set(findings(page)) == {"no-integrity"}
    assert_accessible(page)


def test_the_doctor_names_the_origin_to_add(page: Page, blog: Site) -> None:
    elsewhere = blog.url.replace("blog.localhost", "other.localhost")
    blog.write(PRODUCT)
    page.goto(elsewhere)

    found = findings(page)["origin-refused"]

    assert f'origins = ["{elsewhere}"]' in found["mend"]


def test_the_doctor_names_the_directive_that_is_missing(page: Page, blog: Site) -> None:
    policy = f"default-src 'none'; script-src {blog.proxy}; connect-src 'self'; form-action 'self'"
    page.goto(blog.write(PRODUCT, Content_Security_Policy=policy))

    found = findings(page)

    assert found["csp-connect"]["mend"].endswith(f"connect-src … {blog.proxy}")
    assert found["csp-form"]["mend"].endswith(f"form-action … {blog.proxy}")


def test_the_doctor_names_the_picture_source_that_is_missing(page: Page, blog: Site) -> None:
    policy = f"default-src 'none'; script-src {blog.proxy}; connect-src 'self' {blog.proxy}"
    page.goto(blog.write(PRODUCT, Content_Security_Policy=policy))

    assert findings(page)["csp-img"]["mend"].endswith(f"img-src … {blog.store}")


def test_the_doctor_sees_what_else_can_be_wrong(page: Page, blog: Site) -> None:
    again = f'<script src="{blog.proxy}/widget/v1/cartproxy.js" data-store="demo" defer></script>'
    cart = f'<a href="{blog.store}/continue_order.asp?orderkey=abc">Your cart</a>'
    buttons = (
        '<cart-button catalog-id="4040"></cart-button>'
        '<cart-button catalog-id="3829" shown-price="1.00"></cart-button>'
    )
    page.goto(blog.write(again + cart + buttons, Age="600"))

    found = findings(page)

    assert {
        "loaded-twice",
        "cart-in-page",
        "product-not-found",
        "price-differs",
        "no-fallback",
    } <= set(found)
    assert "600 s old" in found["cart-in-page"]["message"]
    assert found["price-differs"]["mend"] == 'shown-price="9.99"'


def test_the_doctor_names_what_makes_this_page_a_hard_place(page: Page, blog: Site) -> None:
    page.add_init_script(
        """navigator.locks.request = () => Promise.reject(new DOMException("", "SecurityError"));
           Array.prototype.toJSON = function () { return this.slice(); };
           customElements.define("cart-drawer", class extends HTMLElement {});"""
    )
    blog.write("<p>Another page</p>", script="")
    page.goto(blog.url)
    page.evaluate("localStorage.setItem('cartproxy:demo:outbox', '5')")
    buttons = (
        '<form action="/outer"><cart-button catalog-id="3829" shown-price="call"></cart-button></form>'
        '<cart-button catalog-id="3838" quantity="7"></cart-button>'
        '<cart-button catalog-id="3842" store="other"></cart-button>'
        '<form method="post" action="{proxy}/v1/stores/demo/buy"></form>'
        '<cart-button catalog-id="3842" shown-price="45,00" /><h2>More</h2>'
    )
    page.goto(
        blog.write(
            buttons, script='data-store="demo" data-lang="en_US"', Referrer_Policy="same-origin"
        )
    )
    expect(page.locator("[part=store-only]").first).to_be_attached()

    found = findings(page)

    assert {
        "locks-refused",
        "patched-json",
        "name-taken",
        "storage-damaged",
        "form-around",
        "price-unreadable",
        "quantity-unfit",
        "two-stores",
        "store-only",
        "language-unknown",
        "not-closed",
        "form-origin",
    } <= set(found)
    assert "price-differs" not in found
    assert "6, 12" in found["quantity-unfit"]["message"]


def test_the_doctor_finds_no_store(page: Page, blog: Site) -> None:
    page.goto(blog.write(PRODUCT, script="data-nothing") + "?cartproxy-doctor")

    expect(page.get_by_role("dialog", name="cartproxy doctor")).to_contain_text("names no store")


def test_the_doctor_says_when_the_store_id_is_wrong(page: Page, blog: Site) -> None:
    page.goto(blog.write(PRODUCT, script='data-store="demmo"'))

    assert "demmo" in findings(page)["store-not-found"]["message"]


def test_the_doctor_says_when_storage_is_blocked(page: Page, blog: Site) -> None:
    page.add_init_script(
        'Object.defineProperty(window, "localStorage", { get() { throw new Error("blocked"); } })'
    )
    page.goto(blog.write(PRODUCT))

    assert "storage-blocked" in findings(page)


def test_a_form_from_an_unlisted_site_gets_a_page_a_person_can_read(page: Page, blog: Site) -> None:
    form = (
        '<form method="post" action="{proxy}/v1/stores/demo/buy">'
        '<input type="hidden" name="catalog_id" value="3829"><button>Buy</button></form>'
    )
    blog.write(form, script="")
    page.goto(blog.url.replace("blog.localhost", "other.localhost"))

    page.get_by_role("button", name="Buy").click()

    expect(page.get_by_role("heading", name="Origin refused")).to_be_visible()
    expect(page.get_by_text("Go back to the page you came from.")).to_be_visible()
    assert_accessible(page)


def test_what_the_snippet_prints_works_when_pasted(page: Page, blog: Site, store: Store) -> None:
    text = printed(blog, 3829)
    parts = text.split("\n\n")
    tag = next(part for part in parts if "<script" in part)
    button = next(part for part in parts if "<cart-button" in part)
    policy = next(line for line in text.splitlines() if line.startswith("Content-Security-Policy:"))
    page.goto(
        blog.write(
            tag + button,
            script="",
            Content_Security_Policy=policy.partition(": ")[2] + "; default-src 'none'",
        )
    )

    page.get_by_role("button").first.click()

    expect(page.locator("cart-button [role=status]")).to_have_text("Added to the cart")
    assert len(store.carts()) == 1
