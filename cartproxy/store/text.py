"""Plain text out of the store's HTML."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache, wraps
from html.parser import HTMLParser
from typing import TypeVar

from cartproxy.model.cart import ItemOption

# Control characters, lone surrogates and the characters that turn the direction of writing: a
# name made of them could dress up the text beside it.
_UNWANTED = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]"
)
_SPACE = re.compile(r"\s+")
# No name is longer; and html.parser takes time by the square of what is never closed.
_MAX_HTML = 10_000
_SKIPPED = frozenset(("script", "style"))
_Read = TypeVar("_Read")
# A shop's names and pictures are the same in all its carts; no store may make us hold much more.
_REMEMBERED_TEXTS = 1_000
_REMEMBERED_CHARACTERS = 500


def remembered(read: Callable[..., _Read]) -> Callable[..., _Read]:
    """A function of texts that remembers its results for the short ones asked for last."""
    remember = lru_cache(_REMEMBERED_TEXTS)(read)

    @wraps(read)
    def recall(*texts: str) -> _Read:
        short = sum(map(len, texts)) <= _REMEMBERED_CHARACTERS
        return (remember if short else read)(*texts)

    return recall


class _Segments(HTMLParser):
    """Splits HTML at its line breaks, and keeps apart what is bold from what is not."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.segments: list[tuple[list[str], list[str]]] = [([], [])]
        self._bold = 0
        self._skipping = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("br", "p", "div", "li"):
            self.segments.append(([], []))
        elif tag in ("b", "strong"):
            self._bold += 1
        elif tag in _SKIPPED:
            self._skipping += 1

    def handle_endtag(self, tag: str) -> None:
        if tag in ("b", "strong"):
            self._bold = max(0, self._bold - 1)
        elif tag in _SKIPPED:
            self._skipping = max(0, self._skipping - 1)

    def handle_data(self, data: str) -> None:
        if not self._skipping:
            self.segments[-1][0 if self._bold else 1].append(data)


def tidy(text: str) -> str:
    """The text on one line, without control characters."""
    return _SPACE.sub(" ", _UNWANTED.sub("", text)).strip()


def _segments(html: str) -> list[tuple[str, str]]:
    if "<" not in html and "&" not in html:  # most texts, and parsing is dear
        return [("", tidy(html))]
    parser = _Segments()
    try:
        parser.feed(html[:_MAX_HTML])
        parser.close()
    except AssertionError:  # html.parser's way to say that a declaration is malformed
        return _segments(html.replace("<!", ""))
    except ValueError:  # a character reference of more digits than Python makes a number of
        return _segments(html.replace("&#", ""))
    return [(tidy("".join(bold)), tidy("".join(plain))) for bold, plain in parser.segments]


def plain_text(html: str) -> str:
    """HTML as one line of text."""
    return " ".join(part for segment in _segments(html) for part in segment if part)


@remembered
def describe_item(html: str) -> tuple[str, tuple[ItemOption, ...]]:
    """A line's name and options from its `ItemDescription`.

    The store writes `Name<br><b>Size:</b>&nbsp;M<br>...` (docs/store-api.md, Objects). What is
    neither the name nor an option stays with the name, so that nothing of the text is lost.
    """
    name: list[str] = []
    options: list[ItemOption] = []
    for index, (bold, plain) in enumerate(_segments(html)):
        if index and bold.endswith(":"):
            options.append(ItemOption(bold.removesuffix(":").strip(), plain))
        else:
            name += [part for part in (bold, plain) if part]
    return " ".join(name), tuple(options)
