"""The queue door: what devices observed, and how apps are to see encounters; and the service's periodic work."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, Literal

import msgspec
from celery import Celery
from psycopg.rows import class_row

from services.epcr import queries
from services.epcr.facts import facts_of
from services.epcr.models.observations import LinkedObservation
from services.epcr.queries import EncounterRow
from services.epcr.sealing import opened
from services.epcr.settings import Settings
from shared import outbox, worker
from shared.crypto import Keyring
from shared.database import Connection, set_tenant
from shared.messages import ClinicalApp, EncounterLink, ObservationsRecorded
from shared.periodic import Periodic
from shared.worker import Received

Key = tuple[str, str]


def create_worker(settings: Settings) -> Celery:
    keyring = Keyring.from_text(settings.encryption_keys)
    handlers = {ObservationsRecorded: partial(link_observations, keyring), ClinicalApp: keep_apps}
    return worker.create_worker("epcr", settings, handlers)


def periodic(settings: Settings) -> list[Periodic]:
    keyring = Keyring.from_text(settings.encryption_keys)
    return [
        Periodic("link what came early", 2, partial(link_late, keyring)),
        Periodic("report unknown encounters", 5, partial(report_unknown, settings.unknown_after_seconds)),
        Periodic("forget unknown encounters", 3600, partial(forget_unknown, settings.forget_unknown_days)),
    ]


def keep_apps(conn: Connection, received: Sequence[Received[ClinicalApp]]) -> None:
    """How each app is to see encounters; an older state never replaces a newer."""
    for message in sorted(received, key=lambda one: (one.tenant_id, one.body.client_id)):
        app = message.body
        set_tenant(conn, message.tenant_id)
        row = (message.tenant_id, app.client_id, app.version, app.status, app.pseudonym_domain, app.deidentification)
        conn.execute(queries.UPSERT_APP, row)


def link_observations(keyring: Keyring, conn: Connection, received: Sequence[Received[ObservationsRecorded]]) -> None:
    """Puts observations into their encounters and says so; those of encounters not known here wait."""
    known = _lock_known(conn, received)
    new: set[Key] = set()
    for message in received:
        key = (message.tenant_id, message.body.encounter_id)
        if _insert(conn, message, known.get(key)) and key in known:
            new.add(key)
        if key in known:
            link = _link(key[1], "linked", [one.id for one in message.body.observations])
            outbox.add_sync(conn, message.tenant_id, link, traceparent=message.traceparent)
    _touch(conn, keyring, new)


def link_late(keyring: Keyring, conn: Connection) -> None:
    """Observations whose encounter has appeared after them."""
    rows = conn.execute(queries.LATE).fetchall()
    if not rows:
        return
    conn.execute(queries.LINK_LATE, ([id for _, _, id in rows],))
    _touch(conn, keyring, {(tenant_id, encounter_id) for tenant_id, encounter_id, _ in rows})
    _report(conn, "linked", rows)


def report_unknown(after_seconds: float, conn: Connection) -> None:
    """Tells device-ingest of observations whose encounter did not appear in time."""
    _report(conn, "unknown", conn.execute(queries.REPORT_UNKNOWN, (after_seconds,)).fetchall())


def forget_unknown(days: int, conn: Connection) -> None:
    conn.execute(queries.FORGET_UNKNOWN, (days,))


def _lock_known(conn: Connection, received: Sequence[Received[ObservationsRecorded]]) -> dict[Key, int]:
    """The encounters that are known, locked, with their revisions."""
    names = [message.tenant_id for message in received], [message.body.encounter_id for message in received]
    return {(tenant_id, id): revision for tenant_id, id, revision in conn.execute(queries.LOCK_KNOWN, names)}


def _insert(conn: Connection, message: Received[ObservationsRecorded], revision: int | None) -> int:
    """How many of a message's observations are new."""
    common = {
        "tenant_id": message.tenant_id,
        "encounter_id": message.body.encounter_id,
        "revision": None if revision is None else revision + 1,
    }
    rows = [msgspec.structs.asdict(one) | common for one in message.body.observations]
    with conn.cursor() as cursor:
        cursor.executemany(queries.INSERT_OBSERVATION, rows)
        return cursor.rowcount


def _touch(conn: Connection, keyring: Keyring, keys: set[Key]) -> None:
    """A new revision for each encounter; one that was finished already is told to the indicators again."""
    encounter_ids = sorted(encounter_id for _, encounter_id in keys)
    if not encounter_ids:
        return
    conn.execute(queries.TOUCH_ENCOUNTERS, (encounter_ids,))
    with conn.cursor(row_factory=class_row(EncounterRow)) as cursor:
        finished = cursor.execute(queries.FINISHED, (encounter_ids,)).fetchall()
    for row in finished:
        outbox.add_sync(conn, row.tenant_id, facts_of(opened(row, keyring).encounter, _observations(conn, row)))


def _observations(conn: Connection, row: EncounterRow) -> list[LinkedObservation]:
    with conn.cursor(row_factory=class_row(LinkedObservation)) as cursor:
        return cursor.execute(queries.OBSERVATIONS_OF, (row.id, row.tenant_id, row.revision)).fetchall()


def _report(conn: Connection, link: Literal["linked", "unknown"], rows: Iterable[Any]) -> None:
    by_encounter: dict[Key, list[str]] = defaultdict(list)
    for tenant_id, encounter_id, id in rows:
        by_encounter[tenant_id, encounter_id].append(id)
    for (tenant_id, encounter_id), observation_ids in by_encounter.items():
        outbox.add_sync(conn, tenant_id, _link(encounter_id, link, observation_ids))


def _link(encounter_id: str, link: Literal["linked", "unknown"], observation_ids: list[str]) -> EncounterLink:
    return EncounterLink(encounter_id=encounter_id, link=link, observation_ids=observation_ids)
