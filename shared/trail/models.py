"""Filters, entries and signatures of the audit trail as an organisation reads it."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from shared.web import http
from shared.web.http import Page

LONGEST_VALUE = 256
"""In bytes, as the indexes have it. Longer values are shown, and cannot be looked for."""
Value = Annotated[str, Meta(min_length=1, max_length=LONGEST_VALUE)]
Trace = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]
State = Literal["unchecked", "holds", "broken"]


class AuditFilter(Page):
    subject_id: Value | None = None
    actor: Value | None = None
    client_id: Value | None = None
    action: Value | None = None
    trace_id: Trace | None = None
    since: http.Timestamp | None = None
    until: http.Timestamp | None = None


class ExportQuery(http.Body):
    since: http.Timestamp
    until: http.Timestamp | None = None
    after: Annotated[str, Meta(pattern=r"^aud_[0-7][0-9a-hjkmnp-tv-z]{25}\Z")] | None = None
    subject_id: Value | None = None
    actor: Value | None = None
    client_id: Value | None = None
    action: Value | None = None
    trace_id: Trace | None = None


class AuditEntry(msgspec.Struct, kw_only=True):
    id: str
    at: datetime
    action: str
    subject_id: str
    client_id: str
    actor: str | None
    trace_id: str
    detail: dict[str, Any]


class AuditEntries(msgspec.Struct):
    entries: list[AuditEntry]
    next_cursor: str | None


class SealedEntry(AuditEntry, kw_only=True):
    """One entry, with the time of its seal, and whether the service has compared it with its seal since."""

    sealed_at: datetime | None
    checked: bool


class Seal(msgspec.Struct):
    sealed_at: datetime | None = None
    checked: bool = False


class Verification(msgspec.Struct, kw_only=True):
    """The last time that the service compared its whole trail with the seals."""

    service: str
    state: State
    checked_at: datetime | None
    sealed_until: datetime | None
    head: str | None


class ExportSignature(msgspec.Struct):
    """The last line of an export: a JWS (RFC 7515) over everything before it."""

    signature: str


class ExportBroken(msgspec.Struct):
    """The last line of an export that ended early, for the reason in words. It has no signature."""

    broken_off: str


class ExportStatement(msgspec.Struct, kw_only=True):
    """Everything that the signature of an export covers."""

    service: str
    tenant_id: str
    client_id: str
    actor: str | None
    filters: dict[str, str]
    since: datetime
    until: datetime
    after: str | None
    entries: int
    last_id: str | None
    complete: bool
    sha256: str
    made_at: datetime
    verification: Verification


class AuditKey(msgspec.Struct, kw_only=True):
    """A public key that signs exports (RFC 8037)."""

    kid: str
    x: str
    kty: Literal["OKP"] = "OKP"
    crv: Literal["Ed25519"] = "Ed25519"
    alg: Literal["EdDSA"] = "EdDSA"
    use: Literal["sig"] = "sig"


class AuditKeys(msgspec.Struct):
    keys: list[AuditKey]


class Row(msgspec.Struct, kw_only=True):
    """An entry as the database has it. `detail` is JSON: a number in it may be longer than Python reads."""

    id: UUID
    at: datetime
    action: str
    subject_id: str
    client_id: str
    actor: str | None
    trace_id: str
    detail: str
