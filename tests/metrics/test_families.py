"""What `/metrics` says, in Prometheus' words."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from prometheus_client import exposition, parser
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.openmetrics import parser as openmetrics_parser

from proxyapp.metrics.families import Families, MetricsAnswer
from tests.support.exposition import full_answer

MODEL = 'model="gemini-0-flash"'


def lines(answer: MetricsAnswer, accept: str = "") -> list[str]:
    return answer.text(accept)[0].decode().splitlines()


def test_counts_become_samples_with_units():
    found = lines(full_answer())

    assert f'gateway_requests_total{{group="main",{MODEL},outcome="no_key"}} 3.0' in found
    assert 'gateway_attempts_total{group="main",verdict="succeeded"} 3.0' in found
    assert f"gateway_cost_total{{{MODEL}}} 1.25" in found
    assert 'gateway_keys{group="main",state="cooling"} 2.0' in found
    assert "gateway_database_up 1.0" in found
    quota = f'meter="requests_per_day",{MODEL},project="p1"'
    assert f"gateway_quota_limit{{{quota}}} 250.0" in found


def test_a_histograms_buckets_add_up():
    found = lines(full_answer())
    name = "gateway_time_to_first_byte_seconds"

    assert f'{name}_bucket{{le="0.1",{MODEL}}} 1.0' in found
    assert f'{name}_bucket{{le="+Inf",{MODEL}}} 10.0' in found
    assert f"{name}_count{{{MODEL}}} 10.0" in found
    assert f"{name}_sum{{{MODEL}}} 2.5" in found


def test_a_name_that_a_client_wrote_breaks_no_line():
    answer = full_answer()
    answer.counts["cost"] = {('a"b\\c\nd',): [1_000_000]}

    assert 'gateway_cost_total{model="a\\"b\\\\c\\nd"} 1.0' in lines(answer)


def test_a_row_of_another_version_is_left_out():
    answer = full_answer()
    answer.counts["first_byte"] = {("old",): [1.0, 2.0]}

    assert not [line for line in lines(answer) if "old" in line]


@pytest.mark.parametrize(
    ("accept", "parse", "encode"),
    [
        ("", parser.text_string_to_metric_families, exposition.generate_latest),
        (
            "application/openmetrics-text; version=1.0.0",
            openmetrics_parser.text_string_to_metric_families,
            openmetrics.generate_latest,
        ),
    ],
)
def test_the_library_would_write_the_same(
    accept: str, parse: Callable[[str], Iterable[Metric]], encode: Callable[[Any], bytes]
):
    answer = full_answer(models=3)
    answer.counts["cost"] = {('a"b\\c\nd',): [1_000_000], ("much",): [123_456_789_012_345]}
    text, _ = answer.text(accept)

    assert encode(Families(list(parse(text.decode())))) == text


def test_what_is_no_unicode_hides_nothing_else():
    answer = full_answer()
    answer.counts["cost"] = {("a\udc80",): [1_000_000]}

    assert 'gateway_cost_total{model="a?"} 1.0' in lines(answer)
