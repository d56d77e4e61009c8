"""Facts of an encounter for the quality indicators: codes, numbers and times, and nothing that identifies the patient.

The tables name the codes that indicators count, by kind. Each code was found under its name in a public source. A code that was not
found is left out, and its drug or procedure counts as `other`. RxNorm codes are of ingredients, and of the forms of glucose that NEMSQA
Hypoglycemia-01 lists.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar

import msgspec
from msgspec.structs import asdict

from services.epcr.deidentification.projection import OLDEST_AGE_SHOWN
from services.epcr.records.amend import impressions
from services.epcr.records.assessment import Dispatch, Injury, Triage
from services.epcr.records.care import ATC, RXNORM, SNOMED, Disposition, Medication, Times, display
from services.epcr.records.models import Encounter, LinkedObservation, Record, age, began
from shared.messaging.messages import AirwayFact, ArrestFact, CodedFact, CprFact, EncounterFacts, StrokeFact, VitalFact

Fact = TypeVar("Fact", bound=msgspec.Struct)
_NUMBERS = ("heart_rate", "respiratory_rate", "systolic", "diastolic", "spo2", "gcs", "pain")
_MEASURED = ("temperature", "etco2", "glucose")
_PRESSURES = frozenset({"systolic", "diastolic"})
_MMHG_PER_KPA = Decimal("7.50062")


DRUGS: dict[str, dict[str, tuple[str, ...]]] = {
    "aspirin": {ATC: ("B01AC06", "N02BA01"), RXNORM: ("1191",), SNOMED: ("387458008",)},
    "gtn": {ATC: ("C01DA02", "C05AE01"), RXNORM: ("4917",), SNOMED: ("387404004",)},
    "oxygen": {ATC: ("V03AN01",), RXNORM: ("7806",), SNOMED: ("24099007",)},
    "glucose": {
        ATC: ("V06DC01", "B05CX01", "B05BA03"),
        RXNORM: (
            *("4850", "377980", "376937", "372326", "237653", "260258", "309778"),
            *("1795610", "1795477", "1794567", "1165823", "1165822", "1165819"),
        ),
        SNOMED: ("67079006",),
    },
    "glucagon": {ATC: ("H04AA01",), RXNORM: ("4832",)},
    "benzodiazepine": {
        ATC: ("N05BA", "N05CD", "N03AE"),
        RXNORM: ("6960", "203128", "6470", "3322", "2598"),
        SNOMED: ("373476007", "387106007", "387264003"),
    },
    # Inhaled, as the measure requires: R03C is systemic, and the ingredient terbutaline has no route. Combinations with a short-acting
    # agonist have their own codes, because their groups also hold the long-acting ones.
    "beta_agonist": {
        ATC: ("R03AC", "R03AK03", "R03AK04", "R03AK05", "R03AK13", "R03AK15", "R03AL01", "R03AL02"),
        RXNORM: ("435", "237159", "214199"),
        SNOMED: ("372897005",),
    },
    "analgesic": {
        ATC: ("N02A", "N02B", "M01A", "N01AH", "N01AX03", "N01AX14", "N01AX13"),
        RXNORM: ("7052", "4337", "161", "5640", "6130"),
        SNOMED: ("373529000", "373492002", "387517004", "387207008", "373464007", "111132001"),
    },
}
# SNOMED CT impressions that indicators ask for, as the ICD-10 codes by which they ask.
IMPRESSIONS: dict[str, str] = {
    "401303003": "I21.3",
    "230690007": "I64",
    "422504002": "I63.9",
    "266257000": "G45.9",
    "195967001": "J45.9",
    "271594007": "R55",
    "13645005": "J44.9",
    "267036007": "R06.0",
    "410429000": "I46.9",
    "71620000": "S72.9",
    "125605004": "T14.2",
}
PROCEDURES: dict[str, tuple[str, ...]] = {
    "ecg_12_lead": ("268400002",),
    # Tubes in the trachea, then devices above the glottis. Laryngoscopy and induction alone secure no airway.
    "advanced_airway": (
        *("112798008", "16883004", "182682004", "232674004", "232677006", "232678001", "232679009", "232680007"),
        *("232682004", "304341005", "397892004", "418613003", "429161001", "450601000124103"),
        *("424979004", "427753009", "429705000", "450611000124100"),
    ),
    "oxygen": ("57485005", "371907003"),
    "defibrillation": ("308842001", "426220008", "450661000124102"),
    "cpr": ("89666000",),
    # Drink and food: the procedures that NEMSQA Hypoglycemia-01 counts as a treatment.
    "oral_glucose": ("225285007", "710925007"),
}
# ISO/IEEE 11073-10101. Left out: interstitial glucose, which is minutes behind the blood's, and the settings of ventilators.
METRICS: dict[str, tuple[str, ...]] = {
    "spo2": (
        "MDC_PULS_OXIM_SAT_O2",
        "MDC_SAT_O2_ART",
    ),
    "heart_rate": (
        "MDC_PULS_OXIM_PULS_RATE",
        "MDC_PLETH_PULS_RATE",
        "MDC_ECG_HEART_RATE",
        "MDC_ECG_HEART_RATE_INSTANT",
        "MDC_PULS_RATE_NON_INV",
        "MDC_PULS_RATE",
        "MDC_BLD_PULS_RATE_INV",
    ),
    "respiratory_rate": (
        "MDC_PULS_OXIM_PLETH_RESP_RATE",
        "MDC_RESP_RATE",
        "MDC_TTHOR_RESP_RATE",
        "MDC_AWAY_RESP_RATE",
        "MDC_CO2_RESP_RATE",
    ),
    "etco2": (
        "MDC_CONC_AWAY_CO2_ET",
        "MDC_AWAY_CO2_ET",
    ),
    "systolic": (
        "MDC_PRESS_BLD_NONINV_SYS",
        "MDC_PRESS_CUFF_SYS",
        "MDC_PRESS_BLD_SYS",
        "MDC_PRESS_BLD_ART_SYS",
        "MDC_PRESS_BLD_ART_ABP_SYS",
    ),
    "diastolic": (
        "MDC_PRESS_BLD_NONINV_DIA",
        "MDC_PRESS_CUFF_DIA",
        "MDC_PRESS_BLD_DIA",
        "MDC_PRESS_BLD_ART_DIA",
        "MDC_PRESS_BLD_ART_ABP_DIA",
    ),
    "temperature": (
        "MDC_TEMP",
        "MDC_TEMP_BODY",
        "MDC_TEMP_CORE",
        "MDC_TEMP_TYMP",
        "MDC_TEMP_EAR",
        "MDC_TEMP_ORAL",
        "MDC_TEMP_RECT",
        "MDC_TEMP_AXILLA",
        "MDC_TEMP_AXIL",
        "MDC_TEMP_ESOPH",
        "MDC_TEMP_NASOPH",
        "MDC_TEMP_FOLEY",
        "MDC_TEMP_GIT",
    ),
    "glucose": (
        "MDC_CONC_GLU_GEN",
        "MDC_CONC_GLU_CAPILLARY_WHOLEBLOOD",
        "MDC_CONC_GLU_CAPILLARY_PLASMA",
        "MDC_CONC_GLU_VENOUS_WHOLEBLOOD",
        "MDC_CONC_GLU_VENOUS_PLASMA",
        "MDC_CONC_GLU_ARTERIAL_WHOLEBLOOD",
        "MDC_CONC_GLU_ARTERIAL_PLASMA",
        "MDC_CONC_GLU_UNDETERMINED_WHOLEBLOOD",
        "MDC_CONC_GLU_UNDETERMINED_PLASMA",
    ),
    "gcs": ("MDC_SCORE_GLAS_COMA",),
}
EXTENT = 5
"""Raise it when the same record gives more or other facts; `resend-facts` then sends those of earlier encounters again."""
KIND_OF_METRIC = {refid: kind for kind, refids in METRICS.items() for refid in refids}


def facts_of(encounter: Encounter, observations: Sequence[LinkedObservation]) -> EncounterFacts:
    """The complete facts of this revision of an encounter. `observations` are its extremes, or all; the facts are the same."""
    record = encounter.record
    patient, ending = record.patient, record.disposition or Disposition()
    call, triage, injury = record.dispatch or Dispatch(), record.triage or Triage(), record.injury or Injury()
    done = [one for one in record.procedures if not one.entered_in_error]
    procedures, (age_years, is_newborn) = _procedures(record), _age(record)
    tried = [one for one in record.airway_attempts if not one.entered_in_error]
    airways = [_same(AirwayFact, one, at=one.attempted_at) for one in tried]
    # Primary first. A SNOMED CT impression that no indicator asks for has no code there.
    in_icd10 = [one.code if one.system != SNOMED else IMPRESSIONS.get(one.code) for one in impressions(record)]
    return EncounterFacts(
        encounter_id=encounter.id,
        version=encounter.revision,
        # A record may name times ahead of every clock, which no consumer takes.
        day=min(began(record), encounter.updated_at).astimezone(UTC).date(),
        status=encounter.status,
        care_model=encounter.care_model,
        response="emergency" if encounter.care_model == "prehospital_emergency" else encounter.care_model,
        age_years=age_years,
        newborn=is_newborn,
        sex=patient.sex if patient else None,
        impressions=[code for code in in_icd10 if code is not None],
        conditions=["stemi"] if any(one.finding == "stemi" for one in done) else [],
        times={name: at for name, at in asdict(record.times or Times()).items() if at is not None},
        vitals=[*_vitals(record), *device_vitals(observations, _airway_at(procedures, airways))],
        medications=[_medication(one) for one in record.medications if not one.entered_in_error],
        procedures=procedures,
        arrest=None if record.arrest is None else _same(ArrestFact, record.arrest),
        stroke=_stroke(record),
        transported=None if ending.outcome is None else ending.outcome == "transported",
        outcome=ending.outcome,
        prealert=_prealert(record, ending),
        lights_and_sirens=ending.lights_and_sirens,
        # Without a mechanism the impressions decide.
        injury=True if injury.mechanism or injury.criteria or injury.burned_surface else None,
        dispatch_category=call.category,
        responded_with_lights_and_sirens=call.lights_and_sirens,
        acuity_scale=triage.scale,
        acuity_initial=triage.initial,
        acuity_final=triage.final,
        weight_recorded=None if record.weight is None else bool(record.weight.value or record.weight.tape),
        trauma_criteria=list(injury.criteria),
        child_restrained="child_restraint" in injury.protection if injury.protection else None,
        destination_type=ending.destination_type,
        prealert_for=ending.prealert_for,
        prealert_at=ending.prealert_at,
        airways=airways,
        cpr=None if record.cpr is None else _same(CprFact, record.cpr),
        restrained_in_transport=ending.child_restrained,
        incident=_incident(encounter),
        extent=EXTENT,
        test=encounter.test,
    )


def _incident(encounter: Encounter) -> str:
    """The same for all crews at an incident. It joins them and hides the CAD's id, but not from somebody who can try all ids."""
    named = [encounter.tenant_id, encounter.test, encounter.cad_incident_id]
    return hashlib.sha256(msgspec.json.encode(named)).hexdigest()[:32]


