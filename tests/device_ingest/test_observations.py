from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString

import httpx2
import psycopg
import pytest
import time_machine
from psycopg import sql

from deploy.local.databases import Database
from services.device_ingest import endpoints, queries
from shared.primitives import ids
from shared.storage.database import AsyncConnection, clock
from tests.device_ingest.conftest import DEVICES, SPO2, Inside, Partner, StartApp
from tests.support.waiting import wait_for

NOW = datetime.now(UTC)


def at(minutes_ago: float) -> str:
    return (NOW - timedelta(minutes=minutes_ago)).isoformat()


def test_an_observation_is_answered_with_the_digits_that_were_sent(partner: Partner) -> None:
    device = partner.enrol()
    body = b'{"mdc_code": "MDC_PULS_OXIM_SAT_O2", "value": 98.0, "unit_code": "%"}'
    answer = partner.call("POST", f"{device}/observations", content=body, headers={"content-type": "application/json"})
    observation = answer.json()
    assert answer.status_code == 201
    assert b'"value":98.0,' in answer.content
    assert answer.headers["location"] == f"{device}/observations/{observation['id']}"
    assert ids.is_id(observation["id"], "obs")
    assert observation.items() >= {**SPO2, "device_id": device.rpartition("/")[2], "mdc_code10": 150456}.items()
    assert (observation["encounter_id"], observation["encounter_link"], observation["flags"]) == (None, None, [])
    assert observation["observed_at"].endswith("Z")
    read = partner.get(answer.headers["location"])
    assert read.json() == observation
    assert b'"value":98.0,' in read.content
    assert read.headers["cache-control"] == "no-store"


def test_a_code_in_any_spelling_is_answered_as_its_reference_id(partner: Partner) -> None:
    device = partner.enrol(device_class="ecg")
    for code in ("147842", 147842, "147842^MDC_ECG_HEART_RATE^MDC", "MDC_ECG_CARD_BEAT_RATE"):
        answer = partner.observe(device, mdc_code=code, value=72, unit_code="/min")
        assert (answer.status_code, answer.json()["mdc_code"]) == (201, "MDC_ECG_HEART_RATE")


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"mdc_code": "MDC_NOT_A_CODE"}, "/mdc_code"),
        ({"mdc_code": "150017^MDC_PRESS_BLD_NONINV_SYS^MDC"}, "/mdc_code"),
        ({"mdc_code": "MDC_TEMP_BODY", "unit_code": "Cel"}, "/mdc_code"),
        ({"unit_code": "percent"}, "/unit_code"),
        ({"value": -999}, "/value"),
        ({"value": "98.0"}, "/value"),
        ({"value": None}, "/value"),
        ({"observed_at": "2026-03-23T12:00:00"}, "/observed_at"),
        ({"observed_at": (NOW + timedelta(hours=1)).isoformat()}, "/observed_at"),
        ({"observed_at": (NOW - timedelta(days=7, minutes=1)).isoformat()}, "/observed_at"),
        ({"encounter_id": "enc_1"}, "/encounter_id"),
        ({"data_absent_reason": "asked"}, "/data_absent_reason"),
        ({"unit": "%"}, "/unit"),
    ],
)
def test_what_may_not_enter_the_record_is_refused_naming_it(
    partner: Partner, inside: Inside, fields: dict[str, Any], pointer: str
) -> None:
    answer = partner.observe(partner.enrol(), **fields)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert inside.rows("SELECT count(*) FROM observations WHERE tenant_id = %s", partner.tenant_id) == [(0,)]


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity"])
def test_a_bare_special_is_malformed(partner: Partner, text: str) -> None:
    body = f'{{"mdc_code": "MDC_PULS_OXIM_SAT_O2", "value": {text}, "unit_code": "%"}}'
    answer = partner.call(
        "POST", f"{partner.enrol()}/observations", content=body, headers={"content-type": "application/json"}
    )
    assert answer.status_code == 400
    assert "data_absent_reason" in answer.json()["detail"]


