"""The plugin in a real WordPress, with the real service behind it, in a real Chromium."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import product
from typing import Any
from uuid import uuid4

import pytest
import requests
from playwright.sync_api import Browser, Locator, Page, expect
from support.browser_fixtures import new_context
from support.servers import service, store_environment
from support.shopper import Store
from support.waiting import wait_for
from support.wordpress import PASSWORD, USER, WordPress, missing, wordpress

from cartproxy.web.api_keys import create
from cartproxy.widget import releases

MISSING = ", ".join(missing())

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(MISSING != "", reason=f"no {MISSING} on this machine"),
]

SHORTCODE = '[cartproxy id="3829" text="Into the cart"]'
BLOCK = '<!-- wp:cartproxy/button {"catalogId":"3829","text":"Into the cart"} /-->'
KEY, KEY_ENTRY = create("blog")
MUG = {
    "name": "Pint mug",
    "price": "9.99",
    "currency": "USD",
    "product_url": "https://shop.example.com/mug",
    "option_sets": [],
}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WordPress]:
    """A WordPress with the plugin; in the end PHP may have had nothing to say of it."""
    with wordpress(tmp_path_factory.mktemp("wordpress")) as running:
        yield running
        assert running.said("cartproxy") == ""


@pytest.fixture(scope="module")
def settings_of_service(redis_url: str, store_url: str, installed: WordPress) -> dict[str, str]:
    """A service with a store that lists the blog, and one that does not."""
    return {
        "CARTPROXY_REDIS_URL": redis_url,
        **store_environment(store_url, ORIGINS=installed.url, API_KEYS=KEY_ENTRY),
        **store_environment(store_url, "SECOND", ORIGINS="https://other.example"),
    }


@pytest.fixture(scope="module")
def proxy(settings_of_service: dict[str, str]) -> Iterator[str]:
    """The service: on another site than the blog."""
    with service(settings_of_service) as url:
        yield url


@pytest.fixture
def blog(installed: WordPress, proxy: str, store: Store) -> WordPress:
    """The blog with its settings made; the store as new."""
    installed.set(proxy)
    return installed


@pytest.fixture
def no_scripts(browser: Browser) -> Iterator[Page]:
    """A tab of a browser without JavaScript."""
    with new_context(browser, java_script_enabled=False) as context:
        yield context.new_page()


def html(blog: WordPress, address: str) -> str:
    """The page's body, which must be whole."""
    answer = blog.get(address)
    assert answer.status_code == 200
    assert answer.text.rstrip().endswith("</html>")
    return answer.text.partition("<body>")[2]


@pytest.fixture(scope="module")
def login(installed: WordPress, browser: Browser) -> Any:
    """The cookies of the blog's administrator."""
    with new_context(browser) as context:
        page = context.new_page()
        page.goto(f"{installed.url}/wp-login.php")
        page.get_by_label("Username or Email Address").fill(USER)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Log In").click()
        page.wait_for_url("**/wp-admin/**", wait_until="commit")
        return context.cookies()


@pytest.fixture
def admin(page: Page, login: Any, installed: WordPress) -> Page:
    """A tab of the blog's administrator."""
    page.context.add_cookies(login)
    return page


def settings_page(page: Page, blog: WordPress) -> None:
    """Open Settings → cartproxy."""
    page.goto(f"{blog.url}/wp-admin/options-general.php?page=cartproxy")


def findings(page: Page) -> Locator:
    """What the connection test says."""
    page.get_by_role("button", name="Test the connection").click()
    return page.locator("#cartproxy-findings li")


_AGAIN = "delete_transient( 'cartproxy_away' ); delete_transient( 'cartproxy_no_widget' ); delete_transient( Cartproxy\\Products\\place( 3828 ) );"


class Stub:
    """In the service's place: answers all alike but the `failing` path; notes who asked for what."""

    failing = "/"
    failure = (404, "{}")
    seconds = 0.0  # that an answer takes

    def __init__(self, status: int = 200, body: str | None = None, **headers: str) -> None:
        self.status = status
        self.body = json.dumps(MUG) if body is None else body
        self.headers = headers
        self.asked: list[tuple[str, str | None]] = []
        self.url = ""


@contextmanager
def running(stub: Stub) -> Iterator[Stub]:
    """The stub, at its own address."""

    class Request(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            stub.asked.append((self.path, self.headers["Cartproxy-Key"]))
            fails = self.path.endswith(stub.failing)
            status, text = stub.failure if fails else (stub.status, stub.body)
            body = text.encode()
            time.sleep(stub.seconds)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **stub.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Request)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    stub.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize("content", [SHORTCODE, BLOCK])
def test_name_and_price_stand_in_the_page(blog: WordPress, store_url: str, content: str) -> None:
    found = html(blog, blog.post(content))

    assert '<span class="cartproxy-name">Pint mug</span>' in found
    assert re.search(r'<span class="cartproxy-price">[^<]*9\.99[^<]*</span>', found)
    assert re.search(
        r'<cart-button catalog-id="3829" shown-price="9.99" product-url="[^"]+">', found
    )
    assert re.search(
        rf'<a href="{store_url}/[^"]+" class="wp-element-button"[^>]*>Into the cart</a></cart-button>',
        found,
    )


