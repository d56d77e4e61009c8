"""Generated from the contract by `make clients`; do not edit."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from .._model import Model


class AuditEntries(Model, kw_only=True):
    """A page of entries of the audit trail, newest first"""

    entries: list[AuditEntry]
    """The entries"""
    next_cursor: str | None
    """The `cursor` of the next page; null on the last one"""


class AuditEntry(Model, kw_only=True):
    """One entry of a service's audit trail"""

    id: str
    """The id"""
    at: datetime
    """When it happened"""
    action: str
    """The kind of act, such as `app.disabled`"""
    subject_id: str
    """The record, app, person or other subject of the act"""
    client_id: str
    """The app through which it was done; `operator` or the name of a service for the platform's own acts"""
    actor: str | None
    """The person, `usr_…`; null for an app in its own name"""
    trace_id: str
    """The trace of the call, 32 hex digits; give it to support"""
    detail: dict[str, Any]
    """Names of fields, ids and numbers; never a value of a patient or a person"""


class AuditKey(Model, kw_only=True):
    """A public key that signs exports (RFC 8037)."""

    kid: str
    """The key's id"""
    x: str
    """The public key, 32 bytes in base64url without padding"""
    kty: str
    """The key type (RFC 7517)"""
    crv: str
    """The curve (RFC 8037)"""
    alg: str
    """The algorithm"""
    use: str
    """The use of the key"""


class AuditKeys(Model, kw_only=True):
    """The public keys that sign exports of a service's audit trail"""

    keys: list[AuditKey]
    """The keys, the one that signs now first"""


class SealedEntry(Model, kw_only=True):
    """One entry, with the time of its seal, and whether the service has compared it with its seal since."""

    id: str
    """The id"""
    at: datetime
    """When it happened"""
    action: str
    """The kind of act, such as `app.disabled`"""
    subject_id: str
    """The record, app, person or other subject of the act"""
    client_id: str
    """The app through which it was done; `operator` or the name of a service for the platform's own acts"""
    actor: str | None
    """The person, `usr_…`; null for an app in its own name"""
    trace_id: str
    """The trace of the call, 32 hex digits; give it to support"""
    detail: dict[str, Any]
    """Names of fields, ids and numbers; never a value of a patient or a person"""
    sealed_at: datetime | None
    """When the entry was sealed into the chain; null until then"""
    checked: bool
    """Whether the service has compared the entry with its seal since it was sealed"""


class Verification(Model, kw_only=True):
    """The last time that the service compared its whole trail with the seals."""

    service: str
    """The service whose trail it is: `auth`, `webhook-dispatcher`, `graphql-api`, `epcr`, `device-ingest` or
    `control-plane`
    """
    state: str
    """`holds`; `broken` if the last check found a change; `unchecked` before the first check. One of: broken, holds,
    unchecked
    """
    checked_at: datetime | None
    """When a check last reached the end of the trail and found no change"""
    sealed_until: datetime | None
    """Entries sealed until then were in that check"""
    head: str | None
    """The hash of the chain at that check, 64 hex digits. Keep it: an operator can show that it is still part of the
    chain
    """
