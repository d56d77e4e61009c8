"""Facts of finished encounters with late readings: the same as of all readings, apart from the batch that brings them, and bounded."""

import random
import signal
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from psycopg.rows import class_row

from services.epcr import metrics, resend, tasks
from services.epcr.encounters import queries
from services.epcr.encounters.facts import EXTENT, extremes_asked, facts_of
from services.epcr.encounters.models import EncounterRow
from services.epcr.encounters.store import Stored, opened
from services.epcr.records.models import LinkedObservation
from shared.messaging.messages import EncounterFacts, Observation
from shared.primitives import ids
from shared.process.metrics import rows_set_aside
from shared.web import http
from tests.epcr.conftest import ENCRYPTION_KEYS, MOST, Inside, Organisation
from tests.epcr.deliveries import recorded, spo2
from tests.epcr.samples import at
from tests.support.messages import received

ROOT = Path(__file__).parents[2]
FACTS = "graphql_api.encounter_facts.v1"
LINKS = "device_ingest.encounter_links.v1"
BEGAN = datetime.fromisoformat("2026-03-23T10:00:00+00:00")
AIRWAY = {
    "performed_at": at("10:05:00"),
    "procedure": {"system": "http://snomed.info/sct", "code": "112798008"},
    "outcome": "successful",
}
MANY = """
    INSERT INTO observations (id, tenant_id, encounter_id, device_id, device_class, mdc_code, mdc_code10, value, unit_code, observed_at,
        revision)
    SELECT 'obs_' || md5(%(id)s || n), %(tenant)s, %(id)s, 'dev_1', 'oximeter', 'MDC_PULS_OXIM_SAT_O2', 150456, 90 + n %% 10, '%%',
        '2026-03-23T10:00:00Z'::timestamptz + n * interval '1 second', 1
    FROM generate_series(1, %(count)s) n
"""
READ = """
    SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_xact_user_tables WHERE relname = 'observations'
"""


@pytest.fixture(autouse=True)
def nothing_due(inside: Inside) -> None:
    inside.owner.execute("DELETE FROM due_facts")


def finished(organisation: Organisation, status: str = "completed", **fields: Any) -> str:
    id = organisation.partner.create(**fields)
    assert organisation.crew.write(id, {"status": "completed"}).status_code == 200
    if status != "completed":
        assert organisation.crew.write(id, {"status": status}).status_code == 200
    return id


def due(inside: Inside) -> list[tuple[str, bool]]:
    """The marked encounters, and whether their time has come."""
    return [
        (id, now) for id, now in inside.rows("SELECT encounter_id, due_at <= now() FROM due_facts ORDER BY marked_at")
    ]


def send(inside: Inside) -> None:
    inside.owner.execute("UPDATE due_facts SET due_at = now()")
    with inside.task() as conn:
        tasks.send_due_facts(inside.keyring, conn)


def whole(inside: Inside, id: str) -> tuple[Stored, list[LinkedObservation]]:
    """The encounter with all that devices observed, as facts were once computed."""
    with inside.owner.cursor(row_factory=class_row(EncounterRow)) as cursor:
        [row] = cursor.execute(queries.FIND_ENCOUNTER, ([id],)).fetchall()
    names = ", ".join(LinkedObservation.__struct_fields__)
    query = f"SELECT {names} FROM observations WHERE encounter_id = %s AND revision IS NOT NULL"
    with inside.owner.cursor(row_factory=class_row(LinkedObservation)) as cursor:
        return opened(row, inside.keyring), cursor.execute(query.encode(), (id,)).fetchall()


def generated(seed: int) -> list[Observation]:
    """Readings with equal values, equal times, two codes of one kind, two units, absent values, flags and test data."""
    draw = random.Random(seed)
    kinds = [
        ("MDC_PULS_OXIM_SAT_O2", ["%"]),
        ("MDC_SAT_O2_ART", ["%"]),
        ("MDC_CONC_AWAY_CO2_ET", ["mm[Hg]", "kPa"]),
        ("MDC_PRESS_BLD_NONINV_SYS", ["mm[Hg]", "kPa"]),
        ("MDC_PRESS_BLD_NONINV_DIA", ["kPa", "mm[Hg]"]),
        ("MDC_CONC_GLU_CAPILLARY_WHOLEBLOOD", ["mg/dL", "mmol/L"]),
        ("MDC_CONC_GLU_ISF", ["mg/dL"]),
    ]
    made: list[Observation] = []
    for _ in range(draw.choice([1, 5, 40, 150])):
        code, units = draw.choice(kinds)
        absent = draw.random() < 0.1
        values = draw.choice(["12", "12.0", "-3", "15.99", "16", "120", "120.0099", str(draw.randint(1, 200))])
        made.append(
            spo2(
                None if absent else values,
                mdc_code=code,
                unit_code=None if absent else draw.choice(units),
                observed_at=BEGAN + timedelta(minutes=draw.randint(0, 9)),
                flags=["out-of-range"] if draw.random() < 0.1 else [],
                test=draw.random() < 0.1,
            )
        )
    return made


