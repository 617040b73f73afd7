"""The tolerant reader: what it takes, and what it must not take for a cart."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cartproxy.model.cart import Currency, NewItem
from cartproxy.model.offer import Offer, Refusal, judge
from cartproxy.store import wire
from cartproxy.store.errors import StoreBadResponse
from cartproxy.store.links import Links

USD = Currency("USD")
LINKS = Links("https://shop.example/", ["shop.example", "pay.example:8443"])
LINE = {
    "CatalogID": 3829,
    "CartItemID": 7,
    "ItemID": "MUG",
    "ItemQuantity": Decimal("2.0"),
    "ItemDescription": "Mug<br><b>Size:</b>&nbsp;M",
    "ItemUnitPrice": Decimal("9.5"),
    "ItemOptionPrice": Decimal("0.0"),
    "ItemImage1": "assets/mug.jpg",
    "Unheard": {"of": 1},
}


def read(body: Any) -> Any:
    return wire.read_cart(body, "k", LINKS, USD)


def cart(*lines: object) -> list[dict[str, Any]]:
    return [{"OrderKey": "k", "CartItemList": list(lines)}]


@pytest.mark.parametrize("wrap", [lambda cart: cart, lambda cart: [cart]])
@pytest.mark.parametrize("lines", [{"CartItemList": []}, {"CartItemList": None}, {}])
def test_empty_cart_comes_in_every_shape(wrap: Any, lines: dict[str, Any]) -> None:
    assert read(wrap({"OrderKey": "k", **lines})).items == ()


def test_line_is_read_with_decimals_and_absolute_image() -> None:
    (line,) = read(cart(LINE)).items

    assert (line.item_id, line.catalog_id, line.quantity) == ("7", 3829, 2)
    assert (str(line.unit_price), str(line.line_total)) == ("9.50", "19.00")
    assert line.image_url == "https://shop.example/assets/mug.jpg"
    assert not line.derived


@pytest.mark.parametrize("text", ["7", 7, Decimal("7.0")])
def test_numbers_may_be_strings(text: object) -> None:
    (line,) = read(cart(LINE | {"CartItemID": text, "ItemQuantity": text})).items

    assert (line.item_id, line.quantity) == ("7", 7)


# Found by the soak: an answer of the wrong shape was taken for an empty cart, and lines were lost.
@pytest.mark.parametrize(
    "body",
    [{"Result": {"Nested": [1]}}, {}, [], [{}], [{}, {}], None, "cart", 7, [[]], [None],
     {"OrderKey": "k", "CartItemList": {}}, cart(7), {"OrderKey": "k", "CartItemList": "x"},
     cart(LINE | {"CartItemID": None}), cart(LINE | {"CartItemID": True}),
     cart(LINE | {"CatalogID": "1,5"}), cart(LINE | {"CatalogID": 1.5}),
     cart(LINE | {"ItemUnitPrice": Decimal("1e999")})],
)  # fmt: skip
def test_what_is_not_a_cart_is_not_taken_for_one(body: object) -> None:
    with pytest.raises(StoreBadResponse):
        read(body)


@pytest.mark.parametrize(
    "named",
    [{"OrderKey": "other"}, {"OrderKey": "K"}, {"OrderKey": 7}, {"OrderKey": ""}, {"OrderKey": ["k"]},
     {"OrderKey": None}, {}, {"CheckoutURL": "https://shop.example/continue_order.asp?orderkey=k"}],
)  # fmt: skip
def test_cart_of_another_key_or_of_none_is_refused(named: dict[str, Any]) -> None:
    with pytest.raises(StoreBadResponse):
        read([{"CartItemList": [LINE], **named}])


def test_documented_sample_says_of_no_cart_that_it_is_empty() -> None:
    with pytest.raises(StoreBadResponse):
        read({"CustomerId": 1, "BillingFirstName": "Ada", "ShipmentCity": "Tamarac"})


def test_cart_that_names_a_line_twice_is_refused() -> None:
    with pytest.raises(StoreBadResponse):
        read(cart(LINE, LINE | {"CatalogID": 3828, "CartItemID": "7"}))


@pytest.mark.parametrize(
    "line",
    [{"ItemUnitPrice": Decimal("1e31")}, {"ItemQuantity": "9" * 32},
     {"ItemOptionPrice": Decimal("-1e31")}, {"ItemQuantity": Decimal("1e-31")},
     {"ItemUnitPrice": Decimal("1." + "3" * 5000)}, {"ItemQuantity": "0." + "3" * 5000}],
    ids=lambda line: repr(line)[:40],
)  # fmt: skip
def test_numbers_longer_than_any_price_are_a_bad_response(line: dict[str, Any]) -> None:
    with pytest.raises(StoreBadResponse):
        read(cart(LINE | line))


@pytest.mark.parametrize("name", ["ItemQuantity", "ItemUnitPrice", "ItemOptionPrice"])
@pytest.mark.parametrize(
    "text",
    ["1,234.50", "many", "$9.99", "NaN", "1 000", " ", "Call us today for a price: 1-800-555-0199",
     True, [], [1], {"Amount": 1}],
)  # fmt: skip
def test_line_whose_number_cannot_be_read_is_marked_and_the_others_are_as_they_are(
    name: str, text: object
) -> None:
    odd, mug = read(cart(LINE | {"CartItemID": 6, name: text}, LINE)).items

    assert (odd.item_id, odd.name, odd.state) == ("6", "Mug", "unreadable")
    assert (mug, mug.state) == (read(cart(LINE)).items[0], "in_store")
    assert type(odd).from_json(odd.as_json()) == odd


@pytest.mark.parametrize("zero", ["-0", "-0.00", Decimal("-0.0"), Decimal("-0.001"), "-1e-9"])
def test_minus_zero_is_read_as_zero(zero: object) -> None:
    numbers = {"ItemUnitPrice": zero, "ItemQuantity": Decimal("0.5")}
    (line,) = read(cart(LINE | numbers)).items

    assert str(line.line_total) == "0.00"
    assert str(with_sku(Price="-0.00").price) == "0.00"


@pytest.mark.parametrize(
    "broken",
    [{"ItemQuantity": None}, {"ItemQuantity": ""}, {"ItemQuantity": -1}, {"ItemQuantity": "-0.5"},
     {"ItemUnitPrice": None, "ItemOptionPrice": None}, {"ItemUnitPrice": "", "ItemOptionPrice": ""}],
)  # fmt: skip
def test_line_that_lacks_a_number_or_has_an_impossible_one_is_marked(broken: Any) -> None:
    odd, mug = read(cart(LINE | {"CartItemID": 6} | broken, LINE)).items

    assert (odd.item_id, odd.state, mug.state) == ("6", "unreadable", "in_store")
    assert odd.quantity > 0


@pytest.mark.parametrize("line_id", [-1, "-7", 10**18, "9" * 19])
def test_line_whose_id_no_request_could_name_is_refused(line_id: object) -> None:
    with pytest.raises(StoreBadResponse):
        read(cart(LINE | {"CartItemID": line_id}))


@given(st.decimals(allow_nan=False), st.decimals(allow_nan=False))
@example(Decimal("1e27"), Decimal(1))
@example(Decimal("1e15"), Decimal("1e15"))
@example(Decimal(1), Decimal("1e29"))
def test_any_price_and_quantity_are_read_or_refused(price: Decimal, quantity: Decimal) -> None:
    try:
        (line,) = read(cart(LINE | {"ItemUnitPrice": price, "ItemQuantity": quantity})).items
    except StoreBadResponse:
        return
    total = line.line_total
    assert total == USD.round(total)


@pytest.mark.parametrize("product", [{"CatalogID": 0}, {"CatalogID": None}, {"CatalogID": ""}, {}])
def test_lines_keep_the_stores_order_and_discounts_their_sign(product: dict[str, Any]) -> None:
    discount = {"CartItemID": 9, "ItemQuantity": 1, "ItemOptionPrice": "-5.005", **product}

    first, second = read(cart(LINE, discount)).items

    assert (first.item_id, second.item_id) == ("7", "9")
    assert (second.catalog_id, second.state) == (0, "in_store")
    assert str(second.line_total) == "-5.01"
    assert str(second.option_price) == "-5.005"


@pytest.mark.parametrize(
    ("name", "price", "derived"),
    [("Bundle Item: Mug", 0, True), ("KIT ITEM: Mug", 0, True), ("Bundle Item: Mug", 3, False),
     ("Mug", 0, False)],
)  # fmt: skip
def test_free_parts_of_a_bundle_are_marked(name: str, price: int, derived: bool) -> None:
    part = LINE | {"ItemDescription": name, "ItemUnitPrice": price}

    (line,) = read(cart(part)).items

    assert line.derived is derived


PRODUCT = {
    "SKUInfo": {"CatalogID": 3828, "SKU": "T", "Name": "Shirt &amp; tie", "Cost": Decimal("1.23"),
                "Price": 20, "SalePrice": Decimal("15.5"), "OnSale": False, "Stock": 4},
    "OptionSetList": [
        {"OptionSetID": 2, "OptionSetName": "Colour", "OptionSorting": 2, "OptionType": "Radio",
         "OptionList": None},
        {"OptionSetID": 1, "OptionSetName": "Size", "OptionSorting": 1, "OptionType": "Dropdown",
         "OptionRequired": True, "OptionList": [
             {"OptionID": 5, "OptionName": "L", "OptionSorting": 9, "OptionValue": "2.5"},
             {"OptionID": 4, "OptionName": "S", "OptionSorting": 1, "OptionSelected": True},
             {"OptionID": 6, "OptionName": "Secret", "OptionHide": True}]},
    ],
    "MinimumQuantity": 0,
    "MaximumQuantity": 10,
}  # fmt: skip


def read_product(**changes: Any) -> Any:
    return wire.read_product([PRODUCT | changes], 3828, LINKS, USD)


def with_sku(**changes: Any) -> Any:
    return read_product(SKUInfo={**PRODUCT["SKUInfo"], **changes})  # type: ignore[dict-item]


def test_product_shows_what_a_button_needs_and_nothing_hidden() -> None:
    product = read_product()

    sizes, colours = product.option_sets
    assert (product.catalog_id, product.name, str(product.price)) == (3828, "Shirt & tie", "20.00")
    assert product.list_price is None
    assert (product.minimum_quantity, product.maximum_quantity) == (None, 10)
    assert (sizes.name, sizes.required, colours.name, colours.options) == (
        "Size",
        True,
        "Colour",
        (),
    )
    assert [(each.option_id, str(each.price_difference)) for each in sizes.options] == [
        (4, "0.00"),
        (5, "2.50"),
    ]
    assert "1.23" not in repr(product)


@pytest.mark.parametrize("nothing", [0, "0", -1])
def test_choice_that_no_request_could_name_is_not_offered(nothing: object) -> None:
    (size,) = [each for each in PRODUCT["OptionSetList"] if each["OptionSetID"] == 1]  # type: ignore[attr-defined]
    first = {"OptionID": nothing, "OptionName": "Please choose", "OptionSelected": True}

    product = read_product(OptionSetList=[size | {"OptionList": [first, *size["OptionList"]]}])

    (sizes,) = product.option_sets
    assert [each.option_id for each in sizes.options] == [4, 5]


@pytest.mark.parametrize("catalog_id", [3829, "3829", None, "shirt"])
def test_another_product_is_refused_hidden_or_not(catalog_id: object) -> None:
    for hidden in (False, True):
        with pytest.raises(StoreBadResponse):
            read_product(SKUInfo={**PRODUCT["SKUInfo"], "CatalogID": catalog_id}, Hide=hidden)  # type: ignore[dict-item]


def test_product_on_sale_has_its_sale_price_and_the_regular_one() -> None:
    product = with_sku(OnSale=True)

    assert (str(product.price), str(product.list_price)) == ("15.50", "20.00")


YES, NO = (
    [True, "true", "True", 1, "1", Decimal("1.0"), " yes "],
    [False, "False", 0, "0", "no", "", None],
)
NEITHER = ["perhaps", 2, [], {}, "-"]


@pytest.mark.parametrize("value", [*YES, *NO, *NEITHER], ids=repr)
def test_yes_and_no_are_read_in_every_spelling_and_nothing_else_is(value: Any) -> None:
    sets: Any = PRODUCT["OptionSetList"]
    size = sets[1] | {"OptionRequired": value}
    size["OptionList"] = [each | {"OptionHide": value} for each in size["OptionList"]]
    readings = [
        (lambda: read_product(Hide=value) is None),
        (lambda: read_product(NotForSale=value) is None),
        (lambda: with_sku(OnSale=value).list_price is not None),
        (lambda: read_product(OptionSetList=[size]).option_sets[0].required),
        (lambda: not read_product(OptionSetList=[size]).option_sets[0].options),
        (lambda: read_product(AllowFractionalQuantity=value).fractional_quantity),
    ]

    for reading in readings:
        if value in NEITHER:
            with pytest.raises(StoreBadResponse):
                reading()
        else:
            assert reading() is (value in YES)


@pytest.mark.parametrize("price", [None, "", -1, "-0.01"])
def test_product_without_a_price_is_not_free(price: object) -> None:
    with pytest.raises(StoreBadResponse):
        with_sku(Price=price)


@pytest.mark.parametrize("price", [None, ""])
def test_product_on_sale_without_a_sale_price_keeps_its_regular_one(price: object) -> None:
    product = with_sku(OnSale=True, SalePrice=price)

    assert (str(product.price), product.list_price) == ("20.00", None)


@pytest.mark.parametrize(
    ("changes", "stock", "available"),
    [
        ({}, 4, True), ({}, 0, False), ({}, -3, False), ({}, None, True),
        ({"InventoryControl": 2}, 0, True), ({"InventoryControl": "2"}, 0, True),
        ({"AdvancedOptionList": [{"AdvancedOptionStock": 0}, {"AdvancedOptionStock": 1}]}, 0, True),
        ({"AdvancedOptionList": [{"AdvancedOptionStock": 0}]}, 9, False),
        ({"AdvancedOptionList": []}, 9, True),
    ],
)  # fmt: skip
def test_availability_follows_the_stock_of_product_or_variants(
    changes: dict[str, Any], stock: int | None, available: bool
) -> None:
    product = read_product(SKUInfo={**PRODUCT["SKUInfo"], "Stock": stock}, **changes)  # type: ignore[dict-item]

    assert product.available is available


@pytest.mark.parametrize(
    ("type_", "kind"),
    [("Dropdown", "single"), ("radio", "single"), ("Checkbox", "multiple"), ("Text", "text"),
     ("TextArea", "multiline"), ("Text Area", "multiline"), ("Title", "heading"),
     ("File", "unsupported"), ("OneTimeFee", "unsupported"), ("Hologram", "unsupported"),
     ("", "unsupported"), (None, "unsupported")],
)  # fmt: skip
@pytest.mark.parametrize("options", [None, [], [{"OptionID": 41, "OptionName": "Your text"}]])
def test_type_of_an_option_set_decides_its_kind(
    type_: str | None, kind: str, options: list[object] | None
) -> None:
    lettering = {"OptionSetID": 21, "OptionSetName": "Lettering", "OptionType": type_,
                 "OptionSizeLimit": 12, "OptionList": options}  # fmt: skip

    (read,) = read_product(OptionSetList=[lettering]).option_sets

    assert read.kind == kind
    assert read.max_length == (12 if kind in ("text", "multiline") else None)
    assert [each.option_id for each in read.options] == ([41] if options else [])


def combination(code: object, stock: object = 1, price: object = 0, sku: str = "") -> Any:
    return {"AdvancedOptionCode": code, "AdvancedOptionStock": stock,
            "AdvancedOptionPrice": price, "AdvancedOptionSufix": sku}  # fmt: skip


def test_variants_have_their_own_stock_price_and_sku() -> None:
    rows = [combination("4", 3, "32.99", "-S"), combination(5, 0, 0, "SKU02"), combination("4-5")]

    small, large, both = read_product(AdvancedOptionList=rows).variants

    assert (small.option_ids, small.available, str(small.unit_price)) == ((4,), True, "32.99")
    assert (large.option_ids, large.available, large.unit_price) == ((5,), False, None)
    assert (small.sku, large.sku, both.sku, both.option_ids) == ("T-S", "SKU02", None, (4, 5))


@pytest.mark.parametrize("code", ["6", "4-6", "9", "4-", "x", "", None, "4--5", "\u0664", "9" * 40])
def test_variant_that_cannot_be_chosen_is_ignored(code: object) -> None:
    assert read_product(AdvancedOptionList=[combination(code)]).variants == ()


def test_variants_of_hidden_options_make_nothing_available() -> None:
    rows = [combination("4", 0), combination("6", 5)]

    assert read_product(AdvancedOptionList=rows).available is False


@pytest.mark.parametrize(
    ("changes", "quantities"),
    [({}, (None, 10, None)), ({"MinimumQuantity": 6, "AllowOnlyMultiples": True}, (6, 10, 6)),
     ({"AllowOnlyMultiples": True}, (None, 10, None)), ({"MinimumQuantity": 6}, (6, 10, None)),
     ({"QuantityOptions": "2,4, 8"}, (2, 8, 2)), ({"QuantityOptions": "1,2,5"}, (1, 5, 1)),
     ({"QuantityOptions": "6"}, (6, 6, None)), ({"QuantityOptions": "5,10,20"}, (5, 10, 5)),
     ({"QuantityOptions": "a,b"}, (None, 10, None)), ({"QuantityOptions": None}, (None, 10, None)),
     ({"MinimumQuantity": "0.5"}, (1, 10, None)),
     ({"MinimumQuantity": "0.5", "AllowFractionalQuantity": True, "AllowOnlyMultiples": True},
      (Decimal("0.5"), 10, Decimal("0.5"))),
     ({"MinimumQuantity": "1e-30", "AllowFractionalQuantity": True, "AllowOnlyMultiples": True},
      (Decimal("0.0001"), 10, Decimal("0.0001")))],
)  # fmt: skip
def test_minimum_maximum_and_step_come_from_what_the_store_allows(
    changes: dict[str, Any], quantities: tuple[object, ...]
) -> None:
    read = read_product(OptionSetList=[], **changes)

    assert (read.minimum_quantity, read.maximum_quantity, read.quantity_step) == quantities
    assert isinstance(judge(read, NewItem(3828, Decimal(10))), Offer | Refusal)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ([{"Key": "Error", "Status": "400", "Message": "No &amp; no"}], (400, "No & no")),
        ({"Key": "Error", "Status": 404}, (404, "")),
        ({"Key": "ERROR", "Status": "\u0664\u0660\u0660"}, (None, "")),
        ({"Key": "Error", "Status": "200"}, (None, "")),
        ({"Key": "Error", "Status": "000"}, (None, "")),
        ({"Key": "Error"}, (None, "")),
        ({"Message": "x"}, (None, "x")),
        ({"Message": 7}, (None, "")),
        ({"Message": "x", "OrderKey": "k"}, None),
        ([{"Key": "OrderKey", "Value": "k", "Status": "400", "Message": "x"}], None),
        ([], None), ({}, None), ("Error", None), (None, None),
    ],
)  # fmt: skip
def test_error_envelope_is_recognized(body: object, expected: object) -> None:
    assert wire.read_error(body) == expected


ELSEWHERE = [
    "javascript:alert(1)", "data:text/html,x", "http://[bad", "", "//evil.example/phish",
    "https://shop@evil.example/", "https://evil.example/", "http://shop.example/x",
    "https://user:pw@shop.example/", "https://shop.example:444/", "https://shop.example:x/",
    "https://shop.example.evil.example/", "https://evilshop.example/", "https://pay.example/",
    "\\\\evil.example\\x", "/\\evil.example/", "https://shop.example\\@evil.example/",
    "https:\\\\evil.example", "https://shop.example.", "https:///evil.example/", "///evil.example/",
    "https://shop.example\u3002evil.example/", "https://\uff53hop.example/", "ftp://shop.example/x",
    "https://evil.example#shop.example", "https://localhost/", "http://localhost.evil.example/",
    "a" * 5000,
]  # fmt: skip


@pytest.mark.parametrize("url", ELSEWHERE)
def test_addresses_of_other_hosts_are_dropped(url: str) -> None:
    (line,) = read(cart(LINE | {"ItemImage1": url})).items
    option = {"OptionID": 41, "OptionName": "M", "OptionImagePath": url}
    product = read_product(
        ProductLink=url,
        MainImageFile=url,
        ThumbnailFile=url,
        OptionSetList=[{"OptionSetID": 21, "OptionSetName": "Size", "OptionList": [option]}],
    )
    checkout = read([{"OrderKey": "k", "CheckoutURL": url}]).checkout_url

    shown = {line.image_url, product.product_url, product.image_url, checkout}
    shown |= {each.image_url for each in product.option_sets[0].options}
    # A relative path of any form stays on the shop's own site.
    assert all(each is None or each.startswith("https://shop.example/") for each in shown)
    assert shown == {None} or "//" not in url or "///" in url


@pytest.mark.parametrize(
    ("url", "absolute"),
    [("/assets/a b.jpg", "https://shop.example/assets/a b.jpg"), ("a.jpg", "https://shop.example/a.jpg"),
     ("//shop.example/a", "https://shop.example/a"), ("HTTPS://Shop.Example:443/a", None),
     ("https://shop.example:443/a?b#c", None), ("https://pay.example:8443/é", None)],
)  # fmt: skip
def test_addresses_of_the_stores_hosts_are_compared_as_origins_are(
    url: str, absolute: str | None
) -> None:
    product = read_product(ProductLink=url, MainImageFile=url)

    assert product.product_url is not None
    assert product.product_url.lower() == product.image_url.lower() == (absolute or url).lower()


@pytest.mark.parametrize("host", ["shop.example:443", "SHOP.example", "shop.example"])
def test_default_port_does_not_make_another_host(host: str) -> None:
    links = Links("https://www.example/", [host])

    assert links.checkout("https://shop.example/pay") == "https://shop.example/pay"
    assert links.checkout("https://shop.example:443/pay") == "https://shop.example:443/pay"
    assert links.checkout("https://shop.example:80/pay") is None
    assert links.checkout("https://www.example/pay") is None
    assert links.absolute("https://www.example/a") == "https://www.example/a"


@pytest.mark.parametrize("shop", ["http://localhost:8001/", "http://127.0.0.1:8001/", "http://[::1]:8001/", "http://s.localhost:8001/"])  # fmt: skip
def test_plain_http_is_accepted_only_on_this_machine(shop: str) -> None:
    links = Links(shop, [shop.split("/")[2]])

    assert links.absolute("a.jpg") == f"{shop}a.jpg"
    assert links.checkout(f"{shop}pay") == f"{shop}pay"
    assert Links("http://shop.example/", ["shop.example"]).absolute("a.jpg") is None


EMPTY = ["", " ", "&nbsp;", "<br>", "<img src=x>", "<!-- x -->", "<script>x</script>", "\u200b", "&#8203;",
         "<a b=\"Mug", "\x07", "\u202e"]  # fmt: skip


@pytest.mark.parametrize("text", EMPTY)
def test_names_that_show_nothing_are_replaced(text: str) -> None:
    lines = [LINE | {"ItemDescription": text}, LINE | {"ItemDescription": text, "ItemID": text}]
    named, nameless = read(cart(lines[0], lines[1] | {"CartItemID": 8})).items
    option = {"OptionID": 41, "OptionName": text}
    product = read_product(
        SKUInfo={**PRODUCT["SKUInfo"], "Name": text, "SKU": text},  # type: ignore[dict-item]
        OptionSetList=[{"OptionSetID": 21, "OptionSetName": text, "OptionList": [option]}],
    )

    assert (named.name, nameless.name, product.name) == ("MUG", "Product 3829", "Product 3828")
    (option_set,) = product.option_sets
    assert (option_set.name, option_set.options[0].name) == ("Option 21", "Choice 41")


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from([*LINE, "CartItemList", "OrderKey", "CheckoutURL"]) | st.text(max_size=5),
        inner, max_size=5,
    ),
    max_leaves=12,
)  # fmt: skip


@given(json)
def test_whatever_comes_is_a_cart_or_a_bad_response(body: object) -> None:
    for reader in (read, lambda each: wire.read_product(each, 3828, LINKS, USD)):
        try:
            reader(body)
        except StoreBadResponse:
            continue
    wire.read_error(body)


ORDER: dict[str, Any] = {
    "OrderID": 100_003,
    "OrderStatusID": 1,
    "ContinueURL": "https://shop.example/continue_order.asp?orderkey=QEs4aVy2xedQZye100003",
    "OrderAmount": 99.0,
    "OrderItemList": [
        {"ItemIndexID": 31, "ItemQuantity": Decimal("2.0"), "ItemUnitPrice": Decimal("19.99"),
         "ItemOptionPrice": Decimal("0.5")},
        {"ItemIndexID": "32", "ItemQuantity": "0.5", "ItemUnitPrice": "4.25"},
    ],
}  # fmt: skip


def test_order_names_its_cart_its_lines_and_what_was_bought() -> None:
    for body in (ORDER, [ORDER]):
        order = wire.read_order(body, 100_003, Currency("USD"))

        assert order.order_keys == ("QEs4aVy2xedQZye", "QEs4aVy2xedQZye100003")
        assert order.line_ids == ("31", "32")
        assert (order.item_count, str(order.subtotal)) == (Decimal("2.5"), "43.11")
        assert order.is_placed
        assert "QEs4" not in repr(order)


@pytest.mark.parametrize(
    "link",
    [None, "", "?", "http://[", "https://shop.example/x?y=z", "a&b=" * 99, "/?orderkey=\ud800",
     "/?orderkey=%00", "/?orderkey=" + "k" * 99],
)  # fmt: skip
def test_order_without_a_link_has_no_key(link: str | None) -> None:
    order = wire.read_order({**ORDER, "ContinueURL": link}, 100_003, Currency("USD"))

    assert order.order_keys == ()


@pytest.mark.parametrize("status", [7, "7", Decimal("7.0"), "7.00", " 7"])
def test_order_that_is_not_completed_is_not_placed(status: object) -> None:
    assert not wire.read_order(
        {**ORDER, "OrderStatusID": status}, 100_003, Currency("USD")
    ).is_placed


@pytest.mark.parametrize(
    "changes",
    [{"OrderID": 100_004}, {"OrderID": None}, {"OrderItemList": {}}, {"OrderItemList": [7]},
     {"OrderStatusID": [7]}, {"OrderStatusID": "Not Completed"}, {"OrderStatusID": True},
     {"OrderItemList": [{"ItemQuantity": "1,234.50"}]},
     {"OrderItemList": [{"ItemQuantity": 1, "ItemUnitPrice": 10**13}]}],
)  # fmt: skip
def test_order_that_is_another_or_unreadable_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(StoreBadResponse):
        wire.read_order({**ORDER, **changes}, 100_003, Currency("USD"))
