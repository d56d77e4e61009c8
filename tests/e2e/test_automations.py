"""Automations in the running system: one effect for each event when processes die, no endless loop, one trace from cause to effect."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from redis import Redis

from services import graphql_api
from tests.support.receiver import SECRET, Receiver, running
from tests.support.stack import Stack
from tests.support.waiting import wait_for

BUNDLE = Path(graphql_api.__file__ or "").parent / "bundles" / "incident-management"
SCOPES = ["argus:platform:write", "argus:incidents:write", "webhooks:write"]
AUTOMATIONS = "/api/v1/platform/automations"
BLOCKED = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND pid <> pg_backend_pid()"


class Operator:
    """An app of the demo tenant that may run automations and open incidents."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.app = stack.register_app(SCOPES)
        self.govern(approved_events=["incident.*", "automation.fired"], graphql_bundles=["incident-management"])
        self.api = stack.client("api", token=stack.token(self.app, " ".join(SCOPES)))
        self.made: list[str] = []

    def govern(self, **changes: Any) -> None:
        self.stack.govern(self.app, **changes)

    def automate(self, incident_type: str, action: Any) -> str:
        """Makes an automation for new incidents of that type. Repeats the call until its approval has arrived."""
        trigger = {"event_type": "incident.created", "filter": {"pointer": "/type", "eq": incident_type}}
        draft = {"name": f"On {incident_type}", "trigger": trigger, "action": action}

        def made() -> Any:
            answer = self.api.post(AUTOMATIONS, json=draft)
            return answer.json()["id"] if answer.status_code == 201 else None

        self.made.append(wait_for(made, what="an automation"))
        wait_for(self._is_heard_of, what="the dispatcher to hear of it")
        return self.made[-1]

    def _is_heard_of(self) -> bool:
        with self.stack.database("webhook-dispatcher", "admin") as conn:
            row = conn.execute(
                "SELECT event_types FROM automation_interest WHERE tenant_id = %s", (self.stack.tenant.id,)
            ).fetchone()
        return row is not None and "incident.created" in row[0]

    def open_incident(self, incident_type: str) -> tuple[str, str]:
        """Opens an incident. Returns its id and the trace id of the call."""
        document = (BUNDLE / "CreateIncident.graphql").read_text()
        variables = {"input": {"type": incident_type, "priority": "high"}}

        def opened() -> Any:
            answer = self.api.post("/graphql", json={"query": document, "variables": variables})
            return answer if "errors" not in answer.json() else None

        answer = wait_for(opened, what="an incident")
        return answer.json()["data"]["createIncident"]["id"], answer.headers["x-trace-id"]

    def runs(self, automation_id: str) -> list[dict[str, Any]]:
        answer = self.api.get(f"{AUTOMATIONS}/{automation_id}/runs", params={"limit": 100})
        assert answer.status_code == 200, answer.text
        return answer.json()["runs"]

    def only_run(self, automation_id: str) -> dict[str, Any]:
        """Waits until a run of the automation has succeeded. Fails if there is another run."""
        [run] = wait_for(
            lambda: [one for one in self.runs(automation_id) if one["status"] == "succeeded"], what="a run"
        )
        assert len(self.runs(automation_id)) == 1
        return run

    def opened_by(self, *automations: str) -> int:
        """The number of incidents that these automations opened, by the audit trail."""
        with self.stack.database("graphql-api", "admin") as conn:
            return conn.execute(
                "SELECT FROM audit WHERE actor = ANY(%s) AND action = 'incident.created'", (list(automations),)
            ).rowcount

    def close(self) -> None:
        for automation_id in self.made:
            self.api.delete(f"{AUTOMATIONS}/{automation_id}")
        self.api.close()


@pytest.fixture
def operator(stack: Stack) -> Iterator[Operator]:
    operator = Operator(stack)
    yield operator
    operator.close()


@pytest.fixture
def listening() -> Iterator[Receiver]:
    with running(Receiver()) as one:
        yield one


def opening(incident_type: str) -> dict[str, Any]:
    return {"kind": "open_incident", "fields": {"type": incident_type, "priority": "low", "units": {"from": "/units"}}}


@contextmanager
def held(stack: Stack, service: str, statement: Any, *parameters: Any) -> Iterator[Callable[[], bool]]:
    """Locks rows while the block runs, so that a transaction that needs one waits. Yields a check whether one waits."""
    with stack.database(service, "admin") as holder, stack.database(service, "admin") as watcher:
        watcher.autocommit = True
        holder.execute(statement, parameters)
        yield lambda: watcher.execute(BLOCKED).rowcount > 0


