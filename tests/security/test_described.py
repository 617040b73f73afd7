"""The OpenAPI document against the running service: every answer is one that it describes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode, checks
from schemathesis.specs.openapi import checks as described
from support.edge import settings as edge_settings
from support.servers import service, store_environment
from support.shopper import BLOG, MUG, Shopper, Store

from cartproxy.app import create_app
from cartproxy.settings_source import load
from cartproxy.web.openapi import operations

EXAMPLES = 25
SECRET = "h" * 32
ALTERED = ["nothing", "nothing", "nothing", "nothing", "item", "names", "headers"]
CHECKS = [
    checks.not_a_server_error,
    described.status_code_conformance,
    described.content_type_conformance,
    described.response_schema_conformance,
    described.response_headers_conformance,
]


@pytest.fixture(scope="module")
def described_url(redis_url: str, store_url: str) -> Iterator[str]:
    """A service of its own: thousands of carts are made here."""
    settings = store_environment(store_url, HOOK_SECRET=SECRET)
    with service({"CARTPROXY_REDIS_URL": redis_url, **settings}) as url:
        yield url


@pytest.fixture(scope="module")
def document(described_url: str) -> Any:
    return requests.get(f"{described_url}/openapi.json", timeout=60).json()


OPERATIONS = [
    (re.sub(r"<([^>]+)>", r"{\1}", rule.rule), method.lower())
    for rule, method, _ in operations(create_app(load(edge_settings())))
]
# Only the path of a read could be wrong, and any string is a valid path.
WRONG = [(path, method) for path, method in OPERATIONS if method != "get"]


@pytest.mark.parametrize(
    ("path", "method", "mode"),
    [
        *((*each, GenerationMode.POSITIVE) for each in OPERATIONS),
        *((*each, GenerationMode.NEGATIVE) for each in WRONG),
    ],
)
def test_every_answer_is_described(
    described_url: str, document: Any, store: Store, path: str, method: str, mode: GenerationMode
) -> None:
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=described_url)
    shopper = Shopper(described_url)
    seen: set[int] = set()

    @given(
        case=schema[path][method].as_strategy(generation_mode=mode), alter=st.sampled_from(ALTERED)
    )
    @settings(
        max_examples=EXAMPLES,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def conforms(case: schemathesis.Case, alter: str) -> None:
        # With random names every request would be refused at once.
        known = {"store": "demo", "catalog_id": str(MUG), "secret": SECRET}
        if "{item_id}" in path:
            known["item_id"] = shopper.add()["results"][0]["item_id"]
        if alter != "names":
            case.path_parameters = {name: known[name] for name in case.path_parameters}
        if isinstance(case.body, dict) and "catalog_id" in case.body and alter != "item":
            case.body["catalog_id"] = MUG
        positive = mode is GenerationMode.POSITIVE and isinstance(case.body, dict)
        if positive and method == "patch" and alter != "item":
            for change in case.body.get("items", ()):
                change["item_id"] = shopper.add()["results"][0]["item_id"]
        usual = {
            "Origin": BLOG,
            "Authorization": f"Bearer {shopper.bearer}",
            "Cartproxy-Client": "schemathesis/1",
        }
        given = {name: value for name, value in (case.headers or {}).items() if name != "If-Match"}
        case.headers = (given | usual) if alter != "headers" else (case.headers or {})

        response = case.call(timeout=90)

        case.validate_response(response, checks=CHECKS)
        seen.add(response.status_code)

    conforms()

    # Some requests got past validation.
    assert seen - {400, 404}
