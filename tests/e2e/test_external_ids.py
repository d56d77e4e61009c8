"""Ids from outside: one that looks like another is refused wherever it is sent, over HTTP."""

import copy
import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any, NamedTuple, get_args, get_origin

import httpx2
import msgspec
import pytest

from deploy.docs.contract import PARTS
from services import graphql_api
from services.epcr import routes as epcr
from shared.primitives.ids import new_id
from shared.web.external_ids import IS_ID
from shared.web.identity import Caller
from shared.web.routing import AnyOf
from tests.epcr.samples import MINIMAL
from tests.support.plain import PLAIN
from tests.support.stack import Stack
from tests.support.waiting import wait_for

BUNDLES = Path(graphql_api.__file__ or "").parent / "bundles"
# Each value, and the character that its refusal names. NUL and half a surrogate pair are refused in every text.
BAD = {
    "x\n": "U+000A",
    "\nx": "U+000A",
    "x\ty": "U+0009",
    "x\x7f": "U+007F",
    "x\x85": "U+0085",
    "x\xa0y": "U+00A0",
    "x\xady": "U+00AD",
    "x\u034fy": "U+034F",
    "x\u0378y": "U+0378",
    "x\u061cy": "U+061C",
    "x\u1680y": "U+1680",
    "x\u200by": "U+200B",
    "x\u200d": "U+200D",
    "\u200fx": "U+200F",
    "x\u2028y": "U+2028",
    "\u202ex": "U+202E",
    "\u2066x\u2069": "U+2066",
    "x\u2800": "U+2800",
    "x\u3000y": "U+3000",
    "\u3164": "U+3164",
    "x\ue000": "U+E000",
    "x\ufe0f": "U+FE0F",
    "\ufeffx": "U+FEFF",
    "x\U000e0041": "U+E0041",
    "x\U0010fffd": "U+10FFFD",
    " x": "U+0020",
    "x ": "U+0020",
    " ": "U+0020",
    "e\u0301": "U+0301",
    "\u212b": "U+212B",
    "q\u0307\u0323": "U+0323",
    "x\0": "NUL",
    "x\ud800": "surrogate",
}
GOOD = ("AMB-42", "Dún Laoghaire 2", "救急  1", "a:b/c=d~e|f")
IDENTIFIERS = {"patient": {"identifiers": [{"system": "s", "value": "v"}]}}
CREW = {"crew_ids": ["usr_1"], "crew": [{"id": "usr_1"}]}
AGENT = {"name": "Agent", "vehicle_id": "AMB-42"}
DESTINATION = {"name": "Hospital", "code": "1", "code_system": "urn:oid:1.2.3", "type": "emergency_department"}


class Field(NamedTuple):
    """A place for an external id: a call, a body without fault, and the pointer, or the name of a parameter."""

    method: str
    path: str
    place: str
    body: Any = None


def of(method: str, path: str, body: dict[str, Any], *places: str) -> list[Field]:
    return [Field(method, path, place, body) for place in places]


ENCOUNTERS, RECORD = "/api/v1/epcr/encounters", "/api/v1/epcr/records/{encounter_id}"
DEVICES, AGENTS = "/api/v1/devices", "/api/v1/platform/agents"
PATIENT = ("/patient/identifiers/0/system", "/patient/identifiers/0/value")
FIELDS = [
    *of("POST", ENCOUNTERS, MINIMAL | CREW | IDENTIFIERS, "/vehicle_id", "/cad_incident_id", "/crew_ids/0"),
    *of("POST", ENCOUNTERS, MINIMAL | CREW | IDENTIFIERS, "/crew/0/id", *PATIENT),
    *of("PATCH", RECORD, CREW | IDENTIFIERS, "/crew_ids/0", "/crew/0/id", *PATIENT),
    Field("GET", ENCOUNTERS, "cad_incident_id"),
    Field("GET", ENCOUNTERS, "vehicle_id"),
    *of("POST", "/api/v1/epcr/destinations", DESTINATION | {"agreement": "DSA"}, "/agreement"),
    *of("PATCH", "/api/v1/epcr/destinations/{destination_id}", {"agreement": "DSA"}, "/agreement"),
    *of("PUT", "/api/v1/epcr/sender", {"name": "118", "person_systems": ["urn:x"]}, "/person_systems/0"),
    *of("POST", ENCOUNTERS + "/{encounter_id}/outcome", {"visit_number": "V1"}, "/visit_number"),
    *of("POST", f"{DEVICES}/enrol", {"serial_number": "S", "vehicle_id": "V"}, "/serial_number", "/vehicle_id"),
    *of("PATCH", DEVICES + "/{device_id}", {"vehicle_id": "V"}, "/vehicle_id"),
    Field("GET", DEVICES, "vehicle_id"),
    *of("POST", AGENTS, AGENT, "/vehicle_id"),
    *of("PATCH", AGENTS + "/{agent_id}", {"vehicle_id": "V"}, "/vehicle_id"),
    Field("GET", AGENTS, "vehicle_id"),
    *of("PATCH", "/v1/platform/apps/{client_id}/governance", {"pseudonym_domain": "d"}, "/pseudonym_domain"),
]
INCIDENT = {"type": "medical", "priority": "high", "units": ["AMB-42"], "cadIncidentId": "cad_1"}
OF_ONE = {"id": new_id("inc"), "expectedVersion": 1}
# By approved document: variables without fault, and the pointers.
DOCUMENTS: list[tuple[str, str, dict[str, Any], tuple[str, ...]]] = [
    ("incident-management", "CreateIncident", {"input": INCIDENT}, ("/input/cadIncidentId", "/input/units/0")),
    ("incident-management", "UpdateIncident", OF_ONE | {"input": {"units": ["AMB-42"]}}, ("/input/units/0",)),
    ("incident-management", "ListIncidents", {"filter": {"cadIncidentId": "cad_1"}}, ("/filter/cadIncidentId",)),
    (
        "telephony-admin",
        "CreateTelephonyProvider",
        {
            "input": {
                "name": "P",
                "carrier": {"sip": {"host": "sip.example.com", "username": "u", "password": "secret"}},
            }
        },
        ("/input/name",),
    ),
]