def with_readings(facts: EncounterFacts, observations: Sequence[LinkedObservation]) -> EncounterFacts:
    """Facts that were made without readings, with those of `observations`."""
    added = device_vitals(observations, _airway_at(facts.procedures, facts.airways))
    return msgspec.structs.replace(facts, vitals=[*facts.vitals, *added])


def extremes_asked(tenant_id: str, facts: EncounterFacts) -> dict[str, Any]:
    """The parameters of EXTREMES_OF, which finds the observations that these facts need."""
    return {
        "id": facts.encounter_id,
        "tenant_id": tenant_id,
        "revision": facts.version,
        "metrics": list(KIND_OF_METRIC),
        "airway_at": _airway_at(facts.procedures, facts.airways),
    }


def _procedures(record: Record) -> list[CodedFact]:
    return [
        CodedFact(
            kind=kind_of_procedure(done.procedure.code),
            code=done.procedure.code,
            at=done.performed_at,
            successful=None if done.outcome is None else done.outcome == "successful",
            not_done_reason=done.not_done,
        )
        for done in record.procedures
        if not done.entered_in_error
    ]


def _prealert(record: Record, ending: Disposition) -> bool | None:
    """Whether the hospital was alerted; None if that is not recorded. An alert with a time or a reason was given."""
    if ending.prealert_at or ending.prealert_for:
        return True
    known = [part.prealert for part in (record.disposition, record.stroke) if part and part.prealert is not None]
    return any(known) if known else None


