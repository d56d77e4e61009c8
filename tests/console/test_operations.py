"""Pages of operations: their content, and the content that they keep from view."""

import json
import re
from contextlib import closing
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx2
import pytest
from starlette.requests import Request

from services.console.operations import addresses, contact, views
from services.console.operations.models import Observation
from tests.console.answers.audit import entry
from tests.console.answers.operations import INCIDENT, devices, graphql, readings
from tests.console.conftest import Console
from tests.console.platform import Answer, Person

DEVICE = "/operations/devices/dev_01m88d0r19fjx8kh51pg6tdnvk"
ENCOUNTER = "/operations/encounters/enc_01m88d0qxrfeab348dr2e8tvkd"
VEHICLE = "/operations/vehicles/AMB-42"
NOW = datetime(2026, 11, 27, 10, tzinfo=UTC)
BUNDLES = Path("services/graphql_api/bundles")


def read(console: Console, path: str, *scopes: str, query: dict[str, str] | None = None) -> httpx2.Response:
    person = Person(scopes=scopes) if scopes else None
    with closing(console.signed_in(person)) as browser:
        return browser.get(path, params=query)


def heard(*seconds_ago: float) -> list[Observation]:
    times = [NOW - timedelta(seconds=each) for each in seconds_ago]
    return [Observation("MDC_PULS_OXIM_SAT_O2", at, at, 97.0, "%") for at in times]


@pytest.mark.parametrize(
    ("observations", "is_silent"),
    [
        ([], False),
        (heard(1), False),
        (heard(86_400), False),  # one reading says nothing of its habit
        (heard(2, 7, 12), False),
        (heard(299, 304, 309), False),
        (heard(301, 306, 311), True),
        (heard(5_000, 5_600, 6_200), False),  # every ten minutes
        (heard(6_001, 6_601, 7_201), True),
    ],
)
def test_a_device_is_silent_by_its_own_habit(observations: list[Observation], *, is_silent: bool) -> None:
    assert contact.of(observations, NOW).is_silent is is_silent


def test_a_silent_device_is_marked_with_a_word(console: Console) -> None:
    path = "GET /api/v1/devices/{device_id}/observations"
    console.platform.overrides[path] = readings(timedelta(hours=2))
    assert "silent for longer than usual" in read(console, DEVICE).text
    console.platform.overrides[path] = readings()
    assert "silent for longer than usual" not in read(console, DEVICE).text


def test_a_reading_without_a_value_says_why(console: Console) -> None:
    absent = readings()[0] | {"value": None, "data_absent_reason": "not-performed"}
    console.platform.overrides["GET /api/v1/devices/{device_id}/observations"] = [absent]
    assert "not-performed" in read(console, DEVICE).text


def test_an_encounter_s_page_shows_neither_patient_nor_findings(console: Console) -> None:
    page = read(console, ENCOUNTER).text
    assert "AMB-42" in page
    for kept in ("1958", "female", "I21.1", "heart_rate", "fae33fc5-3803-83d0-8d9d-fd98c0a05af2"):
        assert kept not in page


TRAIL = "GET /v1/audit/{service}"
NOBODY = "Nobody has read this record"


def test_who_saw_an_encounter_is_said_only_where_it_is_known(console: Console) -> None:
    """No right, no answer, one page of several, or an act of a newer release: the page does not say "nobody"."""
    plain, named = entry(1, "encounter.read"), entry(2, "record.read")
    whole = ("argus:epcr:read", "platform:audit")
    cases: dict[str, tuple[Any, tuple[str, ...], str, bool]] = {
        "no right": ({"entries": [plain], "next_cursor": None}, ("argus:epcr:read",), "your role may not read", False),
        "no answer": (Answer({"detail": "Down"}, 503), whole, "the audit trail did not answer", False),
        "one of several pages": ({"entries": [plain], "next_cursor": "abc"}, whole, "several pages", False),
        "a newer action": ({"entries": [entry(1, "record.beamed")], "next_cursor": None}, whole, "not known to", False),
        "a reading": ({"entries": [plain, named], "next_cursor": None}, whole, "Whole record read", False),
        "none": ({"entries": [plain], "next_cursor": None}, whole, "De-identified record read", True),
    }
    faults = []
    for name, (given, scopes, words, says_nobody) in cases.items():
        console.platform.overrides[TRAIL] = given
        page = unescape(read(console, ENCOUNTER, *scopes).text)
        if words not in page or (NOBODY in page) is not says_nobody:
            faults.append(name)
    assert faults == []


def test_the_front_of_operations_names_only_what_the_person_may_see(console: Console) -> None:
    page = read(console, "/operations", "argus:devices:read").text
    assert "/operations/devices" in page
    assert "/operations/incidents" not in page
    assert "Your role includes no part of operations" in read(console, "/operations", "platform:apps").text


