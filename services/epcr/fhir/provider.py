"""The provider of the care: Organization, vehicle as Location, and the roles of the crew. No member of the crew is named."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from services.epcr.fhir.entries import Entry, Scene, reference
from services.epcr.fhir.terms import TERMINOLOGY, Json, coding, concept, ems


def provider(scene: Scene) -> Iterator[Entry]:
    """The Organization, known by the platform's id of it, the vehicle where the app may know it, and a role for each of the crew."""
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
    for member, uuid in crew_of(scene, scene.projection.view.get("crew", [])):
        yield Entry(role(scene, uuid, member), uuid, mutable=False)


def crew_of(scene: Scene, members: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Each member with the UUID of a PractitionerRole of this encounter alone, so that it follows no person from one to the next.

    A server keeps the PractitionerRole that it has: with the member's id in an identified bundle another person has another one.
    """
    alike: Counter[str] = Counter()
    for member in members:
        kind = f"{member.get('role', '')}/{member.get('qualification', '')}" + (
            f"/{member['id']}" if "id" in member else ""
        )
        alike[kind] += 1
        yield member, scene.uuid("PractitionerRole", f"{scene.projection.view['id']}/{kind}/{alike[kind]}")


def role(scene: Scene, uuid: str, member: Mapping[str, Any], practitioner: str | None = None) -> Json:
    """The PractitionerRole of a member: role and qualification, and the person by the UUID of a Practitioner, where there is one."""
    resource = scene.begin("PractitionerRole", uuid) | {"active": True}
    if practitioner is not None:
        resource["practitioner"] = reference("Practitioner", practitioner)
    resource["organization"] = scene.refer("Organization", organization_uuid(scene))
    codes = [ems(f"{name}-{member[name]}") for name in ("role", "qualification") if name in member]
    return resource | ({"code": codes} if codes else {})


def organization_uuid(scene: Scene) -> str:
    return scene.projection.domain.uuid("organization", scene.projection.view["organization_id"])


def vehicle_uuid(scene: Scene) -> str:
    return scene.uuid("Location", scene.projection.view["vehicle_id"])
