"""Encounters with any number of readings: exported in portions, within bounds of memory, each reading or one Observation for a series."""

import asyncio
import itertools
import json
import pickle
import re
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import fhirkit
import msgspec
import pytest
from prometheus_client import REGISTRY

from services.epcr.encounters import exporting, queries, store
from services.epcr.fhir.export import AT_ONCE, Export
from services.epcr.fhir.readings import Series, Shape, Span
from services.epcr.records.models import LinkedObservation
from shared.storage.database import AsyncConnection
from tests.epcr import golden
from tests.epcr.conftest import ENCOUNTERS, Inside, Organisation
from tests.epcr.deliveries import recorded, spo2
from tests.epcr.faultless import fit
from tests.epcr.fhir_server import SHARED, FhirServer, is_in_error
from tests.epcr.golden import bundle, exported, projection, split
from tests.epcr.heavy_work import begun, read
from tests.epcr.heavy_work import long as many
from tests.epcr.samples import TYPICAL
from tests.epcr.test_attacker import moved_to
from tests.epcr.test_identities import ADA, BEA, correct, person
from tests.support import measured

MODES = pytest.mark.parametrize("mode", ["exact", "shifted", "safe_harbor"])


def monitored(seconds: int, revision: int = 2) -> list[LinkedObservation]:
    """A reading of every kind each second."""
    kinds = golden.readings()
    return [
        msgspec.structs.replace(
            kind,
            id=f"obs_{second * len(kinds) + number:026d}",
            observed_at=golden.BEGAN + timedelta(seconds=second),
            revision=revision,
        )
        for second in range(seconds)
        for number, kind in enumerate(kinds)
    ]


def of_devices(made: dict[str, Any]) -> list[dict[str, Any]]:
    return [one["resource"] for one in made["entry"] if "device" in one["resource"]]


def regular(*values: str | None, step: timedelta = timedelta(seconds=1)) -> list[LinkedObservation]:
    """Readings of one oximeter at equal distances."""
    first = golden.readings()[0]
    return [
        msgspec.structs.replace(
            first,
            id=f"obs_{number:026d}",
            value=None if value is None else Decimal(value),
            unit_code=None if value is None else "%",
            data_absent_reason="error" if value is None else None,
            observed_at=golden.BEGAN + number * step,
        )
        for number, value in enumerate(values)
    ]


def test_the_portions_do_not_change_the_bundle() -> None:
    given = projection(golden.encounter(TYPICAL), monitored(12))
    whole = exported(given, portion=10_000)
    assert [exported(given, portion=size) == whole for size in (1, 2, 3, 7, 20, 21)] == [True] * 6
    parts = json.loads(exported(given, most=9, portion=7))
    assert parts == json.loads(exported(given, most=9, portion=10_000))


@pytest.mark.full
@MODES
def test_a_reading_that_is_filled_in_is_the_one_that_is_built(mode: Any) -> None:
    """The readings of each moment of a long export against an export of them alone, and all of them against the validators."""
    encounter, together = golden.encounter(TYPICAL), monitored(3)
    apart = [
        msgspec.structs.replace(one, observed_at=one.observed_at + timedelta(milliseconds=number))
        for number, one in enumerate(together)
    ]
    for readings in (together, apart):
        long = fit(bundle(projection(encounter, readings, mode=mode)))
        assert fhirkit.validate(exported(projection(encounter, readings, mode=mode)).decode()) == []
        moments = [list(of_one) for _, of_one in itertools.groupby(readings, key=lambda one: one.observed_at)]
        alone = [of_devices(bundle(projection(encounter, of_one, mode=mode))) for of_one in moments]
        assert of_devices(long) == [resource for resources in alone for resource in resources]


def test_a_split_export_of_many_readings_is_executed(monkeypatch: pytest.MonkeyPatch) -> None:
    given = projection(golden.encounter(TYPICAL), monitored(30))
    server, whole = FhirServer(), FhirServer()
    for part in split(given, 50):
        assert len(part["entry"]) <= 50
        server.transaction(part)
    whole.transaction(bundle(given))
    assert len(server.resources) == len(whole.resources)
    assert (server.dangling(), server.duplicates()) == ([], [])


