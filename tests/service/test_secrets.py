"""Canaries in every secret, then a search through everything the service leaves behind."""

from __future__ import annotations

from pathlib import Path

import redis
import requests
from conftest import store_environment
from servers import redis_server, service, simulated_store
from shopper import BLOG, MUG, Shopper, Store

KEY = "ca9a51ee0000000000000000000000d1"
TOKEN = "ca9a51ee0000000000000000000000d2"
PEPPER = "canary-pepper-00000000000000000000000000"
ADDRESS = "Kanarienvogelgasse 12"
EMAIL = "canary@shopper.example"


def test_no_secret_reaches_a_log_an_answer_a_metric_or_redis(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    with (
        redis_server() as redis_url,
        simulated_store("--private-key", KEY, "--token", TOKEN) as store_url,
        service(
            {
                "CARTPROXY_REDIS_URL": redis_url,
                "CARTPROXY_PEPPER": PEPPER,
                "CARTPROXY_LOG_LEVEL": "debug",
                "CARTPROXY_BREAKER_FAILURES": "1000000",
                "CARTPROXY_METRICS_TOKEN": "metrics-token",
                **store_environment(store_url, PRIVATE_KEY=KEY, TOKEN=TOKEN),
            },
            log,
        ) as proxy_url,
    ):
        store, shopper = Store(store_url), Shopper(proxy_url)
        answers = _use_everything(shopper, store)
        metrics = requests.get(
            f"{proxy_url}/metrics", headers={"Authorization": "Bearer metrics-token"}, timeout=10
        ).text
        order_keys = [
            cart["order_key"]
            for state in ("open", "gone", "ordered")
            for cart in store.carts(state)
        ]
        stored = _everything_in(redis_url)

    written = log.read_text()
    assert order_keys
    assert shopper.bearer
    for secret in (KEY, TOKEN, PEPPER, ADDRESS, EMAIL, shopper.bearer, *order_keys):
        assert secret not in written
        assert secret not in metrics
    for secret in (KEY, TOKEN, PEPPER, ADDRESS, EMAIL, shopper.bearer):
        assert secret not in answers
        assert secret not in stored
    assert 'operation="add_item",outcome="401"' in metrics
    assert '"event": "request"' in written


def _use_everything(shopper: Shopper, store: Store) -> str:
    """The texts of all answers, the checkout addresses apart (they hold the key by design)."""
    addresses = {"billing": {"address": ADDRESS, "email": EMAIL}}
    line = shopper.add(MUG)["results"][0]["item_id"]
    answers = [
        shopper.call("POST", "/cart", addresses),
        shopper.call("PATCH", f"/cart/items/{line}", {"quantity": 3}),
        shopper.call("POST", "/cart/items", {"catalog_id": 999_999}),
        shopper.call("POST", "/cart", {"billing": {"email": EMAIL * 20}}),
        shopper.call("POST", "/checkout"),
    ]
    for kind in ("html", "reset", "status", "redirect", "wrong_shape"):
        store.fail({"method": "*", "path": "*", "fault": kind, "status": 401, "times": None,
                    "to": "http://127.0.0.1:9/"})  # fmt: skip
        answers += [
            shopper.call("GET", "/cart", headers={"Cache-Control": "no-cache"}),
            shopper.call("POST", "/cart/items", {"catalog_id": MUG}),
        ]
    store.fail()
    answers.append(shopper.call("DELETE", "/cart"))
    answers.append(Shopper(shopper.base.partition("/v1/")[0], origin=BLOG).call("GET", "/cart"))
    return "\n".join(answer.text + str(answer.headers) for answer in answers)


def _everything_in(redis_url: str) -> str:
    client = redis.Redis.from_url(redis_url, decode_responses=True)
    texts: list[str] = []
    for key in client.scan_iter("*"):
        kind = client.type(key)
        texts += [key, str(client.hgetall(key) if kind == "hash" else client.get(key))]
    client.close()
    return "\n".join(texts)
