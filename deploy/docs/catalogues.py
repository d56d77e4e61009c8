"""The accepted values that no schema lists: metrics of devices with their units, code systems, units of records, quality indicators."""

from typing import Any

from services.device_ingest import nomenclature
from services.epcr.records import care
from services.graphql_api.acqi import measures
from services.graphql_api.acqi.indicators import INDICATORS

CODE_SYSTEMS = {
    care.ICD10: "Diagnoses: ICD-10 of the WHO, such as `I21.9`",
    care.ICD10_CM: "Diagnoses: ICD-10, clinical modification, such as `I21.09`",
    care.SNOMED: "Procedures, routes, body sites and drugs: SNOMED CT, such as `268400002`",
    care.RXNORM: "Drugs: RxNorm, such as `1191`",
    care.ATC: "Drugs: ATC, such as `B01AC06`",
}
# The values that name a unit of their own, by the field that holds them.
MEASURED: dict[str, type[care.Measurement]] = {
    "temperature": care.Temperature,
    "etco2": care.EndTidalCO2,
    "glucose": care.Glucose,
    "weight": care.Mass,
}


def catalogues() -> dict[str, Any]:
    """`x-catalogues` of the contract, the same at every call."""
    return {
        "metrics": [
            {
                "mdc_code": metric.refid,
                "mdc_code10": metric.code10,
                "name": metric.name,
                "device_classes": sorted(metric.device_classes),
                "units": list(metric.units),
                "loinc": list(metric.loinc),
            }
            for metric in nomenclature.metrics()
            if metric.accept not in nomenclature.NOT_ACCEPTED
        ],
        "code_systems": [{"system": system, "description": text} for system, text in CODE_SYSTEMS.items()],
        "units": {name: list(kind.units) for name, kind in MEASURED.items()} | {"dose": sorted(care.DOSE_UNITS)},
        "indicators": [
            {
                "name": one.name,
                "version": one.version,
                "description": one.description,
                "inclusion": one.inclusion,
                "exclusion": one.exclusion,
                "differs": one.differs,
                "unit": one.unit,
                "improves": one.improves,
                "source": one.source,
                "measure": measures.canonical(one),
            }
            for one in INDICATORS
        ],
    }
