"""A budget of work: neither what the OpenAPI document allows nor what it forbids costs much."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from support.edge import ORIGIN, Edge, steps
from support.edge import settings as edge_settings

from cartproxy.app import create_app
from cartproxy.settings_source import load
from cartproxy.web.openapi import operations

EXAMPLES = 60
MOST_TIMES = 50
UNLIMITED = {
    f"CARTPROXY_{name}_PER_MINUTE": "0"
    for name in ("ADDRESS_READS", "ADDRESS_WRITES", "ADDRESS_CREATES", "CART_READS", "CART_WRITES")
}
APP = create_app(load(edge_settings(**UNLIMITED)))
OPERATIONS = [
    (re.sub(r"<([^>]+)>", r"{\1}", rule.rule), method.lower())
    for rule, method, _ in operations(APP)
]


@pytest.fixture(scope="module")
def edge() -> Edge:
    """Its store is a closed port, and the breaker opens soon: only the edge's work is counted."""
    return Edge(APP.test_client())


@pytest.fixture(scope="module")
def document(edge: Edge) -> Iterator[Any]:
    return edge.client.get("/openapi.json").get_json()


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize(("path", "method"), [each for each in OPERATIONS if each[1] != "get"])
def test_no_request_that_the_document_allows_costs_as_much_as_fifty_plain_ones(
    edge: Edge, document: Any, path: str, method: str, mode: GenerationMode
) -> None:
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url="http://localhost:8000")
    place = path.removeprefix("/v1/stores/{store}")
    plain = steps(edge, "GET", "/cart")
    worst = 0

    @given(case=schema[path][method].as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def is_cheap(case: schemathesis.Case) -> None:
        nonlocal worst
        case.path_parameters = dict.fromkeys(case.path_parameters, "1")
        sent = case.as_transport_kwargs()
        headers = {
            name: str(value)
            for name, value in (case.headers or {}).items()
            if str(value).isascii() and str(value).isprintable()
        }
        more = {"json": sent["json"]} if "json" in sent else {"data": sent.get("data") or b""}
        target = place.format(**case.path_parameters)
        worst = max(
            worst, steps(edge, method.upper(), target, headers=headers | {"Origin": ORIGIN}, **more)
        )

    is_cheap()

    print(f"\n{worst / plain:.1f} times a plain look: {method} {path}, {mode.value}")
    assert 0 < worst < MOST_TIMES * plain


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
@pytest.mark.parametrize(
    "path", ["/", "/docs", "/openapi.json", "/llms.txt", "/docs/README.md", "/problems/not-found",
             "/widget/v1/cartproxy.js", "/nowhere", "/livez", "/metrics"]
)  # fmt: skip
def test_address_that_no_limit_counts_costs_little(edge: Edge, path: str, accept: str) -> None:
    anywhere = Edge(edge.client, base="")
    headers = {"Accept": accept}
    anywhere.call("GET", path, headers=headers)  # some pages are made once

    assert steps(anywhere, "GET", path, headers=headers) < 3 * steps(edge, "GET", "/cart")
