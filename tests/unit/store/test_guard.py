"""The retry budget."""

from __future__ import annotations

from cartproxy.store.guard import RetryBudget


def test_ten_retries_are_saved_up_and_each_ten_calls_earn_one_more() -> None:
    budget = RetryBudget()
    saved_up = sum(budget.spend() for _ in range(50))

    granted = 0
    for _ in range(100):
        budget.earn()
        granted += budget.spend()

    assert saved_up == 10
    assert granted == 10


def test_no_more_than_ten_are_ever_saved_up() -> None:
    budget = RetryBudget()
    for _ in range(1000):
        budget.earn()

    assert sum(budget.spend() for _ in range(50)) == 10
