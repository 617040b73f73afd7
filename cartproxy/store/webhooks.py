"""The store's webhooks, as its API lists them (docs/store-api.md, Webhooks)."""

from __future__ import annotations

from collections.abc import Callable

from cartproxy.store import wire
from cartproxy.store.errors import StoreAuth, StoreBadResponse
from cartproxy.store.transport import Answer

Call = Callable[..., Answer]
_ORDER_NEW = 1
_NAME = "cartproxy: new orders"


def is_registered(call: Call, url: str) -> bool:
    """Whether the store posts new orders to this address. Raises StoreError where it won't say.

    `call` takes method, path and body.
    """
    answer = call("GET", "/Webhooks")
    told = wire.read_error(answer.body)
    if answer.status == 404 or (told and told[0] == 404):
        if told is None:
            raise StoreBadResponse("it has no such call")
        return False  # an empty list
    listed = good(answer).body
    hooks = listed if isinstance(listed, list) else []
    return any(
        isinstance(hook, dict)
        and hook.get("Url") == url
        and str(hook.get("EventType")) == str(_ORDER_NEW)
        and hook.get("Enabled") is not False
        for hook in hooks
    )


def register(call: Call, url: str) -> bool:
    """Let the store post new orders to this address; whether it did so already.

    Raises StoreError where the API does not take it.
    """
    if is_registered(call, url):
        return True
    hook = {"Name": _NAME, "Url": url, "EventType": _ORDER_NEW, "Format": "JSON", "Enabled": True}
    good(call("POST", "/Webhooks", hook))
    return False


def good(answer: Answer) -> Answer:
    """The answer. Raises StoreAuth or StoreBadResponse for an error."""
    told = wire.read_error(answer.body)
    if answer.status < 400 and told is None:
        return answer
    status = answer.status if answer.status >= 400 else (told or (None, ""))[0] or 400
    if status in (401, 403):
        raise StoreAuth("the application lacks the right")
    raise StoreBadResponse(f"it answers {status}")
