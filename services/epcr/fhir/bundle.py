"""The transaction bundle of an encounter: one, or several for servers that limit the entries of a transaction."""

from collections.abc import Iterator, Sequence

from services.epcr.deidentification.projection import Projection
from services.epcr.fhir.composition import composition
from services.epcr.fhir.device import devices
from services.epcr.fhir.device_observation import device_observations
from services.epcr.fhir.encounter import encounter
from services.epcr.fhir.entries import (
    Entry,
    Scene,
    bundle_entry,
    logical_reference,
    reference,
    scene_of,
)
from services.epcr.fhir.findings import arrest, ecg, stroke
from services.epcr.fhir.medication import medication
from services.epcr.fhir.patient import demographics, patient
from services.epcr.fhir.procedure import procedure
from services.epcr.fhir.terms import Json, meta
from services.epcr.fhir.vital_signs import vital_signs
from services.epcr.fhir.withdrawal import withdrawn


def bundle(projection: Projection, former: Sequence[Projection] = ()) -> Json:
    """The whole encounter as one transaction, which withdraws the resources sent under `former` identities of the patient."""
    scene = scene_of(projection)
    sections = _sections(scene)
    entries = [
        *(patient(scene), encounter(scene)),
        *devices(scene, projection.observations),
        *_flat(sections),
        *(entry for one in former for entry in _withdrawals(one)),
        composition(scene, sections, _within, [scene_of(one) for one in former]),
    ]
    return _transaction(scene, entries)


def bundles(projection: Projection, max_entries: int, former: Sequence[Projection] = ()) -> list[Json]:
    """The same as transactions of at most `max_entries` entries: 4 or more, for Patient, Encounter, a device and its observation.

    Each has Patient and Encounter, and the devices of its observations. The Composition, in the last, refers to the entries of all.
    """
    scene = scene_of(projection)
    sections = _sections(scene)
    heads = [patient(scene), encounter(scene)]
    of_devices = {entry.uuid: entry for entry in devices(scene, projection.observations)}
    withdrawals = [entry for one in former for entry in _withdrawals(one)]
    parts = list(_parts([*_flat(sections), *withdrawals], of_devices, max_entries - len(heads)))
    if not parts or len(parts[-1]) + len(heads) >= max_entries:
        parts.append([])
    last = {entry.uuid for entry in parts[-1]}

    def refer(entry: Entry) -> Json:
        return _within(entry) if entry.uuid in last else _elsewhere(projection, entry)

    parts[-1].append(composition(scene, sections, refer, [scene_of(one) for one in former]))
    return [_transaction(scene, heads + part) for part in parts]


def _withdrawals(former: Projection) -> Iterator[Entry]:
    scene = scene_of(former)
    sections = _sections(scene)
    sent = (encounter(scene), *_flat(sections), composition(scene, sections, _within))
    yield from withdrawn(scene, sent)


def _sections(scene: Scene) -> dict[str, list[Entry]]:
    view = scene.projection.view
    return {
        "vital_signs": [
            *(entry for signs in view.get("vital_signs", []) for entry in vital_signs(scene, signs)),
            *device_observations(scene, scene.projection.observations),
        ],
        "procedures": [procedure(scene, done) for done in view.get("procedures", [])],
        "medications": [medication(scene, given) for given in view.get("medications", [])],
        "arrest": list(arrest(scene)),
        "assessments": [*stroke(scene), *(entry for done in view.get("procedures", []) for entry in ecg(scene, done))],
        "demographics": list(demographics(scene)),
    }


def _flat(sections: dict[str, list[Entry]]) -> Iterator[Entry]:
    for entries in sections.values():
        yield from entries


def _parts(entries: list[Entry], of_devices: dict[str, Entry], room: int) -> Iterator[list[Entry]]:
    part: list[Entry] = []
    present: set[str] = set()
    for entry in entries:
        needed = [of_devices[uuid] for uuid in entry.needs if uuid not in present]
        if part and len(part) + len(needed) + 1 > room:
            yield part
            part, present = [], set()
            needed = [of_devices[uuid] for uuid in entry.needs]
        part += [*needed, entry]
        present.update(entry.needs)
    if part:
        yield part


def _within(entry: Entry) -> Json:
    return reference(entry.resource["resourceType"], entry.uuid)


def _elsewhere(projection: Projection, entry: Entry) -> Json:
    return logical_reference(projection, entry.resource["resourceType"], entry.uuid)


def _transaction(scene: Scene, entries: list[Entry]) -> Json:
    return {
        "resourceType": "Bundle",
        "meta": meta(scene.test),
        "type": "transaction",
        "entry": [bundle_entry(entry) for entry in entries],
    }
