"""Readings of devices as entries of a bundle, in portions: one Observation each, panels of pressures, or series (SampledData).

All readings with one `Shape` differ only in id, time and value. The entry of a shape is built and checked once, with marks in their
places; each reading fills it.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, NamedTuple

import msgspec

from services.epcr.deidentification.projection import Moves
from services.epcr.fhir import device, nomenclature, pressure
from services.epcr.fhir.device import Panel
from services.epcr.fhir.encode import encode
from services.epcr.fhir.entries import Entry, Scene, bundle_entry
from services.epcr.fhir.terms import moment
from services.epcr.records.models import LinkedObservation

Form = Literal["all", "summary", "none"]
Check = Callable[[Entry], None]
# A moment with more readings is cut: only the parts of one pressure must stay together.
MOST_OF_A_MOMENT = 5_000

_ID = "ffffffff-ffff-8fff-bfff-ffffffffffff"
_TIME = datetime(9998, 12, 31, 23, 59, 59, 987654, UTC)
_VALUE = Decimal("987654321.987654321")


class Shape(msgspec.Struct, frozen=True):
    """The members that readings may have in common. `has_value` is False where `data_absent_reason` says why there is none."""

    device_id: str
    device_class: str
    mdc_code: str
    mdc_code10: int
    unit_code: str | None
    data_absent_reason: str | None
    flags: tuple[str, ...]
    test: bool
    has_value: bool

    @classmethod
    def of(cls, one: LinkedObservation) -> "Shape":
        return cls(
            one.device_id,
            one.device_class,
            one.mdc_code,
            one.mdc_code10,
            one.unit_code,
            one.data_absent_reason,
            tuple(one.flags),
            one.test,
            one.value is not None,
        )


class Written(NamedTuple):
    """An entry as JSON, and the devices it refers to."""

    kind: str
    uuid: str
    text: bytes
    needs: tuple[str, ...]


class Observations:
    """Writes each reading as an Observation, in the order in which they are given. Parts of one pressure become one panel."""

    def __init__(self, scene: Scene, moves: Moves, check: Check, change: Callable[[Entry], Entry]) -> None:
        self._scene = scene
        self._moves = moves
        self._check = check
        self._change = change
        self._templates: dict[Shape, _Template | None] = {}
        self._panels: set[Any] = set()
        self._held: list[LinkedObservation] = []

    def prepare(self, shape: Shape) -> None:
        """Checks the entry of a reading of that shape."""
        if self._template(shape) is None:
            reading = self._moves.observation(_example(shape))
            part = pressure.part_of(reading)
            assert part is not None
            self._panel({part: reading})

    def add(self, readings: list[LinkedObservation]) -> Iterator[Written]:
        """Holds the readings of the last moment back, because the next portion may have more of it."""
        known = self._held + readings
        last = known[-1].observed_at if known else None
        first = next((place for place, one in enumerate(known) if one.observed_at == last), 0)
        if len(known) - first > MOST_OF_A_MOMENT:
            first = len(known)
        self._held = known[first:]
        yield from self._written(known[:first])

    def end(self) -> Iterator[Written]:
        held, self._held = self._held, []
        yield from self._written(held)

    def _written(self, readings: list[LinkedObservation]) -> Iterator[Written]:
        panels: dict[Any, Panel] = {}
        order: list[tuple[_Template, LinkedObservation] | Panel] = []
        for one in readings:
            template = self._template(Shape.of(one))
            if template is not None:
                order.append((template, one))
                continue
            reading = self._moves.observation(one)
            part = pressure.part_of(reading)
            assert part is not None
            # Together when one device sent them for one moment in one revision: a later part never joins.
            key = pressure.parent_of(reading, part), one.device_id, one.observed_at, one.revision, one.test
            if key not in panels or part in panels[key]:
                panels[key] = {}
                order.append(panels[key])
            panels[key][part] = reading
        for group in order:
            yield self._panel(group) if isinstance(group, dict) else group[0].filled(*self._moves.reading(group[1]))

    def _template(self, shape: Shape) -> "_Template | None":
        """None for the part of a pressure."""
        if shape not in self._templates:
            one = _example(shape)
            reading = self._moves.observation(one)
            if pressure.part_of(reading) is None:
                reading |= {"id": _ID, "observed_at": _TIME}
                entry = self._change(device.single(self._scene, reading))
                self._check(entry)
                self._templates[shape] = _Template(encode(bundle_entry(entry)), shape.unit_code, entry.needs)
            else:
                self._templates[shape] = None
        return self._templates[shape]

    def _panel(self, parts: Panel) -> Written:
        entry = self._change(device.panel(self._scene, parts))
        shape = tuple(
            (
                part,
                reading["mdc_code10"],
                "value" in reading,
                str(reading.get("data_absent_reason")),
                str(reading.get("flags")),
            )
            for part, reading in parts.items()
        )
        if shape not in self._panels:
            self._check(entry)
            self._panels.add(shape)
        return Written("Observation", entry.uuid, encode(bundle_entry(entry)), entry.needs)


class _Template:
    """An entry in which id, time and value are to be filled in."""

    def __init__(self, text: bytes, unit: str | None, needs: tuple[str, ...]) -> None:
        self._unit = unit
        self._needs = needs
        value = format(nomenclature.in_expected_unit(_VALUE, unit or "")[0], "f")
        marks = {_ID.encode(): 0, moment(_TIME).encode(): 1, value.encode(): 2}
        pieces = re.split(b"(" + b"|".join(map(re.escape, marks)) + b")", text)
        self._pieces = pieces
        self._holes = [(place, marks[piece]) for place, piece in enumerate(pieces) if piece in marks]

    def filled(self, uuid: str, observed_at: datetime, value: Decimal | None) -> Written:
        shown = "" if value is None else format(nomenclature.in_expected_unit(value, self._unit or "")[0], "f")
        given = uuid.encode(), moment(observed_at).encode(), shown.encode()
        pieces = self._pieces.copy()
        for place, mark in self._holes:
            pieces[place] = given[mark]
        return Written("Observation", uuid, b"".join(pieces), self._needs)


class Span(msgspec.Struct, frozen=True):
    """Of the readings of one shape: how many there are, the first time and the last, and the median distance in their series."""

    count: int
    first: datetime
    last: datetime
    step: timedelta | None = None


class Series:
    """Writes the readings of one device, code and unit as one Observation with SampledData.

    The samples are at equal distances (R4 `SampledData.period`, in milliseconds): the median distance of the readings, in whole
    milliseconds, or so large that a series has at most `MOST` samples. A sample is the last reading that falls to its place, `E` where
    there is none. Where times are moved, the distance is a multiple of a minute, as times themselves are.
    """

    MOST = 1_000

    def __init__(self, shape: Shape, span: Span, moves: Moves) -> None:
        self.shape = shape
        self.start = moves.time(span.first)
        self.end = moves.time(span.last)
        length = self.end - self.start
        unit = moves.grain
        least = -(-length // (unit * (self.MOST - 1)))
        self.period = max(1, least, round((span.step or unit) / unit)) * unit
        self._moves = moves
        self._samples = [b"E"] * (round(length / self.period) + 1)

    def add(self, one: LinkedObservation) -> None:
        if one.value is None:
            return
        value = nomenclature.in_expected_unit(one.value, one.unit_code or "")[0]
        place = round((self._moves.time(one.observed_at) - self.start) / self.period)
        self._samples[min(place, len(self._samples) - 1)] = format(value, "f").encode()

    def reading(self) -> dict[str, Any]:
        """An observation of the series, de-identified."""
        return self._moves.observation(_example(self.shape))

    @property
    def key(self) -> tuple[Any, ...]:
        return series_key(self.shape)

    @property
    def data(self) -> str:
        return b" ".join(self._samples).decode()

    @property
    def period_ms(self) -> Decimal:
        return Decimal(self.period // timedelta(milliseconds=1))


def series_of(shapes: Mapping[Shape, Span], moves: Moves) -> list[Series]:
    """One series for the shapes that differ only in flags and absent values. Readings without a value in any unit make none."""
    found: dict[Any, tuple[Shape, Span]] = {}
    for shape, span in shapes.items():
        if shape.unit_code is None:
            continue
        known = found.get(series_key(shape))
        if known is not None:
            before, other = known
            flags = tuple(sorted({*before.flags, *shape.flags}))
            shape = msgspec.structs.replace(before, flags=flags)
            step = max((other, span), key=lambda one: one.count).step
            span = Span(other.count + span.count, min(other.first, span.first), max(other.last, span.last), step)
        found[series_key(shape)] = shape, span
    return [Series(shape, span, moves) for shape, span in found.values()]


def series_key(one: Shape | LinkedObservation) -> tuple[Any, ...]:
    return one.device_id, one.mdc_code10, one.mdc_code, one.unit_code, one.test


def _example(shape: Shape) -> LinkedObservation:
    fields: dict[str, Any] = {name: getattr(shape, name) for name in Shape.__struct_fields__ if name != "has_value"}
    fields["flags"] = list(shape.flags)
    value = _VALUE if shape.has_value else None
    return LinkedObservation(id="obs_0", value=value, observed_at=_TIME, revision=0, **fields)
