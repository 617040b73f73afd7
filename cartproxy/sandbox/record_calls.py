"""The calls of all resources except carts, such as `/Customers` and `/Orders/{id}/Items`."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from flask import request

from cartproxy.sandbox import records, upkeep
from cartproxy.sandbox.bodies import parse_any
from cartproxy.sandbox.errors import Refusal
from cartproxy.sandbox.fields import Record, write_date
from cartproxy.sandbox.resources import RESOURCES, Resource
from cartproxy.sandbox.responses import envelope
from cartproxy.sandbox.state import State

Result = tuple[int, Any]
_TOKEN_LIFE = timedelta(minutes=5)


def answer(state: State, method: str, path: str, body: bytes) -> Result:
    """Execute the call and return HTTP status and JSON document. Raises Refusal."""
    name, *rest = path.strip("/").split("/")
    resource = RESOURCES.get(name.lower())
    if resource is None or len(rest) > 3:
        raise Refusal(404, "No such resource")
    if len(rest) < 2:
        return _record(state, resource, method, body, *rest)
    part = next((each for each in resource.parts if each.lower() == rest[1].lower()), None)
    if part is not None:
        return _part(state, resource, method, body, rest[0], part, *rest[2:])
    special = _SPECIAL.get((resource.name, rest[1].lower()))
    if special is None or len(rest) > 2:
        raise Refusal(404, "No such resource")
    if method != "GET":
        raise Refusal(405, "Method not allowed")
    return special(state, rest[0])


def _record(
    state: State, resource: Resource, method: str, body: bytes, record_id: str | None = None
) -> Result:
    here = {"GET", "PUT", "POST"} if record_id is None else {"GET", "PUT", "DELETE"}
    if method not in resource.methods or method not in here:
        raise Refusal(405, "Method not allowed")
    if method == "GET":
        if record_id is None:
            return 200, records.list_records(state, resource, _query())
        record = records.find(state, resource, record_id)
        return 200, [records.shown(state, resource, record)]  # an array of one
    if method == "DELETE":
        change = records.delete(state, resource, record_id or "")
        upkeep.save(state, change)
        return _done(state, resource.id, [records.id_of(resource, change.record)], "Deleted")
    if method == "POST":
        changes = records.create(state, resource, parse_any(body))
    else:
        changes = records.update(state, resource, parse_any(body), record_id)
    for change in changes:
        upkeep.complete(state, change)
    query = _query()
    process = not records.is_on(query, "bypassorderprocessing")
    mail = not records.is_on(query, "bypassorderemail")
    for change in changes:
        upkeep.save(state, change, process=process, mail=mail)
    ids = [records.id_of(resource, change.record) for change in changes]
    return _done(state, resource.id, ids, "Created" if method == "POST" else "updated")


def _part(
    state: State,
    resource: Resource,
    method: str,
    body: bytes,
    record_id: str,
    part: str,
    key: str | None = None,
) -> Result:
    if method == "GET":
        if key is None:
            return 200, records.list_part(state, resource, record_id, part, _query())
        return 200, records.get_part(state, resource, record_id, part, key)
    if method == "POST" and key is None:
        change, keys = records.add_part(state, resource, record_id, part, parse_any(body))
    elif method == "PUT":
        change, keys = records.change_part(state, resource, record_id, part, parse_any(body), key)
    else:
        raise Refusal(405, "Method not allowed")
    upkeep.complete(state, change)
    upkeep.save(state, change)
    table = resource.table.fields[resource.parts[part]].table
    return _done(state, table.key, keys, "Created" if method == "POST" else "updated")


def _done(state: State, key: str, values: list[Any], word: str) -> Result:
    """One envelope for each value. The vendor's pages capitalise the words differently."""
    status, message = 201 if word == "Created" else 200, f"{word} successfully"
    return status, [
        line for each in values for line in envelope(key, each, status, message, state.switches)
    ]


def _customers_of_group(state: State, group_id: str) -> Result:
    group = records.find(state, RESOURCES["customergroups"], group_id)
    number = group["CustomerGroupID"]

    def belongs(customer: Record) -> bool:
        return bool(customer.get("CustomerGroupID") == number)

    return 200, records.list_records(state, RESOURCES["customers"], _query(), belongs)


def _login_token(state: State, admin_id: str) -> Result:
    """A token with which an admin logs in at `Loginurl`: one object, not an array."""
    records.find(state, RESOURCES["admins"], admin_id)
    token = secrets.token_hex(16)
    query = urlencode({"token": token, "targetpage": _query().get("targetpage", "")})
    return 200, {
        "Token": token,
        "Loginurl": f"{state.base}/admin/login.asp?{query}",
        "Expiration": write_date(datetime.now() + _TOKEN_LIFE, "us"),
    }


_SPECIAL: dict[tuple[str, str], Callable[[State, str], Result]] = {
    ("CustomerGroups", "customers"): _customers_of_group,
    ("Admins", "logintoken"): _login_token,
}


def _query() -> dict[str, str]:
    """The parameters; their names are in lower case here."""
    return {name.lower(): value for name, value in request.args.items()}
