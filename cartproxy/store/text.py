"""Turns the store's HTML into plain text.

lxml reads it as events: in its order, and in linear time. A tree would move words out of tables,
and takes time that grows with the square of its depth.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache, wraps
from typing import TypeVar

from lxml import etree

from cartproxy.model.cart import ItemOption

# Control characters, lone surrogates, and characters that change the direction of writing: with
# them a name could change how the text beside it looks.
_UNWANTED = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]"
)
_SPACE = re.compile(r"\s+")
_TAG = re.compile(r"<[^<>]*>?")
_MAX_TEXT = 8_000  # no name is longer
_MAX_MARKUP = 64_000  # in a whole answer; a cart of 90 lines has about 20,000
_MAX_SHORT = 200
_BOLD = frozenset(("b", "strong"))
_INLINE = _BOLD | frozenset((
    "a", "abbr", "acronym", "big", "bdi", "bdo", "body", "cite", "code", "del", "dfn", "em",
    "font", "html", "i", "img", "ins", "kbd", "label", "mark", "nobr", "q", "s", "samp",
    "small", "span", "strike", "sub", "sup", "time", "tt", "u", "var", "wbr",
))  # fmt: skip
_NO_TEXT = frozenset(("script", "style", "template", "title", "iframe", "noembed", "noframes"))
_Read = TypeVar("_Read")
# A shop's names and pictures are the same in all its carts. The limit keeps memory bounded.
_REMEMBERED_TEXTS = 1_000
_REMEMBERED_CHARACTERS = 500


def remembered(read: Callable[..., _Read]) -> Callable[..., _Read]:
    """A function of texts that caches its results for the last short texts."""
    remember = lru_cache(_REMEMBERED_TEXTS)(read)

    @wraps(read)
    def recall(*texts: str) -> _Read:
        short = sum(map(len, texts)) <= _REMEMBERED_CHARACTERS
        return (remember if short else read)(*texts)

    return recall


class _Runs:
    """Splits HTML where a browser begins a new line, and separates bold text from the rest."""

    def __init__(self) -> None:
        self._lines: list[list[tuple[bool, str]]] = [[]]
        self._bold = 0
        self._skipping = 0

    def start(self, tag: str, _: object) -> None:
        self._cross(tag, 1)

    def end(self, tag: str) -> None:
        self._cross(tag, -1)

    def _cross(self, tag: str, step: int) -> None:
        """Go into an element (1), or out of it (-1)."""
        if tag in _BOLD:
            self._bold += step
        elif tag in _NO_TEXT:
            self._skipping += step
        elif tag not in _INLINE and (self._lines[-1] or len(self._lines) == 1):
            self._lines.append([])

    def data(self, text: str) -> None:
        if not self._skipping:
            self._lines[-1].append((self._bold > 0, text))

    def close(self) -> list[tuple[str, str]]:
        """The first line, which has the name, and the other lines that are not empty."""
        first, *others = map(_split, self._lines)
        return [first, *filter(any, others)]


def _split(line: list[tuple[bool, str]]) -> tuple[str, str]:
    """The bold beginning of a line, and the rest of it."""
    length = next((at for at, (bold, text) in enumerate(line) if not bold and text.strip()), None)
    head, rest = line[:length], line[length:] if length is not None else []
    return tidy("".join(text for _, text in head)), tidy("".join(text for _, text in rest))


def tidy(text: str) -> str:
    """The text on one line, without control characters."""
    return _SPACE.sub(" ", _UNWANTED.sub("", text)).strip()


def _lines(markup: str) -> list[tuple[str, str]]:
    if "<" not in markup and "&" not in markup:  # most texts, and parsing is expensive
        return [("", tidy(markup))]
    # After an element: else the parser drops white space and what looks like a document's head.
    parser = etree.HTMLParser(target=_Runs(), huge_tree=True)
    parser.feed("<span>" + _UNWANTED.sub("", markup))
    lines: list[tuple[str, str]] = parser.close()
    return lines


@remembered
def plain_text(markup: str) -> str:
    """HTML as one line of text."""
    return " ".join(part for line in _lines(markup[:_MAX_TEXT]) for part in line if part)


@remembered
def describe_item(markup: str) -> tuple[str, tuple[ItemOption, ...]]:
    """A line's name and options from its `ItemDescription`.

    The store writes `Name<br><b>Size:</b>&nbsp;M<br>...` (docs/store-api.md, Objects). Other text
    is added to the name, so that nothing is lost.
    """
    name: list[str] = []
    options: list[ItemOption] = []
    for index, (bold, rest) in enumerate(_lines(markup[:_MAX_TEXT])):
        if index and bold.endswith(":"):
            options.append(
                ItemOption(first_visible(bold.removesuffix(":").strip(), "Option"), rest)
            )
        else:
            name += [part for part in (bold, rest) if part]
    return " ".join(name), tuple(options)


def first_visible(*texts: str) -> str:
    """The first text with a visible character: shoppers must see or hear a product's name."""
    for text in texts:
        # `tidy` leaves only visible characters of ASCII.
        if text and (text.isascii() or _is_visible(text)):
            return text
    return ""


def _is_visible(text: str) -> bool:
    return any(unicodedata.category(letter)[0] in "LNPS" for letter in text)


class Texts:
    """Reads the texts of one answer, with one limit for the markup of all of them.

    Beyond the limit a text is cut short, and only its tags are removed.
    """

    def __init__(self) -> None:
        self._left = _MAX_MARKUP

    def plain(self, markup: str) -> str:
        """HTML as one line of text."""
        return plain_text(markup) if self._is_within_limit(markup) else _without_tags(markup)

    def describe(self, markup: str) -> tuple[str, tuple[ItemOption, ...]]:
        """A line's name and options (see `describe_item`)."""
        return (
            describe_item(markup) if self._is_within_limit(markup) else (_without_tags(markup), ())
        )

    def _is_within_limit(self, markup: str) -> bool:
        if "<" in markup or "&" in markup:
            self._left -= min(len(markup), _MAX_TEXT)
        return self._left >= 0


def _without_tags(markup: str) -> str:
    return tidy(html.unescape(_TAG.sub(" ", markup[:_MAX_SHORT])))
