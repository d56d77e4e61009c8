"""Resources that were sent under a former identity of the patient, as entered in error: without values, and off the patient's record."""

from collections.abc import Iterable, Iterator

from services.epcr.fhir.entries import Entry, Scene, logical_reference
from services.epcr.fhir.history import in_error
from services.epcr.fhir.provider import organization_uuid
from services.epcr.fhir.terms import DATA_ABSENT, Json, coding, concept

# The members that stay: those that R4 requires, and by which a reader recognises the resource. References to other resources go, since a
# withdrawal must be executable where those were merged or deleted.
_KEPT = frozenset(
    {
        "resourceType",
        "meta",
        "identifier",
        "class",
        "category",
        "code",
        "medicationCodeableConcept",
        "type",
        "effectiveDateTime",
        "effectivePeriod",
        "performedDateTime",
        "performedPeriod",
        "date",
        "title",
        "confidentiality",
    }
)
_ABSENT = {"dataAbsentReason": concept(coding(DATA_ABSENT, "unknown"))}
_SHARED = frozenset({"Patient", "Device", "Organization", "Location", "PractitionerRole"})


def withdrawn(scene: Scene, entries: Iterable[Entry]) -> Iterator[Entry]:
    """`entries` of a former identity, but those that other encounters share."""
    # By identifier: no Patient of the receiver is found, made or changed, and the resource leaves the record of the one it had.
    patient = logical_reference(scene.projection, "Patient", scene.patient)
    author = logical_reference(scene.projection, "Organization", organization_uuid(scene))
    for entry in entries:
        resource = entry.resource
        if resource["resourceType"] in _SHARED:
            continue
        kept: Json = {}
        for name, value in resource.items():
            if name in ("status", "verificationStatus"):
                kept[name] = in_error(resource)[name]
            elif name in ("subject", "patient"):
                kept[name] = patient
            elif name == "author":
                kept[name] = [author]
            elif name == "identifier" and isinstance(value, list):
                # Not the number of the incident: nobody who looks for its encounters shall find this one.
                kept[name] = value[:1]
            elif name == "component":
                kept["component"] = [{"code": part["code"], **_ABSENT} for part in value]
            elif name in _KEPT:
                kept[name] = value
        if resource["resourceType"] == "Observation" and "component" not in kept:
            kept |= _ABSENT
        yield Entry(kept, entry.uuid, mutable=True)
