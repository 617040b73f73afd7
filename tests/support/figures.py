"""Reads /metrics as Prometheus does."""

from __future__ import annotations

from collections.abc import Callable

import requests
from prometheus_client.parser import text_string_to_metric_families

from support.waiting import wait_for

TOKEN = "metrics-token"


def scrape(proxy_url: str) -> str:
    """The text of /metrics; every scrape is a connection of its own, so it may meet any worker."""
    answer = requests.get(
        f"{proxy_url}/metrics", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60
    )
    assert answer.status_code == 200, answer.text
    return answer.text


class Figures:
    """One scrape. `figures("cartproxy_carts_total", event="lost")` sums what matches."""

    def __init__(self, proxy_url: str) -> None:
        families = text_string_to_metric_families(scrape(proxy_url))
        self.samples = [sample for family in families for sample in family.samples]

    def __call__(self, name: str, **labels: str) -> float:
        return sum(
            sample.value
            for sample in self.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def names(self) -> set[str]:
        """The names of all samples."""
        return {sample.name for sample in self.samples}

    def values_of(self, label: str) -> set[str]:
        """Every value of a label, over all figures."""
        return {sample.labels[label] for sample in self.samples if label in sample.labels}


def until(proxy_url: str, holds: Callable[[Figures], bool], what: str) -> Figures:
    """Scrape until the figures are as they should be."""

    def scraped() -> Figures | None:
        figures = Figures(proxy_url)
        return figures if holds(figures) else None

    return wait_for(scraped, what)
