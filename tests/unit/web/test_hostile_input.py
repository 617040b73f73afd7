"""Bad input gets a clear problem document, never a 500, and never reaches the store."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.edge import Edge

ITEM = '{"catalog_id":3829}'


def nested(depth: int) -> str:
    return '{"catalog_id":' + "[" * depth + "]" * depth + "}"


@pytest.mark.parametrize(
    "body",
    [
        '{"catalog_id":NaN}', '{"catalog_id":Infinity}', '{"quantity":-Infinity,"catalog_id":1}',
        nested(8000), '{"catalog_id":1,"catalog_id":2}', "", "{", "nonsense", b"\xff\xfe{}",
        '{"catalog_id":' + "9" * 5000 + "}", '{"catalog_id":1}{}', b'\xef\xbb\xbf{"catalog_id":1}',
    ],
    ids=lambda body: repr(body)[:40],
)  # fmt: skip
def test_what_is_not_one_json_document_is_400(edge: Edge, body: str | bytes) -> None:
    answer = edge.add(body)

    assert answer.status_code == 400, answer.text
    assert answer.get_json()["code"] == "malformed-json"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"catalog_id": True}, "/catalog_id"),
        ({"catalog_id": "3829"}, "/catalog_id"),
        ({"catalog_id": 3829.0}, "/catalog_id"),
        ({"catalog_id": 0}, "/catalog_id"),
        ({"catalog_id": -1}, "/catalog_id"),
        ({"catalog_id": 2**31}, "/catalog_id"),
        ({"catalog_id": None}, "/catalog_id"),
        ({}, "/catalog_id"),
        ({"catalog_id": 1, "quantity": 0}, "/quantity"),
        ({"catalog_id": 1, "quantity": -1}, "/quantity"),
        ({"catalog_id": 1, "quantity": 0.00001}, "/quantity"),
        ({"catalog_id": 1, "quantity": 1e9}, "/quantity"),
        ({"catalog_id": 1, "quantity": "1"}, "/quantity"),
        ({"catalog_id": 1, "quantity": True}, "/quantity"),
        ({"catalog_id": 1, "Price": 0}, "/Price"),
        ({"catalog_id": 1, "OrderKey": "x"}, "/OrderKey"),
        ({"catalog_id": 1, "CustomerId": 7}, "/CustomerId"),
        ({"catalog_id": 1, "a/b~c": 7}, "/a~1b~0c"),
        ({"catalog_id": 1, "options": [{"option_set_id": 1}]}, "/options/0/option_id"),
        ({"catalog_id": 1, "options": {}}, "/options"),
        ({"catalog_id": 1, "options": [{"option_set_id": 1, "option_id": 2, "value": "a\u0000b"}]},
         "/options/0/value"),
        ({"catalog_id": 1, "options": [{"option_set_id": 1, "option_id": 2, "value": "a\r\nb"}]},
         "/options/0/value"),
        ({"catalog_id": 1, "options": [{"option_set_id": 1, "option_id": 2, "value": "\ud800"}]},
         "/options/0/value"),
        ({"items": [{"catalog_id": 1}] * 51}, "/items"),
        ({"items": []}, "/items"),
        ({"items": [{"catalog_id": 1}, {"catalog_id": 0}]}, "/items/1/catalog_id"),
    ],
    ids=lambda value: repr(value)[:50],
)  # fmt: skip
def test_what_does_not_fit_is_422_with_a_pointer(
    edge: Edge, body: dict[str, Any], pointer: str
) -> None:
    answer = edge.add(json.dumps(body))

    problem = answer.get_json()
    assert (answer.status_code, problem["code"]) == (422, "invalid-request"), answer.text
    assert pointer in [error["pointer"] for error in problem["errors"]]


@pytest.mark.parametrize("number", ["1e400", "1E+999999", "1e99999999999999999999", "0.1e-400"])
def test_numbers_out_of_this_world_are_refused(edge: Edge, number: str) -> None:
    answer = edge.add(f'{{"catalog_id":1,"quantity":{number}}}')

    assert answer.status_code in (400, 422)


@pytest.mark.parametrize("body", ["[]", "3", '"x"', "null", "true"])
def test_body_that_is_no_object_is_422(edge: Edge, body: str) -> None:
    assert edge.add(body).status_code == 422


@pytest.mark.parametrize(
    ("part", "field", "length"),
    [("billing", "address", 200), ("billing", "zip_code", 20), ("billing", "company", 255),
     ("shipping", "last_name", 50), ("shipping", "company", 200), ("shipping", "city", 50)],
)  # fmt: skip
def test_address_fields_have_the_stores_own_limits(
    edge: Edge, part: str, field: str, length: int
) -> None:
    fits = edge.call("PATCH", "/cart", json={part: {field: "x" * length}})
    too_long = edge.call("PATCH", "/cart", json={part: {field: "x" * (length + 1)}})

    assert fits.status_code == 503
    assert too_long.status_code == 422
    assert too_long.get_json()["errors"][0]["pointer"] == f"/{part}/{field}"
    assert "x" * 21 not in too_long.text


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/json, text/plain",
                                          "application/x-www-form-urlencoded", "text/json"])  # fmt: skip
def test_other_content_types_are_415(edge: Edge, content_type: str) -> None:
    answer = edge.add(ITEM, content_type)

    assert (answer.status_code, answer.get_json()["code"]) == (415, "unsupported-media-type")


def test_charset_of_the_content_type_does_no_harm(edge: Edge) -> None:
    assert edge.add(ITEM, "application/json; charset=utf-8").status_code == 503


@pytest.mark.parametrize("item_id", ["..%2f", "1e3", "%D9%A3", "-1", "1" * 19, "1%00", "%20"])
@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_item_ids_that_are_none_are_404(edge: Edge, item_id: str, method: str) -> None:
    body = {"quantity": 1} if method == "PATCH" else None

    answer = edge.call(method, f"/cart/items/{item_id}", json=body)

    assert answer.status_code == 404
    assert answer.get_json()["code"] in ("item-not-found", "not-found")


@pytest.mark.parametrize("catalog_id", ["0", "-1", "1e3", "%D9%A3", "9" * 20, "x", "1.0"])
def test_catalog_ids_that_are_none_are_404(edge: Edge, catalog_id: str) -> None:
    answer = edge.call("GET", f"/products/{catalog_id}")

    assert (answer.status_code, answer.get_json()["code"]) == (404, "product-not-found")


def test_body_over_the_limit_is_413(edge: Edge) -> None:
    answer = edge.add('{"catalog_id":1,"options":["' + "x" * 70_000 + '"]}')

    assert (answer.status_code, answer.get_json()["code"]) == (413, "body-too-large")


def test_read_with_a_body_is_400(edge: Edge) -> None:
    answer = edge.call("GET", "/cart", data="x")

    assert (answer.status_code, answer.get_json()["code"]) == (400, "malformed-request")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("PUT", "/cart", 405), ("POST", "/products/1", 405), ("GET", "/cart/items", 405),
     ("GET", "/nothing", 404), ("GET", "/cart/", 404), ("GET", "//cart", 404), ("DELETE", "/cart/items", 405)],
)  # fmt: skip
def test_addresses_and_methods_that_are_none_are_told(
    edge: Edge, method: str, path: str, status: int
) -> None:
    answer = edge.call(method, path)

    problem = answer.get_json()
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    assert problem.keys() >= {
        "type",
        "title",
        "status",
        "detail",
        "code",
        "request_id",
        "retryable",
    }
    if status == 405:
        assert answer.headers["Allow"]


@pytest.mark.parametrize("request_id", ["short", "x" * 65, "with space in it", "a;b;c;d;e"])
def test_request_id_is_taken_over_only_when_it_is_plain(edge: Edge, request_id: str) -> None:
    given = edge.call("GET", "/cart", headers={"X-Request-Id": request_id})
    plain = edge.call("GET", "/cart", headers={"X-Request-Id": "plain-id_01"})

    assert given.headers["X-Request-Id"] != request_id
    assert plain.headers["X-Request-Id"] == "plain-id_01"


@pytest.mark.parametrize(
    "form",
    ["catalog_id=x", "catalog_id=1&catalog_id=2", "catalog_id=1&quantity=0", "quantity=1",
     "catalog_id=1&option-1=x", "catalog_id=1&option-x=1", "catalog_id=1&Price=0",
     "catalog_id=1&quantity=1e3", "catalog_id=%FF", "&".join(["a=1"] * 200)],
)  # fmt: skip
def test_forms_are_as_strict_as_json(edge: Edge, form: str) -> None:
    answer = edge.call("POST", "/buy", data=form, content_type="application/x-www-form-urlencoded")

    assert answer.status_code in (400, 422)
    assert answer.get_json()["code"] in ("invalid-request", "malformed-request")
