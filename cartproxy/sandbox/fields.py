"""Objects of the store's API as tables of fields: read from clients, merged, written to them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from cartproxy.sandbox.bodies import integer, number
from cartproxy.sandbox.errors import Refusal

Record = dict[str, Any]
NewId = Callable[[str], int]
MIN_VALUE = "0001-01-01T00:00:00"  # no date, in .NET
_US_DATE = "%m/%d/%Y %H:%M"
# As the pages document it, as generated samples have it, and as .NET clients write it.
_DATES = (_US_DATE, "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y")


@dataclass(frozen=True)
class Table:
    """The fields of an object by name. `key` is the field that identifies a member of a list.

    A member without a key is found by the field `also`. A list of `references` to other records is
    replaced as a whole; in other lists each member is changed by itself.
    """

    fields: dict[str, Field]
    key: str = ""
    also: str = ""
    references: bool = False


NO_TABLE = Table({})


@dataclass(frozen=True)
class Field:
    """A field. `kind` is one of

    text (`length` is the maximum), integer, decimal (whole numbers are written as `1.0`), number
    (they are written as `1`), sorting (a decimal in version 2, whole in version 1), flag, date (in
    the form of the switch `date_format`), us_date (always in the documented form), object and list
    (of `table`).
    """

    kind: str
    length: int | None = None
    table: Table = NO_TABLE


def table(
    lines: str, *, key: str = "", also: str = "", references: bool = False, **nested: Table
) -> Table:
    """A table from lines such as `text Email:100 Name`: a kind, then fields of it."""
    fields = {}
    for line in lines.split("\n"):
        kind, *names = line.split() or [""]
        for each in names:
            name, _, length = each.partition(":")
            fields[name] = Field(kind, int(length) if length else None, nested.get(name, NO_TABLE))
    return Table(fields, key, also, references)


def read(table: Table, body: Any) -> Record:
    """The fields that a client sent. Null counts as not sent; unknown fields are ignored.

    Names may be in upper or lower case. Raises Refusal 400.
    """
    if not isinstance(body, dict):
        raise Refusal(400, "Invalid request body")
    sent = {name.lower(): value for name, value in body.items()}
    return {
        name: _read(field, name, sent[name.lower()])
        for name, field in table.fields.items()
        if sent.get(name.lower()) is not None
    }


def _read(field: Field, name: str, value: Any) -> Any:
    if field.kind == "text":
        return _text(field, name, value)
    if field.kind == "integer":
        return integer(value, name)
    if field.kind in ("decimal", "number", "sorting"):
        return number(value, name)
    if field.kind == "flag":
        return _flag(name, value)
    if field.kind in ("date", "us_date"):
        return date(value, name)
    if field.kind == "object":
        return read(field.table, value)
    if not isinstance(value, list):
        raise Refusal(400, f"{name} is invalid")
    return [read(field.table, each) for each in value]


def _text(field: Field, name: str, value: Any) -> str:
    if isinstance(value, (bool, list, dict)):
        raise Refusal(400, f"{name} is invalid")
    text = str(value)  # a number is accepted as text, as by ASP.NET
    if field.length is not None and len(text) > field.length:
        raise Refusal(400, f"{name} is too long: {field.length} characters at most")
    return text


def _flag(name: str, value: Any) -> bool:
    flags = {"true": True, "1": True, "false": False, "0": False}
    if str(value).lower() not in flags:
        raise Refusal(400, f"{name} is invalid")
    return flags[str(value).lower()]


def date(value: Any, name: str) -> datetime | None:
    """A local time of the store, in any form that clients write; None for .NET's "no date".

    Raises Refusal 400.
    """
    text = str(value).strip()
    for form in _DATES:
        try:
            return datetime.strptime(text, form)
        except ValueError:
            continue
    try:
        moment = datetime.fromisoformat(text).replace(tzinfo=None)
        return None if moment == datetime.min else moment
    except ValueError:
        raise Refusal(400, f"{name} is not a date: mm/dd/yyyy hh:mm:ss") from None


def merge(table: Table, record: Record, changes: Record, new_id: NewId) -> None:
    """Apply the changes to the record.

    Members of lists are found by their key and changed in the same way; new ones get an id.
    """
    for name, value in changes.items():
        field = table.fields[name]
        if field.kind == "object":
            merge(field.table, record.setdefault(name, {}), value, new_id)
        elif field.kind == "list" and not field.table.references:
            merge_list(field.table, record.setdefault(name, []), value, new_id)
        else:
            record[name] = value


def merge_list(
    table: Table, members: list[Record], changes: Iterable[Record], new_id: NewId
) -> None:
    """Change the existing members and add the others; see `merge`."""
    before = list(members)
    for change in changes:
        found = member(table, before, change)
        if found is None:
            found = {}
            members.append(found)
        merge(table, found, change, new_id)
        if table.key and table.fields[table.key].kind == "integer" and not found.get(table.key):
            found[table.key] = new_id(table.key)


def member(table: Table, members: list[Record], change: Record) -> Record | None:
    """The member of a list that a change refers to."""
    name = table.key if change.get(table.key) else table.also
    wanted = change.get(name)
    return next((each for each in members if wanted and each.get(name) == wanted), None)


@dataclass(frozen=True)
class Style:
    """How the store writes: the switch `date_format`, and the version of the API in the call."""

    date_format: str
    version: int


def write(table: Table, record: Record, style: Style) -> Record:
    """The complete object as the store returns it; fields that were never set are empty."""
    return {name: _write(field, record.get(name), style) for name, field in table.fields.items()}


def _write(field: Field, value: Any, style: Style) -> Any:
    if field.kind == "object":
        return write(field.table, value or {}, style)
    if field.kind == "list":
        return [write(field.table, each, style) for each in value or ()]
    if field.kind in ("date", "us_date"):
        return write_date(value, "us" if field.kind == "us_date" else style.date_format)
    if value is None:
        value = {"text": "", "flag": False}.get(field.kind, Decimal(0))
    if field.kind == "decimal" or (field.kind == "sorting" and style.version > 1):
        return float(value)
    if field.kind in ("integer", "number", "sorting"):
        return int(value) if value == int(value) else float(value)
    return value


def write_date(moment: datetime | None, date_format: str) -> str:
    """A local time without zone, in the form `iso`, or `us` as in the samples."""
    if moment is None:
        return MIN_VALUE
    return moment.strftime(_US_DATE if date_format == "us" else "%Y-%m-%dT%H:%M:%S")