def test_the_service_admits_the_blog_by_its_key(installed: WordPress, proxy: str) -> None:
    address = installed.post(SHORTCODE)
    installed.set(proxy, key=create("other")[0])
    refused = html(installed, address)
    installed.set(proxy, key=KEY)
    admitted = html(installed, address)

    assert "Pint mug" in admitted
    assert "Pint mug" not in refused
    assert "<cart-button" in refused


def test_the_script_stands_in_the_page_once_and_pinned(blog: WordPress, proxy: str) -> None:
    plain, shop = html(blog, blog.post("Only words.")), html(blog, blog.post(SHORTCODE + BLOCK))

    assert "cartproxy" not in plain
    (tag,) = re.findall(r"<script[^>]*/cartproxy\.js[^>]*>", shop)
    assert f"src={proxy}/widget/{releases.VERSION}/cartproxy.js" in re.sub("['\"]", "", tag)
    assert f'integrity="{releases.script(releases.VERSION, "cartproxy.js").integrity}"' in tag
    for each in (' data-store="demo"', ' crossorigin="anonymous"', " defer"):
        assert each in tag


@pytest.mark.parametrize("content", [SHORTCODE, BLOCK])
def test_a_press_puts_the_product_into_the_cart(
    page: Page, tidy: list[str], blog: WordPress, store: Store, content: str
) -> None:
    page.goto(blog.post(f'[cartproxy_count text="Basket"]\n\n{content}'))

    page.get_by_role("link", name="Into the cart").click()

    expect(page.get_by_role("button", name="Basket 1")).to_be_visible()
    expect(page.locator("cart-button [role=status]")).to_have_text("Added to the cart")
    (cart,) = store.carts()
    assert [(line["catalog_id"], line["quantity"]) for line in cart["lines"]] == [(3829, 1)]


def test_attributes_of_the_shortcode_reach_the_cart_and_the_drawer_opens(
    page: Page, tidy: list[str], blog: WordPress
) -> None:
    wish = '[cartproxy id="3828" quantity="2" option_1882="12399" option_1883="12410" details="no"]'
    page.goto(blog.post(f'{wish}\n\n[cartproxy_drawer open_on_add="yes"]'))

    page.get_by_role("link", name="Add to cart").click()

    drawer = page.get_by_role("dialog", name="Your cart")
    expect(drawer.get_by_text("X-Large")).to_be_visible()
    expect(drawer.get_by_label("Quantity: Heavy cotton T-shirt")).to_have_value("2")
    expect(page.locator(".cartproxy-name")).to_have_count(0)


def test_a_price_in_the_authors_text_is_compared_with_the_stores(
    page: Page, blog: WordPress
) -> None:
    wishes = '[cartproxy id="3829" shown_price="9.99"]\n\n[cartproxy id="3829" shown_price="1.00"]'
    page.goto(blog.post(wishes))

    right, wrong = page.locator("cart-button [role=status]").all()
    expect(wrong).to_have_text("The price is now $9.99")
    expect(right).to_have_text("")


def test_the_link_leads_to_the_product_without_scripts(no_scripts: Page, blog: WordPress) -> None:
    no_scripts.goto(blog.post(SHORTCODE))

    no_scripts.get_by_role("link", name="Into the cart").click()

    expect(no_scripts.get_by_role("heading", name="Pint mug")).to_be_visible()


def test_the_form_leads_to_the_checkout_without_scripts(no_scripts: Page, blog: WordPress) -> None:
    no_scripts.goto(blog.post('[cartproxy id="3828" fallback="form" option_1883="12410"]'))

    no_scripts.get_by_label("Size").select_option(value="12399:X-Large")
    no_scripts.get_by_role("button", name="Add to cart").click()

    expect(no_scripts.get_by_role("heading", name="Secure checkout")).to_be_visible()
    expect(no_scripts.get_by_text("Size: X-Large")).to_be_visible()


def test_pages_are_the_same_for_everybody(blog: WordPress) -> None:
    address = blog.post(f"{SHORTCODE}\n\n{BLOCK}\n\n[cartproxy_count][cartproxy_drawer]")

    one = blog.get(address)
    other = blog.get(address, Cookie="__Host-cartproxy=" + "x" * 43, Origin="https://other.example")

    assert one.text == other.text
    assert "Set-Cookie" not in {*one.headers, *other.headers}


def test_the_service_is_asked_once_for_many_pages(installed: WordPress) -> None:
    with running(Stub()) as stub:
        installed.set(stub.url, key=KEY)
        address = installed.post(SHORTCODE + BLOCK)
        pages = [html(installed, address) for _ in range(3)]

    assert all("Pint mug" in found for found in pages)
    assert stub.asked == [
        ("/v1/stores/demo/products/3829", KEY),
        (f"/widget/{releases.VERSION}/cartproxy.js", None),
    ]
    assert not any(KEY in found for found in pages)


def test_the_key_does_not_follow_a_redirect(installed: WordPress) -> None:
    with running(Stub()) as elsewhere, running(Stub(302, Location=elsewhere.url + "/")) as stub:
        installed.set(stub.url, key=KEY)

        found = html(installed, installed.post(SHORTCODE))

    assert "<cart-button" in found
    assert elsewhere.asked == []


