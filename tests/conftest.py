"""Real servers for the tests: each kind is started once per run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
import structlog
from hypothesis import HealthCheck, settings
from support.browser_fixtures import (  # noqa: F401 -- pytest finds them here
    browser,
    context,
    page,
    playwright,
    pytest_collection_modifyitems,
    tidy,
)
from support.servers import redis_server, service, simulated_store, store_environment
from support.shopper import BLOG, Shopper, Store

from cartproxy import logs

# On a busy machine an example takes long to make and to run, and nothing is wrong. The examples are
# the same each time: a run must not fail by what it happened to draw.
settings.register_profile(
    "cartproxy",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("cartproxy")
# A thread that outlives its test would print into the next one's: by default structlog prints, and
# an app that is made in this process would make its loggers write to standard error for good.
logs.configure = lambda _level: None
structlog.configure(logger_factory=structlog.ReturnLoggerFactory())

# They load the machine, or watch what a load does: one after the other, also where other tests run
# in parallel.
_ONE_AT_A_TIME = (
    "tests/faults/test_process.py",
    "tests/faults/test_reload.py",
    "tests/faults/test_rolling.py",
    "tests/faults/test_two_machines.py",
    "tests/security/test_store_answers.py",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`pytest tests/contract --profile FILE`, or `--live`, with keys from the environment."""
    parser.addoption("--profile", help="what `cartproxy probe` wrote: the simulated store's habits")
    parser.addoption("--live", action="store_true", help="the client's walk on a real store")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Where tests run in parallel (`make test`), a file's tests share a process and its servers."""
    from xdist.scheduler import LoadFileScheduling

    class _Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return "one at a time" if file in _ONE_AT_A_TIME else file

    return _Scheduling(config, log)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """After a test that ran a command, which logs to standard error, nothing is printed again."""
    yield
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A real Redis-protocol server."""
    with redis_server() as url:
        yield url


@pytest.fixture(scope="session")
def store_url(pytestconfig: pytest.Config) -> Iterator[str]:
    """The simulated store, with the habits of `--profile`."""
    profile = pytestconfig.getoption("--profile")
    with simulated_store(*(["--profile", profile] if profile else [])) as url:
        yield url


@pytest.fixture
def store(store_url: str, redis_url: str) -> Store:
    """The simulated store, reset, without a pause requested in another test."""
    with redis.Redis.from_url(redis_url) as client:
        client.delete("cpb:{demo}", "cpb:{second}")
    store = Store(store_url)
    store.reset()
    return store


@pytest.fixture(scope="session")
def proxy_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the service writes to its standard error."""
    return tmp_path_factory.mktemp("proxy") / "log.jsonl"


@pytest.fixture(scope="session")
def proxy_url(redis_url: str, store_url: str, proxy_log: Path) -> Iterator[str]:
    """The service over real HTTP, as in production: gunicorn, two workers, a real Redis."""
    other_origin = "https://other.example"
    environment = {
        "CARTPROXY_REDIS_URL": redis_url,
        "CARTPROXY_METRICS_TOKEN": "metrics-token",
        "CARTPROXY_PEPPER": "p" * 32,  # a test may take a cart to another service
        # Tests break the store on purpose; the breaker has tests and a service of its own.
        "CARTPROXY_BREAKER_FAILURES": "1000000",
        **store_environment(store_url, ORIGINS=f"{BLOG},{other_origin},https://*.blogs.example"),
        **store_environment(
            store_url,
            "SECOND",
            ORIGINS=BLOG,
            CURRENCY="JPY",
            CURRENCY_DECIMALS="0",
            API_VERSION="1",
        ),
    }
    with service(environment, proxy_log) as url:
        yield url


@pytest.fixture
def shopper(proxy_url: str, store: Store) -> Shopper:
    """A shopper with a fresh credential, on the blog."""
    return Shopper(proxy_url)
