"""Entries of a transaction bundle: identifiers and references of resources, and requests that make no duplicate when repeated."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from services.epcr.deidentification.projection import Projection
from services.epcr.fhir.terms import Json, meta
from services.epcr.records.models import start_of

# The last part of a pseudonym's system, by resource type.
KINDS = {
    "Patient": "patient",
    "Encounter": "encounter",
    "Composition": "composition",
    "Device": "device",
    "Observation": "observation",
    "Procedure": "procedure",
    "MedicationAdministration": "medication",
    "Condition": "condition",
    "AllergyIntolerance": "allergy",
    "MedicationStatement": "statement",
    "Location": "location",
    "PractitionerRole": "crew",
    "List": "list",
}
# Organisations are the same for all partners; the platform's id names them.
ORGANIZATIONS = "https://knogin.com/fhir/organizations"


class Entry(NamedTuple):
    """A resource for a bundle. `mutable`: a server may hold an earlier state of it. `needs`: the devices it refers to."""

    resource: Json
    uuid: str
    mutable: bool
    needs: tuple[str, ...] = ()


class Scene(NamedTuple):
    """The common references of all entries of an encounter. `is_split`: they are spread over several bundles."""

    projection: Projection
    patient: str
    encounter: str
    test: bool
    is_split: bool = False

    def begin(
        self,
        kind: str,
        uuid: str,
        test: bool = False,
        extensions: Sequence[Json] = (),
        contained: Sequence[Json] = (),
    ) -> Json:
        """The first members of a resource: type, labels, extensions, and the identifier by which a server finds it again."""
        own = identifier(self.projection, kind, uuid)
        return {
            "resourceType": kind,
            "meta": meta(self.test or test),
            **({"contained": list(contained)} if contained else {}),
            **({"extension": list(extensions)} if extensions else {}),
            "identifier": own if kind == "Composition" else [own],
        }

    def refer(self, kind: str, uuid: str) -> Json:
        """A reference to an entry that may be in another bundle."""
        return logical_reference(self.projection, kind, uuid) if self.is_split else reference(kind, uuid)

    def start(self) -> datetime:
        """The begin of the mission, the time of all that has no time of its own.

        Of a record that was begun before its times were known, the anchor is later than they are; of one whose times were mistyped and
        corrected, it is that of the first ones.
        """
        view = self.projection.view
        return start_of(view.get("times", {}), view["anchor"])

    def has_another_start(self) -> bool:
        """Whether a receiver may hold resources with another begin of the mission: releases before this rule sent the anchor."""
        return "times" in self.projection.rewritten or self.start() != self.projection.view["anchor"]

    def subject(self) -> Json:
        return reference("Patient", self.patient)

    def context(self) -> Json:
        return reference("Encounter", self.encounter)

    def uuid(self, kind: str, local: str) -> str:
        return self.projection.domain.uuid(KINDS[kind], local)


def scene_of(projection: Projection, *, is_split: bool = False) -> Scene:
    view = projection.view
    return Scene(projection, view["patient"]["id"], projection.encounter_pseudonym, view["test"], is_split)


def identifier(projection: Projection, kind: str, uuid: str) -> Json:
    if kind == "Organization":
        return {"system": ORGANIZATIONS, "value": projection.view["organization_id"]}
    return {"system": projection.domain.system(KINDS[kind]), "value": uuid}


def reference(kind: str, uuid: str) -> Json:
    return {"reference": f"urn:uuid:{uuid}", "type": kind}


def logical_reference(projection: Projection, kind: str, uuid: str) -> Json:
    """A reference to a resource of another bundle: by identifier, which no server has to resolve."""
    return {"type": kind, "identifier": identifier(projection, kind, uuid)}


def bundle_entry(entry: Entry) -> Json:
    """A conditional create for a resource that never changes, a conditional update for a mutable one (R4 §3.1.0.4.3)."""
    kind: str = entry.resource["resourceType"]
    identifiers = entry.resource["identifier"]
    own = identifiers if kind == "Composition" else identifiers[0]
    search = f"identifier={own['system']}|{own['value']}"
    request: dict[str, Any] = (
        {"method": "PUT", "url": f"{kind}?{search}"}
        if entry.mutable
        else {"method": "POST", "url": kind, "ifNoneExist": search}
    )
    return {"fullUrl": f"urn:uuid:{entry.uuid}", "resource": entry.resource, "request": request}
