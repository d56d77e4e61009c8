from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import msgspec
import pytest

from services.device_ingest import queries
from services.device_ingest.models import DeviceChange, Enrolment
from shared.messaging.event_types import catalogue
from shared.primitives import ids
from tests.device_ingest.conftest import DEVICES, SPO2, Inside, Partner, StartApp


def test_a_device_is_enrolled_once_and_found_again(partner: Partner) -> None:
    body = {"serial_number": "SN-0001", "device_class": "defib", "manufacturer": "ACME"}
    answer = partner.post(f"{DEVICES}/enrol", body)
    device = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"{DEVICES}/{device['id']}"
    assert ids.is_id(device["id"], "dev")
    assert device.items() >= {**body, "status": "active", "vehicle_id": None, "model": None}.items()
    assert partner.get(answer.headers["location"]).json() == device


@pytest.mark.parametrize("kind", [Enrolment, DeviceChange])
def test_every_optional_field_of_a_device_is_a_column_that_statements_write(kind: type[msgspec.Struct]) -> None:
    optional = {field.name for field in msgspec.structs.fields(kind) if field.default is msgspec.UNSET}
    assert optional - {"status"} == set(queries.DETAILS)


def test_enrolling_again_changes_what_is_named_and_keeps_the_rest(partner: Partner) -> None:
    path = partner.enrol("SN-1", "defib", manufacturer="ACME", vehicle_id="AMB-1", model="X")
    answer = partner.post(
        f"{DEVICES}/enrol",
        {"serial_number": "SN-1", "device_class": "multiparameter", "vehicle_id": "AMB-2", "model": None},
    )
    assert answer.status_code == 200
    assert "location" not in answer.headers
    assert answer.json()["id"] == path.rpartition("/")[2]
    assert answer.json().items() >= {
        "device_class": "multiparameter", "vehicle_id": "AMB-2", "manufacturer": "ACME", "model": None,
    }.items()  # fmt: skip


def test_enrolling_a_retired_device_makes_it_active_again(partner: Partner) -> None:
    path = partner.enrol()
    assert partner.patch(path, {"status": "retired"}).json()["status"] == "retired"
    assert partner.enrol() == path
    assert partner.get(path).json()["status"] == "active"


def test_a_retired_device_comes_back_by_enrolment_alone(partner: Partner) -> None:
    path = partner.enrol()
    partner.patch(path, {"status": "retired"})
    assert partner.patch(path, {"status": "active"}).status_code == 409
    assert partner.get(path).json()["status"] == "retired"
    assert partner.patch(path, {"status": "retired"}).status_code == 200


def test_a_device_moves_to_another_vehicle_and_off_it(partner: Partner) -> None:
    path = partner.enrol(vehicle_id="AMB-1", manufacturer="ACME")
    assert partner.patch(path, {"vehicle_id": "AMB-2"}).json()["vehicle_id"] == "AMB-2"
    moved = partner.patch(path, {"vehicle_id": None}).json()
    assert (moved["vehicle_id"], moved["manufacturer"], moved["status"]) == (None, "ACME", "active")


def test_the_same_serial_number_belongs_to_each_tenant_by_itself(partner: Partner, other: Partner) -> None:
    mine, theirs = partner.enrol("SN-0001"), other.enrol("SN-0001")
    assert mine != theirs
    for method, path, body in (
        ("GET", theirs, None),
        ("PATCH", theirs, {"status": "retired"}),
        ("GET", f"{theirs}/observations", None),
        ("GET", f"{theirs}/observations/{ids.new_id('obs')}", None),
        ("POST", f"{theirs}/observations", {"mdc_code": "150456", "value": 98, "unit_code": "%"}),
        ("POST", f"{theirs}/observations:batch", {"observations": [{}]}),
    ):
        answer = partner.call(method, path, json=body) if body else partner.call(method, path)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json"), path
    assert other.get(theirs).json()["status"] == "active"
    assert [device["id"] for device in partner.get(DEVICES).json()] == [mine.rpartition("/")[2]]


