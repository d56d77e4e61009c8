"""One list by time from the trails of several services. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from services.console.audit.models import Entries, Entry

OF_SERVICE = 25
"""Entries that one look reads of each service."""
SHOWN = 50
ONE_LOOK = timedelta(seconds=10)
"""A page waits no longer for its calls."""


class Merged(NamedTuple):
    """`before` is the time at which the next page begins; None at the end. `unfinished` are services whose search has more to look at."""

    entries: list[Entry]
    before: datetime | None
    unfinished: list[str]


def folded(entries: Iterable[Entry]) -> list[Entry]:
    """Entries about one look at several trails are one line, with the `others` of its services: they would hide all the rest.

    The calls of one page have different traces: a look is each service once, by one person through one app, within `ONE_LOOK`. The
    entries are the newest first.
    """
    lines: list[Entry] = []
    looks: dict[tuple[str | None, str], list[Entry]] = {}
    for entry in entries:
        if entry.action != "audit.read":
            lines.append(entry)
            continue
        open_ones = looks.setdefault((entry.actor, entry.client_id), [])
        recent = (one for one in open_ones if one.at - entry.at <= ONE_LOOK)
        first = next((one for one in recent if entry.service not in (one.service, *one.others)), None)
        if first is None:
            open_ones.append(entry)
            lines.append(entry)
        else:
            first.others.append(entry.service)
    return lines


def merged(found: Mapping[str, Entries], limit: int = OF_SERVICE) -> Merged:
    """The newest entries of all services, down to the time from which on one of them may have others that were not read.

    Entries of one moment stay together, so that the next page, which ends before that moment, lacks none of them.
    """
    everything = [entry for entries in found.values() for entry in entries.entries]
    everything.sort(key=lambda entry: (entry.at, entry.id), reverse=True)
    cut = {name: one.entries[-1].at for name, one in found.items() if one.next_cursor and len(one.entries) >= limit}
    unfinished = [name for name, one in found.items() if one.next_cursor and name not in cut]
    horizon = max(cut.values(), default=None)
    complete = [entry for entry in everything if horizon is None or entry.at > horizon]
    if horizon is not None and not complete:
        complete = [entry for entry in everything if entry.at == horizon]
    shown = complete[:SHOWN]
    shown += [entry for entry in complete[SHOWN:] if entry.at == shown[-1].at]
    has_more = len(shown) < len(everything) or horizon is not None
    return Merged(shown, shown[-1].at if shown and has_more else None, unfinished)
