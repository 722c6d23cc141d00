"""Spans of OpenTelemetry for each request of a client and its attempts, made when it has ended.

Imported only where OTEL_EXPORTER_OTLP_ENDPOINT names a collector. What else the OTEL_ variables of
the environment say the SDK heeds: sampling, headers, resource, limits of its queue.
"""

import os
from collections.abc import Mapping, Sequence

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from proxyapp.requests.record import AttemptRecord, RequestRecord
from proxyapp.vocabulary.log_masking import beginning

SERVICE = "gemini-key-gateway"
TRACES_PATH = "/v1/traces"
SECOND = 1_000_000_000
MOST_CHARACTERS = 200


class Spans:
    """`write` and `close` are called on one thread, and wait for the collector on none of ours."""

    def __init__(self, collector: str) -> None:
        self._provider = TracerProvider(resource=_resource(), shutdown_on_exit=False)
        own = os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
        exporter = OTLPSpanExporter(endpoint=own or collector.rstrip("/") + TRACES_PATH)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer(SERVICE)
        self._propagator = TraceContextTextMapPropagator()

    def write(self, records: Sequence[RequestRecord]) -> None:
        for record in records:
            self._write(record)

    def close(self) -> None:
        self._provider.shutdown()

    def _write(self, record: RequestRecord) -> None:
        start = int(record.arrived_at * SECOND)
        parent = self._propagator.extract({"traceparent": record.traceparent}, context=Context())
        span = self._tracer.start_span(
            f"{beginning(record.method, MOST_CHARACTERS)} {record.endpoint}",
            parent,
            SpanKind.SERVER,
            _attributes(record),
            start_time=start,
        )
        if record.status >= 500:
            span.set_status(StatusCode.ERROR)
        within = set_span_in_context(span, Context())
        for attempt in record.attempts:
            self._write_attempt(attempt, start, within)
        span.end(start + int(record.seconds * SECOND))

    def _write_attempt(self, attempt: AttemptRecord, arrived: int, within: Context) -> None:
        start = arrived + int(attempt.began_after * SECOND)
        span = self._tracer.start_span(
            "attempt", within, SpanKind.CLIENT, _attributes_of(attempt), start_time=start
        )
        if attempt.status >= 400 or not attempt.status:
            span.set_status(StatusCode.ERROR)
        span.end(start + int(attempt.seconds * SECOND))


def _resource() -> Resource:
    """The environment's word counts, where it has one."""
    named = os.environ.get("OTEL_SERVICE_NAME") or SERVICE_NAME in os.environ.get(
        "OTEL_RESOURCE_ATTRIBUTES", ""
    )
    return Resource.create({} if named else {SERVICE_NAME: SERVICE})


def _attributes(record: RequestRecord) -> dict[str, AttributeValue]:
    """By OpenTelemetry's conventions where they have a name."""
    found: dict[str, AttributeValue] = {
        "http.request.method": beginning(record.method, MOST_CHARACTERS),
        "http.response.status_code": record.status,
        "client.address": record.address,
        "gen_ai.request.model": beginning(record.model, MOST_CHARACTERS),
        "gen_ai.usage.input_tokens": record.llm_tokens.prompt,
        "gen_ai.usage.output_tokens": record.llm_tokens.output,
        "error.type": record.error,
        "gateway.request_id": record.id,
        "gateway.client_id": record.client_id,
        "gateway.endpoint": record.endpoint,
        "gateway.group": beginning(record.group, MOST_CHARACTERS),
        "gateway.outcome": record.outcome.value,
        "gateway.first_byte_seconds": record.first_byte_seconds,
    }
    return _known(found)


def _attributes_of(attempt: AttemptRecord) -> dict[str, AttributeValue]:
    found: dict[str, AttributeValue] = {
        "http.response.status_code": attempt.status,
        "gen_ai.request.model": beginning(attempt.model, MOST_CHARACTERS),
        "gateway.key": attempt.key_name or f"#{attempt.key_id}",
        "gateway.group": attempt.group,
        "gateway.verdict": attempt.verdict,
    }
    return _known(found)


def _known(found: Mapping[str, AttributeValue]) -> dict[str, AttributeValue]:
    return {name: value for name, value in found.items() if value}
