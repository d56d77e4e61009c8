"""Every metric that a device may send, from its own call to each form of the bundle and of the handover, over HTTP."""

import itertools
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import fhirkit
import httpx2
import pytest

from services.epcr.encounters.facts import METRICS
from services.epcr.fhir.encode import faults
from shared.primitives.ids import new_id
from shared.web.identity import Caller
from tests.epcr.samples import MINIMAL
from tests.support import measured
from tests.support.measured import Measured
from tests.support.plain import PLAIN
from tests.support.stack import Stack
from tests.support.waiting import wait_for

pytestmark = pytest.mark.full

ENCOUNTERS = "/api/v1/epcr/encounters"
DEVICES = "/api/v1/devices"
MDC, LOINC = "urn:iso:std:iso:11073:10101", "http://loinc.org"
PANEL = "85354-9"
# Systolic, diastolic and mean, in millimetres of mercury or absent, are components of a panel (R4, bp).
PARTS = frozenset({"8480-6", "8462-4", "8478-0"})
# R4's vital signs fix these units.
IN_FHIR = dict.fromkeys(("{beat}/min", "{beats}/min", "{breath}/min", "{breaths}/min"), ("/min", 0)) | {"m": ("cm", 2)}


class Sent(NamedTuple):
    """A reading as it was sent, and when it was observed."""

    one: Measured
    at: datetime

    @property
    def is_part(self) -> bool:
        of_pressure = bool(PARTS & set(self.one.row["loinc"].split("|")))
        return of_pressure and self.one.unit in (None, "mm[Hg]")

    @property
    def name(self) -> str:
        return f"{self.one.refid} {self.one.value} {self.one.unit} {self.one.reason}"


def test_every_metric_is_in_every_form_of_the_bundle_and_of_the_handover(stack: Stack) -> None:
    faults_found: list[str] = []
    hospital_app = stack.register_app(["argus:epcr:handover"])
    with ExitStack() as opened:
        api = opened.enter_context(stack.client("api", stack.app_token("argus:epcr:write", "argus:devices:write")))
        admin = opened.enter_context(stack.client("api", stack.admin_token))
        hospital = opened.enter_context(stack.client("api", stack.token(hospital_app, "argus:epcr:handover")))
        devices = {name: _enrolled(api, name) for name in sorted({row.device_class for row in measured.everything()})}
        faults_found += _refusals(api, devices)
        destination = _destination(admin, hospital_app.client_id)
        everything = measured.everything()
        valued = [one for one in everything if one.value is not None and not one.is_flagged]
        absent = [one for one in everything if one.value is None and one.unit is None]
        for content in ([*valued, *absent], everything):
            encounter = f"{ENCOUNTERS}/{_opened(api)}"
            sent = _sent(api, devices, encounter.rpartition("/")[2], content)
            admin.put(f"{encounter}/destination", json={"destination_id": destination}).raise_for_status()
            faults_found += _of_bundles(api, encounter, sent)
            with _crew(stack) as crew:
                faults_found += _of_views(api, crew, encounter)
            faults_found += _of_handovers(hospital, encounter, sent)
    assert not faults_found, "\n".join(faults_found[:200])


def _crew(stack: Stack) -> httpx2.Client:
    """The crew's own application, past the gateway."""
    scopes = frozenset({"argus:epcr:clinical"})
    caller = Caller(tenant_id=stack.tenant.id, client_id="app_crew", scopes=scopes, token_use="access")
    headers = stack.identity(caller, "epcr")
    return httpx2.Client(base_url=stack.service_url("epcr"), headers=headers, trust_env=False, verify=PLAIN, timeout=30)


def _enrolled(api: httpx2.Client, device_class: str) -> str:
    """A new device's path."""
    answer = api.post(f"{DEVICES}/enrol", json={"serial_number": new_id("sn"), "device_class": device_class})
    assert answer.status_code == 201, answer.text
    return answer.headers["location"]


