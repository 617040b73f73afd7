"""Reads plain HTML forms, as browsers and people write them, for the routes without scripts."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal
from functools import partial
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl, urlencode

from marshmallow import Schema
from werkzeug.datastructures import Headers
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import MultiPartParser

from cartproxy.web.bodies import pointers, read_body, validate
from cartproxy.web.refusals import Refused
from cartproxy.web.request import current

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
    own = [
        name for name in names if _STORES_OWN.fullmatch("".join(filter(str.isalpha, name.lower())))
    ]
    if own:
        errors = list(pointers({name: ["Only the store decides this."] for name in sorted(own)}))
        raise Refused("invalid-request", "The form can't be accepted.", errors=errors)
    twice = [name for name in ("catalog_id", "quantity") if names.count(name) > 1]
    if twice:
        errors = [(f"/{name}", "Must not be repeated.") for name in twice]
        raise Refused("invalid-request", "A field is repeated.", errors=errors)
    return validate(schema, _form_document(pairs))


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
            option_id, _, value = (match[2], "", text) if match[2] else text.partition(":")
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


def _integer(text: str) -> int | str:
    return int(text) if _INTEGER.fullmatch(text) else text
