"""What a key identifies, and the answer kept under it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cartproxy.errors import Outcome
from cartproxy.model.cart import ItemResult
from cartproxy.model.keys import IdempotencyKey, KeptAnswer

KEY = {"key": "k", "route": "POST /cart/items", "path": "/cart/items", "body": b"{}"}


def test_keys_scope_is_its_route() -> None:
    key = IdempotencyKey.of(**KEY)  # type: ignore[arg-type]
    elsewhere = IdempotencyKey.of(**KEY | {"route": "PATCH /cart"})  # type: ignore[arg-type]
    other = IdempotencyKey.of(**KEY | {"key": "k2"})  # type: ignore[arg-type]

    assert len({key.entry, elsewhere.entry, other.entry}) == 3
    assert key == IdempotencyKey.of(**KEY)  # type: ignore[arg-type]


def test_other_body_or_address_is_another_request_under_the_same_key() -> None:
    key = IdempotencyKey.of(**KEY)  # type: ignore[arg-type]
    body = IdempotencyKey.of(**KEY | {"body": b"{ }"})  # type: ignore[arg-type]
    path = IdempotencyKey.of(**KEY | {"path": "/cart/items/7"})  # type: ignore[arg-type]

    assert key.entry == body.entry == path.entry
    assert len({key.fingerprint, body.fingerprint, path.fingerprint}) == 3


def test_entry_holds_nothing_of_the_key() -> None:
    key = IdempotencyKey.of("sk-very-secret", "POST /x", "/x", b"body")

    assert "secret" not in f"{key.entry}{key.fingerprint}"
    assert " " not in f"{key.entry}{key.fingerprint}"


results = st.builds(
    ItemResult,
    st.integers(0, 49),
    st.sampled_from(Outcome),
    st.none() | st.text(max_size=9),
    st.none() | st.sampled_from(["item-rejected", "store-timeout"]),
)


@given(st.lists(results, max_size=5).map(tuple), st.booleans())
def test_every_answer_survives_being_kept(results: tuple[ItemResult, ...], created: bool) -> None:
    answer = KeptAnswer(results, created)

    assert KeptAnswer.decode(answer.encode()) == answer
    assert answer.encode() != "open"