def _airway_at(procedures: Sequence[CodedFact], airways: Sequence[AirwayFact]) -> datetime | None:
    """The time of the last advanced airway, which crews record as a procedure or as an attempt."""
    done = [one for one in procedures if one.kind == "advanced_airway" and one.successful]
    placed = [one.at for one in done if one.at and one.not_done_reason is None]
    placed += [one.at for one in airways if one.successful and not one.prior_to_arrival]
    return max(placed, default=None)


def _age(record: Record) -> tuple[int | None, bool | None]:
    """In years, and whether the patient was born on the day of the encounter or the next one; an hour of birth is not recorded."""
    patient, day = record.patient, began(record).astimezone(UTC).date()
    if patient is None or (patient.birth_date is None and patient.age_years is None):
        return None, None
    years = patient.age_years if patient.birth_date is None else max(0, age(patient.birth_date, day))
    return min(years or 0, OLDEST_AGE_SHOWN + 1), patient.birth_date is not None and patient.birth_date >= day


def _vitals(record: Record) -> Iterator[VitalFact]:
    for signs in record.vital_signs:
        if signs.entered_in_error:
            continue
        for kind in _NUMBERS:
            value = getattr(signs, kind)
            if value is not None:
                yield VitalFact(kind=kind, value=Decimal(value), at=signs.taken_at)
        parts = [signs.gcs_eye, signs.gcs_verbal, signs.gcs_motor]
        if signs.gcs is None and None not in parts:
            yield VitalFact(kind="gcs", value=Decimal(sum(part or 0 for part in parts)), at=signs.taken_at)
        for kind in _MEASURED:
            measured = getattr(signs, kind)
            if measured is not None:
                yield VitalFact(kind=kind, value=measured.value, unit=measured.unit, at=signs.taken_at)
        if signs.avpu is not None:
            yield VitalFact(kind="avpu", text=signs.avpu, at=signs.taken_at)
    stroke = record.stroke
    if stroke and {stroke.face, stroke.arm, stroke.speech} - {None}:
        is_positive = "abnormal" in (stroke.face, stroke.arm, stroke.speech)
        yield VitalFact(kind="fast", text="positive" if is_positive else "negative", at=stroke.assessed_at)


