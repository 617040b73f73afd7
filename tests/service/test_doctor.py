"""`cartproxy doctor` beside the simulated store and real Redis-protocol servers."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import redis
from support.redis_kinds import start
from support.servers import PATIENT, free_port, redis_server, service, store_environment
from support.shopper import BLOG, Shopper, Store
from support.waiting import wait_for

from cartproxy import sandbox
from cartproxy.cli import main
from cartproxy.limits.rate_limiter import UNREADABLE_ADDRESS_KEY
from cartproxy.store.transport import StoreTransport

SOUND = ("--maxmemory", "200mb", "--maxmemory-policy", "noeviction", "--appendonly", "yes")
PEPPER = "pepper-that-nobody-may-see-in-a-report"
Doctor = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture(scope="module")
def sound_redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis with the right settings."""
    with redis_server(*SOUND, "--dir", str(tmp_path_factory.mktemp("redis"))) as url:
        yield url


@pytest.fixture
def doctor(
    store: Store,
    sound_redis_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Doctor:
    """Runs `doctor --json` on a correct setup with some settings changed: exit code and report."""

    def run(*arguments: str, **changed: str) -> tuple[int, dict[str, Any]]:
        settings = {
            **PATIENT,
            "CARTPROXY_PUBLIC_URL": "https://carts.example",
            "CARTPROXY_REDIS_URL": sound_redis_url,
            "CARTPROXY_PEPPER": PEPPER,
            "CARTPROXY_CONCURRENCY": "500",  # some machines allow only 4,096 files
            "CARTPROXY_DRAIN_SECONDS": "5",
            "CARTPROXY_TRUSTED_HOPS": "1",
            **store_environment(store.url),
            **changed,
        }
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        code = main(["doctor", "--json", *arguments])
        said = capsys.readouterr().out
        for secret in (PEPPER, "hunter2", sandbox.DEFAULT_PRIVATE_KEY, sandbox.DEFAULT_TOKEN):
            assert secret not in said
        return code, json.loads(said)

    return run


def found(report: dict[str, Any], level: str) -> list[str]:
    return [each["code"] for each in report["findings"] if each["level"] == level]


def test_correct_setup_is_all_ok_and_leaves_nothing_behind(doctor: Doctor, store: Store) -> None:
    store.calls()

    code, report = doctor()

    assert (code, report["errors"], report["warnings"]) == (0, 0, 0), report
    assert {"settings", "store", "redis-scripts", "redis-role", "origins", "descriptors"} <= set(
        found(report, "ok")
    )
    assert {method for method, _ in store.calls()} == {"GET"}
    assert store.carts() == []


def test_every_finding_that_is_not_ok_says_what_to_do(doctor: Doctor) -> None:
    _, report = doctor(
        CARTPROXY_REDIS_URL=f"redis://:hunter2@127.0.0.1:{free_port()}",
        CARTPROXY_PUBLIC_URL="http://carts.example",
        CARTPROXY_STORES_DEMO_TOKEN="wrong",
    )

    assert report["errors"] == 3
    assert all(each["advice"] for each in report["findings"] if each["level"] != "ok")


@pytest.mark.parametrize("name", ["PRIVATE_KEY", "TOKEN", "SECURE_URL"])
def test_wrong_key_of_the_store_is_an_error(doctor: Doctor, name: str) -> None:
    code, report = doctor(**{f"CARTPROXY_STORES_DEMO_{name}": "wrong"})

    assert code == 1
    assert found(report, "error") == ["store-credentials"]


@pytest.mark.parametrize(
    ("path", "code"),
    [("/Cart/*", "store-cart-rights"), ("/Products*", "store-product-rights")],
)
def test_missing_right_is_distinguished_from_wrong_keys(
    doctor: Doctor, store: Store, path: str, code: str
) -> None:
    store.fail({"method": "GET", "path": path, "fault": "status", "status": 401, "times": None})

    _, report = doctor()

    assert found(report, "error") == [code]


def test_store_that_cannot_be_reached_is_an_error_and_hides_nothing(doctor: Doctor) -> None:
    exit_code, report = doctor(CARTPROXY_STORES_DEMO_API_URL="http://127.0.0.1:9/api")

    assert exit_code == 1
    assert found(report, "error") == ["store-unreachable"]
    assert {"redis-role", "origins", "stop"} <= set(found(report, "ok"))


def test_address_that_is_not_the_api_is_an_error(doctor: Doctor, store: Store) -> None:
    _, report = doctor(CARTPROXY_STORES_DEMO_API_URL=f"{store.url}/elsewhere")

    assert "store-no-api" in found(report, "error")


@pytest.mark.parametrize(
    ("fault", "level", "code"),
    [
        ({"fault": "status", "status": 429}, "warning", "store-busy"),
        ({"fault": "status", "status": 500}, "error", "store-error"),
        ({"fault": "html"}, "error", "store-bad-response"),
        ({"fault": "redirect", "to": "http://127.0.0.1:9/"}, "error", "store-bad-response"),
    ],
    ids=str,
)
def test_failing_store_is_reported(
    doctor: Doctor, store: Store, fault: dict[str, Any], level: str, code: str
) -> None:
    store.fail({"method": "*", "path": "/Products*", "times": None, **fault})

    _, report = doctor()

    assert found(report, level) == [code]


def test_clock_that_is_off_is_a_warning(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    real = time.time
    monkeypatch.setattr("cartproxy.doctor.stores.time.time", lambda: real() - 3600)

    code, report = doctor()

    assert code == 0
    assert found(report, "warning") == ["clock-offset"]


@pytest.mark.parametrize("date", ["", "soon", "31 Dec 99999999999999999999 00:00:00"])
def test_date_that_is_none_says_nothing_about_clocks(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch, date: str
) -> None:
    ask = StoreTransport.call
    monkeypatch.setattr(
        StoreTransport, "call", lambda *a, **more: replace(ask(*a, **more), date=date)
    )

    code, report = doctor()

    assert code == 0
    assert "store-clock" in found(report, "ok")


def test_redis_that_is_away_is_an_error_and_hides_nothing(doctor: Doctor) -> None:
    code, report = doctor(CARTPROXY_REDIS_URL=f"redis://:hunter2@127.0.0.1:{free_port()}/0")

    assert code == 1
    assert found(report, "error") == ["redis-unreachable"]
    assert "store" in found(report, "ok")


@pytest.mark.parametrize(
    ("options", "level", "code"),
    [
        (("--maxmemory-policy", "allkeys-lru"), "error", "redis-eviction"),
        (("--maxmemory", "0"), "warning", "redis-maxmemory"),
        (("--appendonly", "no"), "warning", "redis-no-persistence"),
        (("--maxclients", "100"), "warning", "redis-connections"),
        (("--maxmemory", "1"), "error", "redis-full"),
    ],
    ids=str,
)
def test_unsafe_redis_settings_are_reported(
    doctor: Doctor, tmp_path: Path, options: tuple[str, str], level: str, code: str
) -> None:
    with redis_server(*SOUND, "--dir", str(tmp_path), *options) as url:
        _, report = doctor(CARTPROXY_REDIS_URL=url)

    assert code in found(report, level)


@pytest.mark.parametrize(
    ("user", "codes"),
    [
        ("shop:wrong-hunter2", {"redis-credentials"}),
        ("reader:hunter2", {"redis-rights"}),
        ("shop:hunter2", set()),
    ],
)
def test_redis_user_without_access_or_write_permission_is_an_error(
    doctor: Doctor, tmp_path: Path, user: str, codes: set[str]
) -> None:
    with redis_server(*SOUND, "--dir", str(tmp_path)) as url, redis.Redis.from_url(url) as client:
        client.execute_command("ACL SETUSER reader on >hunter2 ~* +@read +ping +info")
        client.execute_command("ACL SETUSER shop on >hunter2 ~cp* +@all -@dangerous")
        _, report = doctor(CARTPROXY_REDIS_URL=url.replace("//", f"//{user}@"))

    assert set(found(report, "error")) == codes
    if not codes:
        assert found(report, "warning") == ["redis-info-refused"]


def test_replica_as_target_is_an_error(
    doctor: Doctor, sound_redis_url: str, tmp_path: Path
) -> None:
    host, port = sound_redis_url.removeprefix("redis://").split("/")[0].split(":")
    with redis_server("--replicaof", host, port, "--dir", str(tmp_path)) as url:
        code, report = doctor(CARTPROXY_REDIS_URL=url)

    assert code == 1
    assert {"redis-replica", "redis-read-only"} <= set(found(report, "error"))


@pytest.mark.parametrize("kind", ["unix", "tls", "sentinel", "cluster"])
def test_redis_of_every_kind_is_examined(
    doctor: Doctor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    with start(kind, tmp_path, monkeypatch.setenv) as storage:
        code, report = doctor(CARTPROXY_REDIS_URL=storage.url)

    assert code == 0, report
    assert {"redis-scripts", "redis-role", "redis-version"} <= set(found(report, "ok"))
    assert set(found(report, "warning")) <= {"redis-maxmemory", "redis-no-persistence"}


@pytest.mark.parametrize("scheme", ["redis", "redis+sentinel", "redis+cluster"])
def test_redis_without_a_reachable_server_is_an_error(doctor: Doctor, scheme: str) -> None:
    code, report = doctor(CARTPROXY_REDIS_URL=f"{scheme}://127.0.0.1:{free_port()}")

    assert code == 1
    assert {"redis-unreachable", "redis-no-master"} & set(found(report, "error"))


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("redis://{}/99", "redis-database"),
        ("redis+sentinel://{}/mymaster", "redis-no-sentinel"),
        ("redis+cluster://{}", "redis-no-cluster"),
        ("redis://{store}/0", "redis-other-service"),
    ],
)
def test_redis_of_another_kind_is_named(
    doctor: Doctor, sound_redis_url: str, store: Store, url: str, code: str
) -> None:
    place = sound_redis_url.removeprefix("redis://").split("/")[0]

    _, report = doctor(CARTPROXY_REDIS_URL=url.format(place, store=store.url[len("http://") :]))

    assert found(report, "error") == [code]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (b"-LOADING Redis is loading the dataset in memory", "redis-loading"),
        (b"-ERR max number of clients reached", "redis-clients"),
    ],
)
def test_redis_that_takes_no_commands_now_is_distinguished_from_one_that_is_away(
    doctor: Doctor, said: bytes, code: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            with contextlib.suppress(OSError):
                while True:
                    peer, _ = server.accept()
                    with peer:
                        peer.recv(4096)
                        peer.sendall(said + b"\r\n")
                        while peer.recv(4096):
                            peer.sendall(said + b"\r\n")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        port = server.getsockname()[1]
        _, report = doctor(CARTPROXY_REDIS_URL=f"redis://127.0.0.1:{port}/0")
        server.shutdown(socket.SHUT_RDWR)
        thread.join()

    assert found(report, "error") == [code]


def test_one_server_of_a_cluster_as_target_is_an_error(
    doctor: Doctor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with start("cluster", tmp_path, monkeypatch.setenv) as storage:
        first = storage.url.removeprefix("redis+cluster://").split(",")[0]
        _, report = doctor(CARTPROXY_REDIS_URL=f"redis://{first}")
        storage.disturb()
        _, damaged = doctor(CARTPROXY_REDIS_URL=storage.url)

    assert "redis-is-cluster" in found(report, "error")
    assert {"cluster-server-lost", "cluster-no-replica"} <= set(found(damaged, "warning"))


def test_embedded_storage_is_accepted_only_for_this_machine(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, public = doctor(CARTPROXY_REDIS_URL="")
    _, local = doctor(CARTPROXY_REDIS_URL="", CARTPROXY_PUBLIC_URL="http://localhost:8000")

    assert found(public, "error") == ["redis-embedded"]
    assert "redis-embedded" in found(local, "warning")


def test_public_url_without_tls_is_an_error(doctor: Doctor) -> None:
    code, report = doctor(CARTPROXY_PUBLIC_URL="http://carts.example")

    assert code == 1
    assert found(report, "error") == ["public-url-http"]


@pytest.mark.parametrize(
    ("origins", "code"),
    [
        ("http://blog.example", "origin-http"),
        ("http://localhost:8002", "origin-local"),
        ("https://*.blogs.example", "origin-wildcard"),
    ],
)
def test_too_broad_origin_is_a_warning(doctor: Doctor, origins: str, code: str) -> None:
    exit_code, report = doctor(CARTPROXY_STORES_DEMO_ORIGINS=f"{BLOG},{origins}")

    assert exit_code == 0
    assert found(report, "warning") == [code]


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"CARTPROXY_DRAIN_SECONDS": "0"}, "drain-none"),
        ({"CARTPROXY_DRAIN_SECONDS": "100"}, "stop-slow"),
        ({"CARTPROXY_CONCURRENCY": "1000000"}, "descriptors"),
        ({"CARTPROXY_CONCURRENCY": "32"}, "concurrency-low"),
        ({"CARTPROXY_PUBLIC_URL": "http://localhost:8000"}, "public-url-local"),
        ({"CARTPROXY_PUBLIC_URL": "http://localhost:8000"}, "trusted-hops-forged"),
        ({"CARTPROXY_TRUSTED_HOPS": "0"}, "trusted-hops-none"),
        ({"CARTPROXY_STORES_DEMO_SHOP_URL": "http://shop.example"}, "shop-not-https"),
    ],
)
def test_setting_unfit_for_the_machine_is_a_warning(
    doctor: Doctor, changed: dict[str, str], code: str
) -> None:
    _, report = doctor(**changed)

    assert code in found(report, "warning")


