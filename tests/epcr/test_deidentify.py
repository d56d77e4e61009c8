"""De-identification: a rule for every field, constant pseudonyms, times that keep their intervals."""

import subprocess
import sys
import typing
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.epcr.deidentification.projection import RULES, WRITTEN, Mode
from services.epcr.deidentification.pseudonyms import Pseudonyms
from services.epcr.records.models import Encounter, LinkedObservation, PatientIdentifier, Record, age
from shared.messaging.messages import ClinicalApp
from shared.primitives import ids
from shared.primitives.crypto import base64url_decode, base64url_encode
from tests.epcr import golden
from tests.epcr.conftest import ENCOUNTERS, PSEUDONYM_KEYS, Client, Inside, Organisation, StartApp
from tests.epcr.deliveries import app_changed, recorded, spo2
from tests.epcr.samples import MINIMAL, PATIENT, TYPICAL

KEYS = golden.PSEUDONYMS
UNHURRIED = settings(deadline=None)
WORDS = st.text(min_size=1, max_size=20)


def fields(kind: Any, prefix: str = "") -> typing.Iterator[tuple[str, Any]]:
    """The paths and types of all that a record may hold, lists and options looked through."""
    for field in msgspec.structs.fields(kind):
        path, inner = prefix + field.encode_name, struct_in(field.type)
        if inner is None or path in RULES:
            yield path, field.type
        else:
            yield from fields(inner, path + ".")


def all_fields() -> dict[str, Any]:
    there = {path: kind for path, kind in fields(Encounter) if not path.startswith("record") and path != "tenant_id"}
    return there | dict(fields(Record)) | dict(fields(LinkedObservation, "observations.")) | {"organization_id": str}


def holds(kind: Any, wanted: type) -> bool:
    """Whether a field may hold a `wanted`; one of a closed list of words is no text."""
    return kind is wanted or any(
        holds(part, wanted) for part in typing.get_args(kind) if typing.get_origin(kind) is not Literal
    )


def struct_in(kind: Any) -> Any:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return kind
    return next((found for part in typing.get_args(kind) if (found := struct_in(part))), None)


def test_every_field_of_a_record_has_a_rule_and_every_rule_a_field() -> None:
    assert set(all_fields()) == set(RULES)


def test_every_time_is_moved() -> None:
    times = {path for path, kind in all_fields().items() if holds(kind, datetime)} | {"times"}
    # The birth date of a child never leaves, nor does a time a minute after it.
    times -= {"pregnancy.born_at", "apgar.scored_at"}
    assert {path for path, rule in RULES.items() if rule in ("move", WRITTEN)} == times


def test_no_text_is_kept_but_codes_and_references() -> None:
    kept = {path for path, kind in all_fields().items() if holds(kind, str) and RULES[path] == "keep"}
    codes = {path for path in kept if path.rpartition(".")[2] in ("system", "code")}
    reading = {"mdc_code", "device_class", "unit_code", "data_absent_reason", "flags"}
    assert kept - codes == {"organization_id", "patient.address.country", "dispatch.determinant"} | {
        f"observations.{name}" for name in reading
    }


@given(st.dates(date(1900, 1, 1), date(2026, 3, 23)))
@UNHURRIED
def test_a_birth_year_is_shown_up_to_the_age_of_89(born: date) -> None:
    view = golden.projection(golden.encounter(MINIMAL | {"patient": {"birth_date": born.isoformat()}})).view["patient"]
    years = age(born, golden.BEGAN.date())
    if years <= 89:
        assert (view["birth_year"], "age_years" in view) == (born.year, False)
    else:
        assert ("birth_year" in view, view["age_years"]) == (False, 90)
    assert born.isoformat() not in str(view)


@pytest.mark.parametrize("mode", ["exact", "shifted", "safe_harbor"])
def test_a_clock_typed_decades_too_early_shows_nobodys_birth_year(mode: Mode) -> None:
    """The record was written in 2026; the call's year is a typing error."""
    body = MINIMAL | {"patient": {"birth_date": "1920-05-01"}, "times": {"call": "1926-03-23T10:00:00Z"}}
    patient = golden.projection(golden.encounter(body), mode=mode).view["patient"]
    assert ("birth_year" in patient, patient["age_years"]) == (False, 90)


