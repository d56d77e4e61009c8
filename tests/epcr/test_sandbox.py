"""A sandbox's encounters: written once, counted by indicators, and erased without touching any other encounter."""

import itertools
import random
from datetime import UTC, datetime
from typing import Any

import httpx2
import msgspec
import psycopg
import pytest

from services.epcr.records import amend
from services.epcr.records.models import EncounterDraft
from services.epcr.sandbox import records, work
from shared.messaging.messages import EncounterFacts, SandboxEncounters
from shared.messaging.sandboxes import CASES, SHARES, Case, Year
from shared.primitives import ids
from shared.storage.database import set_tenant
from shared.web import http as web
from tests.epcr.conftest import ENCOUNTERS, Client, Inside, Organisation, settings_for
from tests.epcr.deliveries import recorded, spo2
from tests.epcr.hospitals import Region
from tests.epcr.samples import TYPICAL
from tests.support.cases import cases
from tests.support.messages import received, sandbox_fields

COUNT = "SELECT count(*) FROM encounters WHERE tenant_id = %s"
COLUMNS = "SELECT attname FROM pg_attribute WHERE attrelid = 'encounter_versions'::regclass AND attnum > 0 AND NOT attisdropped"
SANDBOX: dict[str, Any] = {"environment": "sandbox"}


class Sandbox:
    def __init__(self, inside: Inside, http: httpx2.Client) -> None:
        self.inside, self.id = inside, ids.new_id("org")
        self.partner = Client(http, self.id, "argus:epcr:write", **SANDBOX)
        self.fields = sandbox_fields()

    def perform(self, task: str, tenant_id: str = "", **more: Any) -> None:
        fields: dict[str, Any] = {**self.fields, "task": task, **more}
        body = SandboxEncounters(**fields)
        settings = settings_for(self.inside.database, "redis://127.0.0.1:1")
        with self.inside.task() as conn:
            work.perform(self.inside.keyring, settings, conn, [received(tenant_id or self.id, body)])

    def sent(self, name: str) -> list[dict[str, Any]]:
        rows = self.inside.rows("SELECT body FROM outbox WHERE tenant_id = %s AND name = %s ORDER BY id", self.id, name)
        return [body for (body,) in rows]

    def count(self) -> int:
        [(number,)] = self.inside.rows(COUNT, self.id)
        return number

    def erase(self) -> int:
        """Portion by portion; returns their number."""
        for number in range(1, 100):
            self.perform("erase", portion=number)
            if not self.sent("auth.sandbox_portion_done.v1")[-1]["left"]:
                return number
        raise AssertionError("erasing does not end")


@pytest.fixture
def sandbox(inside: Inside, http: httpx2.Client) -> Sandbox:
    return Sandbox(inside, http)


def test_every_invented_record_is_one_that_the_api_takes() -> None:
    decoder = msgspec.json.Decoder(float_hook=work.Decimal)
    with cases() as every:
        for kind, seed in itertools.product(SHARES, range(40)):
            with every.case(f"{kind}, seed {seed}"):
                case = Case(1, kind, datetime(2026, 3, 23, 10, tzinfo=UTC), "V-1", "CAD-1", "enc_1", "inc_1", "dev_1")
                draft = decoder.decode(web.encode(records.draft(case, random.Random(seed))))
                amend.begin(web.convert(draft, EncounterDraft), case.at, ids.new_id)


def test_no_record_names_a_person() -> None:
    for number in range(CASES):
        year = Year(
            "org_1",
            SandboxEncounters(sandbox_id="", client_id="", generation=1, seed=1, until=datetime.now(UTC), task="seed"),
        )
        made = records.draft(year.case(number), year.chance("record", number))
        assert made["patient"].keys() == {"age_years", "sex"}
        assert not made.keys() & {"narrative", "crew", "complaint"}


def test_a_portion_is_written_once_with_facts_and_no_events(sandbox: Sandbox) -> None:
    sandbox.perform("seed")
    assert sandbox.count() == work.PORTION
    facts = sandbox.sent("graphql_api.encounter_facts.v1")
    assert len(facts) == work.PORTION
    assert all(msgspec.convert(one, EncounterFacts, strict=False).status == "handed_over" for one in facts)
    assert sandbox.sent("webhook_dispatcher.event.v1") == []
    [done] = sandbox.sent("auth.sandbox_portion_done.v1")
    assert (done["portion"], done["left"]) == (0, True)
    sandbox.perform("seed")
    assert sandbox.count() == work.PORTION
    assert len(sandbox.sent("graphql_api.encounter_facts.v1")) == work.PORTION


