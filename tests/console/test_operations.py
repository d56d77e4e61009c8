"""Pages of operations: their content, and the content that they keep from view."""

from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest

from services.console.operations import contact, views
from services.console.operations.models import Observation
from tests.console.answers.operations import readings
from tests.console.conftest import Console
from tests.console.platform import Person

DEVICE = "/operations/devices/dev_01m88d0r19fjx8kh51pg6tdnvk"
ENCOUNTER = "/operations/encounters/enc_01m88d0qxrfeab348dr2e8tvkd"
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


def test_who_read_an_encounter_is_for_administrators(console: Console) -> None:
    before = len(console.platform.asked("GET", "/api/v1/epcr/encounters/"))
    assert "Disclosed identified to" not in read(console, ENCOUNTER, "argus:epcr:read").text
    assert len(console.platform.asked("GET", "/api/v1/epcr/encounters/")) == before + 1
    assert "Cork University Hospital" in read(console, ENCOUNTER, "argus:epcr:read", "platform:apps").text


def test_the_front_of_operations_names_only_what_the_person_may_see(console: Console) -> None:
    page = read(console, "/operations", "argus:devices:read").text
    assert "/operations/devices" in page
    assert "/operations/incidents" not in page
    assert "Your role includes no part of operations" in read(console, "/operations", "platform:apps").text


def test_filters_go_to_the_platform_and_stay_in_the_address(console: Console) -> None:
    page = read(
        console, "/operations/devices", query={"vehicle_id": "AMB-42", "status": "retired", "device_class": "x"}
    )
    asked = console.platform.asked("GET", "/api/v1/devices?")[-1]
    assert "vehicle_id=AMB-42" in asked
    assert "status=retired" in asked
    assert "device_class" not in asked
    assert 'value="AMB-42"' in page.text


def test_a_number_leads_to_its_route_or_nowhere(console: Console) -> None:
    page = read(console, "/operations/telephony", query={"number": "+390184123456"}).text
    assert "the dispatch centre" in page
    console.platform.overrides["POST /graphql"] = {"data": {"telephonyResolution": None}}
    assert "nowhere" in read(console, "/operations/telephony", query={"number": "+390184123456"}).text


def test_an_incident_of_another_organisation_is_not_found(console: Console) -> None:
    console.platform.overrides["POST /graphql"] = {"data": {"incident": None}}
    assert read(console, "/operations/incidents/inc_01m88d0r6yfsvb6bv9qk0a8j4t").status_code == 404


def test_the_documents_are_those_that_apps_are_approved_for() -> None:
    approved = {path.name: path.read_text() for path in BUNDLES.glob("*/*.graphql")}
    used = list(Path(views.__file__).parent.glob("*.graphql"))
    assert len(used) == 4
    assert all(approved[path.name] == path.read_text() for path in used)


def test_who_read_an_identity_is_in_words(console: Console) -> None:
    page = console.signed_in().get("/operations/encounters/enc_01m88d0qxrfeab348dr2e8tvkd").text
    assert "care at the destination" in page
    assert "TREAT" not in page
    assert 'href="/operations/encounters"' in page
