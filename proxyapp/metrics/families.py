"""What `/metrics` says: names, units and words. Imported with the first answer only."""

import platform
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from proxyapp.metrics import counts as names
from proxyapp.metrics.counts import Counts
from proxyapp.metrics.present import QuotaRow
from proxyapp.vocabulary.buckets import WAIT_BOUNDS
from proxyapp.vocabulary.money import MICROS

PACKAGE = "gemini-key-gateway"
COUNTERS = {
    names.REQUESTS: (
        "gateway_requests",
        "Requests of clients, by what the client saw.",
        ("group", "model", "outcome"),
    ),
    names.ATTEMPTS: (
        "gateway_attempts",
        "Attempts at upstreams, by what the answer meant.",
        ("group", "verdict"),
    ),
    names.LLM_TOKENS: (
        "gateway_llm_tokens",
        "LLM tokens of answers. cached and tool_use are parts of prompt, thoughts of output.",
        ("model", "kind"),
    ),
}
HISTOGRAMS = {
    names.FIRST_BYTE: (
        "gateway_time_to_first_byte_seconds",
        "From a request's arrival to the head of its answer, of those that reached an upstream.",
        ("model",),
        names.FIRST_BYTE_BOUNDS,
    ),
    names.DURATION: (
        "gateway_request_duration_seconds",
        "From a request's arrival to its end, of those that reached an upstream; without Live"
        " sessions.",
        ("model",),
        names.DURATION_BOUNDS,
    ),
    names.QUEUE_WAIT: (
        "gateway_queue_wait_seconds",
        "How long requests stood in the queue for a key.",
        (),
        WAIT_BOUNDS,
    ),
    names.LEASE_WAIT: (
        "gateway_lease_wait_seconds",
        "How long requests waited for the database's lease of the rotation.",
        (),
        WAIT_BOUNDS,
    ),
    names.LOOP_LAG: (
        "gateway_event_loop_lag_seconds",
        "How late the event loop came to what was due; one look a second in each process.",
        (),
        names.LAG_BOUNDS,
    ),
}


@dataclass(frozen=True, slots=True)
class MetricsAnswer:
    """All that one answer says. `present`: of all processes, by name."""

    counts: Counts
    present: Mapping[str, float]
    keys: Mapping[tuple[str, str], int]
    quotas: Iterable[QuotaRow]
    server: str

    def text(self, accept: str) -> tuple[bytes, str]:
        """And its content type: that of OpenMetrics for who asks for it."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(Families(self))
        encode, content_type = choose_encoder(accept)
        return encode(registry), content_type


class Families(Collector):
    def __init__(self, answer: MetricsAnswer) -> None:
        self._answer = answer

    def describe(self) -> Iterable[Metric]:
        return ()  # nothing is asked twice

    def collect(self) -> Iterator[Metric]:
        counts = self._answer.counts
        yield from (_counter(counts.get(name, {}), *told) for name, told in COUNTERS.items())
        yield _cost(counts.get(names.COST, {}))
        yield from (_histogram(counts.get(name, {}), *told) for name, told in HISTOGRAMS.items())
        for name, documentation in PRESENT.items():
            yield GaugeMetricFamily(name, documentation, value=self._answer.present[name])
        yield _keys(self._answer.keys)
        yield from _quotas(self._answer.quotas)
        yield _build(self._answer.server)


IN_FLIGHT, QUEUED = "gateway_requests_in_flight", "gateway_queue_length"
PROCESSES, SPOOL = "gateway_processes", "gateway_spool_bytes"
DATABASE = "gateway_database_up"
PRESENT = {
    IN_FLIGHT: "Requests of clients, and Live sessions, that are under way.",
    QUEUED: "Requests that stand in the queue for a key.",
    PROCESSES: "Processes that answer.",
    SPOOL: "What waits on disk for the database.",
    DATABASE: "1 while the database answers the process that was asked, else 0.",
}


def _counter(
    rows: Mapping[tuple[str, ...], list[float]],
    name: str,
    documentation: str,
    labels: tuple[str, ...],
) -> Metric:
    family = CounterMetricFamily(name, documentation, labels=labels)
    for values, numbers in rows.items():
        family.add_metric(values, numbers[0])
    return family


def _cost(rows: Mapping[tuple[str, ...], list[float]]) -> Metric:
    """Counted in whole millionths, so that sums stay exact."""
    family = CounterMetricFamily(
        "gateway_cost",
        "What answers cost, in units of the currency of the prices; what has no price is not in"
        " it.",
        labels=("model",),
    )
    for values, numbers in rows.items():
        family.add_metric(values, numbers[0] / MICROS)
    return family


def _histogram(
    rows: Mapping[tuple[str, ...], list[float]],
    name: str,
    documentation: str,
    labels: tuple[str, ...],
    bounds: tuple[float, ...],
) -> Metric:
    family = HistogramMetricFamily(name, documentation, labels=labels)
    texts = [*map(str, bounds), "+Inf"]
    for values, numbers in rows.items():
        *parts, total = numbers
        if len(parts) == len(texts):
            so_far, buckets = 0.0, []
            for text, count in zip(texts, parts, strict=True):
                so_far += count
                buckets.append((text, so_far))
            family.add_metric(values, buckets, total)
    return family


def _keys(keys: Mapping[tuple[str, str], int]) -> Metric:
    family = GaugeMetricFamily("gateway_keys", "Keys by state.", labels=("group", "state"))
    for place, count in keys.items():
        family.add_metric(place, count)
    return family


def _quotas(rows: Iterable[QuotaRow]) -> Iterator[Metric]:
    labels = ("project", "model", "meter")
    used = GaugeMetricFamily(
        "gateway_quota_used",
        "What is used of limits that the gateway keeps and has met since its start, as the process"
        " knows it that knows most; keys without a project together.",
        labels=labels,
    )
    limit = GaugeMetricFamily("gateway_quota_limit", "How much these limits allow.", labels=labels)
    for project, model, meter, is_used, number in rows:
        used.add_metric((project, model, meter), is_used)
        limit.add_metric((project, model, meter), number)
    yield used
    yield limit


def _build(server: str) -> Metric:
    try:
        version = metadata.version(PACKAGE)
    except metadata.PackageNotFoundError:  # run from its sources
        version = ""
    labels = {"version": version, "python": platform.python_version(), "server": server}
    return InfoMetricFamily("gateway_build", "What runs here.", value=labels)