def test_the_last_portion_says_that_none_is_left(sandbox: Sandbox) -> None:
    sandbox.perform("seed", portion=CASES // work.PORTION)
    assert sandbox.sent("auth.sandbox_portion_done.v1")[-1]["left"] is False


def test_the_api_reads_and_exports_an_invented_encounter(sandbox: Sandbox) -> None:
    sandbox.perform("seed")
    listed = sandbox.partner.get(ENCOUNTERS).json()["encounters"]
    assert len(listed) == work.PORTION
    for one in listed[:9]:
        assert sandbox.partner.read(one["id"])["test"] is True
        assert sandbox.partner.bundle(one["id"])["entry"]


def test_an_arrest_goes_from_call_to_handover_with_its_events(sandbox: Sandbox) -> None:
    sandbox.perform("arrest", number=1, at=datetime.now(UTC))
    [encounter] = sandbox.partner.get(ENCOUNTERS).json()["encounters"]
    assert encounter["status"] == "handed_over"
    events = sandbox.sent("webhook_dispatcher.event.v1")
    kinds = [event["type"] for event in events]
    assert kinds == ["epcr.encounter.created", "epcr.encounter.completed", "epcr.encounter.updated"]
    assert all(event["test"] for event in events)
    assert sandbox.sent("auth.sandbox_portion_done.v1") == []


def test_erasing_goes_in_portions_and_ends_with_nothing(sandbox: Sandbox) -> None:
    for portion in range(3):
        sandbox.perform("seed", portion=portion)
    own = sandbox.partner.create()
    sandbox.partner.bundle(own)
    assert sandbox.erase() > 2
    assert sandbox.count() == 0
    for table in (
        "encounter_versions",
        "recipients",
        "late_links",
        "due_facts",
        "encounter_identities",
        "observations",
    ):
        statement = f"SELECT count(*) FROM {table} WHERE tenant_id = %s"
        assert sandbox.inside.rows(statement, sandbox.id) == [(0,)], table
    stored = """SELECT coalesce((SELECT sum(bytes) FROM stored_bytes_added WHERE tenant_id = %(id)s), 0)
        + coalesce((SELECT bytes FROM stored_bytes WHERE tenant_id = %(id)s), 0)"""
    assert sandbox.inside.owner.execute(stored, {"id": sandbox.id}).fetchone() == (0,)


def test_transactions_that_were_taken_are_erased_with_their_encounter(
    organisation: Organisation, inside: Inside
) -> None:
    region = Region(organisation, inside)
    id = region.bound(region.cork, **TYPICAL)
    inside.receive(organisation.id, recorded(id, spo2("91")))
    region.cork.read(id, format="transaction")
    inside.owner.execute("UPDATE encounters SET test = true WHERE id = %s", (id,))
    tables = ("patients_taken", "places_taken")
    noted = [f"SELECT count(*) FROM {table} WHERE encounter_id = %s" for table in tables]
    assert [inside.rows(statement, id) for statement in noted] == [[(1,)], [(1,)]]
    left = True
    while left:
        with inside.task() as conn:
            set_tenant(conn, organisation.id)
            [left] = conn.execute("SELECT erase_sandbox_encounters(5)").fetchone()
    assert [inside.rows(statement, id) for statement in noted] == [[(0,)], [(0,)]]


def test_an_encounter_with_many_versions_is_erased_in_portions(sandbox: Sandbox) -> None:
    """A statement for all of them ran into its time-out again and again, and the sandbox was never erased."""
    own, owner = sandbox.partner.create(), sandbox.inside.owner
    columns = [name for (name,) in owner.execute(COLUMNS).fetchall() if name != "version"]
    others = ", ".join(columns)
    copies = f"INSERT INTO encounter_versions (version, {others}) SELECT version + number, {others}"
    copies += " FROM encounter_versions, generate_series(1, 1200) number WHERE encounter_id = %s"
    owner.execute(copies.encode(), (own,))
    sandbox.perform("erase")
    assert sandbox.inside.rows("SELECT count(*) FROM encounter_versions WHERE tenant_id = %s", sandbox.id) == [(701,)]
    assert sandbox.count() == 1
    assert sandbox.erase() == 3
    assert sandbox.count() == 0


def test_erasing_touches_no_encounter_of_production_whoever_asks(
    sandbox: Sandbox, organisation: Organisation, inside: Inside, http: httpx2.Client
) -> None:
    """Not even where a message names the tenant of production, which auth never sends."""
    kept, neighbour = organisation.partner.create(), Sandbox(inside, http)
    neighbour.perform("seed")
    sandbox.perform("erase", tenant_id=organisation.id)
    sandbox.perform("end", tenant_id=organisation.id)
    sandbox.erase()
    assert organisation.partner.read(kept)["id"] == kept
    assert neighbour.count() == work.PORTION


def test_in_a_tenant_with_both_only_tests_go(sandbox: Sandbox, inside: Inside, http: httpx2.Client) -> None:
    """No tenant has both; were it so, production's would stay."""
    production = Client(http, sandbox.id, "argus:epcr:write")
    kept = production.create()
    sandbox.perform("seed")
    sandbox.erase()
    assert inside.rows("SELECT id, test FROM encounters WHERE tenant_id = %s", sandbox.id) == [(kept, False)]
    assert production.read(kept)["id"] == kept


@pytest.mark.parametrize("role", ["app", "worker"])
def test_no_process_deletes_encounters_past_the_function(sandbox: Sandbox, inside: Inside, role: str) -> None:
    sandbox.perform("seed")
    with psycopg.connect(getattr(inside.database, role)) as conn:
        conn.execute("SELECT set_config('app.tenant_id', %s, true)", (sandbox.id,))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("DELETE FROM encounters")
    with psycopg.connect(inside.database.app) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute("SELECT erase_sandbox_encounters(5)")


def test_without_a_tenant_nothing_is_erased(sandbox: Sandbox, inside: Inside) -> None:
    sandbox.perform("seed")
    with psycopg.connect(inside.database.worker) as conn:
        assert conn.execute("SELECT erase_sandbox_encounters(5)").fetchone() == (False,)
    assert sandbox.count() == work.PORTION
