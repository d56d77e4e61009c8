"""Generated from the contract by `make clients`; do not edit."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from .._model import Model


class ActDraft(Model, kw_only=True):
    """`reason` goes into the audit trail; an organisation reads it where the act concerns it."""

    action: Literal[
        "automation.resume",
        "automation.stop",
        "automations.stop",
        "dead_letter.discard",
        "dead_letter.replay",
        "deliveries.resume",
        "deliveries.stop",
        "integration_request.approve",
        "integration_request.decline",
        "signing_keys.distrust",
        "tenant.resume",
        "tenant.suspend",
        "webhook.resume",
        "webhook.stop",
    ]
    """The act; each service has its own, and all replay and discard dead letters"""
    subject_id: str
    """The id of the organisation, request, message, webhook or automation; `signing-keys` for `signing_keys.distrust`
    """
    reason: str
    """Why, for the audit trail of the platform and of the organisation that the act concerns, which reads it"""


class Backlog(Model, kw_only=True):
    """The work that waits in a service. `measured_at` is null before the first measurement."""

    service: str
    """The service"""
    measured_at: datetime | None
    """When the service measured it; null before the first time"""
    consumers: list[ConsumerBacklog]
    """Messages that consumers have not acknowledged"""
    failing_messages: int
    """Messages that failed and are tried again, up to 10,000"""
    dead_letters: int
    """Dead letters, up to 10,000"""
    unsealed_entries: int
    """Entries of the audit trail that wait for their seal, up to 100,000"""
    unsealed_seconds: float
    """For how long the oldest of them waits, in seconds"""
    own: list[Figure]
    """Figures of this service alone"""


class ConsumerBacklog(Model, kw_only=True):
    """Messages that one consumer has not acknowledged. `waiting` is counted up to 10,000; ages are in seconds."""

    consumer: str
    """The service that they are for"""
    waiting: int
    """Messages that it has not acknowledged, up to 10,000"""
    oldest_seconds: float
    """The age of the oldest of them, in seconds"""
    unsent_seconds: float
    """For how long the oldest that was not sent yet is due, in seconds"""


class DeadLetter(Model, kw_only=True):
    """A message whose effect failed. Its content is not shown."""

    message_id: str
    """The id of the message"""
    tenant_id: str
    """The organisation that it concerns"""
    producer: str
    """The service that sent it"""
    name: str
    """The kind of message"""
    error: str
    """The exception's type and the lines where it was raised"""
    died_at: datetime
    """When it was given up"""


class DeadLetters(Model, kw_only=True):
    """A page of dead letters"""

    dead_letters: list[DeadLetter]
    """The dead letters of this page, newest first"""
    next_cursor: str | None
    """The `cursor` of the next page; null on the last one"""


class Figure(Model, kw_only=True):
    """One figure"""

    name: str
    """Its name"""
    value: float
    """Its value; a name that ends in `_seconds` is an age"""


class OperatorAct(Model, kw_only=True):
    """One act. The service carries it out within seconds; `outcome` says why it did not, or names the rest of the
    work.
    """

    id: str
    """The id"""
    action: str
    """The act. One of: automation.resume, automation.stop, automations.stop, dead_letter.discard, dead_letter.replay,
    deliveries.resume, deliveries.stop, integration_request.approve, integration_request.decline,
    signing_keys.distrust, tenant.resume, tenant.suspend, webhook.resume, webhook.stop
    """
    subject_id: str
    """The record, app, person or other subject of the act"""
    reason: str
    """The operator's reason"""
    state: str
    """`waiting` and `begun` before its end; `refused` and `failed` changed nothing; `interrupted`: its process ended
    meanwhile. One of: begun, done, failed, interrupted, refused, waiting
    """
    asked_by: str
    """The person who asked"""
    asked_at: datetime
    """When it was asked for"""
    ended_at: datetime | None
    """When it ended; null before"""
    outcome: str | None
    """Why it was not done, or the rest of the work; null if there is nothing to say"""


class OperatorActs(Model, kw_only=True):
    """A page of acts"""

    acts: list[OperatorAct]
    """The acts of this page, newest first"""
    next_cursor: str | None
    """The `cursor` of the next page; null on the last one"""