def test_a_reason_stands_where_there_is_no_value(partner: Partner) -> None:
    device = partner.enrol()
    answer = partner.observe(device, value=None, data_absent_reason="not-a-number")
    assert answer.status_code == 201
    read = partner.get(answer.headers["location"]).json()
    assert (read["value"], read["data_absent_reason"], read["unit_code"]) == (None, "not-a-number", "%")


def test_an_implausible_value_is_stored_and_flagged(partner: Partner) -> None:
    device = partner.enrol(device_class="thermometer")
    answer = partner.observe(device, mdc_code="MDC_TEMP_BODY", value=384.5, unit_code="Cel")
    read = partner.get(answer.headers["location"]).json()
    assert (answer.status_code, read["value"], read["flags"]) == (201, 384.5, ["out-of-range"])


@pytest.mark.parametrize("status", ["inactive", "retired"])
def test_a_device_out_of_use_sends_nothing(partner: Partner, status: str) -> None:
    device = partner.enrol()
    assert partner.observe(device).status_code == 201
    partner.patch(device, {"status": status})
    for answer in (partner.observe(device), partner.post(f"{device}/observations:batch", {"observations": [SPO2]})):
        assert (answer.status_code, f"is {status}" in answer.json()["detail"]) == (422, True)
    assert len(partner.get(f"{device}/observations").json()) == 1
    partner.enrol()
    assert partner.observe(device).status_code == 201


def test_retiring_in_one_process_takes_effect_at_once_in_another(partner: Partner, start_app: StartApp) -> None:
    device = partner.enrol()
    with start_app() as elsewhere:
        there = Partner(elsewhere, partner.tenant_id)
        assert there.observe(device).status_code == 201
        assert there.observe(device).status_code == 201
        partner.patch(device, {"status": "retired"})
        assert there.observe(device).status_code == 422
        assert there.post(f"{device}/observations", SPO2, idempotency_key="k").status_code == 422


def test_a_class_changed_in_one_process_is_what_another_checks_by(partner: Partner, start_app: StartApp) -> None:
    device = partner.enrol("SN-1", "oximeter")
    with start_app() as elsewhere:
        there = Partner(elsewhere, partner.tenant_id)
        assert there.observe(device).status_code == 201
        partner.enrol("SN-1", "defib")
        assert there.observe(device).status_code == 201
        partner.enrol("SN-1", "thermometer")
        answer = there.observe(device)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/mdc_code")


def test_the_same_reading_twice_is_one_row_answered_alike(partner: Partner, inside: Inside) -> None:
    device = partner.enrol()
    first = partner.observe(device, observed_at=at(1))
    again = partner.observe(device, observed_at=at(1))
    other_spelling = partner.observe(device, observed_at=at(1), mdc_code="150456")
    assert (again.status_code, again.content) == (201, first.content)
    assert other_spelling.content == first.content
    assert again.headers["location"] == first.headers["location"]
    for different in ({"value": 97.0}, {"observed_at": at(2)}, {"mdc_code": "MDC_BLD_PERF_INDEX"}):
        answer = partner.observe(device, **{"observed_at": at(1)} | different)
        assert (answer.status_code, answer.json()["id"] != first.json()["id"]) == (201, True)
    assert inside.rows("SELECT count(*) FROM observations WHERE tenant_id = %s", partner.tenant_id) == [(4,)]


def test_the_same_absence_twice_is_one_row_and_another_unit_is_another_reading(partner: Partner) -> None:
    device = partner.enrol(device_class="bp")
    pressure = {"mdc_code": "MDC_PRESS_BLD_NONINV_SYS", "observed_at": at(1)}
    absent = [partner.observe(device, **pressure, value=None, data_absent_reason="error", unit_code=None) for _ in "ab"]
    assert absent[0].json() == absent[1].json()
    units = [partner.observe(device, **pressure, value=20, unit_code=unit).json()["id"] for unit in ("kPa", "mm[Hg]")]
    assert units[0] != units[1]