@pytest.mark.parametrize(
    ("mode", "level", "code"),
    [
        (0o644, "warning", "file-world-readable"),
        (0o666, "error", "file-world-writable"),
        (0o640, "ok", "file-mode"),
    ],
)
def test_mode_of_the_config_file_and_of_secrets_is_examined(
    doctor: Doctor, tmp_path: Path, mode: int, level: str, code: str
) -> None:
    config, secret = tmp_path / "cartproxy.toml", tmp_path / "metrics"
    config.write_text("")
    secret.write_text("hunter2")
    config.chmod(mode)
    secret.chmod(mode)

    _, report = doctor("--config", str(config), CARTPROXY_METRICS_TOKEN_FILE=str(secret))

    about = [each["about"] for each in report["findings"] if each["code"] == code]
    assert about == ["config file", "CARTPROXY_METRICS_TOKEN_FILE"]
    assert found(report, level).count(code) == 2


def test_invalid_settings_are_reported_together_with_file_modes(
    doctor: Doctor, tmp_path: Path
) -> None:
    config = tmp_path / "cartproxy.toml"
    config.write_text("concurency = 7\n")
    config.chmod(0o644)

    code, report = doctor("--config", str(config), CARTPROXY_REDIS_URL="ftp://:hunter2@h")

    assert code == 78
    assert set(found(report, "error")) == {"settings"}
    assert found(report, "warning") == ["file-world-readable", "redis-not-examined"]
    assert any("concurrency" in each["detail"] for each in report["findings"])
    assert {"store", "origins", "stop", "public-url"} <= set(found(report, "ok"))


