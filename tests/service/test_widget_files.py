"""The widget as any page loads it."""

from __future__ import annotations

import gzip

import pytest
import requests

from cartproxy.widget import releases


def get(url: str, **headers: str) -> requests.Response:
    """The raw answer, not decompressed by the client."""
    return requests.get(
        url, headers={"Accept-Encoding": "identity", **headers}, timeout=60, stream=True
    )


def test_any_site_may_load_it_and_check_its_integrity(proxy_url: str) -> None:
    answer = get(f"{proxy_url}/widget/v1/cartproxy.js", Origin="https://anywhere.example")

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert "Set-Cookie" not in answer.headers


def test_it_is_compressed_for_clients_that_accept_it(proxy_url: str) -> None:
    url = f"{proxy_url}/widget/v1/cartproxy.js"
    plain, packed = get(url), get(url, **{"Accept-Encoding": "gzip"})

    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.headers["Vary"] == "Accept-Encoding"
    assert gzip.decompress(packed.raw.read()) == plain.content
    names = [name.lower() for name, _ in packed.raw.headers.items()]
    assert sorted(names) == sorted(set(names))


def test_a_release_is_kept_for_ever_and_the_newest_for_an_hour(proxy_url: str) -> None:
    newest = get(f"{proxy_url}/widget/v1/cartproxy.js")
    pinned = get(f"{proxy_url}/widget/1.0.0/cartproxy.js")

    assert newest.headers["Cache-Control"] == "public, max-age=3600"
    assert pinned.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert newest.content == get(f"{proxy_url}/widget/{releases.VERSION}/cartproxy.js").content


def test_client_that_has_it_gets_304(proxy_url: str) -> None:
    url = f"{proxy_url}/widget/v1/drawer.js"
    tag = get(url).headers["ETag"]

    again = get(url, **{"If-None-Match": tag})

    assert again.status_code == 304
    assert again.content == b""


@pytest.mark.parametrize(
    "path", ["v1/other.js", "v2/cartproxy.js", "v1/..%2freleases.py", "0/cartproxy.js"]
)
def test_nothing_else_is_served(proxy_url: str, path: str) -> None:
    assert get(f"{proxy_url}/widget/{path}").status_code == 404
