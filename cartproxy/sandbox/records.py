"""The records of all resources except carts: listed, created, changed and deleted.

A list is paged by `limit` and `offset` (from 1), counted by `countonly` and filtered by the
resource's own parameters. Null and an empty parameter count as not sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cartproxy.sandbox.bodies import integer
from cartproxy.sandbox.errors import Refusal
from cartproxy.sandbox.fields import Record, Table, date, member, merge, merge_list, read, write
from cartproxy.sandbox.resources import UPDATED, Resource
from cartproxy.sandbox.state import State

Query = Mapping[str, str]


@dataclass(frozen=True)
class Change:
    """A record that was created, changed or deleted: before and after, or None."""

    resource: Resource
    before: Record | None
    after: Record | None

    @property
    def record(self) -> Record:
        """The record as it is now, or as it was when it was deleted."""
        return self.after or self.before or {}


def list_records(
    state: State,
    resource: Resource,
    query: Query,
    among: Callable[[Record], bool] = lambda record: True,
) -> Any:
    """The answer to a list's GET. Raises Refusal 400 and 404."""
    found = [
        record
        for record in state.records[resource.name].values()
        if among(record) and _fits(resource, record, query)
    ]
    return _page(state, resource, found, query)


def create(state: State, resource: Resource, body: Any) -> list[Change]:
    """Create records from one object or a list; all or none. Raises Refusal 400."""
    sent = [_read(resource, each) for each in _as_list(body)]
    for record in sent:
        for name in resource.required:
            if _value(record, name) in (None, "", False):
                raise Refusal(400, f"{name.rpartition('.')[2]} is required")
    changes = []
    for record in sent:
        new: Record = {}
        _id_holder(resource, record).pop(resource.id, None)  # the store chooses the ids
        merge(resource.table, new, record, state.new_id)
        _id_holder(resource, new)[resource.id] = state.new_id(resource.id)
        changes.append(Change(resource, None, new))
    return changes


def update(state: State, resource: Resource, body: Any, record_id: str | None) -> list[Change]:
    """Change the fields in the body, of one record or several; all or none.

    Raises Refusal 400 and 404.
    """
    pairs = []
    for each in _as_list(body):
        sent = _read(resource, each)
        wanted = record_id or str(id_of(resource, sent) or "")
        pairs.append((find(state, resource, wanted), sent))
    changes = []
    for record, sent in pairs:
        before = deepcopy(record)
        _id_holder(resource, sent).pop(resource.id, None)
        merge(resource.table, record, sent, state.new_id)
        changes.append(Change(resource, before, record))
    return changes


def delete(state: State, resource: Resource, record_id: str) -> Change:
    """Delete a record. Raises Refusal 404."""
    record = find(state, resource, record_id)
    del state.records[resource.name][id_of(resource, record)]
    return Change(resource, record, None)


def find(state: State, resource: Resource, record_id: str) -> Record:
    """The record of this id. Raises Refusal 404."""
    records = state.records[resource.name]
    number = int(record_id[:18]) if record_id.isascii() and record_id.isdigit() else 0
    if number not in records:
        raise _not_found(resource)
    return records[number]


def list_part(state: State, resource: Resource, record_id: str, part: str, query: Query) -> Any:
    """The answer to the GET of a list inside a record, such as an order's items."""
    _, table, members = _part(state, resource, record_id, part)
    listed = Resource(part, table, table.key)
    return _page(state, listed, members, query)


def get_part(state: State, resource: Resource, record_id: str, part: str, key: str) -> Any:
    """The answer to the GET of one member of such a list. Raises Refusal 404."""
    _, table, members = _part(state, resource, record_id, part)
    return [write(table, _member(part, table, members, key), state.style)]


def add_part(
    state: State, resource: Resource, record_id: str, part: str, body: Any
) -> tuple[Change, list[Any]]:
    """Add members to such a list. Returns the record's change and the new keys."""
    record, table, members = _part(state, resource, record_id, part)
    before = deepcopy(record)
    sent = [read(table, each) for each in _as_list(body)]
    if table.fields[table.key].kind == "text" and not all(each.get(table.key) for each in sent):
        raise Refusal(400, f"{table.key} is required")
    count = len(members)
    merge_list(table, members, sent, state.new_id)
    return Change(resource, before, record), [each[table.key] for each in members[count:]]


