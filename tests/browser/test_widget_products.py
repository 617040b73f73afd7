"""What a product asks of its shopper: options by their kind, combinations, quantities, prices."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect
from support.browser_fixtures import new_context
from support.shopper import Store
from support.sites import PRODUCT, Site
from support.snippets import printed

pytestmark = pytest.mark.browser

COUNT = "<cart-count>Cart</cart-count>"
STATUS = "cart-button [role=status]"
SHIRT, MUG, TEA, TILES, PLAQUE, CANVAS, POSTER, CANDLES = (
    3828, 3829, 3834, 3838, 3841, 3842, 3843, 3844,
)  # fmt: skip


def button(catalog_id: int, attributes: str = "", inside: str = "") -> str:
    return f'<cart-button catalog-id="{catalog_id}" {attributes}>{inside}</cart-button>'


def press(page: Page) -> None:
    page.get_by_role("button", name="Add to cart").click()


def added(page: Page) -> dict[str, object]:
    """The one line of the cart, once it is there."""
    expect(page.locator(STATUS)).to_have_text("Added to the cart")
    (line,) = page.evaluate("cartproxy.cart.items")
    assert isinstance(line, dict)
    return line


def test_the_type_of_a_set_decides_its_control(
    page: Page, blog: Site, store: Store, tidy: list[str]
) -> None:
    page.goto(blog.write(button(PLAQUE)))
    first = page.get_by_label("Lettering: First line (+$2.00)")
    expect(first).to_be_visible()
    assert first.get_attribute("maxlength") == "8"
    assert page.locator("cart-button select").count() == 0
    expect(page.locator("cart-button [part=heading]")).to_have_text("Your plaque")
    logo = page.locator("cart-button [part=store-only]")
    expect(logo).to_have_text("Your logo: to be chosen at the store")
    assert logo.locator("a").get_attribute("href") == f"{blog.store}/product-p/{PLAQUE}"

    first.press_sequentially("Ada Lovelace")
    page.get_by_label("For the engraver").fill("Deep,\nplease")
    page.get_by_label("Screws").check()
    page.get_by_label("Gift wrap").check()
    press(page)

    line = added(page)
    assert line["options"] == [
        {"name": "Lettering", "value": "Ada Love"},
        {"name": "Note", "value": "Deep, please"},
        {"name": "Extras", "value": "Screws"},
        {"name": "Extras", "value": "Gift wrap"},
    ]
    assert line["line_total"] == "24.50"


def test_a_required_text_is_asked_for(page: Page, blog: Site, store: Store) -> None:
    page.goto(blog.write(button(PLAQUE)))
    first = page.get_by_label("Lettering: First line")
    expect(first).to_be_visible()

    press(page)

    expect(page.locator(STATUS)).to_have_text("Please choose: Lettering")
    expect(first).to_be_focused()
    assert store.carts() == []


def test_what_only_the_store_can_take_leads_there(page: Page, blog: Site, store: Store) -> None:
    page.goto(blog.write(button(CANVAS)))
    expect(page.locator("[part=store-only]").first).to_have_text(
        "Your photo: to be chosen at the store"
    )

    press(page)

    expect(page).to_have_url(f"{blog.store}/product-p/{CANVAS}")
    assert store.carts() == []


def test_a_combination_has_its_own_price_and_is_marked_where_it_is_sold_out(
    page: Page, blog: Site, store: Store
) -> None:
    page.goto(blog.write(button(POSTER, 'shown-price="$10.00"')))
    motif, size = page.get_by_label("Motif"), page.get_by_label("Format")
    expect(motif).to_have_value("")

    motif.select_option(label="Sea")
    size.select_option(label="A3")
    expect(page.locator(STATUS)).to_have_text("The price is now $32.99")
    motif.select_option(label="Hill \u2013 sold out")
    expect(page.locator(STATUS)).to_have_text("Not available just now.")
    press(page)
    expect(page.locator("cart-button")).to_have_attribute("data-state", "failed")
    assert store.carts() == []
    size.select_option(label="A2")
    page.wait_for_timeout(600)  # within which a second press is taken for a double click
    press(page)

    assert added(page)["unit_price"] == "32.99"


def test_a_combination_that_the_page_fixes_and_is_sold_out_leads_to_the_store(
    page: Page, blog: Site, store: Store
) -> None:
    page.goto(blog.write(button(POSTER, 'option-1920="12521" option-1921="12530"')))
    expect(page.locator(STATUS)).to_have_text("Not available just now.")

    press(page)

    expect(page).to_have_url(f"{blog.store}/product-p/{POSTER}")
    assert store.carts() == []


@pytest.mark.parametrize("check", ["warn", "block"])
def test_a_shown_price_is_that_of_a_combination_too(page: Page, blog: Site, check: str) -> None:
    attributes = f'shown-price="32.99" price-check="{check}"'
    page.goto(blog.write(button(POSTER, attributes)))
    page.get_by_label("Motif").select_option(label="Sea")
    page.get_by_label("Format").select_option(label="A3")
    expect(page.locator(STATUS)).to_have_text("")

    press(page)

    added(page)


def test_only_what_the_store_marks_is_chosen_before_the_shopper_does(
    page: Page, blog: Site, store: Store
) -> None:
    page.goto(blog.write(button(POSTER)))
    expect(page.get_by_label("Motif")).to_have_value("")

    press(page)

    expect(page.locator(STATUS)).to_have_text("Please choose: Motif")
    assert store.carts() == []


def test_an_option_fixed_to_what_is_not_there_is_asked_for(page: Page, blog: Site) -> None:
    page.goto(blog.write(button(SHIRT, 'option-1882="999"')))
    page.get_by_label("Size").select_option(label="Small")

    press(page)

    assert added(page)["options"] == [{"name": "Size", "value": "Small"}]


def test_the_press_that_makes_options_appear_adds_nothing(
    page: Page, blog: Site, store: Store
) -> None:
    waiting: list[Route] = []
    page.route("**/products/*", lambda route: waiting.append(route))
    with page.expect_request("**/products/*"):
        page.goto(blog.write(button(SHIRT)))
    press(page)
    expect(page.locator(STATUS)).to_have_text("Adding…")
    for route in waiting:
        route.continue_()

    # "Medium" is marked by the store, but nobody has seen it yet.
    expect(page.locator(STATUS)).to_have_text("Please choose: Size")
    assert store.carts() == []
    page.wait_for_timeout(600)  # within which a second press is taken for a double click
    press(page)

    assert added(page)["options"] == [{"name": "Size", "value": "Medium"}]


@pytest.mark.parametrize("inside", ["", '<a href="{store}/product-p/3831">Add to cart</a>'])
def test_a_product_that_cannot_be_read_leads_to_the_store(
    page: Page, blog: Site, store: Store, inside: str
) -> None:
    unread = 3831  # not in the service's cache, whatever ran before
    store.fail({"method": "GET", "path": f"/Products/{unread}", "fault": "huge"})
    with page.expect_response(f"**/products/{unread}") as answered:
        page.goto(
            blog.write(
                PRODUCT + button(unread, f'product-url="{{store}}/product-p/{unread}"', inside)
            )
        )
    assert answered.value.status == 502
    # The service is there: 1.0.0 then went on without the options that it could not read.
    buttons = page.locator("cart-button")
    buttons.first.get_by_role("link", name="Add to cart").click()
    expect(page.locator(STATUS).first).to_have_text("Added to the cart")

    buttons.last.get_by_role("link" if inside else "button", name="Add to cart").click()

    expect(page).to_have_url(f"{blog.store}/product-p/{unread}")
    assert [line["catalog_id"] for cart in store.carts() for line in cart["lines"]] == [MUG]


def test_a_text_that_is_too_long_is_refused_at_its_field(page: Page, blog: Site) -> None:
    page.goto(blog.write(button(PLAQUE)))
    note = page.get_by_label("For the engraver")
    page.get_by_label("Lettering: First line").fill("Ada")
    note.fill("x" * 100)
    page.locator("cart-button textarea").evaluate(
        "(field) => { field.removeAttribute('maxlength'); field.value = 'x'.repeat(300); }"
    )

    press(page)

    expect(page.locator(STATUS)).to_have_text(re.compile("Note: .*255"))
    expect(note).to_be_focused()


@pytest.mark.parametrize(
    ("catalog_id", "attributes", "quantity"),
    [(TILES, "", 6), (TILES, 'quantity="1"', 6), (TILES, 'quantity="12"', 12), (CANDLES, "", 4),
     (TEA, 'quantity="1,5"', 1.5), (TEA, 'quantity=".5"', 0.5), (TEA, 'quantity=" 2"', 2),
     (TEA, 'quantity="+1"', 1), (TEA, 'quantity="1."', 1), (MUG, 'quantity=""', 1)],
)  # fmt: skip
def test_a_quantity_begins_with_the_minimum_and_is_read_as_people_write_it(
    page: Page, blog: Site, catalog_id: int, attributes: str, quantity: float
) -> None:
    page.goto(blog.write(COUNT + button(catalog_id, attributes)))

    press(page)

    assert added(page)["quantity"] == quantity


FORM = (
    '<form method="post" action="{proxy}/v1/stores/demo/buy">'
    '<label>Pieces <input name="quantity" value="1"></label><button>Add to cart</button></form>'
)


@pytest.mark.parametrize(
    ("catalog_id", "written", "says"),
    [(TILES, "7", "Possible quantities: 6, 12 … 60"), (TILES, "66", "Possible quantities: 6, 12 … 60"),
     (MUG, "1,5", "Possible quantities: 1, 2 …"), (MUG, "two", "Possible quantities: 1, 2 …"),
     (MUG, "-1", "Possible quantities: 1, 2 …"), (MUG, "1,500", "Possible quantities: 1, 2 …")],
)  # fmt: skip
def test_a_quantity_that_cannot_be_had_is_answered_at_its_field(
    page: Page, blog: Site, store: Store, catalog_id: int, written: str, says: str
) -> None:
    page.goto(blog.write(button(catalog_id, "", FORM)))
    page.get_by_label("Pieces").fill(written)

    press(page)

    expect(page.locator(STATUS)).to_have_text(says)
    expect(page.get_by_label("Pieces")).to_be_focused()
    assert store.carts() == []


@pytest.mark.parametrize("written", ["-", "1e", "1e3"])
def test_a_number_field_that_holds_no_number_is_not_taken_for_empty(
    page: Page, blog: Site, store: Store, written: str
) -> None:
    field = '<input type="number" name="quantity" value="1" aria-label="Pieces"><a href="/">Add</a>'
    page.goto(blog.write(button(MUG, "", field)))
    page.get_by_label("Pieces").fill("")
    page.get_by_label("Pieces").press_sequentially(written)

    page.get_by_role("link", name="Add").click()

    expect(page.locator(STATUS)).to_have_text("Possible quantities: 1, 2 …")
    assert store.carts() == []


def test_fields_of_the_pages_own_are_read_as_a_form_would_send_them(
    page: Page, blog: Site, store: Store
) -> None:
    fields = (
        '<input type="radio" name="quantity" value="1"><input type="radio" name="quantity" value="3" checked>'
        '<select name="option-1903" multiple><option value="12504:Screws" selected>Screws'
        '<option value="12505:Gift wrap" selected>Gift wrap</select><button>Add to cart</button>'
    )
    page.goto(blog.write(button(PLAQUE, 'option-1901="Ada"', fields)))
    expect(page.get_by_label("For the engraver")).to_be_visible()

    press(page)

    line = added(page)
    assert line["quantity"] == 3
    assert line["options"] == [
        {"name": "Lettering", "value": "Ada"},
        {"name": "Extras", "value": "Screws"},
        {"name": "Extras", "value": "Gift wrap"},
    ]


OPEN_FORM = '<form method="post" action="{proxy}/v1/stores/demo/buy">%s</form>'


@pytest.mark.parametrize(
    ("fields", "press", "line"),
    [
        ('<button name="catalog_id" value="3829">A</button><button name="catalog_id" value="3837">B</button>', "B", (3837, 1)),
        (('<input type="radio" name="catalog_id" value="3829"><input type="radio" name="catalog_id" value="3837" checked>'
         "<button>Buy</button>"), "Buy", (3837, 1)),
        (('<input type="hidden" name="catalog_id" value="3829"><button name="quantity" value="1">One</button>'
         '<button name="quantity" value="3">Three</button>'), "Three", (3829, 3)),
    ],
)  # fmt: skip
def test_of_several_buttons_or_radios_the_chosen_one_counts(
    page: Page, blog: Site, store: Store, fields: str, press: str, line: tuple[int, int]
) -> None:
    page.goto(blog.write(f"<cart-button>{OPEN_FORM % fields}</cart-button>"))

    page.get_by_role("button", name=press, exact=True).click()

    expect(page.locator("cart-button [role=status]")).to_have_text("Added to the cart")
    (cart,) = store.carts()
    assert [(each["catalog_id"], each["quantity"]) for each in cart["lines"]] == [line]


def test_an_option_may_be_chosen_by_the_pressed_button(page: Page, blog: Site) -> None:
    sizes = "".join(
        f'<button name="option-1882" value="{choice}">{choice}</button>'
        for choice in ("12396:Small", "12397:Medium", "12399:X-Large")
    )
    hidden = '<input type="hidden" name="catalog_id" value="3828">'
    page.goto(blog.write(f"<cart-button>{OPEN_FORM % (hidden + sizes)}</cart-button>"))
    expect(page.get_by_label("Colour")).to_be_visible()

    with page.expect_request("**/cart/items") as sent:
        page.get_by_role("button", name="12397:Medium").click()

    options = sent.value.post_data_json["options"]
    assert [each["option_id"] for each in options] == [12397]


def test_a_product_that_a_field_chooses_is_followed(page: Page, blog: Site, store: Store) -> None:
    choice = '<select name="catalog_id"><option value="3829">Mug<option value="3828">Shirt</select>'
    page.goto(
        blog.write(f"<cart-button>{OPEN_FORM % (choice + '<button>Buy</button>')}</cart-button>")
    )
    page.wait_for_load_state("networkidle")

    page.locator("[name=catalog_id]").select_option(label="Shirt")

    expect(page.get_by_label("Size")).to_be_visible()


def test_what_attributes_fix_and_show_is_read_at_the_press(
    page: Page, blog: Site, store: Store
) -> None:
    page.goto(
        blog.write(
            '<cart-button catalog-id="3828" option-1882="12396"></cart-button>'
            '<cart-button catalog-id="3829" shown-price="9.99" price-check="block"></cart-button>'
        )
    )
    expect(page.get_by_label("Colour")).to_be_visible()
    page.wait_for_load_state("networkidle")
    page.evaluate(
        """() => { const [shirt, mug] = document.querySelectorAll("cart-button");
                   shirt.setAttribute("option-1882", "12397");
                   mug.setAttribute("shown-price", "8.00"); }"""
    )

    page.get_by_role("button", name="Add to cart").last.click()
    expect(page.locator("cart-button [role=status]").last).to_have_text("The price is now $9.99")
    page.get_by_role("button", name="Add to cart").first.click()

    expect(page.locator("cart-button [role=status]").first).to_have_text("Added to the cart")
    values = page.evaluate("cartproxy.cart.items[0].options.map((each) => each.value)")
    assert values == ["Medium"]


def test_what_is_sold_out_and_has_no_page_says_so_at_each_press(
    page: Page, blog: Site, store: Store
) -> None:
    gone = {"catalog_id": 3833, "name": "Gone", "price": "1.00", "currency": "USD",
            "available": False, "option_sets": [], "variants": []}  # fmt: skip
    allowed = {"Access-Control-Allow-Origin": "*"}
    page.route("**/products/3833", lambda route: route.fulfill(json=gone, headers=allowed))
    page.goto(blog.write('<cart-button catalog-id="3833"></cart-button>'))
    expect(page.locator("cart-button [role=status]")).to_have_text("Not available just now.")

    page.get_by_role("button", name="Add to cart").click()

    expect(page.locator("cart-button")).to_have_attribute("data-state", "failed")
    expect(page.locator("cart-button [role=status]")).to_have_text("Not available just now.")


def test_choices_can_be_read_on_a_dark_page(page: Page, blog: Site) -> None:
    dark = "<style>body { background: #111; color: #eee }</style>"
    page.goto(blog.write(dark + '<cart-button catalog-id="3828"></cart-button>'))

    # Browsers draw the list itself light, whatever the page's colours are.
    assert page.get_by_label("Size").locator("option").first.evaluate(
        "each => [getComputedStyle(each).color, getComputedStyle(each).backgroundColor]"
    ) == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]


def test_a_form_begins_with_the_minimum_too(page: Page, blog: Site) -> None:
    page.goto(blog.write(button(TILES, "", FORM)))

    expect(page.get_by_label("Pieces")).to_have_value("6")
    press(page)

    assert added(page)["quantity"] == 6


def open_drawer(page: Page) -> Locator:
    page.locator("cart-count button").click()
    dialog = page.get_by_role("dialog", name="Your cart")
    expect(dialog).to_be_visible()
    return dialog


def test_the_drawer_steps_as_the_product_does(page: Page, blog: Site) -> None:
    page.goto(blog.write(COUNT))
    page.evaluate(f"cartproxy.product({TILES})")  # which the drawer waits for a second only
    page.evaluate(f"cartproxy.add({{ catalogId: {TILES}, quantity: 6 }})")
    dialog = open_drawer(page)
    quantity = dialog.get_by_label("Quantity")

    dialog.get_by_role("button", name="One more").click()
    expect(quantity).to_have_value("12")
    quantity.fill("13")
    quantity.press("Tab")
    expect(dialog.get_by_role("status")).to_have_text("Possible quantities: 6, 12 … 60")
    expect(quantity).to_have_value("12")
    dialog.get_by_role("button", name="One less").click()
    expect(quantity).to_have_value("6")
    page.wait_for_function("!cartproxy.cart.pending && cartproxy.cart.items[0].quantity === 6")


def test_the_drawer_steps_by_fractions_too(page: Page, blog: Site) -> None:
    def by_tenths(route: Route) -> None:
        answer = route.fetch(url=route.request.url.replace("cart.localhost", "127.0.0.1"))
        route.fulfill(response=answer, json={**answer.json(), "quantity_step": 0.1})

    page.route(f"**/products/{TEA}", by_tenths)
    page.goto(blog.write(COUNT))
    page.evaluate(f"cartproxy.product({TEA})")
    page.evaluate(f"cartproxy.add({{ catalogId: {TEA}, quantity: 0.2 }})")
    dialog = open_drawer(page)

    # In floating point, 0.3 holds 2.9999999999999996 tenths.
    for name, value in [("One more", "0.3"), ("One more", "0.4"), ("One less", "0.3")]:
        dialog.get_by_role("button", name=name).click()
        expect(dialog.get_by_label("Quantity")).to_have_value(value)


def step_that_waits(page: Page, blog: Site, store: Store) -> Locator:
    """The field of a line that is on its way from 6 to 12, until the store may answer."""
    page.goto(blog.write(COUNT))
    page.evaluate(f"cartproxy.product({TILES})")
    page.evaluate(f"cartproxy.add({{ catalogId: {TILES}, quantity: 6 }})")
    dialog = open_drawer(page)
    store.calls()
    store.hold("PUT")
    dialog.get_by_role("button", name="One more").click()
    store.wait_for_calls()
    return dialog.get_by_label("Quantity")


ANSWERED = "!cartproxy.cart.pending && cartproxy.cart.items[0].quantity === 12"


def test_an_answer_does_not_take_what_is_being_typed(page: Page, blog: Site, store: Store) -> None:
    quantity = step_that_waits(page, blog, store)

    quantity.fill("13")
    store.fail()
    page.wait_for_function(ANSWERED)

    expect(quantity).to_have_value("13")


def test_an_answer_does_not_take_a_later_message(page: Page, blog: Site, store: Store) -> None:
    quantity = step_that_waits(page, blog, store)
    status = page.get_by_role("dialog").get_by_role("status")

    quantity.fill("13")
    quantity.press("Tab")
    expect(status).to_have_text("Possible quantities: 6, 12 … 60")
    store.fail()
    page.wait_for_function(ANSWERED)

    expect(status).to_have_text("Possible quantities: 6, 12 … 60")


def test_minus_one_typed_into_the_drawer_removes_nothing(
    page: Page, blog: Site, store: Store
) -> None:
    page.goto(blog.write(COUNT))
    page.evaluate(f"cartproxy.add({{ catalogId: {MUG}, quantity: 3 }})")
    dialog = open_drawer(page)

    dialog.get_by_label("Quantity").fill("-1")
    dialog.get_by_label("Quantity").press("Tab")

    expect(dialog.get_by_role("status")).to_have_text("Possible quantities: 1, 2 …")
    expect(dialog.get_by_label("Quantity")).to_have_value("3")


def test_the_wheel_over_a_quantity_changes_nothing(page: Page, blog: Site) -> None:
    page.goto(blog.write(COUNT))
    page.evaluate(f"cartproxy.add({{ catalogId: {MUG}, quantity: 5 }})")
    quantity = open_drawer(page).get_by_label("Quantity")

    quantity.click()
    page.mouse.wheel(0, -120)
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    expect(quantity).to_have_value("5")


def test_quantities_are_decimal_numbers(page: Page, blog: Site, store: Store) -> None:
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.post_data or ""))
    page.goto(blog.write(COUNT))
    page.evaluate(f"cartproxy.add({{ catalogId: {TEA}, quantity: 1.1 }})")
    page.evaluate(f"cartproxy.add({{ catalogId: {TEA}, quantity: 0.1 + 0.2 }})")
    dialog = open_drawer(page)

    dialog.get_by_role("button", name="One less").first.click()
    expect(dialog.get_by_label("Quantity").first).to_have_value("0.1")
    page.wait_for_function("!cartproxy.cart.pending")

    bodies = [json.loads(body) for body in sent if body]
    assert [body.get("quantity") or body["items"][0]["quantity"] for body in bodies] == [
        1.1,
        0.3,
        0.1,
    ]
    assert page.evaluate("cartproxy.cart.items.map((each) => each.quantity)") == [0.1, 0.3]


@pytest.mark.parametrize(
    ("shown", "says"),
    [("9,99", ""), ("$9.99", ""), ("", ""), ("9.99 USD", ""), ("from € 9,99", ""), ("9.990", ""),
     ("call us", ""), ("Only 9.99, incl. VAT.", ""), ("2 for 9.99", ""), ("9.99 500 g", ""),
     ("was 12.99, now 9.99", ""), ("2 for 8.50", "The price is now $9.99"),
     ("8,50", "The price is now $9.99"), ("1,234.50", "The price is now $9.99")],
)  # fmt: skip
def test_a_shown_price_is_understood_as_people_write_it_or_ignored(
    page: Page, blog: Site, shown: str, says: str
) -> None:
    page.goto(blog.write(button(MUG, f'shown-price="{shown}" price-check="block"')))
    expect(page.locator(STATUS)).to_have_text(says)

    press(page)

    state = "failed" if says else "added"
    expect(page.locator("cart-button")).to_have_attribute("data-state", state)


def test_a_line_that_cannot_be_read_is_shown_as_that(page: Page, blog: Site, store: Store) -> None:
    page.goto(blog.write(COUNT + PRODUCT))
    page.evaluate(f"cartproxy.add({{ catalogId: {MUG} }})")
    page.evaluate("cartproxy.add({ catalogId: 3837 })")

    def garble(route: Route) -> None:
        cart = page.evaluate("cartproxy.cart")
        cart["items"][0] |= {"state": "unreadable", "unit_price": None, "option_price": None,
                             "line_total": None}  # fmt: skip
        cart["subtotal"] = "7.50"
        route.fulfill(json=cart, headers={"Access-Control-Allow-Origin": blog.url})

    page.route("**/stores/demo/cart", garble)
    page.evaluate("cartproxy.refresh()")
    dialog = open_drawer(page)

    expect(dialog.get_by_role("listitem").first).to_contain_text("The store's price can't be read.")
    expect(dialog.locator("[part=line-total]").first).to_have_text("")
    expect(dialog.get_by_role("button", name="Remove: Pint mug")).to_be_enabled()
    expect(dialog.locator("[part=line-total]").last).to_have_text("$7.50")


def test_the_printed_form_takes_every_kind_of_option_without_scripts(
    browser: Browser, blog: Site, store: Store
) -> None:
    form = printed(blog, PLAQUE).partition("only the form:")[2].partition("If the page")[0]
    with new_context(browser, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(blog.write(form.replace("127.0.0.1", "cart.localhost"), script=""))
        page.get_by_label("Lettering: First line").fill("Ada")
        page.get_by_label("For the engraver").fill("Deep,\nplease")
        page.get_by_label("Screws").check()
        page.get_by_label("Gift wrap").check()

        page.get_by_role("button", name="Add to cart").click()

        expect(page.get_by_role("heading", name="Secure checkout")).to_be_visible()
        for chosen in ("Ada", "Deep, please", "Screws", "Gift wrap"):
            expect(page.get_by_text(chosen).first).to_be_visible()


def test_the_printed_form_is_the_same_with_the_script(page: Page, blog: Site, store: Store) -> None:
    parts = printed(blog, POSTER).split("\n\n")
    element = next(part for part in parts if "<cart-button" in part)
    page.goto(blog.write(element.replace("127.0.0.1", "cart.localhost")))
    page.get_by_label("Motif").select_option(label="Hill")
    page.get_by_label("Format").select_option(label="A3")
    expect(page.locator(STATUS)).to_have_text("Not available just now.")

    page.get_by_label("Format").select_option(label="A2")
    expect(page.locator(STATUS)).to_have_text("The price is now $32.99")
    press(page)

    assert added(page)["options"] == [
        {"name": "Motif", "value": "Hill"},
        {"name": "Format", "value": "A2"},
    ]
