"""Conditional requests and content negotiation (RFC 9110): entity tags of representations, and the wish for FHIR."""

import hashlib
import re
from collections.abc import Mapping

from starlette.responses import Response

from services.epcr.deidentification.projection import Disclosure
from services.epcr.encounters.models import EncounterRow
from shared.web import problems

# Raise it when a release gives the same encounter other bytes.
FORMAT = 7
FHIR = "application/fhir+json"
_WEIGHT = re.compile(r"(?:^|;)\s*q\s*=\s*([01](?:\.[0-9]*)?)\s*(?:;|$)")
_TAG = re.compile(r'(?:W/)?"([\x21\x23-\x7e]*)"')


def etag(row: EncounterRow, disclosure: Disclosure, kind: str) -> str:
    """A strong tag: equal tags mean equal bytes. It depends on domain, mode and representation."""
    return tag_of(FORMAT, row.id, row.revision, row.identity, disclosure.domain.base, disclosure.mode, kind)


def tag_of(*parts: object) -> str:
    return f'"{hashlib.sha256(repr(parts).encode()).hexdigest()[:32]}"'


def is_known(if_none_match: list[str], tag: str) -> bool:
    """Whether the client already has the representation of `tag` (RFC 9110 §13.1.2, weak comparison)."""
    text = ",".join(if_none_match).strip()
    return text == "*" or tag.strip('"') in _TAG.findall(text)


def not_modified(headers: Mapping[str, str]) -> Response:
    return Response(status_code=304, headers=dict(headers) | {"cache-control": "no-store"})


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
