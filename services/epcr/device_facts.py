"""What the quality indicators are told of devices' readings: of a mission's thousands, those that an indicator asks for."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal

from services.epcr.models.observations import LinkedObservation
from shared.messages import VitalFact

# ISO/IEEE 11073-10101. Interstitial glucose runs minutes behind the blood's and is left out, as is what a ventilator is set to.
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
_KINDS = {refid: kind for kind, refids in METRICS.items() for refid in refids}
_PRESSURES = frozenset({"systolic", "diastolic"})
_MMHG_PER_KPA = Decimal("7.50062")


def device_vitals(observations: Sequence[LinkedObservation], airway_at: datetime | None) -> Iterator[VitalFact]:
    """Of each kind and unit the first, lowest, highest and last reading.

    Of end-tidal CO2 also the highest since `airway_at`, when the last advanced airway was placed.
    """
    series: dict[tuple[str, str | None], list[VitalFact]] = defaultdict(list)
    for one in sorted(observations, key=lambda one: (one.observed_at, one.id)):
        kind = _KINDS.get(one.mdc_code)
        if kind and one.value is not None and not one.test and not one.flags:
            fact = _fact(kind, one.value, one.unit_code, one.observed_at)
            series[kind, fact.unit].append(fact)
    for (kind, _), readings in series.items():
        yield from _chosen(readings, airway_at if kind == "etco2" else None)


def _fact(kind: str, value: Decimal, unit: str | None, at: datetime) -> VitalFact:
    """Pressures as crews write them, in `mm[Hg]`; of other kinds the message's readers know every unit."""
    if kind in _PRESSURES and unit == "kPa":
        value, unit = value * _MMHG_PER_KPA, "mm[Hg]"
    return VitalFact(kind=kind, value=value, unit=unit, at=at)


def _chosen(readings: list[VitalFact], airway_at: datetime | None) -> list[VitalFact]:
    """Readings are in the order of their times."""
    ranked = sorted(range(len(readings)), key=lambda index: readings[index].value or Decimal())
    places = [0, ranked[0], ranked[-1], len(readings) - 1]
    if airway_at is not None:
        places += [index for index in ranked if (at := readings[index].at) and at >= airway_at][-1:]
    return [readings[index] for index in dict.fromkeys(places)]