def test_an_incident_reaches_the_automations_webhook_in_the_trace_of_the_call(
    operator: Operator, listening: Receiver
) -> None:
    token = operator.stack.token(operator.app, "webhooks:write")
    webhook_id = operator.stack.subscribe(token, listening.url, "automation.fired", secret=SECRET)
    action = {"kind": "webhook", "webhook_id": webhook_id, "fields": {"number": {"from": "/number"}}}
    automation_id = operator.automate("fire", action)
    incident_id, trace_id = operator.open_incident("fire")
    [arrival] = wait_for(lambda: list(listening.requests), what="the webhook")
    body: Any = arrival.verified_by(SECRET)
    assert arrival.trace_id == trace_id
    assert body["type"] == "automation.fired"
    assert body["data"]["event"]["incident_id"] == incident_id
    assert body["data"]["fields"] == {"number": body["data"]["event"]["number"]}
    run = operator.only_run(automation_id)
    assert (run["trace_id"], run["result"]) == (trace_id, {"event_id": arrival.id})
    services = {"gateway", "graphql-api", "webhook-dispatcher", "control-plane"}
    wait_for(lambda: services <= {span.service for span in operator.stack.spans(trace_id)}, what="the spans")
    wait_for(lambda: is_whole(operator.stack, trace_id), what="the whole trace")


def is_whole(stack: Stack, trace_id: str) -> bool:
    """Whether the trace has the parent of every span."""
    spans = stack.spans(trace_id)
    known = {span.span_id for span in spans}
    return all(span.parent_id is None or span.parent_id in known for span in spans)


@pytest.mark.parametrize(
    ("process", "lock"),
    [
        ("worker", "LOCK TABLE automation_events IN SHARE MODE"),
        ("relay", "SELECT FROM automations WHERE event_type = 'incident.created' FOR UPDATE"),
    ],
)
def test_control_plane_killed_in_the_middle_of_beginning_a_run_begins_it_once(
    operator: Operator, process: str, lock: str
) -> None:
    automation_id = operator.automate("rescue", opening("utility"))
    with held(operator.stack, "control-plane", lock) as is_waited_for:
        operator.open_incident("rescue")
        wait_for(is_waited_for, what=f"the {process} to be in the middle of it")
        operator.stack.kill("control-plane", process)
    run = operator.only_run(automation_id)
    assert run["attempt"] == 1
    assert operator.opened_by(automation_id) == 1


def test_graphql_apis_worker_killed_in_the_middle_of_a_run_has_one_effect(operator: Operator) -> None:
    automation_id = operator.automate("rescue", opening("utility"))
    frozen = freeze(operator.stack, "graphql-api", "worker")
    operator.open_incident("rescue")
    wait_for(
        lambda: [run for run in operator.runs(automation_id) if run["status"] == "running"], what="the run to be sent"
    )
    # A run needs the number before it writes its incident.
    with held(
        operator.stack,
        "graphql-api",
        "SELECT FROM incident_numbers WHERE tenant_id = %s FOR UPDATE",
        operator.stack.tenant.id,
    ) as is_waited_for:
        os.kill(frozen, signal.SIGCONT)
        wait_for(is_waited_for, what="the worker to be in the middle of it")
        operator.stack.kill("graphql-api", "worker")
    operator.only_run(automation_id)
    assert operator.opened_by(automation_id) == 1


def test_redis_emptied_with_runs_in_it_loses_none(operator: Operator) -> None:
    automation_id = operator.automate("rescue", opening("utility"))
    operator.open_incident("other")  # so that the app's approval has arrived before the worker that takes it is frozen
    workers = [freeze(operator.stack, name, "worker") for name in ("control-plane", "graphql-api")]
    try:
        operator.open_incident("rescue")
        wait_for(lambda: was_sent(operator.stack, "webhook-dispatcher", "control_plane"), what="the event to be sent")
        with Redis.from_url(operator.stack.described["redis_url"]) as redis:
            redis.flushall()
    finally:
        for worker in workers:
            os.kill(worker, signal.SIGCONT)
    operator.only_run(automation_id)
    assert operator.opened_by(automation_id) == 1


def test_an_automation_that_opens_what_it_waits_for_does_so_once(operator: Operator) -> None:
    automation_id = operator.automate("public_order", opening("public_order"))
    operator.open_incident("public_order")
    runs = settled(operator, 2, automation_id)
    assert sorted(run["status"] for run in runs) == ["succeeded", "suppressed"]
    assert [run["error"] for run in runs if run["status"] == "suppressed"] == ["loop"]
    assert operator.opened_by(automation_id) == 1


