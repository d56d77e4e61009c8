"""An organisation stores so many bytes of records: counted without a row that writers share, refused with a reason, measured as a share."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest.mock import Mock

import psycopg
import pytest
from typer.testing import CliRunner

from deploy.local.redis_server import RedisServer
from services.epcr import __main__ as commands
from services.epcr import allowance, metrics
from shared.primitives import ids
from tests.epcr.conftest import Inside, Organisation, settings_for
from tests.epcr.deliveries import recorded, spo2
from tests.epcr.hospitals import Region
from tests.epcr.samples import MINIMAL, TYPICAL
from tests.epcr.test_outcomes import report

DEFAULT = 100 << 30


def stored(inside: Inside, organisation: Organisation) -> int:
    """The bytes that the organisation's versions and outcomes have in the database."""
    statement = """
        SELECT coalesce(sum(n), 0) FROM (
            SELECT octet_length(record) AS n FROM encounter_versions WHERE tenant_id = %s
            UNION ALL SELECT octet_length(content) FROM outcomes WHERE tenant_id = %s) each
    """
    [(count,)] = inside.rows(statement, organisation.id, organisation.id)
    return int(count)


def counted(inside: Inside, organisation: Organisation) -> int:
    with inside.task() as conn:
        _, used = allowance.show(conn, organisation.id, DEFAULT)
    return used


def allow(inside: Inside, organisation: Organisation, most: int | None) -> None:
    with inside.task() as conn:
        allowance.set_limit(conn, organisation.id, most)


def add_up(inside: Inside) -> None:
    with inside.task() as conn:
        allowance.add_up(DEFAULT, conn)


def begin(organisation: Organisation, number: int) -> Any:
    return organisation.partner.post_encounter(MINIMAL | {"cad_incident_id": f"cad-{number}"})


def test_every_version_is_counted_before_and_after_it_is_added_up(organisation: Organisation, inside: Inside) -> None:
    region = Region(organisation, inside)
    id = region.bound(region.cork, **TYPICAL)
    region.crew.write(id, {"narrative": "More."})
    report(region.cork, id)
    assert counted(inside, organisation) == stored(inside, organisation) > 0
    add_up(inside)
    assert inside.rows("SELECT count(*) FROM stored_bytes_added") == [(0,)]
    assert counted(inside, organisation) == stored(inside, organisation)


@pytest.mark.parametrize("is_added_up", [True, False])
def test_an_organisation_that_used_its_allowance_begins_no_encounter(
    organisation: Organisation, other: Organisation, inside: Inside, is_added_up: bool
) -> None:
    assert begin(organisation, 1).status_code == 201
    if is_added_up:
        add_up(inside)
    used = counted(inside, organisation)
    allow(inside, organisation, used)
    refused = begin(organisation, 2)
    assert refused.status_code == 409
    body = refused.json()
    assert (body["type"].rpartition("#")[2], body["resource"], body["limit"]) == (
        "limit-reached",
        "bytes of records",
        used,
    )
    assert f"at most {used} bytes of records" in body["detail"]
    assert begin(other, 2).status_code == 201
    allow(inside, organisation, None)
    assert begin(organisation, 2).status_code == 201


def test_an_encounter_that_began_is_written_on_within_the_reserve(organisation: Organisation, inside: Inside) -> None:
    id = organisation.partner.create(**TYPICAL)
    allow(inside, organisation, counted(inside, organisation))
    assert organisation.crew.write(id, {"narrative": "."}).status_code == 200
    allow(inside, organisation, 1)
    refused = organisation.crew.write(id, {"narrative": ".."})
    assert (refused.status_code, refused.json()["limit"]) == (409, 1)
    assert organisation.crew.record(id)["narrative"] == "."
    allow(inside, organisation, None)


def test_writers_at_once_exceed_the_allowance_by_no_more_than_themselves(
    organisation: Organisation, inside: Inside
) -> None:
    begin(organisation, 0)
    one = counted(inside, organisation)
    allow(inside, organisation, 3 * one)
    with ThreadPoolExecutor(4) as pool:
        statuses = [answer.status_code for answer in pool.map(lambda number: begin(organisation, number), range(1, 30))]
    assert statuses.count(201) <= 2 + 4
    assert stored(inside, organisation) <= (3 + 4 + 1) * one


def test_the_measure_is_the_fullest_share_and_names_no_organisation(organisation: Organisation, inside: Inside) -> None:
    begin(organisation, 1)
    inside.owner.execute("DELETE FROM tenant_limits")
    allow(inside, organisation, 2 * counted(inside, organisation))
    add_up(inside)
    assert metrics.fullest_allowance._value.get() == pytest.approx(0.5)
    assert metrics.fullest_allowance._labelnames == ()
    allow(inside, organisation, None)


def test_the_limit_of_an_organisation_is_set_by_an_operator_alone(organisation: Organisation, inside: Inside) -> None:
    for statement in (
        "UPDATE stored_bytes SET bytes = 0",
        "DELETE FROM stored_bytes_added",
        "INSERT INTO tenant_limits VALUES (current_tenant(), 'stored_bytes', 9)",
    ):
        with (
            psycopg.connect(inside.database.app, autocommit=True) as conn,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            conn.execute(statement)
    allow(inside, organisation, 7)
    trail = inside.rows(
        "SELECT action, detail FROM audit WHERE tenant_id = %s AND action = 'tenant.limit_set'", organisation.id
    )
    assert trail == [("tenant.limit_set", {"name": "stored_bytes", "most": 7})]


def test_an_operator_sets_the_allowance_and_sees_it(
    organisation: Organisation, inside: Inside, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(organisation, 1)
    used = counted(inside, organisation)
    settings = settings_for(inside.database, redis_server.url, most_stored_bytes=1000)
    monkeypatch.setattr(commands, "load", lambda: settings)

    def asked(*words: str) -> str:
        return CliRunner().invoke(commands.cli, ["allowance", organisation.id, *words]).output.strip()

    assert asked() == f"allowance 1000  used {used}"
    assert asked("2000") == f"allowance 2000  used {used}"
    assert asked("--default") == f"allowance 1000  used {used}"
    assert CliRunner().invoke(commands.cli, ["allowance", "elsewhere"]).exit_code == 1


def test_a_run_of_the_relay_ends_however_fast_the_rows_come(
    organisation: Organisation, inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = "SELECT count(*) FROM stored_bytes_added WHERE tenant_id = %s"
    for number in range(900, 903):
        assert begin(organisation, number).status_code == 201
    seconds = itertools.count(0, 0.6)
    monkeypatch.setattr(allowance, "PORTION", 1)
    monkeypatch.setattr(allowance, "time", Mock(monotonic=lambda: next(seconds)))
    [(before,)] = inside.rows("SELECT count(*) FROM stored_bytes_added")
    with inside.task() as conn:
        allowance.add_up(DEFAULT, conn)
    [(after,)] = inside.rows("SELECT count(*) FROM stored_bytes_added")
    assert before - after == 1
    assert inside.rows(waiting, organisation.id) != [(0,)]


def test_linked_readings_count(organisation: Organisation, inside: Inside) -> None:
    id, later = organisation.partner.create(**TYPICAL), ids.new_id("enc")
    before = counted(inside, organisation)
    first = spo2("98.0")
    inside.receive(organisation.id, recorded(id, first, spo2("97.5")), recorded(later, spo2("96.0")))
    inside.receive(organisation.id, recorded(id, first))
    assert counted(inside, organisation) - before == 2 * allowance.READING
    add_up(inside)
    assert counted(inside, organisation) - before == 2 * allowance.READING
