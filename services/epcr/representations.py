"""Which representation is asked for, and the tags that name its bytes."""

import hashlib
import re
from collections.abc import Mapping

from starlette.responses import Response

from services.epcr.deidentify import Disclosure
from services.epcr.queries import EncounterRow
from shared import problems

# Raised whenever the same encounter would be told in other bytes.
FORMAT = 3
FHIR = "application/fhir+json"
_WEIGHT = re.compile(r"(?:^|;)\s*q\s*=\s*([01](?:\.[0-9]*)?)\s*(?:;|$)")
_TAG = re.compile(r'(?:W/)?"([\x21\x23-\x7e]*)"')


def etag(row: EncounterRow, disclosure: Disclosure, kind: str) -> str:
    """Strong: the same tag is the same bytes, in one domain, mode and representation."""
    parts = (FORMAT, row.id, row.revision, disclosure.domain.base, disclosure.mode, kind)
    return f'"{hashlib.sha256(repr(parts).encode()).hexdigest()[:32]}"'


def is_known(if_none_match: list[str], tag: str) -> bool:
    """Whether a client already has what `tag` names (RFC 9110 §13.1.2, compared weakly)."""
    text = ",".join(if_none_match).strip()
    return text == "*" or tag.strip('"') in _TAG.findall(text)


def not_modified(headers: Mapping[str, str]) -> Response:
    return Response(status_code=304, headers=dict(headers) | {"cache-control": "no-store"})


def require_match(if_match: list[str], version: int) -> None:
    """Raises Problem: 428 without `If-Match`, 412 when it names another version (compared strongly)."""
    text = ",".join(if_match).strip()
    if not text:
        raise problems.Problem(428, "Precondition required", "Send If-Match with the ETag of the version you read.")
    if text != "*" and f'"{version}"' not in [one.strip() for one in text.split(",")]:
        raise problems.precondition_failed("The record was written since; read it again.")


def wants_fhir(accept: list[str]) -> bool:
    """Whether FHIR's media type is asked for by name, and plain JSON not rather (RFC 9110 §12.5.1)."""
    ranges = [one.partition(";") for one in ",".join(accept).lower().split(",")]
    weights = {kind.strip(): _weight(parameters) for kind, _, parameters in ranges}
    return weights.get(FHIR, 0) > 0 and weights[FHIR] >= weights.get("application/json", 0)


def _weight(parameters: str) -> float:
    found = _WEIGHT.search(parameters)
    return float(found[1]) if found else 1
