"""The simulated store as a WSGI application: API, control surface, the store's own pages."""

from __future__ import annotations

from typing import Any

from flask import Flask

from cartproxy.sandbox.api import api
from cartproxy.sandbox.control import control
from cartproxy.sandbox.docs import docs
from cartproxy.sandbox.gateway import gateway
from cartproxy.sandbox.pages import pages
from cartproxy.sandbox.state import Credentials, State
from cartproxy.sandbox.switches import Switches


def create_app(credentials: Credentials, latency_ms: int, settings: dict[str, Any]) -> Flask:
    """A new store without carts. `latency_ms` delays every store call.

    `settings` are the switches to start with, and to return to at a reset. Raises ValueError.
    """
    app = Flask(__name__)
    app.extensions["sandbox"] = State(credentials, latency_ms, Switches().changed(settings))
    for blueprint in (api, control, docs, gateway, pages):
        app.register_blueprint(blueprint)
    return app