def test_pages_go_on_while_the_service_is_stopped(
    blog: WordPress, settings_of_service: dict[str, str]
) -> None:
    address = blog.post(SHORTCODE + '[cartproxy id="3828" url="https://shop.example.com/shirt"]')
    with service(settings_of_service) as url:
        blog.set(url)
        before = html(blog, address)
    blog.age()

    known = [html(blog, address) for _ in range(2)]
    blog.set(url)
    unknown = html(blog, address)

    assert known == [before, before]
    assert "Pint mug" not in unknown
    assert "cartproxy.js" not in unknown
    assert f'action="{url}/v1/stores/demo/buy"' in unknown
    assert '<a href="https://shop.example.com/shirt" class="wp-element-button"' in unknown


def test_a_service_that_hangs_holds_up_one_page_for_two_seconds(installed: WordPress) -> None:
    address = installed.post(SHORTCODE + '[cartproxy id="3828"]' + BLOCK)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        installed.set(f"http://127.0.0.1:{silent.getsockname()[1]}")
        installed.waits()
        waits = []
        with installed.strict():
            for _ in range(2):
                html(installed, address)
                waits.append(installed.waits())

    assert waits == [["2 2"], []]


def test_a_slow_service_holds_up_one_page_no_longer_than_a_silent_one(
    installed: WordPress,
) -> None:
    address = installed.post("".join(f"[cartproxy id={number}]" for number in range(1, 9)))
    with running(Stub()) as stub, installed.strict():
        stub.seconds = 1.1
        installed.set(stub.url)

        found = html(installed, address)

    assert found.count("<cart-button") == 8
    assert len(stub.asked) <= 2


@pytest.mark.parametrize(
    ("failing", "status", "code"),
    [
        ("/products/3828", 404, "product-not-found"),
        ("/products/3828", 403, "product-refused"),
        ("/products/3828", 502, "store-bad-response"),
        ("/cartproxy.js", 404, "not-found"),
    ],
)
def test_what_can_not_be_had_is_asked_for_once_and_leaves_the_rest(
    installed: WordPress, failing: str, status: int, code: str
) -> None:
    with running(Stub()) as stub:
        stub.failing, stub.failure = failing, (status, json.dumps({"code": code}))
        installed.set(stub.url)
        address = installed.post("[cartproxy id=3828][cartproxy id=3829]")
        pages = [html(installed, address) for _ in range(2)]

    for found in pages:
        assert re.search(r'Pint mug.{,99}<cart-button catalog-id="3829" shown-price="9.99"', found)
    assert len(stub.asked) == len(set(stub.asked)) == 3


@pytest.mark.parametrize(
    ("failing", "status", "code", "kept"),
    [
        ("/products/3828", 404, "product-not-found", True),
        ("/products/3828", 403, "product-refused", True),
        ("/products/3828", 502, "store-bad-response", False),
        ("/products/3828", 503, "store-busy", False),
        ("/cartproxy.js", 503, "draining", False),
    ],
)
def test_page_caches_keep_only_pages_that_are_complete(
    installed: WordPress, failing: str, status: int, code: str, kept: bool
) -> None:
    note = installed.files / "wp-content/mu-plugins/note.php"
    note.write_text(
        "<?php add_action( 'wp_footer', function () { echo defined( 'DONOTCACHEPAGE' ) ? 'not kept' : 'kept'; } );"
    )
    address = installed.post("[cartproxy id=3829][cartproxy id=3828]")
    with running(Stub()) as stub:
        stub.failing, stub.failure = failing, (status, json.dumps({"code": code}))
        installed.set(stub.url)
        pages = [installed.get(address) for _ in range(2)]
        installed.php(_AGAIN)
        stub.failing = "/"
        later = installed.get(address)
    note.unlink()

    for page in pages:
        assert ("not kept" not in page.text) == kept
        assert ("no-cache" not in page.headers.get("Cache-Control", "")) == kept
    assert "not kept" not in later.text
    assert "Cache-Control" not in later.headers


def test_only_pages_are_buffered_and_not_what_others_send(blog: WordPress) -> None:
    sender = blog.files / "wp-content/mu-plugins/sender.php"
    sender.write_text(
        "<?php add_action( 'template_redirect', function () { exit( 'by: ' . implode( ob_list_handlers() ) ); }, 99 );"
    )

    sent = blog.get(blog.url + "/").text
    sender.unlink()

    assert sent.startswith("by: ")
    assert "Cartproxy" not in sent


def test_feeds_have_links_and_no_forms(blog: WordPress) -> None:
    blog.post('[cartproxy id="3829" fallback="form"] [cartproxy id="999999"]')

    feed = blog.get(f"{blog.url}/?feed=rss2&orderby=ID").text

    assert "/product-p/3829" in feed
    assert "/v1/stores/demo/buy/999999" in feed
    assert "<form" not in feed


