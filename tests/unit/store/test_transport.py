"""One store call against servers that misbehave on the wire."""

from __future__ import annotations

import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from support.servers import free_port
from support.waiting import wait_for

from cartproxy.deadline import Deadline
from cartproxy.errors import Outcome
from cartproxy.store import sessions
from cartproxy.store.errors import (
    StoreBadResponse,
    StoreError,
    StoreFailed,
    StoreTimeout,
    StoreTls,
    StoreUnreachable,
)
from cartproxy.store.sessions import new_session
from cartproxy.store.transport import Answer, StoreTransport

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
connections: list[socket.socket] = []
Play = Callable[[socket.socket], None]


@contextmanager
def server(play: Play) -> Iterator[tuple[str, list[bytes]]]:
    """A server that plays its role on every connection; yields its URL and the requests seen."""
    listener = socket.create_server(("127.0.0.1", 0))
    seen: list[bytes] = []
    connections.clear()
    closing = threading.Event()

    def converse(client: socket.socket) -> None:
        with client:
            while not closing.is_set():
                try:
                    request = client.recv(65536)
                    if not request:
                        return
                    seen.append(request)
                    play(client)
                except OSError:
                    return

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            connections.append(client)
            threading.Thread(target=converse, args=(client,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}", seen
    closing.set()
    listener.close()


def transport(url: str, call_seconds: float = 60) -> StoreTransport:
    return StoreTransport(
        new_session(4),
        base_url=url,
        secret_headers={"PrivateKey": "secret-key", "Token": "secret-token"},
        connect_seconds=60,
        call_seconds=call_seconds,
    )


def post(url: str, call_seconds: float = 60) -> object:
    deadline = Deadline.after(1000)
    return transport(url, call_seconds).call("POST", "/Cart", deadline, {}, operation="test").body


def says(answer: bytes) -> Play:
    return lambda client: client.sendall(answer)


def says_and_closes(answer: bytes) -> Play:
    def play(client: socket.socket) -> None:
        client.sendall(answer)
        client.shutdown(socket.SHUT_RDWR)

    return play


def drips(answer: bytes) -> Play:
    def play(client: socket.socket) -> None:
        for byte in answer:
            client.sendall(bytes([byte]))
            time.sleep(0.05)

    return play


def with_length(body: bytes, head: bytes = HEAD) -> bytes:
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


@pytest.mark.parametrize(
    "answer",
    [
        with_length(b"{}", HEAD + b"X-Long: " + b"x" * 2000 + b"\r\n"),
        with_length(b" " * 4000),
    ],
    ids=["headers", "body"],
)
def test_dripping_answer_is_cut_at_the_hard_deadline(answer: bytes) -> None:
    # A drip lasts over 100 s, and then it is no time-out. When it is cut: see test_exchange.
    with server(drips(answer)) as (url, _):
        with pytest.raises(StoreTimeout) as caught:
            post(url, call_seconds=0.6)

        assert caught.value.outcome is Outcome.UNKNOWN


def test_connection_of_a_cut_answer_is_not_used_again() -> None:
    drip, say = drips(with_length(b"[1]" + b" " * 500)), says(with_length(b"[2]"))
    with server(lambda client: (drip if b"/drip" in seen[-1] else say)(client)) as (url, seen):
        calls = transport(url)
        with pytest.raises(StoreTimeout):
            calls.call("GET", "/drip", Deadline.after(0.5), operation="test")

        answer = calls.call("GET", "/", Deadline.after(60), operation="test")

        assert answer.body == [2]


def test_deadline_of_the_request_is_inherited() -> None:
    over = threading.Event()
    with server(lambda client: bool(over.wait())) as (url, seen):
        calls = transport(url)
        began = time.monotonic()

        with pytest.raises(StoreTimeout):
            calls.call("GET", "/", Deadline.after(0.3), operation="test")
        took = time.monotonic() - began
        with pytest.raises(StoreTimeout):
            calls.call("GET", "/too-late", Deadline.after(0), operation="test")
        over.set()

    assert took < 60, "that is the call's own deadline"
    assert not any(b"/too-late" in request for request in seen)


@pytest.mark.parametrize(
    ("play", "error"),
    [
        (says(with_length(b"<html>")), StoreBadResponse),
        (says(with_length(b'[{"a":1},]')), StoreBadResponse),
        (says(with_length(b'{"a":NaN}')), StoreBadResponse),
        (says(with_length(b"[" * 100_000)), StoreBadResponse),
        (says(with_length(b"[" + b"9" * 5000 + b"]")), StoreBadResponse),
        (says(with_length(b"[1e99999999999999999999]")), StoreBadResponse),
        (says(with_length(b"\xff\xfe[")), StoreBadResponse),
        (says(with_length(b"")), StoreBadResponse),
        (says(with_length(b'"' + b"x" * 1024 * 1024 + b'"')), StoreBadResponse),
        (says(HEAD + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"), StoreBadResponse),
        (says(b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n"), StoreBadResponse),
        (says(b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"), StoreFailed),
        (says_and_closes(HEAD + b"Content-Length: 99\r\n\r\n[1"), StoreFailed),
        (says_and_closes(b"HTTP/1.1 20"), StoreFailed),
        (says_and_closes(b""), StoreFailed),
        (says(b"nonsense\r\n\r\n"), StoreFailed),
    ],
)  # fmt: skip
def test_unusable_answer_to_a_write_leaves_its_outcome_unknown(
    play: Play, error: type[StoreError]
) -> None:
    with server(play) as (url, _), pytest.raises(error) as caught:
        post(url)

    assert type(caught.value) is error
    assert caught.value.outcome is Outcome.UNKNOWN
    assert "secret" not in str(caught.value)


def test_refused_connection_was_surely_not_sent() -> None:
    with pytest.raises(StoreUnreachable) as caught:
        post(f"http://127.0.0.1:{free_port()}")

    assert caught.value.outcome is Outcome.NOT_APPLIED


def test_unknown_host_was_surely_not_sent() -> None:
    with pytest.raises(StoreUnreachable):
        post("http://no-such-host.invalid")


def test_plain_text_on_a_tls_port_is_not_trusted() -> None:
    with server(says(b"HTTP/1.1 400 Bad\r\n\r\n")) as (url, _), pytest.raises(StoreTls):
        post(url.replace("http", "https"))


def test_redirect_is_not_followed_and_takes_no_secret_along() -> None:
    with server(says(with_length(b"{}"))) as (thief, stolen):
        to = (
            b"HTTP/1.1 307 Moved\r\nLocation: " + thief.encode() + b"/\r\nContent-Length: 0\r\n\r\n"
        )
        with server(says(to)) as (url, _), pytest.raises(StoreBadResponse):
            post(url)

    assert stolen == []


def test_proxies_of_the_environment_are_not_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")

    with server(says(with_length(b"[1]"))) as (url, _):
        assert post(url) == [1]


def answering() -> tuple[list[socket.socket], Callable[[socket.socket], None]]:
    """A store that answers each call, and a list of the connections they came over."""
    used: list[socket.socket] = []

    def play(client: socket.socket) -> None:
        used.append(client)
        client.sendall(with_length(b"[1]"))

    return used, play


def test_cookies_of_the_store_are_not_sent_back_and_connections_are_kept() -> None:
    with server(says(with_length(b"[1]", HEAD + b"Set-Cookie: cart=alice\r\n"))) as (
        url,
        seen,
    ):
        calls = transport(url)
        for path in ("/1", "/2", "/3"):
            calls.call("GET", path, Deadline.after(60), operation="test")

    assert len(seen) == 3
    assert len(connections) == 1
    assert all(b"ookie" not in request for request in seen)
    assert all(b"PrivateKey: secret-key" in request for request in seen)


def test_same_call_is_not_sent_twice_in_a_row_over_one_connection() -> None:
    used, play = answering()
    with server(play) as (url, _):
        calls = transport(url)
        for path in ("/a", "/a", "/b", "/b", "/b"):
            calls.call("POST", path, Deadline.after(9), {}, operation="test")

    first, second, third, fourth, fifth = used
    assert first is not second
    assert second is third
    assert third is not fourth
    assert fourth is not fifth
    assert len(connections) == 2


def test_connection_is_kept_only_after_a_checked_answer() -> None:
    used, play = answering()

    def refuse(_: Answer) -> bool:
        raise StoreBadResponse("not ours")

    with server(play) as (url, _):
        calls = transport(url)
        calls.call("GET", "/1", Deadline.after(9), operation="test", check=lambda _: False)
        with pytest.raises(StoreBadResponse):
            calls.call("GET", "/2", Deadline.after(9), operation="test", check=refuse)
        for path in ("/3", "/4"):
            calls.call("GET", path, Deadline.after(9), operation="test", check=lambda _: True)

    first, second, third, fourth = used
    assert len({first, second, third}) == 3
    assert third is fourth


def test_reading_is_not_repeated_over_one_connection_even_after_other_calls() -> None:
    used, play = answering()
    with server(play) as (url, _):
        calls = transport(url)
        for _ in range(3):
            calls.call("POST", "/a", Deadline.after(9), {}, operation="test")
            calls.call("GET", "/a", Deadline.after(9), operation="test")

    looks = used[1::2]
    assert len(set(looks)) == 3


def test_reading_is_repeated_over_one_connection_when_no_answer_can_be_late(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    used, play = answering()
    with server(play) as (url, _):
        calls = transport(url)
        monkeypatch.setattr(sessions, "_LATE_SECONDS", 0.0)
        for path in ("/a", "/b", "/a"):
            calls.call("GET", path, Deadline.after(9), operation="test")

    assert len(set(used)) == 1


def test_late_second_answer_ends_the_kept_connection_before_it_is_used_again() -> None:
    with server(says(with_length(b"[1]"))) as (url, _):
        calls = transport(url)
        calls.call("GET", "/1", Deadline.after(9), operation="test")
        connections[0].sendall(with_length(b"[1]"))
        kept = calls._pool.pool.queue[-1].sock  # type: ignore[union-attr]
        assert select.select([kept], [], [], 30)[0]

        calls.call("GET", "/2", Deadline.after(9), operation="test")

    assert len(connections) == 2


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7), ("", None), ("soon", None), ("٣", None), ("0", 0), ("007", 7), ("-1", None), ("1.5", None),
     ("60", 60), ("61", 60), ("999999999", 60), ("9" * 5000, 60), ("0" * 5000 + "7", 7)],
    ids=lambda value: str(value)[:12],
)  # fmt: skip
@pytest.mark.parametrize("status", [429, 400])
def test_retry_after_is_a_plain_number_of_at_most_a_minute(
    header: str, seconds: int | None, status: int
) -> None:
    answer = (
        f"HTTP/1.1 {status} Busy\r\nRetry-After: {header}\r\nContent-Length: 0\r\n\r\n".encode()
    )
    with server(says(answer)) as (url, _):
        got = transport(url).call("POST", "/", Deadline.after(60), {}, operation="test")

    assert (got.status, got.body, got.retry_after) == (status, None, seconds)


def test_retry_after_of_a_server_error_is_bounded_too() -> None:
    answer = b"HTTP/1.1 503 Busy\r\nRetry-After: 999999999\r\nContent-Length: 0\r\n\r\n"
    with server(says(answer)) as (url, _), pytest.raises(StoreFailed) as failed:
        transport(url).call("POST", "/", Deadline.after(60), {}, operation="test")

    assert failed.value.retry_after == 60


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1e99999999999999999999]", b'"' + b"x" * 2**20])
def test_unreadable_error_answer_is_still_known_by_its_status(body: bytes) -> None:
    head = b"HTTP/1.1 404 Not Found\r\n"
    with server(says(with_length(body, head))) as (url, _):
        got = transport(url).call("POST", "/", Deadline.after(60), {}, operation="test")

    assert (got.status, got.body) == (404, None)


@pytest.mark.parametrize("drop", [b"", b"HTTP/1.1 20", HEAD + b"Content-Length: 9\r\n\r\n[1"])
def test_read_that_failed_has_surely_changed_nothing(drop: bytes) -> None:
    with (
        server(says_and_closes(drop)) as (url, _),
        pytest.raises(StoreFailed) as caught,
    ):
        transport(url).call("GET", "/", Deadline.after(60), operation="test")

    assert caught.value.outcome is Outcome.NOT_APPLIED


def test_connection_reset_in_the_middle_is_a_store_error() -> None:
    def play(client: socket.socket) -> None:
        client.sendall(HEAD + b"Content-Length: 9\r\n\r\n[1")
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()

    with server(play) as (url, _), pytest.raises(StoreFailed) as caught:
        post(url)

    assert caught.value.outcome is Outcome.UNKNOWN


def test_kept_connection_that_the_store_has_closed_is_not_a_lost_call() -> None:
    with server(says_and_closes(with_length(b"[1]"))) as (url, seen):
        calls = transport(url)
        calls.call("GET", "/", Deadline.after(60), operation="test")
        wait_for(lambda: connections[0].fileno() == -1, "the store closes it")

        again = calls.call("POST", "/", Deadline.after(60), {}, operation="test")

    assert again.body == [1]
    assert sum(piece.startswith((b"GET ", b"POST ")) for piece in seen) == 2


def test_head_and_body_go_out_together_and_say_all_that_the_store_asks_for() -> None:
    with server(says(with_length(b"[1]"))) as (url, seen):
        calls = transport(f"{url}/api/")
        calls.call("POST", "/Cart", Deadline.after(60), {"a": "ü"}, operation="test")
        calls.call("DELETE", "/Cart/1", Deadline.after(60), operation="test")
        calls.call("GET", "/Products?countonly=1", Deadline.after(60), operation="test")

    usual = (
        b"Host: %s\r\nAccept: application/json\r\nAccept-Encoding: identity\r\n"
        b"User-Agent: cartproxy\r\nPrivateKey: secret-key\r\nToken: secret-token\r\n"
    ) % url.removeprefix("http://").encode()
    assert seen == [
        b"POST /api/Cart HTTP/1.1\r\n"
        + usual
        + b'Content-Type: application/json\r\nContent-Length: 14\r\n\r\n{"a":"\\u00fc"}',
        b"DELETE /api/Cart/1 HTTP/1.1\r\n" + usual + b"Content-Length: 0\r\n\r\n",
        b"GET /api/Products?countonly=1 HTTP/1.1\r\n" + usual + b"\r\n",
    ]


@pytest.mark.parametrize("path", ["/Cart/a b", "/Cart/1\r\nX: y", "/Cart/é", "/Cart/1\n"])
def test_path_that_could_be_more_than_one_is_never_sent(path: str) -> None:
    with (
        server(says(with_length(b"[1]"))) as (url, seen),
        pytest.raises(ValueError, match="safe"),
    ):
        transport(url).call("GET", path, Deadline.after(60), operation="test")

    assert seen == []


def test_authority_file_that_does_not_exist_is_a_store_error() -> None:
    calls = StoreTransport(
        new_session(4), base_url="https://localhost:1", secret_headers={},
        connect_seconds=60, call_seconds=60, ca_file="/nowhere/ca.pem",
    )  # fmt: skip

    with pytest.raises(StoreFailed):
        calls.call("GET", "/", Deadline.after(60), operation="test")


@pytest.mark.parametrize("size", [2**20 - 2, 2**20 - 1])
def test_one_mebibyte_is_the_limit(size: int) -> None:
    fits = size + 2 <= 2**20
    with server(says(with_length(b'"' + b"x" * size + b'"'))) as (url, _):
        if fits:
            assert post(url) == "x" * size
        else:
            with pytest.raises(StoreBadResponse):
                post(url)
