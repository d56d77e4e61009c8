"""The transaction bundle of an encounter as bytes, in portions: one bundle, or several for servers that limit the entries of each.

All but the readings of devices is checked, and one reading of each shape, before the first byte. Nothing is held of an entry that is
written but its identifier, for the Composition.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from itertools import chain, islice
from typing import NamedTuple

import orjson

from services.epcr.deidentification.projection import Projection
from services.epcr.fhir import device, panels, readings
from services.epcr.fhir.acts import medication, procedure
from services.epcr.fhir.apgar import apgar
from services.epcr.fhir.composition import composition
from services.epcr.fhir.device import devices
from services.epcr.fhir.encode import encode, faults_among, faults_of
from services.epcr.fhir.encounter import encounter
from services.epcr.fhir.entries import Entry, Scene, bundle_entry, logical_reference, reference, scene_of
from services.epcr.fhir.history import allergies, current_medicines, impressions, past_conditions
from services.epcr.fhir.patient import demographics, patient
from services.epcr.fhir.provider import provider
from services.epcr.fhir.readings import Form, Series, Shape, Span, Written
from services.epcr.fhir.terms import Json, meta
from services.epcr.fhir.vital_signs import vital_signs
from services.epcr.fhir.withdrawal import withdrawn
from services.epcr.fhir.words import Language
from services.epcr.records.models import LinkedObservation

VITAL_SIGNS = "vital_signs"
PROBLEMS = "problems"
# Entries that are made and checked at a time: at the first time some 20 ms of work, later some 3 ms.
ENTRIES = 50
# Bytes of the Composition that are given at a time: it has a hundred for each reading.
AT_ONCE = 128 << 10
TWICE = "bdl-7, a fullUrl is there twice"
_MARK = "ffffffff-ffff-8fff-bfff-ffffffffffff"


class Content(NamedTuple):
    """An encounter under one identity of its patient, the shapes of its devices' readings, and the forms in which they are sent."""

    projection: Projection
    shapes: Mapping[Shape, Span]
    forms: frozenset[Form]


