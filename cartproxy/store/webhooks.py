"""The store's webhooks, as its API lists them (docs/store-api.md, Webhooks)."""

from __future__ import annotations

from collections.abc import Callable

from cartproxy.store import wire
from cartproxy.store.errors import StoreAuth, StoreBadResponse
from cartproxy.store.habits import status_of
from cartproxy.store.transport import Answer

Call = Callable[..., Answer]
_ORDER_NEW = 1
_NAME = "cartproxy: new orders"


def is_registered(call: Call, url: str) -> bool:
    """Whether the store posts new orders to this address. Raises StoreError if it does not say.

    `call` takes method, path and body.
    """
    answer = call("GET", "/Webhooks")
    if status_of(answer) == 404:
        if wire.read_error(answer.body) is None:
            raise StoreBadResponse("it has no such call")
        return False  # an empty list
    listed = require_success(answer).body
    hooks = listed if isinstance(listed, list) else []
    return any(
        isinstance(hook, dict)
        and hook.get("Url") == url
        and str(hook.get("EventType")) == str(_ORDER_NEW)
        and hook.get("Enabled") is not False
        for hook in hooks
    )


def register(call: Call, url: str) -> bool:
    """Make the store post new orders to this address. Returns whether it did so already.

    Raises StoreError if the API refuses it.
    """
    if is_registered(call, url):
        return True
    hook = {"Name": _NAME, "Url": url, "EventType": _ORDER_NEW, "Format": "JSON", "Enabled": True}
    require_success(call("POST", "/Webhooks", hook))
    return False


def require_success(answer: Answer) -> Answer:
    """The answer. Raises StoreAuth or StoreBadResponse for an error."""
    status = status_of(answer)
    if status < 400:
        return answer
    if status in (401, 403):
        raise StoreAuth("the application lacks the right")
    raise StoreBadResponse(f"it answers {status}")
