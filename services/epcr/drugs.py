"""Which codes are the drugs and procedures that quality indicators ask for."""

from services.epcr.models.concepts import ATC, RXNORM, SNOMED

DRUGS: dict[str, dict[str, tuple[str, ...]]] = {
    "aspirin": {ATC: ("B01AC06", "N02BA01"), RXNORM: ("1191",), SNOMED: ("387458008",)},
    "gtn": {ATC: ("C01DA02", "C05AE01"), RXNORM: ("4917",), SNOMED: ("387404004",)},
    "oxygen": {ATC: ("V03AN01",), RXNORM: ("7806",), SNOMED: ("24099007",)},
    "glucose": {ATC: ("V06DC01", "B05CX01", "B05BA03"), RXNORM: ("4850",), SNOMED: ("67079006",)},
    "glucagon": {ATC: ("H04AA01",), RXNORM: ("4832",), SNOMED: ("66603002",)},
    "benzodiazepine": {
        ATC: ("N05BA", "N05CD", "N03AE"),
        RXNORM: ("6960", "6470", "3322", "2598"),
        SNOMED: ("373476007", "387106007", "387264003"),
    },
    "beta_agonist": {ATC: ("R03AC", "R03CC"), RXNORM: ("435", "10368"), SNOMED: ("372897005", "386171009")},
    "analgesic": {
        ATC: ("N02A", "N02B", "M01A", "N01AH", "N01AX03", "N01AX14", "N01AX13"),
        RXNORM: ("7052", "4337", "161", "5640", "6130", "7443"),
        SNOMED: ("373529000", "373492002", "387517004", "387207008", "373464007", "111132001"),
    },
}
PROCEDURES: dict[str, tuple[str, ...]] = {
    "ecg_12_lead": ("268400002",),
    "advanced_airway": ("112798008", "424979004", "418613003"),
    "oxygen": ("57485005", "371907003"),
    "defibrillation": ("308842001", "426220008"),
    "cpr": ("89666000",),
    # Drink and food: the procedures that NEMSQA Hypoglycemia-01 takes for a treatment.
    "oral_glucose": ("225285007", "710925007"),
}


def kind_of_drug(system: str, code: str) -> str:
    """`aspirin gtn analgesic oxygen glucose glucagon benzodiazepine beta_agonist`, else `other`. An ATC code belongs to its groups."""
    for kind, by_system in DRUGS.items():
        known = by_system.get(system, ())
        if code in known or (system == ATC and code.startswith(known)):
            return kind
    return "other"


def kind_of_procedure(code: str) -> str:
    """`ecg_12_lead advanced_airway oxygen defibrillation cpr oral_glucose`, else `other`."""
    return next((kind for kind, codes in PROCEDURES.items() if code in codes), "other")
