"""Handlers of the queue, for devices' observations and for apps' rules of disclosure; and the periodic work."""

import logging
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Literal

from celery import Celery
from psycopg.rows import class_row

from services.epcr import allowance, metrics
from services.epcr.encounters import events, queries
from services.epcr.encounters.facts import extremes_asked, facts_of, with_readings
from services.epcr.encounters.models import EncounterRow
from services.epcr.encounters.store import opened
from services.epcr.handover.listing import keep_lists
from services.epcr.outcomes import store as outcomes
from services.epcr.outcomes.facts import with_outcomes
from services.epcr.records.models import LinkedObservation
from services.epcr.sandbox import work as sandbox
from services.epcr.settings import Settings
from shared.messaging import outbox, worker
from shared.messaging.messages import (
    ClinicalApp,
    DeviceDescribed,
    EncounterLink,
    ObservationsRecorded,
    Received,
    SandboxEncounters,
)
from shared.primitives.crypto import Keyring
from shared.process import metrics as shared_metrics
from shared.process import telemetry
from shared.storage import jobs
from shared.storage.database import Connection, is_contention, is_outage, set_tenant
from shared.storage.jobs import Kept, Periodic, apart

log = logging.getLogger(__name__)
Key = tuple[str, str]
LINK_EARLY = "link early observations"
SEND_FACTS = "send due facts"
shared_metrics.begin(shared_metrics.rows_set_aside, [LINK_EARLY, SEND_FACTS])
# Seconds of one run. Jobs wait for each other: short and frequent runs let late links through.
FORGET_SECONDS = 2
LINK_SECONDS = 1
UNKNOWN_OF_TENANT = 200
"""Observations that a portion of reports takes of one organisation at most."""
FACTS_SECONDS = 1
MOST_FAILURES = 5
"""From this failure on, facts wait for a day, as FACTS_FAILED has it."""
PORTION = 1000


def create_worker(settings: Settings) -> Celery:
    handlers = {
        ObservationsRecorded: partial(link_observations, settings.max_readings),
        ClinicalApp: store_apps,
        DeviceDescribed: store_devices,
        SandboxEncounters: partial(sandbox.perform, Keyring.from_text(settings.encryption_keys), settings),
    }
    return worker.create_worker("epcr", settings, handlers)


def periodic(settings: Settings) -> list[Periodic]:
    keyring = Keyring.from_text(settings.encryption_keys)
    return [
        Periodic(LINK_EARLY, 2, partial(link_late, settings.max_readings), behind=metrics.late_links_behind),
        Periodic("keep lists of arrivals", 15, keep_lists, behind=metrics.arrivals_behind),
        Periodic(
            "add up stored bytes",
            10,
            partial(allowance.add_up, settings.most_stored_bytes),
            behind="the next run goes on; until then requests add up to a thousand rows of a tenant themselves",
        ),
        Periodic(SEND_FACTS, 1, partial(send_due_facts, keyring), behind=metrics.due_facts_behind),
        Periodic(
            "report unknown encounters",
            5,
            partial(report_unknown, settings.unknown_after_seconds),
            behind=metrics.unknown_reports_behind,
        ),
        Periodic(
            "forget unknown encounters",
            60,
            partial(forget_unknown, settings.forget_unknown_days),
            behind=shared_metrics.retention_overdue,
        ),
    ]


def store_apps(conn: Connection, received: Sequence[Received[ClinicalApp]]) -> None:
    """Stores each app's rules of disclosure. An older state never replaces a newer one."""
    for message in sorted(received, key=lambda one: (one.tenant_id, one.body.client_id)):
        app = message.body
        set_tenant(conn, message.tenant_id)
        row = (message.tenant_id, app.client_id, app.version, app.status, app.pseudonym_domain, app.deidentification)
        conn.execute(queries.UPSERT_APP, row)


def store_devices(conn: Connection, received: Sequence[Received[DeviceDescribed]]) -> None:
    """Stores each device's maker and model. An older description never replaces a newer one."""
    for message in sorted(received, key=lambda one: (one.tenant_id, one.body.device_id)):
        device = message.body
        set_tenant(conn, message.tenant_id)
        row = (message.tenant_id, device.device_id, device.manufacturer, device.model, device.described_at)
        conn.execute(queries.UPSERT_DEVICE, row)


