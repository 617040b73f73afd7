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
FOLDER = Path(__file__).parent
FILES = ("cartproxy.js", "product.js", "drawer.js", "texts.js", "legacy.js", "doctor.js")
_RELEASE = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+", re.ASCII)


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
    path = FOLDER / version / name
    if name not in FILES or not _RELEASE.fullmatch(version) or not path.is_file():
        raise LookupError(name)
    plain = path.read_bytes()
    digest = base64.b64encode(hashlib.sha384(plain).digest()).decode()
    return Script(plain, gzip.compress(plain, 9, mtime=0), f"sha384-{digest}")
