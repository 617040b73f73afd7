"""The documentation as the service serves it: Markdown, and `/llms.txt` as its table."""

from __future__ import annotations

import configparser
import re

import pytest
from support.edge import Edge, settings
from support.servers import ROOT

from cartproxy.app import create_app
from cartproxy.settings_source import load

PAGES = [str(path.relative_to(ROOT)) for path in sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES)
def test_every_page_is_served_as_it_is_written(edge: Edge, page: str) -> None:
    answer = edge.client.get(f"/{page}")

    assert answer.status_code == 200
    assert answer.content_type == "text/markdown; charset=utf-8"
    assert answer.data == (ROOT / page).read_bytes()


def test_page_that_was_not_changed_is_not_sent_again(edge: Edge) -> None:
    for path in ("/docs/embedding.md", "/llms.txt"):
        first = edge.client.get(path)
        again = edge.client.get(path, headers={"If-None-Match": first.headers["ETag"]})

        assert first.cache_control.max_age
        assert first.headers["Access-Control-Allow-Origin"] == "*"
        assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize(
    "page",
    ["nothing.md", "../setup.cfg", "deploy/compose.yml", "images", "embedding", "", "%2e%2e"],
)
def test_nothing_but_the_pages_is_served(edge: Edge, page: str) -> None:
    answer = edge.client.get(f"/docs/{page}")

    assert (answer.status_code, answer.get_json()["code"]) == (404, "not-found")


def test_llms_txt_names_every_page_once_with_a_sentence(edge: Edge) -> None:
    answer = edge.client.get("/llms.txt")

    lines = answer.text.splitlines()
    links = re.findall(r"^- \[[^]]+\]\(http://localhost:8000/(\S+)\): .+\.$", answer.text, re.M)
    assert answer.content_type == "text/plain; charset=utf-8"
    assert lines[0] == "# cartproxy"
    assert lines[2].startswith("> ")
    assert sorted(links) == [page for page in PAGES if page != "docs/README.md"]
    # Each line is a heading, a link, or part of the quoted summary.
    assert all(re.match(r"#{1,2} |- \[|> |$", line) for line in lines)
    assert len(links) == sum(line.startswith("- ") for line in lines)


def test_pages_are_closed_where_the_docs_are() -> None:
    closed = Edge(create_app(load(settings(CARTPROXY_DOCS="off"))).test_client())

    for path in ("/llms.txt", "/docs/embedding.md"):
        assert closed.client.get(path).status_code == 404


def test_wheel_takes_every_page() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    patterns = config["options.package_data"]["cartproxy.web"].split(", ")
    web = ROOT / "cartproxy/web"

    packed = {path for pattern in patterns for path in web.glob(pattern)}

    assert {web / "pages" / page.removeprefix("docs/") for page in PAGES} <= packed
