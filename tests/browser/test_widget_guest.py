"""The widget as a guest on other people's pages: what they hold, refuse, move and rename."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, expect
from support.servers import free_port
from support.shopper import Store
from support.sites import PRODUCT, Site, site

pytestmark = pytest.mark.browser

COUNT = "<cart-count>Cart</cart-count>"
STATUS = "cart-button [role=status]"
LINK = '<a href="{store}/product-p/3829">Add to cart</a>'
ADD = "cartproxy.add({ catalogId: 3829 })"


@pytest.fixture
def warned(page: Page) -> list[str]:
    """What the widget says in the console."""
    said: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.text.startswith("cartproxy:"):
            said.append(message.text)

    page.on("console", hear)
    return said


def expect_added(page: Page, store: Store, *catalog_ids: int) -> None:
    expect(page.locator(STATUS).first).to_have_text("Added to the cart")
    (cart,) = store.carts()
    assert [line["catalog_id"] for line in cart["lines"]] == list(catalog_ids or (3829,))


# --- What is there and refuses ---


@pytest.mark.parametrize(
    "refuses",
    [
        'navigator.locks.request = () => Promise.reject(new DOMException("", "SecurityError"))',
        'navigator.locks.request = () => { throw new DOMException("", "SecurityError"); }',
        "Object.defineProperty(navigator, 'locks', { get() { throw new Error('no'); } })",
        "Object.defineProperty(navigator, 'locks', { value: undefined })",
        "navigator.locks.request = () => new Promise(() => {})",
    ],
)
def test_locks_that_refuse_are_as_if_they_were_absent(
    page: Page, blog: Site, store: Store, refuses: str
) -> None:
    page.add_init_script(refuses)
    page.goto(blog.write(COUNT + PRODUCT))

    page.locator("cart-button a").click()

    expect_added(page, store)


def test_storage_that_is_full_is_as_if_it_were_absent(
    page: Page, blog: Site, store: Store, warned: list[str]
) -> None:
    page.goto(blog.write(COUNT + PRODUCT))
    page.evaluate(ADD)
    page.evaluate(
        """() => { Storage.prototype.setItem = () => {
             throw new DOMException("", "QuotaExceededError"); }; }"""
    )
    page.evaluate(ADD)
    page.evaluate(ADD)

    (cart,) = store.carts()
    assert len(cart["lines"]) == 3
    assert len(warned) == 1


@pytest.mark.parametrize("damage", ["{}", "5", "null", "not JSON", '[{"key":1}]', "[null]", '""',
               '[{"key":"two\\nlines","body":"{}"}]', '[{"key":"k","body":["x"]}]',
               '[{"key":"k","body":"{}","method":"GET"}]',
               '[{"key":"k","body":"{}","method":"PATCH","tag":"two\\nlines"}]'],
)  # fmt: skip
def test_an_outbox_that_is_none_is_dropped(
    page: Page, blog: Site, store: Store, damage: str
) -> None:
    blog.write(COUNT + PRODUCT)
    page.goto(blog.url)
    page.evaluate("(text) => localStorage.setItem('cartproxy:demo:outbox', text)", damage)
    page.reload()
    page.wait_for_function("localStorage.getItem('cartproxy:demo:outbox') === null")

    page.locator("cart-button a").click()

    expect_added(page, store)


@pytest.mark.parametrize(
    "damage",
    ['{"cart":null,"at":1}', "{}", "5", "[]", '{"cart":{"items":{}}}', '{"cart":{"items":[null]}}',
     '{"cart":{"items":[{"item_id":"1","quantity":1,"options":[null]}]},"at":1}',
     '{"cart":{"items":[]}}', '{"cart":{"items":[],"item_count":"x","subtotal":{}}}'],
)  # fmt: skip
def test_a_cart_that_is_none_is_dropped(
    page: Page, blog: Site, store: Store, damage: str, warned: list[str]
) -> None:
    blog.write(COUNT + PRODUCT)
    page.goto(blog.url)
    page.evaluate("(text) => localStorage.setItem('cartproxy:demo:cart', text)", damage)
    page.reload()
    expect(page.get_by_role("button", name="Cart 0")).to_be_visible()

    page.locator("cart-button a").click()

    expect_added(page, store)
    assert len(warned) == 1


@pytest.mark.parametrize("damage", ["cpt1_short", "x", "cpt1_" + "é" * 43, "[object Object]"])
def test_a_credential_that_is_none_is_drawn_again(
    page: Page, blog: Site, store: Store, damage: str
) -> None:
    blog.write(COUNT + PRODUCT)
    page.goto(blog.url)
    page.evaluate("(text) => localStorage.setItem('cartproxy:demo:credential', text)", damage)
    page.reload()

    page.locator("cart-button a").click()

    expect_added(page, store)


def test_a_cart_kept_in_the_future_is_old(page: Page, blog: Site, store: Store) -> None:
    blog.write(COUNT + PRODUCT)
    page.goto(blog.url)
    page.evaluate(ADD)
    page.evaluate(
        """() => {
          const kept = JSON.parse(localStorage["cartproxy:demo:cart"]);
          kept.cart.items = [];
          kept.cart.item_count = 0;
          localStorage["cartproxy:demo:cart"] = JSON.stringify({ ...kept, at: Date.now() + 365 * 864e5 });
        }"""
    )

    page.goto(blog.url)

    expect(page.get_by_role("button", name="Cart 1")).to_be_visible()


def test_arrays_with_a_json_of_their_own_and_other_patches_change_nothing(
    page: Page, blog: Site, store: Store
) -> None:
    # As an old Prototype.js does.
    page.add_init_script(
        """Array.prototype.toJSON = function () { return "[" + this.join() + "]"; };
           String.prototype.toJSON = Number.prototype.toJSON = function () { return "x"; };
           Array.prototype.reduce = function () { return this.length > 1 ? this : this[0]; };
           Array.prototype.entries = Array.prototype.toArray = function () { return this.slice(); };"""
    )
    page.goto(
        blog.write(COUNT + '<cart-button catalog-id="3828" option-1882="12396"></cart-button>')
    )

    expect(page.get_by_label("Colour")).to_be_visible()
    page.get_by_role("button", name="Add to cart").click()
    expect_added(page, store, 3828)
    page.evaluate("cartproxy.change(cartproxy.cart.items[0].item_id, 2)")
    page.reload()

    expect(page.get_by_role("button", name="Cart 2")).to_be_visible()


@pytest.mark.parametrize(
    "patched",
    ['window.URL = "https://blog.example"',
     "String.prototype.replaceAll = function (a, b) { return this.replace(RegExp(a, 'g'), b); }",
     """const Native = Promise;
        window.Promise = class extends Native {};
        Promise.prototype.finally = undefined;""",
     """window.Option = function () { return {}; };
        window.Image = null;""",
     "window.Map = function (place) { this.place = place; }",
     "window.Set = function () {}",
     "window.CustomEvent = undefined"],
)  # fmt: skip
def test_built_ins_that_the_page_has_replaced_are_not_needed(
    page: Page, blog: Site, store: Store, patched: str
) -> None:
    page.add_init_script(patched)
    page.goto(blog.write(COUNT + '<cart-button catalog-id="3828"></cart-button>'))

    page.get_by_label("Size").select_option(label="Small")
    page.get_by_role("button", name="Add to cart").click()

    expect_added(page, store, 3828)


def test_what_a_monitoring_tool_adds_to_fetch_costs_no_sale(
    page: Page, blog: Site, store: Store
) -> None:
    page.add_init_script(
        """const real = fetch;
           window.fetch = (url, init = {}) => real(url, { ...init, headers: { ...init.headers,
             "sentry-trace": "0af7651916cd43dd8448eb211c80319c", baggage: "a=b", newrelic: "x",
             traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" } });"""
    )
    page.goto(blog.write(COUNT + PRODUCT))

    page.locator("cart-button a").click()

    expect_added(page, store)


def test_beacons_that_fill_the_browsers_room_for_them_cost_no_sale(
    page: Page, blog: Site, store: Store
) -> None:
    # All that a page sends with `keepalive` may have 64 KiB at a time, beacons included.
    page.route("**/beacon", lambda route: None)
    page.goto(blog.write(COUNT + PRODUCT))
    assert page.evaluate("navigator.sendBeacon('/beacon', 'x'.repeat(65536))")

    page.locator("cart-button a").click()

    expect_added(page, store)


@pytest.mark.parametrize("page_own", ["class Map {}", "class Set {}", "function Map(place) {}"])
def test_classes_of_the_pages_own_are_not_taken_for_the_browsers(
    page: Page, blog: Site, store: Store, tidy: list[str], page_own: str
) -> None:
    page.goto(blog.write(f"<script>{page_own}</script>" + COUNT + PRODUCT))

    page.locator("cart-button a").click()
    page.get_by_role("button", name="View cart").click()

    expect(page.get_by_role("dialog", name="Your cart").get_by_text("Pint mug")).to_be_visible()


def test_a_page_that_is_only_prepared_asks_for_no_cart(page: Page, blog: Site) -> None:
    blog.write(COUNT)
    page.goto(blog.url)
    page.evaluate(ADD)
    page.evaluate(
        """() => { const kept = JSON.parse(localStorage["cartproxy:demo:cart"]);
                   localStorage["cartproxy:demo:cart"] = JSON.stringify({ ...kept, at: 0 }); }"""
    )
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.add_init_script(
        "Object.defineProperty(document, 'prerendering', { get: () => !window.shown })"
    )
    page.goto(blog.url)
    expect(page.get_by_role("button", name="Cart 1")).to_be_visible()
    page.wait_for_load_state("networkidle")
    cart = f"{blog.proxy}/v1/stores/demo/cart"
    assert cart not in asked

    with page.expect_request(cart):
        page.evaluate(
            "{ window.shown = true; document.dispatchEvent(new Event('visibilitychange')); }"
        )


# --- What stands around and inside ---


STOPS = [
    "event.stopPropagation()",
    "event.cancelBubble = true",
    "event.preventDefault(); event.stopPropagation()",
]


@pytest.mark.parametrize("stop", STOPS)
@pytest.mark.parametrize(
    "inside",
    ['<button onclick="{}">Add to cart</button>', '<b onclick="{}">Add to cart</b>',
     '<div onclick="{}"><button><b>Add to cart</b></button></div>',
     '<button><b onclick="{}">Add to cart</b></button>',
     '<a href="#" role="button" onclick="{}">Add to cart</a>'],
)  # fmt: skip
def test_a_press_that_the_page_stops_inside_still_adds(
    page: Page, blog: Site, store: Store, inside: str, stop: str
) -> None:
    button = f'<cart-button catalog-id="3829">{inside.format(stop)}</cart-button>'
    page.goto(blog.write(COUNT + f'<div onclick="this.dataset.pressed = 1">{button}</div>'))

    page.get_by_role("button", name="Add to cart").first.click()

    expect_added(page, store)
    expect(page.locator("[data-pressed]")).to_have_count(0)  # for the page it stays stopped


@pytest.mark.parametrize("stop", STOPS[:2])
def test_a_link_and_a_form_whose_event_the_page_stops_still_add(
    page: Page, blog: Site, store: Store, stop: str
) -> None:
    link = LINK.replace("<a", f'<a onclick="{stop}"')
    form = (
        f'<form method="post" action="{{proxy}}/v1/stores/demo/buy" onsubmit="{stop}">'
        f'<button onclick="{stop}">Buy</button></form>'
    )
    for inside in (link, form):
        page.goto(blog.write(COUNT + f'<cart-button catalog-id="3829">{inside}</cart-button>'))
        page.locator("cart-button").locator("a, button").first.click()
        expect(page.locator(STATUS)).to_have_text("Added to the cart")

    (cart,) = store.carts()
    assert len(cart["lines"]) == 2


@pytest.mark.parametrize(
    "inside",
    [LINK, '<button type="button">Add to cart</button>', "<button>Add to cart</button>",
     '<button type="">Add to cart</button>', '<button type="buy">Add to cart</button>',
     '<input type="submit" value="Add to cart">', '<input type="image" alt="Add to cart" src="data:,">',
     '<a href="#" role="button" onclick="return false">Add to cart</a>', "", "Add to cart", "<b>Add to cart</b>"],
)  # fmt: skip
def test_a_form_of_the_pages_own_around_the_button_stays_untouched(
    page: Page, blog: Site, store: Store, inside: str
) -> None:
    around = (
        f'<form action="/outer" method="get"><cart-button catalog-id="3829">{inside}</cart-button>'
    )
    page.goto(blog.write(COUNT + around + '<input name="q"><button>Search</button></form>'))

    page.get_by_role("link" if inside == LINK else "button", name="Add to cart").click()

    expect_added(page, store)
    assert page.url == blog.url + "/"
    page.get_by_role("textbox").press("Enter")
    expect(page).to_have_url(re.compile("/outer"))
    (cart,) = store.carts()
    assert len(cart["lines"]) == 1


def test_the_snippets_form_inside_a_form_adds_what_it_says(
    page: Page, blog: Site, store: Store
) -> None:
    inner = (
        '<form method="post" action="{proxy}/v1/stores/demo/buy">'
        '<input type="hidden" name="catalog_id" value="3829"><input name="quantity" value="3">'
        "<button>Buy</button></form>"
    )
    page.goto(blog.write(f'<form action="/outer"><cart-button>{inner}</cart-button></form>'))

    page.get_by_role("button", name="Buy").click()

    expect_added(page, store)
    assert page.evaluate("cartproxy.cart.items[0].quantity") == 3


@pytest.mark.parametrize("inside", ["\n", " \t\n ", "<!-- nothing -->", "<noscript>x</noscript>\n"])
def test_white_space_inside_is_nothing(page: Page, blog: Site, store: Store, inside: str) -> None:
    page.goto(blog.write(f'<cart-button catalog-id="3829">{inside}</cart-button>'))

    page.get_by_role("button", name="Add to cart").click()

    expect_added(page, store)


@pytest.mark.parametrize(
    "inside", ["Buy it now", "\n <b>Buy</b> it now", "<span>Buy it now</span>"]
)
def test_text_inside_is_the_label(page: Page, blog: Site, store: Store, inside: str) -> None:
    page.goto(blog.write(f'<cart-button catalog-id="3829">{inside}</cart-button>'))

    page.get_by_role("button", name="Buy it now").click()

    expect_added(page, store)


@pytest.mark.parametrize(
    "hidden",
    ["<noscript>Buy</noscript>", "<style>a{color:red}</style>", "<template><a href=/>x</a></template>",
     "<span hidden><a href=/>x</a></span>"],
)  # fmt: skip
def test_a_hidden_first_child_hides_no_options(
    page: Page, blog: Site, store: Store, hidden: str
) -> None:
    link = '<a href="{store}/product-p/3828">Add to cart</a>'
    page.goto(blog.write(f'<cart-button catalog-id="3828">{hidden}{link}</cart-button>'))

    expect(page.get_by_label("Size")).to_be_visible()
    page.get_by_role("link", name="Add to cart").click()

    expect_added(page, store, 3828)


def test_what_styles_hide_is_no_button(page: Page, blog: Site, store: Store) -> None:
    style = "<style>.gone { display: none }</style>"
    for hidden in ('class="gone"', 'style="display: none"'):
        link = f'<span {hidden}><a href="/">Hidden</a></span>'
        page.goto(blog.write(f'{style}<cart-button catalog-id="3829">{link}</cart-button>'))

        expect(page.get_by_role("button", name="Add to cart")).to_be_visible()


def test_a_link_around_the_elements_is_not_followed(page: Page, blog: Site, store: Store) -> None:
    elements = (
        '<cart-button catalog-id="3828"></cart-button><cart-button catalog-id="3839"></cart-button>'
    )
    page.goto(blog.write(f'<a href="/elsewhere">{COUNT}{elements}</a>'))

    page.get_by_label("Size").click()
    page.locator("label", has_text="Size").click(position={"x": 2, "y": 2})
    page.get_by_label("Engraving").click()
    page.get_by_role("button", name="Add to cart").first.click()
    expect_added(page, store, 3828)
    page.get_by_role("button", name="View cart").click()
    page.get_by_role("button", name="Close").click()
    page.get_by_role("button", name="Cart 1").click()

    expect(page.get_by_role("dialog", name="Your cart")).to_be_visible()
    assert page.url == blog.url + "/"


@pytest.mark.parametrize("address", ["#", "", " JavaScript:void(0)", "/?#buy"])
def test_a_link_that_leads_nowhere_is_not_the_way_to_the_store(
    page: Page, blog: Site, store: Store, address: str
) -> None:
    button = '<cart-button catalog-id="3833" product-url="{store}/product-p/3833">'
    page.goto(blog.write(f'{button}<a href="{address}">Add to cart</a></cart-button>'))
    expect(page.locator(STATUS)).to_have_text("Not available just now.")

    page.locator("cart-button a").click()

    expect(page).to_have_url(f"{blog.store}/product-p/3833")


def test_shortcuts_of_the_page_take_no_keys_from_our_fields(
    page: Page, blog: Site, store: Store
) -> None:
    # As slides, players and forums have them: with their own fields left out.
    shortcuts = """<script>document.addEventListener("keydown", (event) => {
        if (event.target.localName !== "input") event.preventDefault(); });</script>"""
    page.goto(blog.write(shortcuts + '<cart-button catalog-id="3839"></cart-button>'))

    page.get_by_role("textbox").press_sequentially("Ann")
    page.get_by_role("button", name="Add to cart").press("Enter")

    expect_added(page, store, 3839)
    assert page.evaluate("cartproxy.cart.items[0].options[0].value") == "Ann"


def test_a_picture_as_a_label_has_a_name_and_no_size_of_the_page_hides_it(
    page: Page, blog: Site
) -> None:
    picture = '<svg aria-hidden="true" width="9" height="9"><rect width="9" height="9"/></svg>'
    elements = (
        f'<cart-button catalog-id="3829">{picture}</cart-button><cart-count>{picture}</cart-count>'
    )
    page.goto(blog.write(f'<div style="font-size: 0">{elements}</div>'))

    for name in ("Add to cart", "Cart 0"):
        box = page.get_by_role("button", name=name, exact=True).bounding_box()
        assert box is not None
        assert box["height"] > 24


def test_a_long_word_as_a_label_fits_its_column(page: Page, blog: Site) -> None:
    word = "Warenkorb" * 9
    button = f'<cart-button catalog-id="3829" text-add="{word}"></cart-button>'
    page.goto(blog.write(f'<div style="width: 99px">{button}</div>'))

    box = page.get_by_role("button", name=word).bounding_box()

    assert box is not None
    assert box["width"] <= 99


def test_names_of_the_page_shadow_nothing(page: Page, blog: Site, store: Store) -> None:
    names = (
        '<div id="cartproxy"></div><img name="currentScript" alt=""><form name="scripts"></form>'
    )
    fields = "".join(
        f'<input type="hidden" name="{name}">' for name in ("elements", "action", "submit")
    )
    form = (
        '<cart-button catalog-id="3829"><form method="post" action="{proxy}/v1/stores/demo/buy">'
        + fields
        + "<button>Add to cart</button></form></cart-button>"
    )
    tag = '<script src="{proxy}/widget/v1/cartproxy.js" data-store="demo" defer></script>'
    page.goto(blog.write(names + COUNT + form + tag, script=""))

    page.get_by_role("button", name="Add to cart").click()

    expect_added(page, store)


# --- How the script comes ---


@pytest.mark.parametrize("versions", [("1.0.0", "v1"), ("v1", "1.0.0")])
def test_of_two_versions_and_two_stores_the_first_serves_the_page(
    page: Page, blog: Site, store: Store, versions: tuple[str, str]
) -> None:
    tags = "".join(
        f'<script src="{{proxy}}/widget/{version}/cartproxy.js" data-store="{name}" defer></script>'
        for version, name in zip(versions, ("demo", "other"), strict=True)
    )
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(blog.write(tags + COUNT + PRODUCT + "<cart-drawer></cart-drawer>", script=""))

    page.locator("cart-button a").click()
    expect_added(page, store)
    page.get_by_role("button", name="View cart").click()

    expect(page.get_by_role("dialog", name="Your cart").get_by_text("Pint mug")).to_be_visible()
    assert wrong == []


def test_a_page_that_never_ends_loading_has_a_drawer(page: Page, blog: Site, store: Store) -> None:
    page.route("**/never.png", lambda route: None)
    late = """<img src="/never.png" alt=""><script>
      document.addEventListener("DOMContentLoaded", () => setTimeout(() => {
        const late = document.createElement("script");
        late.src = "{proxy}/widget/v1/cartproxy.js?store=demo";
        document.head.append(late);
      }));</script>"""
    page.goto(blog.write(COUNT + PRODUCT + late, script=""), wait_until="domcontentloaded")
    page.wait_for_function("window.cartproxy")

    page.locator("cart-button a").click()
    page.get_by_role("button", name="View cart").click()

    expect(page.get_by_role("dialog", name="Your cart").get_by_text("Pint mug")).to_be_visible()


def test_an_attribute_may_come_after_its_element(page: Page, blog: Site, store: Store) -> None:
    # As it does where the script runs before the page is read.
    tag = '<script src="{proxy}/widget/v1/cartproxy.js" data-store="demo"></script>'
    button = '<cart-button catalog-id="3829" text-view="Show me" text-add=""></cart-button>'
    page.goto(blog.write(tag + button, script=""))

    page.get_by_role("button", name="Add to cart").click()

    expect(page.get_by_role("button", name="Show me")).to_be_visible()


@pytest.mark.parametrize("hangs", ["**/product.js", "**/products/*"])
def test_what_never_answers_leads_to_the_store(
    page: Page, blog: Site, store: Store, hangs: str
) -> None:
    page.clock.install()
    page.route(hangs, lambda route: None)
    link = '<a href="{store}/product-p/3828">Add to cart</a>'
    page.goto(blog.write(f'<cart-button catalog-id="3828">{link}</cart-button>'))
    page.locator("cart-button a").click()
    expect(page.locator("cart-button")).to_have_attribute("data-state", "adding")
    page.clock.run_for(9000)
    expect(page.locator(STATUS)).to_contain_text("Buy it at the store")

    page.locator("cart-button a").click()

    expect(page).to_have_url(f"{blog.store}/product-p/3828")


def test_an_answer_that_is_no_product_leads_to_the_store(
    page: Page, blog: Site, store: Store
) -> None:
    allowed = {"Access-Control-Allow-Origin": "*"}
    page.route("**/products/*", lambda route: route.fulfill(json={"id": 3829}, headers=allowed))
    page.goto(blog.write(COUNT + PRODUCT))

    page.locator("cart-button a").click()

    expect(page).to_have_url(f"{blog.store}/product-p/3829")


@pytest.mark.parametrize(
    "tag",
    [
        '<script type="module" src="{proxy}/widget/v1/cartproxy.js" data-store="demo"></script>',
        '<script src="{proxy}/widget/v1/cartproxy.js?store=demo" defer></script>',
        '<meta name="cartproxy-store" content="demo"><script src="{proxy}/widget/v1/cartproxy.js"></script>',
        '<script>{ const s = document.createElement("script"); s.src = "{proxy}/widget/v1/cartproxy.js?store=demo"; document.head.append(s); }</script>',
        '<script>addEventListener("load", () => { const s = document.createElement("script"); s.src = "{proxy}/widget/v1/cartproxy.js"; s.dataset.store = "demo"; document.head.append(s); });</script>',
    ],
)
def test_a_tag_names_its_store_in_more_ways_than_one(
    page: Page, blog: Site, store: Store, tag: str
) -> None:
    page.goto(
        blog.write(tag + COUNT + PRODUCT + "<cart-drawer open-on-add></cart-drawer>", script="")
    )
    expect(page.get_by_role("button", name="Cart 0")).to_be_visible()

    page.locator("cart-button a").click()

    expect(page.get_by_role("dialog", name="Your cart").get_by_text("Pint mug")).to_be_visible()


def test_an_element_can_name_the_store(page: Page, blog: Site, store: Store) -> None:
    tag = '<script src="{proxy}/widget/v1/cartproxy.js"></script>'
    page.goto(
        blog.write(tag + PRODUCT.replace("<cart-button", '<cart-button store="demo"'), script="")
    )

    expect(page.locator(STATUS)).to_be_attached()
    page.locator("cart-button a").click()

    expect_added(page, store)


@pytest.mark.parametrize(
    "late",
    ["""const late = document.createElement("cart-button");
        late.setAttribute("store", "demo");
        late.setAttribute("catalog-id", "3829");
        document.body.append(late);""",
     """const late = document.createElement("script");
        late.src = document.querySelector("script[src]").src;
        late.dataset.store = "demo";
        document.body.append(late, document.createElement("cart-button"));
        document.body.lastChild.setAttribute("catalog-id", "3829");"""],
)  # fmt: skip
def test_what_names_the_store_may_come_late(
    page: Page, blog: Site, store: Store, late: str
) -> None:
    page.goto(blog.write("", script="data-nothing"))
    page.wait_for_load_state("load")
    page.evaluate(f"() => {{ {late} }}")

    page.get_by_role("button", name="Add to cart").click()

    expect_added(page, store)


def test_without_a_store_the_link_is_a_link_and_the_console_says_why(
    page: Page, blog: Site, store: Store, warned: list[str]
) -> None:
    page.goto(blog.write(PRODUCT, script=""))
    page.goto(blog.write(PRODUCT, script="data-nothing"))

    page.locator("cart-button a").click()

    expect(page).to_have_url(f"{blog.store}/product-p/3829")
    assert len(warned) == 1
    assert "data-store" in warned[0]


@pytest.mark.parametrize("inside", [LINK, ""])
def test_a_wrong_store_is_the_link(
    page: Page, blog: Site, store: Store, warned: list[str], inside: str
) -> None:
    element = f'<cart-button catalog-id="3829" product-url="{{store}}/product-p/3829">{inside}</cart-button>'
    page.goto(blog.write(element, script='data-store="Demo"'))

    page.get_by_role("link" if inside else "button", name="Add to cart").click()

    expect(page).to_have_url(f"{blog.store}/product-p/3829")
    assert len(warned) == 1
    assert "no store with this id" in warned[0]


def test_a_refused_site_is_the_link(page: Page, blog: Site, store: Store) -> None:
    blog.write(PRODUCT)
    page.goto(blog.url.replace("blog.localhost", "other.localhost"))

    page.locator("cart-button a").click()
    expect(page.locator(STATUS)).to_contain_text("Buy it at the store")
    page.locator("cart-button a").click()

    expect(page).to_have_url(f"{blog.store}/product-p/3829")


def test_a_second_store_on_the_page_is_said(
    page: Page, blog: Site, store: Store, warned: list[str]
) -> None:
    second = '<script src="{proxy}/widget/v1/cartproxy.js" data-store="other" defer></script>'
    others = PRODUCT.replace("<cart-button", '<cart-button store="other"')
    page.goto(blog.write(second + COUNT + PRODUCT + others))

    page.locator("cart-button a").first.click()
    expect_added(page, store)
    page.locator("cart-button a").last.click()

    expect(page).to_have_url(f"{blog.store}/product-p/3829")
    assert [each for each in warned if "other" in each] == warned
    assert len(warned) == 1


@pytest.mark.parametrize(
    "policy", ["script-src 'nonce-abc'", "script-src 'nonce-abc' 'strict-dynamic'"]
)
def test_a_policy_by_nonce_lets_the_parts_through(
    page: Page, blog: Site, store: Store, policy: str
) -> None:
    page.goto(
        blog.write(
            COUNT + '<cart-button catalog-id="3828"></cart-button>',
            script='data-store="demo" nonce="abc"',
            Content_Security_Policy=policy,
        )
    )

    expect(page.get_by_label("Size")).to_be_visible()
    page.locator("cart-count button").click()

    expect(page.get_by_role("dialog", name="Your cart")).to_be_visible()


def test_a_policy_that_forbids_our_name_and_allows_texts_lets_the_parts_through(
    page: Page, blog: Site
) -> None:
    page.goto(blog.write(COUNT, Content_Security_Policy="trusted-types another"))

    page.locator("cart-count button").click()

    expect(page.get_by_role("dialog", name="Your cart")).to_be_visible()


@pytest.mark.parametrize("policy", ["script-src {proxy}/widget/v1/cartproxy.js",
                                    "trusted-types 'none'; require-trusted-types-for 'script'"])  # fmt: skip
def test_parts_that_are_blocked_leave_ways_to_the_store(
    page: Page, blog: Site, store: Store, warned: list[str], policy: str
) -> None:
    shirt = '<cart-button catalog-id="3828" product-url="{store}/product-p/3828">Buy</cart-button>'
    policy = policy.replace("{proxy}", blog.proxy)
    page.goto(blog.write(COUNT + PRODUCT + shirt, Content_Security_Policy=policy))

    page.locator("cart-button a").click()
    expect_added(page, store)
    page.locator("cart-count button").click()
    expect(page.get_by_role("heading", name="Secure checkout")).to_be_visible()
    page.goto(blog.url)
    page.get_by_role("button", name="Buy").click()

    expect(page).to_have_url(f"{blog.store}/product-p/3828")
    assert warned or "trusted" in policy


def test_an_answer_that_is_no_cart_is_as_if_it_had_not_come(
    page: Page, blog: Site, store: Store
) -> None:
    page.goto(blog.write(COUNT + PRODUCT))
    page.locator("cart-button a").click()
    expect_added(page, store)
    # As a service worker of the page may answer what it does not know.
    page.route(
        "**/v1/stores/demo/cart",
        lambda route: route.fulfill(
            json={"offline": True}, headers={"Access-Control-Allow-Origin": blog.url}
        ),
    )

    assert page.evaluate("cartproxy.refresh().then(() => true, () => false)") is False

    assert page.evaluate("cartproxy.cart.item_count") == 1


# --- What comes late, moves and changes ---


def test_a_drawer_that_comes_late_opens(page: Page, blog: Site) -> None:
    page.goto(blog.write(COUNT + PRODUCT))
    page.wait_for_load_state("load")
    page.evaluate(
        """() => { const late = document.createElement("cart-drawer");
                   late.setAttribute("open-on-add", ""); document.body.append(late); }"""
    )

    page.locator("cart-button a").click()

    expect(page.get_by_role("dialog", name="Your cart").get_by_text("Pint mug")).to_be_visible()


@pytest.mark.parametrize(
    "around",
    ["{}{}", '<div style="display: none">{}</div>', "<details>{}</details>",
     '<nav style="pointer-events: none; font-size: 0; text-indent: -999px">{}</nav>',
     "<aside inert>{}</aside>", '<iframe name="body" hidden></iframe><div hidden>{}</div>',
     "<style>*:empty {{ display: none }}</style>{}", "<style>body > :not(main) {{ display: none }}</style><div hidden>{}</div>"],
)  # fmt: skip
def test_one_drawer_opens_that_can_be_seen_wherever_they_stand(
    page: Page, blog: Site, around: str
) -> None:
    drawer = "<cart-drawer open-on-add></cart-drawer>"
    page.goto(blog.write(PRODUCT + around.format(drawer, drawer)))

    page.locator("cart-button a").click()

    dialog = page.get_by_role("dialog", name="Your cart")
    expect(dialog.get_by_text("Pint mug")).to_be_in_viewport()
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_be_hidden()


def test_options_show_though_the_script_runs_before_the_page_is_read(
    page: Page, blog: Site
) -> None:
    tag = '<script src="{proxy}/widget/v1/cartproxy.js" data-store="demo"></script>'
    link = '<a href="{store}/product-p/3828">Add to cart</a>'
    page.goto(
        blog.write(tag + f'<cart-button catalog-id="3828">\n {link}\n</cart-button>', script="")
    )

    expect(page.get_by_label("Size")).to_be_visible()
    expect(page.get_by_role("link", name="Add to cart")).to_be_visible()
    expect(page.get_by_role("button", name="Add to cart")).to_be_hidden()


def test_late_and_cloned_and_moved_buttons_work(page: Page, blog: Site, store: Store) -> None:
    page.goto(blog.write(COUNT + PRODUCT + "<aside></aside>"))
    expect(page.locator(STATUS)).to_be_attached()
    page.evaluate(
        """() => { const first = document.querySelector("cart-button");
                   document.querySelector("aside").append(first.cloneNode(true), first);
                   document.querySelector("aside").insertAdjacentHTML("beforeend", first.outerHTML); }"""
    )

    for at in range(3):
        page.locator("cart-button a").nth(at).click()
        expect(page.locator(STATUS).nth(at)).to_have_text("Added to the cart")
        page.wait_for_timeout(600)  # within which a second press is taken for a double click

    (cart,) = store.carts()
    assert len(cart["lines"]) == 3


def test_a_product_that_changes_is_followed(page: Page, blog: Site, store: Store) -> None:
    page.goto(blog.write(COUNT + '<cart-button catalog-id="3828"></cart-button>'))
    element = page.locator("cart-button")
    expect(page.get_by_label("Size")).to_be_visible()
    element.evaluate('(button) => button.setAttribute("catalog-id", "3833")')
    expect(page.locator(STATUS)).to_have_text("Not available just now.")
    expect(page.get_by_label("Size")).to_have_count(0)
    for catalog_id in ("3829", "3828", "4040"):
        element.evaluate('(button, id) => button.setAttribute("catalog-id", id)', catalog_id)
    expect(page.locator(STATUS)).to_have_text("Not available just now.")
    element.evaluate('(button) => button.setAttribute("catalog-id", "3829")')
    expect(page.locator(STATUS)).to_have_text("")

    page.get_by_role("button", name="Add to cart").click()

    expect_added(page, store)


def test_an_open_drawer_that_is_moved_is_modal_again(page: Page, blog: Site) -> None:
    page.goto(blog.write(COUNT + "<aside></aside><cart-drawer></cart-drawer>"))
    page.locator("cart-count button").click()
    expect(page.get_by_role("dialog", name="Your cart")).to_be_visible()

    page.evaluate("document.querySelector('aside').append(document.querySelector('cart-drawer'))")

    page.wait_for_function(
        "document.querySelector('cart-drawer').shadowRoot.querySelector('dialog').matches(':modal')"
    )
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Your cart")).to_be_hidden()


def test_a_button_that_comes_late_deep_inside_is_the_only_one(
    page: Page, blog: Site, store: Store
) -> None:
    page.goto(blog.write(COUNT + '<cart-button catalog-id="3829"><p></p></cart-button>'))
    own = page.get_by_role("button", name="Add to cart")
    expect(own).to_be_visible()

    page.evaluate("document.querySelector('cart-button p').innerHTML = '<button>Buy it</button>'")

    expect(own).to_be_hidden()
    page.get_by_role("button", name="Buy it").click()
    expect_added(page, store)


THEME = """<script>
  for (const name of %s) customElements.define(name, class extends HTMLElement {
    connectedCallback() { this.textContent = "The theme's own"; } });
</script>"""


@pytest.mark.parametrize("order", ["theme first", "theme last"])
def test_a_drawer_of_the_themes_is_left_alone(
    page: Page, blog: Site, store: Store, warned: list[str], order: str
) -> None:
    theme = THEME % '["cart-drawer"]'
    if order == "theme last":  # but while the page is read
        theme = theme.replace("<script>", '<script type="module">')
    tag = '<script src="{proxy}/widget/v1/cartproxy.js" data-store="demo"></script>'
    page.goto(blog.write(tag + COUNT + PRODUCT + "<cart-drawer></cart-drawer>" + theme, script=""))
    expect(page.locator("cart-drawer")).to_have_text("The theme's own")

    page.locator("cart-button a").click()
    page.get_by_role("button", name="View cart").click()

    expect(page.get_by_role("dialog", name="Your cart").get_by_text("Pint mug")).to_be_visible()
    assert len(warned) == 1
    assert "cartproxy-drawer" in warned[0]


def test_elements_have_a_name_that_no_theme_takes(page: Page, blog: Site, store: Store) -> None:
    theme = THEME % '["cart-button", "cart-count", "cart-drawer"]'
    ours = COUNT + PRODUCT + "<cart-drawer open-on-add></cart-drawer>"
    page.goto(
        blog.write(
            theme
            + ours
            + ours.replace("cart-", "cartproxy-").replace("cartproxy-drawer", "cartproxy-drawer")
        )
    )

    page.locator("cartproxy-button a").click()

    expect(page.get_by_role("dialog", name="Your cart").get_by_text("Pint mug")).to_be_visible()


# --- Frames and languages ---


@pytest.fixture
def frame_around(blog: Site) -> Iterator[Site]:
    """A page of another site, to put the blog into."""
    port = free_port()
    with site(port, blog.proxy, blog.store) as other:
        other.url = f"http://portal.localhost:{port}"
        yield other


def test_a_page_in_a_frame_leaves_for_the_checkout_by_the_window_around_it(
    context: BrowserContext, page: Page, blog: Site, frame_around: Site, store: Store
) -> None:
    blog.write(COUNT + PRODUCT)
    page.goto(
        frame_around.write(
            f'<iframe src="{blog.url}/" width="600" height="500"></iframe>', script=""
        )
    )
    inner = page.frame_locator("iframe")

    inner.locator("cart-button a").click()
    inner.get_by_role("button", name="View cart").click()
    inner.get_by_role("button", name="Checkout").click()

    expect(page.get_by_role("heading", name="Secure checkout")).to_be_visible()


def test_a_frame_that_may_not_leave_opens_a_window(
    context: BrowserContext, page: Page, blog: Site, frame_around: Site, store: Store
) -> None:
    blog.write(COUNT + PRODUCT)
    kept_in = (
        'sandbox="allow-scripts allow-same-origin allow-popups allow-popups-to-escape-sandbox"'
    )
    page.goto(
        frame_around.write(f'<iframe {kept_in} src="{blog.url}/" height="500"></iframe>', script="")
    )
    inner = page.frame_locator("iframe")
    inner.locator("cart-button a").click()
    inner.get_by_role("button", name="View cart").click()

    with context.expect_page() as opened:
        inner.get_by_role("button", name="Checkout").click()

    expect(opened.value.get_by_role("heading", name="Secure checkout")).to_be_visible()


@pytest.mark.parametrize(
    ("language", "says"),
    [("en_US", "$9.99"), ("de_DE", "9,99\xa0$"), ("C", "$9.99"), ("en-US@posix", "$9.99"),
     ("de_DE@euro", "9,99\xa0$"), ("tlh-not-a-language", "$9.99")],
)  # fmt: skip
def test_a_language_that_is_none_shows_prices_all_the_same(
    page: Page, blog: Site, language: str, says: str
) -> None:
    blog.write(COUNT, script=f'data-store="demo" data-lang="{language}"')
    page.goto(blog.url)
    page.evaluate(ADD)
    page.locator("cart-count button").click()

    expect(page.get_by_role("dialog").locator("[part=subtotal]")).to_have_text(says)


def test_what_is_pending_is_shown_in_decimals(page: Page, blog: Site, store: Store) -> None:
    page.goto(blog.write(COUNT, script='data-store="demo" data-lang="C"'))
    page.evaluate(ADD)
    page.evaluate("cartproxy.product(3829)")
    store.hold()

    pending = page.evaluate(
        """() => { cartproxy.add({ catalogId: 3829, quantity: 3 }).catch(() => {});
                   const { subtotal, items } = cartproxy.cart;
                   return JSON.stringify([subtotal, items[1].line_total]); }"""
    )
    store.fail()
    page.wait_for_function("!cartproxy.cart.pending")

    assert json.loads(pending) == [39.96, 29.97]
