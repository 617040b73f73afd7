"""What the shipped haproxy.cfg guards, by a real haproxy in front of the service."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from support.haproxy import EXAMPLE, HAPROXY, haproxy
from support.raw import RawClient
from support.servers import free_port
from support.shopper import Store

pytestmark = pytest.mark.skipif(HAPROXY is None, reason="haproxy is missing (Debian: haproxy)")


@pytest.fixture(scope="module")
def front_url(proxy_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("haproxy")
    port = urlsplit(proxy_url).port or 0
    with haproxy(folder, [port, free_port()], folder / "log") as url:
        yield url


@pytest.fixture
def front(front_url: str, store: Store) -> RawClient:
    return RawClient(front_url, store)


def test_configuration_is_well_formed_without_a_warning() -> None:
    done = subprocess.run(
        [str(HAPROXY), "-c", "-f", EXAMPLE], capture_output=True, text=True, check=True
    )

    assert "WARNING" not in done.stderr


@pytest.mark.parametrize("name", ["readyz", "livez", "metrics"])
@pytest.mark.parametrize(
    "written",
    ["/{}", "/{}?x=1", "/{}#x", "/%{first:02x}{rest}", "/%{first:02X}{rest}", "/%25{first:02x}{rest}", "//{}",
     "/./{}", "/x/../{}", "/x/%2e%2e/{}", "/{}/", "/{}%2f", "/{}%00", "/{}%20", "/{};x", "http://x/{}",
     "http://x//{}", "http:///{}", "http://x/%{first:02x}{rest}", "/\\{}", "/%5c{}", "{}"],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_internal_addresses_are_not_reachable_in_any_notation(
    front: RawClient, name: str, written: str, method: str
) -> None:
    target = written.format(name, first=ord(name[0]), rest=name[1:])

    answer = front.send(f"{method} {target}")

    assert answer.status in (400, 404)
    assert b"ready" not in answer.body.lower().replace(name.encode(), b"")


@pytest.mark.parametrize(
    "target", ["/v1/stores/demo%2fcart", "/v1/stores/%64emo/cart", "/v1/stores/demo/cart%3f"]
)
def test_address_with_an_escape_is_404(front: RawClient, target: str) -> None:
    assert front.send(f"GET {target}").status == 404


def test_shoppers_get_through_and_their_queries_may_have_escapes(front: RawClient) -> None:
    assert front.send("GET /v1/stores/demo/cart").status == 200
    assert front.send("GET /v1/stores/demo/cart?utm_source=a%20b%2fc").status == 200
    assert front.send("GET /widget/v1/cartproxy.js").status == 200
