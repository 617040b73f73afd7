"""The OpenAPI document is valid, and can't drift from the routes."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from support.edge import Edge

from cartproxy.web.fields import LINE_ID
from cartproxy.web.forms import FORM_TYPES
from cartproxy.web.problem_kinds import CATALOGUE


@pytest.fixture(scope="module")
def document(edge: Edge) -> dict[str, Any]:
    answer: dict[str, Any] = edge.client.get("/openapi.json").get_json()
    return answer


def test_document_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    OpenAPIV31SpecValidator(document).validate()

    assert document["openapi"].startswith("3.1")


def test_every_route_of_the_api_is_described_and_nothing_else(
    edge: Edge, document: dict[str, Any]
) -> None:
    routes = {
        (re.sub(r"<([^>]+)>", r"{\1}", rule.rule), method.lower())
        for rule in edge.client.application.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule.startswith("/v1/")
    }
    described = {(path, method) for path, item in document["paths"].items() for method in item}

    assert routes == described
    assert len(routes) == 14


def test_every_problem_of_the_catalogue_is_described_and_has_a_page(
    edge: Edge, document: dict[str, Any]
) -> None:
    text = str(document["paths"])

    for code, kind in CATALOGUE.items():
        page = edge.client.get(f"/problems/{code}")
        assert page.status_code == 200
        assert kind.title in html.unescape(page.text)
    undescribed = {code for code in CATALOGUE if f"`{code}`" not in text}
    # These are answers of the server and of routing, outside any operation.
    assert undescribed == {
        "method-not-allowed",
        "address-too-long",
        "headers-too-large",
        "coding-not-supported",
    }


def test_refusal_of_a_media_type_names_all_that_forms_may_have(edge: Edge) -> None:
    answer = edge.client.post(
        "/v1/stores/demo/buy",
        json={"catalog_id": 3829},
        headers={"Origin": "https://blog.example", "Cartproxy-Client": "test/1"},
    )

    assert answer.status_code == 415
    for each in FORM_TYPES:
        assert each in answer.get_json()["detail"]
        assert f"`{each}`" in CATALOGUE["unsupported-media-type"].remedy


def test_quantities_are_described_with_their_limits(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]

    assert schemas["NewItem"]["properties"]["quantity"] == {
        "type": "number",
        "exclusiveMinimum": 0,
        "maximum": 100_000,
        "multipleOf": 0.0001,
        "default": 1,
    }
    assert schemas["NewItem"]["additionalProperties"] is False
    assert schemas["Quantity"]["properties"]["quantity"]["minimum"] == 0


def test_docs_page_shows_every_call_and_shape(edge: Edge, document: dict[str, Any]) -> None:
    page = edge.client.get("/docs").text

    for path, item in document["paths"].items():
        assert path in page
        for call in item.values():
            assert f'id="{call["operationId"]}"' in page
    for name in document["components"]["schemas"]:
        assert f'id="{name}"' in page
    assert not re.search(r"""(src|href|action)=["']?(https?:)?//""", page)
    assert "<script" not in page


def test_patterns_are_those_of_json_schema_and_not_of_python(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]

    assert (
        schemas["QuantityChange"]["properties"]["item_id"]["pattern"] == f"^(?:{LINE_ID.pattern})$"
    )
    assert "\\Z" not in str(document)