def test_two_automations_that_feed_each_other_come_to_an_end(operator: Operator) -> None:
    first, second = (operator.automate("hazmat", opening("hazmat")) for _ in range(2))
    operator.open_incident("hazmat")
    wait_for(lambda: suppressed(operator, first, second) == 6, what="the end of the loop")
    runs = settled(operator, 4, first, second)
    assert [run["status"] for run in runs].count("succeeded") == 4
    assert operator.opened_by(first, second) == 4
    assert quiet(operator.stack)
    assert suppressed(operator, first, second) == 6
    assert len(settled(operator, 4, first, second)) == len(runs)


def test_another_tenants_incident_fires_nothing(operator: Operator) -> None:
    automation_id = operator.automate("traffic", opening("utility"))
    stack = operator.stack
    app = stack.register_app(["argus:incidents:write"], stack.other.access_token)
    stack.govern(app, stack.other.access_token, graphql_bundles=["incident-management"])
    document = (BUNDLE / "CreateIncident.graphql").read_text()
    body = {"query": document, "variables": {"input": {"type": "traffic", "priority": "low"}}}
    with stack.client("api", token=stack.token(app, "argus:incidents:write")) as client:
        wait_for(lambda: "errors" not in client.post("/graphql", json=body).json(), what="their incident")
    operator.open_incident("traffic")
    operator.only_run(automation_id)
    assert quiet(stack)
    assert len(operator.runs(automation_id)) == 1


@pytest.mark.parametrize("stop", ["withdrawn", "disabled"])
def test_an_app_that_is_stopped_runs_nothing(operator: Operator, stop: str) -> None:
    automation_id = operator.automate("other", opening("utility"))
    witness = Operator(operator.stack)
    seen = witness.automate("other", opening("utility"))
    if stop == "withdrawn":
        operator.govern(approved_events=["device.*"])
    else:
        with operator.stack.client("auth", token=operator.stack.admin_token) as client:
            client.post(f"/v1/platform/apps/{operator.app.client_id}/disable").raise_for_status()
    wait_for(lambda: is_stopped(operator), what="control-plane to hear of it")
    witness.open_incident("other")
    witness.only_run(seen)
    with operator.stack.database("control-plane", "admin") as conn:
        assert conn.execute("SELECT FROM automation_runs WHERE automation_id = %s", (automation_id,)).rowcount == 0
    witness.close()


def is_stopped(operator: Operator) -> bool:
    with operator.stack.database("control-plane", "admin") as conn:
        row = conn.execute(
            "SELECT status, approved_events FROM apps WHERE client_id = %s", (operator.app.client_id,)
        ).fetchone()
    return row is not None and (row[0] == "disabled" or row[1] == ["device.*"])


def settled(operator: Operator, number: int, *automations: str) -> list[dict[str, Any]]:
    """Waits until there are at least `number` runs and all have ended. Returns them."""

    def over() -> list[dict[str, Any]]:
        runs = [run for automation_id in automations for run in operator.runs(automation_id)]
        done = all(run["status"] in ("succeeded", "suppressed", "dead") for run in runs)
        return runs if len(runs) >= number and done else []

    return wait_for(over, what=f"{number} runs to be over")


def suppressed(operator: Operator, *automations: str) -> int:
    """The number of events for which these automations did not begin a run."""
    with operator.stack.database("control-plane", "admin") as conn:
        query = "SELECT coalesce(sum(suppressed), 0) FROM automation_runs WHERE automation_id = ANY(%s)"
        return (conn.execute(query, (list(automations),)).fetchone() or (0,))[0]


def quiet(stack: Stack) -> bool:
    """Waits until graphql-api, webhook-dispatcher and control-plane have no unacknowledged message, and no event waits for its runs."""

    def is_empty(service: str, rows: Any) -> bool:
        with stack.database(service, "admin") as conn:
            return conn.execute(rows).rowcount == 0

    def is_quiet() -> bool:
        services = ("graphql-api", "webhook-dispatcher", "control-plane")
        sent = all(is_empty(name, "SELECT FROM outbox WHERE acknowledged_at IS NULL") for name in services)
        return sent and is_empty("control-plane", "SELECT FROM automation_events")

    return wait_for(is_quiet)


def freeze(stack: Stack, service: str, process: str) -> int:
    pid = stack.pid(service, process)
    os.kill(pid, signal.SIGSTOP)
    return pid


def was_sent(stack: Stack, service: str, consumer: str) -> bool:
    """Whether a message for the consumer was sent and is not acknowledged."""
    with stack.database(service, "admin") as conn:
        found: psycopg.Cursor[Any] = conn.execute(
            "SELECT FROM outbox WHERE consumer = %s AND attempts > 0 AND acknowledged_at IS NULL", (consumer,)
        )
        return found.rowcount > 0