@pytest.mark.parametrize("device_id", ["dev_1", "%00", "dev_%2e%2e", ids.new_id("obs"), ids.new_id("dev")])
def test_an_id_that_is_none_of_ours_is_not_found(partner: Partner, device_id: str) -> None:
    assert partner.get(f"{DEVICES}/{device_id}").status_code == 404
    assert partner.observe(f"{DEVICES}/{device_id}").status_code == 404


def test_devices_are_listed_newest_first_by_vehicle_class_and_status(partner: Partner) -> None:
    first = partner.enrol("SN-1", "defib", vehicle_id="AMB-42")
    second = partner.enrol("SN-2", "oximeter", vehicle_id="AMB-42")
    third = partner.enrol("SN-3", "oximeter")
    partner.patch(third, {"status": "inactive"})

    def listed(query: str) -> list[str]:
        return [f"{DEVICES}/{device['id']}" for device in partner.get(f"{DEVICES}?{query}").json()]

    assert listed("") == [third, second, first]
    assert listed("vehicle_id=AMB-42") == [second, first]
    assert listed("vehicle_id=AMB-42&device_class=defib") == [first]
    assert listed("status=inactive") == [third]
    assert listed("vehicle_id=AMB-43") == []


def test_a_long_list_comes_in_pages_that_keep_the_filter(partner: Partner) -> None:
    enrolled = [partner.enrol(f"SN-{n}", vehicle_id="A 1&2") for n in range(5)]
    partner.enrol("SN-elsewhere", vehicle_id="B")
    seen, link = [], f"{DEVICES}?vehicle_id=A%201%262&limit=2"
    while link:
        answer = partner.get(link)
        assert len(answer.json()) <= 2
        seen += [f"{DEVICES}/{device['id']}" for device in answer.json()]
        link = answer.links["next"]["url"] if "next" in answer.links else ""
    assert seen == enrolled[::-1]


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=x",
        "status=broken",
        "device_class=monitor",
        "nonsense=1",
        "cursor=%00",
        "limit=1&limit=2",
    ],
)
def test_a_query_that_does_not_fit_is_refused(partner: Partner, query: str) -> None:
    assert partner.get(f"{DEVICES}?{query}").status_code == 422


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"device_class": "defib"}, "/serial_number"),
        ({"serial_number": "SN", "device_class": "toaster"}, "/device_class"),
        ({"serial_number": "", "device_class": "defib"}, "/serial_number"),
        ({"serial_number": "x" * 129, "device_class": "defib"}, "/serial_number"),
        ({"serial_number": 1, "device_class": "defib"}, "/serial_number"),
        ({"serial_number": "SN\0", "device_class": "defib"}, "/serial_number"),
        ({"serial_number": "SN", "device_class": "defib", "colour": "red"}, "/colour"),
        ({"serial_number": "SN", "device_class": "defib", "status": "retired"}, "/status"),
    ],
)
def test_an_enrolment_that_does_not_fit_is_refused_naming_the_field(
    partner: Partner, body: dict[str, object], pointer: str
) -> None:
    answer = partner.post(f"{DEVICES}/enrol", body)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert partner.get(DEVICES).json() == []


def test_a_change_that_does_not_fit_changes_nothing(partner: Partner) -> None:
    path = partner.enrol(vehicle_id="AMB-1")
    for body in ({"status": "broken"}, {"vehicle_id": ""}, {"device_class": "defib"}, {"serial_number": "X"}, []):
        assert partner.patch(path, body).status_code == 422
    assert partner.get(path).json()["vehicle_id"] == "AMB-1"


def test_reading_needs_the_read_scope_and_writing_the_write_scope(http: httpx2.Client, partner: Partner) -> None:
    path = partner.enrol()
    reader = Partner(http, partner.tenant_id, "argus:devices:read")
    stranger = Partner(http, partner.tenant_id, "argus:epcr:write")
    assert reader.get(path).status_code == 200
    for answer in (
        reader.patch(path, {}),
        reader.observe(path),
        reader.post(f"{path}/observations:batch", {}),
        reader.post(f"{DEVICES}/enrol", {}),
    ):
        assert (answer.status_code, answer.json()["scope"]) == (403, "argus:devices:write")
    for query in ("", "/observations"):
        answer = stranger.get(path + query)
        assert (answer.status_code, answer.json()["scope"]) == (403, "argus:devices:read")