@pytest.mark.parametrize(("years", "shown"), [(0, 0), (89, 89), (90, 90), (104, 90)])
def test_an_estimated_age_is_shown_as_90_at_most(years: int, shown: int) -> None:
    assert (
        golden.projection(golden.encounter(MINIMAL | {"patient": {"age_years": years}})).view["patient"]["age_years"]
        == shown
    )


@given(WORDS, WORDS, WORDS)
@UNHURRIED
def test_pseudonyms_are_stable_for_a_partner_and_strange_to_another(tenant: str, partner: str, local: str) -> None:
    one, again = KEYS.domain(1, tenant, partner), KEYS.domain(1, tenant, partner)
    assert one.uuid("patient", local) == again.uuid("patient", local)
    others = [KEYS.domain(1, tenant, partner + "x"), KEYS.domain(1, tenant + "x", partner)]
    for other in others:
        assert other.uuid("patient", local) != one.uuid("patient", local)
        assert other.base != one.base
    assert one.uuid("patient", local) != one.uuid("encounter", local)


@given(WORDS, WORDS)
@UNHURRIED
def test_parts_of_what_is_hashed_do_not_run_into_one_another(first: str, second: str) -> None:
    assert KEYS.domain(1, first, second + "a").base != KEYS.domain(1, first + second, "a").base


def test_pseudonyms_are_the_same_in_another_process() -> None:
    code = (
        "from services.epcr.deidentification.pseudonyms import Pseudonyms;"
        f"print(Pseudonyms.from_text({PSEUDONYM_KEYS!r}).domain(1, 'org', 'app').uuid('patient', 'x'))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert told == Pseudonyms.from_text(PSEUDONYM_KEYS).domain(1, "org", "app").uuid("patient", "x")


@given(st.binary(min_size=32, max_size=32), WORDS)
@UNHURRIED
def test_a_shift_is_never_nothing_and_at_most_fifty_days(basis: bytes, partner: str) -> None:
    days = KEYS.domain(1, "org", partner).shift_days(basis)
    assert days != 0
    assert -50 <= days <= 50
    assert days == KEYS.domain(1, "org", partner).shift_days(basis)


def minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


SECONDS = st.integers(0, 4_000_000_000)
TIMES = SECONDS.map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


@given(st.lists(TIMES, min_size=7, max_size=7), st.sampled_from(["shifted", "safe_harbor"]), WORDS)
@UNHURRIED
def test_moved_times_keep_every_interval_to_the_minute(times: list[datetime], mode: Mode, partner: str) -> None:
    names = ("call", "mobile", "on_scene", "at_patient", "left_scene", "at_destination", "handover")
    times.sort()
    body = MINIMAL | {"times": {name: at.isoformat() for name, at in zip(names, times, strict=True)}}
    encounter = golden.encounter(body)
    view = golden.projection(encounter, golden.readings(), partner=partner, mode=mode)
    moved = [view.view["times"][name] for name in names]
    anchor = encounter.record.anchor
    by = view.view["anchor"] - minute(anchor)
    assert by != timedelta()
    if mode == "safe_harbor":
        by = datetime(min(times).year, 1, 1, 12, tzinfo=UTC) - anchor
    else:
        assert by % timedelta(days=1) == timedelta()
    assert moved == [minute(at + by) for at in times]
    observed = [minute(one.observed_at + by) for one in golden.readings()]
    assert [one["observed_at"] for one in view.observations] == observed
    assert view.view["created_at"] == (encounter.created_at + by).replace(hour=0, minute=0, second=0, microsecond=0)


@pytest.mark.parametrize(
    ("mode", "shown"),
    [("exact", {"vehicle_id", "cad_incident_id"}), ("shifted", {"vehicle_id"}), ("safe_harbor", set())],
)
def test_references_that_would_undo_a_mode_are_not_shown_in_it(mode: Mode, shown: set[str]) -> None:
    view = golden.projection(golden.encounter(MINIMAL), mode=mode).view
    assert view.keys() & {"vehicle_id", "cad_incident_id"} == shown


@pytest.mark.parametrize(
    "value",
    [
        *("0000", "00000000", "9999999", "123", "1234567890", "000000A", " "),
        *("UNKNOWN", "n/a", "un-known", "not known", "sconosciuto", "non disponibile", "refused", "John Doe"),
    ],
)
def test_what_is_typed_where_a_number_is_not_known_makes_no_two_patients_one(value: str) -> None:
    unknown = [PatientIdentifier(system="mrn", value=value)]
    assert not any(one.is_long for one in KEYS.numbers(KEYS.current, "org", unknown))
    assert KEYS.basis_of_encounter(1, "org", "enc_1") != KEYS.basis_of_encounter(1, "org", "enc_2")


def test_a_patients_number_is_known_however_it_is_written() -> None:
    def number(system: str, value: str, tenant: str = "org") -> bytes:
        [one] = KEYS.numbers(KEYS.current, tenant, [PatientIdentifier(system=system, value=value)])
        return one.digest

    tax_code = "http://hl7.it/sid/codiceFiscale"
    assert number(tax_code, "RSSMRA85M01H501Q") == number("codice fiscale", "rssmra 85m01 h501q")
    assert number("MRN", "884217A") == number("mrn", "884217A")
    assert number("MRN", "884-21 7 a") != number("mrn", "884217A")
    assert number("MRN", "884217A") != number("NHS", "884217A")
    assert number("MRN", "884217A") != number("MRN", "884217A", "other")


@pytest.mark.parametrize("text", ["", "1:abc", "x:" + "A" * 43, "1:" + "A" * 43 + ",1:" + "B" * 43, "0:" + "A" * 43])
def test_malformed_keys_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="base64url"):
        Pseudonyms.from_text(text)


