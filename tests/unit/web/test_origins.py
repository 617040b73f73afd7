"""The table of look-alikes: an origin is listed, or it is not."""

from __future__ import annotations

import pytest

from cartproxy.web.origins import Origins

LISTED = Origins(["https://good.com", "http://localhost:8002", "https://*.blogs.example"])


@pytest.mark.parametrize(
    "origin",
    ["https://good.com", "http://localhost:8002", "https://a.blogs.example",
     "https://xn--bcher-kva.blogs.example", "https://a-b.blogs.example"],
)  # fmt: skip
def test_listed(origin: str) -> None:
    assert LISTED.allow(origin)


@pytest.mark.parametrize(
    "origin",
    [
        "null", "", "good.com", "http://good.com", "https://good.com:443", "https://good.com:8443",
        "https://good.com.", "https://good.com.evil.com", "https://evilgood.com",
        "https://good.comm", "https://www.good.com", "https://GOOD.com", "HTTPS://good.com",
        "https://good.com/", "https://good.com/path", "https://user@good.com",
        "https://good.com@evil.com", "https://good.com#x", "https://g\u043eod.com", " https://good.com",
        "https://good.com\t", "http://localhost", "http://localhost:8003", "http://127.0.0.1:8002",
        "https://blogs.example", "https://.blogs.example", "https://a.b.blogs.example",
        "https://evil.com/.blogs.example", "https://evil.com#.blogs.example",
        "https://u@a.blogs.example", "https://A.blogs.example", "https://-.blogs.example",
        "https://*.blogs.example", "https://b\u00fccher.blogs.example", "http://a.blogs.example",
        "https://a.blogs.example:8443", "https://a\u3002blogs.example",
    ],
)  # fmt: skip
def test_not_listed(origin: str) -> None:
    assert not LISTED.allow(origin)
