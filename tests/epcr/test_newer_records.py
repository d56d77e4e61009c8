"""A rolling upgrade: a process of this release reads a record that a newer one wrote, and writes over nothing of it."""

from typing import Any

import msgspec
import pytest

from services.epcr.encounters import store
from services.epcr.records.models import Record
from shared.primitives.crypto import Keyring
from tests.epcr.conftest import ENCOUNTERS, RECORDS, Inside, Organisation
from tests.epcr.hospitals import Region
from tests.epcr.samples import WHOLE
from tests.epcr.sealed import unseal

pytestmark = pytest.mark.full


def _in_a_section(record: dict[str, Any]) -> None:
    record["dispatch"]["hue"] = "violet"


def _in_an_entry(record: dict[str, Any]) -> None:
    record["vital_signs"][1]["ketones"] = {"value": "1.2", "unit": "mmol/L"}


def _deep(record: dict[str, Any]) -> None:
    record["patient"]["address"]["floor"] = 3
    record["medications"][0]["dose"]["per"] = "kg"


def _a_list(record: dict[str, Any]) -> None:
    record["wounds"] = [{"id": "wnd_1"}]


WRITTEN = pytest.mark.parametrize("change", [_in_a_section, _in_an_entry, _deep, _a_list])


def rewritten(inside: Inside, encounter_id: str, change: Any) -> bytes:
    """Stores the record as a newer release would. Returns its bytes in the clear."""
    [(tenant_id, sealed)] = inside.rows("SELECT tenant_id, record FROM encounters WHERE id = %s", encounter_id)
    context = store.context(tenant_id, encounter_id)
    record = msgspec.msgpack.decode(inside.keyring.decrypt(bytes(sealed), context))
    change(record)
    content = msgspec.msgpack.encode(record)
    inside.owner.execute(
        "UPDATE encounters SET record = %s WHERE id = %s", (inside.keyring.encrypt(content, context), encounter_id)
    )
    return content


@WRITTEN
def test_every_reader_reads_the_record_of_a_newer_release(
    organisation: Organisation, inside: Inside, change: Any
) -> None:
    region = Region(organisation, inside)
    id = region.bound(region.cork, **WHOLE)
    before = region.crew.record(id), region.reader.read(id), region.cork.read(id)
    rewritten(inside, id, change)
    assert (region.crew.record(id), region.reader.read(id), region.cork.read(id)) == before
    for path in (f"{ENCOUNTERS}/{id}/fhir-bundle", f"{ENCOUNTERS}/{id}?format=fhir", ENCOUNTERS):
        assert region.reader.get(path).status_code == 200
    for form in ("document", "transaction", "pdf"):
        assert region.cork.handover(id, format=form).status_code == 200


@WRITTEN
def test_no_process_writes_over_fields_that_it_does_not_know(
    organisation: Organisation, inside: Inside, change: Any
) -> None:
    id = organisation.partner.create(**WHOLE)
    content = rewritten(inside, id, change)
    answer = organisation.crew.write(id, {"narrative": "She is better."})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    [(tenant_id, sealed)] = inside.rows("SELECT tenant_id, record FROM encounters WHERE id = %s", id)
    assert inside.keyring.decrypt(bytes(sealed), store.context(tenant_id, id)) == content
    assert organisation.crew.get(f"{RECORDS}/{id}").json()["version"] == 1


def test_a_write_opens_the_record_once(
    organisation: Organisation, inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = organisation.partner.create(**WHOLE)
    opened, decrypt = list[bytes](), Keyring.decrypt

    def noted(keyring: Keyring, ciphertext: bytes, context: bytes) -> bytes:
        opened.extend([context] if context.startswith(b"epcr record") else [])
        return decrypt(keyring, ciphertext, context)

    monkeypatch.setattr(Keyring, "decrypt", noted)
    assert organisation.crew.write(id, {"narrative": "She is better."}, version=1).status_code == 200
    assert len(opened) == 1
    rewritten(inside, id, _in_a_section)
    opened.clear()
    assert organisation.crew.write(id, {"narrative": "She is well."}, version=2).status_code == 503
    assert len(opened) == 1


def test_a_record_that_is_none_is_still_a_fault(inside: Inside) -> None:
    content = msgspec.msgpack.encode({"anchor": "never", "hue": "violet"})
    sealed = inside.keyring.encrypt(content, store.context("org_x", "enc_x"))
    with pytest.raises(msgspec.ValidationError):
        unseal(sealed, inside.keyring, "org_x", "enc_x")
    assert Record.__struct_config__.forbid_unknown_fields, "else an unknown list would be lost without a word"
