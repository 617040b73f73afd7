"""The files that a page of the documents tells its reader to write."""

from __future__ import annotations

import re
from pathlib import Path

# Its name, perhaps with a word about it, and its text.
_FILE = re.compile(r"^`([^`\n]+)`[^`]*:\n\n```\w+\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def files_in(page: str) -> dict[str, str]:
    """The files of a page in Markdown, or of a part of it, by name."""
    return dict(_FILE.findall(page))


def write(folder: Path, files: dict[str, str]) -> None:
    """Put the files into the folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