def _opened(api: httpx2.Client) -> str:
    answer = api.post(ENCOUNTERS, json=MINIMAL | {"cad_incident_id": new_id("cad")})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def _destination(admin: httpx2.Client, client_id: str) -> str:
    draft = {
        "name": "Hospital",
        "code": new_id("h")[-12:],
        "code_system": "urn:oid:1.2.372.980010.2.1",
        "type": "emergency_department",
        "client_id": client_id,
        "legal_basis": "provision_of_care",
    }
    made = wait_for(
        lambda: one if (one := admin.post("/api/v1/epcr/destinations", json=draft)).status_code == 201 else None,
        what="the app to be known",
    )
    return made.json()["id"]


def _refusals(api: httpx2.Client, devices: Mapping[str, str]) -> Iterator[str]:
    for one in measured.refused():
        answer = api.post(f"{devices[one.device_class]}/observations", json=one.body())
        pointers = [error["pointer"] for error in answer.json().get("errors", [])]
        if answer.status_code != 422 or "/mdc_code" not in pointers:
            yield f"{one.refid} ({one.row['accept']}): {answer.status_code} {pointers}"


def _sent(api: httpx2.Client, devices: Mapping[str, str], encounter_id: str, content: list[Measured]) -> list[Sent]:
    """Each at a second of its own, but the parts of one pressure in one unit together; waits until all are linked."""
    began = (datetime.now(UTC) - timedelta(hours=3)).replace(microsecond=0)
    seconds, together, sent = itertools.count(), dict[Any, datetime](), list[Sent]()
    locations: list[str] = []
    for one in content:
        family = one.refid.rpartition("_")[0], one.value is None, one.unit, one.reason, one.is_flagged
        at = together.setdefault(family, began + timedelta(seconds=next(seconds)))
        if at in {other.at for other in sent if other.one.refid == one.refid} or not Sent(one, at).is_part:
            at = began + timedelta(seconds=next(seconds))
        body = one.body() | {"encounter_id": encounter_id, "observed_at": at.isoformat()}
        answer = api.post(f"{devices[one.device_class]}/observations", json=body)
        assert answer.status_code == 201, (one.refid, answer.text)
        assert answer.json()["flags"] == (["out-of-range"] if one.is_flagged else []), one
        locations.append(answer.headers["location"])
        sent.append(Sent(one, at))
    for location in locations:
        wait_for(lambda path=location: api.get(path).json()["encounter_link"] == "linked", what="the link of a reading")
    return sent


def _of_bundles(api: httpx2.Client, encounter: str, sent: list[Sent]) -> Iterator[str]:
    bundle, fhir = f"{encounter}/fhir-bundle", {"accept": "application/fhir+json"}
    whole: bytes | None = None
    for readings, split in itertools.product((None, "all", "summary", "none"), (None, 40)):
        asked = {name: value for name, value in (("readings", readings), ("max_entries", split)) if value is not None}
        form = f"{len(sent)} readings, {asked}"
        try:
            answer = api.get(bundle, params=asked)
            same = [
                api.get(encounter, params=asked | {"format": "fhir"}),
                api.get(encounter, params=asked, headers=fhir),
            ]
        except AssertionError as error:  # a status that the contract does not describe
            yield f"{form}: {error}"
            continue
        whole = answer.content if whole is None else whole
        if any(one.content != answer.content for one in same):
            yield f"{form}: the roads to one bundle differ"
        if readings in (None, "all") and split is None and answer.content != whole:
            yield f"{form}: not the default form"
        entries: list[Any] = []
        for part in _parsed(answer)["bundles"] if split else [_parsed(answer)]:
            yield from (f"{form}: {reason}" for reason in _objections(part))
            entries += part["entry"]
        yield from (f"{form}: {missing}" for missing in _missing(_resources(entries), sent, readings or "all"))


def _of_views(api: httpx2.Client, crew: httpx2.Client, encounter: str) -> Iterator[str]:
    record = encounter.replace("/encounters/", "/records/")
    for client, method, path in (
        (api, "GET", encounter),
        (api, "HEAD", f"{encounter}/fhir-bundle"),
        (crew, "GET", record),
    ):
        try:
            status = client.request(method, path).status_code
        except AssertionError as error:
            yield str(error)
        else:
            yield from [f"{method} {path}: {status}"] if status != 200 else []


