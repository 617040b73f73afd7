"""The same job in the naive way: Flask on sync workers, `requests.post` for every store call."""

from __future__ import annotations

import json
from typing import Any

import redis
import requests
from flask import Flask, Response, jsonify, request

from benchmarks import reference

app = Flask(__name__)
sessions = redis.Redis.from_url(reference.REDIS_URL)


@app.get("/readyz")
def ready() -> str:
    return "ok"


@app.get("/v1/stores/<store>/cart")
def get_cart(store: str) -> Response:
    return jsonify(_load()["cart"])


@app.post("/v1/stores/<store>/cart/items")
def add_item(store: str) -> tuple[Response, int]:
    session = _load()
    item = reference.wire_item(request.get_json())
    if session["order_key"] is None:
        session["order_key"] = _call("POST", "/Cart", {})[0]["Value"]
    path = f"/Cart/{session['order_key']}"
    _call("POST", f"{path}/Item", item)
    session["cart"] = reference.read_cart(_call("GET", path))
    sessions.set(_key(), json.dumps(session), ex=reference.LIFE_SECONDS)
    return jsonify(session["cart"]), 201


def _load() -> dict[str, Any]:
    saved = sessions.get(_key())
    return json.loads(saved) if saved else {"order_key": None, "cart": {"items": []}}


def _key() -> str:
    return reference.session_key(request.headers["Authorization"])


def _call(method: str, path: str, body: object = None) -> Any:
    url = reference.STORE_URL + path
    answer = requests.request(method, url, json=body, headers=reference.HEADERS, timeout=6)
    answer.raise_for_status()
    return answer.json()