@pytest.mark.full
def test_an_external_id_that_looks_like_another_is_refused_in_every_field(stack: Stack) -> None:
    found = list(_unlisted())
    with ExitStack() as opened:
        callers = _Callers(stack, opened)
        for field in FIELDS:
            for value, named in BAD.items():
                if value == "x\ud800" and field.method == "GET":  # no query holds one
                    continue
                answer = callers.send(field, value)
                found += [f"{field.method} {field.path} {one}" for one in _faults(answer, field.place, value, named)]
            for value in GOOD:
                answer = callers.send(field, value)
                errors = answer.json().get("errors", []) if answer.status_code == 422 else []
                if "text" in {error["code"] for error in errors} or answer.status_code >= 500:
                    found.append(f"{field.method} {field.path} {field.place} {value!r}: {answer.text}")
        found += _of_documents(callers)
        found += _of_fhir(callers)
    assert not found, "\n".join(found[:100])


def test_an_incident_and_a_device_have_no_invisible_twin(stack: Stack) -> None:
    with stack.client("api", stack.app_token("argus:epcr:write", "argus:devices:write")) as api:
        incident, serial = new_id("cad"), new_id("sn")
        assert api.post(ENCOUNTERS, json=MINIMAL | {"cad_incident_id": incident}).status_code == 201
        assert api.post(f"{DEVICES}/enrol", json={"serial_number": serial, "device_class": "bp"}).status_code == 201
        for value in BAD:
            twin = value.replace("x", "", 1)
            for id, path, body in (
                (incident, ENCOUNTERS, MINIMAL | {"cad_incident_id": incident + twin}),
                (serial, f"{DEVICES}/enrol", {"serial_number": serial + twin, "device_class": "bp"}),
            ):
                answer = api.post(path, content=json.dumps(body), headers={"content-type": "application/json"})
                assert answer.status_code == 422, (id, twin, answer.text)
        found = api.get(ENCOUNTERS, params={"cad_incident_id": incident}).json()["encounters"]
        assert [one["cad_incident_id"] for one in found] == [incident]


class _Callers:
    """Clients of the gateway by the scope of a call; of the crew's own application past it."""

    def __init__(self, stack: Stack, opened: ExitStack) -> None:
        self.stack = stack
        app = stack.register_app(["argus:incidents:write", "argus:telephony:write"])
        stack.govern(app, graphql_bundles=["incident-management", "telephony-admin"])
        self.app_id = app.client_id
        scopes = ["argus:epcr:write", "argus:devices:write", "argus:platform:write", "argus:epcr:outcome"]
        self.api = opened.enter_context(stack.client("api", stack.app_token(*scopes)))
        self.admin = opened.enter_context(stack.client("auth", stack.admin_token))
        self.graphql = opened.enter_context(
            stack.client("api", stack.token(app, "argus:incidents:write argus:telephony:write"))
        )

    def send(self, field: Field, value: str) -> httpx2.Response:
        ids = {"client_id": self.app_id, "encounter_id": new_id("enc"), "device_id": new_id("dev")}
        path = field.path.format(**ids, agent_id=new_id("agt"), destination_id=new_id("dst"))
        if field.method == "GET":
            return self.api.get(path, params={field.place: value})
        body = with_value(field.body, field.place, value)
        if field.path == RECORD:
            return self._of_crew(path, body)
        of_administrator = any(part in path for part in ("/destinations", "/epcr/sender", "/platform/apps/"))
        return _sent(self.admin if of_administrator else self.api, field.method, path, body)

    def _of_crew(self, path: str, body: Any) -> httpx2.Response:
        scopes = frozenset({"argus:epcr:clinical"})
        caller = Caller(tenant_id=self.stack.tenant.id, client_id="app_crew", scopes=scopes, token_use="access")
        headers = self.stack.identity(caller, "epcr")
        url = self.stack.service_url("epcr")
        with httpx2.Client(base_url=url, headers=headers, trust_env=False, verify=PLAIN) as crew:
            return _sent(crew, "PATCH", path, body)


