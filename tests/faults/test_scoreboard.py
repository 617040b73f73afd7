"""Lost lines, doubled lines, second carts and bare 500s: all must be 0.

`pytest tests/faults/test_scoreboard.py -s` prints the table in docs/reliability.md.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
import requests
from support.servers import ROOT
from support.shopper import MUG, Shopper, Store, credential

TRIALS = 20


@dataclass
class Score:
    """What went wrong in all trials of one situation."""

    lost: int = 0
    doubled: int = 0
    second_carts: int = 0
    bare_500s: int = 0


def add(url: str, bearer: str, key: str = "") -> requests.Response:
    headers = {"Idempotency-Key": key or secrets.token_hex(8)}
    shopper = Shopper(url, bearer=bearer)
    return shopper.call("POST", "/cart/items", {"catalog_id": MUG}, headers=headers)


def at_once(url: str, bearer: str, count: int) -> list[requests.Response]:
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(lambda _: add(url, bearer), range(count)))


def two_first_adds(url: str, bearer: str, store: Store) -> tuple[int, list[requests.Response]]:
    return 2, at_once(url, bearer, 2)


def two_adds_of_one_product(
    url: str, bearer: str, store: Store
) -> tuple[int, list[requests.Response]]:
    first = add(url, bearer)
    return 3, [first, *at_once(url, bearer, 2)]


def twenty_adds(url: str, bearer: str, store: Store) -> tuple[int, list[requests.Response]]:
    return 20, at_once(url, bearer, 20)


def retried_add(url: str, bearer: str, store: Store) -> tuple[int, list[requests.Response]]:
    key = secrets.token_hex(8)
    return 1, [add(url, bearer, key), add(url, bearer, key)]


def lost_answer(url: str, bearer: str, store: Store) -> tuple[int, list[requests.Response]]:
    key = secrets.token_hex(8)
    store.fail({"method": "POST", "path": "/Cart/*/Item", "fault": "apply_then_drop", "times": 1})
    return 1, [add(url, bearer, key), add(url, bearer, key)]


SITUATIONS: dict[str, Callable[[str, str, Store], tuple[int, list[requests.Response]]]] = {
    "two first adds at once": two_first_adds,
    "two adds of one product at once": two_adds_of_one_product,
    "20 adds at once": twenty_adds,
    "a retried add": retried_add,
    "an add whose answer is lost": lost_answer,
}


def play(url: str, store: Store, situation: str, merging: bool) -> Score:
    score = Score()
    for _ in range(TRIALS):
        store.reset()
        store.set(merge_same_item=merging)
        wanted, answers = SITUATIONS[situation](url, credential(), store)
        carts = store.carts()
        there = sum(line["quantity"] for cart in carts for line in cart["lines"])
        acknowledged = wanted - sum(answer.status_code in (409, 503) for answer in answers)
        score.lost += max(0, acknowledged - there)
        score.doubled += max(0, there - acknowledged)
        score.second_carts += len(carts) - 1
        score.bare_500s += sum(answer.status_code == 500 for answer in answers)
    return score


@pytest.mark.parametrize("merging", [False, True], ids=["second-line", "merging"])
def test_scoreboard_is_all_zero(quick_url: str, store: Store, merging: bool) -> None:
    scores = {name: play(quick_url, store, name, merging) for name in SITUATIONS}

    table = [
        "| situation, 20 times each | lost | doubled | second carts | bare 500s |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, score in scores.items():
        cells = (score.lost, score.doubled, score.second_carts, score.bare_500s)
        table.append(f"| {name} | {' | '.join(str(cell) for cell in cells)} |")
    print("\n" + "\n".join(table))
    assert set(map(str, scores.values())) == {str(Score())}
    assert "\n".join(table) in (ROOT / "docs/reliability.md").read_text()
