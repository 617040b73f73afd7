"""Random requests, valid to hostile, over a raw socket: 500 by default, FUZZ_INPUTS for more."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

import pytest
from support import hostile
from support.servers import service, store_environment, workers
from support.shopper import BLOG, Store

INPUTS = int(os.environ.get("FUZZ_INPUTS", "500"))
EXPECTED = {100, 200, 204, 400, 401, 403, 404, 405, 413, 414, 415, 422, 431, 501}
# The most of one input, compared with a plain read.
MOST_TIMES_THE_COST = 50
# For deliberately expensive ones, such as a body in 12,000 chunks. It was 300 and more.
MOST_FOR_THE_WORST = 100
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


def _asks(line: str, *fields: str, body: bytes = b"") -> bytes:
    head = [f"{line} HTTP/1.1", "Host: x", *hostile.PAGE, *fields, "", ""]
    return "\r\n".join(head).encode() + body


def _reads(field: str) -> bytes:
    return _asks("GET /v1/stores/demo/cart", *[field] * 7)


def _posts(body: bytes, form: str = "application/x-www-form-urlencoded") -> bytes:
    head = f"POST /v1/stores/demo/buy HTTP/1.1\r\nHost: x\r\nOrigin: {BLOG}\r\nContent-Type: {form}"
    return f"{head}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


ADD = "POST /v1/stores/demo/cart/items"
IN_CHUNKS = "Transfer-Encoding: chunked"
COSTLY = {
    "blanks in Accept": _asks("GET /nothing", *["Accept: a" + "\t" * 8000 + "b"] * 7),
    "tags": _reads("If-None-Match: " + "," * 8000),
    "cookies": _reads("Cookie: " + ";" * 8000),
    "quoted cookies": _reads("Cookie: " + ';a="b"' * 1300),
    "addresses": _reads("X-Forwarded-For: " + "," * 8000),
    "connection options": _reads("Connection: " + "," * 8000),
    "small chunks": _asks(ADD, IN_CHUNKS, body=b"1\r\n \r\n" * 65_000),
    "small chunks that nobody reads": _asks("POST /livez", IN_CHUNKS, body=b"1\r\n \r\n" * 65_000),
    "extensions": _asks(ADD, IN_CHUNKS, body=(b"1" + b";a=b" * 2000 + b"\r\n \r\n") * 100),
    "zeros": _asks(ADD, IN_CHUNKS, body=(b"0" * 8000 + b"1\r\n \r\n") * 60),
    "trailers": _asks(ADD, IN_CHUNKS, body=b"2\r\n{}\r\n0\r\n" + b"a:b\r\n" * 1600 + b"\r\n"),
    "blanks in a form": _posts(b"option-1-1=a" + b"+" * 60_000 + b"b"),
    "names in a form": _posts(b"item" * 15_000 + b"=1"),
    "references in a form": _posts(b"_charset_=big5&option-1-1=" + b"%26%23" * 10_000),
    "lines in a part": _posts(
        b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n'
        + b"\r\n" * 30_000
        + b"--x--\r\n",
        "multipart/form-data; boundary=x",
    ),
    "depth": _asks(ADD, "Content-Length: 65000", body=b"[" * 65_000),
}


@dataclass(frozen=True)
class Peer:
    """The service, and the CPU time that its worker spends on a request."""

    address: tuple[str, int]
    worker: int

    def cost(self, request: bytes) -> tuple[int, bytes]:
        """Nanoseconds of the worker's thread, and what it said."""
        before = self._spent()
        said = told(self.address, request)
        return self._spent() - before, said

    def _spent(self) -> int:
        schedule = Path(f"/proc/{self.worker}/task/{self.worker}/schedstat")
        return int(schedule.read_text().split()[0])


@pytest.fixture
def peer(fuzzed_url: str) -> Peer:
    address = urlsplit(fuzzed_url)
    (worker,) = workers(fuzzed_url)
    return Peer((address.hostname or "", address.port or 0), worker)


def told(address: tuple[str, int], request: bytes) -> bytes:
    """All that the service says to these bytes, after which nothing comes."""
    said = b""
    with (
        socket.create_connection(address, timeout=60) as client,
        contextlib.suppress(OSError),  # it may hang up before all of it is sent
    ):
        client.sendall(request)
        client.shutdown(socket.SHUT_WR)
        while piece := client.recv(65536):
            said += piece
    return said


def statuses(said: bytes, request: bytes) -> list[int]:
    """The statuses of the answers, each of which has to be complete and, if a problem, valid."""
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
    peer: Peer, fuzzed_url: str, store: Store
) -> None:
    plain = sorted(peer.cost(LOOK)[0] for _ in range(100))[50]
    random = Random(int(os.environ.get("FUZZ_SEED", "1")))
    seen: Counter[int] = Counter()
    worst = 0.0
    store.calls()
    for _ in range(INPUTS):
        request = hostile.request(random)
        nanoseconds, said = peer.cost(request)
        if nanoseconds > MOST_TIMES_THE_COST * plain:  # once more: it may have been something else
            nanoseconds, _ = peer.cost(request)
        worst = max(worst, nanoseconds / plain)
        answers = statuses(said, request)
        assert set(answers) <= EXPECTED, request
        assert nanoseconds <= MOST_TIMES_THE_COST * plain, request
        seen.update(answers or [0])

    print(f"\n{INPUTS} inputs: {dict(seen)} (0: no answer), worst {worst:.1f} times a look")
    assert {200, 400, 404, 405, 422, 431} <= seen.keys()
    assert store.calls() == []
    assert workers(fuzzed_url) == [peer.worker]


@pytest.mark.parametrize("name", COSTLY)
def test_request_that_is_made_to_be_costly_is_not(peer: Peer, name: str) -> None:
    plain = sorted(peer.cost(LOOK)[0] for _ in range(50))[25]
    costs, (said, *_) = zip(*(peer.cost(COSTLY[name]) for _ in range(5)), strict=True)

    assert set(statuses(said, COSTLY[name])) <= EXPECTED
    assert min(costs) <= MOST_FOR_THE_WORST * plain
