"""The probe against simulated stores of many habits, and against stores that fail on the way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests
from support.servers import ROOT, store_environment
from support.shopper import Store
from support.waiting import PATIENCE_SECONDS

from cartproxy import sandbox

HABITS: list[dict[str, Any]] = [
    {},
    {"get_status": 201},
    {"get_shape": "object", "empty_list": None},
    {"empty_list": "absent", "date_format": "us"},
    {"unknown_cart_on_add": 400, "status_type": "integer"},
    {"merge_same_item": True},
    {"error_status": "ok"},
    {"error_status": "ok", "unknown_cart_on_add": 400, "get_shape": "object", "get_status": 201},
    {"checkout_url_template": "https://shop.example/checkout.asp?k={order_key}&v=2"},
    {"checkout_url_template": "{base}/c/{order_id}/{order_key}?a=1&{{b}}={order_id}"},
    {
        "get_status": 201,
        "get_shape": "object",
        "unknown_cart_on_add": 400,
        "status_type": "integer",
        "merge_same_item": True,
        "empty_list": None,
        "date_format": "us",
        "error_status": "ok",
        "checkout_url_template": "{base}/continue_order.asp?checkout=0&orderkey={order_key}",
    },
]
ALWAYS_OPEN = {"ordered_cart", "rate_limit"}


class Probe:
    """Runs the command against one store."""

    def __init__(self, store: Store, folder: Path) -> None:
        self._store = store
        self.folder = folder
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("CARTPROXY_")}
        self.environment = {
            **inherited,
            **store_environment(store.url),
            "CARTPROXY_PEPPER": "p" * 32,
            "XDG_STATE_HOME": str(folder),
        }

    def start(self, *options: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "cartproxy", "probe", "--store", "demo", *options]
        return subprocess.Popen(
            command,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )

    def run(self, *options: str) -> tuple[int, str]:
        """Exit code and what was written."""
        child = self.start(*options)
        out, err = child.communicate(timeout=PATIENCE_SECONDS)
        for secret in self._secrets():
            assert secret not in out + err
            for file in self.files():
                assert secret not in file.read_text()
        return child.returncode, out + err

    def report(self, *options: str) -> tuple[int, dict[str, Any]]:
        code, said = self.run("--json", *options)
        report: dict[str, Any] = json.loads(said)
        return code, report

    def files(self) -> list[Path]:
        return [each for each in self.folder.rglob("*") if each.is_file()]

    def _secrets(self) -> list[str]:
        carts = requests.get(f"{self._store.url}/_sandbox/carts", timeout=60).json()
        keys = [each["order_key"] for each in carts]
        return [*keys, sandbox.DEFAULT_PRIVATE_KEY, sandbox.DEFAULT_TOKEN]


@pytest.fixture
def probe(store: Store, tmp_path: Path) -> Probe:
    return Probe(store, tmp_path)


def settings(store: Store) -> dict[str, Any]:
    found: dict[str, Any] = requests.get(f"{store.url}/_sandbox/settings", timeout=60).json()
    return found


def open_points(report: dict[str, Any]) -> set[str]:
    return {each["name"] for each in report["findings"] if "why" in each} - ALWAYS_OPEN


@pytest.mark.parametrize("habits", HABITS, ids=lambda habits: ",".join(habits) or "usual")
def test_profile_makes_the_store_again(store: Store, probe: Probe, habits: dict[str, Any]) -> None:
    store.set(**habits)
    wanted = settings(store)

    code, report = probe.report()

    assert (code, open_points(report)) == (0, set())
    store.reset()
    store.set(**report["profile"])
    assert settings(store) == wanted
    assert report["profile"].keys() & ALWAYS_OPEN == set()
    answers = {each["name"]: each.get("answer") for each in report["findings"]}
    assert [answers[name] for name in ("state", "zip_code", "phone")] == ["100", "20", "50"]


def test_probe_leaves_nothing_and_asks_no_more_than_it_says(store: Store, probe: Probe) -> None:
    code, report = probe.report("--profile", str(probe.folder / "profile.json"))

    assert code == 0
    assert len(store.carts("gone")) == 2
    assert not store.carts("open") + store.carts("ordered")
    assert len(store.calls()) == report["calls"] <= 20
    assert json.loads((probe.folder / "profile.json").read_text()) == report["profile"]
    assert [each.name for each in probe.files()] == ["profile.json"]


def test_report_is_a_table_that_says_what_is_not_known(store: Store, probe: Probe) -> None:
    requests.put(f"{store.url}/_sandbox/products", json=[], timeout=60)

    code, said = probe.run()

    assert code == 1
    assert "name one with --product" in said
    assert "places no order" in said
    assert '"get_shape": "list"' in said


@pytest.mark.parametrize(
    ("fault", "unknown"),
    [
        ({"fault": "status", "status": 429, "retry_after": 0, "times": 3}, set()),
        ({"method": "GET", "fault": "drop", "times": 1}, set()),
        ({"method": "DELETE", "fault": "apply_then_drop", "times": 1}, set()),
        ({"method": "POST", "path": "/Cart/*/Item", "fault": "drop", "times": 1},
         {"unknown_cart_on_add"}),
        ({"method": "POST", "path": "/Cart/*/Item", "fault": "status", "status": 500},
         {"unknown_cart_on_add", "merge_same_item"}),
        ({"method": "GET", "path": "/Cart/*", "fault": "html"},
         {"get_status", "get_shape", "empty_list", "date_format", "checkout_url_template",
          "merge_same_item"}),
        ({"method": "GET", "path": "/Products*", "fault": "wrong_shape"},
         {"unknown_cart_on_add", "merge_same_item"}),
    ],
    ids=lambda each: str(sorted(each) if isinstance(each, set) else each),  # the same in each process
)  # fmt: skip
def test_failing_store_leaves_questions_open_and_no_cart(
    store: Store, probe: Probe, fault: dict[str, Any], unknown: set[str]
) -> None:
    store.fail(fault)

    code, report = probe.report()

    assert open_points(report) == unknown
    assert all(each["why"] for each in report["findings"] if "why" in each)
    assert (report["carts_left"], report["carts_lost"]) == (0, 0)
    assert not store.carts()
    assert code == (1 if unknown else 0)


def test_credentials_that_die_on_the_way_end_the_questions(store: Store, probe: Probe) -> None:
    store.fail({"path": "/Cart/*/Item", "fault": "status", "status": 401, "times": 1})

    code, report = probe.report()

    assert code == 1
    assert {"unknown_cart_on_add", "merge_same_item", "state"} <= open_points(report)
    assert "get_shape" in report["profile"]
    assert not store.carts()
    assert all("credentials" in each["why"] for each in report["findings"]
               if each["name"] in open_points(report))  # fmt: skip


def test_missing_right_leaves_only_its_questions_open(store: Store, probe: Probe) -> None:
    store.set(rights=["Cart"])

    code, report = probe.report()
    with_product = probe.report("--product", "3829")

    assert (code, open_points(report)) == (1, {"unknown_cart_on_add", "merge_same_item"})
    assert (with_product[0], open_points(with_product[1])) == (0, set())
    assert not store.carts()


def test_cart_that_cannot_be_deleted_is_deleted_by_the_next_run(store: Store, probe: Probe) -> None:
    store.fail({"method": "DELETE", "fault": "status", "status": 401})
    code, report = probe.report()
    assert (code, report["carts_left"], len(store.carts())) == (1, 2, 2)
    store.fail()
    store.calls()

    code, report = probe.report()

    assert (code, report["carts_left"], store.carts()) == (0, 0, [])
    assert store.kinds() == ["DELETE Cart", "DELETE Cart"]  # it knew the answers already
    assert probe.files() == []


def test_new_cart_with_a_lost_key_is_reported(store: Store, probe: Probe) -> None:
    store.fail({"method": "POST", "path": "/Cart", "fault": "apply_then_drop", "times": 1})

    code, report = probe.report()

    assert (code, report["carts_lost"]) == (1, 1)
    assert len(store.carts()) == 1
    assert open_points(report) == {"status_type"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_probe_cleans_up_and_continues_later(
    store: Store, probe: Probe, number: signal.Signals
) -> None:
    store.hold("GET", "/Cart/*")
    child = probe.start("--json")
    store.wait_for_calls(2)

    child.send_signal(number)
    store.fail()
    out, _ = child.communicate(timeout=PATIENCE_SECONDS)

    assert child.returncode == 1
    assert "stopped" in out
    assert not store.carts()
    code, report = probe.report()
    assert (code, open_points(report)) == (0, set())


def test_killed_probe_is_cleaned_up_after_by_the_next(store: Store, probe: Probe) -> None:
    store.hold("GET", "/Cart/*")
    child = probe.start("--json")
    store.wait_for_calls(2)
    child.kill()
    child.communicate()
    store.fail()
    assert len(store.carts()) == 1
    (journal,) = probe.files()
    assert journal.stat().st_mode & 0o077 == 0
    assert store.carts()[0]["order_key"] not in journal.read_text()

    code, _ = probe.report()

    assert (code, store.carts(), probe.files()) == (0, [], [])


def test_other_store_is_probed_only_with_live(store: Store, probe: Probe) -> None:
    probe.environment["CARTPROXY_STORES_DEMO_API_URL"] = "http://store.invalid/3dCartWebAPI"

    refused = probe.run()
    unanswered = probe.run("--live")
    unknown = probe.run("--live", "--store", "other")

    assert refused[0] == unanswered[0] == unknown[0] == 1
    assert "--live" in refused[1]
    assert "up to 20 calls to store.invalid" in unanswered[1]
    assert "No call was made" in unanswered[1]
    assert store.calls() == []


def test_live_store_is_probed_after_a_yes(store: Store, probe: Probe) -> None:
    code, said = probe.run("--live", "--yes")

    assert code == 0
    assert "up to 20 calls" in said


def test_probe_keeps_to_the_budget(store: Store, probe: Probe) -> None:
    probe.environment["CARTPROXY_STORES_DEMO_CALLS_PER_SECOND"] = "20"
    probe.environment["CARTPROXY_STORES_DEMO_CALL_BURST"] = "1"

    code, report = probe.report()

    calls = store.received()
    assert code == 0
    assert calls[-1]["at"] - calls[0]["at"] > (report["calls"] - 2) / 20