def test_the_producers_golden_app_is_understood(organisation: Organisation, inside: Inside) -> None:
    golden_app = Path(__file__).parents[1] / "messages" / "epcr.app_changed.v1.json"
    inside.receive(organisation.id, msgspec.json.decode(golden_app.read_bytes(), type=ClinicalApp))
    query = "SELECT client_id, version, status, pseudonym_domain, deidentification FROM apps WHERE tenant_id = %s"
    told = msgspec.json.decode(golden_app.read_bytes(), type=ClinicalApp)
    assert inside.rows(query, organisation.id) == [msgspec.structs.astuple(told)]


def identifiers(bundle: dict[str, Any]) -> set[str]:
    return {entry["fullUrl"] for entry in bundle["entry"]}


def test_two_partners_share_no_identifier_of_the_same_encounter(organisation: Organisation, inside: Inside) -> None:
    id = organisation.partner.create(**TYPICAL)
    inside.receive(organisation.id, recorded(id, spo2()))
    one, another = organisation.partner.bundle(id), organisation.hospital.bundle(id)
    assert not identifiers(one) & identifiers(another)
    assert organisation.partner.read(id)["patient"]["id"] != organisation.hospital.read(id)["patient"]["id"]
    assert f"urn:uuid:{organisation.partner.read(id)['patient']['id']}" in identifiers(one)


def test_apps_that_share_a_domain_share_pseudonyms(organisation: Organisation, inside: Inside) -> None:
    id = organisation.partner.create(**TYPICAL)
    for client in (organisation.partner, organisation.hospital):
        inside.receive(organisation.id, app_changed(client.caller.client_id, pseudonym_domain="region"))
    assert organisation.partner.bundle(id) == organisation.hospital.bundle(id)


def test_a_patient_met_twice_has_one_pseudonym(organisation: Organisation) -> None:
    first, second = (organisation.partner.create(patient=PATIENT) for _ in range(2))
    stranger = organisation.partner.create(patient={"sex": "female"})
    seen = [organisation.hospital.read(id)["patient"]["id"] for id in (first, second, stranger)]
    assert (seen[0] == seen[1], seen[0] == seen[2]) == (True, False)


