"""The settings of the simulated store: undocumented points of the API, and its own setup."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any

from cartproxy.sandbox.rights import is_right

DEFAULT_CHECKOUT_URL = "{base}/continue_order.asp?orderkey={order_key}{order_id}&checkout=1"


@dataclass(frozen=True)
class Switches:
    """Defaults are as seen by live clients, else the most likely."""

    get_status: int = 200  # documented 201
    get_shape: str = "list"  # the documented sample is an object
    unknown_cart_on_add: int = 404
    status_type: str = "string"
    merge_same_item: bool = False
    empty_list: Any = field(default_factory=list)  # or null or "absent"
    rate_limit: float | None = None  # calls a second
    ordered_cart: str = "404"  # or read_only: GET 200, writes 400
    checkout_url_template: str = DEFAULT_CHECKOUT_URL
    date_format: str = "iso"  # the samples have us: MM/DD/YYYY HH:MM
    error_status: str = "http"  # or ok: an error envelope under HTTP 200
    rights: list[str] | None = None  # of the application's key, such as Products:read; null: all
    webhook_url: str | None = None  # gets every event
    gateway_checkout_url: str | None = None  # null: the sample gateway
    gateway_post_order_url: str | None = None

    def changed(self, changes: dict[str, Any]) -> Switches:
        """A copy with some switches changed. Raises ValueError that names what is invalid."""
        known = {each.name for each in fields(self)}
        for name, value in changes.items():
            if name not in known:
                raise ValueError(f"no such setting: {name}; known: {', '.join(sorted(known))}")
            if not _fits(name, value):
                raise ValueError(f"{name} can't be {value!r}")
        return replace(self, **changes)


_CHOICES: dict[str, tuple[Any, ...]] = {
    "get_status": (200, 201),
    "get_shape": ("object", "list"),
    "unknown_cart_on_add": (400, 404),
    "status_type": ("string", "integer"),
    "merge_same_item": (True, False),
    "empty_list": (None, [], "absent"),
    "ordered_cart": ("404", "read_only"),
    "date_format": ("iso", "us"),
    "error_status": ("http", "ok"),
}


def _is_template(text: str) -> bool:
    try:
        text.format(base="", order_key="", order_id=0)
    except (ValueError, LookupError):
        return False
    return True


def _fits(name: str, value: Any) -> bool:
    if name == "rate_limit":
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return value is None or (number and value > 0)
    if name == "checkout_url_template":
        return isinstance(value, str) and _is_template(value)
    if name.endswith("_url"):
        return value is None or (isinstance(value, str) and value.startswith(("http://", "https:")))
    if name == "rights":
        return value is None or (isinstance(value, list) and all(map(is_right, value)))
    # The types must be equal too: 1 == True.
    return any(value == choice and type(value) is type(choice) for choice in _CHOICES[name])
