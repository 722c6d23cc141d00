"""A collector of OpenTelemetry's gets a span of each request and its attempts."""

import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.conftest import MakeGateway
from tests.support.fake_upstream import FakeUpstream
from tests.support.ports import free_port
from tests.support.quota_gateway import native
from tests.support.raw_client import exchange

pytestmark = pytest.mark.once

ASKED = b'{"contents": []}'
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
KEYS = [{"key": "KEY-A", "name": "first"}, {"key": "KEY-B", "name": "other"}]


class Collector:
    """`bodies`: what came to its one path."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        bodies = self.bodies

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.path == "/v1/traces":
                    bodies.append(body)
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def spans(self) -> list[Any]:
        sent = [ExportTraceServiceRequest.FromString(body) for body in self.bodies]
        scopes = [
            scope for one in sent for each in one.resource_spans for scope in each.scope_spans
        ]
        return [span for scope in scopes for span in scope.spans]


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.server.shutdown()
    made.server.server_close()


def attributes(span: Any) -> dict[str, Any]:
    return {
        each.key: each.value.string_value or each.value.int_value or each.value.double_value
        for each in span.attributes
    }


@pytest.mark.parametrize("server", ["daphne", "uvicorn"])
def test_a_request_and_its_attempts(
    make_gateway: MakeGateway, upstream: FakeUpstream, collector: Collector, server: str
) -> None:
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
    gateway = make_gateway(KEYS, server=server, env=env, rate_limit_policy="quota_aware")
    upstream.exhausted("KEY-A", "429_free_rpd_25_short_delay")
    before = time.time_ns()
    headers = [("traceparent", f"00-{TRACE}-{PARENT}-01"), ("x-request-id", "mine")]
    for _ in range(2):
        exchange(gateway.url, "POST", native(), headers, ASKED)
    assert gateway.stop() == 0
    spans = collector.spans
    assert {span.trace_id.hex() for span in spans} == {TRACE}
    requests = [span for span in spans if span.parent_span_id.hex() == PARENT]
    assert [span.name for span in requests] == ["POST generate"] * 2
    attempts = [span for span in spans if span not in requests]
    assert {span.parent_span_id for span in attempts} == {span.span_id for span in requests}
    assert sorted(attributes(span)["gateway.verdict"] for span in attempts) == [
        "day",
        "succeeded",
        "succeeded",
    ]
    told = attributes(requests[0])
    assert (told["gateway.request_id"], told["http.response.status_code"]) == ("mine", 200)
    for span in spans:
        assert before <= span.start_time_unix_nano <= span.end_time_unix_nano <= time.time_ns()
    assert b"KEY-A" not in b"".join(collector.bodies)
    assert b"gemini-key-gateway" in b"".join(collector.bodies)


def test_a_collector_that_is_away_holds_up_nobody(make_gateway: MakeGateway) -> None:
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}"}
    gateway = make_gateway(KEYS, env=env)
    assert exchange(gateway.url, "POST", native(), [], ASKED).status == 200
    began = time.monotonic()
    assert gateway.stop() == 0
    assert time.monotonic() - began < 5


def test_where_none_is_named_nothing_of_it_is_imported() -> None:
    code = (
        "import sys; from gateway import asgi; from proxyapp import runtime;"
        " print([each for each in sys.modules if each.startswith('opentelemetry')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