class Export:
    """Use: `check_all`; `begin`; for each content `add` its readings in portions, in the order of time and id, and `end_readings`; `end`.
    All but the first give the next bytes. Between two calls it may be pickled and go on in another process.

    The first content is the present one, the others were sent under former identities and are withdrawn. No entry is held: each is
    made when it is checked, and again when it is written. `faults` are those that were found: bugs of this service, which keep no
    patient's data from a hospital.
    """

    def __init__(self, contents: Sequence[Content], max_entries: int | None, language: Language = "en") -> None:
        self.faults: list[str] = []
        self._language: Language = language
        self._scenes = [scene_of(content.projection, is_split=max_entries is not None) for content in contents]
        self._present, *self._former = self._scenes
        self._heads = [patient(self._present), encounter(self._present)]
        with_devices = contents[0].forms != {"none"}
        self._devices = devices(self._present, contents[0].shapes) if with_devices else []
        self._device_entries = {entry.uuid: entry for entry in self._devices}
        self._readings = sum(span.count for span in contents[0].shapes.values())
        self._provider = list(provider(self._present))
        self._writers = [
            _Writer(self, scene, content, is_present=scene is self._present)
            for scene, content in zip(self._scenes, contents, strict=True)
        ]
        self._refer = {name: _References() for name in sections(self._present)}
        texts = {entry.uuid: encode(bundle_entry(entry)) for entry in self._devices}
        opening = {"resourceType": "Bundle", "meta": meta(self._present.test), "type": "transaction"}
        heads = [encode(bundle_entry(entry)) for entry in self._heads]
        self._out = _Bundles(encode(opening)[:-1] + b',"entry":[', heads, texts, max_entries)

    def check_all(self) -> None:
        """Checks all entries but the readings, and one reading of each shape."""
        around = [*self._heads, *self._provider, *self._devices, *impressions(self._present)]
        self.faults += faults_of(self._transaction(around))
        kinds = {f"urn:uuid:{one.uuid}": one.resource["resourceType"] for one in around}
        seen = {one.uuid for one in around}
        referred: dict[str, list[Json]] = {}
        for name, entries in sections(self._present).items():
            kinds_seen: set[str] = set()
            for portion in _batched(entries):
                self.faults += _faults_of_portion(portion, kinds, seen, are_seen=name == PROBLEMS)
                for one in portion:
                    # The references of a section differ in their identifiers only: one of each kind is checked in the Composition.
                    kind = one.resource["resourceType"]
                    if kind not in kinds_seen:
                        kinds_seen.add(kind)
                        kinds[f"urn:uuid:{one.uuid}"] = kind
                        referred.setdefault(name, []).append(reference(kind, one.uuid))
        for scene in self._former:
            for portion in _batched(_withdrawals(scene)):
                self.faults += _faults_of_portion(portion, kinds, seen)
        last = composition(self._present, referred, self._former, self._language, self._readings)
        self.faults += _faults_of_portion([last], kinds, seen)
        for writer in self._writers:
            writer.check_all()

    def begin(self) -> Iterator[bytes]:
        for entry in self._provider:
            self._out.put(_written(entry))
        yield from self._section(VITAL_SIGNS, sections(self._present)[VITAL_SIGNS])

    def add(self, content: int, observations: list[LinkedObservation]) -> bytes:
        """Observations of the content of that number."""
        self._put_readings(content, self._writers[content].add(observations))
        return self._out.take()

    def end_readings(self, content: int) -> Iterator[bytes]:
        """After the last observations of that content. Its other entries follow."""
        self._put_readings(content, self._writers[content].end())
        if content == 0:
            for name, entries in sections(self._present).items():
                if name != VITAL_SIGNS:
                    yield from self._section(name, entries)
        else:
            for portion in _batched(_withdrawals(self._scenes[content])):
                for entry in portion:
                    self._out.put(_written(entry))
                yield self._out.take()
        yield self._out.take()

    def end(self) -> Iterator[bytes]:
        """The Composition, which refers to the entries of all bundles."""

        @cache
        def around(kind: str, *, is_within: bool) -> list[bytes]:
            """A reference to a resource of that kind, before and after its identifier."""
            projection = self._present.projection
            made = reference(kind, _MARK) if is_within else logical_reference(projection, kind, _MARK)
            return encode(made).split(_MARK.encode())

        self._out.make_room()
        referred: dict[str, orjson.Fragment] = {}
        for name, entries in self._refer.items():
            # By fullUrl to the entries of the same bundle, by identifier to those of others.
            texts = (uuid.encode().join(around(kind, is_within=self._out.has(uuid))) for kind, uuid in entries)
            if entries.number:
                referred[name] = orjson.Fragment(b"[" + b",".join(texts) + b"]")
        last = composition(self._present, referred, self._former, self._language, self._readings)
        self._out.put(_written(last))
        written = self._out.end()
        for start in range(0, len(written), AT_ONCE):
            yield written[start : start + AT_ONCE]

    def check(self, entry: Entry) -> None:
        """Notes why a server would refuse the entry beside the Patient, the Encounter and its devices."""
        needed = [self._device_entries[uuid] for uuid in entry.needs]
        # Those to which the Encounter refers, and those that all others refer to.
        context = [*self._heads, *self._provider, *impressions(self._present)]
        self.faults += faults_of(self._transaction([*context, *needed, entry]))

    def _section(self, name: str, entries: Iterable[Entry]) -> Iterator[bytes]:
        for portion in _batched(entries):
            for entry in portion:
                self._put(name, _written(entry))
            yield self._out.take()

    def _put(self, section: str, written: Written) -> None:
        self._refer[section].add(written.kind, written.uuid)
        self._out.put(written)

    def _put_readings(self, content: int, entries: Iterable[Written]) -> None:
        for written in entries:
            if content == 0:
                self._put(VITAL_SIGNS, written)
            else:
                self._out.put(written)

    def _transaction(self, entries: Iterable[Entry]) -> Json:
        return {
            "resourceType": "Bundle",
            "meta": meta(self._present.test),
            "type": "transaction",
            "entry": [bundle_entry(entry) for entry in entries],
        }


class _References:
    """The kinds and identifiers of entries, in their order."""

    def __init__(self) -> None:
        self.number = 0
        self._runs: list[tuple[str, bytearray]] = []  # identifiers of one kind, end to end

    def add(self, kind: str, uuid: str) -> None:
        if not self._runs or self._runs[-1][0] != kind:
            self._runs.append((kind, bytearray()))
        self._runs[-1][1].extend(uuid.encode())
        self.number += 1

    def __iter__(self) -> Iterator[tuple[str, str]]:
        for kind, uuids in self._runs:
            for start in range(0, len(uuids), len(_MARK)):
                yield kind, uuids[start : start + len(_MARK)].decode()


class _Writer:
    """The readings of one content, in its forms."""

    def __init__(self, export: Export, scene: Scene, content: Content, *, is_present: bool) -> None:
        change = partial(_present if is_present else _withdrawn, scene)
        self._scene, self._change, self._check = scene, change, export.check
        moves = content.projection.moves
        self._shapes = content.shapes
        self._each = readings.Observations(scene, moves, export.check, change) if "all" in content.forms else None
        series = readings.series_of(content.shapes, moves) if "summary" in content.forms else []
        self._series = {one.key: one for one in series}

    def check_all(self) -> None:
        """Checks an entry of each shape and each series."""
        if self._each is not None:
            for shape in self._shapes:
                self._each.prepare(shape)
        for one in self._series.values():
            self._check(self._entry(one))

    def add(self, observations: list[LinkedObservation]) -> Iterator[Written]:
        for one in observations if self._series else ():
            series = self._series.get(readings.series_key(one))
            if series is not None:
                series.add(one)
        if self._each is not None:
            yield from self._each.add(observations)

    def end(self) -> Iterator[Written]:
        if self._each is not None:
            yield from self._each.end()
        for one in self._series.values():
            yield _written(self._entry(one))

    def _entry(self, series: Series) -> Entry:
        return self._change(device.series(self._scene, series))


