"""The rules of writes to a record: how it begins and grows, and how a status moves.

Pure: the same input gives the same record.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET

from services.epcr.fhir.measurements import kind_without_unit, kinds_of
from services.epcr.records.care import Impression, Item
from services.epcr.records.contradictions import Contradiction, contradictions, entry_contradictions, refuse
from services.epcr.records.faults import refuse_nameless
from services.epcr.records.models import (
    ITEM_LISTS,
    EncounterDraft,
    Record,
    RecordPatch,
    Sections,
    Status,
    start_of,
)
from shared.web import problems
from shared.web.problems import FieldError

NewId = Callable[[str], str]
Entry = TypeVar("Entry", bound=Item)
MAX_ENTRIES = 2000
REPLACED = ("crew_ids", "crew", "primary_impression", "secondary_impressions", "narrative")
SECTIONS = tuple(name for name in Sections.__struct_fields__ if name not in REPLACED)
# Fields that contradict `not_done`. Only sent entries are checked, because a stored record must stay readable. An entry that is withdrawn
# may contradict itself.
RESULTS = ("outcome", "finding", "dose", "response", "tracing")
# Sections that are entries of their own in a bundle, and have a history there.
EXPORTED = tuple(name for name in SECTIONS if name not in ("times", "inquiries"))
NEXT: dict[Status, frozenset[Status]] = {
    "in_progress": frozenset({"completed", "cancelled"}),
    "completed": frozenset({"handed_over"}),
    "handed_over": frozenset(),
    "cancelled": frozenset(),
}


def may_follow(current: Status, wanted: Status) -> bool:
    """Whether a status may change to `wanted`, or is already `wanted`. A status moves forward only."""
    return wanted == current or wanted in NEXT[current]


def begin(draft: EncounterDraft, now: datetime, new_id: NewId) -> Record:
    """The first version of a record. Raises a 422 Problem for an entry that has an id, names nothing or contradicts itself."""
    refuse_nameless(draft)
    clock = [getattr(draft.times, name) for name in draft.times.__struct_fields__] if draft.times else []
    record = Record(anchor=min((at for at in clock if at is not None), default=now), crew_ids=draft.crew_ids)
    for name in (*SECTIONS, *REPLACED[1:]):
        setattr(record, name, getattr(draft, name))
    for name in ITEM_LISTS:
        setattr(record, name, _entries(record, name, getattr(draft, name), new_id))
    refuse(list(contradictions(record)))
    _count_sections(Record(anchor=record.anchor), record)
    return record


def merge(record: Record, patch: RecordPatch, given: Mapping[str, Any], new_id: NewId) -> Record:
    """The next version. `given` is the JSON of the patch: a missing member changes nothing, null clears (RFC 7396).

    Raises a 422 Problem for an entry whose id is not in the record, that names nothing or contradicts itself, and for a section whose
    parts no longer fit.
    """
    refuse_nameless(patch)
    new = msgspec.structs.replace(record, revisions=dict(record.revisions), withdrawn=dict(record.withdrawn))
    for name in REPLACED:
        if getattr(patch, name) is not UNSET:
            setattr(new, name, getattr(patch, name))
    for name in SECTIONS:
        if getattr(patch, name) is not UNSET:
            setattr(new, name, _merged(getattr(record, name), getattr(patch, name), given[name], f"/{name}"))
    for name in ITEM_LISTS:
        if getattr(patch, name) is not UNSET:
            setattr(new, name, _entries(new, name, getattr(patch, name), new_id))
    # A record of an earlier release may contradict itself: a write of something else is not refused for it.
    known = set(contradictions(record))
    refuse([one for one in contradictions(new) if one not in known])
    _count_sections(record, new)
    if _start(record) != _start(new):
        # The begin is the time of all observations without a time of their own. The first one counts as a write.
        new.revisions["times"] = new.revisions.get("times", 1) + 1
    return new


def _start(record: Record) -> datetime:
    return start_of(msgspec.structs.asdict(record.times) if record.times else {}, record.anchor)


def _entries(record: Record, name: str, sent: list[Entry], new_id: NewId) -> list[Entry]:
    entries: dict[str, Entry] = {entry.id: entry for entry in getattr(record, name)}
    seen: set[str] = set()
    for index, entry in enumerate(sent):
        place, pointer = f"/{name}/{index}", f"/{name}/{index}/id"
        if not entry.entered_in_error and getattr(entry, "not_done", None) is not None:
            # A failed attempt is a way of not doing it.
            results = [result for result in RESULTS if getattr(entry, result, None) not in (None, "unsuccessful")]
            refuse([Contradiction(f"{place}/{result}", f"{place}/not_done") for result in results])
        refuse(entry_contradictions(name, entry, place))
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


def _count_sections(old: Record, new: Record) -> None:
    for name in EXPORTED:
        _count(new, name, name, getattr(old, name), getattr(new, name))
    _count(new, "impressions", "impressions", impressions(old), impressions(new))


def impressions(record: Record) -> list[Impression]:
    """The primary impression first."""
    return [one for one in (record.primary_impression, *record.secondary_impressions) if one is not None]


def _count(record: Record, name: str, key: str, old: Any, new: Any) -> None:
    """Counts a write of an entry or section, and records which of its former resources a receiver may still hold."""
    if old == new:
        return
    record.revisions[key] = record.revisions.get(key, 0) + 1
    # The same measurement in another unit is a correction, so that the unit does not count.
    known = {kind_without_unit(kind): kind for kind in (*record.withdrawn.get(key, []), *kinds_of(name, old))}
    present = {kind_without_unit(kind) for kind in kinds_of(name, new)}
    gone = sorted(kind for bare, kind in known.items() if bare not in present)
    if gone:
        record.withdrawn[key] = gone
    else:
        record.withdrawn.pop(key, None)


def _merged(old: Any, new: Any, given: Any, pointer: str) -> Any:
    """`old` with the members of `given` taken from `new`, at every depth."""
    if old is None or new is None or not isinstance(given, dict) or type(old) is not type(new):
        return new
    changes = {
        name: _merged(getattr(old, name), getattr(new, name), value, f"{pointer}/{name}")
        for name, value in given.items()
    }
    try:
        return msgspec.structs.replace(old, **changes)
    except ValueError as error:
        raise problems.invalid("The changed section does not fit.", [FieldError(pointer, str(error))]) from None
