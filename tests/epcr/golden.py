"""The golden bundles: the exact bytes of an encounter of each sort. `python -m tests.epcr.golden` writes them anew."""

import itertools
import json
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from services.epcr.deidentification.projection import Disclosure, Mode, Projection, project
from services.epcr.deidentification.pseudonyms import Pseudonyms
from services.epcr.fhir.export import Content, Export
from services.epcr.fhir.readings import Form, Shape, Span
from services.epcr.fhir.words import Language
from services.epcr.records import amend
from services.epcr.records.models import Encounter, EncounterDraft, LinkedObservation, Status
from shared.primitives.crypto import base64url_encode
from shared.web import http
from tests.epcr.samples import (
    BURNED,
    CHILD,
    INTERFACILITY,
    MINIMAL,
    NEWBORN,
    OVERDOSE,
    REFUSAL,
    RESUSCITATED,
    STROKE,
    TRAUMA,
    TYPICAL,
    UNKNOWN_PATIENT,
    WHOLE,
    WORDED,
)

FOLDER = Path(__file__).parent / "golden"
BEGAN = datetime(2026, 3, 23, 10, tzinfo=UTC)
PSEUDONYMS = Pseudonyms.from_text(f"1:{base64url_encode(bytes(range(32)))}")
TENANT = "org_01jdkfw1b7d3s8x4n6p5r9t2zc"
# One reading or more from every class of device, in every unit that FHIR tells otherwise than the device does.
READINGS: list[tuple[str, str, int, str | None, str | None, dict[str, Any]]] = [
    ("oximeter", "MDC_PULS_OXIM_SAT_O2", 150456, "98.0", "%", {}),
    ("oximeter", "MDC_PULS_OXIM_PULS_RATE", 149530, "71", "{beat}/min", {}),
    ("oximeter", "MDC_PULS_OXIM_PERF_REL", 150448, "2.10", "%", {}),
    ("ecg", "MDC_ECG_HEART_RATE", 147842, "72", "/min", {}),
    ("ecg", "MDC_ECG_TIME_PD_QTc", 147236, "402", "ms", {}),
    ("bp", "MDC_PRESS_BLD_NONINV_SYS", 150021, "131", "mm[Hg]", {"second": 40}),
    ("bp", "MDC_PRESS_BLD_NONINV_DIA", 150022, "79", "mm[Hg]", {"second": 40}),
    ("bp", "MDC_PRESS_BLD_NONINV_MEAN", 150023, "96.5", "mm[Hg]", {"second": 40}),
    ("bp", "MDC_PRESS_BLD_NONINV_SYS", 150021, "128", "mm[Hg]", {}),
    ("bp", "MDC_PRESS_BLD_NONINV_DIA", 150022, "11.30", "kPa", {}),
    ("thermometer", "MDC_TEMP_TYMP", 150392, "36.60", "Cel", {}),
    ("glucose", "MDC_CONC_GLU_CAPILLARY_WHOLEBLOOD", 160184, "5.5", "mmol/L", {}),
    ("glucose", "MDC_CONC_GLU_VENOUS_WHOLEBLOOD", 160192, "99", "mg/dL", {}),
    ("etco2", "MDC_CONC_AWAY_CO2_ET", 151708, "4.8", "%", {}),
    ("etco2", "MDC_AWAY_CO2_ET", 151728, "35", "mm[Hg]", {}),
    ("defib", "MDC_IMPED_TTHOR", 151780, "83.5", "Ohm", {}),
    ("defib", "MDC_ECG_HEART_RATE", 147842, None, None, {"data_absent_reason": "not-a-number"}),
    ("multiparameter", "MDC_LEN_BODY_ACTUAL", 188740, "1.720", "m", {}),
    ("multiparameter", "MDC_TEMP_CORE", 150368, "51.2", "Cel", {"flags": ["out-of-range"]}),
    ("multiparameter", "MDC_SCORE_GLAS_COMA", 153728, "15", "{score}", {"test": True}),
]


def counted(start: int = 1) -> Callable[[str], str]:
    """Ids in a row, in place of those that carry the time."""
    numbers = itertools.count(start)
    return lambda prefix: f"{prefix}_{next(numbers):026d}"


def encounter(body: dict[str, Any], status: Status = "completed", **fields: Any) -> Encounter:
    return encounter_of(orjson.dumps(body), status, **fields)


def encounter_of(text: bytes, status: Status, **fields: Any) -> Encounter:
    draft = http.decode_bytes(text, EncounterDraft)
    values: dict[str, Any] = {
        "id": "enc_01jdkfx3c8e2r9v5m7q4t6w0ya",
        "tenant_id": TENANT,
        "care_model": draft.care_model,
        "status": status,
        "vehicle_id": draft.vehicle_id,
        "cad_incident_id": draft.cad_incident_id,
        "patient_number": draft.patient_number,
        "test": False,
        "version": 1,
        "revision": 1,
        "amended": False,
        "created_at": BEGAN,
        "updated_at": BEGAN + timedelta(hours=1),
        "record": amend.begin(draft, BEGAN, counted()),
    }
    return Encounter(**values | fields)


def readings() -> list[LinkedObservation]:
    """Oldest first."""
    made = [
        LinkedObservation(
            id=f"obs_{number:026d}",
            device_id=f"dev_{device_class}",
            device_class=device_class,
            mdc_code=refid,
            mdc_code10=code10,
            value=None if value is None else Decimal(value),
            unit_code=unit,
            data_absent_reason=more.get("data_absent_reason"),
            observed_at=BEGAN + timedelta(minutes=12, seconds=more.get("second", number)),
            flags=more.get("flags", []),
            test=more.get("test", False),
            revision=2,
        )
        for number, (device_class, refid, code10, value, unit, more) in enumerate(READINGS)
    ]
    return sorted(made, key=lambda one: one.observed_at)