def link_observations(most: int, conn: Connection, received: Sequence[Received[ObservationsRecorded]]) -> None:
    """Links observations to their encounters and acknowledges them. Observations of unknown encounters wait.

    Also those of encounters that have `most` observations; one batch may exceed it.
    """
    known = _lock_known(conn, most, [_key(message) for message in received])
    rows: list[tuple[Any, ...]] = []
    for message in received:
        revision = known.get(_key(message))
        arrival = (*_key(message), None if revision is None else revision + 1)
        # In the order of INSERT_OBSERVATIONS.
        rows += [
            (*arrival, *(getattr(one, name) for name in queries.OBSERVATION), ",".join(one.flags), one.test)
            for one in message.body.observations
        ]
    if not rows:
        return
    columns = [list(column) for column in zip(*rows, strict=True)]
    new = conn.execute(queries.INSERT_OBSERVATIONS, columns).fetchall()
    _touch(conn, Counter(id for _, id, revision in new if revision is not None))
    # Each message of a known encounter is acknowledged in its own trace, also one without new observations.
    acknowledged: list[tuple[Any, ...]] = []
    for message in received:
        if _key(message) in known:
            link = _link(message.body.encounter_id, "linked", [one.id for one in message.body.observations])
            acknowledged.append(outbox.row(message.tenant_id, link, message.traceparent))
    if acknowledged:
        with conn.cursor() as cursor:
            cursor.executemany(outbox.ADD, acknowledged)
        conn.has_messages = True


def link_late(most: int, conn: Connection) -> None:
    """Links observations that came before their encounter: one portion per transaction, until none is due or the time is up."""
    until = time.monotonic() + LINK_SECONDS
    while _link_portion(most, conn) and time.monotonic() < until:
        conn.commit()
        conn.run_after_commit()
    metrics.late_links_behind.set((conn.execute(queries.LATE_LINKS_BEHIND).fetchone() or (0,))[0])


def _link_portion(most: int, conn: Connection) -> bool:
    """Up to 1,000 observations of each of 20 encounters that have fewer than `most`. False when no encounter is due."""
    due = conn.execute(queries.DUE_LATE_LINKS).fetchall()
    if not due:
        return False
    look_later = partial(conn.execute, queries.LOOK_LATER)
    apart(conn, LINK_EARLY, {key: key for key in due}, partial(_link_those, most, conn), look_later)
    return True


def _link_those(most: int, conn: Connection, due: Sequence[Key]) -> None:
    known = _lock_known(conn, most, due)
    columns = [list(column) for column in zip(*((*key, revision + 1) for key, revision in known.items()), strict=True)]
    linked = conn.execute(queries.LINK_LATE, columns).fetchall() if known else []
    counts = Counter(encounter_id for _, encounter_id, _ in linked)
    _touch(conn, counts)
    _report(conn, "linked", linked)
    full = [encounter_id for encounter_id, count in counts.items() if count == PORTION]
    looked = [encounter_id for _, encounter_id in due]
    conn.execute(queries.FORGET_LATE_LINKS, (looked, full))
    conn.execute(queries.LOOK_AGAIN, (full, looked))


def send_due_facts(keyring: Keyring, conn: Connection) -> None:
    """Sends the facts of encounters with late readings, one encounter per transaction, until none is due or the time is up.

    No encounter is locked. A row is taken before its facts are computed and leaves with them, so that the end of a process loses none
    and an encounter that ends processes holds up the others for no longer than its turn. Facts that failed five times wait for a day.
    """
    until = time.monotonic() + FACTS_SECONDS
    taken = _take_due(conn)
    while taken:
        for encounter_id in taken:
            try:
                with conn.cursor(row_factory=class_row(EncounterRow)) as cursor:
                    [row] = cursor.execute(queries.FIND_ENCOUNTER, ([encounter_id],)).fetchall()
                facts = facts_of(opened(row, keyring).encounter, [])
                with conn.cursor(row_factory=class_row(LinkedObservation)) as cursor:
                    extremes = cursor.execute(queries.EXTREMES_OF, extremes_asked(row.tenant_id, facts)).fetchall()
                facts = with_readings(facts, extremes)
                outbox.add_sync(
                    conn, row.tenant_id, with_outcomes(facts, outcomes.current_sync(conn, encounter_id, keyring))
                )
                if conn.execute(queries.FORGET_DUE_FACTS, (encounter_id, row.revision)).rowcount == 0:
                    conn.execute(queries.FACTS_DUE_AGAIN, (encounter_id,))
                conn.commit()
                conn.run_after_commit()
            except Exception as error:  # one encounter's fault must not stop the others
                if is_outage(error):
                    raise
                conn.rollback()
                log.error("facts of %s not sent: %s", encounter_id, telemetry.describe(error))
                if not is_contention(error):
                    (failures,) = conn.execute(queries.FACTS_FAILED, (encounter_id,)).fetchone() or (0,)
                    conn.commit()
                    if failures == MOST_FAILURES:
                        shared_metrics.rows_set_aside.labels(SEND_FACTS).inc()
        taken = _take_due(conn) if time.monotonic() < until else []
    metrics.due_facts_behind.set((conn.execute(queries.DUE_FACTS_BEHIND).fetchone() or (0,))[0])


