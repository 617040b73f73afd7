"""Serves the simulated store by gunicorn: one process, since its carts are in memory."""

from __future__ import annotations

import argparse
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

from cartproxy.sandbox import DEFAULT_PRIVATE_KEY, DEFAULT_SECURE_URL, DEFAULT_TOKEN
from cartproxy.sandbox.app import create_app


class _Server(BaseApplication):  # type: ignore[misc] # gunicorn has no types
    def __init__(self, app: Flask, options: dict[str, Any]) -> None:
        self._app = app
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return self._app


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the simulated store, for any command that starts it."""
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8001, help="port to listen on")
    parser.add_argument("--latency-ms", type=int, default=0, help="delay of every store call")
    parser.add_argument("--secure-url", default=DEFAULT_SECURE_URL, help="SecureURL header")
    parser.add_argument("--private-key", default=DEFAULT_PRIVATE_KEY, help="PrivateKey header")
    parser.add_argument("--token", default=DEFAULT_TOKEN, help="Token header")
    parser.add_argument("--access-token", default="", help="Authorization: Bearer")


def serve_from_arguments(chosen: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM."""
    app = create_app(
        secure_url=chosen.secure_url,
        private_key=chosen.private_key,
        token=chosen.token,
        access_token=chosen.access_token,
        latency_ms=chosen.latency_ms,
    )
    options = {
        "bind": f"{chosen.host}:{chosen.port}",
        "workers": 1,
        "worker_class": "gthread",
        "threads": 256,
        "keepalive": 75,
        "graceful_timeout": 2,
        "control_socket_disable": True,
        "loglevel": "warning",
    }
    _Server(app, options).run()
    return 0