def test_a_patient_keeps_the_pseudonym_it_was_first_shown_under(organisation: Organisation) -> None:
    id = organisation.partner.create()
    assert "patient" not in organisation.hospital.read(id)
    before = organisation.hospital.bundle(id)["entry"][0]["fullUrl"]
    organisation.crew.write(id, {"patient": PATIENT})
    assert organisation.hospital.bundle(id)["entry"][0]["fullUrl"] == before
    not_shown = organisation.partner.create()
    organisation.hospital.read(not_shown)
    organisation.crew.write(not_shown, {"patient": PATIENT})
    known = organisation.partner.create(patient=PATIENT)
    assert organisation.hospital.read(not_shown)["patient"]["id"] == organisation.hospital.read(known)["patient"]["id"]


def test_first_readers_at_once_see_one_pseudonym(organisation: Organisation) -> None:
    id = organisation.partner.create()
    organisation.crew.write(id, {"patient": {"sex": "female"}})
    with ThreadPoolExecutor(8) as pool:
        seen = list(pool.map(lambda _: organisation.hospital.read(id)["patient"]["id"], range(8)))
    assert len(set(seen)) == 1
    assert organisation.hospital.bundle(id)["entry"][0]["fullUrl"] == f"urn:uuid:{seen[0]}"


def test_a_new_key_changes_no_pseudonym_that_was_given_out(organisation: Organisation, start_app: StartApp) -> None:
    id = organisation.partner.create(**TYPICAL)
    before = organisation.hospital.bundle(id)
    new = f"2:{base64url_encode(bytes(range(2, 34)))}"
    with start_app(pseudonym_keys=f"{new},{PSEUDONYM_KEYS}") as http:
        hospital = Client(http, organisation.id, "argus:epcr:write")
        hospital.caller = organisation.hospital.caller
        assert hospital.bundle(id) == before
        fresh = Client(http, organisation.id, "argus:epcr:write").create()
        system = hospital.bundle(fresh)["entry"][0]["resource"]["identifier"][0]["system"]
        assert system.startswith("https://knogin.com/fhir/pseudonyms/2/")


def test_a_new_key_changes_no_pseudonym_of_an_entry_shown_before_its_patient(
    organisation: Organisation, start_app: StartApp
) -> None:
    id = organisation.partner.create(vital_signs=TYPICAL["vital_signs"])
    before = organisation.hospital.read(id)
    with start_app(pseudonym_keys=f"2:{base64url_encode(bytes(range(2, 34)))},{PSEUDONYM_KEYS}") as http:
        hospital = Client(http, organisation.id)
        hospital.caller = organisation.hospital.caller
        assert hospital.read(id) == before
        assert "/pseudonyms/1/" in hospital.bundle(id)["entry"][0]["resource"]["identifier"][0]["system"]


@given(st.uuids(), WORDS, WORDS)
@UNHURRIED
def test_an_alias_leads_back_to_its_encounter_for_its_own_partner_alone(
    number: uuid.UUID, tenant: str, partner: str
) -> None:
    id = ids.id_of("enc", number)
    alias = KEYS.domain(1, tenant, partner).alias(id)
    assert ids.is_id(alias, "enc")
    assert alias != id
    assert KEYS.ids_of(tenant, partner, "exact", alias) == [id]
    assert KEYS.ids_of(tenant, partner + "x", "exact", alias) != [id]
    assert KEYS.ids_of(tenant, partner, "shifted", alias) != [id]


@pytest.mark.parametrize("mode", ["shifted", "safe_harbor"])
def test_nothing_an_app_learns_of_moved_times_says_when_an_encounter_was_made(
    organisation: Organisation, inside: Inside, years_later: None, mode: Mode
) -> None:
    """An id holds the millisecond it was made in; with it a moved time could be moved back."""
    made = [organisation.partner.create(**TYPICAL) for _ in range(3)]
    hospital = organisation.hospital
    inside.receive(organisation.id, app_changed(hospital.caller.client_id, deidentification=mode))
    seen: list[str] = []
    cursor: str | None = None
    while cursor or not seen:
        answer = hospital.get(ENCOUNTERS, params={"limit": 1} | ({"cursor": cursor} if cursor else {}))
        assert not [id for id in made if id in answer.text + str(answer.headers)]
        seen += [one["id"] for one in answer.json()["encounters"]]
        cursor = answer.json()["next_cursor"]
        assert not cursor or not any(id.encode() in base64url_decode(cursor) for id in made)
    assert len(set(seen)) == 3
    for alias in seen:
        assert hospital.read(alias)["id"] == alias
        assert hospital.bundle(alias)
        assert organisation.partner.get(f"{ENCOUNTERS}/{alias}").status_code == 404
    for id in made:
        assert hospital.get(f"{ENCOUNTERS}/{id}").status_code == 404
        assert hospital.get(f"{ENCOUNTERS}/{id}/fhir-bundle").status_code == 404


