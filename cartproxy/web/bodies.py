"""Reads request bodies: bounded, of the right type, strictly parsed, validated by a schema."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from decimal import Decimal
from functools import partial
from io import BytesIO
from itertools import islice
from typing import Any
from urllib.parse import parse_qsl, urlencode

from marshmallow import Schema, ValidationError
from werkzeug.datastructures import Headers
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import MultiPartParser

from cartproxy.web.context import context
from cartproxy.web.fields import MAX_ERRORS
from cartproxy.web.refusals import Refused
from cartproxy.web.request import Request, current

JSON_TYPE = "application/json"
MULTIPART_TYPE = "multipart/form-data"
FORM_TYPES = ("application/x-www-form-urlencoded", MULTIPART_TYPE)
_MAX_FIELDS = 100  # of a form
# What browsers write into a form's field `_charset_`, of encodings other than UTF-8.
_CHARSET = re.compile(
    r"windows-(?:125[0-8]|874)|iso-8859-(?:[1-9]|1[013-6]|8-i)|koi8-[ru]|ibm866|macintosh|"
    r"x-mac-cyrillic|shift_jis|euc-(?:jp|kr)|iso-2022-jp|gbk|gb18030|big5",
    re.ASCII,
)
# Python's names where they differ, or name an older encoding with fewer characters.
_CODECS = {
    "windows-874": "cp874",
    "iso-8859-8-i": "iso-8859-8",
    "x-mac-cyrillic": "mac-cyrillic",
    "shift_jis": "cp932",
    "euc-kr": "cp949",
    "gbk": "gb18030",
    "big5": "big5hkscs",
}
# How browsers write a character that such an encoding lacks.
_REFERENCE = re.compile(r"&#([1-9][0-9]{1,6});", re.ASCII)
_INTEGER = re.compile(r"[1-9][0-9]{0,9}", re.ASCII)
# As people write one: "1,5", ".5", "+1". A comma before three digits may separate thousands.
_NUMBER = re.compile(
    r"\+?(?:[0-9]{1,9}(?:\.[0-9]{0,6}|,(?:[0-9]{0,2}|[0-9]{4,6}))?|[.,][0-9]{1,6})", re.ASCII
)
_OPTION = re.compile(r"option-([1-9][0-9]{0,9})(?:-([1-9][0-9]{0,9}))?", re.ASCII)
# What a form may try to set and only the store decides, by the name's letters in lower case.
_STORES_OWN = re.compile(
    r"(?:item|unit|option|sale|retail|list)*(?:price|cost|discount)|orderkey|customerid|orderamount"
)


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
    return _validate(next(fitting, schemas[0]), document)


def load_form(schema: Schema) -> Any:
    """A form as a new item: `catalog_id`, `quantity`, `option-{set}` = `{id}` or `{id}:{text}`,
    or `option-{set}-{id}` = `{text}` for what is typed.

    Other fields are the page's or the browser's, and mean nothing here; one that would set what
    only the store decides, such as a price, is refused. Raises Refused like `load_json`.
    """
    text = read_form()
    try:
        pairs = _pairs(text)
    except ValueError:
        raise Refused("malformed-request", "The form can't be read.") from None
    names = [name for name, _ in pairs]
    own = [name for name in names if _STORES_OWN.fullmatch(_letters(name))]
    if own:
        errors = list(_pointers({name: ["Only the store decides this."] for name in sorted(own)}))
        raise Refused("invalid-request", "The form can't be accepted.", errors=errors)
    twice = [name for name in ("catalog_id", "quantity") if names.count(name) > 1]
    if twice:
        errors = [(f"/{name}", "Must not be repeated.") for name in twice]
        raise Refused("invalid-request", "A field is repeated.", errors=errors)
    return _validate(schema, _form_document(pairs))


class _InUtf8(MultiPartParser):
    """Reads each part as UTF-8, whatever its own headers say."""

    def get_part_charset(self, headers: Headers) -> str:
        return "utf-8"


def read_form() -> str:
    """The whole form as application/x-www-form-urlencoded, also if it was sent as multipart.

    Of a file there is only its name. Raises Refused like `read_body`, and unsupported-media-type.
    """
    request = current()
    if request.media_type not in FORM_TYPES:
        raise Refused(
            "unsupported-media-type", f"The form must be sent as {' or '.join(FORM_TYPES)}."
        )
    body = read_body()
    try:
        if request.media_type == MULTIPART_TYPE:
            boundary = request.mimetype_params.get("boundary", "").encode()
            # Names and values alike: a byte is a character until the form's encoding is known.
            sent = body.decode("latin-1").encode()
            parser = _InUtf8(max_form_parts=_MAX_FIELDS)
            fields, files = parser.parse(BytesIO(sent), boundary, len(sent))
            names = [(name, file.filename or "") for name, file in files.items(multi=True)]
            pairs = [*fields.items(multi=True), *names]
            # The boundary differs each time: by it, a double click would be two forms.
            body = urlencode(pairs, encoding="latin-1", errors="replace").encode()
            request.received = body
        return body.decode()
    except (ValueError, RequestEntityTooLarge):
        raise Refused("malformed-request", "The form can't be read.") from None


def _pairs(text: str) -> list[tuple[str, str]]:
    """The fields of a form, which a page that is not in UTF-8 sends in its own encoding.

    A form says its encoding in a field `_charset_`. Without that, what is not UTF-8 is read as
    windows-1252, and surrogates stand for what is invalid: in a field that is used they are refused
    later. Raises ValueError.
    """
    read = partial(parse_qsl, text, keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    charset = dict(read(encoding="latin-1")).get("_charset_", "").lower()
    if not _CHARSET.fullmatch(charset):
        charset = "windows-1252"
        with suppress(UnicodeDecodeError):
            return read(errors="surrogatepass")
    pairs = read(encoding=_CODECS.get(charset, charset), errors="surrogateescape")
    return [(name, _REFERENCE.sub(_character, value)) for name, value in pairs]


def _character(reference: re.Match[str]) -> str:
    number = int(reference[1])
    return chr(number) if number <= sys.maxunicode else reference[0]


def _form_document(pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """The form as JSON; what is no number stays text, for the schema to refuse."""
    document: dict[str, Any] = {}
    options: list[dict[str, Any]] = []
    for name, written in pairs:
        text = " ".join(written.split())  # the store takes single lines only
        if name.startswith("option-"):
            match = _OPTION.fullmatch(name)
            if match is None:  # an option that is not understood must not be dropped silently
                document[name] = text
                continue
            if not text:
                continue
            option_id, value = (match[2], text) if match[2] else _split(text)
            chosen = {"option_set_id": int(match[1]), "option_id": _integer(option_id)}
            options.append(chosen | {"value": value})
        elif name == "quantity" and text:
            number = read_number(text)
            document[name] = text if number is None else number
        elif name == "catalog_id":
            document[name] = _integer(text)
    if options:
        document["options"] = options
    return document


def read_number(text: str) -> Decimal | None:
    """A number as people write it; None for anything else, and for what is ambiguous."""
    return Decimal(text.replace(",", ".")) if _NUMBER.fullmatch(text) else None


def _split(text: str) -> tuple[str, str]:
    option_id, _, value = text.partition(":")
    return option_id, value


def _letters(name: str) -> str:
    return "".join(filter(str.isalpha, name.lower()))


def _integer(text: str) -> int | str:
    return int(text) if _INTEGER.fullmatch(text) else text


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


def _validate(schema: Schema, document: dict[str, Any]) -> Any:
    try:
        return schema.load(document)
    except ValidationError as error:
        errors = list(islice(_pointers(error.messages), MAX_ERRORS + 1))
        raise Refused("invalid-request", "The request can't be accepted.", errors=errors) from None


def _pointers(messages: Any, at: str = "") -> Iterator[tuple[str, str]]:
    """Marshmallow's nested messages as JSON pointers; a name made up by the caller is cut."""
    if isinstance(messages, dict):
        for name, nested in messages.items():
            step = str(name).encode("ascii", "backslashreplace").decode()[:64]
            here = at if name == "_schema" else f"{at}/{step.replace('~', '~0').replace('/', '~1')}"
            yield from _pointers(nested, here)
    else:
        for message in messages:
            yield at, message
