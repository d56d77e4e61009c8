"""Generated from the contract by `make clients`; do not edit."""

from __future__ import annotations

from datetime import datetime

from msgspec import UNSET, UnsetType

from .._model import Model


class ClockAdvance(Model, kw_only=True):
    """`seconds` is how far the clock of the sandbox goes ahead, at most 30 days."""

    seconds: int
    """How far the clock goes ahead, in seconds; at most 30 days"""


class CreatedSandbox(Model, kw_only=True):
    """`client_secret` is shown this once. With it the sandbox's administrator app gets tokens with any of `scopes`."""

    id: str
    """The id"""
    tenant_id: str
    """The id of the sandbox as an organisation: its tokens carry it"""
    name: str
    """The name, for people"""
    state: str
    """`preparing` and `resetting` while its year is written, `advancing` while waits become shorter, `deleting` while
    its data are erased. One of: advancing, deleted, deleting, preparing, ready, resetting
    """
    percent: int
    """How much of the work of its `state` is done, in percent; 100 when it is ready"""
    seed: int
    """The number from which its invented year follows"""
    generation: int
    """How often its data were begun anew: 1 for a new sandbox, one more with each reset or deletion"""
    advanced_seconds: int
    """How far its clock was advanced since the last reset, in seconds"""
    client_id: str
    """The sandbox's administrator app"""
    created_at: datetime
    """When it was made"""
    changed_at: datetime
    """When the work on its data last went on"""
    deleted_at: datetime | None
    """When all its data were erased; null before"""
    notice: str
    """A reminder for people: no data of real patients"""
    client_secret: str
    """The secret; shown this once"""
    scopes: list[str]
    """Scopes, such as `argus:epcr:read`"""


class SandboxDraft(Model, kw_only=True):
    """`name` is derived if left out. Two sandboxes with one `seed` have the same year: the same kinds of cases, times
    and values.
    """

    name: str | UnsetType = UNSET
    """The name, for people"""
    seed: int | UnsetType = UNSET
    """The number from which the invented year follows"""


class SandboxTenant(Model, kw_only=True):
    """A sandbox: an organisation of its own, which this one made.

    It answers calls from the beginning; `percent` says how much of the present work on its data is done.
    `advanced_seconds` is how far its
    clock was advanced since the last reset.
    """

    id: str
    """The id"""
    tenant_id: str
    """The id of the sandbox as an organisation: its tokens carry it"""
    name: str
    """The name, for people"""
    state: str
    """`preparing` and `resetting` while its year is written, `advancing` while waits become shorter, `deleting` while
    its data are erased. One of: advancing, deleted, deleting, preparing, ready, resetting
    """
    percent: int
    """How much of the work of its `state` is done, in percent; 100 when it is ready"""
    seed: int
    """The number from which its invented year follows"""
    generation: int
    """How often its data were begun anew: 1 for a new sandbox, one more with each reset or deletion"""
    advanced_seconds: int
    """How far its clock was advanced since the last reset, in seconds"""
    client_id: str
    """The sandbox's administrator app"""
    created_at: datetime
    """When it was made"""
    changed_at: datetime
    """When the work on its data last went on"""
    deleted_at: datetime | None
    """When all its data were erased; null before"""
    notice: str
    """A reminder for people: no data of real patients"""


class Sandboxes(Model, kw_only=True):
    """A page of sandboxes"""

    sandboxes: list[SandboxTenant]
    """The sandboxes of the page"""
    next_cursor: str | None
    """The `cursor` of the next page; null on the last one"""


class Scenario(Model, kw_only=True):
    """The resources that a scenario makes; others are null. Its events follow within seconds."""

    scenario: str
    """The scenario that was run. One of: arrest, failing_receiver, revoked_tokens"""
    encounter_id: str | None
    """The encounter that it makes; its calls answer 404 until then"""
    incident_id: str | None
    """The incident that it makes"""
    device_id: str | None
    """The device whose readings it makes"""
    webhook_id: str | None
    """The example webhook, which gets the delivery"""
