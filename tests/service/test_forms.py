"""Without JavaScript: plain forms, a cookie, and 303 to the store."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

import pytest
import requests
from support.shopper import MUG, SHIRT, Shopper, Store

PLAQUE, TEA = 3841, 3834


def browser(proxy_url: str, **more: str) -> Shopper:
    return Shopper(proxy_url, bearer=None, **more)


def test_buy_form_makes_a_cart_adds_and_leads_to_the_checkout(proxy_url: str, store: Store) -> None:
    shopper = browser(proxy_url)

    answer = shopper.post_form("/buy", {"catalog_id": str(MUG), "quantity": "2"})

    assert answer.status_code == 303
    assert requests.get(answer.headers["Location"], timeout=60).status_code == 200
    (cart,) = store.carts()
    assert [(line["catalog_id"], line["quantity"]) for line in cart["lines"]] == [(MUG, 2)]
    assert store.kinds() == ["POST Cart", "POST Item", "GET Cart"]


def test_buy_form_takes_options(proxy_url: str, store: Store) -> None:
    answer = browser(proxy_url).post_form(
        "/buy", {"catalog_id": str(SHIRT), "quantity": "1", "option-1882": "12396:Small"}
    )

    assert answer.status_code == 303
    page = requests.get(answer.headers["Location"], timeout=60).text
    assert "Small" in page


def test_second_form_finds_the_same_cart_by_its_cookie(proxy_url: str, store: Store) -> None:
    shopper = browser(proxy_url)

    first = shopper.post_form("/buy", {"catalog_id": str(MUG)})
    second = shopper.post_form("/buy", {"catalog_id": str(MUG)})

    assert (first.status_code, second.status_code) == (303, 303)
    (cart,) = store.carts()
    assert sum(line["quantity"] for line in cart["lines"]) == 2


def test_cookie_also_serves_scripts_and_bearer_wins(proxy_url: str, store: Store) -> None:
    shopper = browser(proxy_url)
    shopper.add(MUG)

    by_cookie = shopper.cart()
    shopper.bearer = Shopper(proxy_url).bearer
    by_bearer = shopper.cart()

    assert by_cookie["item_count"] == 1
    assert by_bearer["items"] == []


def test_cookie_is_set_only_by_the_first_write(proxy_url: str) -> None:
    shopper = browser(proxy_url)

    read = shopper.call("GET", "/cart")
    written = shopper.call("POST", "/cart/items", {"catalog_id": MUG})

    assert "Set-Cookie" not in read.headers
    cookie = written.headers["Set-Cookie"]
    assert cookie.startswith("cartproxy=cpt1_")
    assert "HttpOnly" in cookie
    assert "Path=/" in cookie


def test_bearer_gets_no_cookie(shopper: Shopper) -> None:
    written = shopper.call("POST", "/cart/items", {"catalog_id": MUG})

    assert "Set-Cookie" not in written.headers


def test_checkout_form_is_sent_to_the_store(proxy_url: str, store: Store) -> None:
    shopper = browser(proxy_url)
    shopper.add(MUG)

    answer = shopper.post_form("/checkout", {})

    assert answer.status_code == 303
    assert answer.headers["Location"].startswith(f"{store.url}/continue_order.asp")
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"


def test_refused_form_gets_a_page_for_a_person(proxy_url: str, store: Store) -> None:
    refused = browser(proxy_url, origin="https://evil.example").post_form(
        "/buy", {"catalog_id": str(MUG)}
    )
    wrong = browser(proxy_url).post_form("/buy", {"catalog_id": "<script>", "Price": "0"})

    assert (refused.status_code, wrong.status_code) == (403, 422)
    for answer in (refused, wrong):
        assert answer.headers["Content-Type"].startswith("text/html")
        assert "<h1>" in answer.text
    assert "<script>" not in wrong.text
    assert store.calls() == []


def test_form_routes_take_no_json_without_the_client_header(proxy_url: str) -> None:
    answer = browser(proxy_url).call("POST", "/checkout", {}, headers={"Cartproxy-Client": ""})

    assert answer.json()["code"] == "client-header-missing"


def options_in_cart(shopper: Shopper) -> list[tuple[str, str]]:
    (line,) = shopper.cart()["items"]
    return [(each["name"], each["value"]) for each in line["options"]]


def test_buy_form_takes_every_kind_of_option(proxy_url: str) -> None:
    shopper = browser(proxy_url)
    fields: Any = [
        ("catalog_id", PLAQUE),
        ("option-1901-12501", "Ada"),
        ("option-1901-12502", " "),
        ("option-1902-12503", "Deep,\r\n\tplease\u2028"),
        ("option-1903", "12504:Screws"),
        ("option-1903", "12505:Gift wrap"),
    ]

    answer = shopper.post_form("/buy", fields)

    assert answer.status_code == 303
    assert options_in_cart(shopper) == [
        ("Lettering", "Ada"),
        ("Note", "Deep, please"),
        ("Extras", "Screws"),
        ("Extras", "Gift wrap"),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "windows-1252", "iso-8859-1"])
def test_form_of_a_page_in_another_encoding_is_read(proxy_url: str, encoding: str) -> None:
    shopper = browser(proxy_url)
    body = urlencode({"catalog_id": "3839", "option-1890-1890": "Für Ångström"}, encoding=encoding)

    answer = shopper.post_form("/buy", body)  # type: ignore[arg-type]

    assert answer.status_code == 303
    assert options_in_cart(shopper) == [("Engraving", "Für Ångström")]


@pytest.mark.parametrize(
    "foreign",
    [
        {"x": "12", "y": "7"}, {"submit": "Buy now"}, {"_wpnonce": "1a2b", "_wp_http_referer": "/"},
        {"utm_source": "mail"}, {"__VIEWSTATE": "dDw"}, {"email": ""},
        {"price_range": "1-5"}, {"idempotency_key": "f1"}, {"submit": "Hinzuf\xfcgen".encode("latin-1")},
    ],
)  # fmt: skip
def test_extra_form_fields_of_browsers_and_pages_are_ignored(
    proxy_url: str, foreign: dict[str, Any]
) -> None:
    answer = browser(proxy_url).post_form("/buy", {"catalog_id": str(MUG), **foreign})

    assert answer.status_code == 303


@pytest.mark.parametrize(
    "own", ["Price", "price", "OrderKey", "order_key", "CustomerId", "ItemUnitPrice", "Discount"]
)
def test_what_the_store_decides_is_refused_in_a_form(
    proxy_url: str, store: Store, own: str
) -> None:
    answer = browser(proxy_url).post_form("/buy", {"catalog_id": str(MUG), own: "0"})

    assert answer.status_code == 422
    assert store.calls() == []


@pytest.mark.parametrize(
    ("written", "means"),
    [
        ("", 1),
        ("1,5", 1.5),
        (".5", 0.5),
        ("1.", 1),
        (" 2", 2),
        ("+1", 1),
        ("2.00", 2),
        ("0,25", 0.25),
    ],
)
def test_quantity_is_understood_as_people_write_it(
    proxy_url: str, store: Store, written: str, means: float
) -> None:
    answer = browser(proxy_url).post_form("/buy", {"catalog_id": str(TEA), "quantity": written})

    assert answer.status_code == 303
    (cart,) = store.carts()
    assert [line["quantity"] for line in cart["lines"]] == [means]


@pytest.mark.parametrize("written", ["1,500", "-1", "two", "1e3", "1.2.3", "\u0663"])
def test_quantity_that_may_mean_something_else_is_refused(
    proxy_url: str, store: Store, written: str
) -> None:
    answer = browser(proxy_url).post_form("/buy", {"catalog_id": str(TEA), "quantity": written})

    assert answer.status_code == 422
    assert "quantity" in answer.text
    assert store.calls() == []


def test_double_click_counts_once_even_after_the_first_answer(proxy_url: str, store: Store) -> None:
    shopper = browser(proxy_url)
    shopper.add(MUG)

    answers = [shopper.post_form("/buy", {"catalog_id": str(MUG)}) for _ in range(3)]
    answers.append(shopper.post_form("/buy", {"catalog_id": str(MUG), "quantity": "2"}))

    assert [answer.status_code for answer in answers] == [303] * 4
    assert len({answer.headers["Location"] for answer in answers}) == 1
    assert shopper.cart()["item_count"] == 4


def test_double_click_on_a_form_counts_once_and_another_form_counts_too(
    proxy_url: str, store: Store
) -> None:
    shopper = browser(proxy_url)
    shopper.add(MUG)
    store.fail({"method": "POST", "path": "/Cart/*/Item", "fault": "latency", "ms": 300})
    forms = [{"catalog_id": str(MUG)}, {"catalog_id": str(MUG)}, {"catalog_id": "3837"}]

    with ThreadPoolExecutor() as threads:
        answers = list(threads.map(lambda form: shopper.post_form("/buy", form), forms))

    assert [answer.status_code for answer in answers] == [303, 303, 303]
    (cart,) = store.carts()
    assert sorted(line["catalog_id"] for line in cart["lines"]) == [MUG, MUG, 3837]


def multipart(*fields: tuple[str, bytes], boundary: str = "----x", file: str = "") -> bytes:
    """A form as browsers send it with `enctype="multipart/form-data"`."""
    more = f'; filename="{file}"' if file else ""
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode()
        + value + b"\r\n"
        for name, value in fields
    ]  # fmt: skip
    return b"".join(parts) + f"--{boundary}--\r\n".encode()


def post_multipart(shopper: Shopper, path: str, body: bytes, boundary: str = "----x") -> Any:
    kind = f"multipart/form-data; boundary={boundary}"
    return shopper.post_form(path, body, **{"Content-Type": kind})  # type: ignore[arg-type]


def test_form_may_be_sent_as_multipart_and_a_double_click_counts_once(
    proxy_url: str, store: Store
) -> None:
    shopper = browser(proxy_url)
    fields = [("catalog_id", b"%d" % MUG), ("quantity", b"2"), ("submit", b"Buy\r\nnow")]
    shopper.add(SHIRT, options=[{"option_set_id": 1882, "option_id": 12396, "value": "Small"}])

    answers = [
        post_multipart(shopper, "/buy", multipart(*fields, boundary=each), each) for each in "ab"
    ]
    checkout = post_multipart(shopper, "/checkout", multipart(("submit", b"Pay")))

    assert [answer.status_code for answer in (*answers, checkout)] == [303, 303, 303]
    assert shopper.cart()["item_count"] == 3


@pytest.mark.parametrize(
    "body",
    [
        multipart(("catalog_id", b"3829"), ("Price", b"0")),
        multipart(("catalog_id", b"3829"), ("option-5", b"x"), file="logo.png"),
        multipart(("catalog_id", b"3829"), ("catalog_id", b"3829")),
        multipart(("catalog_id", b"3829"))[:-4],
        multipart(*[(f"x{n}", b"1") for n in range(101)], ("catalog_id", b"3829")),
        multipart(("catalog_id", b"3829"), boundary="other"),
        b"catalog_id=3829",
        b"",
        b"\r" * 60_000,
    ],
    ids=lambda body: repr(body[-40:]),
)
def test_multipart_is_as_strict_as_any_form(proxy_url: str, store: Store, body: bytes) -> None:
    answer = post_multipart(browser(proxy_url), "/buy", body)

    assert answer.status_code in (400, 422)
    assert answer.headers["Content-Type"].startswith("text/html")
    assert store.calls() == []


@pytest.mark.parametrize(
    ("charset", "text"),
    [("windows-1251", "\u041f\u0440\u0438\u0432\u0435\u0442"), ("Shift_JIS", "\u30c6\u30b9\u30c8"),
     ("windows-1252", "\u00c3\u00a9"), ("UTF-8", "\u041f\u0440"), ("nonsense", "\u041f\u0440"),
     ("iso-8859-16", "\u0219i"), ("iso-8859-12", "\u041f\u0440"), ("ISO-8859-0", "\u041f\u0440")],
)  # fmt: skip
@pytest.mark.parametrize("is_multipart", [False, True])
def test_typed_text_is_read_in_the_encoding_that_the_form_names(
    proxy_url: str, charset: str, text: str, is_multipart: bool
) -> None:
    shopper = browser(proxy_url)
    is_known = charset not in ("nonsense", "iso-8859-12", "ISO-8859-0")
    typed = text.encode(charset if is_known else "utf-8")
    fields = [
        ("catalog_id", b"3839"),
        ("_charset_", charset.encode()),
        ("option-1890-1890", typed),
    ]

    if is_multipart:
        answer = post_multipart(shopper, "/buy", multipart(*fields))
    else:
        answer = shopper.post_form("/buy", dict(fields))  # type: ignore[arg-type]

    assert answer.status_code == 303, answer.text
    assert options_in_cart(shopper) == [("Engraving", text)]


@pytest.mark.parametrize(
    ("charset", "codec", "text"),
    [
        ("windows-874", "cp874", "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35"), ("Shift_JIS", "cp932", "\u9ad9\u6a4b\u2460"),
        ("EUC-KR", "cp949", "\ubdc1"), ("GBK", "gb18030", "\u20ac"), ("Big5", "big5hkscs", "\u88cf"),
        ("IBM866", "ibm866", "\u041f\u0440"), ("macintosh", "macintosh", "\u00e9"),
        ("x-mac-cyrillic", "mac-cyrillic", "\u041f\u0440"), ("ISO-8859-8-I", "iso-8859-8", "\u05e9\u05dc"),
        ("ISO-2022-JP", "iso2022_jp", "\u30c6\u30b9\u30c8"),
    ],
)  # fmt: skip
def test_encodings_are_those_of_browsers(
    proxy_url: str, charset: str, codec: str, text: str
) -> None:
    shopper = browser(proxy_url)
    fields: Any = {"_charset_": charset, "catalog_id": "3839", "x": b"\xff\x80"}

    answer = shopper.post_form("/buy", fields | {"option-1890-1890": text.encode(codec)})

    assert answer.status_code == 303, answer.text
    assert options_in_cart(shopper) == [("Engraving", text)]


@pytest.mark.parametrize("charset", [b"", b"windows-1252", b"Shift_JIS"])
def test_characters_that_the_pages_encoding_lacks_are_read(proxy_url: str, charset: bytes) -> None:
    """Browsers write them as references, which are longer than the texts that the store takes."""
    shopper = browser(proxy_url)
    text = "\u2460" * 40 + "\U0001f600"
    written = text.encode("ascii", "xmlcharrefreplace")
    fields: Any = {"_charset_": charset, "catalog_id": "3839", "submit": b"\xfc"}

    answer = shopper.post_form("/buy", fields | {"option-1890-1890": written})

    assert answer.status_code == 303, answer.text
    assert options_in_cart(shopper) == [("Engraving", text)]


def test_multipart_names_and_files_may_be_in_the_pages_encoding(
    proxy_url: str, store: Store
) -> None:
    foreign = multipart(("Hinzuf\u00fcgen", b"1")).replace("\u00fc".encode(), b"\xfc")
    file = multipart(("upload", b""), file="f\u00fcr.png").replace("\u00fc".encode(), b"\xfc")
    end = b"------x--\r\n"
    body = foreign.removesuffix(end) + file.removesuffix(end)

    answer = post_multipart(
        browser(proxy_url), "/buy", body + multipart(("catalog_id", b"%d" % MUG))
    )

    assert answer.status_code == 303, answer.text
