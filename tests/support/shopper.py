"""A shopper's browser and the simulated store's control surface, as tests speak to them."""

from __future__ import annotations

import secrets
from typing import Any
from weakref import WeakSet

import requests

from cartproxy import sandbox
from support.waiting import ANSWER_SECONDS, wait_for

BLOG = "https://blog.example"
MUG = 3829
SHIRT = 3828
# What opens the simulated store's API.
KEYS = {
    "SecureURL": sandbox.DEFAULT_SECURE_URL,
    "PrivateKey": sandbox.DEFAULT_PRIVATE_KEY,
    "Token": sandbox.DEFAULT_TOKEN,
}
SMALL = {"option_set_id": 1882, "option_id": 12396, "value": "Small"}
_SESSIONS: WeakSet[requests.Session] = WeakSet()


def credential() -> str:
    """A credential as the widget draws it."""
    return "cpt1_" + secrets.token_urlsafe(32)


def close_connections() -> None:
    """Close the connections that shoppers keep; they reconnect when needed."""
    for session in list(_SESSIONS):
        session.close()


class Shopper:
    """One browser on one page. `store` is the configured store's id."""

    def __init__(
        self,
        proxy_url: str,
        *,
        origin: str | None = BLOG,
        bearer: str | None = "",
        store: str = "demo",
    ) -> None:
        self.base = f"{proxy_url}/v1/stores/{store}"
        self.origin = origin
        self.bearer = credential() if bearer == "" else bearer
        self.http = requests.Session()
        _SESSIONS.add(self.http)

    def call(
        self,
        method: str,
        path: str,
        json: Any = None,
        *,
        headers: dict[str, str] | None = None,
        timeout: float | tuple[float, float] = ANSWER_SECONDS,
        **more: Any,
    ) -> requests.Response:
        """One call as a script of the page makes it."""
        sent = {"Cartproxy-Client": "tests/1"} if method != "GET" else {}
        if self.origin is not None:
            sent["Origin"] = self.origin
        if self.bearer is not None:
            sent["Authorization"] = f"Bearer {self.bearer}"
        return self.http.request(
            method,
            self.base + path,
            json=json,
            headers=sent | (headers or {}),
            allow_redirects=False,
            timeout=timeout,
            **more,
        )

    def post_form(self, path: str, fields: dict[str, str], **headers: str) -> requests.Response:
        """A plain HTML form of the page, submitted by a browser without JavaScript."""
        sent = {
            "Accept": "text/html,application/xhtml+xml,*/*;q=0.8",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        if self.origin is not None:
            sent["Origin"] = self.origin
        sent |= headers
        return self.http.post(
            self.base + path,
            data=fields,
            headers=sent,
            allow_redirects=False,
            timeout=ANSWER_SECONDS,
        )

    def add(self, catalog_id: int = MUG, *, status: int = 201, **item: Any) -> dict[str, Any]:
        """Add an item, which must succeed, with that status; the answer."""
        response = self.call("POST", "/cart/items", {"catalog_id": catalog_id, **item})
        assert response.status_code == status, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def cart(self, **headers: str) -> dict[str, Any]:
        """The cart, which must be readable."""
        response = self.call("GET", "/cart", headers=headers)
        assert response.status_code == 200, response.text
        cart: dict[str, Any] = response.json()
        return cart


class Store:
    """The simulated store's control surface."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = requests.Session()

    def reset(self) -> None:
        """Reset it."""
        self._http.post(f"{self.url}/_sandbox/reset", timeout=ANSWER_SECONDS).raise_for_status()

    def calls(self) -> list[tuple[str, str]]:
        """Method and path (after the version) of every store call since the last time asked."""
        forgotten = self._http.delete(f"{self.url}/_sandbox/calls", timeout=ANSWER_SECONDS)
        forgotten.raise_for_status()
        calls = forgotten.json()
        return [(call["method"], call["path"].split("WebAPI/v", 1)[1][1:]) for call in calls]

    def received(self) -> list[dict[str, Any]]:
        """The same calls as the store lists them, without clearing the list."""
        calls: list[dict[str, Any]] = self._http.get(
            f"{self.url}/_sandbox/calls", timeout=ANSWER_SECONDS
        ).json()
        return calls

    def kinds(self) -> list[str]:
        """The calls since the last time asked, without ids: `POST Cart`, `GET Cart`, `POST Item`."""
        return [f"{method} {_kind(path)}" for method, path in self.calls()]

    def carts(self, state: str = "open") -> list[dict[str, Any]]:
        """The carts in this state."""
        carts = self._http.get(f"{self.url}/_sandbox/carts", timeout=ANSWER_SECONDS).json()
        return [cart for cart in carts if cart["state"] == state]

    def set(self, **settings: Any) -> None:
        """Turn switches."""
        address = f"{self.url}/_sandbox/settings"
        self._http.put(address, json=settings, timeout=ANSWER_SECONDS).raise_for_status()

    def fail(self, *script: dict[str, Any]) -> None:
        """Replace the script of faults."""
        address = f"{self.url}/_sandbox/faults"
        self._http.put(address, json=list(script), timeout=ANSWER_SECONDS).raise_for_status()

    def hold(self, method: str = "*", path: str = "*", times: int | None = None) -> None:
        """Let such calls wait for their answers until the script of faults is replaced."""
        held = {"method": method, "path": path, "fault": "latency", "ms": None, "times": times}
        self.fail(held)

    def wait_for_calls(self, count: int = 1) -> None:
        """Wait until so many calls have come since the last time asked."""
        wait_for(lambda: len(self.received()) >= count, f"{count} store calls")

    def forget_cart(self, order_key: str) -> None:
        """Let a cart vanish, as old ones do, without the service noticing."""
        self._api("DELETE", order_key, "")
        self.calls()

    def at_the_store(self, method: str, item_id: str, json: Any = None) -> None:
        """Change the one open cart as the shopper does on the store's own pages."""
        (cart,) = self.carts()
        self._api(method, cart["order_key"], f"/Item/{item_id}".rstrip("/"), json)
        self.calls()

    def fields(self, order_key: str) -> dict[str, Any]:
        """A cart as the store's API gives it."""
        said = self._api("GET", order_key, "").json()
        cart: dict[str, Any] = said[0] if isinstance(said, list) else said
        return cart

    def _api(self, method: str, order_key: str, path: str, json: Any = None) -> requests.Response:
        answer = self.api(method, f"/Cart/{order_key}{path}", json)
        answer.raise_for_status()
        return answer

    def api(self, method: str, path: str, json: Any = None) -> requests.Response:
        """A call of the store's API by another application."""
        url = f"{self.url}/3dCartWebAPI/v2{path}"
        return self._http.request(method, url, json=json, headers=KEYS, timeout=ANSWER_SECONDS)

    def change_product(self, catalog_id: int, **changes: Any) -> None:
        """Change a product's price, stock or visibility."""
        address = f"{self.url}/_sandbox/products/{catalog_id}"
        self._http.put(address, json=changes, timeout=ANSWER_SECONDS).raise_for_status()


def _kind(path: str) -> str:
    parts = path.strip("/").split("/")
    return "Item" if len(parts) > 2 else parts[0]