def _present(scene: Scene, entry: Entry) -> Entry:
    return entry


def _withdrawn(scene: Scene, entry: Entry) -> Entry:
    return next(withdrawn(scene, [entry]))


class _Bundles:
    """Writes one bundle, or several of at most `most` entries, each with the heads and the devices of its entries."""

    def __init__(self, opening: bytes, heads: list[bytes], devices: Mapping[str, bytes], most: int | None) -> None:
        self._opening = opening
        self._heads = heads
        self._devices = devices
        self._room = None if most is None else most - len(heads)
        self._out: list[bytes] = [] if most is None else [b'{"bundles":[']
        self._number = 0
        self._present: set[str] = set()
        self._open()

    def put(self, written: Written) -> None:
        needed = [uuid for uuid in written.needs if uuid not in self._present]
        if self._number and self._is_full(len(needed) + 1):
            self._next()
            needed = list(written.needs)
        for uuid in needed:
            self._add(uuid, self._devices[uuid])
        self._add(written.uuid, written.text)

    def make_room(self) -> None:
        """For one entry more."""
        if self._is_full(1):
            self._next()

    def has(self, uuid: str) -> bool:
        """Whether the entry is in the bundle that is being written."""
        return self._room is None or uuid in self._present

    def take(self) -> bytes:
        written, self._out = self._out, []
        return b"".join(written)

    def end(self) -> bytes:
        self._out.append(b"]}" if self._room is None else b"]}]}")
        return self.take()

    def _is_full(self, more: int) -> bool:
        return self._room is not None and self._number + more > self._room

    def _next(self) -> None:
        self._out.append(b"]},")
        self._open()

    def _open(self) -> None:
        self._out += [self._opening, b",".join(self._heads)]
        self._number = 0
        self._present.clear()
        if self._room is None:
            for uuid, text in self._devices.items():
                self._add(uuid, text)
            self._present.update(self._devices)

    def _add(self, uuid: str, text: bytes) -> None:
        self._out += [b",", text]
        self._number += 1
        if self._room is not None:
            self._present.add(uuid)


def _written(entry: Entry) -> Written:
    return Written(entry.resource["resourceType"], entry.uuid, encode(bundle_entry(entry)), entry.needs)


def _faults_of_portion(
    entries: Sequence[Entry], kinds: Mapping[str, str], seen: set[str], *, are_seen: bool = False
) -> list[str]:
    """Of entries beside others of these `kinds`; that their identifier is `seen` is one."""
    is_repeated = not are_seen and not seen.isdisjoint(entry.uuid for entry in entries)
    seen.update(entry.uuid for entry in entries)
    own = {f"urn:uuid:{entry.uuid}": entry.resource["resourceType"] for entry in entries}
    found = faults_among([bundle_entry(entry) for entry in entries], {**kinds, **own})
    return [TWICE, *found] if is_repeated else found


def _batched(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    remaining = iter(entries)
    while portion := list(islice(remaining, ENTRIES)):
        yield portion


def _withdrawals(scene: Scene) -> Iterator[Entry]:
    sent = chain([encounter(scene)], chain.from_iterable(sections(scene).values()), [composition(scene, {})])
    yield from withdrawn(scene, sent)


def sections(scene: Scene) -> dict[str, Iterable[Entry]]:
    """The crew's entries, by section of the Composition, made as they are read. Observations of devices join the vital signs."""
    view = scene.projection.view
    procedures = view.get("procedures", [])
    signs = (entry for signs in view.get("vital_signs", []) for entry in vital_signs(scene, signs))
    ecgs = (entry for done in procedures for entry in panels.ecg(scene, done))
    return {
        "complaint": panels.section(scene, "complaint"),
        PROBLEMS: impressions(scene),
        "allergies": allergies(scene),
        "current_medicines": current_medicines(scene),
        "past_conditions": past_conditions(scene),
        "directives": panels.section(scene, "directives"),
        "pregnancy": panels.section(scene, "pregnancy"),
        "triage": chain(panels.section(scene, "dispatch"), panels.section(scene, "triage")),
        "injury": panels.section(scene, "injury"),
        VITAL_SIGNS: chain(signs, panels.section(scene, "weight")),
        "examinations": chain(panels.entries(scene, "pupils"), panels.entries(scene, "examinations")),
        "assessments": chain(panels.stroke(scene), ecgs, apgar(scene)),
        "arrest": chain(panels.section(scene, "arrest"), panels.section(scene, "cpr")),
        "procedures": chain((procedure(scene, done) for done in procedures), panels.entries(scene, "airway_attempts")),
        "medications": (medication(scene, given) for given in view.get("medications", [])),
        "disposition": panels.section(scene, "disposition"),
        "demographics": demographics(scene),
    }
