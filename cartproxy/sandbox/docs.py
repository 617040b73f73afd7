"""`/docs`: the API of this store, made from its own tables."""

from __future__ import annotations

from dataclasses import asdict

from flask import Blueprint, render_template

from cartproxy.sandbox import DEFAULT_PRIVATE_KEY, DEFAULT_SECURE_URL, DEFAULT_TOKEN
from cartproxy.sandbox.faults import KINDS
from cartproxy.sandbox.gateway import OUTCOMES
from cartproxy.sandbox.resources import EVENTS, RESOURCES
from cartproxy.sandbox.rights import NAMES
from cartproxy.sandbox.switches import Switches
from cartproxy.sandbox.tables import CART

docs = Blueprint("docs", __name__)


@docs.get("/docs")
def show() -> str:
    """Calls, fields, events, settings and faults."""
    return render_template(
        "docs.html",
        keys=(DEFAULT_SECURE_URL, DEFAULT_PRIVATE_KEY, DEFAULT_TOKEN),
        resources=RESOURCES.values(),
        cart=CART,
        events=EVENTS,
        settings=asdict(Switches()),
        faults=KINDS,
        outcomes=OUTCOMES.values(),
        rights=NAMES,
    )
