"""A TCP proxy that misbehaves on demand, between a client and a real server."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Iterator


class TcpProxy:
    """Forwards both ways. After `spare` more replies, `swallow` are read from the server and never
    passed on; while `hung` nothing is answered at all; while `refusing` connections are closed at
    once. `asked` counts the clients' packets and refused connections. After
    `commands_left` more commands each one, or the next `lose`, ends its connection instead, and
    counts as `lost`; so does each that has `losing` in it.
    """

    def __init__(self, port: int, tls: ssl.SSLContext | None = None) -> None:
        self._target = port
        self._tls = tls
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.port: int = self._listener.getsockname()[1]
        self.asked = 0
        self.spare = 0
        self.swallow = 0
        self.hung = False
        self.refusing = False
        self.commands_left: int | None = None
        self.lose: int | None = None
        self.losing = b""
        self.lost = 0
        self.delay_seconds = 0.0
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Close every connection."""
        with self._lock:
            for each in self._open:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
            self._open.clear()

    def close(self) -> None:
        """End."""
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            if self.refusing:
                self._count()
                client.close()
                return
            if self._tls:
                client = self._tls.wrap_socket(client, server_side=True)
            server = socket.create_connection(("127.0.0.1", self._target))
        except OSError:
            client.close()
            return
        with self._lock:
            self._open += [client, server]
        forward = threading.Thread(target=self._forward, args=(client, server), daemon=True)
        forward.start()
        self._replies(server, client)
        # A number that is free again while TLS still reads from it would be the next connection's.
        forward.join()
        client.close()
        server.close()

    def _count(self) -> None:
        with self._lock:
            self.asked += 1

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while chunk := client.recv(65536):
                self._count()
                if not self._passes(chunk):
                    break
                server.sendall(chunk)
            server.shutdown(socket.SHUT_RDWR)

    def _passes(self, command: bytes) -> bool:
        with self._lock:
            if self.losing and self.losing in command:
                self.lost += 1
                return False
            if self.commands_left is None:
                return True
            passes = self.commands_left > 0 or self.lost == self.lose
            self.commands_left = max(0, self.commands_left - 1)
            self.lost += not passes
            return passes

    def _replies(self, server: socket.socket, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while chunk := server.recv(65536):
                while self.hung:
                    time.sleep(0.01)
                time.sleep(self.delay_seconds)
                with self._lock:
                    lost = self.swallow > 0 and not self.spare
                    self.swallow -= lost
                    self.spare -= self.spare > 0
                if lost:
                    break
                client.sendall(chunk)
        for each in (server, client):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def tcp_proxy(port: int, tls: ssl.SSLContext | None = None) -> Iterator[TcpProxy]:
    """A proxy to the port of this machine."""
    proxy = TcpProxy(port, tls)
    yield proxy
    proxy.close()
