"""Codes that the quality indicators count, by kind: drugs, procedures, and metrics of devices.

Each code was found under its name in a public source. A code that was not found is left out, and its drug or procedure counts as
`other`. RxNorm codes are of ingredients, and of the forms of glucose that NEMSQA Hypoglycemia-01 lists.
"""

from services.epcr.fhir.displays import display
from services.epcr.records.care import ATC, RXNORM, SNOMED

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
KIND_OF_METRIC = {refid: kind for kind, refids in METRICS.items() for refid in refids}


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