@pytest.mark.parametrize(
    "stub",
    [
        Stub(500, "<h1>Oops</h1>"),
        Stub(200, "<h1>Parked</h1>"),
        Stub(200, "null"),
        Stub(200, "[]"),
        Stub(200, '{"name": {}, "price": "9.99", "currency": "USD"}'),
        Stub(200, json.dumps(MUG | {"price": "a lot"})),
        Stub(200, "[" * 100_000),
        Stub(404, '{"code": "product-not-found"}'),
        Stub(401, '{"code": "key-refused"}'),
        Stub(200, " " * 300_000),
    ],
    ids=lambda stub: f"{stub.status} {stub.body[:20].strip()}",
)
def test_no_answer_of_the_service_breaks_a_page(installed: WordPress, stub: Stub) -> None:
    with running(stub):
        installed.set(stub.url)

        found = html(installed, installed.post(SHORTCODE))

    assert '<cart-button catalog-id="3829">' in found
    assert re.search(r"<button[^>]*>Into the cart</button></form></cart-button>", found)


def test_what_the_service_and_authors_say_is_escaped(installed: WordPress, page: Page) -> None:
    evil = '"><script>document.title="taken"</script>'
    option: dict[str, Any] = {"option_id": 1, "name": evil, "price_difference": evil}
    sets = [{"option_set_id": 7, "name": evil, "options": [option, 3]}, {"options": 4}, "x"]
    told = MUG | {"name": evil, "currency": evil, "product_url": f"javascript:{evil}"}
    with running(Stub(body=json.dumps(told | {"option_sets": sets}))) as stub:
        installed.set(stub.url)
        wishes = {
            "catalogId": "3829",
            "text": evil,
            "shownPrice": evil,
            "url": "javascript:alert(1)",
        }
        address = installed.post(f"<!-- wp:cartproxy/button {json.dumps(wishes)} /-->")

        page.goto(address)
        found = page.content()

    assert page.title() != "taken"
    assert "javascript:" not in found
    assert "<script>document.title" not in found
    assert "&lt;script&gt;document.title" in found


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [("0.125", "USD", "0.125"), ("9.90", "USD", "9.90"), ("1000", "JPY", "1,000"),
     ("1.500", "KWD", "1.500"), ("0.00", "EUR", "0.00")],
)  # fmt: skip
def test_prices_are_shown_to_their_last_decimal(
    installed: WordPress, amount: str, currency: str, shown: str
) -> None:
    """With PHP's intl or without it, whichever is there."""
    written = installed.php(f"echo Cartproxy\\Products\\money( '{amount}', '{currency}' );")

    assert re.findall(r"[\d.,]+", written) == [shown]


def test_mistakes_of_authors_are_told_in_a_comment(blog: WordPress) -> None:
    found = html(blog, blog.post('[cartproxy][cartproxy id="mug"][cartproxy id="0"]'))

    assert found.count("<!-- cartproxy: the id must be") == 3
    assert "<cart-button" not in found


@pytest.mark.parametrize(
    "given", ["id=\u201c3829\u201d", 'id="3829 "', "id=#3829", 'id=" #3829"', "id=&#8220;3829&#8221;",
              "id=\u201e3829\u201c text=\u201eInto the cart\u201c"],
)  # fmt: skip
def test_shortcodes_are_read_as_visual_editors_write_them(blog: WordPress, given: str) -> None:
    found = html(blog, blog.post(f"[cartproxy {given}]"))

    assert '<cart-button catalog-id="3829"' in found
    assert ">Into the cart<" in found or "text" not in given


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ('text="Buy the \u201cPint\u201d mug"', "Buy the \u201cPint\u201d mug"),
        ("text='L\u2019eau'", "L\u2019eau"),
        ("text=\u201cDon\u2019t wait\u201d", "Don\u2019t wait"),
        ("text=\u2018Don\u2019t wait\u2019", "Don\u2019t wait"),
    ],
)
def test_quotation_marks_in_a_text_are_its_own(blog: WordPress, given: str, shown: str) -> None:
    found = html(blog, blog.post(f"[cartproxy 3829 {given}]"))

    assert f">{shown}</a>" in found


@pytest.mark.parametrize("given", ["3829", "id=\u201c3829\u201d"])
def test_content_of_a_shortcode_is_the_buttons_text_and_never_lost(
    blog: WordPress, given: str
) -> None:
    label = html(blog, blog.post(f"[cartproxy {given}]Buy <b>the</b> mug[/cartproxy]"))
    swallowed = html(
        blog, blog.post(f"[cartproxy {given}] between [cartproxy 3828]Shirt[/cartproxy]")
    )

    assert ">Buy the mug</a>" in label
    for each in ('catalog-id="3829"', " between ", 'catalog-id="3828"'):
        assert each in swallowed


@pytest.mark.parametrize(
    ("home", "origin"),
    [
        ("https://B\u00fccher.example/de", "https://xn--bcher-kva.example"),
        ("HTTPS://blog.example:443/", "https://blog.example"),
        ("http://blog.example:8080", "http://blog.example:8080"),
    ],
)
def test_origin_is_named_as_browsers_send_it(blog: WordPress, home: str, origin: str) -> None:
    code = f"require_once WP_PLUGIN_DIR . '/cartproxy/includes/connection.php'; echo Cartproxy\\Connection\\origin( '{home}' );"

    assert blog.php(code) == origin


