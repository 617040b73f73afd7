"""JSON without blanks, for answers and records."""

from __future__ import annotations

import json

import orjson

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def compact(value: object) -> str:
    """The value as JSON in one line, without a control character."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # a number of more than 64 bits, half a surrogate pair
        return _encode(value)
