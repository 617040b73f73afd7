"""What the tests of the simulated store's API share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest
import requests
from support.shopper import KEYS, Store

from cartproxy.sandbox.switches import Switches

Api = Callable[..., requests.Response]


@pytest.fixture(autouse=True)
def usual_habits(request: pytest.FixtureRequest) -> None:
    """`--profile` is for tests of the client: tests of the simulated store use the defaults."""
    fixtures = request.fixturenames
    if (
        request.config.getoption("--profile", None)
        and "store" in fixtures
        and "client" not in fixtures
    ):
        request.getfixturevalue("store").set(**asdict(Switches()))


@pytest.fixture(params=["v1", "v2"])
def api(request: pytest.FixtureRequest, store: Store) -> Api:
    """Calls the API, in both versions, which have the same contract."""

    def call(method: str, path: str, json: Any = None, **more: Any) -> requests.Response:
        url = f"{store.url}/3dCartWebAPI/{request.param}{path}"
        headers = KEYS | {"Accept": "application/json"} | more.pop("headers", {})
        return requests.request(
            method, url, json=json, headers=headers, timeout=60, allow_redirects=False, **more
        )

    return call
