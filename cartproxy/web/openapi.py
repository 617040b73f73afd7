"""The OpenAPI 3.1 document, made from the routes' declarations and the marshmallow schemas."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from flask import Flask
from marshmallow import Schema
from werkzeug.routing import Rule

from cartproxy import __version__
from cartproxy.web.bodies import JSON_TYPE
from cartproxy.web.context import context
from cartproxy.web.fields import (
    LINE_ID,
    MAX_ID,
    Identifier,
    LineId,
    Money,
    Number,
    PriceOrQuantity,
    Quantity,
    Text,
    Timestamp,
)
from cartproxy.web.forms import FORM_TYPES
from cartproxy.web.operations import Operation
from cartproxy.web.problem_kinds import CATALOGUE
from cartproxy.web.problems import MEDIA_TYPE
from cartproxy.web.schemas import ProblemSchema

_ANY = (
    "store-not-found", "origin-refused", "credential-malformed", "internal-error", "key-refused",
    "overloaded", "rate-limited",
)  # fmt: skip
_READ = (
    "malformed-request", "storage-unavailable", "storage-newer", "store-auth", "store-error",
    "store-bad-response", "store-tls", "store-busy", "store-unavailable", "store-unreachable",
    "store-timeout",
)  # fmt: skip
_WRITE = (
    *_READ, "client-header-missing", "malformed-json", "unsupported-media-type", "body-too-large",
    "invalid-request", "precondition-failed", "cart-busy", "request-in-progress",
    "idempotency-key-reused", "outcome-unknown", "storage-full",
)  # fmt: skip
_DESCRIPTION = (
    "Puts products of a merchant's store into a cart, from any listed site, and leads to the "
    "store's secure checkout. Errors are problem documents (RFC 9457)."
)
_HEADERS = {
    "Cartproxy-Client": ("Name and version of the calling script: `widget/1.0`.", True),
    "Idempotency-Key": ("Makes the write safe to repeat, for 24 hours.", False),
    "If-Match": ("Entity tag that the cart must have; otherwise 412 with the current cart.", False),
    "Prefer": ("`return=minimal`: answer after the write, without reading the cart.", False),
}


def build(app: Flask) -> dict[str, Any]:
    """The document as JSON-ready values."""
    plugin = MarshmallowPlugin()
    spec = APISpec(
        title="cartproxy",
        version=__version__,
        openapi_version="3.1.0",
        info={"description": _DESCRIPTION, "license": {"name": "MIT", "identifier": "MIT"}},
        plugins=[plugin],
    )
    _map_fields(plugin, context().max_quantity)
    spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer"})
    for rule, method, operation in operations(app):
        path = re.sub(r"<([^>]+)>", r"{\1}", rule.rule)
        spec.path(path=path, operations={method.lower(): _describe(rule, method, operation)})
    document = spec.to_dict()
    document["security"] = [{"bearer": []}, {}]
    return document


def operations(app: Flask) -> Iterator[tuple[Rule, str, Operation]]:
    """Every declared route with its method and promise, ordered by path."""
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        declared = getattr(app.view_functions[rule.endpoint], "operation", None)
        if declared is not None:
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                yield rule, method, declared


def _map_fields(plugin: MarshmallowPlugin, max_quantity: int) -> None:
    assert plugin.converter is not None  # noqa: S101 - apispec sets it when the plugin is taken in

    def limits(_: Any, field: Any, **__: Any) -> dict[str, Any]:
        """What apispec can't express."""
        if isinstance(field, Quantity):
            lower = {"minimum": 0} if field.zero else {"exclusiveMinimum": 0}
            return {**lower, "maximum": max_quantity, "multipleOf": 0.0001}
        if isinstance(field, Money):
            return {"pattern": r"^-?[0-9]+(\.[0-9]+)?$"}
        if isinstance(field, PriceOrQuantity):
            return {"type": ["string", "number"]}
        if isinstance(field, Identifier):
            return {"minimum": 1, "maximum": MAX_ID}
        if isinstance(field, LineId):
            return {"pattern": f"^(?:{LINE_ID.pattern})$"}
        if isinstance(field, Text):
            return {"pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]*$"}
        return {}

    plugin.map_to_openapi_type(Number, "number", None)  # type: ignore[no-untyped-call]
    plugin.map_to_openapi_type(Money, "string", "decimal")  # type: ignore[no-untyped-call]
    plugin.map_to_openapi_type(Identifier, "integer", None)  # type: ignore[no-untyped-call]
    plugin.map_to_openapi_type(Timestamp, "string", "date-time")  # type: ignore[no-untyped-call]
    plugin.converter.add_attribute_function(limits)  # type: ignore[no-untyped-call]


def _describe(rule: Rule, method: str, operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": rule.endpoint.rpartition(".")[2],
        "tags": [rule.endpoint.partition(".")[0]],
        "summary": operation.summary,
        "parameters": [*_parameters(rule, operation)],
        "responses": _responses(operation),
    }
    if operation.bodies or operation.form:
        described["requestBody"] = _request_body(operation)
    return described


def _parameters(rule: Rule, operation: Operation) -> Iterator[dict[str, Any]]:
    for name in sorted(rule.arguments):
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
    if operation.writes and operation.bodies:
        for name, (description, required) in _HEADERS.items():
            yield {
                "name": name,
                "in": "header",
                "required": required and operation.form is None,
                "description": description,
                "schema": {"type": "string"},
            }


def _request_body(operation: Operation) -> dict[str, Any]:
    content: dict[str, Any] = {}
    if len(operation.bodies) == 1:
        content[JSON_TYPE] = {"schema": operation.bodies[0]}
    elif operation.bodies:
        content[JSON_TYPE] = {"schema": {"oneOf": list(operation.bodies)}}
    if operation.form:
        content |= {each: {"schema": operation.form} for each in FORM_TYPES}
    needed = any(
        field.required
        for schema in operation.bodies or (operation.form or Schema,)
        for field in schema().fields.values()
    )
    return {"required": needed, "content": content}


def _responses(operation: Operation) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status, schema in operation.answers.items():
        response: dict[str, Any] = {"description": _MEANING[status]}
        if schema is not None:
            shape = {"anyOf": [schema, operation.minimal]} if operation.minimal else schema
            response["content"] = {JSON_TYPE: {"schema": shape}}
        responses[str(status)] = response
    codes = (*_ANY, *(_WRITE if operation.writes else _READ), *operation.problems)
    for code in sorted(set(codes), key=lambda code: (CATALOGUE[code].status, code)):
        kind = CATALOGUE[code]
        response = responses.setdefault(
            str(kind.status),
            {"description": "", "content": {MEDIA_TYPE: {"schema": ProblemSchema}}},
        )
        line = f"`{code}`: {kind.title}."
        response["description"] = " ".join(filter(None, (response["description"], line)))
    return responses


_MEANING = {
    200: "Done.",
    201: "Made.",
    202: "Kept, and still to be sent to the store.",
    204: "Gone.",
    303: "To the store's checkout.",
    304: "The cart still has the given entity tag.",
}
