"""A blog on its own origin: plain pages with the widget, as any site author would write them."""

from __future__ import annotations

import os

from flask import Flask, Response, render_template, request, send_from_directory

app = Flask(__name__, template_folder="pages", static_folder=None)


@app.context_processor
def _addresses() -> dict[str, str]:
    """The proxy and the store, under the host name of the page."""
    host = request.host.partition(":")[0]
    return {
        "proxy": f"http://{host}:{os.environ['CARTPROXY_DEMO_PROXY_PORT']}",
        "store": f"http://{host}:{os.environ['CARTPROXY_DEMO_STORE_PORT']}",
    }


@app.get("/")
def post() -> str:
    """The post with its buttons, the count and the drawer."""
    return render_template("post.html")


@app.get("/no-js")
def without_script() -> str:
    """The same products with forms only."""
    return render_template("no_js.html")


@app.get("/csp")
def strict() -> Response:
    """The same post under a strict content security policy."""
    page = Response(render_template("post.html"))
    addresses = _addresses()
    proxy, store = addresses["proxy"], addresses["store"]
    # The simulated store uses the host name of the call in its addresses.
    pictures = store.replace("localhost", "127.0.0.1")
    page.headers["Content-Security-Policy"] = (
        f"default-src 'none'; style-src 'self'; script-src {proxy}; connect-src {proxy}; "
        f"img-src data: {store} {pictures}; form-action {proxy} {store} {pictures}; "
        "base-uri 'none'; require-trusted-types-for 'script'; trusted-types cartproxy"
    )
    return page


@app.get("/rtl")
def right_to_left() -> str:
    """A post in Arabic, with its own texts in the widget."""
    return render_template("rtl.html")


@app.get("/blog.css")
def style() -> Response:
    """The style of the pages."""
    return send_from_directory("pages", "blog.css")
