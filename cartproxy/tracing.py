"""Spans of our own for OpenTelemetry: requests, their store calls and their Redis scripts.

Those of libraries would record the OrderKey, and send a `traceparent` to the store. Off, nothing is
imported here; on, a thread sends the spans, and nobody waits for it. Of an error only its class is
recorded.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Self

from cartproxy import __version__

if TYPE_CHECKING:
    from opentelemetry import trace as otel

# A worker that ends sends what is left: these bound how long a silent collector holds it (6 s).
_SEND_SECONDS = 2.0
_WAITING_SPANS, _BATCH = 2048, 1024
_tracer: otel.Tracer | None = None


class Span:
    """A span that nobody records."""

    trace_id = ""  # or 32 hexadecimal digits

    def note(self, **attributes: str | int) -> None:
        """Add attributes."""

    def end(self, error: str | None = None) -> None:
        """Close it; `error` is a class or a status, by which it counts as failed."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.end(kind.__name__ if kind else None)


class _Recorded(Span):
    def __init__(self, span: otel.Span) -> None:
        from opentelemetry import context, trace

        self._span = span
        self._token = context.attach(trace.set_span_in_context(span))
        self.trace_id = trace.format_trace_id(span.get_span_context().trace_id)

    def note(self, **attributes: str | int) -> None:
        self._span.set_attributes(attributes)

    def end(self, error: str | None = None) -> None:
        from opentelemetry import context, trace

        context.detach(self._token)
        if error:
            self._span.set_attribute("error.type", error)
            self._span.set_status(trace.StatusCode.ERROR)
        self._span.end()


NOBODYS = Span()


def begin(url: str) -> None:
    """From now on record spans in this process and send them to the OTLP/HTTP address."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    global _tracer
    # One line for each batch that is lost, instead of several.
    logging.getLogger("opentelemetry").setLevel(logging.ERROR)
    provider = TracerProvider(resource=Resource.create({"service.name": "cartproxy"}))
    exporter = OTLPSpanExporter(url, timeout=_SEND_SECONDS)
    provider.add_span_processor(BatchSpanProcessor(exporter, _WAITING_SPANS, None, _BATCH))
    _tracer = provider.get_tracer("cartproxy", __version__)


def is_on() -> bool:
    """Whether spans are recorded."""
    return _tracer is not None


def request(name: str, traceparent: str) -> Span:
    """The span of a whole request, to be ended; `traceparent` is a trusted caller's, or empty."""
    if _tracer is None:
        return NOBODYS
    from opentelemetry.context import Context
    from opentelemetry.trace import SpanKind
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    parent = TraceContextTextMapPropagator().extract({"traceparent": traceparent}, Context())
    return _Recorded(_tracer.start_span(name, parent, SpanKind.SERVER))


def span(name: str, **attributes: str | int) -> Span:
    """A call to somebody else within a request, for `with`; outside of a request nothing."""
    if _tracer is None:
        return NOBODYS
    from opentelemetry.trace import SpanKind, get_current_span

    if not get_current_span().is_recording():
        return NOBODYS
    return _Recorded(_tracer.start_span(name, None, SpanKind.CLIENT, attributes))
