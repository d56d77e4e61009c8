"""The record at rest: one ciphertext per encounter and version, bound to its tenant and encounter."""

from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from services.epcr.models.record import Encounter, Record
from services.epcr.queries import EncounterRow
from shared import http
from shared.crypto import Keyring

_encode = msgspec.msgpack.Encoder().encode


def seal(record: Record, keyring: Keyring, tenant_id: str, encounter_id: str) -> bytes:
    return keyring.encrypt(_encode(record), _context(tenant_id, encounter_id))


def unseal(ciphertext: bytes, keyring: Keyring, tenant_id: str, encounter_id: str) -> Record:
    """Raises UnreadableCiphertext for a record that was moved here from another encounter or tenant."""
    return _decode(keyring.decrypt(ciphertext, _context(tenant_id, encounter_id)))


class Stored(NamedTuple):
    """A row and the encounter in it, its record readable."""

    row: EncounterRow
    encounter: Encounter


def opened(row: EncounterRow, keyring: Keyring) -> Stored:
    members: dict[str, Any] = row._asdict()
    del members["patient_basis"], members["pseudonym_version"], members["anchor"]
    members["record"] = unseal(row.record, keyring, row.tenant_id, row.id)
    return Stored(row, Encounter(**members))


def _context(tenant_id: str, encounter_id: str) -> bytes:
    return f"epcr record {tenant_id} {encounter_id}".encode()


def _number(kind: type, value: Any) -> Any:
    # Decimals are stored as text, digit for digit.
    if kind is http.Number:
        return Decimal(value)
    raise TypeError(kind.__name__)


_decode = msgspec.msgpack.Decoder(Record, dec_hook=_number).decode
