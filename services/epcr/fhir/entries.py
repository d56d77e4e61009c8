"""Entries of a transaction bundle: how each resource is named, and how a server may take it twice without a duplicate."""

from typing import Any, NamedTuple

from services.epcr.deidentify import Projection
from services.epcr.fhir.terms import Json, meta

# The last part of a pseudonym's system, by resource: it tells whose name space an identifier is of.
KINDS = {
    "Patient": "patient",
    "Encounter": "encounter",
    "Composition": "composition",
    "Device": "device",
    "Observation": "observation",
    "Procedure": "procedure",
    "MedicationAdministration": "medication",
}


class Entry(NamedTuple):
    """A resource before it stands in a bundle. `mutable`: a server may hold an earlier state of it. `needs`: devices it refers to."""

    resource: Json
    uuid: str
    mutable: bool
    needs: tuple[str, ...] = ()


class Scene(NamedTuple):
    """What every entry of one encounter refers to."""

    projection: Projection
    patient: str
    encounter: str
    test: bool

    def begin(self, kind: str, uuid: str, test: bool = False) -> Json:
        """The first members of a resource: type, labels, the identifier that a server finds it again by."""
        return {
            "resourceType": kind,
            "meta": meta(self.test or test),
            "identifier": identifier(self.projection, kind, uuid)
            if kind == "Composition"
            else [identifier(self.projection, kind, uuid)],
        }

    def subject(self) -> Json:
        return reference("Patient", self.patient)

    def context(self) -> Json:
        return reference("Encounter", self.encounter)

    def uuid(self, kind: str, local: str) -> str:
        return self.projection.domain.uuid(KINDS[kind], local)


def scene_of(projection: Projection) -> Scene:
    view = projection.view
    return Scene(projection, view["patient"]["id"], projection.encounter_pseudonym, view["test"])


def identifier(projection: Projection, kind: str, uuid: str) -> Json:
    return {"system": projection.domain.system(KINDS[kind]), "value": uuid}


def reference(kind: str, uuid: str) -> Json:
    return {"reference": f"urn:uuid:{uuid}", "type": kind}


def logical_reference(projection: Projection, kind: str, uuid: str) -> Json:
    """A reference to what stands in another bundle: by identifier, which no server has to resolve."""
    return {"type": kind, "identifier": identifier(projection, kind, uuid)}


def bundle_entry(projection: Projection, entry: Entry) -> Json:
    """What never changes is created unless it is there; what may have changed takes the place of what is there (R4 §3.1.0.4.3)."""
    kind: str = entry.resource["resourceType"]
    search = f"identifier={projection.domain.system(KINDS[kind])}|{entry.uuid}"
    request: dict[str, Any] = (
        {"method": "PUT", "url": f"{kind}?{search}"}
        if entry.mutable
        else {"method": "POST", "url": kind, "ifNoneExist": search}
    )
    return {"fullUrl": f"urn:uuid:{entry.uuid}", "resource": entry.resource, "request": request}
