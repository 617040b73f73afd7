"""A caller of the application in this process, and settings whose store is a closed port."""

from __future__ import annotations

import secrets
import sys
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

ORIGIN = "https://blog.example"


def settings(**more: str) -> dict[str, str]:
    """Settings of one store, whose API is a closed port: a store call would answer 503."""
    return {
        "CARTPROXY_STORES_DEMO_SECURE_URL": "https://shop.example",
        "CARTPROXY_STORES_DEMO_PRIVATE_KEY": "k",
        "CARTPROXY_STORES_DEMO_TOKEN": "t",
        "CARTPROXY_STORES_DEMO_API_URL": "http://127.0.0.1:9/api",
        "CARTPROXY_STORES_DEMO_ORIGINS": ORIGIN,
        "CARTPROXY_LOG_LEVEL": "error",
        **more,
    }


class Edge:
    """Calls the application as a script of a listed page does."""

    def __init__(self, client: FlaskClient, base: str = "/v1/stores/demo") -> None:
        self.client, self.base = client, base
        self.bearer = "cpt1_" + secrets.token_urlsafe(32)
        self.call("GET", "/cart")  # what only the first request does is nothing that `steps` counts

    def call(self, method: str, path: str, **more: Any) -> TestResponse:
        headers = {
            "Origin": ORIGIN,
            "Cartproxy-Client": "tests/1",
            "Authorization": f"Bearer {self.bearer}",
        }
        headers |= more.pop("headers", {})
        return self.client.open(self.base + path, method=method, headers=headers, **more)

    def add(self, body: str | bytes, content_type: str = "application/json") -> TestResponse:
        return self.call("POST", "/cart/items", data=body, content_type=content_type)


def steps(edge: Edge, method: str, path: str, **more: Any) -> int:
    """The lines of Python that run for a request: what it costs, the same on every machine."""
    counted = 0

    def count(_: Any, event: str, __: Any) -> Any:
        nonlocal counted
        counted += event == "line"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        edge.call(method, path, **more)
    finally:
        sys.settrace(before)
    return counted