def test_an_alias_and_a_cursor_are_of_no_use_to_others(
    organisation: Organisation, other: Organisation, inside: Inside, years_later: None
) -> None:
    for _ in range(2):
        organisation.partner.create(**TYPICAL)
    client = organisation.hospital.caller.client_id
    inside.receive(organisation.id, app_changed(client, 1, deidentification="shifted"))
    page = organisation.hospital.get(ENCOUNTERS, params={"limit": 1}).json()
    assert other.hospital.get(f"{ENCOUNTERS}/{page['encounters'][0]['id']}").status_code == 404
    assert other.hospital.get(ENCOUNTERS, params={"cursor": page["next_cursor"]}).status_code == 422
    inside.receive(organisation.id, app_changed(client, 2, deidentification="exact"))
    assert organisation.hospital.get(ENCOUNTERS, params={"cursor": page["next_cursor"]}).status_code == 422
    assert organisation.hospital.get(f"{ENCOUNTERS}/{page['encounters'][0]['id']}").status_code == 404


@pytest.mark.parametrize("mode", ["shifted", "safe_harbor"])
def test_an_incident_that_is_not_shown_cannot_be_asked_for(
    organisation: Organisation, inside: Inside, mode: Mode
) -> None:
    incident = organisation.partner.read(organisation.partner.create())["cad_incident_id"]
    inside.receive(organisation.id, app_changed(organisation.hospital.caller.client_id, deidentification=mode))
    for name, asked in (("cad_incident_id", incident), ("cad_incident_id", "cad_of_nobody"), ("vehicle_id", "AMB-42")):
        refused = organisation.hospital.get("/api/v1/epcr/encounters", params={name: asked})
        assert refused.status_code == 422
        assert [error["pointer"] for error in refused.json()["errors"]] == [name]
    assert organisation.hospital.get("/api/v1/epcr/encounters").status_code == 200


def test_a_tenant_chooses_how_an_app_sees_times(organisation: Organisation, inside: Inside, years_later: None) -> None:
    id = organisation.partner.create(**TYPICAL)
    hospital, client = organisation.hospital, organisation.hospital.caller.client_id
    exact = hospital.read(id)
    known = {"if-none-match": hospital.get(f"{ENCOUNTERS}/{id}/fhir-bundle").headers["etag"]}
    inside.receive(organisation.id, app_changed(client, 2, deidentification="shifted"))
    [listed] = hospital.get(ENCOUNTERS).json()["encounters"]
    shifted = hospital.read(listed["id"])
    assert shifted["times"]["call"] != exact["times"]["call"]
    assert hospital.get(f"{ENCOUNTERS}/{listed['id']}/fhir-bundle", headers=known).status_code == 200
    assert "cad_incident_id" not in shifted
    inside.receive(organisation.id, app_changed(client, 3, deidentification="safe_harbor"))
    [listed] = hospital.get(ENCOUNTERS).json()["encounters"]
    harboured = hospital.read(listed["id"])
    assert harboured["times"]["call"] == "2026-01-01T12:00:00Z"
    assert "vehicle_id" not in harboured
    inside.receive(organisation.id, app_changed(client, 1, deidentification="exact"))
    assert hospital.read(listed["id"]) == harboured
    assert listed == {name: value for name, value in harboured.items() if name in listed}
    assert organisation.partner.read(id)["times"] == TYPICAL["times"]