def test_editors_see_why_there_is_no_button(admin: Page, no_scripts: Page, blog: WordPress) -> None:
    address = blog.post('[cartproxy id="mug"]')
    admin.goto(address)
    no_scripts.goto(address)

    expect(admin.get_by_text("must be a product's catalog id")).to_be_visible()
    expect(no_scripts.get_by_text("must be a product's catalog id")).to_have_count(0)


def test_shortcodes_forgive_what_can_be_understood(blog: WordPress) -> None:
    forms = (
        "[cartproxy 3829]",
        "[cartproxy catalog_id=\u20183829\u2019]",
        '[cartproxy&nbsp;id="3829"\u00a0details="False"]',
        "[cartproxy id=3829, details=NO]",
        '[cartproxy\n id="3829"\n details="no"\n]',
        '[cartproxy_drawer open_on_add="True"]',
    )
    found = html(blog, blog.post("\n\n".join(forms)))

    assert found.count('<cart-button catalog-id="3829"') == 5
    assert found.count("cartproxy-name") == 2
    assert "<cart-drawer open-on-add>" in found


@pytest.mark.parametrize(
    ("shortcode", "words"),
    [("[cartproxy id=1]", "no product 1,"), ("[shift4shop]", "such as 3829")],
)
def test_only_editors_see_what_a_shortcode_lacks(
    admin: Page, blog: WordPress, shortcode: str, words: str
) -> None:
    address = blog.post(shortcode)
    admin.goto(address)

    expect(admin.get_by_text(words)).to_be_visible()
    assert words not in html(blog, address)


def test_editors_see_that_settings_are_missing(admin: Page, installed: WordPress) -> None:
    installed.set("", "")
    address = installed.post("[cartproxy_count]")
    admin.goto(address)

    expect(admin.get_by_text("need a service and a store")).to_be_visible()
    assert "need a service" not in html(installed, address)


PASTED = (
    "<!-- wp:html -->\n<script type='text/javascript'\n"
    " src='/wp-content/plugins/renamed/assets/js/buy_widget.js?ver=1'></script>"
    '<div data-content-id="3829" data-store-url="{store}"'
    ' data-content-button_text="Buy Now"></div>\n<!-- /wp:html -->'
)


@pytest.mark.parametrize(
    ("old", "beside"), [("[shift4shop catalog_id=3829]", SHORTCODE), (PASTED, "")]
)
def test_our_script_takes_the_old_ones_place(
    page: Page, tidy: list[str], blog: WordPress, store_url: str, old: str, beside: str
) -> None:
    blog.php(f"update_option( 'shift4shop_siteurl', '{store_url}' );")
    address = blog.post(old.replace("{store}", store_url) + beside)

    with blog.old_plugin():
        page.goto(address)
        page.get_by_role("button", name="Buy Now").click()
        expect(page.get_by_role("button", name="View cart")).to_be_visible()

    assert page.locator("script[src*='/cartproxy.js']").count() == 1
    assert page.locator("script[src*='buy_widget']").count() == 0
    assert page.locator("html").get_attribute("data-old") is None


def test_the_old_script_stays_while_ours_cannot_be_had(installed: WordPress) -> None:
    installed.set("http://127.0.0.1:9")
    with installed.old_plugin():
        found = html(installed, installed.post("[shift4shop catalog_id=3829]"))

    assert "buy_widget.js" in found
    assert "/cartproxy.js" not in found


def test_shortcode_of_the_old_plugin_is_a_card_after_the_swap(
    page: Page, tidy: list[str], blog: WordPress, store: Store
) -> None:
    given = 'catalog_id="3829" button_text="Get it" button_color="884400" bg_color="red;x:url(//y)"'
    page.goto(blog.post(f"[shift4shop {given}]"))
    card = page.locator("div.buy-content")

    expect(card.locator(".buy-content-itemname")).to_have_text("Pint mug")
    expect(card.locator(".buy-content-itemprice")).to_contain_text("9.99")
    expect(card.locator(".buy-content-status")).to_have_text("In Stock")
    expect(card).not_to_have_attribute("style", re.compile("url"))
    link = card.get_by_role("link", name="Get it")
    expect(link).to_have_css("background-color", "rgb(136, 68, 0)")
    link.click()
    expect(page.get_by_role("button", name="View cart")).to_be_visible()

    (cart,) = store.carts()
    assert [(line["catalog_id"], line["quantity"]) for line in cart["lines"]] == [(3829, 1)]


def test_sidebar_widget_of_the_old_plugin_goes_on(
    page: Page, tidy: list[str], blog: WordPress
) -> None:
    blog.php(
        "update_option( 'widget_shift4shop_widget', array( 2 => array( 'title' => 'Shop', 'catalog_ids' => '3829, 3828' ), '_multiwidget' => 1 ) );"
        "update_option( 'sidebars_widgets', array( 'side' => array( 'shift4shop_widget-2' ), 'array_version' => 3 ) );"
    )
    page.goto(blog.post("Only words."))
    blog.php("update_option( 'sidebars_widgets', array( 'array_version' => 3 ) );")

    expect(page.get_by_role("heading", name="Shop")).to_be_visible()
    listed = page.locator("#shift4shop_widget_products > li")
    expect(listed).to_have_text([re.compile("Pint mug"), re.compile("T-shirt")])
    listed.first.get_by_role("link", name="Add to cart").click()
    expect(page.get_by_role("button", name="View cart")).to_be_visible()


