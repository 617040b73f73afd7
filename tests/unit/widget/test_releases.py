"""The widget's files: small, and never changed once released."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest

from cartproxy.widget import releases

# A released file never changes: pages hold it by its integrity. A change needs a new folder.
RELEASED = {
    "cartproxy.js": "sha384-qT8YcKHoUtjuLAEpKsqifrK78fW3HbXiBEWMJUOjDPR9KVh750muUp+U4wO5jAk/",
    "drawer.js": "sha384-D4zfR9QVDGRsfniYalDKNcvnaRlLD/2gMDEXZ+UW5uaOaYqvbAP+oWubLlbbi5Sq",
    "doctor.js": "sha384-1MbMrhOJlfKYJlH8l4/wpVj9uni7FnFRQ8RpN80r5s3TBSz3FIfBhXtJKgWWK9y9",
}


def script(name: str, version: str = "v1") -> releases.Script:
    """A released file."""
    return releases.script(version, name)


def test_the_script_weighs_at_most_9_kb_compressed() -> None:
    assert len(script("cartproxy.js").gzipped) <= 9000


def test_released_files_are_as_they_were() -> None:
    assert {name: script(name, "1.0.0").integrity for name in RELEASED} == RELEASED


@pytest.mark.parametrize("name", releases.FILES[1:])
def test_the_script_loads_its_parts_by_their_integrity(name: str) -> None:
    named = re.search(rf'"{name}": ?"([^"]+)"', script("cartproxy.js").plain.decode())

    assert named is not None
    # A shorter hash than that of the snippet, since each stands in the script itself.
    digest = base64.b64encode(hashlib.sha256(script(name).plain).digest()).decode()
    assert named[1] == f"sha256-{digest}"


@pytest.mark.parametrize(
    ("source", "compact"),
    [
        ('const a = b ? "c  d" : e;\nf({ g: 1 });', 'let a=b?"c  d":e;f({g:1});'),
        ("h = 'i \"j  k\" l' + m;", "h='i \"j  k\" l'+m;"),
        ("n = `o ${p ? `q  ${r} s` : t} u`;", "n=`o ${p ? `q  ${r} s` : t} u`;"),
        ("v = /[\\s' /]+ \\/ x/g.test(w) && y;", "v=/[\\s' /]+ \\/ x/g.test(w)&&y;"),
        ("a = +b + +c - -d / 2 / e;", "a=+b+ +c- -d/2/e;"),
        ("async #f() {\n}\nget #g() {\n}", "async #a(){}\nget #b(){}"),
        ('#far;\nstatic #of = 1;\nf(this.#far, "#far");', '#a;static #b=1;f(this.#a,"#far");'),
        ("f({\na,\nb,\n});\n{\nc();\n}\nd", "f({a,b});{c()}\nd"),
        ("e\n? f\n: [\ng\n]\n.h()\n&& i", "e?f:[g].h()&&i"),
        ('"const"; `const ${j}`', '"const";`const ${j}`'),
        (
            "const A_B = 1;\nconst CD = 2;\nconst EF = [A_B, A];\nf(`${CD}`, CD, { EF }, x.A_B);",
            "let A_B=1;let CD=2;let EF=[A_B,A];f(`${CD}`,CD,{EF},x.A_B);",
        ),
        ('const A_B = 1;\nconst CDE = "a b";\nf(A_B + CDE, b);', 'let d="a b";f(1+d,b);'),
        (
            "let far = { hand };\nlet hand = far;\nlet foot;\nlet eye = { ear: x.foot };\nlet ear;",
            "let a={hand};let hand=a;let foot;let b={ear:x.foot};let ear;",
        ),
        (
            "class Body {\nhear({ see = 1 }) {\n}\n}\nlet see;\nfunction hear(a) {\n}",
            "class b{hear({see=1}){}}\nlet see;function hear(a){}",
        ),
        ("/*! The banner · MIT */\nreturn [a, b];", "/*! The banner · MIT */\nreturn[a,b];"),
    ],
)
def test_blanks_are_removed_only_from_code(source: str, compact: str) -> None:
    assert releases.compact(source) == compact


@pytest.mark.parametrize("name", releases.FILES)
def test_version_in_the_files_is_the_folders(name: str) -> None:
    assert f"cartproxy widget {releases.VERSION}" in script(name).plain.decode().splitlines()[0]


def test_script_holds_nothing_that_a_strict_policy_forbids() -> None:
    for name in releases.FILES:
        text = script(name).plain.decode()
        assert not re.search(
            r"\beval\(|new Function|innerHTML|outerHTML|document\.write|\.style\b", text
        )


@pytest.mark.parametrize(
    ("version", "name"),
    [("v2", "cartproxy.js"), ("1.0.0", "releases.py"), ("..", "snippet.py"), ("", "cartproxy.js")],
)
def test_there_is_nothing_else(version: str, name: str) -> None:
    with pytest.raises(LookupError):
        releases.script(version, name)


def test_part_for_the_stores_own_widget_weighs_at_most_1_5_kb_compressed() -> None:
    assert len(script("legacy.js").gzipped) <= 1500
