"""Sealing at rest."""

from __future__ import annotations

import pytest

from cartproxy.records.seal import Seal
from cartproxy.storage.errors import StorageUnavailable

KEY, OTHER = "k" * 32, "o" * 32


def test_what_is_sealed_opens_with_its_key_and_shows_nothing() -> None:
    sealed = Seal(KEY).close("6F027F81ggx48to")

    assert "6F027" not in sealed
    assert Seal(KEY).open(sealed) == "6F027F81ggx48to"
    assert Seal(OTHER, KEY).open(sealed) == "6F027F81ggx48to"


def test_the_same_text_is_sealed_the_same_way() -> None:
    assert Seal(KEY).close("a") == Seal(KEY).close("a") != Seal(OTHER).close("a")


def test_without_the_key_or_altered_it_does_not_open() -> None:
    sealed = Seal(KEY).close("6F027F81ggx48to")

    for seal, text in ((Seal(OTHER), sealed), (Seal(), sealed), (Seal(KEY), sealed[:-1] + "0")):
        with pytest.raises(StorageUnavailable):
            seal.open(text)


def test_what_was_kept_before_sealing_began_still_opens() -> None:
    assert Seal(KEY).open("plain") == "plain"
    assert Seal().close("plain") == "plain"
    assert Seal(KEY).close("") == ""
