"""SIGHUP: new settings are in force without losing a request, and invalid ones change nothing."""

from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests
from support.servers import (
    answers,
    drain,
    free_port,
    instance,
    kill_workers,
    store_environment,
    workers,
)
from support.shopper import BLOG, MUG, Shopper, Store
from support.waiting import PATIENCE_SECONDS, wait_for

NEW_BLOG = "https://new-blog.example"


@dataclass
class Reloadable:
    """A service that reads its store from a file, and the answers it has given."""

    url: str
    file: Path
    log: Path
    store_url: str
    master: subprocess.Popen[bytes]
    seen: list[int | str] = field(default_factory=list)

    def write(self, *origins: str, more: str = "", stores: tuple[str, ...] = ("demo",)) -> None:
        """Put these settings into the file; takes effect with the next SIGHUP."""
        tables = []
        for store in stores:
            settings = store_environment(self.store_url, "X", ORIGINS=",".join(origins))
            lines = [
                f'{name.removeprefix("CARTPROXY_STORES_X_").lower()} = "{value}"'
                for name, value in settings.items()
                if not name.endswith(("ORIGINS", "HOSTS"))
            ]
            host = self.store_url.removeprefix("http://")
            lines += [f"origins = {list(origins)}", f"checkout_hosts = ['{host}']"]
            tables.append("\n".join([f"[stores.{store}]", *lines]))
        self.file.write_text("\n".join([more, *tables]))

    def reload(self) -> None:
        self.master.send_signal(signal.SIGHUP)

    def asks(self, origin: str, store: str = "demo") -> int:
        shopper = Shopper(self.url, origin=origin, store=store)
        return shopper.call("POST", "/cart", {}).status_code

    @contextmanager
    def under_load(self) -> Iterator[None]:
        """Shoppers come and go, one stays, and some are idle with an open connection."""
        stopping = threading.Event()
        resting = [Shopper(self.url) for _ in range(8)]
        for each in resting:
            assert each.call("GET", "/cart").status_code == 200

        def shop(shopper: Shopper | None) -> None:
            while not stopping.is_set():
                self._shop(shopper or Shopper(self.url))

        lasting = [Shopper(self.url), None, None, None, None, None]
        threads = [threading.Thread(target=shop, args=(each,)) for each in lasting]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stopping.set()
            for thread in threads:
                thread.join()
            for each in resting:
                each.http.close()

    def let_shop(self) -> None:
        """Wait for some more answers."""
        enough = len(self.seen) + 50
        wait_for(lambda: len(self.seen) >= enough, "shoppers continue")

    def _shop(self, shopper: Shopper) -> None:
        try:
            self.seen.append(shopper.call("POST", "/cart/items", {"catalog_id": MUG}).status_code)
            self.seen.append(shopper.call("GET", "/cart").status_code)
        except requests.RequestException as error:
            self.seen.append(repr(error))


@pytest.fixture
def service(redis_url: str, store: Store, tmp_path: Path) -> Iterator[Reloadable]:
    """The service, two workers, with its store in a file that lists the blog."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {"CARTPROXY_REDIS_URL": redis_url, "TMPDIR": str(tmp_path)}
    file, log = tmp_path / "cartproxy.toml", tmp_path / "log"
    running = Reloadable(url, file, log, store.url, None)  # type: ignore[arg-type]
    running.write(BLOG)
    with instance(port, environment, "--config", file, log=log) as master:
        running.master = master
        wait_for(lambda: len(workers(url)) == 2, "two workers")
        yield running


def test_new_origin_and_store_are_taken_without_losing_a_request(service: Reloadable) -> None:
    before = workers(service.url)
    refused = service.asks(NEW_BLOG)

    with service.under_load():
        service.let_shop()
        service.write(BLOG, NEW_BLOG, stores=("demo", "second"))
        service.reload()
        wait_for(lambda: not set(before) & set(workers(service.url)), "other workers")
        service.let_shop()
    accepted = [service.asks(NEW_BLOG) for _ in range(20)]
    second = service.asks(NEW_BLOG, "second")

    assert refused == 403
    assert set(service.seen) == {200, 201}, service.seen
    assert set(accepted) == {201}
    assert second == 201


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("concurency = 7", "concurency"),
        ("this is no TOML", "not TOML"),
        ('seal_key = "short"', "seal_key"),
    ],
)
def test_invalid_settings_are_reported_and_change_nothing(
    service: Reloadable, wrong: str, told: str
) -> None:
    before = sorted(workers(service.url))

    def lines() -> list[str]:
        return [each for each in service.log.read_text().splitlines() if told in each]

    with service.under_load():
        service.write(BLOG, NEW_BLOG, more=wrong)
        service.reload()
        wait_for(lambda: len(lines()) == 1, told)
        service.reload()  # the first is finished when the second is refused
        wait_for(lambda: len(lines()) == 2, told)
    after = sorted(workers(service.url))

    assert after == before
    assert set(service.seen) == {200, 201}, service.seen
    assert all("CRITICAL" in line for line in lines())
    assert service.asks(NEW_BLOG) == 403


def test_worker_that_dies_while_the_file_is_invalid_is_replaced(service: Reloadable) -> None:
    before = workers(service.url)
    service.write(BLOG, more="concurency = 7")

    kill_workers(service.url)
    wait_for(lambda: len(set(workers(service.url)) - set(before)) == 2, "two new workers")
    wait_for(answers(f"{service.url}/readyz"), "they are ready")

    assert service.asks(BLOG) == 201


def test_second_master_is_not_started_beside_the_first(service: Reloadable) -> None:
    before = sorted(workers(service.url))

    service.master.send_signal(signal.SIGUSR2)  # gunicorn would start itself again
    wait_for(lambda: "SIGUSR2" in service.log.read_text(), "it is told")
    service.write(BLOG, NEW_BLOG)
    service.reload()
    wait_for(lambda: not set(before) & set(workers(service.url)), "other workers")
    accepted = service.asks(NEW_BLOG)
    service.master.terminate()
    service.master.wait(PATIENCE_SECONDS)

    assert accepted == 201
    wait_for(lambda: not answers(f"{service.url}/livez")(), "nobody answers any more")


def test_stop_after_a_reload_drains_as_the_new_file_says_and_leaves_no_folder_behind(
    service: Reloadable,
) -> None:
    before = workers(service.url)
    service.write(BLOG, more="drain_seconds = 600")
    service.reload()
    wait_for(lambda: not set(before) & set(workers(service.url)), "other workers")
    folders = list(service.file.parent.glob("cartproxy-*"))

    drain(service.master, service.url)
    alive = answers(f"{service.url}/livez")()
    service.master.terminate()
    code = service.master.wait(PATIENCE_SECONDS)

    assert alive
    assert code == 0
    assert len(folders) == 1
    assert not list(service.file.parent.glob("cartproxy-*"))
