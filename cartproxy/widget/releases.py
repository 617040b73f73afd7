"""The widget's files as they are served: each release has a folder, which never changes again.

A page that pins a release by its integrity goes on working when the service is upgraded.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

VERSION = "1.1.0"
_FOLDER = Path(__file__).parent
_COMMENT = re.compile(r"(^|\s)(// |/\*\*).*")
FILES = ("cartproxy.js", "drawer.js", "doctor.js")


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
    if name not in FILES or version not in _versions():
        raise LookupError(name)
    plain = _lean(path.read_text(encoding="utf-8")).encode()
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
