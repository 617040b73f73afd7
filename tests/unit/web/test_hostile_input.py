"""Bad input gets a clear problem document, never a 500, and never reaches the store."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.edge import Edge, steps

ITEM = '{"catalog_id":3829}'


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


def test_byte_order_mark_before_json_is_read_over(edge: Edge) -> None:
    assert edge.add(b"\xef\xbb\xbf" + ITEM.encode()).status_code == 503


def many(entry: str, times: int) -> str:
    """A JSON list."""
    return f"[{','.join([entry] * times)}]"


def filled(entry: str) -> str:
    """A JSON list as long as a body may be."""
    return many(entry, 60_000 // (len(entry) + 1))


def members(times: int) -> str:
    """Unknown fields of an object."""
    return ",".join(f'"x{number}":1' for number in range(times))


OPTION = '{"option_set_id":1,"option_id":2}'
THREE_UNKNOWN, NINETY_UNKNOWN = (f"{{{members(times)}}}" for times in (3, 90))
EMPTY_OPTIONS = f'{{"options":{many("{}", 30)}}}'
ENTRIES = ["{}", "1", "[]", "null", '"a"', '{"a":1}', '{"options":[{},{}]}', OPTION]


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize(
    ("method", "before", "after", "pointer"),
    [
        ("POST", '{"catalog_id":1,"options":', "}", "/options"),
        ("POST", '{"items":', "}", "/items"),
        ("POST", '{"items":[{"catalog_id":1,"options":', "}]}", "/items/0/options"),
        ("PATCH", '{"items":', "}", "/items"),
    ],
)
def test_list_that_is_too_long_is_one_error_and_nothing_in_it_is_looked_at(
    edge: Edge, method: str, before: str, after: str, pointer: str, entry: str
) -> None:
    body = before + filled(entry) + after

    answer = edge.call(method, "/cart/items", data=body, content_type="application/json")

    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.get_json()["errors"]] == [pointer]
    assert len(answer.data) < 1_000


@pytest.mark.parametrize(
    "body",
    [
        f'{{"items":{many("{}", 50)}}}',
        f'{{"items":{many(EMPTY_OPTIONS, 50)}}}',
        f'{{"catalog_id":1,"options":{many(THREE_UNKNOWN, 30)}}}',
        f'{{"catalog_id":1,{members(90)}}}',
        f'{{"items":{many("7", 50)}}}',
    ],
    ids=lambda body: body[:30],
)
def test_answer_names_twenty_errors_and_says_that_there_are_more(edge: Edge, body: str) -> None:
    answer = edge.add(body)

    problem = answer.get_json()
    assert answer.status_code == 422
    assert len(problem["errors"]) == 20
    assert "more errors" in problem["detail"]
    assert len(answer.data) < 5_000


def test_twenty_errors_are_all_and_no_word_of_more(edge: Edge) -> None:
    problem = edge.add(f'{{"items":{many("7", 20)}}}').get_json()

    assert len(problem["errors"]) == 20
    assert "more" not in problem["detail"]


@pytest.mark.parametrize(("before", "after"), [("{", "}"), ('{"items":[{', "}]}")])
def test_object_of_too_many_fields_is_one_error(edge: Edge, before: str, after: str) -> None:
    answer = edge.add(before + members(5_000) + after)

    assert answer.status_code == 422
    assert len(answer.get_json()["errors"]) == 1


@pytest.mark.parametrize(
    "body",
    [
        *(f'{{"items":{filled(entry)}}}' for entry in ENTRIES),
        *(f'{{"catalog_id":1,"options":{filled(entry)}}}' for entry in ENTRIES),
        f'{{"items":{many(EMPTY_OPTIONS, 50)}}}',
        f'{{"items":{many(NINETY_UNKNOWN, 50)}}}',
        f"{{{members(6_000)}}}",
        f'{{"quantity":0.{"0" * 60_000}1}}',
        f'{{"catalog_id":{"[" * 60_000}',
    ],
    ids=lambda body: body[:30],
)
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_no_refused_body_costs_as_much_as_fifty_plain_ones(
    edge: Edge, method: str, body: str
) -> None:
    def cost(data: str) -> int:
        return steps(edge, method, "/cart/items", data=data, content_type="application/json")

    assert cost(body) < 50 * cost('{"catalog_id":0}')


@pytest.mark.parametrize("part", ["billing", "shipping"])
@pytest.mark.parametrize(
    "email",
    ["not an email", "a b@x.example", "ab.example", "a@", "@x.example", "a@b@x.example", "a@x example",
     "a@x.example ", "a@x..example", "<a@x.example>", "a@x.example,b@x.example", "a", " ", "a@-x.example",
     "a@x.example\u200b", "a@x.example\u2028", "a@x\u00ad.example", "a@x.example\u00a0"],
)  # fmt: skip
@pytest.mark.parametrize("method", ["PATCH", "POST"])
def test_invalid_email_is_422_with_its_pointer(
    edge: Edge, part: str, email: str, method: str
) -> None:
    answer = edge.call(method, "/cart", json={part: {"email": email}})

    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.get_json()["errors"]] == [f"/{part}/email"]
    assert email.strip() == "" or len(email) < 3 or email not in answer.text


@pytest.mark.parametrize(
    "email", ["a@x.example", "first.last+tag@sub.x.example", "", "\u00e4@b\u00fccher.example", "o'b@x.co"]
)  # fmt: skip
def test_email_is_taken_and_an_empty_one_removes_it(edge: Edge, email: str) -> None:
    assert edge.call("PATCH", "/cart", json={"billing": {"email": email}}).status_code == 503


@pytest.mark.parametrize("body", ["[]", "3", '"x"', "null", "true"])
def test_body_that_is_not_an_object_is_422(edge: Edge, body: str) -> None:
    assert edge.add(body).status_code == 422


def test_charset_of_the_content_type_does_no_harm(edge: Edge) -> None:
    assert edge.add(ITEM, "application/json; charset=utf-8").status_code == 503


@pytest.mark.parametrize("catalog_id", ["0", "-1", "1e3", "%D9%A3", "9" * 20, "x", "1.0"])
def test_invalid_catalog_ids_are_404(edge: Edge, catalog_id: str) -> None:
    answer = edge.call("GET", f"/products/{catalog_id}")

    assert answer.status_code == 404
    assert answer.get_json()["code"] in ("product-not-found", "not-found")


def test_largest_catalog_id_that_can_be_added_can_be_asked_for(edge: Edge) -> None:
    asked = [edge.call("GET", f"/products/{2**31 - 1 + more}").status_code for more in (0, 1)]

    assert asked == [503, 404]  # no store answers in these tests


@pytest.mark.parametrize("unit", ["\t", " ", "a\tb", ",", ";q=", '"', "/"])
@pytest.mark.parametrize("path", ["/nothing", "/cart"])
def test_header_that_is_negotiated_costs_no_more_the_longer_it_is(
    edge: Edge, unit: str, path: str
) -> None:
    def cost(length: int) -> int:
        header = "a" + unit * length + "b"
        return steps(edge, "GET", path, headers={"Accept": header, "Accept-Encoding": header})

    assert cost(60_000) < 2 * cost(500)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("PUT", "/cart", 405), ("POST", "/products/1", 405), ("GET", "/cart/items", 405),
     ("GET", "/nothing", 404), ("GET", "/cart/", 404), ("GET", "//cart", 404), ("DELETE", "/cart/items", 405)],
)  # fmt: skip
def test_unknown_addresses_and_methods_are_404_and_405(
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
