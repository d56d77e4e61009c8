"""Lists everybody who saw an encounter, from epcr's audit trail, the one list that has every call."""

from collections.abc import Mapping
from typing import NamedTuple

from services.console.apps.models import Name
from services.console.audit.models import Entries, Entry
from services.console.pages.visit import Loaded, Visit

SCOPE = "platform:audit"
PAGE = 25
YES, NO, SENT, UNKNOWN = "yes", "no", "sent", "unknown"
RECORD, ENCOUNTER = "/api/v1/epcr/records/{id}", "/api/v1/epcr/encounters/{id}"


class Call(NamedTuple):
    """The call that writes an entry, and whether its answer says who the patient is. With `SENT` the app itself sent that."""

    identity: str
    name: str


CALLS: Mapping[str, Call] = {
    "record.read": Call(YES, f"GET {RECORD}"),
    "record.write": Call(YES, f"PATCH {RECORD}"),
    "handover.ask": Call(NO, f"GET {ENCOUNTER}/handover"),
    "handover.read": Call(YES, f"GET {ENCOUNTER}/handover"),
    "emergency.open": Call(NO, f"POST {ENCOUNTER}/handover/emergency"),
    "outcome.record": Call(SENT, f"POST {ENCOUNTER}/outcome"),
    "outcome.read": Call(YES, f"GET {ENCOUNTER}/outcome"),
    "outcome.list": Call(NO, f"GET {RECORD}/outcome"),
    "identity.correct": Call(NO, f"PATCH {RECORD}"),
    "encounter.create": Call(SENT, "POST /api/v1/epcr/encounters"),
    "encounter.replay": Call(SENT, "POST /api/v1/epcr/encounters"),
    "encounter.read": Call(NO, f"GET {ENCOUNTER}"),
    "encounter.export": Call(NO, f"GET {ENCOUNTER}/fhir-bundle"),
    "destination.name": Call(NO, f"PUT {ENCOUNTER}/destination"),
    "destination.end": Call(NO, f"DELETE {ENCOUNTER}/destination"),
    "disclosure.list": Call(NO, f"GET {ENCOUNTER}/disclosures"),
}
"""By the action of the entry. One that is not here, of a newer release, is shown as `UNKNOWN`."""


DETAILS = ("destination", "content", "purpose", "reason")


class Line(NamedTuple):
    """An entry, with the members of its detail that are there, else "". `person` is "" for an app by itself."""

    entry: Entry
    call: Call
    person: str
    destination: str
    content: str
    purpose: str
    reason: str


class Seen(NamedTuple):
    """A page of entries, the newest first. `is_whole` where there is no other page.

    Names are by id; an id without one is of something that is gone, or that the person may not see.
    """

    lines: list[Line]
    next_cursor: str | None
    is_whole: bool
    apps: dict[str, str]
    people: dict[str, str]
    destinations: dict[str, str]

    @property
    def by_nobody(self) -> bool:
        """Whether the whole list has no answer that says, or may say, who the patient is."""
        return self.is_whole and all(line.call.identity in (NO, SENT) for line in self.lines)


async def load(visit: Visit, encounter_id: str, cursor: str) -> tuple[Seen | None, Loaded[Entries]]:
    """None where the trail did not answer: then nothing is known."""
    found = await visit.load("/v1/audit/epcr", Entries, subject_id=encounter_id, limit=PAGE, cursor=cursor)
    if found.failure is not None:
        return None, found
    entries = found.value.entries
    lines = [_line(visit, one) for one in entries]
    apps = await _names(visit, "/v1/platform/apps/{id}", {one.client_id for one in entries})
    people = await _names(visit, "/v1/platform/users/{id}", {line.person for line in lines})
    destinations = await _names(visit, "/api/v1/epcr/destinations/{id}", {line.destination for line in lines})
    is_whole = not cursor and not found.value.next_cursor
    return Seen(lines, found.value.next_cursor, is_whole, apps, people, destinations), found


def _line(visit: Visit, entry: Entry) -> Line:
    def named(name: str) -> str:
        return str(entry.detail.get(name) or "")

    person = entry.actor if entry.actor and entry.actor != entry.client_id else ""
    call = CALLS.get(entry.action, Call(UNKNOWN, ""))
    return Line(entry, call, person, *(named(name) for name in DETAILS))


async def _names(visit: Visit, path: str, wanted: set[str]) -> dict[str, str]:
    ids = sorted(wanted - {""})
    found = await visit.together(*(visit.load(visit.path_of(path, id=id), Name) for id in ids))
    return {id: one.value.name for id, one in zip(ids, found, strict=True) if one.failure is None}