def test_without_the_gateways_word_nobody_is_let_in(http: httpx2.Client) -> None:
    assert http.get(DEVICES).status_code == 401
    assert http.get(DEVICES, headers={"x-knogin-identity": "test-1.e30.AAAA"}).status_code == 401
    assert http.get("/readyz").status_code == 200


def test_another_method_is_refused_naming_those_there_are(partner: Partner) -> None:
    answer = partner.call("DELETE", partner.enrol())
    assert answer.status_code == 405
    assert set(answer.headers["allow"].replace(" ", "").split(",")) >= {"GET", "PATCH"}
    assert partner.get(f"{DEVICES}/enrol").status_code == 405


def test_the_same_key_enrols_once_and_answers_alike(partner: Partner, inside: Inside) -> None:
    body = {"serial_number": "SN-1", "device_class": "defib"}
    first = partner.post(f"{DEVICES}/enrol", body, idempotency_key="k-1")
    again = partner.post(f"{DEVICES}/enrol", body, idempotency_key="k-1")
    assert (again.status_code, again.content) == (first.status_code, first.content) == (201, first.content)
    other_body = partner.post(f"{DEVICES}/enrol", body | {"model": "X"}, idempotency_key="k-1")
    assert other_body.status_code == 422
    assert len(inside.messages(partner.tenant_id, "webhook_dispatcher.event.v1")) == 1


def test_subscribers_hear_of_a_device_when_it_is_new_moved_or_back_in_use(partner: Partner, inside: Inside) -> None:
    path = partner.enrol("SN-SECRET", vehicle_id="AMB-42")
    partner.enrol("SN-SECRET")
    partner.enrol("SN-SECRET", manufacturer="ACME")
    partner.patch(path, {"status": "retired"})
    partner.enrol("SN-SECRET")
    partner.enrol("SN-SECRET", vehicle_id="AMB-43")
    events = inside.messages(partner.tenant_id, "webhook_dispatcher.event.v1")
    events = [event for event in events if event["type"] == "device.enrolled"]
    device = {"device_id": path.rpartition("/")[2], "device_class": "oximeter", "status": "active"}
    assert [(event["type"], event["data"]) for event in events] == [
        ("device.enrolled", device | {"vehicle_id": vehicle_id}) for vehicle_id in ("AMB-42", "AMB-42", "AMB-43")
    ]
    assert "SN-SECRET" not in str(events)


def test_a_device_set_active_again_is_announced_once(partner: Partner, inside: Inside) -> None:
    path = partner.enrol("SN-SECRET", vehicle_id="AMB-42")
    for change in ({"status": "inactive"}, {"status": "active"}, {"status": "active"}, {"vehicle_id": "AMB-43"}):
        assert partner.patch(path, change).status_code == 200
    events = inside.messages(partner.tenant_id, "webhook_dispatcher.event.v1")
    assert [(event["type"], event["data"]["status"]) for event in events] == [("device.enrolled", "active")] * 2
    assert "SN-SECRET" not in str(events)


DESCRIBED = "epcr.device_described.v1"


def test_epcr_gets_the_maker_and_model_of_a_device_and_each_change(partner: Partner, inside: Inside) -> None:
    path = partner.enrol("SN-SECRET")
    assert inside.messages(partner.tenant_id, DESCRIBED) == []
    partner.enrol("SN-SECRET", manufacturer="ACME", model="Monitor 3")
    partner.patch(path, {"vehicle_id": "AMB-43"})
    partner.patch(path, {"model": "Monitor 4"})
    partner.enrol("SN-SECRET", manufacturer=None)
    sent = inside.messages(partner.tenant_id, DESCRIBED)
    assert {one["device_id"] for one in sent} == {path.rpartition("/")[2]}
    assert [(one["manufacturer"], one["model"]) for one in sent] == [
        ("ACME", "Monitor 3"),
        ("ACME", "Monitor 4"),
        (None, "Monitor 4"),
    ]
    times = [one["described_at"] for one in sent]
    assert times == sorted(set(times))