def disclosure(of: Encounter, partner: str = "app_hospital", mode: Mode = "exact") -> Disclosure:
    patient = of.record.patient
    numbers = PSEUDONYMS.numbers(1, of.tenant_id, patient.identifiers if patient else [])
    basis = numbers[0].digest if numbers else PSEUDONYMS.basis_of_encounter(1, of.tenant_id, of.id)
    return Disclosure(PSEUDONYMS.domain(1, of.tenant_id, partner, mode, of.identity), mode, basis)


class Given(NamedTuple):
    """The input of an export: an encounter as a partner sees it, and the observations of its devices, oldest first."""

    projection: Projection
    readings: list[LinkedObservation]

    @property
    def view(self) -> dict[str, Any]:
        return self.projection.view

    @property
    def observations(self) -> list[dict[str, Any]]:
        return [self.projection.moves.observation(one) for one in self.readings]

    def content(self, form: Form) -> Content:
        times: dict[Shape, list[datetime]] = {}
        for one in self.readings:
            times.setdefault(Shape.of(one), []).append(one.observed_at)
        shapes = {shape: _span(of_shape) for shape, of_shape in times.items()}
        return Content(self.projection, {} if form == "none" else shapes, frozenset({form}))


def _span(times: list[datetime]) -> Span:
    steps = [later - earlier for earlier, later in itertools.pairwise(times)]
    return Span(len(times), times[0], times[-1], statistics.median_low(steps) if steps else None)


def projection(of: Encounter, observations: list[LinkedObservation] | None = None, **to: Any) -> Given:
    ordered = sorted(observations or [], key=lambda one: one.observed_at)
    return Given(project(of, disclosure(of, **to)), ordered)


def exported(
    given: Given,
    former: Sequence[Given] = (),
    most: int | None = None,
    form: Form = "all",
    portion: int = 250,
    language: Language = "en",
) -> bytes:
    """The bytes of an export, after a check that nothing is wrong with them."""
    contents = [given, *former]
    export = Export([one.content(form) for one in contents], most, language)
    export.check_all()
    written = [*export.begin()]
    for number, one in enumerate(contents):
        for start in range(0, len(one.readings) if form != "none" else 0, portion):
            written.append(export.add(number, one.readings[start : start + portion]))
        written += export.end_readings(number)
    written += export.end()
    assert export.faults == []
    return b"".join(written)


def bundle(given: Given, former: Sequence[Given] = (), form: Form = "all", language: Language = "en") -> dict[str, Any]:
    return json.loads(exported(given, former, form=form, language=language), parse_float=Decimal)


def split(given: Given, most: int) -> list[dict[str, Any]]:
    return json.loads(exported(given, most=most), parse_float=Decimal)["bundles"]


def typical() -> Encounter:
    return encounter(TYPICAL)


MAKERS: dict[str, Callable[[], dict[str, Any]]] = {
    "minimal": lambda: bundle(projection(encounter(MINIMAL, "in_progress"))),
    "typical": lambda: bundle(projection(typical())),
    "arrest": lambda: bundle(projection(encounter(RESUSCITATED, "handed_over"))),
    "whole": lambda: bundle(projection(encounter(WHOLE))),
    "italian": lambda: bundle(projection(encounter(WHOLE)), language="it"),
    "stroke": lambda: bundle(projection(encounter(STROKE))),
    "trauma": lambda: bundle(projection(encounter(TRAUMA))),
    "child": lambda: bundle(projection(encounter(CHILD))),
    "newborn": lambda: bundle(projection(encounter(NEWBORN))),
    "burned": lambda: bundle(projection(encounter(BURNED))),
    "worded": lambda: bundle(projection(encounter(WORDED))),
    "unknown_patient": lambda: bundle(projection(encounter(UNKNOWN_PATIENT))),
    "overdose": lambda: bundle(projection(encounter(OVERDOSE))),
    "interfacility": lambda: bundle(projection(encounter(INTERFACILITY))),
    "refusal": lambda: bundle(projection(encounter(REFUSAL))),
    "every_class_of_device": lambda: bundle(projection(encounter(MINIMAL), readings())),
    "series": lambda: bundle(projection(encounter(MINIMAL), readings()), form="summary"),
    "corrected": lambda: bundle(
        projection(encounter(TYPICAL, identity=2), readings()), [projection(typical(), readings())]
    ),
    "shifted": lambda: bundle(projection(typical(), mode="shifted")),
    "safe_harbor": lambda: bundle(projection(typical(), mode="safe_harbor")),
}


class Bundles(Mapping[str, dict[str, Any]]):
    """Bundles by name. Each is made when it is first read: a process that only collects these tests makes none."""

    def __init__(self) -> None:
        self._made: dict[str, dict[str, Any]] = {}

    def __getitem__(self, name: str) -> dict[str, Any]:
        if name not in self._made:
            self._made[name] = MAKERS[name]()
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(MAKERS)

    def __len__(self) -> int:
        return len(MAKERS)


def written(content: dict[str, Any]) -> bytes:
    """Indented for people, numbers digit for digit as they go out."""

    def exact(value: Any) -> orjson.Fragment:
        assert isinstance(value, Decimal)
        return orjson.Fragment(format(value, "f"))

    return orjson.dumps(content, default=exact, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, content in Bundles().items():
        (FOLDER / f"{name}.json").write_bytes(written(content))
