"""Plain text out of the store's HTML."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartproxy.model.cart import ItemOption
from cartproxy.store.text import Texts, describe_item, plain_text, remembered


@pytest.mark.parametrize(
    ("html", "name", "options"),
    [
        ("Pint mug", "Pint mug", []),
        ("Shirt<br><b>Size:</b>&nbsp;M<br>", "Shirt", [("Size", "M")]),
        ("Shirt<BR/><B>Size:</B> M<br /><b>Colour:</b>&nbsp;Navy &amp; white", "Shirt",
         [("Size", "M"), ("Colour", "Navy & white")]),
        ('Ruler 12" < 1 ft & "brass"', 'Ruler 12" < 1 ft & "brass"', []),
        ("Bundle Item: MUG<br>Pint mug", "Bundle Item: MUG Pint mug", []),
        ("A<script>alert(1)</script>B<style>x{}</style>", "AB", []),
        ("<img src=x onerror=alert(1)>Mug", "Mug", []),
        ("Mug<br><b>Note:</b>", "Mug", [("Note", "")]),
        ("Mug <![if !mso]>big<![endif]>", "Mug big", []),
        ("Mug<!-- <b>Size:</b> -->", "Mug", []),
        ("Mug &lt;b&gt; &#x110000;&#0;", "Mug <b> \ufffd\ufffd", []),
        ("a\x00b\u202ec\n d", "abc d", []),
        ("", "", []),
        ("Big <b>red</b> mug", "Big red mug", []),
        ("<b>Big</b> red <i>mug</i> of <b>clay</b>", "Big red mug of clay", []),
        ("Mug<br><b>Size:</b> very <b>large</b> indeed", "Mug", [("Size", "very large indeed")]),
        ("Mug<br><b>:</b> large", "Mug", [("Option", "large")]),
        ("<br><b>Size:</b>&nbsp;M", "", [("Size", "M")]),
        ("<b>Size:</b> M", "Size: M", []),
        ("<br><br>Mug<br><br><b>Size:</b> M<br><br>", "Mug", [("Size", "M")]),
        ("<table>Mug<tr>of<td>red</td><td>clay</td></tr>fired</table>", "Mug of red clay fired", []),
        ("<p>Mug</p>of<div>clay</div>fired", "Mug of clay fired", []),
        ("Mug &amp;lt;b&amp;gt; &amp;amp; &amp;nbsp;", "Mug &lt;b&gt; &amp; &nbsp;", []),
        ("Mug<br><b>Text:</b>&nbsp;&lt;b&gt;Size:&lt;/b&gt; M", "Mug", [("Text", "<b>Size:</b> M")]),
    ],
)  # fmt: skip
def test_description_becomes_name_and_options(
    html: str, name: str, options: list[tuple[str, str]]
) -> None:
    assert describe_item(html) == (name, tuple(ItemOption(*each) for each in options))


@given(st.text(alphabet=st.sampled_from("ab<>/&;\"'b r\x00:\u2028"), max_size=60))
def test_any_html_gives_one_line_without_tags_of_ours(html: str) -> None:
    text = plain_text(html)

    assert text == text.strip()
    assert not set(text) & {"\n", "\r", "\t", "\x00"}


# What Word leaves behind in a description that was pasted from it.
@pytest.mark.parametrize(
    "html", ["Mug<![x[y]]>", "Mug<![CDATA[a]]>", "Mug<!ELEMENT x>", "Mug<?xml?>"]
)
def test_declarations_stop_nothing(html: str) -> None:
    assert plain_text(html).startswith("Mug")


@given(st.lists(st.sampled_from([*"ab<>/&;!?-[]#x ", "<!", "<![", "]]>", "<b", "&#"])))
def test_any_markup_at_all_gives_a_text(parts: list[str]) -> None:
    text = plain_text("".join(parts))

    assert text == " ".join(text.split())


def test_only_short_texts_are_cached() -> None:
    seen: list[str] = []

    @remembered
    def read(text: str) -> int:
        seen.append(text)
        return len(text)

    short, long = "Mug", "Mug" * 1000

    assert [read(text) for text in (short, short, long, long)] == [3, 3, 3000, 3000]
    assert seen == [short, long, long]


TAGS = ["b", "i", "p", "br", "div", "span", "table", "tr", "td", "li", "a", "font", "h1", "select",
        "option", "nobr", "center", "noscript"]  # fmt: skip


@given(st.lists(st.sampled_from([f"<{slash}{tag}>" for tag in TAGS for slash in ("", "/")])))
def test_words_keep_their_order(tags: list[str]) -> None:
    html = "".join(f"{tag} word{at} " for at, tag in enumerate(tags))

    name, options = describe_item(html)

    assert plain_text(html).split() == [f"word{at}" for at in range(len(tags))]
    assert name.split() == [f"word{at}" for at in range(len(tags))]
    assert options == ()


def test_texts_behind_the_budget_of_their_answer_are_short_and_have_their_words() -> None:
    texts = Texts()
    line = "Mug<br><b>Size:</b>&nbsp;M &amp; L" + "<br>" * 2_000

    described = [texts.describe(line) for _ in range(90)]

    assert described[0] == ("Mug", (ItemOption("Size", "M & L"),))
    assert described[-1][0].startswith("Mug Size: M & L")
    assert texts.plain("No markup") == "No markup"
