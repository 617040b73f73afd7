"""What `cartproxy snippet` prints for a product of the simulated store."""

from __future__ import annotations

import subprocess
import sys

from support.servers import ROOT
from support.sites import Site


def printed(blog: Site, catalog_id: int) -> str:
    """The text for the blog, as the command prints it."""
    settings = {
        "CARTPROXY_PUBLIC_URL": blog.proxy.replace("cart.localhost", "127.0.0.1"),
        "CARTPROXY_STORES_DEMO_SECURE_URL": "https://shop.example",
        "CARTPROXY_STORES_DEMO_SHOP_URL": blog.store,
        "CARTPROXY_STORES_DEMO_PRIVATE_KEY": "key",
        "CARTPROXY_STORES_DEMO_TOKEN": "token",
        "CARTPROXY_STORES_DEMO_ORIGINS": blog.url,
    }
    command = ["snippet", "--store", "demo", "--product", str(catalog_id)]
    return subprocess.run(
        [sys.executable, "-m", "cartproxy", *command],
        env=settings,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
