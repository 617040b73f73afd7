"""Hostile JSON and forms over HTTP: a clear answer, never a 500, never a store call."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.raw import CHUNKED, JSON, RawClient

CART = "/v1/stores/demo/cart"
FORM = "Content-Type: application/x-www-form-urlencoded"

# docs/store-api.md, Objects: the most characters of every field.
LIMITS = {
    "billing": {"first_name": 100, "last_name": 100, "company": 255, "address": 200, "address2": 50,
                "city": 100, "state": 100, "zip_code": 20, "country": 50, "phone": 30, "email": 100},
    "shipping": {"first_name": 100, "last_name": 50, "company": 200, "address": 255, "address2": 50,
                 "city": 50, "state": 100, "zip_code": 20, "country": 50, "phone": 30, "email": 100},
}  # fmt: skip
EVERY_FIELD = [(part, field, most) for part, each in LIMITS.items() for field, most in each.items()]


def send(raw: RawClient, call: str, body: bytes, kind: str = JSON) -> Any:
    return raw.send(call, kind, f"Content-Length: {len(body)}", body=body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"catalog_id":NaN}', b'{"catalog_id":1,"quantity":Infinity}', b'{"catalog_id":-Infinity}',
        b'{"catalog_id":' + b"[" * 8000 + b"]" * 8000 + b"}", b"[" * 30_000, b'{"a":' * 10_000,
        b'{"catalog_id":' + b"9" * 5000 + b"}", b'{"catalog_id":1,"quantity":' + b"1" * 60_000 + b"}",
        b'{"catalog_id":3829,"catalog_id":3829}', b'{"catalog_id":3829,"options":[{"a":1,"a":2}]}',
        b'{"catalog_id":3829,"catalog\\u005fid":1}', b'{"catalog_id":1,"quantity":1e99999999999999999999}',
        b"", b" ", b"{", b"nonsense", b"'a'", b'{"catalog_id":1,}', b"{catalog_id:1}", b'{"catalog_id":01}',
        b'{"catalog_id":0x1}', b'{"catalog_id":1}{}', b'{"catalog_id":1}\x00', b'\x00{"catalog_id":1}',
        b"\xef\xbb\xbf", b'{"catalog_id":\xff}', b'{"a":"\xed\xa0\x80"}', b'{"a":"\xc0\xaf"}',
        '{"catalog_id":3829}'.encode("utf-16"), b'{"catalog_id":\xd9\xa3}', b'{"a":"\n"}', b'{"a":"\x00"}',
        b"/**/{}", b"catalog_id=3829", b"\xff\xfe{}", b'\xef\xbb\xbf\xef\xbb\xbf{"catalog_id":1}',
    ],
    ids=lambda body: repr(body)[:40],
)  # fmt: skip
def test_what_is_not_one_json_document_is_400(raw: RawClient, body: bytes) -> None:
    answer = send(raw, f"POST {CART}/items", body)

    assert (answer.status, answer.code) == (400, "malformed-json")
    raw.assert_store_untouched()


@pytest.mark.parametrize(
    "quantity",
    ["0", "-1", "-0", "0.0", "0.00001", "1.00001", "1e9", "1e400", "1E+999999", "1e-400", "0.1e-400", "true",
     '"1"', "null", "[]", "{}", "100000.0001", "-1e-400", "1" * 4000],
)  # fmt: skip
def test_invalid_quantities_are_422(raw: RawClient, quantity: str) -> None:
    added = send(raw, f"POST {CART}/items", f'{{"catalog_id":3829,"quantity":{quantity}}}'.encode())

    assert (added.status, added.code) == (422, "invalid-request")
    raw.assert_store_untouched()


@pytest.mark.parametrize(
    ("call", "document"),
    [
        *[("POST /items", {"catalog_id": 1, name: 1}) for name in
          ("Price", "OrderKey", "CustomerId", "ItemUnitPrice", "unknown", "", "__proto__", "a\nb", "\ud800")],
        *[("PATCH ", {name: {}}) for name in ("OrderKey", "CustomerId", "customer_id", "Billing")],
        ("PATCH ", {"billing": {"customer_id": 7}}),
        ("PATCH ", {"billing": {"BillingFirstName": "x"}}),
        ("PATCH ", {"billing": None}),
        ("PATCH ", {"billing": []}),
        ("DELETE ", {"OrderKey": "x"}),
        ("POST /items", {"catalog_id": True}),
        ("POST /items", {"catalog_id": 1, "quantity": True}),
        ("POST /items", {"catalog_id": 2**31}),
        ("POST /items", {"catalog_id": 1e3}),
        ("POST /items", {"items": [{"catalog_id": 3829}] * 51}),
        ("POST /items", {"items": [{"catalog_id": 3829}], "catalog_id": 3829}),
        ("POST /items", {"items": {}}),
        ("POST /items", {"catalog_id": 1, "options": [{"option_set_id": 1, "option_id": 1}] * 31}),
        ("POST /items", {"catalog_id": 1, "options": [{"option_set_id": 1, "option_id": 1, "value": "x" * 256}]}),
        ("POST /items", {"catalog_id": 1, "options": [{"option_set_id": 1, "option_id": 1, "price": 0}]}),
        ("PATCH /items", {"items": [{"item_id": "1", "quantity": 1}] * 51}),
        ("PATCH /items", {"items": [{"item_id": "\u0663", "quantity": 1}]}),
        ("PATCH /items", {"items": [{"item_id": "1\n", "quantity": 1}]}),
        ("PATCH /items", {"items": [{"item_id": "../1", "quantity": 1}]}),
        ("PATCH /items", {"items": [{"item_id": 1, "quantity": 1}]}),
        ("PATCH /items", {"items": [{"item_id": "1" * 19, "quantity": 1}]}),
    ],
    ids=repr,
)  # fmt: skip
def test_what_does_not_fit_is_422(raw: RawClient, call: str, document: object) -> None:
    method, _, path = call.partition(" ")

    answer = send(raw, f"{method} {CART}{path}", json.dumps(document).encode())

    assert (answer.status, answer.code) == (422, "invalid-request")
    assert all(each["detail"] for each in answer.json()["errors"])
    raw.assert_store_untouched()


@pytest.mark.parametrize(
    "text",
    [
        "a\0b",
        "a\r\nb",
        "a\nX: y",
        "a\x7fb",
        "a\x85b",
        "\ud800",
        "a\udfffb",
        "\x1b[0m",
        "a\u2028b",
        "a\u2029b",
    ],
)
@pytest.mark.parametrize("place", ["billing", "shipping", "option"])
def test_control_characters_and_lone_surrogates_are_refused_in_every_text(
    raw: RawClient, text: str, place: str
) -> None:
    if place == "option":
        option = {"option_set_id": 1, "option_id": 1, "value": text}
        call, document = f"POST {CART}/items", {"catalog_id": 1, "options": [option]}
        answers = [send(raw, call, json.dumps(document).encode())]
    else:
        answers = [
            send(raw, f"PATCH {CART}", json.dumps({place: {field: text}}).encode())
            for field in LIMITS[place]
        ]

    for answer in answers:
        assert (answer.status, answer.code) == (422, "invalid-request")
    raw.assert_store_untouched()


@pytest.mark.parametrize(("part", "field", "most"), EVERY_FIELD)
def test_every_address_field_has_the_stores_own_limit_and_is_not_repeated(
    raw: RawClient, part: str, field: str, most: int
) -> None:
    too_long = send(
        raw, f"POST {CART}", json.dumps({part: {field: "\u00e4" * (most + 1)}}).encode()
    )
    raw.assert_store_untouched()
    end = "@x.example" if field == "email" else ""
    text = "\u00e4" * (most - len(end)) + end
    fits = send(raw, f"POST {CART}", json.dumps({part: {field: text}}).encode())

    assert (too_long.status, too_long.code) == (422, "invalid-request")
    assert [each["pointer"] for each in too_long.json()["errors"]] == [f"/{part}/{field}"]
    assert "\u00e4" not in too_long.body.decode()
    assert fits.status == 201


@pytest.mark.parametrize(
    "kind",
    ["", "text/plain", "text/json", "application/json, text/plain", "application/jsonx",
     "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml", "x" * 5000],
)  # fmt: skip
def test_other_or_missing_content_types_are_415(raw: RawClient, kind: str) -> None:
    lines = [f"Content-Type: {kind}"] if kind else []
    body = b'{"catalog_id":3829}'

    by_length = raw.send(f"POST {CART}/items", *lines, f"Content-Length: {len(body)}", body=body)
    by_chunks = raw.send(
        f"POST {CART}/items", *lines, CHUNKED, body=b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    )

    for answer in (by_length, by_chunks):
        assert (answer.status, answer.code) == (415, "unsupported-media-type")
    raw.assert_store_untouched()


@pytest.mark.parametrize(
    "form",
    [b"catalog_id=x", b"catalog_id=3829&catalog_id=3829", b"catalog_id=3829&quantity=0", b"quantity=1", b"",
     b"catalog_id=3829&quantity=1e3", b"catalog_id=3829&quantity=NaN", b"catalog_id=3829&quantity=-1",
     b"catalog_id=3829&Price=0", b"catalog_id=3829&OrderKey=x", b"catalog_id=%D9%A3", b"catalog_id=%FF",
     b"catalog_id=3829&option-1=2:a%1bb", b"catalog_id=3829&option-1=2:a%00b", b"catalog_id=3829&option-1=x", b"catalog_id=3829&option-x=1",
     b"catalog_id=3829&option-1=1:%ed%a0%80", b"catalog_id=3829&option-1=1:%81", b"catalog_id=3829&Price%81=1", b"catalog_id=3829%00", b"&".join([b"a=1"] * 200), b"\xff\xfe",
     b'{"catalog_id":3829}'],
)  # fmt: skip
def test_forms_are_as_strict_as_json(raw: RawClient, form: bytes) -> None:
    answer = send(raw, "POST /v1/stores/demo/buy", form, FORM)

    assert answer.status in (400, 422)
    assert answer.code in ("invalid-request", "malformed-request")
    raw.assert_store_untouched()
