"""Generated from the contract by `make clients`; do not edit."""

from __future__ import annotations

from datetime import datetime

from .. import models
from .._paging import AsyncPages, Pages
from .._transport import Call, Caller, Operation

_LIST_AUDIT_ENTRIES = Operation("listAuditEntries", "GET", "/v1/audit/{}", {200: models.audit.AuditEntries})
_EXPORT_AUDIT_ENTRIES = Operation("exportAuditEntries", "GET", "/v1/audit/{}/export", {200: bytes})
_GET_AUDIT_VERIFICATION = Operation(
    "getAuditVerification", "GET", "/v1/audit/{}/verification", {200: models.audit.Verification}
)
_LIST_AUDIT_KEYS = Operation("listAuditKeys", "GET", "/v1/audit/{}/keys", {200: models.audit.AuditKeys}, auth="open")
_GET_AUDIT_ENTRY = Operation("getAuditEntry", "GET", "/v1/audit/{}/{}", {200: models.audit.SealedEntry})


class AuditTrail:
    """The trail of actions: actor, action, object, app, time and trace. Each service has a trail of its own: `auth`,
    `webhook-dispatcher`, `graphql-api`, `epcr`, `device-ingest` and `control-plane`. An organisation reads its own
    entries.
    """

    def __init__(self, client: Caller) -> None:
        self._client = client

    def list_audit_entries(
        self,
        service: str,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        subject_id: str | None = None,
        actor: str | None = None,
        client_id: str | None = None,
        action: str | None = None,
        trace_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        timeout: float | None = None,
    ) -> Pages[models.audit.AuditEntry]:
        """List entries of the audit trail.

        Newest first. Filters combine. With several filters a page may have few entries, or none, and a
        `next_cursor` all the same: a page looks through 10,000 entries. Reading leaves one entry (`audit.read`) for
        each reader, filter and hour.

        Scope: `platform:audit`.

        `service`: The service whose trail it is: `auth`, `webhook-dispatcher`, `graphql-api`, `epcr`,
        `device-ingest` or `control-plane`.
        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `subject_id`: Only entries about this record, app, person or other subject.
        `actor`: Only entries of this person.
        `client_id`: Only entries of this app.
        `action`: Only entries of this action.
        `trace_id`: Only entries of this trace.
        `since`: Start of the period, inclusive, by the time of the entries.
        `until`: End of the period, exclusive, by the time of the entries.
        """
        return self._client._pages(
            Call(
                _LIST_AUDIT_ENTRIES,
                path=(service,),
                query={
                    "limit": limit,
                    "cursor": cursor,
                    "subject_id": subject_id,
                    "actor": actor,
                    "client_id": client_id,
                    "action": action,
                    "trace_id": trace_id,
                    "since": since,
                    "until": until,
                },
                timeout=timeout,
                page="entries",
            )
        )

    def export_audit_entries(
        self,
        service: str,
        *,
        since: datetime,
        until: datetime | None = None,
        after: str | None = None,
        subject_id: str | None = None,
        actor: str | None = None,
        client_id: str | None = None,
        action: str | None = None,
        trace_id: str | None = None,
        timeout: float | None = None,
    ) -> bytes:
        """Export entries of the audit trail.

        One entry a line, oldest first; the last line is the signature. An export without it, or with `broken_off`,
        is not complete: go on with `after`. It ends a minute ago at the latest, and has at most 1,000,000 entries.

        Scope: `platform:audit`.

        `service`: The service whose trail it is: `auth`, `webhook-dispatcher`, `graphql-api`, `epcr`,
        `device-ingest` or `control-plane`.
        `since`: Start of the period, inclusive.
        `until`: End of the period, exclusive; a minute ago at the latest.
        `after`: The id of the last entry that you have: the export goes on after it.
        `subject_id`: Only entries about this record, app, person or other subject.
        `actor`: Only entries of this person.
        `client_id`: Only entries of this app.
        `action`: Only entries of this action.
        `trace_id`: Only entries of this trace.
        """
        return self._client._call(
            Call(
                _EXPORT_AUDIT_ENTRIES,
                path=(service,),
                query={
                    "since": since,
                    "until": until,
                    "after": after,
                    "subject_id": subject_id,
                    "actor": actor,
                    "client_id": client_id,
                    "action": action,
                    "trace_id": trace_id,
                },
                timeout=timeout,
            )
        )

    def get_audit_verification(self, service: str, *, timeout: float | None = None) -> models.audit.Verification:
        """Read whether the audit trail holds.

        Entries are sealed into a chain of hashes, a second after they were written. The service compares new
        entries with the chain each minute, and all of them again and again: each day while the trail is small, at
        most 30 days apart when it is large.

        Scope: `platform:audit`.

        `service`: The service whose trail it is: `auth`, `webhook-dispatcher`, `graphql-api`, `epcr`,
        `device-ingest` or `control-plane`.
        """
        return self._client._call(Call(_GET_AUDIT_VERIFICATION, path=(service,), timeout=timeout))

    def list_audit_keys(self, service: str, *, timeout: float | None = None) -> models.audit.AuditKeys:
        """List the keys that sign exports.

        A JWK set (RFC 7517) with Ed25519 keys (RFC 8037), the newest first. Keep it with your exports: a key is
        listed as long as the service has it.

        `service`: The service whose trail it is: `auth`, `webhook-dispatcher`, `graphql-api`, `epcr`,
        `device-ingest` or `control-plane`.
        """
        return self._client._call(Call(_LIST_AUDIT_KEYS, path=(service,), timeout=timeout))

    def get_audit_entry(self, service: str, entry_id: str, *, timeout: float | None = None) -> models.audit.SealedEntry:
        """Read an entry of the audit trail.

        With the time of its seal.

        Scope: `platform:audit`.

        `service`: The service whose trail it is: `auth`, `webhook-dispatcher`, `graphql-api`, `epcr`,
        `device-ingest` or `control-plane`.
        `entry_id`: The id of the entry, such as `aud_01jdk…`.
        """
        return self._client._call(
            Call(
                _GET_AUDIT_ENTRY,
                path=(
                    service,
                    entry_id,
                ),
                timeout=timeout,
            )
        )