@pytest.mark.parametrize(
    ("label", "sent"),
    [
        ("Physio-Control", "Physio-Control"),
        ("LIFEPAK 15 (V4+)", "LIFEPAK 15 (V4+)"),
        ("Dr\u00e4ger", "Dr\u00e4ger"),
        ("Monitor sn-Secret", None),
        ("X 1234-5678", None),
        ("12 34 56", None),
        ("Call +39 018", None),
        ("<b>X</b>", None),
        ("Lent by Aoife Murphy of Weavers Row in Cork", None),
        ("x" * 60, None),
    ],
)
def test_a_label_that_may_hold_more_than_a_name_stays_here(
    partner: Partner, inside: Inside, label: str, sent: str | None
) -> None:
    partner.enrol("SN-SECRET", manufacturer=label, model=label)
    [message] = inside.messages(partner.tenant_id, DESCRIBED)
    assert (message["manufacturer"], message["model"]) == (sent, sent)


def test_enrolments_at_the_same_time_make_one_device(partner: Partner) -> None:
    with ThreadPoolExecutor(8) as threads:
        paths = set(threads.map(lambda _: partner.enrol("SN-RACE"), range(24)))
    assert len(paths) == 1
    assert len(partner.get(DEVICES).json()) == 1


def test_who_changed_a_device_stands_in_the_audit_trail(partner: Partner, inside: Inside) -> None:
    path = partner.enrol()
    partner.patch(path, {"status": "inactive"})
    trail = inside.rows(
        "SELECT action, client_id, subject_id FROM audit WHERE tenant_id = %s ORDER BY id", partner.tenant_id
    )
    device_id = path.rpartition("/")[2]
    assert trail == [(action, partner.caller.client_id, device_id) for action in ("device.enrol", "device.change")]


@pytest.mark.parametrize("mode", ["shifted", "safe_harbor"])
def test_an_app_that_is_shown_moved_times_reaches_no_device_whatever_its_token_carries(
    partner: Partner, mode: Any
) -> None:
    """Observations tell exact times, the encounter's own id and the serial number: one reading would undo the mode."""
    device = partner.enrol()
    partner.observe(device, encounter_id=ids.new_id("enc"))
    partner.caller = msgspec.structs.replace(partner.caller, deidentification=mode)
    answers = [
        partner.get(DEVICES),
        partner.get(device),
        partner.get(f"{device}/observations"),
        partner.post(f"{DEVICES}/enrol", {"serial_number": "SN-0001", "device_class": "oximeter"}),
        partner.patch(device, {"status": "inactive"}),
        partner.observe(device),
        partner.post(f"{device}/observations:batch", {"observations": [SPO2]}),
    ]
    assert {answer.status_code for answer in answers} == {403}
    for answer in answers:
        assert (answer.json()["title"], mode in answer.json()["detail"]) == ("Insufficient scope", True)
        assert "SN-0001" not in answer.text


def test_devices_enrolled_at_once_stop_at_the_cap_and_those_known_go_on(start_app: StartApp) -> None:
    with start_app(most_devices=3) as http:
        partner = Partner(http, ids.new_id("org"))

        def enrol(number: int) -> int:
            body = {"serial_number": f"SN-{number}", "device_class": "oximeter"}
            return partner.post(f"{DEVICES}/enrol", body).status_code

        with ThreadPoolExecutor(6) as pool:
            statuses = list(pool.map(enrol, range(20)))
        assert sorted(statuses) == [201] * 3 + [409] * 17
        refused = partner.post(f"{DEVICES}/enrol", {"serial_number": "SN-x", "device_class": "oximeter"}).json()
        assert refused["type"].endswith("#limit-reached")
        assert (refused["resource"], refused["limit"]) == ("devices", 3)
        assert enrol(statuses.index(201)) == 200


def test_the_device_of_an_events_example_has_a_class_that_enrolment_accepts() -> None:
    shown = catalogue()["device.enrolled"].example
    msgspec.convert({"serial_number": "SN-1", "device_class": shown["device_class"]}, Enrolment)
