"""Generated from the contract by `make clients`; do not edit."""

from __future__ import annotations

from .._model import Model


class IndicatorEncounter(Model, kw_only=True):
    """One encounter behind a count, as the indicator judged it. The record itself is read from epcr, de-identified."""

    encounter_id: str
    """The encounter, as in `/api/v1/epcr/encounters/{encounter_id}`"""
    day: str
    """The day of the call, UTC"""
    outcome: str
    """The judgement; `measured` of a time. One of: excluded, measured, met, not_met, unknown"""
    minutes: float | None
    """The measured time, to a tenth; null for a share"""
    reason: str | None
    """The first reason of an excluded encounter. Null for others, and for one that was counted before reasons were
    stored
    """


class IndicatorEncounters(Model, kw_only=True):
    """A page, newest day first. It may be short, or empty, and have a next one: a page looks at a bounded number of
    encounters.
    """

    encounters: list[IndicatorEncounter]
    """The encounters of this page"""
    next_cursor: str | None
    """The `cursor` of the next page; null on the last one"""
