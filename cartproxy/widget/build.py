"""Makes the release that is not out yet from its source: `make widget`."""

from __future__ import annotations

import base64
import hashlib
import re

import minify

from cartproxy.widget.releases import FILES, FOLDER, VERSION

_PART = re.compile(r'"(\w+\.js)": ""')


def build() -> dict[str, str]:
    """The files of a release by name: minified, and with the hashes of the parts in the first."""
    first, *others = FILES
    source = {name: (FOLDER / "source" / name).read_text(encoding="utf-8") for name in FILES}
    parts = {name: _minified(source[name]) for name in others}
    hashed = _PART.sub(lambda named: f'"{named[1]}": "{_hash(parts[named[1]])}"', source[first])
    return {first: _minified(hashed)} | parts


def _minified(source: str) -> str:
    text: str = minify.string("application/javascript", source)
    return text


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


if __name__ == "__main__":
    for name, text in build().items():
        (FOLDER / VERSION / name).write_text(text, encoding="utf-8")