@pytest.mark.full
def test_memory_does_not_grow_with_what_is_sent() -> None:
    """Only the identifiers of the readings are held, for the Composition."""
    encounter = golden.encounter(TYPICAL)
    shapes = {Shape.of(one): Span(1, one.observed_at, one.observed_at) for one in golden.readings()}

    def portions(seconds: int) -> Iterator[list[LinkedObservation]]:
        for second in range(0, seconds, 12):
            yield [
                msgspec.structs.replace(
                    one, id=f"{one.id}{second}", observed_at=one.observed_at + timedelta(seconds=second)
                )
                for one in monitored(12)
            ]

    def peak(seconds: int) -> tuple[int, int]:
        given = projection(encounter)
        export = Export([given.content("all")._replace(shapes=shapes)], None)
        tracemalloc.start()
        sent = sum(map(len, export.begin()))
        for portion in portions(seconds):
            sent += len(export.add(0, portion))
        sent += sum(map(len, export.end_readings(0))) + sum(map(len, export.end()))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return sent, most

    peak(12)
    short, long = peak(60), peak(480)
    assert long[0] > 6 * short[0]
    assert long[1] - short[1] < (long[0] - short[0]) / 2


def test_the_composition_is_written_in_parts() -> None:
    """It has a hundred bytes for each reading, and was one portion of megabytes."""
    given = projection(golden.encounter(TYPICAL), monitored(200))
    export = Export([given.content("all")], None)
    written = [*export.begin(), export.add(0, given.readings), *export.end_readings(0)]
    parts = list(export.end())
    assert len(parts) > 1
    assert max(map(len, parts)) <= AT_ONCE
    assert b"".join([*written, *parts]) == exported(given)


def test_an_export_goes_on_in_another_process_at_any_portion() -> None:
    """It is a value: also its corrected identity, its series and its parts."""
    given, former = (projection(golden.encounter(TYPICAL, identity=one), monitored(4)) for one in (2, 1))
    for form, most in itertools.product(("all", "summary"), (None, 20)):
        contents = [one.content(form) for one in (given, former)]
        export = Export(contents, most)
        export.check_all()
        written = [*export.begin()]
        for number, one in enumerate((given, former)):
            for start in range(0, len(one.readings), 30):
                export = pickle.loads(pickle.dumps(export))  # noqa: S301 - our own
                written.append(export.add(number, one.readings[start : start + 30]))
            export = pickle.loads(pickle.dumps(export))  # noqa: S301 - our own
            written += export.end_readings(number)
        written += pickle.loads(pickle.dumps(export)).end()  # noqa: S301 - our own
        assert b"".join(written) == exported(given, [former], most, form)


def test_a_moment_with_more_readings_than_are_held_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.epcr.fhir.readings.MOST_OF_A_MOMENT", 10)
    same = [msgspec.structs.replace(one, observed_at=golden.BEGAN) for one in monitored(5)]
    made = bundle(projection(golden.encounter(TYPICAL), same))
    assert len({one["identifier"][0]["value"] for one in of_devices(made)}) == len(of_devices(made)) >= 80


@pytest.fixture
def long(organisation: Organisation, inside: Inside) -> str:
    """An encounter with readings for more than three portions, in as many revisions as portions."""
    id = organisation.partner.create(**TYPICAL)
    for part in range(4):
        start = datetime(2026, 3, 23, 10, 15, part, tzinfo=UTC)
        many = [
            spo2(
                f"{90 + number % 10}.{number % 7}0",
                device_id=f"dev_{number % 3}",
                observed_at=start + timedelta(seconds=4 * number),
            )
            for number in range(exporting.PORTION - 20)
        ]
        inside.receive(organisation.id, recorded(id, *many))
    return id


def test_a_long_export_is_streamed_whole_and_again_the_same(organisation: Organisation, long: str) -> None:
    answer = read(organisation, long)
    assert answer.status_code == 200
    assert "content-length" not in answer.headers
    assert (answer.headers["content-type"], answer.headers["cache-control"]) == ("application/fhir+json", "no-store")
    made = answer.json()
    assert len(of_devices(made)) == 4 * (exporting.PORTION - 20)
    times = [one["effectiveDateTime"] for one in of_devices(made)]
    assert times == sorted(times)
    assert b'"value":90.00,' in answer.content
    server = FhirServer()
    server.transaction(made)
    assert set(server.transaction(made)) == {"200"}
    assert server.dangling() == []
    again = read(organisation, long)
    assert (again.content, again.headers["etag"]) == (answer.content, answer.headers["etag"])
    known = {"if-none-match": answer.headers["etag"]}
    assert organisation.hospital.get(f"{ENCOUNTERS}/{long}/fhir-bundle", headers=known).status_code == 304
    parts = read(organisation, long, max_entries=100).json()["bundles"]
    assert {entry["fullUrl"] for part in parts for entry in part["entry"]} == {one["fullUrl"] for one in made["entry"]}


