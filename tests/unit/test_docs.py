"""The documents name tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from support.servers import ROOT

from cartproxy.cli import main
from cartproxy.settings import Settings, StoreSettings, declared

TEXT = (ROOT / "docs/reliability.md").read_text()
SECURITY = (ROOT / "docs/security.md").read_text()
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def test_every_fault_has_a_row_and_every_row_a_test_that_exists() -> None:
    rows = re.findall(r"^\| (\d+) \|.*\|(.*)\|$", TEXT, re.MULTILINE)

    assert {int(number) for number, _ in rows} >= {*range(1, 39), *range(43, 57), *range(58, 64)}
    for _, tests in rows:
        named = NAMED.findall(tests)
        assert named
        for path, name in named:
            assert f"def {name}(" in (ROOT / path).read_text(), name


@pytest.mark.parametrize(("path", "name"), NAMED.findall(SECURITY))
def test_what_the_security_page_names_exists(path: str, name: str) -> None:
    assert f"def {name}(" in (ROOT / path).read_text()


def test_page_of_settings_is_what_the_code_says(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["config", "docs"])

    made = capsys.readouterr().out
    assert code == 0
    assert (ROOT / "docs/settings.md").read_text() == made, (
        "run: cartproxy config docs > docs/settings.md"
    )
    for kind in (Settings, StoreSettings):
        for name, field, _ in declared(kind):
            row = next(each for each in made.splitlines() if each.startswith(f"| `{name}` |"))
            assert f"_{name.upper()}`" in row
            assert str(field.metadata["help"]) in row


PAGES = sorted(
    path for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")) if path.is_file()
)


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives a page's headings."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = [each.lower() for each in re.findall(r"^#+ (.+)$", text, re.MULTILINE)]
    return {re.sub(r"[^\w -]", "", each).replace(" ", "-") for each in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_within_the_repository_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / target).exists(), target
    for target, anchor in re.findall(r"\]\(([^):#]*)#([^)]+)\)", page.read_text()):
        assert anchor in anchors(page.parent / target if target else page), f"{target}#{anchor}"


def test_front_page_stays_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 110


def test_hosted_ci_only_calls_ours() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    (job,) = workflow["jobs"].values()

    *_, last = job["steps"]
    assert last == {"run": ".ci/run"}


def test_issue_form_asks_for_both_doctors() -> None:
    form = yaml.safe_load((ROOT / ".github/ISSUE_TEMPLATE/bug.yml").read_text())
    asked = str(form["body"])

    assert "cartproxy doctor --json" in asked
    assert "?cartproxy-doctor" in asked
