"""Objects of the store's API as tables of fields: read from a client, merged, written to it."""

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
MIN_VALUE = "0001-01-01T00:00:00"  # .NET's "no date"
_US_DATE = "%m/%d/%Y %H:%M"
# What the pages document, what generated samples have, and what .NET clients write.
_DATES = (_US_DATE, "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y")


@dataclass(frozen=True)
class Table:
    """The fields of an object by name. `key` names the one that tells list members apart.

    A member without key is found by `also`, where that is given. A list of `references` to other
    records is replaced as a whole; the members of others are changed one by one.
    """

    fields: dict[str, Field]
    key: str = ""
    also: str = ""
    references: bool = False


NO_TABLE = Table({})


@dataclass(frozen=True)
class Field:
    """A field. `kind` is one of

    text (`length` is its most characters), integer, decimal (whole ones go out as `1.0`), number
    (whole ones go out as `1`), sorting (a decimal in version 2, and whole in version 1), flag, date
    (as the switch `date_format` says), us_date (always as the pages document it), object and list
    (of `table`).
    """

    kind: str
    length: int | None = None
    table: Table = NO_TABLE


def table(
    lines: str, *, key: str = "", also: str = "", references: bool = False, **nested: Table
) -> Table:
    """A table from lines such as `text Email:100 Name`, a kind and its fields."""
    fields = {}
    for line in lines.split("\n"):
        kind, *names = line.split() or [""]
        for each in names:
            name, _, length = each.partition(":")
            fields[name] = Field(kind, int(length) if length else None, nested.get(name, NO_TABLE))
    return Table(fields, key, also, references)


def read(table: Table, body: Any) -> Record:
    """The fields that a client sent; null is not sent, unknown ones are ignored.

    Names are found in any case. Raises Refusal 400.
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
    text = str(value)  # a number is taken as text, as ASP.NET does
    if field.length is not None and len(text) > field.length:
        raise Refusal(400, f"{name} is too long: {field.length} characters at most")
    return text


def _flag(name: str, value: Any) -> bool:
    flags = {"true": True, "1": True, "false": False, "0": False}
    if str(value).lower() not in flags:
        raise Refusal(400, f"{name} is invalid")
    return flags[str(value).lower()]


def date(value: Any, name: str) -> datetime | None:
    """A moment of the store's local time in any form that clients write; None for .NET's "no date".

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
    """Change what the changes name, in the record itself.

    Members of lists are found by their key and changed alike; others are added, with a new id.
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
    """Change the members that are there and add the others; see `merge`."""
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
    """The member of a list that a change is about."""
    name = table.key if change.get(table.key) else table.also
    wanted = change.get(name)
    return next((each for each in members if wanted and each.get(name) == wanted), None)


@dataclass(frozen=True)
class Style:
    """How a store writes: its switch `date_format`, and the version of the API that was asked."""

    date_format: str
    version: int


def write(table: Table, record: Record, style: Style) -> Record:
    """The whole object as the store answers it; what was never set is empty."""
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
    """Store-local, without zone; in the form `iso`, or `us` as the samples have it."""
    if moment is None:
        return MIN_VALUE
    return moment.strftime(_US_DATE if date_format == "us" else "%Y-%m-%dT%H:%M:%S")