def _medication(given: Medication) -> CodedFact:
    """A drug of which only the crew's words are known may be any drug."""
    drug = given.medication
    kind = kind_of_drug(drug.system, drug.code) if drug.system and drug.code else "unknown"
    return CodedFact(kind=kind, code=drug.code, at=given.given_at, not_done_reason=given.not_done)


def _same(kind: type[Fact], part: msgspec.Struct, **others: Any) -> Fact:
    """A fact with the fields that a part of the record has under the same names."""
    names = [name for name in kind.__struct_fields__ if name not in others]
    return kind(**{name: getattr(part, name) for name in names}, **others)


def _stroke(record: Record) -> StrokeFact | None:
    stroke = record.stroke
    if stroke is None:
        return None
    return StrokeFact(
        suspected=stroke.suspected,
        fast_assessed=None not in (stroke.face, stroke.arm, stroke.speech),
        last_known_well_recorded=stroke.last_known_well is not None,
        nihss_recorded=stroke.nihss is not None,
    )


def device_vitals(observations: Sequence[LinkedObservation], airway_at: datetime | None) -> Iterator[VitalFact]:
    """The first, lowest, highest and last observation of each kind and unit, because a mission has thousands.

    Of end-tidal CO2 also the highest since `airway_at`, the time of the last advanced airway.
    """
    series: dict[tuple[str, str | None], list[VitalFact]] = defaultdict(list)
    for one in sorted(observations, key=lambda one: (one.observed_at, one.id)):
        kind = KIND_OF_METRIC.get(one.mdc_code)
        if kind and one.value is not None and not one.test and not one.flags:
            value, unit = one.value, one.unit_code
            if kind in _PRESSURES and unit == "kPa":
                # As crews record them; graphql-api converts the units of other kinds.
                value, unit = value * _MMHG_PER_KPA, "mm[Hg]"
            series[kind, unit].append(VitalFact(kind=kind, value=value, unit=unit, at=one.observed_at))
    for (kind, _), facts in series.items():
        ranked = sorted(range(len(facts)), key=lambda index: facts[index].value or Decimal())
        places = [0, ranked[0], ranked[-1], len(facts) - 1]
        if kind == "etco2" and airway_at is not None:
            places += [index for index in ranked if (at := facts[index].at) and at >= airway_at][-1:]
        yield from (facts[index] for index in dict.fromkeys(places))


def kind_of_drug(system: str, code: str) -> str:
    """`aspirin gtn analgesic oxygen glucose glucagon benzodiazepine beta_agonist`, else `other`, or `unknown`.

    An ATC code belongs to its groups, and a group that holds a listed code may be any of its drugs. A code of RxNorm or SNOMED CT is
    another drug only where a table knows it: a product or a brand may contain a listed ingredient.
    """
    for kind, by_system in DRUGS.items():
        known = by_system.get(system, ())
        if code in known or (system == ATC and code.startswith(known)):
            return kind
    if system == ATC:
        listed = (one for by_system in DRUGS.values() for one in by_system.get(ATC, ()))
        return "unknown" if any(one.startswith(code) for one in listed) else "other"
    return "other" if display(system, code) else "unknown"


def kind_of_procedure(code: str) -> str:
    """`ecg_12_lead advanced_airway oxygen defibrillation cpr oral_glucose`, else `other`."""
    return next((kind for kind, codes in PROCEDURES.items() if code in codes), "other")
