"""Steps on the store's own pages that several tests take."""

from __future__ import annotations

import re
from urllib.parse import urljoin

import requests


def place_order(checkout_url: str, outcome: str = "Approve") -> None:
    """Press the buttons on the store's own page and on its gateway's, as the shopper does."""
    with requests.Session() as browser:
        page = browser.get(checkout_url, timeout=60)
        for name in ("Place order", outcome):
            page = browser.post(_target(page, name), timeout=60)
            assert page.status_code == 200, page.text


def _target(page: requests.Response, button: str) -> str:
    form = re.search(rf'<form[^>]*action="([^"]*)"[^>]*><p><button>{button}</button>', page.text)
    assert form is not None, page.text
    return urljoin(page.url, form[1].replace("&amp;", "&"))