@pytest.mark.parametrize("seed", range(12))
def test_facts_of_the_extremes_are_the_facts_of_all_readings(
    organisation: Organisation, inside: Inside, seed: int
) -> None:
    draw, many = random.Random(seed), generated(seed)
    id = finished(organisation, procedures=[AIRWAY] if draw.random() < 0.7 else [])
    middle = draw.randint(0, len(many) - 1)
    inside.receive(organisation.id, *(recorded(id, *part) for part in (many[:middle], many[middle:]) if part))
    send(inside)
    same_as_of_all(inside, id)
    assert organisation.crew.write(id, {"narrative": "Later."}).status_code == 200
    same_as_of_all(inside, id)


def same_as_of_all(inside: Inside, id: str) -> None:
    stored, everything = whole(inside, id)
    query = "SELECT body::text FROM outbox WHERE name = %s AND body->>'encounter_id' = %s ORDER BY id DESC LIMIT 1"
    [(sent,)] = inside.rows(query, FACTS, id)
    assert http.encode(msgspec.json.decode(sent, type=EncounterFacts)) == http.encode(
        facts_of(stored.encounter, everything)
    )


def inside_facts(inside: Inside, organisation: Organisation, id: str) -> dict[str, Any]:
    """The newest facts sent."""
    return [one for one in inside.messages(organisation.id, FACTS) if one["encounter_id"] == id][-1]


@pytest.mark.parametrize("status", ["completed", "handed_over"])
def test_a_late_reading_reads_nothing_of_the_encounters_history(
    organisation: Organisation, inside: Inside, status: str
) -> None:
    id = finished(organisation, status)
    inside.owner.execute(MANY, {"id": id, "tenant": organisation.id, "count": 20_000})
    with inside.task() as conn:
        tasks.link_observations(MOST, conn, [received(organisation.id, recorded(id, spo2("85")))])
        [read] = conn.execute(READ).fetchone()
    assert read < 10
    assert [one for one, _ in due(inside)] == [id]


def test_however_many_readings_an_encounter_has_few_reach_the_process(
    organisation: Organisation, inside: Inside
) -> None:
    id = finished(organisation, procedures=[AIRWAY])
    inside.owner.execute(MANY, {"id": id, "tenant": organisation.id, "count": 20_000})
    stored, everything = whole(inside, id)
    with inside.task() as conn:
        assert (
            len(
                conn.execute(
                    queries.EXTREMES_OF, extremes_asked(organisation.id, facts_of(stored.encounter, []))
                ).fetchall()
            )
            <= 6
        )
    assert len(everything) == 20_000


def test_many_late_batches_send_the_facts_once(organisation: Organisation, inside: Inside) -> None:
    id = finished(organisation)
    before = len(inside.messages(organisation.id, FACTS))
    for value in ("91", "92", "93"):
        inside.receive(organisation.id, recorded(id, spo2(value)))
    with inside.task() as conn:
        tasks.send_due_facts(inside.keyring, conn)
    assert (len(inside.messages(organisation.id, FACTS)) - before, due(inside)) == (0, [(id, False)])
    send(inside)
    sent = inside.messages(organisation.id, FACTS)[before:]
    assert [one["version"] for one in sent] == [inside.rows("SELECT revision FROM encounters WHERE id = %s", id)[0][0]]
    assert due(inside) == []


