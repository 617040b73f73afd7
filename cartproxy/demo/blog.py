"""A blog on an origin of its own: plain pages and a script, as a stranger would write them."""

from __future__ import annotations

import os

from flask import Flask, Response, render_template, request, send_from_directory

app = Flask(__name__, template_folder="pages", static_folder=None)


@app.get("/")
def post() -> str:
    """The post with its buttons, which call the proxy under the host name of the page."""
    host = request.host.partition(":")[0]
    port = os.environ["CARTPROXY_DEMO_PROXY_PORT"]
    return render_template("index.html", api=f"http://{host}:{port}/v1/stores/demo")


@app.get("/<any('blog.js', 'blog.css'):name>")
def asset(name: str) -> Response:
    """The page's script and style."""
    return send_from_directory("pages", name)
