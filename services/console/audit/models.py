"""The answers of the platform that the pages of the audit trail read, with the fields that they show."""

from datetime import datetime
from typing import Any

import msgspec

SERVICES = ("auth", "epcr", "webhook-dispatcher", "device-ingest", "graphql-api", "control-plane")
"""The services with a trail, by the names of its addresses."""
FILTERS = ("actor", "client_id", "action", "subject_id", "trace_id")


class Entry(msgspec.Struct):
    id: str
    at: datetime
    action: str
    subject_id: str
    client_id: str
    trace_id: str
    actor: str | None = None
    detail: dict[str, Any] = {}
    service: str = ""
    others: list[str] = []


class Entries(msgspec.Struct):
    entries: list[Entry]
    next_cursor: str | None = None


class SealedEntry(Entry):
    sealed_at: datetime | None = None
    checked: bool = False


class Verification(msgspec.Struct):
    service: str
    state: str
    checked_at: datetime | None = None
    sealed_until: datetime | None = None
    head: str | None = None