@pytest.mark.full
def test_readings_that_come_while_an_export_is_sent_are_in_the_next(
    organisation: Organisation, inside: Inside, long: str
) -> None:
    before = read(organisation, long)
    with begun(organisation.hospital, long) as (during, parts):
        got = next(parts)
        inside.receive(organisation.id, recorded(long, spo2("55.5")))
        assert got + b"".join(parts) == before.content
    after = read(organisation, long)
    assert b"55.5" in after.content
    assert after.headers["etag"] != during.headers["etag"]


@pytest.mark.parametrize("form", ["all", "summary"])
@pytest.mark.parametrize("portions", [0, 1], ids=["short", "long"])
def test_a_bundle_with_a_fault_of_ours_is_sent_and_the_fault_is_counted_and_logged(
    organisation: Organisation, inside: Inside, caplog: pytest.LogCaptureFixture, portions: int, form: str
) -> None:
    """A unit that no server knows: the hospital gets its patient's data all the same."""
    id = many(organisation, inside, portions)
    fit_one = read(organisation, id, readings=form)
    counted = REGISTRY.get_sample_value("epcr_unfit_bundles_total") or 0
    inside.receive(organisation.id, recorded(id, spo2("77.7", unit_code="furlong")))
    answer = read(organisation, id, readings=form)
    assert answer.status_code == 200
    assert b"77.7" in answer.content
    assert len(answer.json()["entry"]) == len(fit_one.json()["entry"]) + 2, "the reading, and its device"
    assert REGISTRY.get_sample_value("epcr_unfit_bundles_total") == counted + 1
    [line] = [one.getMessage() for one in caplog.records if "faults" in one.getMessage()]
    assert "Observation" in line
    assert not any(value in line for value in ("77.7", "furlong"))


def test_readings_of_more_kinds_than_a_bundle_may_have_are_refused(
    organisation: Organisation, long: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "MOST_SHAPES", 2)
    answer = read(organisation, long)
    assert answer.status_code == 422
    assert "readings=none" in answer.json()["detail"]
    assert read(organisation, long, readings="summary").status_code == 422
    assert read(organisation, long, readings="none").status_code == 200


# --- Series ------------------------------------------------------------------------------------------------------------


def series(*readings: LinkedObservation, mode: Any = "exact") -> dict[str, Any]:
    made = bundle(projection(golden.encounter(TYPICAL), list(readings), mode=mode), form="summary")
    fit(made)
    [one] = of_devices(made)
    return one


def test_a_series_has_each_value_at_its_time() -> None:
    one = series(*regular("98.0", "97.50", None, "96", "95.5"))
    assert one["valueSampledData"] == {
        "origin": {"value": 0, "unit": "%", "system": "http://unitsofmeasure.org", "code": "%"},
        "period": 1000,
        "dimensions": 1,
        "data": "98.0 97.50 E 96 95.5",
    }
    assert one["effectivePeriod"] == {"start": "2026-03-23T10:00:00Z", "end": "2026-03-23T10:00:04Z"}
    assert [coding["code"] for coding in one["code"]["coding"]] == ["150456"]
    assert "effectiveDateTime" not in one


def test_a_series_is_as_long_as_its_readings_and_no_longer_than_allowed() -> None:
    single = series(*regular("98.0"))
    assert single["valueSampledData"]["data"] == "98.0"
    many = regular(*(str(number) for number in range(Series.MOST * 3)), step=timedelta(milliseconds=250))
    sampled = series(*many)["valueSampledData"]
    data = sampled["data"].split(" ")
    assert len(data) <= Series.MOST
    assert sampled["period"] * (len(data) - 1) >= 250 * (len(many) - 2) * 0.99
    assert all(
        abs(int(value) * 250 - place * sampled["period"]) <= sampled["period"]
        for place, value in enumerate(data)
        if value != "E"
    )


