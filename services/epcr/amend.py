"""How a record begins and how it is written on: pure, so that every write can be replayed in one's head."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET

from services.epcr import measurements
from services.epcr.fhir.findings import arrest_is_told, stroke_kinds
from services.epcr.models.care import Item
from services.epcr.models.record import ITEM_LISTS, EncounterDraft, Record, RecordPatch
from shared import problems
from shared.problems import FieldError

NewId = Callable[[str], str]
Entry = TypeVar("Entry", bound=Item)
MAX_ENTRIES = 2000
SECTIONS = ("patient", "times", "arrest", "stroke", "disposition")
REPLACED = ("crew_ids", "primary_impression", "secondary_impressions", "narrative")
# What says that something was done, or what came of it: of what was left undone it is not true. Asked of what is sent alone, since
# a record that was stored before is still to be read.
RESULTS = ("outcome", "finding", "dose", "response")
# Sections that stand in a bundle as entries of their own, and so have a history there.
EXPORTED = ("arrest", "stroke")


def begin(draft: EncounterDraft, now: datetime, new_id: NewId) -> Record:
    """The first version of a record. Raises a 422 Problem for an entry that brings an id or contradicts itself."""
    record = Record(anchor=_anchor(draft, now), crew_ids=draft.crew_ids)
    for name in (*SECTIONS, *REPLACED[1:]):
        setattr(record, name, getattr(draft, name))
    for name in ITEM_LISTS:
        setattr(record, name, _entries(record, name, getattr(draft, name), new_id))
    _count_sections(Record(anchor=record.anchor), record)
    return record


def merge(record: Record, patch: RecordPatch, named: Mapping[str, Any], new_id: NewId) -> Record:
    """The next version. `named` is the patch as it was sent: what it does not name stays, what it names as null goes (RFC 7396).

    Raises a 422 Problem for an entry whose id is not in the record or that contradicts itself, and for a section whose parts no longer fit.
    """
    new = msgspec.structs.replace(record, revisions=dict(record.revisions), withdrawn=dict(record.withdrawn))
    for name in REPLACED:
        if getattr(patch, name) is not UNSET:
            setattr(new, name, getattr(patch, name))
    for name in SECTIONS:
        if getattr(patch, name) is not UNSET:
            setattr(new, name, _merged(getattr(record, name), getattr(patch, name), named[name], f"/{name}"))
    for name in ITEM_LISTS:
        if getattr(patch, name) is not UNSET:
            setattr(new, name, _entries(new, name, getattr(patch, name), new_id))
    _count_sections(record, new)
    return new


def kinds_of(name: str, part: Any) -> list[str]:
    """The FHIR resources that an entry or section makes beside its own."""
    if part is None:
        return []
    members: dict[str, Any] = msgspec.to_builtins(part)
    if name == "vital_signs":
        return [measurements.as_told(kind, members) for kind in measurements.kinds(members)]
    if name == "procedures":
        return ["finding"] if members.get("finding") else []
    if name == "stroke":
        return stroke_kinds(members)
    if name == "arrest":
        return [name] if arrest_is_told(members) else []
    return []


def _anchor(draft: EncounterDraft, now: datetime) -> datetime:
    times = draft.times
    named = [getattr(times, name) for name in times.__struct_fields__] if times else []
    return min((at for at in named if at is not None), default=now)


def _entries(record: Record, name: str, sent: list[Entry], new_id: NewId) -> list[Entry]:
    entries: dict[str, Entry] = {entry.id: entry for entry in getattr(record, name)}
    seen: set[str] = set()
    for index, entry in enumerate(sent):
        pointer = f"/{name}/{index}/id"
        _refuse_contradiction(entry, f"/{name}/{index}")
        if entry.id is None:
            entry = msgspec.structs.replace(entry, id=new_id(ITEM_LISTS[name][1]))
        elif entry.id not in entries:
            raise problems.invalid("An entry has an id that is not in the record.", [FieldError(pointer, "unknown id")])
        elif entry.id in seen:
            raise problems.invalid("An entry is named twice.", [FieldError(pointer, "given more than once")])
        assert entry.id is not None
        seen.add(entry.id)
        _count(record, name, entry.id, entries.get(entry.id), entry)
        entries[entry.id] = entry
    if len(entries) > MAX_ENTRIES:
        detail = f"a record holds at most {MAX_ENTRIES} entries of a kind"
        raise problems.invalid("The record is full.", [FieldError(f"/{name}", detail)])
    return list(entries.values())


def _refuse_contradiction(entry: Item, pointer: str) -> None:
    """A 422 Problem for what was not done and yet had a result; what is withdrawn may stand as it was written."""
    if entry.entered_in_error or getattr(entry, "not_done", None) is None:
        return
    # An attempt that failed is one way of not having done it.
    results = [name for name in RESULTS if getattr(entry, name, None) not in (None, "unsuccessful")]
    if results:
        errors = [FieldError(f"{pointer}/{name}", "contradicts not_done") for name in results]
        raise problems.invalid("What was not done has no result.", errors)


def _count_sections(old: Record, new: Record) -> None:
    for name in EXPORTED:
        _count(new, name, name, getattr(old, name), getattr(new, name))


def _count(record: Record, name: str, key: str, old: Any, new: Any) -> None:
    """Notes that an entry or section was written anew, and which resources of it a receiver may still hold."""
    if old == new:
        return
    record.revisions[key] = record.revisions.get(key, 0) + 1
    known = {_kind(told): told for told in (*record.withdrawn.get(key, []), *kinds_of(name, old))}
    present = {_kind(told) for told in kinds_of(name, new)}
    gone = sorted(told for kind, told in known.items() if kind not in present)
    if gone:
        record.withdrawn[key] = gone
    else:
        record.withdrawn.pop(key, None)


def _kind(told: str) -> str:
    """Without the unit: the same measurement in another unit is a correction of it."""
    return told.partition(" ")[0]


def _merged(old: Any, new: Any, named: Any, pointer: str) -> Any:
    """`old` with the members that `named` names taken from `new`, however deep the objects go."""
    if old is None or new is None or not isinstance(named, dict) or type(old) is not type(new):
        return new
    changes = {
        name: _merged(getattr(old, name), getattr(new, name), value, f"{pointer}/{name}")
        for name, value in named.items()
    }
    try:
        return msgspec.structs.replace(old, **changes)
    except ValueError as error:
        raise problems.invalid("The changed section does not fit.", [FieldError(pointer, str(error))]) from None
