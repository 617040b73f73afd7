"""The button on somebody else's page."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, Route, expect
from support.servers import service, store_environment
from support.shopper import Store
from support.sites import PRODUCT, Site

pytestmark = pytest.mark.browser

COUNT = "<cart-count>Cart</cart-count>"


def press(page: Page, name: str = "Add to cart") -> None:
    """Press the page's button or link of that name."""
    page.locator("cart-button :is(a, form button)", has_text=name).click()


def let_through(route: Route) -> None:
    """Let the service have the request; whoever asked learns nothing of it."""
    # Playwright's own client resolves no names under localhost, as browsers do.
    route.fetch(url=route.request.url.replace("cart.localhost", "127.0.0.1"))
    route.abort("connectionreset")


def test_a_press_makes_the_cart_and_says_so(
    page: Page, blog: Site, store: Store, tidy: list[str]
) -> None:
    page.goto(blog.write(COUNT + PRODUCT))

    press(page)

    expect(page.get_by_role("button", name="Cart 1")).to_be_visible()
    expect(page.locator("cart-button [role=status]")).to_have_text("Added to the cart")
    (cart,) = store.carts()
    assert [(line["catalog_id"], line["quantity"]) for line in cart["lines"]] == [(3829, 1)]


def test_a_button_without_content_brings_its_own(page: Page, blog: Site, tidy: list[str]) -> None:
    page.goto(blog.write(COUNT + '<cart-button catalog-id="3829" quantity="2"></cart-button>'))

    page.get_by_role("button", name="Add to cart").click()

    expect(page.get_by_role("button", name="Cart 2")).to_be_visible()
    page.wait_for_function("!cartproxy.cart.pending")


def test_the_page_shows_the_add_at_once_though_the_store_is_slow(
    page: Page, blog: Site, store: Store
) -> None:
    page.goto(blog.write(COUNT + PRODUCT))
    expect(page.get_by_role("button", name="Cart 0")).to_be_visible()
    page.evaluate("cartproxy.product(3829)")
    store.hold()

    pending = page.evaluate(
        """async () => {
          const count = document.querySelector("cart-count").shadowRoot.querySelector("[part=count]");
          document.querySelector("cart-button a").click();
          while (count.textContent !== "1") await new Promise(requestAnimationFrame);
          return cartproxy.cart.pending;
        }"""
    )
    store.fail()
    expect(page.locator("cart-button [role=status]")).to_have_text("Added to the cart")

    # It was shown while the store had answered nothing yet.
    assert pending is True


def test_a_key_held_down_is_one_press_and_one_beside_it_hinders_none(
    page: Page, blog: Site, store: Store
) -> None:
    page.goto(blog.write('<cart-button catalog-id="3829"></cart-button>'))

    # What a key makes that is held down for longer than a double click takes; then one more.
    page.get_by_role("button", name="Add to cart").evaluate(
        """(button) => { for (const ms of [0, 500, 530, 560, 590, 620, 650, 1200, 3000]) {
             const press = new MouseEvent("click", {
               bubbles: true, composed: true, cancelable: true, shiftKey: ms === 3000 });
             Object.defineProperty(press, "timeStamp", { value: 1e6 + ms });
             button.dispatchEvent(press); } }"""
    )

    expect(page.locator("cart-button [role=status]")).to_have_text("Added to the cart")
    page.wait_for_function("!cartproxy.cart.pending")
    (cart,) = store.carts()
    assert len(cart["lines"]) == 2


def test_a_double_click_is_one_press(page: Page, blog: Site, store: Store) -> None:
    page.goto(blog.write(COUNT + PRODUCT))

    # In one go: between two of the browser's own clicks a busy machine may let 600 ms pass.
    page.locator("cart-button a").evaluate("link => { link.click(); link.click(); }")

    expect(page.locator("cart-button [role=status]")).to_have_text("Added to the cart")
    (cart,) = store.carts()
    assert [line["quantity"] for line in cart["lines"]] == [1]


def test_options_come_from_the_store_and_go_into_the_cart(
    page: Page, blog: Site, store: Store, tidy: list[str]
) -> None:
    page.goto(blog.write(COUNT + '<cart-button catalog-id="3828"></cart-button>'))

    page.get_by_label("Size").select_option(label="X-Large (+$2.00)")
    page.get_by_label("Colour").select_option(label="Navy (+$1.50)")
    page.get_by_role("button", name="Add to cart").click()

    expect(page.get_by_role("button", name="Cart 1")).to_be_visible()
    expect(page.locator("cart-button [role=status]")).to_have_text("Added to the cart")
    (line,) = page.evaluate("cartproxy.cart.items")
    assert [(each["name"], each["value"]) for each in line["options"]] == [
        ("Size", "X-Large"),
        ("Colour", "Navy"),
    ]
    assert line["line_total"] == "23.49"