def test_options_of_the_old_plugin_are_taken_over_once(blog: WordPress) -> None:
    read = "echo Cartproxy\\Settings\\store_url();"
    prepare = "Cartproxy\\Settings\\prepare();"

    def taken(old: str) -> str:
        return blog.php(f"update_option( 'shift4shop_siteurl', '{old}' ); {prepare} {read}")

    assert taken("shop.example.com/") == "https://shop.example.com"
    assert taken("https://other.example/") == "https://shop.example.com"
    foreign = html(blog, blog.post("[shift4shop catalog_id=3829]"))
    assert '<a href="https://shop.example.com" class="wp-element-button"' in foreign
    assert "<cart-button" not in foreign
    assert "Pint mug" not in foreign


def test_a_form_takes_every_kind_of_option_without_scripts(
    no_scripts: Page, blog: WordPress
) -> None:
    no_scripts.goto(blog.post('[cartproxy id="3841" fallback="form"]'))

    no_scripts.get_by_label("Lettering: First line").fill("Ada")
    no_scripts.get_by_label("Note: For the engraver").fill("Deep,\nplease")
    no_scripts.get_by_label("Screws").check()
    no_scripts.get_by_label("Gift wrap").check()
    expect(no_scripts.get_by_role("link", name="at the shop")).to_be_visible()
    no_scripts.get_by_role("button", name="Add to cart").click()

    expect(no_scripts.get_by_role("heading", name="Secure checkout")).to_be_visible()
    expect(no_scripts.get_by_text("Deep, please")).to_be_visible()


def test_a_form_begins_with_the_least_that_is_sold(no_scripts: Page, blog: WordPress) -> None:
    no_scripts.goto(blog.post('[cartproxy id="3838" fallback="form"]'))

    no_scripts.get_by_role("button", name="Add to cart").click()

    expect(no_scripts.get_by_role("heading", name="Secure checkout")).to_be_visible()


def test_a_form_offers_nothing_that_is_sold_out(no_scripts: Page, blog: WordPress) -> None:
    gone = "[cartproxy id=3833 fallback=form]"
    no_scripts.goto(blog.post(f"[cartproxy id=3828 fallback=form]{gone}"))

    expect(
        no_scripts.get_by_role("option", name="Large \u2013 sold out", exact=True)
    ).to_be_disabled()
    expect(no_scripts.get_by_role("option", name="Medium")).to_be_enabled()
    expect(no_scripts.get_by_role("button")).to_have_count(1)
    no_scripts.get_by_role("link", name="Add to cart").click()
    expect(no_scripts.get_by_role("heading", name="Sold-out print")).to_be_visible()


def test_what_only_the_store_can_take_is_a_link(blog: WordPress) -> None:
    found = html(blog, blog.post('[cartproxy id="3842" fallback="form"]'))

    assert "<form" not in found
    assert "/product-p/3842" in found


def test_scripts_of_others_beside_the_tag_are_left_as_they_are(blog: WordPress) -> None:
    code = """
    $own = Cartproxy\\Widget\\url();
    $tags = "<script>var a = '<img src=x>'; b = ' src=';</script>\\n"
        . "<script\\nsrc='$own' id='cartproxy-js'></script><script>var c = ' src=';</script>";
    echo Cartproxy\\Widget\\complete_tag( $tags, 'cartproxy' );
    """
    found = blog.php(code)

    first, own, last = re.findall(r"<script[^>]*>[^<]*(?:<img[^<]*)?</script>", found)
    assert first == "<script>var a = '<img src=x>'; b = ' src=';</script>"
    assert ' data-store="demo"' in own
    assert last == "<script>var c = ' src=';</script>"


def test_a_blog_without_settings_shows_the_authors_links(installed: WordPress) -> None:
    installed.set("", "")

    found = html(
        installed,
        installed.post('[cartproxy id="3829" url="https://shop.example.com/"][cartproxy_count]'),
    )

    assert '<a href="https://shop.example.com/" class="wp-element-button"' in found
    assert "<cart-count" not in found


@pytest.mark.parametrize("url", ["'javascript:alert(1)'", "'cart.example.com'", "array( 'x' )"])
def test_settings_that_no_form_has_checked_are_no_settings(installed: WordPress, url: str) -> None:
    settings = f"array( 'service_url' => {url}, 'store' => 'demo' )"
    installed.php(f"update_option( 'cartproxy_settings', {settings} );")

    found = html(installed, installed.post(f"{SHORTCODE}[cartproxy_count]"))

    assert found.count("<!-- cartproxy: service and store are not set -->") == 2
    assert "<form" not in found


PLACE = "Cartproxy\\Products\\place( 3829 )"
URL = "Cartproxy\\Widget\\url()"
SIDE = (
    "update_option( 'sidebars_widgets', array( 'side' => array( 'shift4shop_widget-2' ), 'array_version' => 3 ) );"
    "update_option( 'widget_shift4shop_widget', array( 2 => array( %s ) ) );"
)