def without(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], **only: str
) -> Any:
    """The report with only these settings."""
    for name in [each for each in os.environ if each.startswith("CARTPROXY_")]:
        monkeypatch.delenv(name)
    for name, value in only.items():
        monkeypatch.setenv(name, value)
    assert main(["doctor", "--json"]) == 78
    return json.loads(capsys.readouterr().out)


def test_missing_settings_do_not_keep_others_from_being_examined(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], sound_redis_url: str
) -> None:
    away = without(monkeypatch, capsys, CARTPROXY_REDIS_URL="redis://127.0.0.1:1/0")
    there = without(monkeypatch, capsys, CARTPROXY_REDIS_URL=sound_redis_url)

    for report in (away, there):
        told = " ".join(each["detail"] for each in report["findings"] if each["code"] == "settings")
        assert "stores" in told
        assert "pepper" in told
    assert "redis-unreachable" in found(away, "error")
    assert "redis-scripts" in found(there, "ok")


def test_a_store_with_a_missing_setting_is_named_and_others_are_still_examined(
    doctor: Doctor, store: Store
) -> None:
    other = store_environment(store.url, "SECOND", TOKEN="")
    third = {"CARTPROXY_STORES_THIRD_TOKEN": "t"}

    code, report = doctor(**other, **third, CARTPROXY_TRUSTED_HOPS="many")

    assert code == 78
    about = {
        each["about"]: each["code"] for each in report["findings"] if each["level"] == "warning"
    }
    assert about["store second"].endswith("-not-examined")
    assert about["store third"] == "store-not-examined"
    assert about["trusted_hops"] == "trusted-hops-not-examined"
    assert {"store", "origins", "redis-scripts"} <= set(found(report, "ok"))


