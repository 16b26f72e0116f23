"""Alert rules and dashboard hold what Prometheus understands, and name only metrics that there are."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from entrypoints.metrics.catalogue import METRICS, Kind

DOCS = Path(__file__).parents[2] / "docs"
NAMED = re.compile(r"\bjobledger_\w+")


def series_names() -> set[str]:
    """What a query may name: a histogram is three series."""
    names = set()
    for metric in METRICS:
        endings = ("_bucket", "_count", "_sum") if metric.kind is Kind.HISTOGRAM else ("",)
        names |= {metric.name + ending for ending in endings}
    return names


def rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load((DOCS / "alerts.yml").read_text())["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def panel_queries() -> list[str]:
    panels = json.loads((DOCS / "grafana" / "jobledger.json").read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel.get("targets", [])]


def named_in(queries: list[str]) -> set[str]:
    return {name for query in queries for name in NAMED.findall(query)}


def test_alerts_name_only_metrics_that_there_are() -> None:
    assert named_in([rule["expr"] for rule in rules()]) - series_names() == set()
    assert len(rules()) > 10


def test_the_dashboard_names_only_metrics_that_there_are_and_shows_every_one() -> None:
    shown = named_in(panel_queries())

    assert shown - series_names() == set()
    assert {
        metric.name for metric in METRICS if not any(name.startswith(metric.name) for name in shown)
    } == set()


def test_the_page_says_what_to_do_about_every_alert() -> None:
    told = re.findall(r"^\| `(Jobledger\w+)` \|", (DOCS / "monitoring.md").read_text(), re.MULTILINE)

    assert sorted(told) == sorted(rule["alert"] for rule in rules())


def test_every_alert_is_shown_to_fire_by_a_case() -> None:
    cases = yaml.safe_load((DOCS / "alerts.test.yml").read_text())["tests"]
    fired = {
        case["alertname"] for test in cases for case in test.get("alert_rule_test", []) if case["exp_alerts"]
    }

    assert fired == {rule["alert"] for rule in rules()}


@pytest.fixture
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("promtool, of the package prometheus, is not installed")
    return found


def test_prometheus_understands_the_alerts_and_they_fire_when_they_should(promtool: str) -> None:
    for command in (["check", "rules", "alerts.yml"], ["test", "rules", "alerts.test.yml"]):
        done = subprocess.run([promtool, *command], cwd=DOCS, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_understands_every_query_of_the_dashboard(promtool: str, tmp_path: Path) -> None:
    queries = [
        query.replace("$__rate_interval", "1m").replace("$job_type", ".*") for query in panel_queries()
    ]
    recorded = [{"record": f"panel:{place}", "expr": query} for place, query in enumerate(queries)]
    (tmp_path / "panels.yml").write_text(json.dumps({"groups": [{"name": "panels", "rules": recorded}]}))
    done = subprocess.run(
        [promtool, "check", "rules", "panels.yml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
