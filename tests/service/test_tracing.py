"""Traces: what the collector receives, what it and the store never do, and what happens without it."""

from __future__ import annotations

import base64
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from support.log_lines import request_line
from support.servers import (
    ROOT,
    STOP_SECONDS,
    free_port,
    service,
    simulated_store,
    store_environment,
)
from support.shopper import MUG, Shopper, Store, credential
from support.waiting import wait_for

from cartproxy.settings_source import SettingsError, load
from cartproxy.tracing import _SEND_SECONDS
from cartproxy.web.api_keys import create

STORE_KEY = "ca9a51ee0000000000000000000000d1"
STORE_TOKEN = "ca9a51ee0000000000000000000000d2"
ACCESS = "canary-access-token-0000000000000000"
PEPPER = "canary-pepper-00000000000000000000000000"
IDEMPOTENCY = "canary-idempotency-key"
STREET = "Kanarienvogelgasse 12"
EMAIL = "canary@shopper.example"
API_KEY, KEY_ENTRY = create("blog")
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"
EXAMPLE = ROOT / "config/cartproxy.example.toml"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"


class Collector:
    """An OTLP/HTTP collector that keeps what it is sent."""

    def __init__(self) -> None:
        self.received: list[bytes] = []

    def spans(self) -> list[Span]:
        """Every span so far."""
        return [
            span
            for body in list(self.received)
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def trace(self, request_id: str) -> tuple[Span, list[Span]]:
        """The span of the request, once it has come, and its children in order."""

        def found() -> list[Span]:
            return [
                each for each in self.spans() if attributes(each).get("request_id") == request_id
            ]

        (root,) = wait_for(found, f"the span of request {request_id}")
        # They end before it does, and so they were sent before it.
        children = [each for each in self.spans() if each.parent_span_id == root.span_id]
        return root, sorted(children, key=lambda each: each.start_time_unix_nano)


def attributes(span: Span) -> dict[str, str | int]:
    """The attributes of a span as plain values."""
    return {
        each.key: getattr(each.value, str(each.value.WhichOneof("value")))
        for each in span.attributes
    }


class Quiet(BaseHTTPRequestHandler):
    """Answers every method by `answer`."""

    def answer(self, body: bytes) -> None:
        raise NotImplementedError

    def do_POST(self) -> None:
        self.answer(self.rfile.read(int(self.headers.get("Content-Length", "0"))))

    do_GET = do_PUT = do_DELETE = do_POST

    def reply(self, status: int, content: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextmanager
def listening(answers: type[Quiet]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), answers)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def traced(
    redis_url: str, store_url: str, trace_url: str, log: Path | None = None
) -> Iterator[str]:
    environment = {
        "CARTPROXY_REDIS_URL": redis_url,
        "CARTPROXY_PEPPER": PEPPER,
        "CARTPROXY_BREAKER_FAILURES": "1000000",
        "CARTPROXY_TRACE_URL": trace_url,
        "OTEL_BSP_SCHEDULE_DELAY": "50",
        **store_environment(
            store_url,
            PRIVATE_KEY=STORE_KEY,
            TOKEN=STORE_TOKEN,
            ACCESS_TOKEN=ACCESS,
            API_KEYS=KEY_ENTRY,
        ),
    }
    with service(environment, log) as url:
        yield url


@pytest.fixture(scope="module")
def keyed_store() -> Iterator[Store]:
    """A simulated store of this module's own."""
    with simulated_store("--private-key", STORE_KEY, "--token", STORE_TOKEN) as url:
        yield Store(url)


@pytest.fixture(scope="module")
def store_heard() -> list[str]:
    """The names of all headers that the store was sent, in lower case."""
    return []


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("traced") / "log.jsonl"


@pytest.fixture(scope="module")
def collector() -> Collector:
    return Collector()


@pytest.fixture(scope="module")
def url(
    redis_url: str, keyed_store: Store, store_heard: list[str], collector: Collector, log: Path
) -> Iterator[str]:
    """The service with a collector, and a listener between it and the store."""

    class Listener(Quiet):
        def answer(self, body: bytes) -> None:
            store_heard.extend(name.lower() for name in self.headers)
            headers = {name: text for name, text in self.headers.items() if name != "Host"}
            answer = requests.request(
                self.command, keyed_store.url + self.path, data=body, headers=headers, timeout=60
            )
            self.reply(answer.status_code, answer.content)

    class Taking(Quiet):
        def answer(self, body: bytes) -> None:
            collector.received.append(body)
            self.reply(200)

    with (
        listening(Listener) as store_url,
        listening(Taking) as collector_url,
        traced(redis_url, store_url, f"{collector_url}/v1/traces", log) as service_url,
    ):
        yield service_url


@pytest.fixture
def buyer(url: str, keyed_store: Store) -> Shopper:
    keyed_store.reset()
    return Shopper(url)


def test_add_is_one_span_with_its_store_calls_and_scripts(
    buyer: Shopper, collector: Collector, log: Path
) -> None:
    answer = buyer.call("POST", "/cart/items", {"catalog_id": MUG})

    root, children = collector.trace(answer.headers["X-Request-Id"])
    noted = [attributes(child) for child in children]
    assert attributes(root) == {
        "method": "POST",
        "route": "/v1/stores/<store>/cart/items",
        "status": 201,
        "store": "demo",
        "code": "",
        "request_id": answer.headers["X-Request-Id"],
    }
    assert root.kind == Span.SPAN_KIND_SERVER
    assert root.parent_span_id == b""
    calls = [(each["store"], each["outcome"]) for each in noted if "operation" in each]
    scripts = [each["script"] for each in noted if "script" in each]
    assert calls == [("demo", "201"), ("demo", "201"), ("demo", "200")]
    assert scripts == ["begin", "budget", "checkpoint", "commit"]
    assert len(children) == 7
    assert {each.trace_id for each in children} == {root.trace_id}
    assert all(
        root.start_time_unix_nano <= each.start_time_unix_nano
        and each.end_time_unix_nano <= root.end_time_unix_nano
        for each in children
    )
    line = request_line(log, answer.headers["X-Request-Id"])
    assert line["trace_id"] == root.trace_id.hex()


def test_failed_store_call_and_its_request_say_so(
    buyer: Shopper, collector: Collector, keyed_store: Store
) -> None:
    keyed_store.fail({"method": "*", "path": "*", "fault": "status", "status": 500, "times": None})

    answer = buyer.call("POST", "/cart/items", {"catalog_id": MUG})

    root, children = collector.trace(answer.headers["X-Request-Id"])
    assert attributes(root)["code"] == answer.json()["code"]
    assert root.status.code == Status.STATUS_CODE_ERROR
    failed = [each for each in children if each.status.code == Status.STATUS_CODE_ERROR]
    assert {attributes(each)["error.type"] for each in failed} == {"StoreFailed"}
    assert not [event for each in (root, *children) for event in each.events]


def test_trace_of_the_caller_is_continued_only_for_servers_with_a_key(
    buyer: Shopper, collector: Collector
) -> None:
    keyed = Shopper(buyer.base.partition("/v1/")[0], origin=None)

    strange = buyer.call("GET", "/products/3828", headers={"traceparent": TRACEPARENT})
    known = keyed.call(
        "GET", "/products/3828", headers={"traceparent": TRACEPARENT, "Cartproxy-Key": API_KEY}
    )
    broken = keyed.call(
        "GET", "/products/3828", headers={"traceparent": "00-x", "Cartproxy-Key": API_KEY}
    )

    assert {each.status_code for each in (strange, known, broken)} == {200}
    root, _ = collector.trace(strange.headers["X-Request-Id"])
    assert root.trace_id.hex() != TRACE
    root, _ = collector.trace(known.headers["X-Request-Id"])
    assert (root.trace_id.hex(), root.parent_span_id.hex()) == (TRACE, PARENT)
    root, _ = collector.trace(broken.headers["X-Request-Id"])
    assert root.parent_span_id == b""


def test_nothing_secret_is_exported_and_nothing_of_it_reaches_the_store(
    buyer: Shopper, collector: Collector, keyed_store: Store, store_heard: list[str]
) -> None:
    keyed = {"Idempotency-Key": IDEMPOTENCY, "traceparent": TRACEPARENT, "baggage": "a=b"}
    wrong = credential()
    addresses = {"billing": {"address": STREET, "email": EMAIL}}
    buyer.call("POST", "/cart/items", {"catalog_id": MUG}, headers=keyed)
    buyer.call("PATCH", "/cart", addresses, headers=keyed)
    buyer.call("GET", f"/cart/items/{wrong}")
    buyer.call("GET", f"/{wrong}?{wrong}")
    order_keys = [cart["order_key"] for cart in keyed_store.carts()]
    for fault in ("html", "reset", "redirect", "huge"):
        keyed_store.fail({"method": "*", "path": "*", "fault": fault, "times": None,
                          "to": "http://127.0.0.1:9/"})  # fmt: skip
        buyer.call("PATCH", "/cart", addresses)
    keyed_store.fail()
    last = buyer.call("DELETE", "/cart")

    collector.trace(last.headers["X-Request-Id"])
    exported = b"".join(collector.received)
    secrets = [STORE_KEY, STORE_TOKEN, ACCESS, PEPPER, IDEMPOTENCY, STREET, EMAIL, API_KEY, wrong,
               buyer.bearer or "-", *order_keys]  # fmt: skip
    assert len(order_keys) == 1
    for secret in secrets:
        raw = secret.encode()
        for form in (raw, base64.b64encode(raw), raw.hex().encode()):
            assert form not in exported, secret
    assert b"store" in exported
    assert "privatekey" in store_heard
    assert not {"traceparent", "tracestate", "baggage"} & set(store_heard)


@pytest.mark.parametrize("kind", ["refuses", "is silent"])
def test_unreachable_collector_does_not_matter(
    redis_url: str, keyed_store: Store, kind: str
) -> None:
    over = threading.Event()

    class Silent(Quiet):
        def answer(self, body: bytes) -> None:
            over.wait()

    keyed_store.reset()
    took = []
    with listening(Silent) as silent:
        away = silent if kind == "is silent" else f"http://127.0.0.1:{free_port()}"
        with traced(redis_url, keyed_store.url, f"{away}/v1/traces") as url:
            buyer = Shopper(url)
            for _ in range(20):
                began = time.monotonic()
                buyer.add(MUG)
                took.append(time.monotonic() - began)
            stopping = time.monotonic()
        stopped = time.monotonic() - stopping
        over.set()

    # An add that waited for the collector would wait that long for each of its spans.
    assert min(took) < _SEND_SECONDS
    assert stopped < STOP_SECONDS, "it had to be killed"


OFF = """
import sys
from pathlib import Path
from cartproxy.app import create_app
from cartproxy.settings_source import load
app = create_app(load({}, Path("config/cartproxy.example.toml")))
assert app.test_client().get("/livez").status_code == 200
print(*(name for name in sys.modules if name.startswith(("opentelemetry", "google"))))
"""
ABSENT = 'import sys\nsys.modules["opentelemetry"] = None\n'


def test_without_trace_url_no_tracing_library_is_imported() -> None:
    def imported(program: str) -> set[str]:
        command = [sys.executable, "-c", program]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
        return set(done.stdout.split())

    # If they are installed, redis-py imports the API and the SDK's metrics.
    by_redis = imported("import sys, redis" + OFF.rpartition("200")[2])
    assert imported(OFF) <= by_redis
    assert not [name for name in by_redis if "exporter" in name or "google" in name]
    assert imported(ABSENT + OFF) == {"opentelemetry"}


def test_address_without_the_extra_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)

    with pytest.raises(SettingsError) as caught:
        load({"CARTPROXY_TRACE_URL": "http://localhost:4318/v1/traces"}, EXAMPLE)

    assert caught.value.problems == [
        "trace_url: needs the extra `otel`: pip install 'cartproxy[otel]'."
    ]


@pytest.mark.parametrize("address", ["localhost:4318", "http://user:canary@collector/v1/traces"])
def test_invalid_address_or_one_with_a_secret_is_refused(address: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load({"CARTPROXY_TRACE_URL": address}, EXAMPLE)

    (told,) = caught.value.problems
    assert told.startswith("trace_url: ")
    assert "canary" not in told