def test_filters_go_to_the_platform_and_stay_in_the_address(console: Console) -> None:
    page = read(
        console, "/operations/devices", query={"vehicle_id": "AMB-42", "status": "retired", "device_class": "ecg"}
    )
    asked = console.platform.asked("GET", "/api/v1/devices?")[-1]
    assert "vehicle_id=AMB-42" in asked
    assert "status=retired" in asked
    assert "device_class=ecg" in asked
    assert 'value="AMB-42"' in page.text


DEVICE_SINCE = re.compile(r"silent_since=([^&]+)")


def test_silent_devices_are_asked_for_with_a_time_that_all_pages_keep(console: Console) -> None:
    following = Answer(devices(), headers={"link": '</api/v1/devices?cursor=abc>; rel="next"'})
    console.platform.overrides["GET /api/v1/devices"] = following
    page = read(console, "/operations/devices", query={"silent": "day", "silent_since": "2001-01-01T00:00:00Z"})
    since = datetime.fromisoformat(
        unquote(DEVICE_SINCE.findall(console.platform.asked("GET", "/api/v1/devices?")[-1])[0])
    )
    assert timedelta(hours=24) <= datetime.now(UTC) - since < timedelta(hours=25)
    assert '<option value="day" selected>' in page.text
    [link] = re.findall(r'href="([^"]*cursor=abc[^"]*)"', page.text)
    read(console, unescape(link))
    again = DEVICE_SINCE.findall(console.platform.asked("GET", "/api/v1/devices?")[-1])
    assert datetime.fromisoformat(unquote(again[0])) == since
    assert read(console, "/operations/devices", query={"silent": "forever"}).status_code == 422


@pytest.mark.parametrize(
    ("age", "bars"),
    [(0, 4), (3600, 4), (3601, 3), (86_401, 2), (7 * 86_400 + 1, 1), (30 * 86_400 + 1, 0), (-60, 4), (None, 0)],
)
def test_the_battery_of_silence_empties_in_steps(age: int | None, bars: int) -> None:
    assert contact.bars(None if age is None else NOW - timedelta(seconds=age), NOW) == bars


def test_a_device_without_readings_shows_the_contact_that_the_platform_remembers(console: Console) -> None:
    at = (datetime.now(UTC) - timedelta(days=3)).isoformat()
    console.platform.overrides["GET /api/v1/devices/{device_id}/observations"] = []
    console.platform.overrides["GET /api/v1/devices/{device_id}"] = devices()[0] | {"last_contact_at": at}
    page = read(console, DEVICE).text
    assert "3 days ago" in page
    assert page.count('class="bar"') == 2


def test_an_empty_list_says_whether_a_filter_made_it_so(console: Console) -> None:
    for path, call in (("devices", "GET /api/v1/devices"), ("encounters", "GET /api/v1/epcr/encounters")):
        console.platform.overrides[call] = [] if path == "devices" else {"encounters": [], "next_cursor": None}
        whole = read(console, f"/operations/{path}").text
        filtered = read(console, f"/operations/{path}", query={"vehicle_id": "AMB-1"}).text
        assert "Nothing matches the filter" in filtered
        assert "Nothing matches the filter" not in whole
        assert "when an app" in whole


@pytest.mark.parametrize(
    "vehicle", ["AMB-42", "A 1&2", "AMB/1", "..", ".", "100%", "%2F", "Ambulanza \u00e8", "a?b#c", "+"]
)
def test_a_vehicle_of_any_name_has_a_page(console: Console, vehicle: str) -> None:
    read(console, addresses.of_vehicle(vehicle))
    asked = console.platform.asked("GET", "/api/v1/devices?")[-1]
    assert httpx2.URL(f"http://x{asked}").params["vehicle_id"] == vehicle


def test_a_vehicle_has_its_devices_and_its_encounters_of_those_who_may_read_them(console: Console) -> None:
    page = read(console, VEHICLE)
    assert page.status_code == 200
    assert "SN-pI99p0" in page.text
    assert "enc_01m88d0qxrfeab348dr2e8tvkd" in page.text
    before = len(console.platform.asked("GET", "/api/v1/epcr/encounters"))
    page = read(console, VEHICLE, "argus:devices:read")
    assert "enc_01m88d0qxrfeab348dr2e8tvkd" not in page.text
    assert len(console.platform.asked("GET", "/api/v1/epcr/encounters")) == before


def test_a_vehicle_that_nothing_names_is_not_found(console: Console) -> None:
    console.platform.overrides["GET /api/v1/devices"] = []
    console.platform.overrides["GET /api/v1/epcr/encounters"] = {"encounters": [], "next_cursor": None}
    for person in ((), ("argus:devices:read",)):
        assert read(console, VEHICLE, *person).status_code == 404
    assert read(console, "/operations/vehicles/" + "x" * 129).status_code == 404
    assert read(console, "/operations/vehicles/a%00b").status_code == 404


