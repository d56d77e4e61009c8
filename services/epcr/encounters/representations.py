"""Conditional requests and content negotiation (RFC 9110): entity tags of representations, and the wish for FHIR."""

import re

from services.epcr.deidentification.projection import Disclosure
from services.epcr.encounters.models import EncounterRow
from shared.web import problems
from shared.web.http import tag_of

# Raise it when a release gives the same encounter other bytes.
FORMAT = 10
FHIR = "application/fhir+json"
_WEIGHT = re.compile(r"(?:^|;)\s*q\s*=\s*([01](?:\.[0-9]*)?)\s*(?:;|$)")


def etag(row: EncounterRow, disclosure: Disclosure, kind: str) -> str:
    """A strong tag: equal tags mean equal bytes. It depends on domain, mode and representation."""
    return tag_of(FORMAT, row.id, row.revision, row.identity, disclosure.domain.base, disclosure.mode, kind)


def require_match(if_match: list[str], version: int) -> None:
    """Raises a 428 Problem without `If-Match`, a 412 Problem for another version (strong comparison)."""
    text = ",".join(if_match).strip()
    if not text:
        raise problems.Problem(428, "Precondition required", "Send If-Match with the ETag of the version you read.")
    if text != "*" and f'"{version}"' not in [one.strip() for one in text.split(",")]:
        raise problems.precondition_failed("The record was written since; read it again.")


def wants_fhir(accept: list[str]) -> bool:
    """Whether `Accept` names FHIR's media type, and prefers plain JSON no more than it (RFC 9110 §12.5.1)."""
    ranges = [one.partition(";") for one in ",".join(accept).lower().split(",")]
    weights = {
        kind.strip(): float(found[1]) if (found := _WEIGHT.search(parameters)) else 1 for kind, _, parameters in ranges
    }
    return weights.get(FHIR, 0) > 0 and weights[FHIR] >= weights.get("application/json", 0)