@pytest.mark.parametrize(
    "damage",
    [
        f"set_transient( {PLACE}, 'x' );",
        f"set_transient( {PLACE}, array() );",
        f"set_transient( {PLACE}, array( 'product' => 'x', 'ask_at' => time() + 9 ) );",
        f"set_transient( {PLACE}, array( 'product' => array( 'name' => 3 ), 'ask_at' => 'x' ) );",
        f"$kept = get_transient( {PLACE} ); $kept['product'] = null; $kept['ask_at'] += YEAR_IN_SECONDS; set_transient( {PLACE}, $kept );",
        f"delete_transient( {PLACE} ); set_transient( 'cartproxy_away', time() + YEAR_IN_SECONDS );",
        f"delete_transient( {PLACE} ); set_transient( 'cartproxy_away', array() );",
        "update_option( 'cartproxy_integrity', 'x' );",
        f"update_option( 'cartproxy_integrity', array( 'url' => {URL} ) );",
        f"update_option( 'cartproxy_integrity', array( 'url' => {URL}, 'integrity' => array( 1 ) ) );",
        "update_option( 'cartproxy_settings', array( 'integrity' => '\"><b>' ) + get_option( 'cartproxy_settings' ) );",
        "update_option( 'cartproxy_api_key', array( 'x' ) );",
        SIDE % "'catalog_ids' => 3829",
        SIDE % "'catalog_ids' => array( 3829 ), 'title' => array()",
    ],
)  # fmt: skip
def test_damaged_entries_of_the_database_count_as_absent(blog: WordPress, damage: str) -> None:
    """Also those of a time when the server's clock was wrong."""
    address = blog.post(SHORTCODE)
    html(blog, address)
    blog.php(damage)

    found = html(blog, address) + html(blog, address)

    blog.php("update_option( 'sidebars_widgets', array( 'array_version' => 3 ) );")
    assert found.count("Pint mug") >= 1
    assert f'integrity="{releases.script(releases.VERSION, "cartproxy.js").integrity}"' in found


READS = [f"shortcode_atts_{tag}" for tag in ("cartproxy", "cartproxy_count", "shift4shop")]


@pytest.mark.parametrize(
    ("hook", "returned"),
    [
        *product(["script_loader_tag", "render_block_core/shortcode", *READS], ["null", "3"]),
        *product(READS, ["array( 'id' => 3829, 'text' => null )"]),
    ],
)
def test_other_plugins_that_break_a_filter_do_not_break_the_page(
    blog: WordPress, hook: str, returned: str
) -> None:
    # PHP remembers a file for two seconds.
    rude = blog.files / f"wp-content/mu-plugins/rude-{uuid4()}.php"
    rude.write_text(f"<?php add_filter( '{hook}', function () {{ return {returned}; }}, 5 );")
    content = f"<!-- wp:shortcode -->{SHORTCODE}<!-- /wp:shortcode -->[cartproxy_count][shift4shop catalog_id=3829]"

    try:
        html(blog, blog.post(content))
    finally:
        rude.unlink()
    links = blog.php(
        "require_once WP_PLUGIN_DIR . '/cartproxy/includes/admin.php';"
        "echo implode( Cartproxy\\Admin\\add_link( null ) );"
    )
    assert "options-general.php?page=cartproxy" in links


def test_address_with_a_slash_at_its_end_is_the_same(blog: WordPress, proxy: str) -> None:
    blog.set(f"{proxy}/")

    assert "Pint mug" in html(blog, blog.post(SHORTCODE))


def test_settings_are_saved_and_the_connection_is_tested(
    admin: Page, installed: WordPress, proxy: str, store: Store
) -> None:
    installed.set("", "")
    settings_page(admin, installed)
    admin.get_by_label("Service URL").fill(proxy + "/")
    admin.get_by_label("Store id").fill("demo")
    admin.get_by_label("API key").fill(KEY)
    admin.get_by_role("button", name="Save Changes").click()
    expect(admin.get_by_text("Settings saved.")).to_be_visible()

    said = findings(admin)

    expect(said).to_have_text(
        [
            f"OK: The service answers at {proxy}.",
            "OK: The service knows the store “demo”.",
            f"OK: This site, {installed.url}, is on the store's list of origins.",
            "OK: The service accepts the API key.",
            re.compile(r"OK: The widget's release 1\.\d+\.\d+ is there"),
        ]
    )
    assert KEY not in admin.content()
    assert store.calls() == []
    row = installed.php(
        "echo json_encode( $wpdb->get_row( \"SELECT option_value, autoload FROM wp_options WHERE option_name = 'cartproxy_api_key'\" ) );"
    )
    stored = json.loads(row)
    assert stored["option_value"] == KEY
    assert stored["autoload"] in ("no", "off")