def _of_handovers(hospital: httpx2.Client, encounter: str, sent: list[Sent]) -> Iterator[str]:
    """It shows the extremes of the metrics that matter: of one reading in range, that one."""
    shown = {refid for refids in METRICS.values() for refid in refids}
    extremes = [one for one in sent if one.one.refid in shown and one.one.value is not None and not one.one.is_flagged]
    assert len({one.one.refid for one in extremes}) == len(shown & {one.one.refid for one in sent}) > 30
    for form, language in itertools.product(("json", "document", "transaction", "pdf"), ("en", "it")):
        try:
            answer = hospital.get(f"{encounter}/handover", params={"format": form, "language": language})
        except AssertionError as error:
            yield f"handover {form} {language}: {error}"
            continue
        if answer.status_code != 200:
            yield f"{len(sent)} readings, handover {form} {language}: {answer.status_code}"
        elif form == "pdf":
            yield from [] if answer.content.startswith(b"%PDF-") else ["handover pdf: none"]
        elif form != "json":
            made = _parsed(answer)
            yield from (f"handover {form}: {reason}" for reason in _objections(made))
            yield from (
                f"handover {form}: {missing}" for missing in _missing(_resources(made["entry"]), extremes, "all")
            )


def _parsed(answer: httpx2.Response) -> Any:
    return json.loads(answer.text, parse_float=Decimal)


def _objections(bundle: Any) -> list[str]:
    plain = json.dumps(bundle, default=float)
    return [*faults(json.loads(plain)), *(str(issue) for issue in fhirkit.validate(plain))]


def _resources(entries: list[Any]) -> dict[str, list[Any]]:
    """The Observations of devices by their MDC codes, and panels by those of their components."""
    found: dict[str, list[Any]] = defaultdict(list)
    for resource in (entry["resource"] for entry in entries):
        if resource["resourceType"] != "Observation" or "device" not in resource:
            continue
        for coded in (resource, *resource.get("component", [])):
            for coding in coded["code"]["coding"]:
                if coding.get("system") == MDC:
                    found[coding["code"]].append((resource, coded))
    return found


def _missing(found: Mapping[str, list[Any]], sent: list[Sent], readings: str) -> Iterator[str]:
    if readings == "none":
        yield from [f"{len(found)} codes of devices"] if found else []
        return
    for reading in sent:
        of_code = found.get(reading.one.row["code10"], [])
        if readings == "summary":
            if reading.one.unit is not None and not any(_in_series(reading, resource) for resource, _ in of_code):
                yield f"{reading.name}: in no series"
        elif not any(_is_shown(reading, resource, coded) for resource, coded in of_code):
            yield f"{reading.name}: missing among {len(of_code)} of its code"


def _in_series(reading: Sent, resource: Any) -> bool:
    one = reading.one
    unit, places = IN_FHIR.get(one.unit or "", (one.unit, 0))
    data = resource["valueSampledData"]
    values = [Decimal(value) for value in data["data"].split(" ") if value != "E"]
    return data["origin"]["code"] == unit and (one.value is None or one.value.scaleb(places) in values)


def _is_shown(reading: Sent, resource: Any, coded: Any) -> bool:
    one = reading.one
    if datetime.fromisoformat(resource["effectiveDateTime"]) != reading.at:
        return False
    if reading.is_part:
        panel = PANEL in {coding["code"] for coding in resource["code"]["coding"] if coding.get("system") == LOINC}
        both = {code for part in resource["component"] for code in _loinc(part)} >= {"8480-6", "8462-4"}
        if coded is resource or not panel or not both or not PARTS & _loinc(coded):
            return False
    tags = {tag["code"] for tag in resource["meta"].get("tag", [])}
    if one.is_flagged != ("out-of-range" in tags):
        return False
    if one.value is None:
        return one.reason in {coding["code"] for coding in coded["dataAbsentReason"]["coding"]}
    unit, places = IN_FHIR.get(one.unit or "", (one.unit, 0))
    quantity = coded.get("valueQuantity", {})
    return (quantity.get("value"), quantity.get("code")) == (one.value.scaleb(places), unit)


def _loinc(coded: Any) -> set[str]:
    return {coding["code"] for coding in coded["code"]["coding"] if coding.get("system") == LOINC}
