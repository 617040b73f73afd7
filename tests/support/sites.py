"""Pages on origins of their own, as a blogger's server gives them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from support.servers import free_port, service, store_environment

PRODUCT = (
    '<cart-button catalog-id="3829"><a href="{store}/product-p/3829">Add to cart</a></cart-button>'
)

_HTML = "text/html; charset=utf-8"
_KINDS = {".html": _HTML, ".js": "text/javascript"}


class Site:
    """A blog of changing pages. `url` is its origin, on a site other than the service's."""

    def __init__(self, port: int, proxy: str, store: str) -> None:
        self.url = f"http://blog.localhost:{port}"
        self.proxy = proxy
        self.store = store
        self.pages: dict[str, tuple[str, dict[str, str]]] = {}

    def write(
        self, body: str, *, script: str = 'data-store="demo"', path: str = "/", **headers: str
    ) -> str:
        """Put a page at the path, with the widget's script unless that is empty; its address.

        `{proxy}` and `{store}` in the body stand for those addresses.
        """
        tag = f'<script src="{self.proxy}/widget/v1/cartproxy.js" {script} defer></script>'
        body = body.replace("{proxy}", self.proxy).replace("{store}", self.store)
        page = (
            '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A post</title>'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f'<link rel="icon" href="data:,">{tag if script else ""}</head>'
            f"<body><main><h1>A post</h1>{body}</main></body></html>"
        )
        self.pages[path] = (
            page,
            {name.replace("_", "-"): value for name, value in headers.items()},
        )
        return self.url + path

    def publish(self, folder: Path, **headers: str) -> None:
        """Put what a generator has built at its paths: pages, with these headers, and scripts."""
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        for path in folder.rglob("*"):
            if kind := _KINDS.get(path.suffix):
                address = "/" + str(path.relative_to(folder)).removesuffix("index.html")
                self.pages[address] = (path.read_text(), {"Content-Type": kind, **more})


@contextmanager
def site(port: int, proxy: str, store: str) -> Iterator[Site]:
    """A running blog."""
    blog = Site(port, proxy, store)

    class Request(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            found = blog.pages.get(self.path.partition("?")[0])
            page, headers = found or ("<!doctype html><title>Nothing here</title>", {})
            body = page.encode()
            self.send_response(200 if found else 404)
            self.send_header("Content-Length", str(len(body)))
            for name, value in {"Content-Type": _HTML, **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Request)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield blog
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def blog_and_service(redis_url: str, store_url: str, log: Path, **store: str) -> Iterator[Site]:
    """A blog and its service, on two different sites.

    `store` are more settings of its store.
    """
    blog_port = free_port()
    environment = {
        "CARTPROXY_REDIS_URL": redis_url,
        "CARTPROXY_BREAKER_FAILURES": "1000000",
        **store_environment(store_url, ORIGINS=f"http://blog.localhost:{blog_port}", **store),
    }
    with service(environment, log) as url:
        proxy = url.replace("127.0.0.1", "cart.localhost")
        with site(blog_port, proxy, store_url) as blog:
            yield blog