def test_the_key_stays_until_it_is_replaced_or_forgotten(admin: Page, installed: WordPress) -> None:
    stored = "echo get_option( 'cartproxy_api_key' );"
    installed.set("https://cart.example.com", key=KEY)
    settings_page(admin, installed)

    admin.get_by_role("button", name="Save Changes").click()
    kept = installed.php(stored)
    admin.get_by_label("API key").fill("another")
    admin.get_by_role("button", name="Save Changes").click()
    replaced = installed.php(stored)
    admin.get_by_label("Forget the stored key").check()
    admin.get_by_role("button", name="Save Changes").click()

    expect(admin.get_by_label("Forget the stored key")).to_have_count(0)
    assert [kept, replaced, installed.php(stored)] == [KEY, "another", ""]


def test_settings_that_cannot_be_are_refused_by_name(
    admin: Page, blog: WordPress, proxy: str
) -> None:
    settings_page(admin, blog)
    admin.get_by_label("Service URL").fill("http://cart.example.com")
    admin.get_by_label("Store id").fill("de mo")
    admin.get_by_label("API key").fill("a b")
    admin.get_by_label("Integrity of the widget").fill("sha384-short")

    admin.get_by_role("button", name="Save Changes").click()

    for complaint in (
        "must begin with https://",
        "A store id has",
        "has no blanks",
        "integrity is",
    ):
        expect(admin.locator(".notice-error", has_text=complaint)).to_be_visible()
    expect(admin.get_by_label("Service URL")).to_have_value(proxy)
    expect(admin.get_by_label("Store id")).to_have_value("demo")


@pytest.mark.parametrize(
    ("store_id", "key", "said"),
    [
        ("demmo", KEY, "Problem: The service knows no store “demmo”."),
        ("second", "", "Problem: This site is not on the store's list."),
        ("demo", create("other")[0], "Problem: The service does not accept the API key."),
    ],
    ids=["store", "origin", "key"],
)
def test_the_connection_test_tells_what_to_mend(
    admin: Page, installed: WordPress, proxy: str, store_id: str, key: str, said: str
) -> None:
    installed.set(proxy, store_id, key)
    settings_page(admin, installed)

    told = findings(admin)

    expect(told.filter(has_text=said)).to_be_visible()
    expect(admin.locator("#cartproxy-findings")).to_have_class(re.compile("notice-error"))


def test_an_integrity_that_is_set_is_printed_and_compared(
    admin: Page, installed: WordPress, proxy: str
) -> None:
    other = "sha384-" + "A" * 64
    installed.set(proxy, integrity=other)
    found = html(installed, installed.post(SHORTCODE))
    settings_page(admin, installed)

    told = findings(admin)

    assert f'integrity="{other}"' in found
    expect(told.filter(has_text="Problem: The integrity you set")).to_be_visible()


def test_a_key_in_the_configuration_goes_before_the_stored_one(blog: WordPress) -> None:
    fixed = f"define( 'CARTPROXY_API_KEY', '{KEY}' );"

    used = blog.php("echo Cartproxy\\Settings\\api_key();", before=fixed)

    assert used == KEY


def test_the_connection_test_tells_of_strangers_and_of_silence(
    admin: Page, blog: WordPress
) -> None:
    settings_page(admin, blog)
    with running(Stub(200, "<h1>Parked</h1>")) as stub:
        blog.set(stub.url)
        expect(findings(admin)).to_have_text([re.compile("is not a cartproxy service")])

    expect(findings(admin)).to_have_text([re.compile(f"Problem: No answer from {stub.url}")])


def test_the_connection_test_needs_the_pages_own_form(admin: Page, blog: WordPress) -> None:
    settings_page(admin, blog)
    cookies = {each["name"]: each["value"] for each in admin.context.cookies()}
    address = f"{blog.url}/wp-admin/options-general.php?page=cartproxy"

    reached = address.replace("blog.localhost", "127.0.0.1")
    host = {"Host": blog.url.removeprefix("http://")}
    forged = requests.post(
        reached, {"cartproxy_test": "1"}, cookies=cookies, headers=host, timeout=90
    )
    stranger = blog.get(address)

    assert forged.status_code == 403
    assert stranger.status_code == 302


def test_the_editor_shows_the_block_as_the_page_will(admin: Page, blog: WordPress) -> None:
    settings_page(admin, blog)
    admin.goto(f"{blog.url}/wp-admin/post-new.php")
    admin.wait_for_function("window.wp?.blocks?.getBlockType?.('cartproxy/button') !== undefined")

    admin.evaluate(
        """() => wp.data.dispatch("core/block-editor").insertBlocks(
          wp.blocks.createBlock("cartproxy/button", { catalogId: "3829" }))"""
    )

    # Newer ones put the post into a frame.
    wait_for(
        lambda: any(frame.get_by_text("Pint mug").count() for frame in admin.frames),
        "a preview of the block",
    )


def test_nothing_is_left_when_the_plugin_is_deleted(blog: WordPress) -> None:
    html(blog, blog.post(SHORTCODE))

    left = blog.php(
        "require_once ABSPATH . 'wp-admin/includes/plugin.php'; uninstall_plugin( 'cartproxy/cartproxy.php' );"
        "echo json_encode( $wpdb->get_col( \"SELECT option_name FROM wp_options WHERE option_name LIKE '%cartproxy%'\" ) );"
    )

    assert json.loads(left) == []
