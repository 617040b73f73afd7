"""The widget's files: small, and never changed once released."""

from __future__ import annotations

import base64
import hashlib
import re

import minify
import pytest

from cartproxy.widget import releases
from cartproxy.widget.build import build

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


def test_the_newest_release_is_what_make_widget_makes() -> None:
    assert build() == {name: script(name).plain.decode() for name in releases.FILES}


def test_a_release_asks_in_the_order_of_its_source() -> None:
    # tdewolff-minify 2.24.11 and 2.24.12 put a declaration with a pattern before its neighbours.
    source = "async function f(){const before=now();const{a,b}=await call();use(before,a,b)}"

    made = minify.string("application/javascript", source)

    assert made.index("now()") < made.index("call()")


@pytest.mark.parametrize("name", releases.FILES[1:])
def test_the_script_loads_its_parts_by_their_integrity(name: str) -> None:
    # A shorter hash than that of the snippet, since each stands in the script itself.
    digest = base64.b64encode(hashlib.sha256(script(name).plain).digest()).decode()

    assert f'"{name}":"sha256-{digest}"' in script("cartproxy.js").plain.decode()


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
    [
        ("v2", "cartproxy.js"),
        ("1.0.0", "releases.py"),
        ("..", "snippet.py"),
        ("", "cartproxy.js"),
        ("source", "cartproxy.js"),
    ],
)
def test_there_is_nothing_else(version: str, name: str) -> None:
    with pytest.raises(LookupError):
        releases.script(version, name)


def test_part_for_the_stores_own_widget_weighs_at_most_1_5_kb_compressed() -> None:
    assert len(script("legacy.js").gzipped) <= 1500
