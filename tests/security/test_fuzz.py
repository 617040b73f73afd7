"""Random requests, from right to hostile, over a raw socket: 500 by default, FUZZ_INPUTS for more."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

import pytest
from conftest import store_environment
from support import hostile
from support.servers import service, workers
from support.shopper import Store

INPUTS = int(os.environ.get("FUZZ_INPUTS", "500"))
EXPECTED = {100, 200, 204, 400, 401, 403, 404, 405, 413, 414, 415, 422, 431, 501}
# Of one input against a plain look.
MOST_TIMES_THE_COST = 50
LOOK = b"GET /v1/stores/demo/cart HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer cpt1_" + b"h" * 43 + b"\r\n\r\n"  # fmt: skip


@pytest.fixture(scope="module")
def fuzzed_url(redis_url: str, store_url: str) -> Iterator[str]:
    """A service of one worker, so that it can be seen what each input costs."""
    environment = {
        "CARTPROXY_REDIS_URL": redis_url,
        "CARTPROXY_WORKERS": "1",
        "CARTPROXY_LOG_LEVEL": "error",
        **store_environment(store_url),
    }
    with service(environment) as url:
        yield url


def told(address: tuple[str, int], request: bytes) -> bytes:
    """All that the service says to these bytes, after which nothing comes."""
    said = b""
    with (
        socket.create_connection(address, timeout=60) as client,
        contextlib.suppress(ConnectionError),
    ):
        client.sendall(request)
        client.shutdown(socket.SHUT_WR)
        while piece := client.recv(65536):
            said += piece
    return said


def statuses(said: bytes, request: bytes) -> list[int]:
    """Those of the answers, each of which has to be whole; its problem, if it is one, too."""
    found = []
    while said:
        head, separator, said = said.partition(b"\r\n\r\n")
        line, *fields = head.split(b"\r\n")
        version, status, _ = line.split(b" ", 2)
        assert (version, separator) == (b"HTTP/1.1", b"\r\n\r\n")
        found.append(int(status))
        lengths = [int(each[16:]) for each in fields if each.startswith(b"Content-Length: ")]
        if status in (b"100", b"204"):
            assert not lengths
            continue
        body, said = said[: lengths[0]], said[lengths[0] :]
        if request.lstrip(b"\r\n").startswith(b"HEAD "):
            return found  # what follows has no length that could be checked
        assert len(body) == lengths[0]
        if b"Content-Type: application/problem+json" in fields:
            assert json.loads(body)["status"] == int(status)
    return found


def test_random_requests_are_answered_as_http_says_and_cost_little(
    fuzzed_url: str, store: Store
) -> None:
    address = urlsplit(fuzzed_url)
    peer = (address.hostname or "", address.port or 0)
    (worker,) = workers(fuzzed_url)
    schedule = Path(f"/proc/{worker}/task/{worker}/schedstat")

    def cost(request: bytes) -> tuple[int, bytes]:
        before = int(schedule.read_text().split()[0])
        said = told(peer, request)
        return int(schedule.read_text().split()[0]) - before, said

    plain = sorted(cost(LOOK)[0] for _ in range(100))[50]
    random = Random(int(os.environ.get("FUZZ_SEED", "1")))
    seen: Counter[int] = Counter()
    worst = 0.0
    store.calls()
    for _ in range(INPUTS):
        request = hostile.request(random)
        nanoseconds, said = cost(request)
        if nanoseconds > MOST_TIMES_THE_COST * plain:  # once more: it may have been something else
            nanoseconds, _ = cost(request)
        worst = max(worst, nanoseconds / plain)
        answers = statuses(said, request)
        assert set(answers) <= EXPECTED, request
        assert nanoseconds <= MOST_TIMES_THE_COST * plain, request
        seen.update(answers or [0])

    print(f"\n{INPUTS} inputs: {dict(seen)} (0: no answer), worst {worst:.1f} times a look")
    assert {200, 400, 404, 405, 422, 431} <= seen.keys()
    assert store.calls() == []
    assert workers(fuzzed_url) == [worker]