def test_the_same_reading_many_times_at_once_is_one_row(partner: Partner, start_app: StartApp) -> None:
    device = partner.enrol()
    with start_app() as elsewhere, ThreadPoolExecutor(16) as threads:
        partners = [partner, Partner(elsewhere, partner.tenant_id)]
        answers = list(threads.map(lambda n: partners[n % 2].observe(device, observed_at=at(1)), range(64)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert len(partner.get(f"{device}/observations").json()) == 1


def test_a_reading_sent_again_with_its_encounter_is_linked_and_never_to_two(partner: Partner, inside: Inside) -> None:
    device, encounter, another = partner.enrol(), ids.new_id("enc"), ids.new_id("enc")
    first = partner.observe(device, observed_at=at(1)).json()
    named = partner.observe(device, observed_at=at(1), encounter_id=encounter)
    assert named.json() == first | {"encounter_id": encounter, "encounter_link": "pending"}
    assert partner.observe(device, observed_at=at(1)).json() == named.json()
    refused = partner.observe(device, observed_at=at(1), encounter_id=another)
    assert (refused.status_code, refused.json()["id"]) == (409, first["id"])
    (message,) = inside.messages(partner.tenant_id, "epcr.observations_recorded.v1")
    assert (message["encounter_id"], [o["id"] for o in message["observations"]]) == (encounter, [first["id"]])


def test_the_same_key_records_once_even_without_a_time(partner: Partner) -> None:
    device = partner.enrol()
    answers = [partner.post(f"{device}/observations", SPO2, idempotency_key="k-1") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201] * 3
    assert len({answer.content for answer in answers}) == 1
    assert partner.post(f"{device}/observations", SPO2 | {"value": 97}, idempotency_key="k-1").status_code == 422
    assert len(partner.get(f"{device}/observations").json()) == 1
    batches = [
        partner.post(f"{device}/observations:batch", {"observations": [SPO2, SPO2]}, idempotency_key="k-2")
        for _ in range(2)
    ]
    assert batches[0].content == batches[1].content
    assert len(partner.get(f"{device}/observations").json()) == 2


def test_a_key_used_for_a_refused_reading_may_be_used_for_the_corrected_one(partner: Partner) -> None:
    device = partner.enrol()
    assert partner.post(f"{device}/observations", SPO2 | {"unit_code": "1"}, idempotency_key="k").status_code == 422
    assert partner.post(f"{device}/observations", SPO2, idempotency_key="k").status_code == 201


def test_a_batch_is_answered_item_by_item_in_order(partner: Partner) -> None:
    device = partner.enrol()
    items: list[Any] = [
        SPO2 | {"observed_at": at(3)},
        SPO2 | {"unit_code": "percent"},
        SPO2 | {"observed_at": at(2)},
        SPO2 | {"observed_at": at(3)},
        {"mdc_code": "150456"},
        "not an observation",
        SPO2 | {"surprise": 1},
    ]
    answer = partner.post(f"{device}/observations:batch", {"observations": items})
    results = answer.json()["results"]
    assert answer.status_code == 200
    assert [result["status"] for result in results] == [201, 422, 201, 201, 422, 422, 422]
    assert results[0]["id"] == results[3]["id"] != results[2]["id"]
    assert results[1]["error"]["errors"][0]["pointer"] == "/unit_code"
    assert results[1]["error"].keys() >= {"type", "title", "status", "detail", "trace_id"}
    assert results[6]["error"]["errors"][0]["pointer"] == "/surprise"
    stored = partner.get(f"{device}/observations").json()
    assert [observation["id"] for observation in stored] == [results[2]["id"], results[0]["id"]]


@pytest.mark.parametrize(
    "body", ['{"observations": "\\ud800"}', '{"\\ud800": 1}', '{"observations": [], "\\ud800": 1}']
)
def test_what_is_not_text_beside_the_items_refuses_the_batch(partner: Partner, body: str) -> None:
    json_type = {"content-type": "application/json"}
    answer = partner.call("POST", f"{partner.enrol()}/observations:batch", content=body, headers=json_type)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


@pytest.mark.parametrize("value", ["1e400", "1" * 60, "1e-99", "9e99999999999999999999"])
def test_a_number_beyond_every_bound_costs_its_item_and_no_other(partner: Partner, value: str) -> None:
    device = partner.enrol()
    item = '{"mdc_code": "150456", "unit_code": "%%", "observed_at": "%s", "value": %s}'
    items = [
        item % (at(1), "97"),
        item % (at(2), value),
        item % (at(3), "98.0"),
        item.replace("150456", "\\u0000") % (at(4), "1"),
    ]
    answer = partner.call(
        "POST",
        f"{device}/observations:batch",
        content=f'{{"observations": [{", ".join(items)}]}}',
        headers={"content-type": "application/json"},
    )
    results = answer.json()["results"]
    assert [result["status"] for result in results] == [201, 422, 201, 422]
    assert [results[n]["error"]["errors"][0]["pointer"] for n in (1, 3)] == ["/value", "/mdc_code"]
    assert "1E±30" in results[1]["error"]["errors"][0]["detail"]
    assert [one["value"] for one in partner.get(f"{device}/observations").json()] == [97, 98.0]


def test_a_cursor_of_another_device_or_filter_is_refused(partner: Partner) -> None:
    one, two = partner.enrol("SN-1"), partner.enrol("SN-2")
    for device in (one, two):
        for minutes in (1, 2):
            partner.observe(device, observed_at=at(minutes))
    follow = partner.get(f"{one}/observations?limit=1").links["next"]["url"]
    cursor = follow.rpartition("cursor=")[2]
    assert len(partner.get(follow).json()) == 1
    listed = partner.get(f"{DEVICES}?limit=1").links["next"]["url"].rpartition("cursor=")[2]
    for path in (
        f"{two}/observations?limit=1&cursor={cursor}",
        f"{one}/observations?mdc_code=150456&cursor={cursor}",
        f"{DEVICES}?cursor={cursor}",
        f"{one}/observations?cursor={listed}",
        f"{DEVICES}?status=active&cursor={listed}",
    ):
        refused = partner.get(path)
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "cursor"), path


def test_a_batch_holds_one_to_five_hundred(partner: Partner) -> None:
    device = partner.enrol()
    full = [SPO2 | {"observed_at": (NOW - timedelta(seconds=n)).isoformat()} for n in range(500)]
    answer = partner.post(f"{device}/observations:batch", {"observations": full})
    assert [result["status"] for result in answer.json()["results"]] == [201] * 500
    for observations in ([], [*full, SPO2]):
        refused = partner.post(f"{device}/observations:batch", {"observations": observations})
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/observations")


def test_observations_are_read_by_time_and_code_in_pages(partner: Partner) -> None:
    device = partner.enrol()
    minutes = [1, 5, 3, 60 * 24 * 3, 4]
    recorded = {m: partner.observe(device, observed_at=at(m)).json()["id"] for m in minutes}
    perfusion = partner.observe(device, mdc_code="MDC_BLD_PERF_INDEX", value=1.5, observed_at=at(2)).json()["id"]

    def read(**query: Any) -> list[str]:
        seen, link, params = [], f"{device}/observations", query
        while link:
            answer = partner.get(link, params=params) if params else partner.get(link)
            seen += [observation["id"] for observation in answer.json()]
            link, params = answer.links.get("next", {}).get("url", ""), {}
        return seen

    everything = [recorded[1], perfusion, recorded[3], recorded[4], recorded[5], recorded[60 * 24 * 3]]
    assert read() == read(limit=2) == read(limit=1) == everything
    assert read(mdc_code="150488") == [perfusion]
    assert read(mdc_code="MDC_PULS_OXIM_SAT_O2", limit=2) == [id for id in everything if id != perfusion]
    assert read(since=at(4), until=at(2)) == [recorded[3], recorded[4]]
    assert read(mdc_code="MDC_TEMP_BODY") == []


OTHERS = """
    INSERT INTO observations (id, tenant_id, device_id, mdc_code, mdc_code10, value, observed_at, recorded_at, flags, test)
    SELECT 'obs_0' || number, %s, %s, 'MDC_PULS_OXIM_SAT_O2', 150456, number, %s::timestamptz - number * interval '1 ms', now(),
        '{}', true FROM generate_series(1, 10000) AS number
"""


def test_a_page_of_one_code_looks_at_10_000_observations(partner: Partner, inside: Inside) -> None:
    """Such a page has a link to the next one, and no observation is lost between them."""
    device = partner.enrol()
    path = f"{device}/observations"
    oldest, newest = (
        partner.observe(device, mdc_code="150488", value=1, observed_at=at(m)).json()["id"] for m in (9, 1)
    )
    inside.owner.execute(OTHERS, (partner.tenant_id, device.rpartition("/")[2], at(5)))
    first = partner.get(path, params={"mdc_code": "150488"})
    second = partner.get(first.links["next"]["url"])
    assert [[one["id"] for one in page.json()] for page in (first, second)] == [[newest], [oldest]]
    assert "next" not in second.links
    full = partner.get(path, params={"mdc_code": "150456", "limit": 3})
    assert [one["value"] for one in full.json()] == [1, 2, 3]
    assert [one["value"] for one in partner.get(full.links["next"]["url"]).json()] == [4, 5, 6]
    absent = partner.get(path, params={"mdc_code": "MDC_TEMP_BODY"})
    assert absent.json() == []
    rest = partner.get(absent.links["next"]["url"])
    assert (rest.json(), "next" in rest.links) == ([], False)


def test_readings_of_the_same_moment_come_each_once_however_paged(partner: Partner) -> None:
    device = partner.enrol()
    for value in range(90, 97):
        partner.observe(device, value=value, observed_at=at(1))
    seen, link = [], f"{device}/observations?limit=3"
    while link:
        answer = partner.get(link)
        seen += [observation["value"] for observation in answer.json()]
        link = answer.links.get("next", {}).get("url", "")
    assert sorted(seen) == list(range(90, 97))


@pytest.mark.parametrize(
    "query", ["mdc_code=MDC_X", "since=2026-01-01T00:00:00", "since=yesterday", "cursor=ZGV2XzE", "limit=0", "code=1"]
)
def test_a_question_about_observations_that_does_not_fit_is_refused(partner: Partner, query: str) -> None:
    assert partner.get(f"{partner.enrol()}/observations?{query}").status_code == 422


def test_an_observation_is_found_under_its_own_device_alone(partner: Partner) -> None:
    device, another = partner.enrol("SN-1"), partner.enrol("SN-2")
    observation = partner.observe(device).json()["id"]
    assert partner.get(f"{another}/observations/{observation}").status_code == 404
    for unknown in ("obs_1", ids.new_id("obs"), "obs_7" + "z" * 25, "obs_0" + "0" * 25):
        assert partner.get(f"{device}/observations/{unknown}").status_code == 404


def test_an_observation_is_found_by_its_own_id_alone_with_any_plan(inside: Inside) -> None:
    """A plan for any values took the index of the device's times, and read all that the device had sent in these days."""
    with psycopg.connect(inside.database.app) as conn:
        query = "EXPLAIN (GENERIC_PLAN, FORMAT JSON) " + queries.FIND_OBSERVATION
        for number, name in enumerate(("id", "earliest", "latest", "device_id"), 1):
            query = query.replace(f"%({name})s", f"${number}")
        [[[plan]]] = conn.execute(query.encode()).fetchall()
    conditions = set(members(plan["Plan"], "Index Cond"))
    assert conditions
    assert all("(id = " in condition for condition in conditions)


def members(node: dict[str, Any], name: str) -> Iterator[str]:
    if name in node:
        yield node[name]
    for child in node.get("Plans", ()):
        yield from members(child, name)


def test_reading_observations_leaves_a_line_in_the_audit_trail(partner: Partner, inside: Inside) -> None:
    device = partner.enrol()
    partner.get(partner.observe(device).headers["location"])
    partner.get(f"{device}/observations")
    query = "SELECT subject_id FROM audit WHERE tenant_id = %s AND action = 'observations.read'"
    assert inside.rows(query, partner.tenant_id) == [(device.rpartition("/")[2],)] * 2


def test_tenants_who_write_in_the_same_group_see_only_their_own(partner: Partner, other: Partner) -> None:
    devices = {partner: partner.enrol(), other: other.enrol()}
    with ThreadPoolExecutor(16) as threads:
        pairs = [pair for pair in devices.items() for _ in range(20)]
        answers = list(threads.map(lambda pair: pair[0].observe(pair[1]), pairs))
    assert {answer.status_code for answer in answers} == {201}
    for who, device in devices.items():
        own = {a.json()["id"] for (asked, _), a in zip(pairs, answers, strict=True) if asked is who}
        assert {observation["id"] for observation in who.get(f"{device}/observations").json()} == own


@pytest.mark.parametrize(
    ("headers", "content", "status"),
    [
        ({"content-type": "text/plain"}, b"{}", 415),
        ({"content-type": "application/json"}, b'{"mdc_code": ', 400),
        ({"content-type": "application/json"}, b'{"mdc_code": "a", "mdc_code": "b"}', 400),
        ({"content-type": "application/json"}, b"[" * 50_000, 400),
        ({"content-type": "application/json"}, b" " * (1 << 20) + b"{}", 413),
        ({"content-type": "application/json"}, b'{"mdc_code": "\\ud800", "value": 1, "unit_code": "%"}', 422),
    ],
)
def test_a_body_that_cannot_be_read_is_refused_precisely(
    partner: Partner, headers: dict[str, str], content: bytes, status: int
) -> None:
    device = partner.enrol()
    for path in (f"{device}/observations", f"{device}/observations:batch", f"{DEVICES}/enrol"):
        answer = partner.call("POST", path, content=content, headers=headers)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


def test_a_reading_that_the_database_refuses_fails_alone(partner: Partner, inside: Inside) -> None:
    device, day = partner.enrol(), NOW - timedelta(days=5)
    assert partner.observe(device).status_code == 201  # the day's partitions are made with its first reading
    inside.owner.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(f"observations_{day:%Y%m%d}")))
    try:
        with ThreadPoolExecutor(24) as threads:
            times = [day.isoformat() if number == 11 else at(number) for number in range(24)]
            answers = list(threads.map(lambda time: partner.observe(device, observed_at=time), times))
    finally:
        inside.owner.execute("SELECT ensure_partition('observations', %s)", (day.date(),))
    assert [number for number, answer in enumerate(answers) if answer.status_code != 201] == [11]
    assert "partition" not in answers[11].text
    assert len(partner.get(f"{device}/observations").json()) == 24


