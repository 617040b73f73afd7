"""Settings: where they come from, and how invalid ones are reported."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from marshmallow import fields
from support.servers import ROOT

from cartproxy.cli import main
from cartproxy.settings import SecretField, Settings, StoreSettings, declared
from cartproxy.settings_source import SettingsError, load, secret_files, service_links

EXAMPLE = ROOT / "config/cartproxy.example.toml"
STORE = {
    "CARTPROXY_STORES_MY_SHOP_SECURE_URL": "https://shop.example",
    "CARTPROXY_STORES_MY_SHOP_PRIVATE_KEY": "top-secret-key",
    "CARTPROXY_STORES_MY_SHOP_TOKEN": "top-secret-token",
    "CARTPROXY_STORES_MY_SHOP_ORIGINS": "https://a.example, https://*.b.example",
}


def problems(environment: dict[str, str], path: Path | None = None) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(environment, path)
    return caught.value.problems


def test_store_may_be_configured_by_the_environment_only() -> None:
    settings = load(STORE)

    shop = settings.stores["my-shop"]
    assert shop.origins == ("https://a.example", "https://*.b.example")
    assert shop.base_url == "https://apirest.3dcart.com/3dCartWebAPI/v2"
    assert shop.hosts == ("shop.example",)
    assert settings.worker_count == 1


def test_environment_wins_over_the_file_and_the_file_over_defaults(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text('concurrency = 7\nbind = "127.0.0.1:1"\n[stores.my-shop]\ncurrency = "EUR"\n')

    settings = load(STORE | {"CARTPROXY_CONCURRENCY": "9", "CARTPROXY_CONFIG": str(path)})

    assert (settings.concurrency, settings.bind, settings.max_quantity) == (
        9,
        "127.0.0.1:1",
        100_000,
    )
    assert settings.stores["my-shop"].currency == "EUR"


def test_secrets_may_be_files(tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text("from-a-file\n")
    environment = {**STORE, "CARTPROXY_STORES_MY_SHOP_TOKEN_FILE": str(secret)}
    del environment["CARTPROXY_STORES_MY_SHOP_TOKEN"]

    settings = load(environment)

    assert settings.stores["my-shop"].token.reveal() == "from-a-file"


def test_all_problems_are_reported_together_without_secrets() -> None:
    told = problems(
        STORE
        | {
            "CARTPROXY_CONCURRENCY": "many",
            "CARTPROXY_REDIS_URL": "redis://:hunter2@localhost",
            "CARTPROXY_REDIS_ULR": "x",
            "CARTPROXY_STORES_MY_SHOP_CURRENCY": "euro",
            "CARTPROXY_STORES_MY_SHOP_ORIGINS": "https://a.example/",
            "CARTPROXY_STORES_OTHER_TOKEN": "t",
            "CARTPROXY_PEPPER_FILE": "/does/not/exist",
        }
    )

    text = "\n".join(told)
    for part in ("concurrency", "CARTPROXY_REDIS_ULR", "did you mean CARTPROXY_REDIS_URL", "currency",
                 "origins", "stores.other.secure_url", "stores.other.private_key",
                 "CARTPROXY_PEPPER_FILE"):  # fmt: skip
        assert part in text
    assert "hunter2" not in text
    assert "secret" not in text


def test_setting_that_is_given_as_a_value_and_as_a_file_is_reported(tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text("from-a-file")

    (told,) = problems(STORE | {"CARTPROXY_STORES_MY_SHOP_TOKEN_FILE": str(secret)})

    assert told == (
        "CARTPROXY_STORES_MY_SHOP_TOKEN_FILE: CARTPROXY_STORES_MY_SHOP_TOKEN is set too; only one of "
        "them can apply."
    )


def test_it_is_said_why_a_file_with_a_secret_cannot_be_read(tmp_path: Path) -> None:
    binary = tmp_path / "binary"
    binary.write_bytes(b"hunter2\xff")
    missing = tmp_path / "missing"

    for path, why in (
        (missing, "No such file or directory"),
        (tmp_path, "Is a directory"),
        (binary, "not UTF-8"),
    ):
        (told,) = problems(STORE | {"CARTPROXY_METRICS_TOKEN_FILE": str(path)})
        assert told == f"CARTPROXY_METRICS_TOKEN_FILE: the file can't be read: {why}"


@pytest.mark.parametrize(
    "name", ["PEPPER", "SEAL_KEY", "STORES_MY_SHOP_NAME", "STORES_MY_SHOP_TOKEN"]
)
def test_value_of_random_bytes_is_reported(name: str) -> None:
    told = problems(STORE | {f"CARTPROXY_{name}": os.fsdecode(b"hunter2\xff" * 9)})

    assert f"CARTPROXY_{name}: the value is not UTF-8." in told
    assert "hunter2" not in str(told)


def test_unknown_name_in_the_file_is_reported_with_a_suggestion(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text("concurency = 7\n")

    assert any("concurency" in each and "concurrency" in each for each in problems(STORE, path))


@pytest.mark.parametrize(
    "more",
    [
        {"CARTPROXY_REDIS_URL": "redis://localhost"},
        {"CARTPROXY_REDIS_URL": "redis://localhost", "CARTPROXY_PEPPER": "short"},
        {"CARTPROXY_WORKERS": "2"},
        {"CARTPROXY_PREVIOUS_PEPPER": "short"},
        {"CARTPROXY_LOCK_LEASE_SECONDS": "5"},
        {"CARTPROXY_STORES_MY_SHOP_TOKEN": ""},
        {"CARTPROXY_STORES_MY_SHOP_TOKEN": "two words"},
        {"CARTPROXY_STORES_MY_SHOP_HOOK_SECRET": "h" * 31},
        {"CARTPROXY_STORES_MY_SHOP_HOOK_SECRET": "h/" * 16},
        {"CARTPROXY_STORES_MY_SHOP_API_VERSION": "3"},
    ],
    ids=str,
)
def test_contradictions_are_reported(more: dict[str, str]) -> None:
    assert len(problems(STORE | more)) == 1


@pytest.mark.parametrize(
    "origin",
    ["null", "*", "a.example", "https://a.example/", "https://A.example", "https://a.example:443",
     "http://a.example:80", "https://a.example.", "https://*", "https://*.*.a.example",
     "https://u@a.example", "ftp://a.example", "https://b\u00fccher.example", "https://a.example:x",
     "https://[", "https://a..example", "https://*.com", "https://-a.example", "https://a.example:0",
     "https://a.example:8\u0664", "https://001.2.3.4", "https://2130706433", "https://0x7f.1", "https://*.1.2.3",
     "https://[0:0:0:0:0:0:0:1]", "https://[1:2]"],
)  # fmt: skip
def test_origin_that_no_browser_sends_is_refused(origin: str) -> None:
    assert problems(STORE | {"CARTPROXY_STORES_MY_SHOP_ORIGINS": origin})


@pytest.mark.parametrize(
    "origin",
    ["http://localhost:8002", "https://[::1]:8443", "https://xn--bcher-kva.example", "https://1.2.3.4",
     "https://a1.example2", "https://*.a.example:8443"],
)  # fmt: skip
def test_unusual_origins_are_taken(origin: str) -> None:
    assert load(STORE | {"CARTPROXY_STORES_MY_SHOP_ORIGINS": origin})


def test_no_store_is_a_problem() -> None:
    assert any("stores" in each for each in problems({}))


def test_secrets_do_not_show_themselves() -> None:
    assert "top-secret" not in repr(load(STORE))


def test_config_show_masks_secrets(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in STORE.items():
        monkeypatch.setenv(name, value)

    code = main(["config", "show"])

    shown = capsys.readouterr().out
    assert code == 0
    assert "top-secret" not in shown
    assert "https://shop.example" in shown
    assert "'***'" in shown


def test_config_show_masks_every_secret(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secrets = {
        (f"CARTPROXY_{name}" if kind is Settings else f"CARTPROXY_STORES_MY_SHOP_{name}")
        for kind in (Settings, StoreSettings)
        for name in (
            each.upper() for each, field, _ in declared(kind) if isinstance(field, SecretField)
        )
    }
    file = tmp_path / "secret"
    file.write_text("top-secret-" + "x" * 32)
    environment = {name: value for name, value in STORE.items() if name not in secrets}
    environment |= {f"{name}_FILE": str(file) for name in secrets - {"CARTPROXY_REDIS_URL"}}
    environment["CARTPROXY_REDIS_URL"] = "redis://:top-secret@localhost"
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    main(["config", "show"])

    shown = capsys.readouterr().out
    assert "top-secret" not in shown
    assert shown.count("'***'") == len(secrets)


@pytest.mark.parametrize(
    ("text", "suggested"),
    [
        ("redis_ulr = 'x'", "redis_url"),
        ("[stores.my-shop]\norigin = []", "origins"),
        ("[stores.my-shop]\nprivat_key = 'top-secret'", "private_key"),
    ],
)
def test_misspelt_name_in_the_file_is_reported_with_the_right_one(
    tmp_path: Path, text: str, suggested: str
) -> None:
    path = tmp_path / "c.toml"
    path.write_text(text)

    (told,) = problems(STORE, path)

    assert f"Did you mean {suggested}?" in told
    assert "top-secret" not in told


def test_misspelt_variable_of_a_file_is_reported_with_the_right_one(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("top-secret")

    (told,) = problems(STORE | {"CARTPROXY_PEPER_FILE": str(secret)})

    assert told == "CARTPROXY_PEPER_FILE: no such setting; did you mean CARTPROXY_PEPPER?"


@pytest.mark.parametrize(
    "command",
    [
        ["cartproxy", "serve"],
        ["cartproxy", "doctor"],
        ["gunicorn", "-c", "config/gunicorn.conf.py", "wsgi:app"],
    ],
    ids=" ".join,
)
def test_nothing_starts_with_bad_settings(command: list[str]) -> None:
    environment = os.environ | STORE | {"CARTPROXY_CONCURENCY": "1", "CARTPROXY_BIND": "*:8151"}

    ended = subprocess.run(
        [sys.executable, "-m", *command],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert ended.returncode == 78
    assert "did you mean CARTPROXY_CONCURRENCY?" in ended.stderr + ended.stdout
    assert "bind: '*:8151' is not an address and a port" in ended.stderr + ended.stdout
    assert "Traceback" not in ended.stderr


def test_bad_settings_end_with_code_78(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARTPROXY_CONCURENCY", "1")

    with pytest.raises(SystemExit) as ended:
        main(["config", "show"])

    assert ended.value.code == 78
    assert "CARTPROXY_CONCURRENCY" in capsys.readouterr().err


def test_example_names_every_setting_and_its_default() -> None:
    text = EXAMPLE.read_text()
    settings = load({}, EXAMPLE)

    assert list(settings.stores) == ["demo"]
    top, _, store = text.rpartition("[stores.demo]")
    for part, kind in ((top, Settings), (store, StoreSettings)):
        for name, _, default in declared(kind):
            written = [
                each
                for each in part.splitlines()
                if each.removeprefix("# ").startswith(f"{name} =")
            ]
            assert len(written) == 1, name
            if written[0].startswith("#"):
                ((_, value),) = tomllib.loads(written[0].removeprefix("# ")).items()
                value = tuple(value) if isinstance(value, list) else value
                assert value == (default.reveal() if hasattr(default, "reveal") else default), name


@pytest.mark.parametrize("text", ["stores = 3", "[[stores]]", "[stores]\na = 1"])
def test_stores_that_are_not_tables_are_reported(tmp_path: Path, text: str) -> None:
    path = tmp_path / "c.toml"
    path.write_text(text)

    assert any("[stores.<id>]" in each for each in problems({}, path))


@pytest.mark.parametrize(
    ("variable", "hint"),
    [
        ("CARTPROXY_STORES_TOKEN", "CARTPROXY_STORES_<ID>_TOKEN"),
        ("CARTPROXY_STORES__TOKEN", "CARTPROXY_STORES_<ID>_TOKEN"),
        ("CARTPROXY_STORES_A_PRIVATE_KEYS", "CARTPROXY_STORES_<ID>_PRIVATE_KEY"),
    ],
)
def test_variable_of_an_unknown_store_is_reported(variable: str, hint: str) -> None:
    told = problems(STORE | {variable: "x"})

    assert any(variable in each and hint in each for each in told)


@pytest.mark.parametrize(
    "url",
    ["redis://h:notaport", "redis://h:0", "http://localhost", "redis+cluster://", "redis://h?db=x",
     "redis+cluster://h:notaport", "redis+cluster://h:0", "redis+cluster://g:1,h:70000", "redis+cluster://g,,h",
     "redis+cluster://h/1", "redis://h?decode_responses=yes", "redis+sentinel://h:x/mymaster", "redis+sentinel://h:1,/mymaster", "redis://h/abc", "redis://h/-1",
     "redis://h?unheard=1", "rediss://h?ssl_cert_reqs=perhaps"],
)  # fmt: skip
def test_redis_address_of_unknown_kind_is_reported(url: str) -> None:
    told = problems(STORE | {"CARTPROXY_REDIS_URL": url, "CARTPROXY_PEPPER": "p" * 32})

    assert [each.partition(":")[0] for each in told] == ["redis_url"]


@pytest.mark.parametrize(
    "url",
    ["redis://h", "redis://u:p@ss@h:1/2", "rediss://h?ssl_ca_certs=/ca.pem", "unix:///run/redis.sock?db=1",
     "redis://[::1]:1", "redis+sentinel://u:p@g:1,h/mymaster", "redis+cluster://[::1]:1, h_1",
     "redis+cluster://h/0"],
)  # fmt: skip
def test_redis_address_is_taken(url: str) -> None:
    assert load(STORE | {"CARTPROXY_REDIS_URL": url, "CARTPROXY_PEPPER": "p" * 32})


def test_checkout_hosts_are_compared_in_lower_case() -> None:
    hosts = {"CARTPROXY_STORES_MY_SHOP_CHECKOUT_HOSTS": "Pay.Shop.Example"}

    assert load(STORE | hosts).stores["my-shop"].hosts == ("pay.shop.example",)
    assert problems(STORE | {"CARTPROXY_STORES_MY_SHOP_SECURE_URL": "https://["})


@pytest.mark.parametrize("token", ["two words", "\u00e9" * 20, "a\r\nX: b", " padded"])
def test_metrics_token_that_no_header_can_bring_is_told(token: str) -> None:
    assert problems(STORE | {"CARTPROXY_METRICS_TOKEN": token})


API_URL = "CARTPROXY_STORES_MY_SHOP_API_URL"


@pytest.mark.parametrize(
    "url",
    ["http://localhost:8000", "https://x.example/a/b", "http://[::1]:80/", "http://mock_store:80"],
)
def test_address_with_a_host_is_taken(url: str) -> None:
    assert load(STORE | {API_URL: url}).stores["my-shop"].api_url == url


@pytest.mark.parametrize(
    "url",
    ["x.example", "ftp://x.example", "https://", "https:///a", "https://x..example", "https://[::1",
     "https://x.example:y", "https://x.example/a b", "https://x.example/\n", "https://x.example:99999",
     "https://x.example:0", "https://x.example:8\u0664", "http://[1:2]", "https://x.example/a?b", "https://x.example#b",
     "https://user:hunter2@x.example/a"],
)  # fmt: skip
def test_address_to_which_no_path_can_be_added_is_reported(url: str) -> None:
    (told,) = problems(STORE | {API_URL: url})

    assert told.startswith("stores.my-shop.api_url: ")
    assert "hunter2" not in told


@pytest.mark.parametrize(
    "bind",
    ['"127.0.0.1:8151"', "8151", "*:8151", "", ":", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:0",
     "127.0.0.1:65536", "256.0.0.1:80", "1.2.3:80", "[::1]", "::1:8000", "[::g]:80", "http://127.0.0.1:80",
     "127.0.0.1 :80", "127.0.0.1:80;", "tcp://127.0.0.1:80", "unix:", "127.0.0.1:80,", "a..b:80",
     "127.0.0.1:80 # here", "-x:80", "127.0.0.1:8\u0660", "unix://", "UNIX:/x.sock", "FD://3",
     "unix:/no/such/folder/x.sock", "unix:/run/" + "x" * 103],
)  # fmt: skip
def test_invalid_place_to_listen_is_reported_with_the_others(bind: str) -> None:
    told = problems(STORE | {"CARTPROXY_BIND": bind, "CARTPROXY_CONCURRENCY": "many"})

    assert [each.partition(":")[0] for each in told] == ["bind", "concurrency"]


@pytest.mark.parametrize(
    "bind",
    ["127.0.0.1:8151", "0.0.0.0:80", "[::1]:8000", "[::]:8000", "localhost:8000", "cart_proxy:8000", ":8000",
     "unix:/run/cartproxy.sock", "unix:///run/" + "x" * 102, "unix:x.sock", "fd://3",
     "127.0.0.1:8000, [::1]:8000"],
)  # fmt: skip
def test_place_to_listen_is_taken(bind: str) -> None:
    assert load(STORE | {"CARTPROXY_BIND": bind}).bind == bind


@pytest.mark.parametrize(
    "url",
    ["http://cart.localhost:8120/cart", "https://cart.example/cart/", "https://cart.example/?a=1",
     "https://cart.example/#x", "https://u:p@cart.example", "https://*.example", "https://cart.example:0",
     "https://cart.example:65536", "https://cart.example//", "https://cart.example?", "https://cart.example/#"],
)  # fmt: skip
def test_unusable_public_url_is_reported(url: str) -> None:
    told = problems(STORE | {"CARTPROXY_PUBLIC_URL": url})

    assert [each.partition(":")[0] for each in told] == ["public_url"]


@pytest.mark.parametrize(
    ("url", "origin"),
    [("https://cart.example/", "https://cart.example"), ("https://Cart.example:443", "https://cart.example"),
     ("http://localhost:8000", "http://localhost:8000"), ("http://[::1]:80", "http://[::1]"),
     ("https://cart.example:8443", "https://cart.example:8443")],
)  # fmt: skip
def test_own_origin_is_as_browsers_send_it(url: str, origin: str) -> None:
    assert load(STORE | {"CARTPROXY_PUBLIC_URL": url}).own_origin == origin


PER_SITE = [("ORIGIN_PRODUCTS", "1 2"), ("ORIGIN_CREATES_PER_MINUTE", "5")]


@pytest.mark.parametrize(("name", "rest"), PER_SITE)
@pytest.mark.parametrize(
    "site",
    ["https://blgo.example", "https://*.a.example", "https://x.y.b.example", "http://a.example",
     "https://a.example:8443", "https://b.example"],
)  # fmt: skip
def test_restriction_of_a_site_that_is_not_listed_stops_the_start(
    name: str, rest: str, site: str
) -> None:
    (told,) = problems(STORE | {f"CARTPROXY_STORES_MY_SHOP_{name}": f"{site} {rest}"})

    assert told.startswith(f"stores.my-shop.{name.lower()}: {site} is not in origins")


@pytest.mark.parametrize(("name", "rest"), PER_SITE)
@pytest.mark.parametrize(
    "site", ["https://a.example", "https://*.b.example", "https://x.b.example"]
)
def test_restriction_of_a_listed_site_is_accepted_once(name: str, rest: str, site: str) -> None:
    entry = f"{site} {rest}"

    assert load(STORE | {f"CARTPROXY_STORES_MY_SHOP_{name}": entry})
    assert problems(STORE | {f"CARTPROXY_STORES_MY_SHOP_{name}": f"{entry},{entry}"})


@pytest.mark.parametrize(
    "host",
    ["https://pay.example", "*.shop.example", "pay.example/", "pay.example:0", "pay.example:70000", "",
     "user@pay.example", "pay.example.", "pay example", "pay..example", "pay.example:8\u0664"],
)  # fmt: skip
def test_checkout_host_that_could_never_match_is_reported(host: str) -> None:
    told = problems(STORE | {"CARTPROXY_STORES_MY_SHOP_CHECKOUT_HOSTS": host})

    assert [each.partition(":")[0] for each in told] == ["stores.my-shop.checkout_hosts"]


@pytest.mark.parametrize("name", ["SECURE_URL", "SHOP_URL"])
@pytest.mark.parametrize(
    "url",
    ["https://", "https://*.shop.example", "https://shop..example", "ftp://shop.example",
     "https://shop.example?x", "https://shop.example/#x", "https://shop.example\r", "https://shop\n.example",
     "https://shop.example/a b", " https://shop.example"],
)  # fmt: skip
def test_unreachable_shop_is_reported(name: str, url: str) -> None:
    told = problems(STORE | {f"CARTPROXY_STORES_MY_SHOP_{name}": url})

    assert [each.partition(":")[0] for each in told] == [f"stores.my-shop.{name.lower()}"]


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "1e300", "0.0000001"])
def test_time_that_redis_can_not_count_is_reported(seconds: str) -> None:
    assert problems(STORE | {"CARTPROXY_IDLE_SECONDS": seconds})


def test_every_number_has_an_upper_limit() -> None:
    for kind, prefix in ((Settings, "CARTPROXY_"), (StoreSettings, "CARTPROXY_STORES_MY_SHOP_")):
        for name, field, _ in declared(kind):
            if isinstance(field, fields.Number):
                assert problems(STORE | {f"{prefix}{name.upper()}": "9" * 30}), name


def test_fraction_is_no_whole_number(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    for kind in (Settings, StoreSettings):
        for name, field, default in declared(kind):
            if isinstance(field, fields.Integer):
                table = "[stores.my-shop]\n" if kind is StoreSettings else ""

                path.write_text(f"{table}{name} = {default}.0")
                assert load(STORE, path)
                path.write_text(f"{table}{name} = {default}.5")
                assert problems(STORE, path), name


@pytest.mark.parametrize("written", ["", "no certificate", None])
def test_file_without_certificates_is_reported(tmp_path: Path, written: str | None) -> None:
    path = tmp_path / "ca.pem"
    if written is not None:
        path.write_text(written)

    (told,) = problems(STORE | {"CARTPROXY_STORES_MY_SHOP_CA_FILE": str(path)})

    reason = "No such file or directory" if written is None else "not PEM"
    assert told.startswith("stores.my-shop.ca_file: ")
    assert told.endswith(f"{reason}.")


def test_endlessly_nested_file_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text("a = " + "[" * 5000)

    assert any("not TOML" in each for each in problems(STORE, path))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-8", "utf-16"])
def test_files_with_a_byte_order_mark_are_read(tmp_path: Path, encoding: str) -> None:
    config, secret = tmp_path / "c.toml", tmp_path / "token"
    config.write_text("# \u00fc\nconcurrency = 7\n", encoding=encoding)
    secret.write_text("from-a-file\r\n", encoding=encoding)
    environment = {**STORE, "CARTPROXY_STORES_MY_SHOP_TOKEN_FILE": str(secret)}
    del environment["CARTPROXY_STORES_MY_SHOP_TOKEN"]

    settings = load(environment, config)

    assert settings.concurrency == 7
    assert settings.stores["my-shop"].token.reveal() == "from-a-file"


LINKS = {
    "CARTPROXY_SERVICE_HOST": "10.0.0.1",
    "CARTPROXY_SERVICE_PORT": "8000",
    "CARTPROXY_SERVICE_PORT_HTTP": "8000",
    "CARTPROXY_PORT": "tcp://10.0.0.1:8000",
    "CARTPROXY_PORT_8000_TCP": "tcp://10.0.0.1:8000",
    "CARTPROXY_PORT_8000_TCP_PROTO": "tcp",
    "CARTPROXY_PORT_8000_TCP_PORT": "8000",
    "CARTPROXY_PORT_8000_TCP_ADDR": "10.0.0.1",
    "CARTPROXY_REDIS_SERVICE_HOST": "10.0.0.2",
    "CARTPROXY_REDIS_PORT": "tcp://10.0.0.2:6379",
    "CARTPROXY_REDIS_PORT_6379_TCP_ADDR": "10.0.0.2",
    "CARTPROXY_REDIS_NAME": "/cartproxy/redis",
    "CARTPROXY_REDIS_ENV_REDIS_VERSION": "7.2",
    "CARTPROXY_STORES_DB_SERVICE_HOST": "10.0.0.3",
    "CARTPROXY_STORES_DB_PORT_53_UDP": "udp://10.0.0.3:53",
}


def test_service_links_of_an_orchestrator_are_no_settings() -> None:
    assert repr(load(STORE | LINKS)) == repr(load(STORE))
    assert service_links(STORE | LINKS) == sorted(LINKS)


def test_file_of_a_linked_container_is_none_of_ours() -> None:
    linked = {"CARTPROXY_REDIS_ENV_PASSWORD_FILE": "/run/secrets/password"}

    assert [*secret_files(STORE | linked)] == []


@pytest.mark.parametrize(
    ("variable", "text"),
    [("CARTPROXY_PORT", "8000"), ("CARTPROXY_REDIS_PORT", "6379"), ("CARTPROXY_REDIS_NAME", "cart"), ("CARTPROXY_SERVICE", "x"),
     ("CARTPROXY_SERVICE_HOSTS", "x"), ("CARTPROXY_PORT_HTTP", "80"), ("CARTPROXY_BINDS", "tcp://x")],
)  # fmt: skip
def test_what_only_looks_like_a_service_link_is_a_mistake(variable: str, text: str) -> None:
    assert any(variable in each for each in problems(STORE | {variable: text}))


def test_problems_of_one_part_do_not_hide_others() -> None:
    told = problems(
        STORE
        | {
            "CARTPROXY_BIND": "8151",
            "CARTPROXY_PUBLIC_URL": "https://cart.example/x",
            "CARTPROXY_WORKERS": "2",
            "CARTPROXY_STORES_MY_SHOP_TOKEN": "",
            "CARTPROXY_STORES_MY_SHOP_CURRENCY": "euro",
            "CARTPROXY_STORES_MY_SHOP_ORIGIN_PRODUCTS": "https://*.c.example 1",
        }
    )

    for name in ("bind", "public_url", "workers", "stores.my-shop.token", "stores.my-shop.currency",
                 "stores.my-shop.origin_products"):  # fmt: skip
        assert any(each.startswith(f"{name}:") for each in told), name
