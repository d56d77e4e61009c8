"""Each answer with identified data is a row, written in the transaction in which the right to read holds."""

from typing import Any, NamedTuple

from services.epcr.encounters.models import EncounterRow
from services.epcr.handover import queries
from services.epcr.handover.access import Right
from services.epcr.handover.models import DisclosedContent
from shared.primitives import ids
from shared.process import telemetry
from shared.storage.database import AsyncConnection
from shared.web.identity import Caller


class Answer(NamedTuple):
    """The SHA-256 of an answer's bytes, their form and language, and the parts of the record or outcome in them.

    `patient` is the identifier of the Patient of a transaction, `readings` the places of its readings.
    """

    digest: bytes
    content: DisclosedContent
    language: str
    sections: list[str]
    patient: str | None = None
    readings: list[str] | None = None


async def add(conn: AsyncConnection, caller: Caller, row: EncounterRow, right: Right, answer: Answer) -> str:
    """Returns the id of the disclosure. Call it after `add_recipient` and a right that is held."""
    values: dict[str, Any] = {
        "id": ids.new_id("dsc"),
        "encounter_id": row.id,
        "identity": row.identity,
        "version": row.version,
        "revision": row.revision,
        "destination_id": right.destination.id,
        "client_id": caller.client_id,
        "actor": caller.subject,
        "purpose": right.purpose,
        "legal_basis": right.destination.legal_basis,
        "emergency_id": right.emergency_id,
        "content": answer.content,
        "sections": answer.sections,
        "language": answer.language,
        "digest": answer.digest,
        "patient": answer.patient,
        "readings": answer.readings,
        "trace_id": telemetry.trace_id(),
    }
    await conn.execute(queries.ADD_DISCLOSURE, values)
    return values["id"]
