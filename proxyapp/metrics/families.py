"""What `/metrics` says: names, units and words. Imported with the first answer only."""

import platform
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

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
from proxyapp.metrics.lines import histogram_lines, sample_lines
from proxyapp.metrics.present import QuotaRow
from proxyapp.vocabulary.buckets import WAIT_BOUNDS
from proxyapp.vocabulary.money import MICROS
from proxyapp.vocabulary.version import version

# A family, and the lines of its samples where the library does not write them.
Told = tuple[Metric, Iterable[str]]
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
        encode, content_type = choose_encoder(accept)
        end = encode(Families(()))
        parts = list[bytes]()
        for family, lines in self._told():
            parts.append(encode(Families((family,))).removesuffix(end))
            parts.append("".join(lines).encode(errors="replace"))
        return b"".join((*parts, end)), content_type

    def _told(self) -> Iterator[Told]:
        """Families, and the lines of those whose samples are not theirs."""
        counts = self.counts
        yield from (_counter(counts.get(name, {}), *told) for name, told in COUNTERS.items())
        yield _cost(counts.get(names.COST, {}))
        yield from (_histogram(counts.get(name, {}), *told) for name, told in HISTOGRAMS.items())
        for name, documentation in PRESENT.items():
            yield GaugeMetricFamily(name, documentation, value=self.present[name]), ()
        yield _keys(self.keys), ()
        yield from _quotas(self.quotas)
        yield _build(self.server), ()


class Families(Collector):
    """For the library, which knows how each of its formats tells a name, a type and words."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


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
) -> Told:
    numbers = ((values, found[0]) for values, found in rows.items())
    family = CounterMetricFamily(name, documentation, labels=labels)
    return family, sample_lines(f"{name}_total", labels, numbers)


def _cost(rows: Mapping[tuple[str, ...], list[float]]) -> Told:
    """Counted in whole millionths, so that sums stay exact."""
    return _counter(
        {values: [numbers[0] / MICROS] for values, numbers in rows.items()},
        "gateway_cost",
        "What answers cost, in units of the currency of the prices; what has no price is not in"
        " it.",
        ("model",),
    )


def _histogram(
    rows: Mapping[tuple[str, ...], list[float]],
    name: str,
    documentation: str,
    labels: tuple[str, ...],
    bounds: tuple[float, ...],
) -> Told:
    family = HistogramMetricFamily(name, documentation, labels=labels)
    return family, histogram_lines(name, labels, bounds, rows)


def _keys(keys: Mapping[tuple[str, str], int]) -> Metric:
    family = GaugeMetricFamily("gateway_keys", "Keys by state.", labels=("group", "state"))
    for place, count in keys.items():
        family.add_metric(place, count)
    return family


def _quotas(rows: Iterable[QuotaRow]) -> Iterator[Told]:
    labels = ("project", "model", "meter")
    told = list(rows)
    used, limit = "gateway_quota_used", "gateway_quota_limit"
    yield (
        GaugeMetricFamily(
            used,
            "What is used of limits that the gateway keeps and has met since its start, as the"
            " process knows it that knows most; keys without a project together.",
            labels=labels,
        ),
        sample_lines(used, labels, ((row[:3], row[3]) for row in told)),
    )
    yield (
        GaugeMetricFamily(limit, "How much these limits allow.", labels=labels),
        sample_lines(limit, labels, ((row[:3], row[4]) for row in told)),
    )


def _build(server: str) -> Metric:
    labels = {"version": version(), "python": platform.python_version(), "server": server}
    return InfoMetricFamily("gateway_build", "What runs here.", value=labels)
