"""Canaries in every secret, then a search through everything the service leaves behind."""

from __future__ import annotations

import base64
import json
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import redis
import requests
from support.raw import JSON, RawClient
from support.servers import redis_server, service, simulated_store, store_environment
from support.service_steps import place_order
from support.shopper import BLOG, MUG, Shopper, Store, credential

KEY = "ca9a51ee0000000000000000000000d1"
TOKEN = "ca9a51ee0000000000000000000000d2"
ACCESS = "canary-access-token-0000000000000000"
PEPPER = "canary-pepper-00000000000000000000000000"
OLD_PEPPER = "canary-old-pepper-0000000000000000000000"
REDIS_PASSWORD = "canary-redis-password"
METRICS = "canary-metrics-token"
OPERATORS = (KEY, TOKEN, ACCESS, PEPPER, OLD_PEPPER, REDIS_PASSWORD, METRICS)
ADDRESS = "Kanarienvogelgasse 12"
EMAIL = "canary@shopper.example"
TYPED = "canary typed into an option"
IDEMPOTENCY = "canary-idempotency-key"
CRASH = "canary that lets the service crash"

# A bug of ours, whose message quotes the whole request, wherever a body or a cookie is read.
BUG = f"""
import json
import werkzeug.sansio.request as request
decode, parse = json.JSONDecoder.decode, request.parse_cookie
def crash(decoder, text, *more):
    if {CRASH!r} in text:
        raise RuntimeError(text)
    return decode(decoder, text, *more)
def crash_at_cookie(cookie=None, *more, **named):
    if cookie and 'crash' in cookie:
        raise RuntimeError(cookie)
    return parse(cookie, *more, **named)
json.JSONDecoder.decode, request.parse_cookie = crash, crash_at_cookie
"""


