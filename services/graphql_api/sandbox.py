"""A sandbox's incidents: closed ones for its invented year, one with all its events as a scenario, and erased in portions.

The erasure takes incidents that were opened in a sandbox, facts whose encounters are marked as tests, with their part of the
indicators, and reports; the end also takes the schedules of reports.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import msgspec

from services.graphql_api.acqi import counting
from services.graphql_api.incidents import lifecycle, queries
from services.graphql_api.incidents.models import Change, Draft, Incident, IncidentType, Location, Priority, Status
from services.graphql_api.reports import queries as report_queries
from shared.messaging import outbox
from shared.messaging.messages import Event, Received, SandboxIncidents, SandboxPortionDone
from shared.messaging.sandboxes import MISSION, Case, Year, portion_named, portion_of
from shared.storage.database import Connection, set_tenant

PORTION = 100
ERASED = 300
# Minutes after the call.
MOVES: tuple[tuple[Status, int], ...] = (("dispatched", 2), ("in_progress", 9), ("resolved", 55))
CLOSED = 58


def perform(conn: Connection, received: Sequence[Received[SandboxIncidents]]) -> None:
    for message in received:
        task = message.body
        set_tenant(conn, message.tenant_id)
        year = Year(message.tenant_id, task)
        match task.task:
            case "seed":
                portion = portion_of(task, PORTION)
                for number in portion:
                    _write(conn, message.tenant_id, year, year.case(number))
                left = len(portion) == PORTION
            case "erase" | "end":
                parameters = {"tenant_id": message.tenant_id, "portion": ERASED}
                erased = conn.execute(queries.ERASE_OF_SANDBOX, parameters).rowcount
                left = counting.erase_tests(conn, message.tenant_id, ERASED) or erased == ERASED
                conn.execute(report_queries.ERASE_OF_SANDBOX, (message.tenant_id,))
                if task.task == "end":
                    conn.execute(report_queries.END_OF_SANDBOX, (message.tenant_id,))
            case "arrest":
                case = year.scenario("arrest", MISSION)
                for event in _write(conn, message.tenant_id, year, case):
                    outbox.add_sync(conn, message.tenant_id, event)
                continue
            case _:
                continue
        outbox.add_sync(conn, message.tenant_id, SandboxPortionDone(**portion_named(task), left=left))


def _write(conn: Connection, tenant_id: str, year: Year, case: Case) -> list[Event]:
    """The events of the incident, none where it is there already."""
    number = conn.execute(queries.NEXT_NUMBER, (tenant_id, case.at.year)).fetchone()
    states = list(_states(tenant_id, year, case, f"{case.at.year}-{number[0] if number else 1:06d}"))
    if conn.execute(queries.INSERT, msgspec.structs.asdict(states[-1])).fetchone() is None:
        return []
    found: list[Event] = []
    for before, after in zip([None, *states], states, strict=False):
        with conn.cursor() as cursor:
            cursor.executemany(
                queries.ADD_ENTRY,
                [
                    (one.id, tenant_id, one.incident_id, one.at, one.version, one.kind, one.was, one.became)
                    for one in lifecycle.timeline(before, after)
                ],
            )
        found.append(lifecycle.event(before, after, [], test=True))
    return found


def _states(tenant_id: str, year: Year, case: Case, number: str) -> Iterator[Incident]:
    """The incident when it is opened, after each move, and closed."""
    chance = year.chance("incident", case.number)
    # A round place at sea, where nobody lives.
    place = Location(latitude=round(chance.uniform(43.6, 44.0), 2), longitude=round(chance.uniform(8.6, 9.4), 2))
    kind: IncidentType = "traffic" if case.kind == "traffic" else "medical"
    priority: Priority = "critical" if case.kind == "arrest" else "medium" if case.kind == "fall" else "high"
    draft = Draft(
        type=kind, priority=priority, location=place, units=[case.vehicle_id], cad_incident_id=case.cad_incident_id
    )
    incident = msgspec.structs.replace(
        lifecycle.opened(draft, tenant_id, number, case.at, sandbox=True), id=case.incident_id
    )
    yield incident
    for status, minutes in MOVES:
        incident = lifecycle.changed(incident, Change(status=status), _after(case, minutes))
        yield incident
    yield lifecycle.closed(incident, "resolved", _after(case, CLOSED))


def _after(case: Case, minutes: int) -> datetime:
    return case.at + timedelta(minutes=minutes)
