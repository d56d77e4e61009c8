"""The provider of the care and its vehicle, as Organization and Location. No member of the crew is named."""

from collections.abc import Iterator

from services.epcr.fhir.entries import Entry, Scene
from services.epcr.fhir.terms import TERMINOLOGY, coding, concept


def provider(scene: Scene) -> Iterator[Entry]:
    """The Organization, known by the platform's id of it, and the vehicle where the app may know it."""
    uuid = organization_uuid(scene)
    kind = concept(coding(f"{TERMINOLOGY}/organization-type", "prov", "Healthcare Provider"))
    yield Entry(scene.begin("Organization", uuid) | {"active": True, "type": [kind]}, uuid, mutable=False)
    if "vehicle_id" in scene.projection.view:
        uuid = vehicle_uuid(scene)
        resource = scene.begin("Location", uuid) | {
            "name": scene.projection.view["vehicle_id"],
            "physicalType": concept(coding(f"{TERMINOLOGY}/location-physical-type", "ve", "Vehicle")),
        }
        yield Entry(resource, uuid, mutable=False)


def organization_uuid(scene: Scene) -> str:
    return scene.projection.domain.uuid("organization", scene.projection.view["organization_id"])


def vehicle_uuid(scene: Scene) -> str:
    return scene.uuid("Location", scene.projection.view["vehicle_id"])