def test_a_fixed_option_is_not_asked_for(page: Page, blog: Site) -> None:
    page.goto(
        blog.write(
            '<cart-button catalog-id="3828" option-1882="12396" option-1883="12410"></cart-button>'
        )
    )

    page.get_by_role("button", name="Add to cart").click()

    expect(page.locator("cart-button [role=status]")).to_have_text("Added to the cart")
    assert page.locator("cart-button select").count() == 0
    values = page.evaluate("cartproxy.cart.items[0].options.map((each) => each.value)")
    assert values == ["Small", "White"]


def test_a_form_inside_gives_quantity_and_options(page: Page, blog: Site) -> None:
    form = (
        '<cart-button catalog-id="3828"><form method="post" action="{proxy}/v1/stores/demo/buy">'
        '<input type="hidden" name="catalog_id" value="3828">'
        '<label>Size <select name="option-1882"><option value="12396:Small">S</option></select></label>'
        '<label>Pieces <input name="quantity" type="number" value="3"></label>'
        "<button>Buy</button></form></cart-button>"
    )
    page.goto(blog.write(form))
    expect(page.get_by_label("Colour")).to_be_visible()

    page.get_by_role("button", name="Buy").click()

    expect(page.locator("cart-button [role=status]")).to_have_text("Added to the cart")
    (line,) = page.evaluate("cartproxy.cart.items")
    assert (line["quantity"], line["options"]) == (3, [{"name": "Size", "value": "Small"}])
    assert page.get_by_label("Size").count() == 1


def test_a_typed_option_reaches_the_store(page: Page, blog: Site) -> None:
    page.goto(blog.write('<cart-button catalog-id="3839"></cart-button>'))

    page.get_by_label("Engraving").fill("Für Ada")
    page.get_by_role("button", name="Add to cart").click()

    expect(page.locator("cart-button [role=status]")).to_have_text("Added to the cart")
    assert "Für Ada" in page.evaluate("JSON.stringify(cartproxy.cart.items)")


def test_what_the_store_refuses_is_said_and_taken_back(
    page: Page, blog: Site, store: Store
) -> None:
    page.goto(blog.write(COUNT + '<cart-button catalog-id="3832" quantity="9"></cart-button>'))

    page.get_by_role("button", name="Add to cart").click()

    expect(page.locator("cart-button [role=status]")).to_contain_text(
        "The store did not accept this."
    )
    expect(page.get_by_role("button", name="Cart 0")).to_be_visible()


@pytest.mark.parametrize(("check", "adds"), [("warn", 1), ("block", 0)])
def test_a_price_that_differs_is_told_and_blocks_by_setting(
    page: Page, blog: Site, store: Store, check: str, adds: int
) -> None:
    button = '<cart-button catalog-id="3829" shown-price="8.50"></cart-button>'
    page.goto(blog.write(COUNT + button, script=f'data-store="demo" data-price-check="{check}"'))
    expect(page.locator("cart-button [role=status]")).to_have_text("The price is now $9.99")

    page.get_by_role("button", name="Add to cart").click()

    state = re.compile("added" if adds else "failed")
    expect(page.locator("cart-button")).to_have_attribute("data-state", state)
    expect(page.get_by_role("button", name=f"Cart {adds}")).to_be_visible()


