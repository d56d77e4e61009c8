"""The fields of the API's answers that the pages of quality show."""

from datetime import date

import msgspec


class BehindCount(msgspec.Struct, frozen=True, kw_only=True):
    """One encounter behind a count of an indicator."""

    encounter_id: str
    day: date
    outcome: str
    minutes: float | None = None
    reason: str | None = None


class EncountersBehind(msgspec.Struct, frozen=True, kw_only=True):
    encounters: list[BehindCount]
    next_cursor: str | None = None
