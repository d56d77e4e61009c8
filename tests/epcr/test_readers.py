"""Readers who looked a moment ago: what they go on to read fits what they saw."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from deploy.local.databases import Database
from services.epcr import store
from services.epcr.disclosure import Policy, disclose
from services.epcr.pseudonyms import Pseudonyms
from shared.database import AsyncConnection, aset_tenant
from tests.epcr.conftest import PSEUDONYM_KEYS, Inside, Organisation
from tests.epcr.deliveries import recorded, spo2

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
            seen = await store.find(conn, id, inside.keyring)
            inside.receive(organisation.id, recorded(id, later))
            return [one.id for one in await store.observations_of(conn, seen.row)]

    assert asyncio.run(read()) == [first.id]


def test_who_comes_second_takes_the_pseudonym_that_the_first_one_fixed(
    organisation: Organisation, inside: Inside, database: Database
) -> None:
    id = organisation.partner.create()

    async def read() -> bytes:
        async with reading(database, organisation.id) as conn:
            seen = await store.find(conn, id, inside.keyring)
            inside.owner.execute(
                "UPDATE encounters SET patient_basis = %s, pseudonym_version = 1 WHERE id = %s", (b"first", id)
            )
            return (await disclose(conn, seen, Policy("app", "exact"), KEYS)).basis

    assert asyncio.run(read()) == b"first"
    assert inside.rows("SELECT patient_basis FROM encounters WHERE id = %s", id) == [(b"first",)]