def test_no_secret_is_left_behind(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(BUG)
    log, figures = tmp_path / "log.jsonl", tmp_path / "figures"
    figures.mkdir()
    with (
        redis_server("--rdbcompression", "no") as redis_url,
        simulated_store("--private-key", KEY, "--token", TOKEN) as store_url,
        redis.Redis.from_url(redis_url) as client,
    ):
        client.config_set("requirepass", REDIS_PASSWORD)
        client.auth(REDIS_PASSWORD)
        environment = {
            "CARTPROXY_REDIS_URL": redis_url.replace("//", f"//:{REDIS_PASSWORD}@"),
            "CARTPROXY_PEPPER": PEPPER,
            "CARTPROXY_PREVIOUS_PEPPER": OLD_PEPPER,
            "CARTPROXY_LOG_LEVEL": "debug",
            "CARTPROXY_BREAKER_FAILURES": "1000000",
            "CARTPROXY_METRICS_TOKEN": METRICS,
            "PROMETHEUS_MULTIPROC_DIR": str(figures),
            "PYTHONPATH": str(tmp_path),
            **store_environment(store_url, PRIVATE_KEY=KEY, TOKEN=TOKEN, ACCESS_TOKEN=ACCESS),
        }
        with service(environment, log) as url:
            store, shopper = Store(store_url), Shopper(url)
            cookie_shopper = Shopper(url, bearer=None)
            answers = _use_everything(shopper, cookie_shopper, store)
            answers += _break_everything(url, shopper, store)
            metrics = requests.get(
                f"{url}/metrics", headers={"Authorization": f"Bearer {METRICS}"}, timeout=60
            ).text
            order_keys = _order_keys(store)
            dump = b"\n".join(key + b"\n" + (client.dump(key) or b"") for key in client.scan_iter())
            client.config_set("requirepass", "another")
            client.client_kill_filter(_type="normal", skipme=True)
            answers.append(_text(shopper.call("GET", "/cart")))

    bearers = [shopper.bearer, *cookie_shopper.http.cookies.values(), "cpt1_"]
    shoppers = [ADDRESS, EMAIL, TYPED, IDEMPOTENCY, CRASH]
    written = log.read_text() + "".join(
        file.read_text(errors="replace") for file in figures.iterdir()
    )
    assert len(bearers) == 3
    assert len(order_keys) > 2
    for where, text, secrets in (
        ("log and figures", written, [*OPERATORS, *shoppers, *bearers, *order_keys]),
        ("metrics", metrics, [*OPERATORS, *shoppers, *bearers, *order_keys]),
        ("answers", "\n".join(answers), [*OPERATORS, *shoppers, shopper.bearer]),
        ("Redis", dump.decode("latin-1"), [*OPERATORS, *shoppers[:2], *shoppers[3:], *bearers]),
    ):
        for secret in secrets:
            for form in (secret, base64.b64encode(secret.encode()).decode(), secret.encode().hex()):
                assert form not in text, f"{secret} in {where}"
    # The search would have found something: the crashes are in the log, the key where it belongs.
    assert written.count('"event":"bug"') >= 2
    assert '"error":"RuntimeError"' in written
    assert any(key in dump.decode("latin-1") for key in order_keys)
    assert 'outcome="401"' in metrics


def _use_everything(shopper: Shopper, cookie_shopper: Shopper, store: Store) -> list[str]:
    """The texts of all answers to a shopper, the checkout addresses apart."""
    addresses = {"billing": {"address": ADDRESS, "email": EMAIL}}
    keyed = {"Idempotency-Key": IDEMPOTENCY}
    line = shopper.add(MUG)["results"][0]["item_id"]
    option = {"option_set_id": 1882, "option_id": 12396, "value": TYPED}
    answers = [
        shopper.call("POST", "/cart", addresses),
        shopper.call("PATCH", "/cart", addresses, headers=keyed),
        shopper.call("PATCH", f"/cart/items/{line}", {"quantity": 3}, headers=keyed),
        shopper.call("PATCH", f"/cart/items/{line}", {"quantity": 4}, headers=keyed),
        shopper.call("POST", "/cart/items", {"catalog_id": 999_999, "options": [option]}),
        shopper.call("POST", "/cart", {"billing": {"email": EMAIL * 20}}),
        shopper.call("POST", "/cart", {EMAIL: "x"}, headers={"If-Match": IDEMPOTENCY}),
        shopper.call("GET", "/products/3828"),
        cookie_shopper.post_form("/buy", {"catalog_id": str(MUG)}),
    ]
    place_order(shopper.call("POST", "/checkout").json()["checkout_url"])
    shopper.add(MUG)
    for kind in ("html", "reset", "status", "redirect", "wrong_shape", "huge", "gone"):
        store.fail({"method": "*", "path": "*", "fault": kind, "status": 401, "times": None,
                    "to": "http://127.0.0.1:9/"})  # fmt: skip
        answers += [
            shopper.call("GET", "/cart", headers={"Cache-Control": "no-cache"}),
            shopper.call("POST", "/cart/items", {"catalog_id": MUG}, headers=keyed),
            shopper.call("PATCH", "/cart", addresses),
        ]
    store.fail()
    answers += [shopper.call("POST", "/cart/items", {"catalog_id": MUG})]
    answers += [shopper.call("DELETE", "/cart"), shopper.call("GET", "/cart")]
    shopper.add(MUG)
    # The echo of one's own field names is cut, and holds nobody else's secret.
    return [_text(answer).replace(EMAIL, "") for answer in answers]


def _break_everything(url: str, shopper: Shopper, store: Store) -> list[str]:
    """Bugs of ours and malformed requests, each with the shopper's secrets in it."""
    answers = [
        _text(shopper.call("PATCH", "/cart", {"billing": {"address": ADDRESS, "city": CRASH}})),
        _text(shopper.call("GET", "/cart?" + shopper.bearer, headers={"Authorization": f"x {shopper.bearer}"})),
    ]  # fmt: skip
    raw = RawClient(url, store)
    raw.bearer = shopper.bearer or ""
    cookie = f"Cookie: cartproxy={credential()}; crash={ADDRESS}"
    sent = [
        raw.send("GET /v1/stores/demo/cart", cookie, leave_out="Authorization"),
        raw.send("PATCH /v1/stores/demo/cart", JSON, f"X-Bad: {EMAIL}\0"),
        raw.send(f"GET /{shopper.bearer}\x01"),
        raw.send(f"GET /v1/stores/demo/cart/items/{shopper.bearer}"),
        raw.send("PATCH /v1/stores/demo/cart", JSON, "Transfer-Encoding: chunked", body=b"zz\r\n"),
    ]
    assert [each.status for each in sent] == [500, 400, 400, 405, 400]
    assert sent[0].code == "internal-error"
    # The page can read even the answer to a bug of ours, with the id to report it.
    assert sent[0].headers["access-control-allow-origin"] == BLOG
    assert "Origin" in sent[0].headers["vary"]
    assert sent[0].headers["x-request-id"] == sent[0].json()["request_id"]
    with socket.create_connection((urlsplit(url).hostname, urlsplit(url).port)) as hung_up:
        hung_up.sendall(
            f"POST /v1/stores/demo/cart HTTP/1.1\r\nAuthorization: {shopper.bearer}".encode()
        )
    return answers + [each.body.decode() + json.dumps(each.headers) for each in sent]


def _order_keys(store: Store) -> list[str]:
    states = ("open", "gone", "ordered")
    return [cart["order_key"] for state in states for cart in store.carts(state)]


def _text(answer: Any) -> str:
    return f"{answer.text}{answer.headers}"