def test_after_days_without_a_relay_a_reading_makes_the_partition_it_needs(
    start_app: StartApp, partner: Partner, inside: Inside
) -> None:
    """However it comes: alone, in a batch, or with a key and so in a transaction of its own."""
    device, key = partner.enrol(), {"Idempotency_Key": ids.new_id("key")}
    today = sql.Identifier(f"observations_{datetime.now(UTC):%Y%m%d}")
    sent = {
        "alone": lambda partner: partner.observe(device, observed_at=datetime.now(UTC).isoformat()),
        "batch": lambda partner: partner.post(f"{device}/observations:batch", {"observations": [SPO2]}),
        "key": lambda partner: partner.post(f"{device}/observations", SPO2, **key),
    }
    for how, send in sent.items():
        inside.owner.execute(sql.SQL("DROP TABLE {}").format(today))
        with start_app() as http:
            again = Partner(http, partner.tenant_id)
            answer = send(again)
            assert answer.status_code == (200 if how == "batch" else 201), (how, answer.text)
            assert len(again.get(f"{device}/observations").json()) == 1


def test_connections_cut_under_load_are_told_as_unavailable_and_nothing_answered_is_lost(
    partner: Partner, inside: Inside, database: Database
) -> None:
    device, answers = partner.enrol(), list[httpx2.Response]()
    cut: LiteralString = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND usename LIKE '%app'"
    with psycopg.connect(database.admin, autocommit=True) as admin, ThreadPoolExecutor(8) as threads:
        for answer in threads.map(lambda number: partner.observe(device, observed_at=at(number / 60)), range(120)):
            answers.append(answer)
            if len(answers) % 10 == 0:
                admin.execute(cut)
    assert 201 in {answer.status_code for answer in answers} <= {201, 503}
    assert all(answer.headers["retry-after"] == "1" for answer in answers if answer.status_code == 503)
    answered = {answer.json()["id"] for answer in answers if answer.status_code == 201}
    stored = inside.rows("SELECT id FROM observations WHERE tenant_id = %s", partner.tenant_id)
    assert answered <= {id for (id,) in stored}
    wait_for(lambda: partner.observe(device).status_code == 201)


