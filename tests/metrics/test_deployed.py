"""What `deploy/` has for Prometheus and Grafana asks for what there is."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.support.exposition import full_answer

pytestmark = pytest.mark.once

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
RULES = DEPLOY / "prometheus" / "gateway.rules.yml"
PROMTOOL = shutil.which("promtool") or ""
needs_promtool = pytest.mark.skipif(not PROMTOOL, reason="needs promtool (apt install prometheus)")
NAME = re.compile(r"gateway_\w+")
MATCHERS = re.compile(r"(gateway_\w+)\{([^}]*)\}")
MATCHED = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
OF_SCRAPES = {"job", "instance"}
# 20 requests a minute, half of which find no key, and a key that dies after 20 minutes.
SERIES = """
rule_files: [{rules}]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - series: gateway_requests_total{{job="gateway",instance="a",outcome="ok"}}
        values: 0+10x40
      - series: gateway_requests_total{{job="gateway",instance="a",outcome="no_key"}}
        values: 0+10x40
      - series: gateway_keys{{job="gateway",instance="a",group="main",state="available"}}
        values: 1x19 0x20
      - series: gateway_keys{{job="gateway",instance="a",group="main",state="invalid"}}
        values: 0x19 1x20
      - series: gateway_database_up{{job="gateway",instance="a"}}
        values: 1x40
    alert_rule_test:
      - eval_time: 15m
        alertname: GatewayClientsWithoutKey
        exp_alerts:
          - exp_labels: {{severity: warning, job: gateway, instance: a}}
            exp_annotations: {{summary: 50% of requests find no key.}}
      - eval_time: 15m
        alertname: GatewayWithoutKeys
      - eval_time: 25m
        alertname: GatewayWithoutKeys
        exp_alerts:
          - exp_labels: {{severity: critical, job: gateway, instance: a, group: main}}
            exp_annotations: {{summary: No key of group main is available.}}
      - eval_time: 25m
        alertname: GatewayKeyDied
        exp_alerts:
          - exp_labels:
              {{severity: warning, job: gateway, instance: a, group: main, state: invalid}}
            exp_annotations: {{summary: The provider refuses a key of group main for good.}}
      - eval_time: 40m
        alertname: GatewayDatabaseAway
"""


def asked() -> Iterator[str]:
    """The expressions of rules and of panels."""
    for group in yaml.safe_load(RULES.read_text())["groups"]:
        yield from (rule["expr"] for rule in group["rules"])
    dashboard: dict[str, Any] = json.loads((DEPLOY / "grafana" / "gateway.json").read_text())
    for panel in dashboard["panels"]:
        yield from (target["expr"] for target in panel.get("targets", []))


def labels_by_name() -> dict[str, set[str]]:
    text = full_answer().text("")[0].decode()
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def test_each_metric_and_label_that_is_asked_for_exists():
    there_are = labels_by_name()
    expressions = list(asked())

    assert len(expressions) > 25
    names = {name for expression in expressions for name in NAME.findall(expression)}
    assert names <= there_are.keys()
    for expression in expressions:
        for name, matchers in MATCHERS.findall(expression):
            assert set(MATCHED.findall(matchers)) <= there_are[name] | OF_SCRAPES, expression


def test_each_metric_that_there_is_is_shown():
    shown = " ".join(asked())

    for name in labels_by_name():
        family = re.sub(r"_(bucket|count|sum)$", "", name)
        assert family in shown or family == "gateway_build_info", f"{family} is on no panel"


def test_the_page_of_metrics_names_each():
    page = (DEPLOY.parent / "docs/METRICS.md").read_text()
    families = {re.sub(r"_(bucket|count|sum)$", "", name) for name in labels_by_name()}

    assert not [name for name in families if f"`{name}`" not in page]


def promtool(*arguments: str, given: bytes = b"") -> str:
    done = subprocess.run(
        [PROMTOOL, *arguments], input=given, capture_output=True, timeout=60, check=False
    )
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 0, said
    return said


@needs_promtool
def test_promtool_finds_nothing_wrong_with_rules_and_configuration():
    assert "SUCCESS" in promtool("check", "rules", str(RULES))
    promtool("check", "config", str(DEPLOY / "prometheus" / "prometheus.yml"))


@needs_promtool
def test_promtool_finds_nothing_wrong_with_what_is_said():
    assert promtool("check", "metrics", given=full_answer().text("")[0]) == ""


@needs_promtool
def test_alerts_come_when_they_should(tmp_path: Path):
    file = tmp_path / "alerts.yml"
    file.write_text(SERIES.format(rules=RULES))

    assert "SUCCESS" in promtool("test", "rules", str(file))