def test_a_lost_answer_is_asked_for_again_and_adds_once(
    page: Page, blog: Site, store: Store
) -> None:
    keys: list[str] = []

    def lose_the_first_answer(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        if len(keys) == 1:
            let_through(route)
        else:
            route.continue_()

    page.route("**/cart/items", lose_the_first_answer)
    page.goto(blog.write(COUNT + PRODUCT))

    press(page)

    expect(page.locator("cart-button [role=status]")).to_have_text("Added to the cart")
    assert len(keys) == 2
    assert keys[0] == keys[1]
    (cart,) = store.carts()
    assert [line["quantity"] for line in cart["lines"]] == [1]


def test_what_is_not_retryable_is_sent_once(page: Page, blog: Site) -> None:
    asked: list[str] = []
    page.on(
        "request",
        lambda request: asked.append(request.method) if "/cart/items" in request.url else None,
    )
    page.goto(blog.write('<cart-button catalog-id="3832" quantity="9"></cart-button>'))

    page.get_by_role("button", name="Add to cart").click()

    expect(page.locator("cart-button")).to_have_attribute("data-state", "failed")
    assert asked == ["POST"]


def test_an_add_of_unknown_outcome_goes_on_under_its_key_when_pressed_again(
    page: Page, blog: Site, store: Store
) -> None:
    keys: list[str] = []

    def lose_every_answer(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        let_through(route)

    page.route("**/cart/items", lose_every_answer)
    page.goto(blog.write(COUNT + '<cart-button catalog-id="3829"></cart-button>'))
    page.get_by_role("button", name="Add to cart").click()
    expect(page.locator("cart-button")).to_have_attribute("data-state", "failed")
    page.unroute("**/cart/items")
    page.evaluate("cartproxy.refresh()")

    page.evaluate("cartproxy.add({ catalogId: 3829 })")

    assert len(set(keys)) == 1
    (cart,) = store.carts()
    assert [line["quantity"] for line in cart["lines"]] == [1]


def test_the_service_away_leaves_a_button_that_leads_to_the_store(page: Page, blog: Site) -> None:
    page.goto(blog.write(PRODUCT))
    page.route(f"{blog.proxy}/**", lambda route: route.abort("connectionrefused"))

    press(page)
    expect(page.locator("cart-button [role=status]")).to_contain_text("Buy it at the store")
    press(page)

    expect(page.get_by_role("heading", name="Pint mug")).to_be_visible()
    assert page.url == f"{blog.store}/product-p/3829"


def test_the_service_stopped_under_an_open_page_leaves_a_button_that_leads_to_the_store(
    page: Page, blog: Site, store: Store
) -> None:
    origin = blog.url
    with service(store_environment(store.url, ORIGINS=origin)) as url:
        tag = f'<script src="{url}/widget/v1/cartproxy.js" data-store="demo" defer></script>'
        page.goto(blog.write(tag + COUNT + PRODUCT, script=""))
        press(page)
        expect(page.get_by_role("button", name="Cart 1")).to_be_visible()

    press(page)
    told = page.locator("cart-button [role=status]", has_text="Buy it at the store")
    arrived = page.get_by_role("heading", name="Pint mug")
    # On a slow machine the page may have noticed before, and leads there at once.
    expect(told.or_(arrived)).to_be_visible()
    if told.is_visible():
        expect(page.get_by_role("button", name="Cart 1")).to_be_visible()
        press(page)

    expect(arrived).to_be_visible()


def test_a_form_whose_service_is_away_leads_to_the_store_too(page: Page, blog: Site) -> None:
    form = (
        '<cart-button catalog-id="3829" product-url="{store}/product-p/3829">'
        '<form method="post" action="{proxy}/v1/stores/demo/buy"><button>Buy</button></form></cart-button>'
    )
    page.goto(blog.write(form))
    page.route(f"{blog.proxy}/**", lambda route: route.abort("connectionrefused"))

    press(page, "Buy")
    expect(page.locator("cart-button [role=status]")).to_contain_text("Buy it at the store")
    press(page, "Buy")

    expect(page.get_by_role("heading", name="Pint mug")).to_be_visible()


def test_without_the_script_the_link_is_a_link(page: Page, blog: Site) -> None:
    page.route("**/widget/**", lambda route: route.abort())
    page.goto(blog.write(PRODUCT))

    press(page)

    expect(page).to_have_url(f"{blog.store}/product-p/3829")


def test_events_speak_the_language_of_analytics(page: Page, blog: Site) -> None:
    page.goto(blog.write('<cart-button catalog-id="3829" quantity="2"></cart-button>'))
    page.evaluate(
        """() => { window.heard = [];
          for (const name of ["add", "remove", "error"])
            document.addEventListener("cartproxy:" + name, (event) => heard.push([name, event.detail])); }"""
    )

    page.get_by_role("button", name="Add to cart").click()
    expect(page.locator("cart-button [role=status]")).to_have_text("Added to the cart")
    page.evaluate("cartproxy.remove(cartproxy.cart.items[0].item_id)")
    page.evaluate("cartproxy.add({ catalogId: 4040 }).catch(() => {})")

    item = {"item_id": "3829", "item_name": "Pint mug", "price": 9.99, "quantity": 2}
    lines = {"currency": "USD", "value": 19.98, "items": [item], "estimated": False}
    heard = page.evaluate("JSON.parse(JSON.stringify(heard))")
    assert heard[:2] == [["add", lines], ["remove", lines]]
    assert heard[2][0] == "error"
    assert (heard[2][1]["code"], heard[2][1]["retryable"]) == ("item-rejected", False)


@pytest.mark.parametrize(
    ("language", "says"),
    [
        ("de", "In den Warenkorb"),
        ("fr-CA", "Ajouter au panier"),
        ("es", "Añadir al carrito"),
        ("nl", "Add to cart"),
    ],
)
def test_texts_follow_the_language_of_the_page(
    page: Page, blog: Site, language: str, says: str
) -> None:
    script = f'data-store="demo" data-lang="{language}"'
    page.goto(blog.write('<cart-button catalog-id="3829"></cart-button>', script=script))

    expect(page.get_by_role("button", name=says)).to_be_visible()


def test_a_text_can_be_replaced_for_one_element_and_for_all(page: Page, blog: Site) -> None:
    buttons = (
        '<cart-button catalog-id="3829" text-add="Gimme"></cart-button>'
        '<cart-button catalog-id="3830"></cart-button>'
    )
    page.goto(blog.write(buttons, script='data-store="demo" data-text-add="Take it"'))

    expect(page.get_by_role("button", name="Gimme")).to_be_visible()
    expect(page.get_by_role("button", name="Take it")).to_be_visible()