def change_part(
    state: State, resource: Resource, record_id: str, part: str, body: Any, key: str | None
) -> tuple[Change, list[Any]]:
    """Change members of such a list; all or none. Raises Refusal 404."""
    record, table, members = _part(state, resource, record_id, part)
    before = deepcopy(record)
    sent = [read(table, each) for each in _as_list(body)]
    if key is not None:
        if len(sent) > 1:
            raise Refusal(400, "Invalid request body")
        sent[0][table.key] = _member(part, table, members, key)[table.key]
    found = []
    for each in sent:
        one = member(table, members, each)
        if one is None:
            raise Refusal(404, f"One or more {part} records were not found")
        found.append(one[table.key])
    merge_list(table, members, sent, state.new_id)
    return Change(resource, before, record), found


def shown(state: State, resource: Resource, record: Record) -> Record:
    """A record as the API returns it."""
    document = write(resource.table, record, state.style)
    for name in resource.secret:
        document.pop(name)
    if resource.name == "Products" and not document["ProductLink"]:
        document["ProductLink"] = f"{state.base}/product-p/{id_of(resource, record)}"
    return document


def id_of(resource: Resource, record: Record) -> int:
    """A record's id; 0 if it has none."""
    return int(_id_holder(resource, record).get(resource.id) or 0)


def _id_holder(resource: Resource, record: Record) -> Record:
    """The object that has a record's id."""
    return record.setdefault("SKUInfo", {}) if resource.name == "Products" else record


def touch(record: Record) -> None:
    """Set the time of the record's last change to now."""
    record[UPDATED] = datetime.now().replace(microsecond=0)


def _read(resource: Resource, body: Any) -> Record:
    sent = read(resource.table, body)
    for name, allowed in resource.choices.items():
        if name in sent and sent[name] not in allowed:
            raise Refusal(400, f"{name} must be one of {', '.join(map(str, allowed))}")
    return sent


def _part(
    state: State, resource: Resource, record_id: str, part: str
) -> tuple[Record, Table, list[Record]]:
    """The record, and the table and members of a list inside it."""
    record, name = find(state, resource, record_id), resource.parts[part]
    return record, resource.table.fields[name].table, record.setdefault(name, [])


def _member(part: str, table: Table, members: Iterable[Record], key: str) -> Record:
    for each in members:
        if str(each.get(table.key)) == key:
            return each
    raise Refusal(404, f"No {part} records found")


def _as_list(body: Any) -> list[Any]:
    """A client may send one object or a list of them."""
    sent = body if isinstance(body, list) else [body]
    if not sent:
        raise Refusal(400, "Invalid request body")
    return sent


def _fits(resource: Resource, record: Record, query: Query) -> bool:
    for name, field_name in resource.filters.items():
        wanted = query.get(name, "")
        if wanted and not _equal(_value(record, field_name), wanted):
            return False
    for prefix, field_name in resource.since.items():
        moment = record.get(field_name) or datetime.min
        since, until = (query.get(f"{prefix}{end}") for end in ("start", "end"))
        if since and moment < (date(since, f"{prefix}start") or datetime.min):
            return False
        if until and moment > (date(until, f"{prefix}end") or datetime.max):
            return False
    return True


def _equal(value: Any, wanted: str) -> bool:
    if isinstance(value, bool) or value is None:
        return wanted.lower() in (("1", "true") if value else ("0", "false"))
    return str(value).lower() == wanted.lower()


def _page(state: State, resource: Resource, found: list[Record], query: Query) -> Any:
    if is_on(query, "countonly"):
        return {"TotalCount": len(found)}
    limit, offset = (_whole(query, name) for name in ("limit", "offset"))
    if not found:
        raise _not_found(resource)
    if offset > len(found):
        raise Refusal(400, "Offset amount exceeds the total number of records")
    first = max(offset - 1, 0)
    count = min(limit or resource.default_page or resource.page, resource.page)
    return [shown(state, resource, each) for each in found[first : first + count]]


def is_on(query: Query, name: str) -> bool:
    """Whether a parameter that is a yes or no is given as a yes."""
    return query.get(name, "").lower() in ("1", "true")


def _whole(query: Query, name: str) -> int:
    value = integer(query.get(name) or "0", name)
    if value < 0:
        raise Refusal(400, f"{name} is invalid")
    return value


def _value(record: Record, name: str) -> Any:
    """A field, one of an object, or whether all members of a list have theirs."""
    outer, _, inner = name.partition(".")
    value = record.get(outer)
    if not inner:
        return value
    if outer.endswith("List"):
        return all(each.get(inner) for each in value or ())
    return (value or {}).get(inner)


def _not_found(resource: Resource) -> Refusal:
    return Refusal(404, f"No {resource.name.removesuffix('s')} records found")
