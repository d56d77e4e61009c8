"""Readers between two writes: their later reads fit their first."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from deploy.local.databases import Database
from services.epcr.deidentification.pseudonyms import Pseudonyms
from services.epcr.encounters import queries, store
from services.epcr.encounters.disclosure import with_basis
from services.epcr.encounters.facts import facts_of
from shared.storage.database import AsyncConnection, aset_tenant
from tests.epcr.conftest import ENCOUNTERS, PSEUDONYM_KEYS, Inside, Organisation
from tests.epcr.deliveries import recorded, spo2

pytestmark = pytest.mark.full

KEYS = Pseudonyms.from_text(PSEUDONYM_KEYS)


@asynccontextmanager
async def reading(database: Database, tenant_id: str) -> AsyncIterator[AsyncConnection]:
    async with await AsyncConnection.connect(database.app) as conn:
        await aset_tenant(conn, tenant_id)
        yield conn


def test_a_reader_of_one_revision_is_shown_no_later_reading(
    organisation: Organisation, inside: Inside, database: Database
) -> None:
    id = organisation.partner.create()
    first, later = spo2("91"), spo2("92")
    inside.receive(organisation.id, recorded(id, first))

    async def read() -> list[str]:
        async with reading(database, organisation.id) as conn:
            seen = facts_of(store.opened(await store.find(conn, id), inside.keyring).encounter, [])
            inside.receive(organisation.id, recorded(id, later))
            return [one.id for one in await store.extremes_of(conn, organisation.id, seen)]

    assert asyncio.run(read()) == [first.id]


def test_who_comes_second_takes_the_pseudonym_that_the_first_one_fixed(
    organisation: Organisation, inside: Inside, database: Database
) -> None:
    id = organisation.partner.create()

    async def read() -> bytes:
        async with reading(database, organisation.id) as conn:
            seen = await store.find_briefly(conn, id)
            inside.owner.execute(
                "UPDATE encounters SET patient_basis = %s, pseudonym_version = 1 WHERE id = %s", (b"first", id)
            )
            return bytes((await with_basis(conn, seen, KEYS, inside.keyring)).patient_basis or b"")

    assert asyncio.run(read()) == b"first"
    assert inside.rows("SELECT patient_basis FROM encounters WHERE id = %s", id) == [(b"first",)]


def test_a_list_waits_for_no_worker_that_holds_its_encounters(organisation: Organisation, inside: Inside) -> None:
    first, last = sorted(organisation.partner.create(patient={"sex": "female"}) for _ in range(2))
    inside.owner.execute("UPDATE encounters SET patient_basis = NULL WHERE tenant_id = %s", (organisation.id,))
    with inside.task() as conn:
        conn.execute(queries.LOCK_KNOWN, ([organisation.id] * 2, [first, last]))
        answer = organisation.hospital.get(ENCOUNTERS)
    assert [one["id"] for one in answer.json()["encounters"]] == [last, first]
