"""Serves the simulated store by gunicorn: one process, since its carts are in memory."""

from __future__ import annotations

import argparse
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

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
