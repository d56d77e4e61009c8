"""The calls of a service's audit trail: every service has the same, each for its own trail."""

from shared.trail.endpoints import Trail
from shared.trail.exporting import MEDIA
from shared.trail.models import (
    AuditEntries,
    AuditEntry,
    AuditFilter,
    AuditKeys,
    ExportBroken,
    ExportQuery,
    ExportSignature,
    SealedEntry,
    Verification,
)
from shared.web.routing import AnyOf, Content, Operation, Part

SCOPE = "platform:audit"
TRAIL = "/v1/audit/{service}"
DESCRIPTION = (
    "The trail of actions: actor, action, object, app, time and trace. Each service has a trail of its own: `auth`,"
    " `webhook-dispatcher`, `graphql-api`, `epcr`, `device-ingest` and `control-plane`. An organisation reads its own entries."
)


def part(service: str) -> Part:
    """The calls of the service with that public name, such as `device-ingest`."""
    trail = Trail(service)
    ids = {"service": "epcr", "entry_id": "aud_01jdkfx3c8e2r9v5m7q4t6w0ya"}
    # A fixed path comes before the one of an id.
    entry = Operation(
        "GET",
        f"{TRAIL}/{{entry_id}}",
        trail.read_audit_entry,
        "Read an entry of the audit trail",
        SCOPE,
        {200: SealedEntry},
        "With the time of its seal.",
    )
    return Part("Audit trail", "audit", DESCRIPTION, [*_lists(trail), *_proofs(trail), entry], ids)


def _lists(trail: Trail) -> list[Operation]:
    """Entries by filter, as a page or as a file."""
    return [
        Operation(
            "GET",
            TRAIL,
            trail.list_audit_entries,
            "List entries of the audit trail",
            SCOPE,
            {200: AuditEntries},
            "Newest first. Filters combine. With several filters a page may have few entries, or none, and a `next_cursor` all the same:"
            " a page looks through 10,000 entries. Reading leaves one entry (`audit.read`) for each reader, filter and hour.",
            query=AuditFilter,
        ),
        Operation(
            "GET",
            f"{TRAIL}/export",
            trail.export_audit_entries,
            "Export entries of the audit trail",
            SCOPE,
            {200: (Content(MEDIA, AnyOf((AuditEntry, ExportSignature, ExportBroken))),)},
            "One entry a line, oldest first; the last line is the signature. An export without it, or with `broken_off`, is not complete:"
            " go on with `after`. It ends a minute ago at the latest, and has at most 1,000,000 entries.",
            query=ExportQuery,
            refusals={
                429: "Two exports of the organisation are under way, or too many requests came; wait for Retry-After"
            },
        ),
    ]


def _proofs(trail: Trail) -> list[Operation]:
    """The result of the service's own check, and the keys of exports."""
    return [
        Operation(
            "GET",
            f"{TRAIL}/verification",
            trail.read_audit_verification,
            "Read whether the audit trail holds",
            SCOPE,
            {200: Verification},
            "Entries are sealed into a chain of hashes, a second after they were written. The service compares new entries with the chain"
            " each minute, and all of them again and again: each day while the trail is small, at most 30 days apart when it is large.",
        ),
        Operation(
            "GET",
            f"{TRAIL}/keys",
            trail.list_audit_keys,
            "List the keys that sign exports",
            None,
            {200: AuditKeys},
            "A JWK set (RFC 7517) with Ed25519 keys (RFC 8037), the newest first. Keep it with your exports: a key is listed as long as"
            " the service has it.",
        ),
    ]
