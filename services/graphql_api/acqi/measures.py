"""The definitions of the indicators as FHIR R4 Measures (`Measure`), which the docs host serves at their canonical URLs."""

from collections.abc import Iterator
from typing import Any

from services.graphql_api.acqi.definitions import Indicator
from services.graphql_api.acqi.indicators import INDICATORS

Json = dict[str, Any]
CANONICAL = "https://knogin.com/fhir/Measure"
TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
DATE = "2026-11-27"


def identifier(indicator: Indicator) -> str:
    """The id of the Measure: an id in FHIR has no underscore."""
    return indicator.name.replace("_", "-")


def canonical(indicator: Indicator) -> str:
    """The URL and version of the definition that counts now."""
    return f"{CANONICAL}/{identifier(indicator)}|{indicator.version}"


def concept(system: str, code: str) -> Json:
    return {"coding": [{"system": f"{TERMINOLOGY}/{system}", "code": code}]}


def improvement(indicator: Indicator) -> Json:
    return concept("measure-improvement-notation", indicator.improves)


def populations(indicator: Indicator) -> dict[str, str]:
    """The code of each population, and its criterion. The denominator is without the excluded and the unknown."""
    everyone = {"initial-population": indicator.inclusion}
    if indicator.is_time:
        return everyone | {
            "measure-population-exclusion": indicator.exclusion,
            "measure-population": "Cases with both times, without the excluded",
            "measure-observation": indicator.description,
        }
    return everyone | {
        "denominator-exclusion": indicator.exclusion,
        "denominator": "Cases with a known answer, without the excluded",
        "numerator": indicator.description,
    }


def resources() -> Iterator[Json]:
    """One Measure for each indicator."""
    for one in INDICATORS:
        yield {
            "resourceType": "Measure",
            "id": identifier(one),
            "url": f"{CANONICAL}/{identifier(one)}",
            "version": one.version,
            "name": "".join(word.title() for word in one.name.split("_")),
            "title": one.description.removesuffix("."),
            "status": "active",
            "experimental": False,
            "date": DATE,
            "publisher": "Knogin",
            "description": f"{one.description} Population: {one.inclusion}. Excluded: {one.exclusion}.",
            "scoring": concept("measure-scoring", "continuous-variable" if one.is_time else "proportion"),
            "improvementNotation": improvement(one),
            "guidance": f"Differs from its source: {one.differs}.",
            "relatedArtifact": [{"type": "derived-from", "citation": one.source}],
            "group": [
                {
                    "population": [
                        {
                            "code": concept("measure-population", code),
                            "criteria": {"language": "text/plain", "expression": text},
                        }
                        for code, text in populations(one).items()
                    ]
                }
            ],
        }
