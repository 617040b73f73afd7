"""An HTTP server of a test, which keeps what is posted to it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from support.waiting import wait_for

Posts = list[tuple[str, dict[str, str], Any]]


class Receiver:
    """`posts` are path, headers and JSON body of each POST; `answer` makes status and JSON."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.posts: Posts = []
        self.answer: Callable[[str, Any], tuple[int, Any]] = lambda path, body: (200, {})

    def wait_for(self, count: int) -> Posts:
        """Wait until so many posts have come."""
        wait_for(lambda: len(self.posts) >= count, f"{count} posts")
        return self.posts


@contextmanager
def receiver() -> Iterator[Receiver]:
    """The server, on a port of its own."""

    class _Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"null")
            status, document = received.answer(self.path, body)
            received.posts.append((self.path, dict(self.headers), body))
            answer = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    received = Receiver(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield received
    finally:
        server.shutdown()
        server.server_close()
