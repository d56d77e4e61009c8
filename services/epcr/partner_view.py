"""The de-identified JSON of an encounter."""

from typing import Any, NamedTuple

from services.epcr.deidentify import Disclosure, project
from services.epcr.disclosure import Policy, disclose, provisional, shows_patient
from services.epcr.pseudonyms import Pseudonyms
from services.epcr.sealing import Stored
from shared.database import AsyncConnection

SUMMARY = (
    "id",
    "organization_id",
    "care_model",
    "status",
    "vehicle_id",
    "cad_incident_id",
    "patient_number",
    "version",
    "created_at",
    "updated_at",
)
_INTERNAL = frozenset({"anchor", "revision", "amended"})


class PlainView(NamedTuple):
    content: dict[str, Any]
    disclosure: Disclosure


async def plain_view(conn: AsyncConnection, stored: Stored, policy: Policy, pseudonyms: Pseudonyms) -> PlainView:
    """An encounter as a partner sees it; the summary's fields stand first."""
    is_shown = shows_patient(stored.encounter, policy)
    disclosure = (
        await disclose(conn, stored, policy, pseudonyms) if is_shown else provisional(stored, policy, pseudonyms)
    )
    view = project(stored.encounter, [], disclosure).view
    if stored.encounter.record.patient is None:
        del view["patient"]
    head = {name: view[name] for name in SUMMARY if name in view}
    rest = {name: value for name, value in view.items() if name not in head and name not in _INTERNAL}
    return PlainView(head | rest, disclosure)


def summary(view: PlainView) -> dict[str, Any]:
    """What stands in a list."""
    return {name: view.content[name] for name in SUMMARY if name in view.content}