def test_no_encounter_is_locked_while_facts_are_computed(
    organisation: Organisation, other: Organisation, inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Meanwhile crews write and readings come; those readings are sent next."""
    mine, theirs = finished(organisation), finished(other)
    inside.receive(organisation.id, recorded(mine, spo2("91")))
    came = iter([True])

    def meanwhile(*arguments: Any) -> Any:
        if next(came, False):
            assert organisation.crew.write(mine, {"narrative": "While it computes."}).status_code == 200
            assert other.crew.write(theirs, {"narrative": "Of another."}).status_code == 200
            inside.receive(organisation.id, recorded(mine, spo2("85")))
        return facts_of(*arguments)

    monkeypatch.setattr(tasks, "facts_of", meanwhile)
    send(inside)
    assert due(inside) == [(mine, False)]
    send(inside)
    assert due(inside) == []
    assert {vital["value"] for vital in inside_facts(inside, organisation, mine)["vitals"]} == {91, 85}


DIES_WHILE_IT_COMPUTES = """
import os, sys
from services.epcr import tasks
from shared.messaging import worker
from shared.primitives.crypto import Keyring
tasks.facts_of = lambda *_: os.kill(os.getpid(), 9)
with worker.open_tasks_pool(sys.argv[1], max_size=1) as pool, worker.task_transaction(pool) as conn:
    tasks.send_due_facts(Keyring.from_text(sys.argv[2]), conn)
"""


def test_a_relay_that_is_killed_while_it_computes_loses_no_facts_and_holds_up_no_others(
    organisation: Organisation, other: Organisation, inside: Inside
) -> None:
    mine, theirs = finished(organisation), finished(other)
    inside.receive(organisation.id, recorded(mine, spo2("85")))
    inside.owner.execute("UPDATE due_facts SET due_at = now()")
    command = [sys.executable, "-c", DIES_WHILE_IT_COMPUTES, inside.database.worker, ENCRYPTION_KEYS]
    assert subprocess.run(command, cwd=ROOT).returncode == -signal.SIGKILL
    assert due(inside) == [(mine, False)]
    inside.receive(other.id, recorded(theirs, spo2("84")))
    inside.owner.execute("UPDATE due_facts SET due_at = now() WHERE encounter_id = %s", (theirs,))
    with inside.task() as conn:
        tasks.send_due_facts(inside.keyring, conn)
    assert due(inside) == [(mine, False)]
    send(inside)
    assert inside_facts(inside, organisation, mine)["vitals"][0]["value"] == 85
    assert due(inside) == []


def test_an_encounter_whose_facts_fail_stops_no_other(
    organisation: Organisation, inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = finished(organisation), finished(organisation)
    for id in (bad, good):
        inside.receive(organisation.id, recorded(id, spo2("85")))

    def failing(encounter: Any, observations: Any) -> Any:
        if encounter.id == bad:
            raise ValueError("no facts")
        return facts_of(encounter, observations)

    monkeypatch.setattr(tasks, "facts_of", failing)
    send(inside)
    assert due(inside) == [(bad, False)]
    with inside.task() as conn:
        tasks.send_due_facts(inside.keyring, conn)
    assert metrics.due_facts_behind._value.get() > 0


def test_facts_that_always_fail_wait_for_a_day_and_hide_no_others(
    organisation: Organisation, inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = finished(organisation)
    inside.receive(organisation.id, recorded(bad, spo2("85")))

    def failing(*_: Any) -> Any:
        raise ValueError("no facts")

    aside = rows_set_aside.labels(tasks.SEND_FACTS)
    before = aside._value.get()
    monkeypatch.setattr(tasks, "facts_of", failing)
    for _ in range(4):
        send(inside)
    assert metrics.due_facts_behind._value.get() > 0
    assert aside._value.get() == before
    waits = "SELECT due_at > now() + interval '2 minutes' FROM due_facts WHERE encounter_id = %s"
    assert inside.rows(waits, bad) == [(False,)]
    send(inside)
    assert inside.rows(waits, bad) == [(True,)]
    assert (metrics.due_facts_behind._value.get(), aside._value.get()) == (0, before + 1)
    monkeypatch.setattr(tasks, "facts_of", facts_of)
    send(inside)
    assert due(inside) == []


def test_facts_that_failed_are_tried_at_once_after_new_readings_or_when_an_operator_sends_them_again(
    organisation: Organisation, inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resend, "WAITING", 1)
    id = finished(organisation)
    failed = """INSERT INTO due_facts (encounter_id, tenant_id, revision, failures, marked_at, due_at)
        VALUES (%s, %s, 1, 5, now() - interval '1 week', now() + interval '1 day')"""
    state = "SELECT failures, due_at <= clock_timestamp(), marked_at > now() - interval '1 hour' FROM due_facts"
    inside.owner.execute(failed, (id, organisation.id))
    inside.receive(organisation.id, recorded(id, spo2("85")))
    assert inside.rows(state) == [(0, True, True)]
    inside.owner.execute("DELETE FROM due_facts")
    inside.owner.execute(failed, (id, organisation.id))
    found = list[Any]()

    def sleep(_: float) -> None:
        found.append(inside.rows(state))
        inside.owner.execute("DELETE FROM due_facts")

    with own_connection(inside) as conn:
        assert resend.resend(conn, organisation.id, "", lambda *_: None, sleep) == 1
    # It waits once, for those that it marked, and not for those that wait for a day.
    assert found == [[(0, True, True)]]


def test_a_tenant_with_many_due_facts_has_no_more_turns_than_another(
    organisation: Organisation, other: Organisation, inside: Inside
) -> None:
    add = "INSERT INTO due_facts (encounter_id, tenant_id, revision, due_at) VALUES (%s, %s, 1, now() - %s * interval '1 hour')"
    for number in range(1, 30):
        inside.owner.execute(add, (ids.new_id("enc"), organisation.id, number))
    inside.owner.execute(add, ("enc_of_the_other", other.id, 0))
    with inside.task() as conn:
        taken = [id for (id,) in conn.execute(queries.TAKE_DUE_FACTS).fetchall()]
        conn.rollback()
    assert (len(taken), "enc_of_the_other" in taken) == (2, True)


def test_readings_beyond_the_most_of_an_encounter_stay_apart_and_are_reported(
    organisation: Organisation, other: Organisation, inside: Inside
) -> None:
    full, free = finished(organisation), other.partner.create()
    first, beyond = [spo2() for _ in range(3)], [spo2() for _ in range(2)]
    count = metrics.full_encounters._value.get()
    with inside.task() as conn:
        tasks.link_observations(3, conn, [received(organisation.id, recorded(full, *first))])
    batch = [received(organisation.id, recorded(full, *beyond)), received(other.id, recorded(free, spo2()))]
    with inside.task() as conn:
        tasks.link_observations(3, conn, batch)
    with inside.task() as conn:
        tasks.link_late(3, conn)
        tasks.report_unknown(0, conn)
    linked = "SELECT count(*) FROM observations WHERE encounter_id = %s AND revision IS NOT NULL"
    assert (inside.rows(linked, full), inside.rows(linked, free)) == ([(3,)], [(1,)])
    links = [(one["link"], set(one["observation_ids"])) for one in inside.messages(organisation.id, LINKS)]
    assert links == [("linked", {one.id for one in first}), ("unknown", {one.id for one in beyond})]
    assert metrics.full_encounters._value.get() > count


def own_connection(inside: Inside) -> psycopg.Connection[Any]:
    """As the command has it: each portion is a transaction of its own."""
    return psycopg.connect(inside.database.worker, autocommit=True)


def test_facts_of_before_are_sent_again_in_portions_and_once(
    organisation: Organisation, inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resend, "PORTION", 2)
    known = [finished(organisation, cad_incident_id=f"cad_{number}") for number in range(3)]
    running = organisation.partner.create(cad_incident_id="cad_running")
    told: list[tuple[str, int]] = []
    with own_connection(inside) as conn:
        assert resend.resend(conn, organisation.id, "", lambda *one: told.append(one)) == 3
    assert told == [(known[1], 2), (running, 3)]
    assert sorted(id for id, _ in due(inside)) == sorted(known)
    before = len(inside.messages(organisation.id, FACTS))
    send(inside)
    assert due(inside) == []
    sent = inside.messages(organisation.id, FACTS)[before:]
    assert sorted((one["encounter_id"], one["extent"]) for one in sent) == [(id, EXTENT) for id in sorted(known)]


def test_sending_again_waits_until_few_are_due_and_goes_on_after_the_last(
    organisation: Organisation, inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resend, "PORTION", 1)
    monkeypatch.setattr(resend, "WAITING", 1)
    known = [finished(organisation, cad_incident_id=f"cad_{number}") for number in range(3)]
    inside.owner.execute("DELETE FROM due_facts")  # of other tests
    slept: list[float] = []
    reached: list[tuple[str, int]] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        inside.owner.execute("DELETE FROM due_facts")

    with own_connection(inside) as conn:
        assert resend.resend(conn, organisation.id, known[0], lambda *seen: reached.append(seen), sleep) == 2
    assert slept == [resend.LOOK_SECONDS] * 2
    assert reached == [(known[1], 1), (known[2], 2)]


def test_facts_of_another_organisation_are_not_sent_again(organisation: Organisation, inside: Inside) -> None:
    finished(organisation)
    with own_connection(inside) as conn:
        assert resend.resend(conn, ids.new_id("org"), "", lambda *_: None) == 0
    assert due(inside) == []
