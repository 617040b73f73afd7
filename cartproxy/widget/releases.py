"""The widget's files as they are served: each release has a folder, which never changes again.

A page that pins a release by its integrity goes on working when the service is upgraded.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
import string
from collections import Counter
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path

VERSION = "1.1.0"
_FOLDER = Path(__file__).parent
_COMMENT = re.compile(r"(^|\s)(// |/\*\*).*")
# The banner, a text, a template (perhaps with one inside) or a regular expression, which stay as
# they are; `const`; a name; or blanks between other tokens, and commas and semicolons
# that end a block.
_TOKEN = re.compile(
    r"(?P<quote>[\"'])(?:\\.|(?!(?P=quote))[^\\\n])*(?P=quote)"
    r"|/\*!.*?\*/"
    r"|`(?:\\.|\$\{(?:[^`{}]|`[^`]*`)*\}|[^`\\])*`"
    r"|(?<=[(,=:\[!&|?{;]) ?/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n\[])+/"
    r"|(?P<const>\bconst\b)"
    r"|(?P<name>(?<![\w#$])[A-Za-z_]\w*\b)"
    r"|(?P<blank> +|(?<=[;{,(\[])\n|[,;]?\n(?=\})|\n(?=[).?:&|\]]))"
)
_NUMBER = re.compile(r"^const ([A-Z_]+) = ([\de]+);$", re.MULTILINE)
_NAMELESS = re.compile(r"let ([\de]+)=\1;")
_DECLARED = re.compile(r"^(?:const|let|(?:async )?function|class) (\w{3,})\b", re.MULTILINE)
_MEMBER = re.compile(r"\.\w+|\b\w+:|[{,]\s*\w+\s*(?=[,}]|=[^=>])|(?<!function )\b\w+(?=\(.*\) \{)")
_PRIVATE = re.compile(r"^(?:(?:static|async|get|set) )*#(\w+)", re.MULTILINE)
_PRIVATE_USE = re.compile(
    r"(?P<before>^(?:(?:static|async|get|set) )*|\.)#(?P<name>\w+)", re.MULTILINE
)
FILES = ("cartproxy.js", "product.js", "drawer.js", "texts.js", "legacy.js", "doctor.js")


@dataclass(frozen=True, slots=True)
class Script:
    """A script of the widget: UTF-8 text, the same compressed, and its `integrity` value."""

    plain: bytes
    gzipped: bytes
    integrity: str


@cache
def script(version: str, name: str) -> Script:
    """A release's script; `v1` is the newest 1.x. Raises LookupError for what is not there."""
    version = VERSION if version == "v1" else version
    path = _FOLDER / version / name
    if name not in FILES or version not in _versions() or not path.is_file():
        raise LookupError(name)
    lean = _lean(path.read_text(encoding="utf-8"))
    plain = (lean if version == "1.0.0" else compact(lean)).encode()
    digest = base64.b64encode(hashlib.sha384(plain).digest()).decode()
    return Script(plain, gzip.compress(plain, 9, mtime=0), f"sha384-{digest}")


@cache
def _versions() -> frozenset[str]:
    return frozenset(path.name for path in _FOLDER.iterdir() if (path / FILES[0]).is_file())


def _lean(source: str) -> str:
    """The source without indentation and comments, which take a sixth of it.

    A comment is a line that begins with `/**` or, in any place, what follows `// `.
    """
    lines = (_COMMENT.sub("", line).strip() for line in source.splitlines())
    return "\n".join(filter(None, lines))


def compact(source: str) -> str:
    """The lean source in a twentieth less.

    It loses the blanks that no two words need, private members and what is declared have short
    names, numbers none, and `let` stands for `const`, so that there is one word for the compression
    to know.
    """
    names = dict(zip(sorted({*_PRIVATE.findall(source)}), string.ascii_letters, strict=False))
    short = _PRIVATE_USE.sub(
        lambda use: f"{use['before']}#{names.get(use['name'], use['name'])}", source
    )
    names = _short_names(short)
    compacted = _TOKEN.sub(lambda found: _kept(found, short, names), short)
    return _NAMELESS.sub("", compacted)


def _short_names(source: str) -> dict[str, str]:
    """What stands for a declared name: the number that it names, or a short name.

    A name that a text, a template or a member has too is kept.
    """
    literals = [found[0] for found in _TOKEN.finditer(source) if found.lastgroup in {None, "quote"}]
    members = _MEMBER.findall(source)
    kept = set(re.findall(r"\w+", " ".join(literals + members)))
    words = Counter(re.findall(r"\w+", source))
    declared = sorted(set(_DECLARED.findall(source)) - kept, key=lambda name: (-words[name], name))
    short = [*string.ascii_letters, *map("".join, product(string.ascii_uppercase, repeat=2))]
    names = dict(zip(declared, (each for each in short if each not in words), strict=False))
    return names | {name: number for name, number in _NUMBER.findall(source) if name in names}


def _kept(found: re.Match[str], source: str, names: dict[str, str]) -> str:
    if found["const"]:
        return "let"
    if found["name"]:
        return names.get(found[0], found[0])
    if found["blank"] is None:
        return found[0].strip() if found[0].endswith("/") else found[0]
    before, after = source[found.start() - 1], source[found.end()]
    words = all(each.isalnum() or each in "_$#" for each in (before, after))
    signs = before == after and before in "+-"
    return " " if words or signs else ""