def test_unreadable_file_leads_to_no_findings_about_defaults(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], sound_redis_url: str
) -> None:
    blind = without(monkeypatch, capsys, CARTPROXY_CONFIG="/does/not/exist.toml")
    seeing = without(
        monkeypatch, capsys, CARTPROXY_CONFIG="/does/not/exist.toml",
        CARTPROXY_REDIS_URL=sound_redis_url,
    )  # fmt: skip

    assert {"redis-not-examined", "public-url-not-examined"} <= set(found(blind, "warning"))
    assert "redis-scripts" in found(seeing, "ok")


def test_check_that_crashes_hides_no_other(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Iterator[Any]:
        raise RuntimeError("hunter2")

    monkeypatch.setattr("cartproxy.doctor.examination.store_findings", broken)

    code, report = doctor()

    assert code == 1
    assert found(report, "error") == ["store-check-failed"]
    assert {"origins", "redis-role", "stop"} <= set(found(report, "ok"))


@pytest.mark.parametrize("written", ["unknown", "_hidden, 8.8.8.8:x", "\xe9"])
def test_proxy_in_front_that_sends_no_addresses_is_reported(
    doctor: Doctor, store: Store, sound_redis_url: str, written: str
) -> None:
    with redis.Redis.from_url(sound_redis_url) as client:
        client.delete(UNREADABLE_ADDRESS_KEY)
        environment = {
            "CARTPROXY_REDIS_URL": sound_redis_url,
            "CARTPROXY_TRUSTED_HOPS": "1",
            **store_environment(store.url),
        }
        with service(environment) as url:
            assert "client-address-unreadable" not in found(doctor()[1], "warning")
            Shopper(url).call("GET", "/cart", headers={"X-Forwarded-For": written.encode()})
            wait_for(lambda: client.exists(UNREADABLE_ADDRESS_KEY), "a note of the service")

        _, report = doctor()
        client.delete(UNREADABLE_ADDRESS_KEY)

    assert "client-address-unreadable" in found(report, "warning")
    assert written not in str(report)


def test_text_says_the_same(doctor: Doctor, capsys: pytest.CaptureFixture[str]) -> None:
    doctor(CARTPROXY_PUBLIC_URL="http://carts.example")

    code = main(["doctor"])

    said = capsys.readouterr().out
    assert code == 1
    assert "error    public_url: http://carts.example is not https" in said
    assert said.endswith("errors: 1, warnings: 1\n")


def test_pending_carts_are_reported_and_too_many_are_a_warning(
    doctor: Doctor, sound_redis_url: str
) -> None:
    with redis.Redis.from_url(sound_redis_url) as client:
        seconds, _ = client.time()
        client.zadd("cpw:{demo}", {"one": (seconds - 7200) * 1000, "two": seconds * 1000})
        few = doctor()[1]
        many = doctor(CARTPROXY_STORES_DEMO_PENDING_CARTS="2")[1]
        client.delete("cpw:{demo}")

    assert "carts-pending" in found(few, "ok")
    assert "carts-pending" in found(many, "warning")
    (told,) = (each["detail"] for each in few["findings"] if each["code"] == "carts-pending")
    assert told.startswith("2 carts wait for the store, the oldest for 2.0 hours")