def _take_due(conn: Connection) -> list[str]:
    taken = [encounter_id for (encounter_id,) in conn.execute(queries.TAKE_DUE_FACTS)]
    conn.commit()
    return taken


def report_unknown(after_seconds: float, conn: Connection) -> None:
    """Reports observations whose encounter did not appear in time to device-ingest, in portions, until none is left or the time is up.

    Organisations take turns: one whose devices name encounters that do not exist delays no other.
    """
    until, portion = time.monotonic() + LINK_SECONDS, {"after_seconds": after_seconds, "of_tenant": UNKNOWN_OF_TENANT}
    while rows := conn.execute(queries.REPORT_UNKNOWN, portion).fetchall():
        _report(conn, "unknown", rows)
        conn.commit()
        conn.run_after_commit()
        if time.monotonic() >= until:
            break
    (age,) = conn.execute(queries.OLDEST_UNREPORTED).fetchone() or (0,)
    metrics.unknown_reports_behind.set(max(0, age - after_seconds))


def forget_unknown(days: int, conn: Connection) -> None:
    jobs.forget(conn, [unknown(days)], FORGET_SECONDS)


def unknown(days: int) -> Kept:
    """The retention of observations whose encounter never appeared."""
    return Kept("observations", "received_at", days, also="revision IS NULL AND reported_unknown")


def _lock_known(conn: Connection, most: int, keys: Iterable[Key]) -> dict[Key, int]:
    """Locks the known encounters. Returns the revisions of those that have fewer than `most` observations."""
    names = [list(column) for column in zip(*keys, strict=True)]
    locked = conn.execute(queries.LOCK_KNOWN, names).fetchall()
    known = {(tenant_id, id): revision for tenant_id, id, revision, readings in locked if readings < most}
    metrics.full_encounters.inc(len(locked) - len(known))
    return known


def _key(message: Received[ObservationsRecorded]) -> Key:
    return message.tenant_id, message.body.encounter_id


def _touch(conn: Connection, linked: Mapping[str, int]) -> None:
    """Gives each encounter with newly `linked` observations a new revision. The facts of a finished one become due.

    A handed-over one also sends an event. A completed one does not, because its handover will.
    """
    if not linked:
        return
    with conn.cursor(row_factory=class_row(EncounterRow)) as cursor:
        handed_over = cursor.execute(
            queries.TOUCH_ENCOUNTERS, (list(linked), list(linked.values()), allowance.READING)
        ).fetchall()
    for row in handed_over:
        outbox.add_sync(conn, row.tenant_id, events.observed_late(row))


def _report(conn: Connection, link: Literal["linked", "unknown"], rows: Iterable[Any]) -> None:
    by_encounter: dict[Key, list[str]] = defaultdict(list)
    for tenant_id, encounter_id, id in rows:
        by_encounter[tenant_id, encounter_id].append(id)
    of_tenants: dict[str, list[EncounterLink]] = defaultdict(list)
    for (tenant_id, encounter_id), observation_ids in by_encounter.items():
        of_tenants[tenant_id].append(_link(encounter_id, link, observation_ids))
    for tenant_id, messages in of_tenants.items():
        outbox.add_sync(conn, tenant_id, *messages)


def _link(encounter_id: str, link: Literal["linked", "unknown"], observation_ids: list[str]) -> EncounterLink:
    return EncounterLink(encounter_id=encounter_id, link=link, observation_ids=observation_ids)
