"""Acts of operators, dead letters and backlogs, as operators read them."""

from datetime import datetime
from typing import Annotated, Literal, NamedTuple
from uuid import UUID

import msgspec
from msgspec import Meta

from shared.web import http
from shared.web.http import Page

Action = Literal[
    "dead_letter.replay",
    "dead_letter.discard",
    "tenant.suspend",
    "tenant.resume",
    "integration_request.approve",
    "integration_request.decline",
    "signing_keys.distrust",
    "webhook.stop",
    "webhook.resume",
    "deliveries.stop",
    "deliveries.resume",
    "automation.stop",
    "automation.resume",
    "automations.stop",
]
State = Literal["waiting", "begun", "done", "refused", "failed", "interrupted"]
OrganisationId = Annotated[str, Meta(pattern=r"^org_[0-7][0-9a-hjkmnp-tv-z]{25}\Z")]


class Kind(NamedTuple):
    """`service` is the public name of the one that does it, "" for every service. `subject` is the pattern of the subject's id."""

    service: str
    subject: str
    example: str


_TENANT = r"org_[0-7][0-9a-hjkmnp-tv-z]{25}"
_MESSAGE = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
SIGNING_KEYS = "signing-keys"
ACTS: dict[Action, Kind] = {
    "dead_letter.replay": Kind("", _MESSAGE, "a message's id"),
    "dead_letter.discard": Kind("", _MESSAGE, "a message's id"),
    "tenant.suspend": Kind("auth", _TENANT, "org_…"),
    "tenant.resume": Kind("auth", _TENANT, "org_…"),
    "integration_request.approve": Kind("auth", r"ireq_[0-7][0-9a-hjkmnp-tv-z]{25}", "ireq_…"),
    "integration_request.decline": Kind("auth", r"ireq_[0-7][0-9a-hjkmnp-tv-z]{25}", "ireq_…"),
    "signing_keys.distrust": Kind("auth", SIGNING_KEYS, SIGNING_KEYS),
    "webhook.stop": Kind("webhook-dispatcher", r"wh_[0-7][0-9a-hjkmnp-tv-z]{25}", "wh_…"),
    "webhook.resume": Kind("webhook-dispatcher", r"wh_[0-7][0-9a-hjkmnp-tv-z]{25}", "wh_…"),
    "deliveries.stop": Kind("webhook-dispatcher", _TENANT, "org_…"),
    "deliveries.resume": Kind("webhook-dispatcher", _TENANT, "org_…"),
    "automation.stop": Kind("control-plane", r"auto_[0-7][0-9a-hjkmnp-tv-z]{25}", "auto_…"),
    "automation.resume": Kind("control-plane", r"auto_[0-7][0-9a-hjkmnp-tv-z]{25}", "auto_…"),
    "automations.stop": Kind("control-plane", _TENANT, "org_…"),
}
"""Every act, by its name in the API and in the audit trail."""


class ActDraft(http.Body):
    """`reason` goes into the audit trail; an organisation reads it where the act concerns it."""

    action: Action
    subject_id: Annotated[str, Meta(min_length=1, max_length=64)]
    reason: Annotated[str, Meta(min_length=5, max_length=500, pattern=r"\S")]


class OperatorAct(msgspec.Struct, kw_only=True):
    """One act. The service carries it out within seconds; `outcome` says why it did not, or names the rest of the work."""

    id: str
    action: Action
    subject_id: str
    reason: str
    state: State
    asked_by: str
    asked_at: datetime
    ended_at: datetime | None
    outcome: str | None


class OperatorActs(msgspec.Struct):
    acts: list[OperatorAct]
    next_cursor: str | None


class ActFilter(Page):
    subject_id: Annotated[str, Meta(min_length=1, max_length=64)] | None = None


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """An act that is being carried out."""

    id: str
    action: Action
    subject_id: str
    reason: str
    client_id: str
    asked_by: str

    @property
    def why(self) -> dict[str, str]:
        """For the audit trail of the organisation that the act concerns."""
        return {"reason": self.reason, "act": self.id}


class ActRefused(Exception):
    """The act is refused; the text says why, to the operator."""


class DeadLetterFilter(Page):
    tenant_id: OrganisationId | None = None


class DeadLetterRow(msgspec.Struct, kw_only=True):
    message_id: UUID
    tenant_id: str
    producer: str
    name: str
    error: str
    died_at: datetime


class DeadLetter(msgspec.Struct, kw_only=True):
    """A message whose effect failed. Its content is not shown."""

    message_id: str
    tenant_id: str
    producer: str
    name: str
    error: str
    died_at: datetime


class DeadLetters(msgspec.Struct):
    dead_letters: list[DeadLetter]
    next_cursor: str | None


class ConsumerBacklog(msgspec.Struct, kw_only=True):
    """Messages that one consumer has not acknowledged. `waiting` is counted up to 10,000; ages are in seconds."""

    consumer: str
    waiting: int
    oldest_seconds: float
    unsent_seconds: float


class Figure(msgspec.Struct):
    name: str
    value: float


class Figures(msgspec.Struct, kw_only=True):
    """Everything that the relay measures for operators. Numbers of rows are counted up to 10,000."""

    consumers: list[ConsumerBacklog] = []
    failing_messages: int = 0
    dead_letters: int = 0
    unsealed_entries: int = 0
    unsealed_seconds: float = 0.0
    own: list[Figure] = []


class Backlog(msgspec.Struct, kw_only=True):
    """The work that waits in a service. `measured_at` is null before the first measurement."""

    service: str
    measured_at: datetime | None
    consumers: list[ConsumerBacklog]
    failing_messages: int
    dead_letters: int
    unsealed_entries: int
    unsealed_seconds: float
    own: list[Figure]
