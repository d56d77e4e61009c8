"""Alerts and dashboards use only metrics that a process exports, and every alert links an existing runbook."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase

import gateway.metrics
import services.auth.metrics
import services.auth.revocations.metrics
import services.auth.saml.metrics
import services.auth.signin.metrics
import services.console.metrics
import services.control_plane.automations.deleting
import services.control_plane.automations.runs
import services.device_ingest.metrics
import services.epcr.metrics
import services.graphql_api.errors
import services.graphql_api.metrics
import services.webhook_dispatcher.metrics
import shared.fairness.line
import shared.process.metrics
from deploy.grafana import build
from deploy.local.table import ROOT, SERVICES

MODULES: tuple[Any, ...] = (
    shared.fairness.line,
    shared.process.metrics,
    shared.fairness.line,
    gateway.metrics,
    services.auth.metrics,
    services.auth.revocations.metrics,
    services.auth.saml.metrics,
    services.auth.signin.metrics,
    services.webhook_dispatcher.metrics,
    services.epcr.metrics,
    services.console.metrics,
    services.control_plane.automations.deleting,
    services.control_plane.automations.runs,
    services.device_ingest.metrics,
    services.graphql_api.errors,
    services.graphql_api.metrics,
)
PROMETHEUS = ROOT / "deploy" / "prometheus"
NEW_PROCESS = """
import json
from prometheus_client import REGISTRY
from shared.messaging import authenticity
from tests.deploy import test_watching
print(json.dumps([sample.name for family in REGISTRY.collect() for sample in family.samples]))
"""
ALERTS = [
    rule for group in yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"] for rule in group["rules"]
]
FUNCTIONS = {
    "abs",
    "sum",
    "rate",
    "by",
    "le",
    "histogram_quantile",
    "max",
    "increase",
    "delta",
    "offset",
    "or",
    "and",
    "unless",
    "on",
    "min",
    "time",
}
# Metrics of other exporters, with the labels that we use.
FROM_ELSEWHERE = {
    "up",
    "process_resident_memory_bytes",
    "pg_up",
    "pg_stat_database_numbackends",
    "pg_settings_max_connections",
    "redis_up",
    "node_filesystem_avail_bytes",
    "node_filesystem_size_bytes",
    "alertmanager_notifications_failed_total",
}


def kept() -> dict[str, set[str]]:
    """The name of every series with its labels, without the labels of the scrape."""
    series: dict[str, set[str]] = {name: set() for name in FROM_ELSEWHERE}
    for module in MODULES:
        for metric in vars(module).values():
            if isinstance(metric, MetricWrapperBase):
                labels = set(metric._labelnames)
                (described,) = metric.describe()
                endings = {"counter": ["_total"], "gauge": [""], "histogram": ["_bucket", "_sum", "_count"]}
                for ending in endings[described.type]:
                    series[described.name + ending] = labels | ({"le"} if ending == "_bucket" else set())
    return series


def asked(expression: str) -> set[str]:
    """The names of the series in a PromQL expression."""
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\bby \([^)]*\)|\"[^\"]*\"|\boffset \w+", " ", expression)
    return {word for word in re.findall(r"[a-z_][a-z0-9_]*", bare) if word not in FUNCTIONS}


def test_a_counter_whose_first_event_raises_an_alert_is_exported_before_it() -> None:
    """`increase()` ignores the first event of a series that begins with it."""
    answer = subprocess.run([sys.executable, "-c", NEW_PROCESS], cwd=ROOT, capture_output=True, text=True, check=True)
    exported = set(json.loads(answer.stdout)) | FROM_ELSEWHERE
    counted = {name for alert in ALERTS for name in re.findall(r"increase\((\w+)", alert["expr"])}
    assert len(counted) > 5
    assert counted <= exported


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_an_alert_asks_for_metrics_that_are_kept_and_links_its_runbook(alert: dict[str, Any]) -> None:
    assert asked(alert["expr"]) <= set(kept())
    assert (ROOT / alert["annotations"]["runbook"]).is_file()
    assert alert["labels"]["severity"] in ("page", "ticket")


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_an_alert_is_named_in_its_runbook_and_once_in_the_index(alert: dict[str, Any]) -> None:
    runbook = ROOT / alert["annotations"]["runbook"]
    rows = [row for row in (runbook.parent / "README.md").read_text().splitlines() if f"`{alert['alert']}`" in row]
    assert len(rows) == 1
    assert f"]({runbook.name})" in rows[0]
    assert alert["alert"] in runbook.read_text()


@pytest.mark.parametrize("name", build.dashboards())
def test_a_dashboard_is_what_its_table_says_and_asks_for_metrics_that_are_kept(name: str) -> None:
    text = build.dashboards()[name]
    assert (build.FOLDER / name).read_text() == text, "run `python -m deploy.grafana.build`"
    for panel in json.loads(text)["panels"]:
        for target in panel["targets"]:
            assert asked(target["expr"]) <= set(kept()), panel["title"]


def test_prometheus_scrapes_every_process() -> None:
    jobs = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())["scrape_configs"]
    scraped = {target for job in jobs for group in job["static_configs"] for target in group["targets"]}
    expected = {f"{service.name}-{process}:9000" for service in SERVICES for process in service.processes} | {
        "gateway:9000"
    }
    expected |= {f"{service.name}-db:5432/postgres" for service in SERVICES}
    assert scraped == expected | {"redis-exporter:9121", "node-exporter:9100", "alertmanager:9093"}


def alertmanager(tmp_path: Path, **settings: str) -> dict[str, Any]:
    """The configuration that the start script writes; another program in place of Alertmanager copies it."""
    copied = tmp_path / "alertmanager"
    copied.write_text(f"#!/bin/sh\ncp ${{1#*=}} {tmp_path}/written.yml\n")
    copied.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", **settings}
    subprocess.run(["sh", str(PROMETHEUS / "alertmanager.sh")], env=environment, check=True, capture_output=True)
    return yaml.safe_load((tmp_path / "written.yml").read_text())


def test_alerts_reach_whom_the_environment_names(tmp_path: Path) -> None:
    mail = {"ALERT_MAIL_TO": "on-call@knogin.example", "ALERT_MAIL_FROM": "a@b.example", "ALERT_SMTP_HOST": "mail:587"}
    login = {"ALERT_SMTP_USER": "alerts", "ALERT_SMTP_PASSWORD": "it's: #secret"}
    written = alertmanager(tmp_path, ALERT_WEBHOOK_URL="https://chat.example/x?y='z'", **mail, **login)
    (receiver,) = written["receivers"]
    assert receiver["webhook_configs"] == [{"url": "https://chat.example/x?y='z'", "send_resolved": True}]
    (email,) = receiver["email_configs"]
    assert (email["to"], email["smarthost"], email["auth_password"]) == (
        "on-call@knogin.example",
        "mail:587",
        "it's: #secret",
    )
    assert written["route"]["receiver"] == receiver["name"]


def test_without_a_receiver_alertmanager_starts_and_mail_without_a_server_is_refused(tmp_path: Path) -> None:
    assert alertmanager(tmp_path)["receivers"] == [{"name": "on-call"}]
    with pytest.raises(subprocess.CalledProcessError):
        alertmanager(tmp_path, ALERT_MAIL_TO="on-call@knogin.example")


def test_every_runbook_is_listed_and_every_listed_one_is_there() -> None:
    folder = ROOT / "deploy" / "runbooks"
    listed = set(re.findall(r"\((\S+\.md)\)", (folder / "README.md").read_text()))
    assert listed == {file.name for file in folder.glob("*.md")} - {"README.md"}
