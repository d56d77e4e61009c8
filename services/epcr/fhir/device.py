"""Device: a pseudonym and a class. The serial number never reaches this service."""

from collections.abc import Iterable

from services.epcr.fhir.entries import Entry, Scene
from services.epcr.fhir.nomenclature import DEVICE_TYPES, MDC
from services.epcr.fhir.readings import Shape
from services.epcr.fhir.terms import coding, concept


def devices(scene: Scene, shapes: Iterable[Shape]) -> list[Entry]:
    """Each device with observations, once, in the order of the shapes."""
    classes: dict[str, str] = {}
    for shape in shapes:
        classes.setdefault(scene.projection.moves.device(shape.device_id), shape.device_class)
    return [_device(scene, uuid, device_class) for uuid, device_class in classes.items()]


def _device(scene: Scene, uuid: str, device_class: str) -> Entry:
    # HL7 PHD: every device has this type, and its class is a specialization.
    resource = scene.begin("Device", uuid) | {"type": concept(coding(MDC, "65573", "MDC_MOC_VMS_MDS_SIMP"))}
    if device_class in DEVICE_TYPES:
        resource["specialization"] = [{"systemType": concept(coding(MDC, *DEVICE_TYPES[device_class]))}]
    return Entry(resource, uuid, mutable=False)
