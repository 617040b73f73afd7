"""The service's own documentation: OpenAPI, a page that renders it, a page for each problem.

Also the documentation's own pages as Markdown, and `/llms.txt`, which lists them for programs that
read. `pages` is the repository's `docs` folder: a link in a checkout, a copy in a wheel.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, current_app, render_template, request
from markupsafe import Markup, escape

from cartproxy import __version__
from cartproxy.web.context import Context, context
from cartproxy.web.problem_kinds import CATALOGUE
from cartproxy.web.refusals import Refused

docs = Blueprint("docs", __name__)

_BACKTICKS = re.compile(r"`([^`]+)`")
_PAGES = (Path(__file__).parent / "pages").resolve()
_PAGE_SECONDS = 3600
# What llms.txt takes of docs/README.md: its title and summary, and headings with their lists.
_ENTRY = re.compile(r"^- \[(.+?)\]\((\S+\.md)\):\s((?:.+\n)(?:  .+\n)*)", re.MULTILINE)


@cache
def _document(_: Context) -> dict[str, Any]:
    from cartproxy.web import openapi  # few workers ever need it

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
    return _api_page(context())


@cache
def _api_page(shown: Context) -> str:
    """It takes 60 times as long to make as other pages, and no limit counts who asks for it."""
    return render_template("docs.html", document=_document(shown), kinds=CATALOGUE)


@cache
def _pages() -> dict[str, Path]:
    """The pages by their names: a name of the address never becomes a path."""
    return {str(path.relative_to(_PAGES)): path for path in _PAGES.rglob("*.md")}


@docs.get("/docs/<path:name>")
def markdown(name: str) -> Response:
    _refuse_if_closed()
    if name not in _pages():
        raise Refused("not-found", "There is no page with this name.")
    return _text(_pages()[name].read_bytes(), "text/markdown")


@docs.get("/llms.txt")
def llms() -> Response:
    """The pages with a sentence each, in the form of llmstxt.org; docs/README.md is the source."""
    _refuse_if_closed()
    return _text(_llms(context().own_origin).encode(), "text/plain")


@cache
def _llms(origin: str) -> str:
    readme = _pages()["README.md"].read_text(encoding="utf-8")
    parts = re.split(r"^(?=## )", readme, flags=re.MULTILINE)
    listed = [parts[0]]
    for part in parts[1:]:
        entries = [
            f"- [{title}]({origin}/docs/{page}): {' '.join(sentence.split())}\n"
            for title, page, sentence in _ENTRY.findall(part)
            if page in _pages()
        ]
        if entries:
            listed.append(f"{part.splitlines()[0]}\n\n{''.join(entries)}\n")
    return "".join(listed)


def _text(text: bytes, kind: str) -> Response:
    response = Response(text, content_type=f"{kind}; charset=utf-8")
    response.cache_control.public = True
    response.cache_control.max_age = _PAGE_SECONDS
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.add_etag()
    response.make_conditional(request)
    return response


@docs.get("/problems/<code>")
def problem(code: str) -> str:
    if code not in CATALOGUE:
        raise Refused("not-found", "There is no problem with this name.")
    return render_template("problem_kind.html", code=code, kind=CATALOGUE[code])


@docs.get("/")
def home() -> str:
    return render_template("home.html", version=__version__, show_docs=context().show_docs)
