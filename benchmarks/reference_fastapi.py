"""The same job in the asynchronous way: FastAPI, httpx and redis.asyncio on uvicorn."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import httpx
import redis.asyncio
from fastapi import FastAPI, Header
from pydantic import BaseModel

from benchmarks import reference

sessions = redis.asyncio.Redis.from_url(reference.REDIS_URL)
# As many connections as there may be shoppers; httpx has 100 by default.
store = httpx.AsyncClient(
    headers=reference.HEADERS,
    timeout=httpx.Timeout(6, pool=10),
    limits=httpx.Limits(max_connections=1000, max_keepalive_connections=1000),
)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    yield
    await store.aclose()
    await sessions.aclose()


app = FastAPI(lifespan=lifespan)


class Item(BaseModel):
    catalog_id: int
    quantity: float = 1
    options: list[dict[str, Any]] = []


@app.get("/readyz")
async def ready() -> str:
    return "ok"


@app.get("/v1/stores/{shop}/cart")
async def get_cart(shop: str, authorization: Annotated[str, Header()]) -> Any:
    return (await _load(reference.session_key(authorization)))["cart"]


@app.post("/v1/stores/{shop}/cart/items", status_code=201)
async def add_item(shop: str, item: Item, authorization: Annotated[str, Header()]) -> Any:
    key = reference.session_key(authorization)
    session = await _load(key)
    if session["order_key"] is None:
        session["order_key"] = (await _call("POST", "/Cart", {}))[0]["Value"]
    path = f"/Cart/{session['order_key']}"
    await _call("POST", f"{path}/Item", reference.wire_item(item.model_dump()))
    session["cart"] = reference.read_cart(await _call("GET", path))
    await sessions.set(key, json.dumps(session), ex=reference.LIFE_SECONDS)
    return session["cart"]


async def _load(key: str) -> dict[str, Any]:
    saved = await sessions.get(key)
    return json.loads(saved) if saved else {"order_key": None, "cart": {"items": []}}


async def _call(method: str, path: str, body: object = None) -> Any:
    answer = await store.request(method, reference.STORE_URL + path, json=body)
    answer.raise_for_status()
    return answer.json()
