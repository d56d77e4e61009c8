"""Every periodic job shows how far behind it is: by a gauge with an alert, or by its lateness alone where a run leaves nothing."""

import re
from importlib import import_module
from typing import Any

import msgspec
import pytest
import yaml
from prometheus_client import Gauge

from deploy.local.table import ROOT, SERVICES, Service
from shared.operators import acts
from shared.primitives.crypto import base64url_encode
from shared.process import metrics
from shared.storage import jobs as shared_jobs
from shared.storage.jobs import Periodic
from tests.support.messages import settings_of

KEY = f"1:{base64url_encode(bytes(32))}"
ALERTS = {
    rule["alert"]: rule["expr"]
    for group in yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yml").read_text())["groups"]
    for rule in group["rules"]
}
RUNBOOK = ROOT / "deploy" / "runbooks" / "periodic-jobs.md"


def jobs_of(service: str) -> list[Periodic]:
    settings = import_module(f"services.{service}.settings").Settings
    required = [field.name for field in msgspec.structs.fields(settings) if field.required]
    values: dict[str, Any] = dict.fromkeys(required, "x") | settings_of(service) | {"redis_url": "redis://localhost"}
    loaded = settings(**values | {name: KEY for name in required if name.endswith("_keys") and "public" not in name})
    return [
        *shared_jobs.of_every_service(service, loaded),
        *acts.periodic({}, None, None),
        *import_module(f"services.{service}.tasks").periodic(loaded),
    ]


def jobs() -> dict[tuple[str, str], Periodic]:
    """By service and name; those that every service has once, under `every service`."""
    found: dict[tuple[str, str], Periodic] = {}
    for service in SERVICES:
        for number, job in enumerate(jobs_of(service.database)):
            found["every service" if number < len(shared()) else service.name, job.name] = job
    return found


def shared() -> list[Periodic]:
    return jobs_of("epcr")[:8]


JOBS = jobs()


def name_of(gauge: Gauge) -> str:
    (described,) = gauge.describe()
    return described.name


def alerts_on(gauge: Gauge) -> list[str]:
    return [alert for alert, expression in ALERTS.items() if re.search(rf"\b{name_of(gauge)}\b", expression)]


def row(service: str, job: Periodic) -> str:
    """The job's row of the runbook's table."""
    every = f"{job.every_seconds:g} s"
    if isinstance(job.behind, str):
        return f"| {service} | {job.name} | {every} | {job.behind} | `PeriodicJobLate` |"
    alerts = ", ".join(f"`{alert}`" for alert in alerts_on(job.behind))
    return f"| {service} | {job.name} | {every} | `{name_of(job.behind)}` | {alerts} |"


@pytest.mark.parametrize("job", JOBS, ids=" ".join)
def test_how_far_behind_a_job_is_raises_an_alert_or_a_run_leaves_nothing(job: tuple[str, str]) -> None:
    behind = JOBS[job].behind
    assert behind, f"{job}: name the gauge of its oldest waiting work, or the reason why there is none"
    assert isinstance(behind, str) or alerts_on(behind)


def test_the_runbook_lists_every_job() -> None:
    listed = [line for line in RUNBOOK.read_text().splitlines() if re.match(r"\| [a-z -]+ \| .* \| [\d.]+ s \|", line)]
    assert listed == [row(service, job) for (service, _), job in JOBS.items()]


def test_a_job_that_does_not_succeed_raises_an_alert() -> None:
    assert alerts_on(metrics.periodic_late) == ["PeriodicJobLate"]
    # A relay that finds the job's lock taken does not know whether the other one succeeds.
    assert ALERTS["PeriodicJobLate"] == "min by (service, task) (periodic_job_late_seconds) > 300"


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_the_anchor_file_alone_may_hang_and_its_job_keeps_no_other_waiting(service: Service) -> None:
    found = jobs_of(service.database)
    [anchoring] = [job for job in found if job.may_hang]
    assert anchoring.name == "anchor the audit trail"
    assert [job for job in found if job.lane == anchoring.lane] == [anchoring]
