"""Redis round trips are counted."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
import redis
from flask.testing import FlaskClient
from support.servers import PATIENT, store_environment
from support.shopper import BLOG, MUG, Store, credential

from cartproxy.app import create_app
from cartproxy.settings_source import load

WRITE = {"Origin": BLOG, "Cartproxy-Client": "tests/1"}


@pytest.fixture
def counted(
    redis_url: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> tuple[FlaskClient, list[object]]:
    """The application in this process, and a list of every packet it sends to the real Redis."""
    sent: list[object] = []
    port = urlsplit(redis_url).port
    connection = redis.connection.AbstractConnection
    send = connection.send_packed_command

    def counting(self: object, command: object, *args: object, **kwargs: object) -> object:
        if getattr(self, "port", None) == port:
            sent.append(command)
        return send(self, command, *args, **kwargs)  # type: ignore[arg-type]

    settings = load(
        {
            **PATIENT,
            "CARTPROXY_REDIS_URL": redis_url,
            "CARTPROXY_PEPPER": "p" * 32,
            "CARTPROXY_LOG_LEVEL": "error",
            **store_environment(store.url),
        }
    )
    client = create_app(settings).test_client()
    client.get("/readyz")
    for path in ("/v1/stores/demo/cart", "/v1/stores/demo/cart"):
        client.get(path, headers=_bearer())
    client.post("/v1/stores/demo/cart/items", json={"catalog_id": MUG}, headers=_bearer())
    monkeypatch.setattr(connection, "send_packed_command", counting)
    return client, sent


def _bearer() -> dict[str, str]:
    return {**WRITE, "Authorization": f"Bearer {credential()}"}


# A first add notes that the cart is new, and saves its key before it puts anything
# into it: two trips more.
def test_redis_round_trips_read_one_write_three_with_the_stores_budget(
    counted: tuple[FlaskClient, list[object]],
) -> None:
    client, sent = counted
    headers = _bearer()

    def trips(method: str, path: str, json: object = None) -> int:
        sent.clear()
        answer = client.open(f"/v1/stores/demo{path}", method=method, json=json, headers=headers)
        assert answer.status_code < 300, answer.text
        return len(sent)

    first_add = trips("POST", "/cart/items", {"catalog_id": MUG})
    add = trips("POST", "/cart/items", {"catalog_id": MUG})
    read = trips("GET", "/cart")
    line = client.get("/v1/stores/demo/cart", headers=headers).get_json()["items"][0]["item_id"]
    change = trips("PATCH", f"/cart/items/{line}", {"quantity": 2})
    remove = trips("DELETE", f"/cart/items/{line}")
    delete = trips("DELETE", "/cart")

    assert read == 1
    assert (first_add, add, change, remove, delete) == (5, 3, 3, 3, 3)


def test_readers_without_a_credential_cost_redis_nothing(
    counted: tuple[FlaskClient, list[object]],
) -> None:
    client, sent = counted
    sent.clear()

    answer = client.get("/v1/stores/demo/cart", headers={"Origin": BLOG})

    assert answer.get_json()["items"] == []
    assert sent == []