def test_a_series_in_another_unit_than_fhir_expects_is_converted() -> None:
    length = next(one for one in golden.readings() if one.unit_code == "m")
    sampled = series(length)["valueSampledData"]
    assert (sampled["origin"]["unit"], sampled["data"]) == ("cm", "172.0")


@pytest.mark.parametrize("mode", ["shifted", "safe_harbor"])
def test_a_series_with_moved_times_tells_no_seconds(mode: Any) -> None:
    one = series(*regular(*map(str, range(90, 100)), step=timedelta(seconds=17)), mode=mode)
    assert one["valueSampledData"]["period"] % 60_000 == 0
    assert {time[-4:] for time in one["effectivePeriod"].values()} == {":00Z"}
    assert one["valueSampledData"]["data"] == "93 97 99"


def test_every_kind_of_reading_makes_a_series_without_fault() -> None:
    given = projection(golden.encounter(TYPICAL), monitored(5))
    made = fit(bundle(given, form="summary"))
    assert fhirkit.validate(exported(given, form="summary").decode()) == []
    assert {"valueSampledData" in one for one in of_devices(made)} == {True}
    kinds = {(one.device_id, one.mdc_code, one.unit_code, one.test) for one in given.readings if one.unit_code}
    assert len(of_devices(made)) == len(kinds)
    flagged = [one for one in of_devices(made) if "tag" in one["meta"]]
    assert len(flagged) == 1


def test_a_growing_series_replaces_the_one_before(organisation: Organisation, inside: Inside) -> None:
    id, server = organisation.partner.create(**TYPICAL), FhirServer()
    for number in range(3):
        time = datetime(2026, 3, 23, 10, 15, number, tzinfo=UTC)
        inside.receive(organisation.id, recorded(id, spo2(f"9{number}.0", device_id="dev_1", observed_at=time)))
        server.transaction(read(organisation, id, readings="summary").json())
    [held] = [one for one in server.of("Observation") if "valueSampledData" in one]
    assert held["valueSampledData"]["data"] == "90.0 91.0 92.0"
    assert server.dangling() == []


