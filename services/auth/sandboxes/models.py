"""Sandboxes that an organisation makes by itself: bodies, rows and answers."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from services.auth.sandboxes.plan import percent_of
from shared.web import http
from shared.web.http import Page

SANDBOXES = "/v1/platform/sandboxes"
NOTICE = "For invented data alone. Data of real patients do not belong into a sandbox: everybody who tries the platform reads it."
LONGEST_ADVANCE, MOST_ADVANCED = 30 * 86_400, 180 * 86_400
"""Seconds: of one advance of the clock, and of all between two resets."""
State = Literal["preparing", "ready", "resetting", "advancing", "deleting", "deleted"]
ScenarioName = Literal["arrest", "failing_receiver", "revoked_tokens"]


class SandboxDraft(http.Body):
    """`name` is derived if left out. Two sandboxes with one `seed` have the same year: the same kinds of cases, times and values."""

    name: Annotated[str, Meta(max_length=120)] = ""
    seed: Annotated[int, Meta(ge=0, le=2_147_483_647)] = 1


class ClockAdvance(http.Body):
    """`seconds` is how far the clock of the sandbox goes ahead, at most 30 days."""

    seconds: Annotated[int, Meta(ge=1, le=LONGEST_ADVANCE)]


class SandboxPage(Page):
    state: State | None = None


class SandboxTenant(msgspec.Struct, kw_only=True):
    """A sandbox: an organisation of its own, which this one made.

    It answers calls from the beginning; `percent` says how much of the present work on its data is done. `advanced_seconds` is how far its
    clock was advanced since the last reset.
    """

    id: str
    tenant_id: str
    name: str
    state: State
    percent: int
    seed: int
    generation: int
    advanced_seconds: int
    client_id: str
    created_at: datetime
    changed_at: datetime
    deleted_at: datetime | None
    notice: str = NOTICE


class CreatedSandbox(SandboxTenant, kw_only=True):
    """`client_secret` is shown this once. With it the sandbox's administrator app gets tokens with any of `scopes`."""

    client_secret: str
    scopes: list[str]


class Sandboxes(msgspec.Struct):
    sandboxes: list[SandboxTenant]
    next_cursor: str | None


class Scenario(msgspec.Struct, kw_only=True):
    """The resources that a scenario makes; others are null. Its events follow within seconds."""

    scenario: ScenarioName
    encounter_id: str | None = None
    incident_id: str | None = None
    device_id: str | None = None
    webhook_id: str | None = None


class SandboxRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `sandboxes`."""

    id: str
    tenant_id: str
    sandbox_tenant_id: str
    name: str
    client_id: str
    seed: int
    state: State
    generation: int
    until: datetime
    step: int
    portion: int
    scenarios: int
    advances: int
    advanced_seconds: int
    advancing_seconds: int
    created_at: datetime
    changed_at: datetime
    deleted_at: datetime | None

    def shown(self) -> SandboxTenant:
        return SandboxTenant(
            id=self.id,
            tenant_id=self.sandbox_tenant_id,
            name=self.name,
            state=self.state,
            percent=percent_of(self.state, self.step, self.portion),
            seed=self.seed,
            generation=self.generation,
            advanced_seconds=self.advanced_seconds,
            client_id=self.client_id,
            created_at=self.created_at,
            changed_at=self.changed_at,
            deleted_at=self.deleted_at,
        )
