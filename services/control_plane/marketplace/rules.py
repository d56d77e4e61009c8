"""What consent has to name. Pure."""

from collections.abc import Iterable, Sequence
from typing import Any

from services.control_plane.marketplace.models import Consent, ListingRow
from shared.problems import FieldError


def check_consent(consent: Consent, listing: ListingRow) -> list[FieldError]:
    """Exactly what is asked for: neither may a later version slip something in, nor an installation have what it does not want."""
    return [
        *_check("/consented_scopes", consent.consented_scopes, listing.scopes),
        *_check("/consented_event_types", consent.consented_event_types, listing.event_types),
        *_check("/consented_bundles", consent.consented_bundles, bundles(listing.automations)),
    ]


def _check(pointer: str, consented: Sequence[str], asked: Sequence[str]) -> list[FieldError]:
    errors = [FieldError(f"{pointer}/{n}", "is not asked for") for n, name in enumerate(consented) if name not in asked]
    if missing := [name for name in asked if name not in consented]:
        errors.append(FieldError(pointer, f"does not name {', '.join(missing)}"))
    if len(set(consented)) != len(consented):
        errors.append(FieldError(pointer, "names something twice"))
    return errors


def bundles(templates: Iterable[dict[str, Any]]) -> list[str]:
    """The bundles whose documents a listing's automations run."""
    actions = [template["action"] for template in templates]
    return sorted({action["bundle"] for action in actions if action["kind"] == "document"})