class AsyncAuditTrail:
    """The trail of actions: actor, action, object, app, time and trace. Each service has a trail of its own: `auth`,
    `webhook-dispatcher`, `graphql-api`, `epcr`, `device-ingest` and `control-plane`. An organisation reads its own
    entries.
    """

    def __init__(self, client: Caller) -> None:
        self._client = client

    def list_audit_entries(
        self,
        service: str,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        subject_id: str | None = None,
        actor: str | None = None,
        client_id: str | None = None,
        action: str | None = None,
        trace_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        timeout: float | None = None,
    ) -> AsyncPages[models.audit.AuditEntry]:
        """List entries of the audit trail.

        Newest first. Filters combine. With several filters a page may have few entries, or none, and a
        `next_cursor` all the same: a page looks through 10,000 entries. Reading leaves one entry (`audit.read`) for
        each reader, filter and hour.

        Scope: `platform:audit`.

        `service`: The service whose trail it is: `auth`, `webhook-dispatcher`, `graphql-api`, `epcr`,
        `device-ingest` or `control-plane`.
        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `subject_id`: Only entries about this record, app, person or other subject.
        `actor`: Only entries of this person.
        `client_id`: Only entries of this app.
        `action`: Only entries of this action.
        `trace_id`: Only entries of this trace.
        `since`: Start of the period, inclusive, by the time of the entries.
        `until`: End of the period, exclusive, by the time of the entries.
        """
        return self._client._pages(
            Call(
                _LIST_AUDIT_ENTRIES,
                path=(service,),
                query={
                    "limit": limit,
                    "cursor": cursor,
                    "subject_id": subject_id,
                    "actor": actor,
                    "client_id": client_id,
                    "action": action,
                    "trace_id": trace_id,
                    "since": since,
                    "until": until,
                },
                timeout=timeout,
                page="entries",
            )
        )

    async def export_audit_entries(
        self,
        service: str,
        *,
        since: datetime,
        until: datetime | None = None,
        after: str | None = None,
        subject_id: str | None = None,
        actor: str | None = None,
        client_id: str | None = None,
        action: str | None = None,
        trace_id: str | None = None,
        timeout: float | None = None,
    ) -> bytes:
        """Export entries of the audit trail.

        One entry a line, oldest first; the last line is the signature. An export without it, or with `broken_off`,
        is not complete: go on with `after`. It ends a minute ago at the latest, and has at most 1,000,000 entries.

        Scope: `platform:audit`.

        `service`: The service whose trail it is: `auth`, `webhook-dispatcher`, `graphql-api`, `epcr`,
        `device-ingest` or `control-plane`.
        `since`: Start of the period, inclusive.
        `until`: End of the period, exclusive; a minute ago at the latest.
        `after`: The id of the last entry that you have: the export goes on after it.
        `subject_id`: Only entries about this record, app, person or other subject.
        `actor`: Only entries of this person.
        `client_id`: Only entries of this app.
        `action`: Only entries of this action.
        `trace_id`: Only entries of this trace.
        """
        return await self._client._call(
            Call(
                _EXPORT_AUDIT_ENTRIES,
                path=(service,),
                query={
                    "since": since,
                    "until": until,
                    "after": after,
                    "subject_id": subject_id,
                    "actor": actor,
                    "client_id": client_id,
                    "action": action,
                    "trace_id": trace_id,
                },
                timeout=timeout,
            )
        )

    async def get_audit_verification(self, service: str, *, timeout: float | None = None) -> models.audit.Verification:
        """Read whether the audit trail holds.

        Entries are sealed into a chain of hashes, a second after they were written. The service compares new
        entries with the chain each minute, and all of them again and again: each day while the trail is small, at
        most 30 days apart when it is large.

        Scope: `platform:audit`.

        `service`: The service whose trail it is: `auth`, `webhook-dispatcher`, `graphql-api`, `epcr`,
        `device-ingest` or `control-plane`.
        """
        return await self._client._call(Call(_GET_AUDIT_VERIFICATION, path=(service,), timeout=timeout))

    async def list_audit_keys(self, service: str, *, timeout: float | None = None) -> models.audit.AuditKeys:
        """List the keys that sign exports.

        A JWK set (RFC 7517) with Ed25519 keys (RFC 8037), the newest first. Keep it with your exports: a key is
        listed as long as the service has it.

        `service`: The service whose trail it is: `auth`, `webhook-dispatcher`, `graphql-api`, `epcr`,
        `device-ingest` or `control-plane`.
        """
        return await self._client._call(Call(_LIST_AUDIT_KEYS, path=(service,), timeout=timeout))

    async def get_audit_entry(
        self, service: str, entry_id: str, *, timeout: float | None = None
    ) -> models.audit.SealedEntry:
        """Read an entry of the audit trail.

        With the time of its seal.

        Scope: `platform:audit`.

        `service`: The service whose trail it is: `auth`, `webhook-dispatcher`, `graphql-api`, `epcr`,
        `device-ingest` or `control-plane`.
        `entry_id`: The id of the entry, such as `aud_01jdk…`.
        """
        return await self._client._call(
            Call(
                _GET_AUDIT_ENTRY,
                path=(
                    service,
                    entry_id,
                ),
                timeout=timeout,
            )
        )
