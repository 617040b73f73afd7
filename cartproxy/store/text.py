"""Plain text out of the store's HTML.

lxml reads it, by events: in the order in which it is written, and in linear time. A tree would move
words out of tables, and takes time by the square of how deep it is nested.
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

# Control characters, lone surrogates and the characters that turn the direction of writing: a
# name made of them could dress up the text beside it.
_UNWANTED = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]"
)
_SPACE = re.compile(r"\s+")
_TAG = re.compile(r"<[^<>]*>?")
_MAX_TEXT = 8_000  # no name is longer
_MAX_MARKUP = 64_000  # of a whole answer: a cart of 90 lines has about 20,000
_MAX_UNREAD = 200
_BOLD = frozenset(("b", "strong"))
_INLINE = _BOLD | frozenset((
    "a", "abbr", "acronym", "big", "bdi", "bdo", "body", "cite", "code", "del", "dfn", "em",
    "font", "html", "i", "img", "ins", "kbd", "label", "mark", "nobr", "q", "s", "samp",
    "small", "span", "strike", "sub", "sup", "time", "tt", "u", "var", "wbr",
))  # fmt: skip
_NO_TEXT = frozenset(("script", "style", "template", "title", "iframe", "noembed", "noframes"))
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


class _Runs:
    """Splits HTML where a browser begins a new line, and keeps apart what is bold."""

    def __init__(self) -> None:
        self._lines: list[list[tuple[bool, str]]] = [[]]
        self._bold = 0
        self._skipping = 0

    def start(self, tag: str, _: object) -> None:
        if tag in _BOLD:
            self._bold += 1
        elif tag in _NO_TEXT:
            self._skipping += 1
        elif tag not in _INLINE:
            self._break()

    def end(self, tag: str) -> None:
        if tag in _BOLD:
            self._bold -= 1
        elif tag in _NO_TEXT:
            self._skipping -= 1
        elif tag not in _INLINE:
            self._break()

    def data(self, text: str) -> None:
        if not self._skipping:
            self._lines[-1].append((self._bold > 0, text))

    def _break(self) -> None:
        if self._lines[-1] or len(self._lines) == 1:
            self._lines.append([])

    def close(self) -> list[tuple[str, str]]:
        """The first line, where the name belongs, and those of the others that are not empty."""
        first, *others = map(_split, self._lines)
        return [first, *filter(any, others)]


def _split(line: list[tuple[bool, str]]) -> tuple[str, str]:
    """What is bold at the beginning of a line, and all that follows."""
    length = next((at for at, (bold, text) in enumerate(line) if not bold and text.strip()), None)
    head, rest = line[:length], line[length:] if length is not None else []
    return tidy("".join(text for _, text in head)), tidy("".join(text for _, text in rest))


def tidy(text: str) -> str:
    """The text on one line, without control characters."""
    return _SPACE.sub(" ", _UNWANTED.sub("", text)).strip()


def _lines(markup: str) -> list[tuple[str, str]]:
    if "<" not in markup and "&" not in markup:  # most texts, and parsing is expensive
        return [("", tidy(markup))]
    # Behind an element: the parser takes away white space and what looks like a document's head.
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

    The store writes `Name<br><b>Size:</b>&nbsp;M<br>...` (docs/store-api.md, Objects). What is
    neither the name nor an option stays with the name, so that nothing of the text is lost.
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
    """The first that shows something: a nameless product can't be bought or heard."""
    for text in texts:
        # Of ASCII, tidy leaves only what is visible.
        if text and (text.isascii() or _is_visible(text)):
            return text
    return ""


def _is_visible(text: str) -> bool:
    return any(unicodedata.category(letter)[0] in "LNPS" for letter in text)


class Texts:
    """The texts of one answer, which may cost so much altogether and no more.

    When that is spent, each of the others is short, and as it is without its tags.
    """

    def __init__(self) -> None:
        self._left = _MAX_MARKUP

    def plain(self, markup: str) -> str:
        """HTML as one line of text."""
        return plain_text(markup) if self._affords(markup) else _unread(markup)

    def describe(self, markup: str) -> tuple[str, tuple[ItemOption, ...]]:
        """A line's name and options (see `describe_item`)."""
        return describe_item(markup) if self._affords(markup) else (_unread(markup), ())

    def _affords(self, markup: str) -> bool:
        if "<" in markup or "&" in markup:
            self._left -= min(len(markup), _MAX_TEXT)
        return self._left >= 0


def _unread(markup: str) -> str:
    return tidy(html.unescape(_TAG.sub(" ", markup[:_MAX_UNREAD])))
