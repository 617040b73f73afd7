"""The service explains itself: OpenAPI, a page that renders it, and a page for each problem."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

from flask import Blueprint, Response, current_app, render_template
from markupsafe import Markup, escape

from cartproxy import __version__
from cartproxy.web.context import Context, context
from cartproxy.web.problem_kinds import CATALOGUE
from cartproxy.web.refusals import Refused

docs = Blueprint("docs", __name__)

_BACKTICKS = re.compile(r"`([^`]+)`")


@cache
def _document(_: Context) -> dict[str, Any]:
    from cartproxy.web import openapi  # few workers are ever asked for it

    return openapi.build(current_app)


@docs.app_template_filter("code")
def _code(text: str) -> Markup:
    """Text with what is in backticks as code."""
    return Markup(_BACKTICKS.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped


def _refuse_if_closed() -> None:
    if not context().show_docs:
        raise Refused("not-found", "There is nothing at this address.")


@docs.get("/openapi.json")
def document() -> Response:
    _refuse_if_closed()
    response = Response(json.dumps(_document(context())), mimetype="application/json")
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response


@docs.get("/docs")
def page() -> str:
    _refuse_if_closed()
    return render_template("docs.html", document=_document(context()), kinds=CATALOGUE)


@docs.get("/problems/<code>")
def problem(code: str) -> str:
    if code not in CATALOGUE:
        raise Refused("not-found", "There is no problem of this name.")
    return render_template("problem_kind.html", code=code, kind=CATALOGUE[code])


@docs.get("/")
def home() -> str:
    return render_template("home.html", version=__version__, show_docs=context().show_docs)
