"""Adds that can be sent again under their key, and faults of the store for them."""

from __future__ import annotations

import secrets
import time
from typing import Any

import requests

from support.shopper import MUG, Shopper
from support.waiting import wait_for

ITEM = "/Cart/*/Item"


def key() -> dict[str, str]:
    """A fresh idempotency key, as a header."""
    return {"Idempotency-Key": secrets.token_hex(8)}


def fault(kind: str, times: int | None = 1, path: str = ITEM, **more: Any) -> dict[str, Any]:
    """An entry of the store's fault script, for adds unless another path is named."""
    return {"method": "POST", "path": path, "fault": kind, "times": times, **more}


def add(shopper: Shopper, headers: dict[str, str], **item: Any) -> requests.Response:
    """One attempt to add a mug, or another item, or several `items`."""
    body = item if "items" in item else {"catalog_id": MUG} | item
    return shopper.call("POST", "/cart/items", body, headers=headers)


def until_known(shopper: Shopper, headers: dict[str, str], **item: Any) -> requests.Response:
    """Send the same request as a widget does: while it is retryable, after Retry-After."""

    def known() -> requests.Response | None:
        answer = add(shopper, headers, **item)
        if answer.ok:
            return answer
        assert answer.json()["retryable"], answer.text
        time.sleep(int(answer.headers.get("Retry-After", "1")))
        return None

    return wait_for(known, "the add is known")