@pytest.mark.parametrize("ahead", [600, -600])
def test_nothing_is_refused_or_dated_by_a_clock_that_is_wrong(
    partner: Partner, inside: Inside, right_clock_afterwards: None, ahead: int
) -> None:
    """Ten minutes behind, a reading of now looks as if it came from the future; 422 would have its device throw it away."""
    device = partner.enrol()
    now = datetime.now(UTC)
    clock._asked_at = float("-inf")  # a second later
    with time_machine.travel(now + timedelta(seconds=ahead)):
        for fields in ({"observed_at": now.isoformat()}, {}):
            answer = partner.observe(device, **fields)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert partner.get(f"{device}/observations").json() == []
    assert partner.observe(device, observed_at=now.isoformat()).status_code == 201


def test_a_clock_set_wrong_a_moment_ago_refuses_nothing(partner: Partner, right_clock_afterwards: None) -> None:
    """Between two looks at the database's clock."""
    device = partner.enrol()
    now = datetime.now(UTC)
    clock.ask()
    with time_machine.travel(now - timedelta(seconds=600)):
        assert partner.observe(device, observed_at=now.isoformat()).status_code == 503
    assert partner.observe(device, observed_at=(now + timedelta(hours=1)).isoformat()).status_code == 422


def test_a_clock_set_right_while_it_is_confirmed_refuses_nothing(
    partner: Partner, right_clock_afterwards: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Readings that waited for the confirmation were compared with a time of the wrong clock, and their devices threw them away."""
    device = partner.enrol()
    now = datetime.now(UTC)
    confirm = endpoints.require_right_clock
    clock.ask()
    with time_machine.travel(now - timedelta(seconds=600)) as travelled:

        async def set_right_first(conn: AsyncConnection, *, now: bool = False) -> None:
            travelled.shift(timedelta(seconds=600))
            await confirm(conn, now=now)

        monkeypatch.setattr(endpoints, "require_right_clock", set_right_first)
        answer = partner.observe(device, observed_at=now.isoformat())
    assert (answer.status_code, answer.json()["observed_at"][:19]) == (201, now.isoformat()[:19])


@pytest.fixture
def right_clock_afterwards() -> Iterator[None]:
    yield
    clock.offset, clock._asked_at = 0.0, float("-inf")
