"""docs/api.md does what it shows: its commands run in a shell, and answer with what is printed."""

from __future__ import annotations

import json
import re
import secrets
import shutil
import subprocess

import pytest
from support.servers import ROOT
from support.shopper import BLOG, Store

PAGE = (ROOT / "docs/api.md").read_text()
COMMAND = re.compile(r"^\$ (.+?)(?=^\$ |^\{|\Z)(\{.+?(?=^\$ |\Z))?", re.MULTILINE | re.DOTALL)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is missing")
def test_page_of_the_api_answers_as_it_shows(proxy_url: str, store: Store) -> None:
    (function,) = re.findall(r"^cart\(\) .+?; \}$", PAGE, re.MULTILINE | re.DOTALL)
    given = {"TOKEN": "cpt1_" + secrets.token_urlsafe(32), "API": f"{proxy_url}/v1/stores/demo"}
    shown = [
        each
        for block in re.findall(r"^```console\n(.+?)^```", PAGE, re.MULTILINE | re.DOTALL)
        for each in COMMAND.findall(block)
    ]
    item = ""

    for command, output in shown:
        script = f"{function}\n{command}".replace("http://localhost:8002", BLOG)
        done = subprocess.run(
            ["bash", "-c", script.replace("500002", item)],
            env={"PATH": "/usr/bin:/bin", **given},
            capture_output=True,
            text=True,
            check=True,
        )
        answer = json.loads(done.stdout)
        if "results" in answer:
            item = item or answer["results"][0]["item_id"]

        names, answered = (set(re.findall(r'"(\w+)":', text)) for text in (output, done.stdout))
        assert names <= answered, command
        assert names == answered or "…" in output or not output, command
        # Only the last example shows an error.
        assert ("code" in answer) == ('"status": 422' in output), answer

    assert len(shown) == 7
