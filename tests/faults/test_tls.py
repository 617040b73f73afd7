"""Fault 19: a store whose certificate can't be verified gets no secret."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme
from support.servers import service, store_environment
from support.shopper import MUG, Shopper, Store
from support.tcp_proxy import tcp_proxy


@pytest.mark.parametrize(
    ("certificate", "trusted", "days", "status"),
    [
        ("localhost", True, 1, 201),
        ("localhost", False, 1, 502),
        ("elsewhere.example", True, 1, 502),
        ("localhost", True, -1, 502),
    ],
    ids=["right", "self-signed", "wrong-host", "expired"],
)
def test_store_is_trusted_only_by_its_certificate(
    redis_url: str,
    store: Store,
    tmp_path: Path,
    certificate: str,
    trusted: bool,
    days: int,
    status: int,
) -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ends = datetime.now(UTC) + timedelta(days=days)
    authority.issue_cert(certificate, not_after=ends).configure_cert(context)
    bundle = tmp_path / "ca.pem"
    (authority if trusted else stranger).cert_pem.write_to_path(str(bundle))
    with tcp_proxy(urlsplit(store.url).port or 0, context) as proxy:
        api = f"https://localhost:{proxy.port}/3dCartWebAPI"
        settings = store_environment(store.url, API_URL=api, CA_FILE=str(bundle))
        hosts = f"{urlsplit(store.url).netloc},localhost:{proxy.port}"
        settings["CARTPROXY_STORES_DEMO_CHECKOUT_HOSTS"] = hosts
        with service({"CARTPROXY_REDIS_URL": redis_url, **settings}) as url:
            answer = Shopper(url).call("POST", "/cart/items", {"catalog_id": MUG})

    assert answer.status_code == status
    if status == 502:
        assert answer.json()["code"] == "store-tls"
        assert answer.json()["outcome"] == "not_applied"
        assert store.calls() == []
