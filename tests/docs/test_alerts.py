"""The alert rules name metrics that there are."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

from app import telemetry
from tests.conftest import REPOSITORY

RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((REPOSITORY / "docker/prometheus/alerts.yml").read_text())["groups"]
    for rule in group["rules"]
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_rule_watches_metrics_that_exist_and_says_what_to_do(rule: dict[str, Any]) -> None:
    assert telemetry.metrics_text()
    known = {sample for metric in REGISTRY.collect() for sample in (metric.name, f"{metric.name}_total")}
    watched = set(re.findall(r"cartograph_\w+", rule["expr"]))

    assert watched
    assert watched <= known
    assert {"summary", "description"} <= set(rule["annotations"])
    assert rule["labels"]["severity"] in ("page", "ticket")


def test_no_two_rules_have_one_name() -> None:
    names = [rule["alert"] for rule in RULES]

    assert len(set(names)) == len(names)