def _sent(client: httpx2.Client, method: str, path: str, body: Any) -> httpx2.Response:
    """In ASCII, so that half a surrogate pair can be sent."""
    return client.request(method, path, content=json.dumps(body), headers={"content-type": "application/json"})


def with_value(body: Any, pointer: str, value: str) -> Any:
    made = copy.deepcopy(body)
    *steps, last = [int(step) if step.isdigit() else step for step in pointer.split("/")[1:]]
    place = made
    for step in steps:
        place = place[step]
    place[last] = value
    return made


def _faults(answer: httpx2.Response, place: str, value: str, named: str) -> Iterator[str]:
    if answer.status_code != 422:
        yield f"{place} {value!a}: {answer.status_code} {answer.text[:200]}"
        return
    errors = [error for error in answer.json().get("errors", []) if error["pointer"] == place]
    if not any(error["code"] == "text" and named in error["detail"] for error in errors):
        yield f"{place} {value!a}: {answer.text}"
    if len(value) > 1 and value in answer.json()["detail"] + str(errors):
        yield f"{place} {value!a}: the answer repeats the value"


def _of_documents(callers: _Callers) -> Iterator[str]:
    for bundle, name, variables, places in DOCUMENTS:
        document = (BUNDLES / bundle / f"{name}.graphql").read_text()

        def ask(place: str, value: str, document: str = document, variables: Any = variables) -> httpx2.Response:
            asked = {"query": document, "variables": with_value(variables, place, value)}
            return _sent(callers.graphql, "POST", "/graphql", asked)

        wait_for(
            lambda ask=ask, place=places[0]: "NOT_APPROVED" not in ask(place, " ").text, what="the grant of a bundle"
        )
        for place in places:
            for value, character in BAD.items():
                answer = ask(place, value)
                if character in ("NUL", "surrogate"):  # refused with the whole body
                    yield from _faults(answer, f"/variables{place}", value, character)
                    continue
                errors = [fault for error in answer.json().get("errors", []) for fault in _listed(error)]
                here = [one for one in errors if one["pointer"] == place and one.get("code") == "text"]
                if not any(character in one["detail"] for one in here):
                    yield f"{name} {place} {value!a}: {answer.text}"
            for value in GOOD:
                answer = ask(place, value)
                if any(
                    fault["pointer"] == place for error in answer.json().get("errors", []) for fault in _listed(error)
                ):
                    yield f"{name} {place} {value!r}: {answer.text}"


def _listed(error: Any) -> list[Any]:
    return error["extensions"].get("errors", [])


def _of_fhir(callers: _Callers) -> Iterator[str]:
    """A visit number in a FHIR bundle is named where the hospital wrote it."""
    for value, named in BAD.items():
        encounter = {
            "resourceType": "Encounter",
            "class": {"code": "EMER"},
            "status": "finished",
            "identifier": [{"system": "urn:oid:1.2.3", "value": value}],
        }
        body = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": encounter}]}
        answer = callers.api.request(
            "POST",
            f"{ENCOUNTERS}/{new_id('enc')}/outcome-bundle",
            content=json.dumps(body),
            headers={"content-type": "application/fhir+json"},
        )
        named = "is blank" if value == " " else named
        if answer.status_code != 422 or named not in answer.text or '"/entry/0/resource' not in answer.text:
            yield f"a visit number in FHIR {value!a}: {answer.status_code} {answer.text}"


def _unlisted() -> Iterator[str]:
    """The places for external ids in the calls of all services that FIELDS lacks, and places in it that are none any more."""
    listed = {(field.method, field.path, field.place) for field in FIELDS}
    known: set[tuple[str, str, str]] = set()
    for operation in (operation for part in (*PARTS, epcr.CREW) for operation in part.operations):
        bodies = operation.body.kinds if isinstance(operation.body, AnyOf) else (operation.body,)
        known |= {(operation.method, operation.path, place) for body in bodies for place in _places(body)}
        known |= {(operation.method, operation.path, place[1:]) for place in _places(operation.query)}
    yield from (f"FIELDS lacks {place}" for place in sorted(known - listed))
    yield from (f"no external id: {place}" for place in sorted(listed - known))


def _places(kind: Any, seen: frozenset[Any] = frozenset()) -> Iterable[str]:
    if get_origin(kind) is Annotated:
        base, *metas = get_args(kind)
        if any(IS_ID in (meta.extra or {}) for meta in metas if isinstance(meta, msgspec.Meta)):
            yield ""
        yield from _places(base, seen)
    elif isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind not in seen:
        for field in msgspec.structs.fields(kind):
            yield from (f"/{field.encode_name}{rest}" for rest in _places(field.type, seen | {kind}))
    else:
        prefix = "/0" if get_origin(kind) is list else ""
        yield from (prefix + rest for part in get_args(kind) for rest in _places(part, seen))
