"""Reads request bodies: bounded, strictly parsed, validated by a schema. Forms: `web.forms`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from marshmallow import Schema, ValidationError

from cartproxy.web.context import context
from cartproxy.web.refusals import Refused
from cartproxy.web.request import Request, current

JSON_TYPE = "application/json"


def read_body(limit: int | None = None) -> bytes:
    """The whole body, by Content-Length or chunked; at most `max_body_bytes` by default.

    Raises Refused: body-too-large, unsupported-media-type when it is encoded, malformed-request
    when it is cut short or wrongly chunked.
    """
    request = current()
    encoding = request.header("Content-Encoding")
    if encoding is not None and encoding.lower() != "identity":
        raise Refused("unsupported-media-type", "The body must be sent without Content-Encoding.")
    limit = limit or context().max_body_bytes
    length = request.content_length
    if (length or 0) > limit:
        raise _too_large(limit)
    if length is None and not request.environ.get("wsgi.input_terminated"):
        return b""
    body = receive(request, limit + 1 if length is None else length)
    if len(body) > limit:
        raise _too_large(limit)
    if length is not None and len(body) < length:
        # A part of it could be valid: `quantity=1` of `quantity=12`.
        raise Refused("malformed-request", "The body ends too early.")
    request.received = body
    return body


def _too_large(limit: int) -> Refused:
    return Refused("body-too-large", f"A body may have {limit} bytes.")


def receive(request: Request, size: int) -> bytes:
    """Up to so many bytes of the body, as far as they come before the request's deadline."""
    try:
        body: bytes = request.environ["wsgi.input"].read(size)
    except Exception as error:  # WSGI does not define what servers raise at broken chunks
        raise Refused("malformed-request", "The body can't be read.") from error
    return body


def load_json(*schemas: Schema) -> Any:
    """The JSON body through the schema that fits it best: the first whose fields it names.

    Raises Refused: malformed-json, unsupported-media-type, body-too-large, invalid-request.
    """
    body = read_body()
    if not body and not any(field.required for field in schemas[0].fields.values()):
        body = b"{}"
    elif current().media_type != JSON_TYPE:
        raise Refused("unsupported-media-type", "The body must be application/json.")
    document = _parse(body)
    if not isinstance(document, dict):
        raise Refused("invalid-request", "The body must be a JSON object.")
    fitting = (schema for schema in schemas if document.keys() & schema.fields.keys())
    return validate(next(fitting, schemas[0]), document)


def _parse(body: bytes) -> object:
    try:
        return _decode(body.decode("utf-8-sig"))
    except RecursionError:
        raise Refused("malformed-json", "The body is nested too deeply.") from None
    except (ValueError, ArithmeticError):
        raise Refused("malformed-json", "The body is not one JSON document.") from None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a key is repeated")
    return members


_decode = json.JSONDecoder(
    parse_float=Decimal, parse_constant=_refuse_constant, object_pairs_hook=_unique
).decode


def validate(schema: Schema, document: dict[str, Any]) -> Any:
    """What the schema makes of the document. Raises Refused: invalid-request."""
    try:
        return schema.load(document)
    except ValidationError as error:
        errors = list(pointers(error.messages))
        raise Refused("invalid-request", "The request can't be accepted.", errors=errors) from None


def pointers(messages: Any, at: str = "") -> Iterator[tuple[str, str]]:
    """Marshmallow's nested messages as JSON pointers; a name made up by the caller is cut."""
    if isinstance(messages, dict):
        for name, nested in messages.items():
            step = str(name).encode("ascii", "backslashreplace").decode()[:64]
            here = at if name == "_schema" else f"{at}/{step.replace('~', '~0').replace('/', '~1')}"
            yield from pointers(nested, here)
    else:
        for message in messages:
            yield at, message
