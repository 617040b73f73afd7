"""Rules, dashboard, runbook and log fields match the service."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from support.figures import Figures
from support.log_lines import log_lines, request_line
from support.servers import ROOT, service, store_environment
from support.shopper import MUG, Shopper, Store

FOLDER = ROOT / "docs/operations"
RULES = FOLDER / "cartproxy.rules.yml"
RULE_TESTS = ROOT / "tests/contract/cartproxy.rules.test.yml"
RUNBOOK = (FOLDER / "runbook.md").read_text()
NAME = re.compile(r"\bcartproxy_[a-z_]+\b")
DECLARED = set(NAME.findall((ROOT / "cartproxy/metrics.py").read_text()))
ALERTS = re.findall(r"alert: (\w+)", RULES.read_text())
promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is missing (Debian: prometheus)"
)


def check(*arguments: str | Path) -> None:
    """Run promtool, which must succeed."""
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@promtool
def test_rules_are_well_formed_and_fire_only_when_they_should() -> None:
    check("check", "rules", RULES)
    check("test", "rules", RULE_TESTS)


def test_every_alert_is_tested() -> None:
    assert [alert for alert in ALERTS if alert not in RULE_TESTS.read_text()] == []


def test_every_alert_has_its_section_in_the_runbook_and_leads_to_it() -> None:
    sections = re.findall(r"^## (\w+)$", RUNBOOK, re.MULTILINE)
    links = re.findall(r"runbook_url: docs/operations/runbook\.md#(\w+)", RULES.read_text())

    assert sections == ALERTS
    assert links == [alert.lower() for alert in ALERTS]
    for section in re.split(r"^## ", RUNBOOK, flags=re.MULTILINE)[1:]:
        assert re.search(r"\*\*Means\.\*\*.*\*\*Look.*(\*\*Do\.\*\*|do\.\*\*)", section, re.DOTALL)


def expressions() -> Iterator[tuple[str, str]]:
    """Title and expression of everything the dashboard asks."""
    dashboard = json.loads((FOLDER / "dashboard.json").read_text())
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


@promtool
def test_every_expression_of_the_dashboard_is_well_formed(tmp_path: Path) -> None:
    rules = [
        {"record": f"panel:{place}", "expr": expression.replace("$store", ".*")}
        for place, (_, expression) in enumerate(expressions())
    ]
    file = tmp_path / "dashboard.yml"  # JSON is YAML
    file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))

    check("check", "rules", file)


def test_every_figure_that_is_named_exists(proxy_url: str, shopper: Shopper, store: Store) -> None:
    shopper.add(MUG)
    shopper.call("POST", "/cart/items", {"catalog_id": 0})

    exposed = Figures(proxy_url).names()

    # The texts may name a metric's whole family.
    families = {re.sub(r"_(bucket|count|sum)$", "", name) for name in exposed}
    texts = [path.read_text() for path in FOLDER.iterdir()]
    for name in {name for text in texts for name in NAME.findall(text)}:
        # What no test run before has counted is not there yet.
        assert name in exposed | families | DECLARED, name


def test_every_figure_is_named() -> None:
    texts = " ".join(path.read_text() for path in FOLDER.iterdir())

    assert {re.sub(r"_(bucket|count|sum)$", "", name) for name in NAME.findall(texts)} >= DECLARED


def test_every_panel_that_the_texts_name_exists() -> None:
    titles = {title for title, _ in expressions()}
    prose = re.sub(r"```.*?```", "", RUNBOOK, flags=re.DOTALL)
    named = set(re.findall(r'"([A-Z][^"]+)"', prose))

    assert len(named) >= 5
    for name in named:
        name = " ".join(name.split())  # a line may end in it
        assert any(title.startswith(name) for title in titles), name


def documented_fields() -> set[str]:
    """The fields that logs.md explains."""
    return set(re.findall(r"^\| `(\w+)` \| (?!info|error|warning)", (FOLDER / "logs.md").read_text(), re.MULTILINE))  # fmt: skip


def test_every_field_of_a_run_is_documented(
    proxy_url: str, proxy_log: Path, shopper: Shopper, store: Store
) -> None:
    shopper.add(MUG)
    shopper.call("POST", "/checkout")
    shopper.call("POST", "/cart/items", {"catalog_id": 0})
    requests.get(f"{proxy_url}/nothing", timeout=60)
    request_id = shopper.call("GET", "/cart").headers["X-Request-Id"]

    own = request_line(proxy_log, request_id)
    emitted = {field for line in log_lines(proxy_log) for field in line}
    assert own["event"] == "request"
    assert emitted <= documented_fields(), emitted - documented_fields()


def test_that_all_is_well_is_not_logged(proxy_url: str, proxy_log: Path, shopper: Shopper) -> None:
    wells = [requests.get(f"{proxy_url}/{each}", timeout=60) for each in ("livez", "readyz")]

    # A worker writes its lines in their order, and twenty looks reach both workers.
    for _ in range(20):
        request_line(proxy_log, shopper.call("GET", "/cart").headers["X-Request-Id"])
    assert [each.status_code for each in wells] == [200, 200]
    logged = {line.get("request_id") for line in log_lines(proxy_log)}
    assert logged.isdisjoint(each.headers["X-Request-Id"] for each in wells)


def test_every_event_and_field_in_the_code_is_documented() -> None:
    """A run does not show all of them: some lines are written only when something breaks."""
    text = (FOLDER / "logs.md").read_text()
    events: set[str] = set()
    fields: set[str] = set()
    for path in (ROOT / "cartproxy").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).startswith(("log.", "log_")):
                if ast.unparse(node) == "log.error(event, **fields)":
                    continue  # `log_seldom`, whose calls are looked at
                assert isinstance(node.args[0], ast.Constant), f"{path}: an event is a constant"
                events.add(str(node.args[0].value))
                fields |= {str(keyword.arg) for keyword in node.keywords}

    assert len(events) >= 5
    assert events == set(re.findall(r"^\| `(\w+)` \| (?:info|error|warning)", text, re.MULTILINE))
    assert fields <= documented_fields()
    sources = " ".join(path.read_text() for path in (ROOT / "cartproxy").rglob("*.py"))
    for logger in re.findall(r'get_logger\("([\w.]+)"\)', sources):
        assert f"`{logger}`" in text


def test_service_links_of_an_orchestrator_are_ignored_with_a_line_in_the_log(
    tmp_path: Path, store: Store
) -> None:
    log = tmp_path / "log"
    links = {
        "CARTPROXY_PORT": "tcp://10.0.0.1:8000",
        "CARTPROXY_SERVICE_HOST": "10.0.0.1",
        "CARTPROXY_REDIS_PORT_6379_TCP_ADDR": "10.0.0.2",
    }
    with service(store_environment(store.url) | links, log) as url:
        assert Shopper(url).add(MUG)["item_count"] == 1

    (line,) = [each for each in log_lines(log) if each["event"] == "service_links_ignored"]
    assert line["variables"] == sorted(links)
