"""Incidents with their time lines, replays of the webhook, and runs of an automation, of the large organisation."""

from datetime import datetime, timedelta

from deploy.load.rows import EVENT, LARGE, Rows, Sizes, Step, Table, World, made
from shared.primitives import ids

GRAPHQL, HOOKS, PLATFORM = "graphql-api", "webhook-dispatcher", "control-plane"
INCIDENTS = 5_000
"""Incidents of the large organisation: dispatch centres handle some hundreds a day."""
LONG = 1_000
"""Entries of the newest one: an incident takes no more."""
REPLAYS = 100
"""The platform keeps no more of a webhook."""
OTHER = 1
OLD = 10
"""Runs of another organisation, which are older than all of the large one."""
OPEN = 10
"""One in so many incidents is not closed: the last in each row of so many."""
TYPES = ("medical", "traffic", "fire", "rescue")
PRIORITIES = ("high", "medium", "critical", "low")


def incidents(world: World) -> Rows:
    """Each with the entries of an ordinary course: opened, dispatched, in progress, closed."""
    large = world.tenant(LARGE)
    for number in range(INCIDENTS):
        incident, at = _incident(world, number)
        times = [at + timedelta(minutes=minutes) for minutes in (0, 1, 9, 55)]
        is_open = number % OPEN == OPEN - 1
        course = [
            ("created", None, "open"),
            ("status", "open", "dispatched"),
            ("status", "dispatched", "in_progress"),
            ("closed", "in_progress", "resolved"),
        ]
        entries = [
            (made(time, number), large, incident, time, version, kind, was, became)
            for version, (time, (kind, was, became)) in enumerate(zip(times, course, strict=True), 1)
        ]
        kinds = (TYPES[number % len(TYPES)], PRIORITIES[number % len(PRIORITIES)])
        state = (
            ("in_progress", None, 3, at, times[2], None) if is_open else ("closed", "resolved", 4, at, *times[3:] * 2)
        )
        yield (
            (incident, large, f"LOAD-{number:06d}", *kinds, [f"AMB-{number % 40}"], f"LOAD-CAD-{number}", *state),
            *entries[:3],
            None if is_open else entries[3],
        )


def long_time_line(world: World) -> Rows:
    """Further entries of the newest incident, which is open."""
    large = world.tenant(LARGE)
    incident, began = _incident(world, INCIDENTS - 1)
    for number in range(LONG - 3):
        at = began + timedelta(minutes=10, seconds=number)
        yield (
            (made(at, INCIDENTS + number), large, incident, at, 3, "annotated", None, f"Report {number} of the crew"),
        )


def replays(world: World) -> Rows:
    """All of them ended but the newest, which a person stopped."""
    for number in range(REPLAYS):
        at, is_last = world.at(number, REPLAYS), number == REPLAYS - 1
        ended = at + timedelta(minutes=2)
        matching, sent = (10_000, 402) if is_last else (1_204, 1_200)
        yield (
            (
                ids.id_of("rpl", made(at, number)),
                world.tenant(LARGE),
                world.webhook(LARGE),
                '{"status": "failed"}',
                at - timedelta(days=1),
                at,
                10,
                matching,
                is_last,
                "stopped" if is_last else "finished",
                sent,
                sent - 6,
                6,
                0 if is_last else matching - sent,
                ids.id_of("dlv", made(at - timedelta(hours=1), number)),
                at - timedelta(hours=1),
                not is_last,
                at,
                at,
                ended,
                ended if is_last else None,
                None if is_last else ended,
                None,
            ),
        )


def automations(world: World) -> Rows:
    """One of the large organisation and one of another. They are disabled, so that they run no more."""
    for tenant in (LARGE, OTHER):
        whose = (_automation(world, tenant), world.tenant(tenant), world.app(tenant))
        yield ((*whose, f"Load {tenant}", EVENT, '{"kind": "webhook", "fields": {}}', [], False),)


def runs(world: World) -> Rows:
    for number in range(OLD + world.sizes.runs):
        tenant, at = (OTHER if number < OLD else LARGE), world.at(number, OLD + world.sizes.runs)
        whose = (world.tenant(tenant), _automation(world, tenant), world.app(tenant))
        event = (ids.id_of("evt", made(at, number)), EVENT, "{}", [])
        yield ((ids.id_of("run", made(at, number)), *whose, *event, "succeeded", 1, at, at, at),)


def _automation(world: World, tenant: int) -> str:
    return ids.id_of("auto", made(world.at(0, 1), tenant))


def _incident(world: World, number: int) -> tuple[str, datetime]:
    """Its id, and its beginning: two hours before the end of the week at the latest."""
    at = world.at(number, INCIDENTS) - timedelta(hours=2)
    return ids.id_of("inc", made(at, number)), at


def steps(sizes: Sizes) -> list[Step]:
    """All but the runs are the same at any scale."""
    entry = Table(GRAPHQL, "incident_timeline", "id, tenant_id, incident_id, at, version, kind, was, became")
    return [
        Step("incidents", INCIDENTS, (
            Table(GRAPHQL, "incidents", "id, tenant_id, number, type, priority, units, cad_incident_id, status, closed_reason,"
                " version, created_at, updated_at, closed_at"),
            entry, entry, entry, entry,
        ), incidents),
        Step("a long time line", LONG - 3, (entry,), long_time_line),
        Step("replays", REPLAYS, (
            Table(HOOKS, "replays", "id, tenant_id, subscription_id, filter, since, until, per_second, matching, more, state, sent,"
                " delivered, failed, skipped, place, place_at, looked_through, created_at, resumed_at, progressed_at, stopped_at,"
                " finished_at, due_at"),
        ), replays),
        Step("automations", 2, (
            Table(PLATFORM, "automations", "id, tenant_id, client_id, name, event_type, action, scopes, enabled"),
        ), automations),
        Step("runs", OLD + sizes.runs, (
            Table(PLATFORM, "automation_runs", "id, tenant_id, automation_id, client_id, event_id, event_type, event, cause, status,"
                " attempt, created_at, started_at, finished_at"),
        ), runs),
    ]  # fmt: skip