@pytest.mark.full
@pytest.mark.parametrize("mode", ["exact", "shifted", "safe_harbor"])
def test_an_app_of_any_mode_reads_every_metric(
    organisation: Organisation, inside: Inside, years_later: None, mode: Any
) -> None:
    """Of few readings, which are made whole, and of many, which are streamed."""
    client, wrong = moved_to(organisation.hospital, mode), list[str]()
    everything, known = [one for one in measured.everything() if not one.is_flagged], set[str]()
    for content in (everything, everything * 4):
        id = organisation.partner.create(**TYPICAL)
        sent = [
            spo2(
                None if one.value is None else str(one.value),
                device_id=f"dev_{one.device_class}",
                device_class=one.device_class,
                mdc_code=one.refid,
                mdc_code10=int(one.row["code10"]),
                unit_code=one.unit,
                data_absent_reason=one.reason,
                observed_at=datetime(2026, 3, 23, 10, 15, tzinfo=UTC) + timedelta(seconds=number),
            )
            for number, one in enumerate(content)
        ]
        inside.receive(organisation.id, recorded(id, *sent))
        [shown] = {one["id"] for one in client.get(ENCOUNTERS).json()["encounters"]} - known
        known.add(shown)
        for form in ("all", "summary", "none"):
            answer = client.get(f"{ENCOUNTERS}/{shown}/fhir-bundle", params={"readings": form})
            codes = set(re.findall(r'"system":"urn:iso:std:iso:11073:10101","code":"(\d+)"', answer.text))
            lost = {one.refid for one in content if form == "all" and one.row["code10"] not in codes}
            if answer.status_code != 200 or lost or fhirkit.validate(answer.text):
                wrong.append(f"{len(content)} {form}: {answer.status_code} {lost} {fhirkit.validate(answer.text)[:3]}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.full
def test_the_form_of_the_readings_is_asked_for(organisation: Organisation, long: str) -> None:
    forms = {form: read(organisation, long, readings=form) for form in ("all", "summary", "none")}
    assert {answer.status_code for answer in forms.values()} == {200}
    assert len({answer.headers["etag"] for answer in forms.values()}) == 3
    assert forms["all"].content == read(organisation, long).content
    assert [len(of_devices(forms[form].json())) for form in ("summary", "none")] == [
        len({one["device"]["reference"] for one in of_devices(forms["all"].json())}),
        0,
    ]
    kinds = [entry["resource"]["resourceType"] for entry in forms["none"].json()["entry"]]
    assert "Device" not in kinds
    by_format = organisation.hospital.get(f"{ENCOUNTERS}/{long}", params={"format": "fhir", "readings": "summary"})
    assert by_format.content == forms["summary"].content
    assert read(organisation, long, readings="some").status_code == 422
    misplaced = organisation.hospital.get(f"{ENCOUNTERS}/{long}", params={"readings": "none"})
    assert [error["pointer"] for error in misplaced.json()["errors"]] == ["readings"]


def test_an_edition_has_the_readings_that_came_before_its_end(
    organisation: Organisation, years_later: None, long: str
) -> None:
    client = moved_to(organisation.hospital, "shifted")
    [alias] = [one["id"] for one in client.get(ENCOUNTERS).json()["encounters"]]
    assert len(of_devices(client.bundle(alias))) == 4 * (exporting.PORTION - 20)
    sampled = client.get(f"{ENCOUNTERS}/{alias}/fhir-bundle", params={"readings": "summary"}).json()
    assert {one["valueSampledData"]["period"] % 60_000 for one in of_devices(sampled)} == {0}


@pytest.mark.parametrize("forms", [("summary",), ("all",), ("none",), ("all", "summary")])
def test_a_corrected_identity_withdraws_the_forms_that_were_fetched(
    organisation: Organisation, inside: Inside, forms: tuple[str, ...]
) -> None:
    id, server = organisation.partner.create(**TYPICAL | {"patient": person(BEA)}), FhirServer()
    inside.receive(organisation.id, recorded(id, spo2("91", device_id="dev_1"), spo2("92", device_id="dev_1")))
    for form in forms:
        server.transaction(read(organisation, id, readings=form).json())
    correct(organisation, id, ADA)
    made = len([one for one in server.resources.values() if one["resourceType"] not in SHARED])
    answers = server.transaction(read(organisation, id, readings="none").json())
    live = [one for one in server.of("Observation") if "device" in one and one["status"] == "final"]
    assert live == []
    withdrawn = [one for one in server.resources.values() if is_in_error(one)]
    shared = len(server.of("Organization")) + len(server.of("Location"))
    assert (len(withdrawn), answers.count("200")) == (made, made + shared)
    assert (server.dangling(), server.duplicates()) == ([], [])


def test_readings_are_sorted_for_series_alone(
    organisation: Organisation, inside: Inside, long: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For each export all its readings were sorted twice, which held a processor longer than the rest of the database's work."""
    readings = store.Readings(long, organisation.id, 1_000_000)

    async def shapes(*, with_steps: bool) -> dict[Shape, Span]:
        async with await AsyncConnection.connect(inside.database.app) as conn:
            await conn.execute("SELECT set_config('app.tenant_id', %s, true)", (organisation.id,))
            return await readings.shapes(conn, with_steps=with_steps)

    spans, stepped = asyncio.run(shapes(with_steps=False)), asyncio.run(shapes(with_steps=True))
    assert [*spans.items()] == [(shape, msgspec.structs.replace(span, step=None)) for shape, span in stepped.items()]
    assert any(span.step for span in stepped.values())
    monkeypatch.setattr(queries, "STEPS_OF", "SELECT 1 / 0")
    assert read(organisation, long, readings="all").status_code == 200
    assert read(organisation, long, readings="summary").status_code == 422


def test_a_portion_reads_no_more_than_itself(organisation: Organisation, inside: Inside, long: str) -> None:
    """Without statistics, or with those of short encounters, the planner would read and sort all readings for each portion."""
    readings = store.Readings(long, organisation.id, 1_000_000)

    async def plan() -> str:
        async with await AsyncConnection.connect(inside.database.app) as conn:
            await conn.execute("SELECT set_config('app.tenant_id', %s, true)", (organisation.id,))
            await readings.portion(conn, None, 20)
            parameters = {"id": long, "tenant_id": organisation.id, "end": 1_000_000, "at": "-infinity", "after": ""}
            rows = await conn.execute("EXPLAIN " + queries.PORTION_OF, parameters | {"limit": 20})
            return "\n".join([line for (line,) in await rows.fetchall()])

    found = asyncio.run(plan())
    assert "Index Scan using observations_encounter" in found
    assert "Sort" not in found