def test_who_saw_an_encounter_comes_in_pages(console: Console) -> None:
    console.platform.overrides[TRAIL] = {"entries": [entry(1, "record.read")], "next_cursor": "abc"}
    page = read(console, ENCOUNTER).text
    assert "cursor=abc" in page
    assert read(console, ENCOUNTER, query={"cursor": "abc"}).status_code == 200
    assert "cursor=abc" in console.platform.asked("GET", "/v1/audit/epcr")[-1]


def test_incidents_are_filtered_by_the_platform(console: Console) -> None:
    sent: list[Any] = []

    def answer(request: Request) -> Any:
        sent.append(json.loads(request._body)["variables"])
        return graphql(request)

    console.platform.overrides["POST /graphql"] = answer
    query = {"status": "open", "type": "fire", "priority": "high", "cad_incident_id": "cad_1"}
    read(console, "/operations/incidents", query=query)
    assert sent[-1]["filter"] == {
        "status": ["open"],
        "type": ["fire"],
        "priority": ["high"],
        "cadIncidentId": "cad_1",
    }
    assert read(console, "/operations/incidents", query=query | {"priority": "urgent"}).status_code == 422
    assert len(sent) == 1


def test_a_page_of_incidents_without_any_leads_to_older_ones(console: Console) -> None:
    found = {"nodes": [], "pageInfo": {"hasNextPage": True, "endCursor": "b2xkZXI"}}
    console.platform.overrides["POST /graphql"] = {"data": {"incidents": found}}
    page = read(console, "/operations/incidents", query={"status": "closed"}).text
    assert "Older incidents have not been looked at yet" in page
    assert "/operations/incidents?status=closed&cursor=b2xkZXI" in unescape(page)


def test_a_number_leads_to_its_route_or_nowhere(console: Console) -> None:
    page = read(console, "/operations/telephony", query={"number": "+390184123456"}).text
    assert "the dispatch centre" in page
    console.platform.overrides["POST /graphql"] = {"data": {"telephonyResolution": None}}
    assert "nowhere" in read(console, "/operations/telephony", query={"number": "+390184123456"}).text


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("BAD_USER_INPUT", "This is no telephone number in international form"),
        ("UNAVAILABLE", "This part of the platform is not available at the moment"),
        ("INTERNAL", "answered in a way that the console cannot read"),
        ("OPERATION_NOT_APPROVED", "Your role does not include this part"),
    ],
)
def test_a_number_is_called_wrong_only_where_it_is(console: Console, code: str, text: str) -> None:
    """An outage of the part blamed the person's number before."""
    console.platform.overrides["POST /graphql"] = {
        "data": None,
        "errors": [{"message": "", "extensions": {"code": code}}],
    }
    page = read(console, "/operations/telephony", query={"number": "+390184123456"}).text
    assert text in page
    assert ("This is no telephone number" in page) is (code == "BAD_USER_INPUT")


def test_an_incident_that_cannot_be_read_now_is_not_called_missing(console: Console) -> None:
    failed = {"data": None, "errors": [{"message": "", "extensions": {"code": "UNAVAILABLE"}}]}
    console.platform.overrides["POST /graphql"] = failed
    page = read(console, "/operations/incidents/inc_01m88d0r6yfsvb6bv9qk0a8j4t")
    assert page.status_code == 200
    assert "not available at the moment" in page.text


def test_a_time_line_that_lacks_its_oldest_entries_says_so(console: Console) -> None:
    """The platform lists the newest 200 of an incident; the first entry of each is that it was opened."""
    path = "/operations/incidents/inc_01m88d0r6yfsvb6bv9qk0a8j4t"
    assert "Older ones are not listed" not in read(console, path).text
    newest = INCIDENT | {"timeline": INCIDENT["timeline"][1:]}
    console.platform.overrides["POST /graphql"] = {"data": {"incident": newest}}
    page = read(console, path).text
    assert "Older ones are not listed" in page
    assert f"/audit?subject_id={INCIDENT['id']}" in page


def test_an_incident_of_another_organisation_is_not_found(console: Console) -> None:
    console.platform.overrides["POST /graphql"] = {"data": {"incident": None}}
    assert read(console, "/operations/incidents/inc_01m88d0r6yfsvb6bv9qk0a8j4t").status_code == 404


def test_the_documents_are_those_that_apps_are_approved_for() -> None:
    approved = {path.name: path.read_text() for path in BUNDLES.glob("*/*.graphql")}
    used = list(Path(views.__file__).parent.glob("*.graphql"))
    assert len(used) == 4
    assert all(approved[path.name] == path.read_text() for path in used)


def test_who_read_an_identity_is_in_words(console: Console) -> None:
    detail = {"purpose": "TREAT", "content": "pdf", "destination": "dst_01m8d18t5rf9588shcphk9vvj1"}
    entries = [entry(1, "handover.read", detail=detail)]
    console.platform.overrides[TRAIL] = {"entries": entries, "next_cursor": None}
    page = read(console, ENCOUNTER).text
    assert "care at the destination" in page
    assert "Cork University Hospital" in page
    assert "TREAT" not in page
    assert 'href="/operations/encounters"' in page
