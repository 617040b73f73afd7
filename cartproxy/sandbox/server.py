"""Serves the simulated store with gunicorn: one process, since its carts are in memory."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

from cartproxy.sandbox.app import create_app
from cartproxy.sandbox.state import Credentials


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


def _settings(chosen: argparse.Namespace) -> dict[str, Any]:
    """The settings of the profile, or of a probe's report, which has one; and the webhook."""
    settings: Any = json.loads(chosen.profile.read_text()) if chosen.profile else {}
    if not isinstance(settings, dict):
        raise ValueError("a profile must be a JSON object")
    profile: dict[str, Any] = settings.get("profile", settings)
    return profile | ({"webhook_url": chosen.webhook} if chosen.webhook else {})


def serve_from_arguments(chosen: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM. Returns 78 if the profile is invalid."""
    credentials = Credentials(
        chosen.secure_url, chosen.private_key, chosen.token, chosen.access_token
    )
    try:
        app = create_app(credentials, chosen.latency_ms, _settings(chosen))
    except (OSError, ValueError) as error:
        print(f"cartproxy sandbox: {error}", file=sys.stderr)
        return 78
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
