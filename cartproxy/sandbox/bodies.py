"""Reads what clients send: converted as the real store does; invalid types are refused."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from cartproxy.sandbox.errors import Refusal


@dataclass(frozen=True)
class ItemPost:
    """A CartItemPost; each option is (option set id, option id, text)."""

    catalog_id: int
    quantity: Decimal
    options: tuple[tuple[int, int, str], ...]


# The vendor's own samples have comments, commas before a bracket, and a missing comma.
_STRING_OR = r'"(?:[^"\\]|\\.)*"|'
_COMMENT = re.compile(_STRING_OR + r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_LAST_COMMA = re.compile(_STRING_OR + r",(?=\s*[}\]])")
_NO_COMMA = re.compile(_STRING_OR + r"\}(?=\s*\{)")


def parse(raw: bytes) -> dict[str, Any]:
    """The JSON object of a write; an empty body is an empty object. Raises Refusal 400."""
    body = parse_any(raw)
    if not isinstance(body, dict):
        raise Refusal(400, "Invalid request body")
    return body


def parse_any(raw: bytes) -> Any:
    """The JSON of a write, read as ASP.NET reads it. Raises Refusal 400."""
    if not raw.strip():
        return {}
    try:
        return json.loads(raw, parse_float=Decimal)
    except RecursionError:
        raise Refusal(400, "Invalid JSON") from None
    except ValueError:
        pass
    try:
        text = raw.decode()
        text = _COMMENT.sub(_strings, text)
        text = _LAST_COMMA.sub(_strings, text)
        text = _NO_COMMA.sub(lambda found: _strings(found) or "},", text)
        return json.loads(text, parse_float=Decimal)
    except ValueError:
        raise Refusal(400, "Invalid JSON") from None


def _strings(found: re.Match[str]) -> str:
    """The match if it is a string; everything else is removed."""
    return found[0] if found[0].startswith('"') else ""


def read_item(body: dict[str, Any]) -> ItemPost:
    """A CartItemPost. Raises Refusal 400."""
    options = body.get("ItemOptions") or []
    if not isinstance(options, list) or not all(isinstance(each, dict) for each in options):
        raise Refusal(400, "ItemOptions is invalid")
    return ItemPost(
        integer(body.get("CatalogID"), "CatalogID"),
        number(_sent(body, "ItemQuantity", 1), "ItemQuantity"),
        tuple(
            (
                integer(each.get("OptionSetID"), "OptionSetID"),
                integer(_sent(each, "OptionID", 0), "OptionID"),
                str(each.get("OptionValue") or ""),
            )
            for each in options
        ),
    )


def _sent(body: dict[str, Any], name: str, default: Any) -> Any:
    """A value of the body; null counts as not sent."""
    value = body.get(name)
    return default if value is None else value


def number(value: Any, name: str) -> Decimal:
    """A number, which may be a string as in the real store (docs/store-api.md, Access)."""
    try:
        if not isinstance(value, bool) and isinstance(value, (int, float, Decimal, str)):
            result = Decimal(str(value))
            if result.is_finite() and abs(result) < 10**9:
                return result
    except InvalidOperation:
        pass
    raise Refusal(400, f"{name} is invalid")


def integer(value: Any, name: str) -> int:
    """A whole number, which may be a string."""
    result = number(value, name)
    if result != result.to_integral_value():
        raise Refusal(400, f"{name} is invalid")
    return int(result)
