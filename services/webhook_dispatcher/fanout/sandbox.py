"""A sandbox's example webhook: its deliveries of the last days, of which some failed and were tried again; erased in portions with the log.

Nothing is sent: the webhook is disabled, and its receiver has a name that never exists (RFC 2606). Only webhooks that were made in a
sandbox are touched. As every handler of this worker, it names the tenant in each statement.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString, NamedTuple

from services.webhook_dispatcher.fanout import event_types, intake, queries
from services.webhook_dispatcher.sending import signing
from services.webhook_dispatcher.sending.signing import Vault
from shared.messaging import outbox
from shared.messaging.messages import Received, SandboxDeliveries, SandboxPortionDone
from shared.messaging.sandboxes import Case, Year, newest, portion_named
from shared.process import telemetry
from shared.storage.database import Connection
from shared.web import http

URL = "https://receiver.example/knogin"
DESCRIPTION = "An example: invented deliveries, never sent"
EVENTS = ("incident.created", "incident.updated", "incident.closed")
# There are partitions of the last eight days alone.
RECENT = timedelta(days=6, hours=12)
ERASED = 1000
# Waits between attempts, in minutes.
WAITS = (0, 1, 6)

INSERT_WEBHOOK: LiteralString = """
    INSERT INTO subscriptions (id, tenant_id, client_id, url, description, events, live_events, secret, secret_fingerprint, enabled,
        disabled_reason, disabled_at, rehearses, created_at)
    VALUES (%(id)s, %(tenant_id)s, %(client_id)s, %(url)s, %(description)s, %(events)s, '{}', %(secret)s, %(fingerprint)s, false,
        'requested', now(), true, %(created_at)s)
    ON CONFLICT DO NOTHING
"""
LOCK_WEBHOOK: LiteralString = "SELECT id FROM subscriptions WHERE id = %s AND tenant_id = %s FOR NO KEY UPDATE"
NEXT_SEQUENCE: LiteralString = """
    UPDATE subscriptions SET last_sequence = last_sequence + 1 WHERE id = %s AND tenant_id = %s AND rehearses RETURNING last_sequence
"""
INSERT_DELIVERY: LiteralString = """
    INSERT INTO deliveries (id, at, tenant_id, subscription_id, event_id, event_at, event_type, sequence, status, troubled, attempt,
        attempted_at)
    VALUES (%(id)s, %(at)s, %(tenant_id)s, %(webhook_id)s, %(event_id)s, %(event_at)s, %(event_type)s, %(sequence)s, %(status)s,
        %(troubled)s, %(attempt)s, %(attempted_at)s)
    ON CONFLICT DO NOTHING RETURNING id
"""
INSERT_ATTEMPT: LiteralString = """
    INSERT INTO attempts (delivery_id, at, tenant_id, number, url, request_headers, response_status, response_headers, response_body,
        error, duration_ms, trace_id)
    VALUES (%(delivery_id)s, %(at)s, %(tenant_id)s, %(number)s, %(url)s, %(request_headers)s::jsonb, %(status)s, '{}', %(body)s, %(error)s,
        %(duration_ms)s, %(trace_id)s)
"""
# A portion of the deliveries of the tenant's webhooks that were made in a sandbox, with all that belongs to them.
ERASE: LiteralString = """
    WITH portion AS MATERIALIZED (
        SELECT d.id, d.at, d.event_id, d.event_at FROM subscriptions s CROSS JOIN LATERAL (
            SELECT id, at, event_id, event_at FROM deliveries WHERE subscription_id = s.id ORDER BY subscription_id, id LIMIT %(portion)s) d
        WHERE s.tenant_id = %(tenant_id)s AND s.rehearses LIMIT %(portion)s
    ), waiting AS (
        DELETE FROM queue q USING portion p WHERE q.delivery_id = p.id
    ), attempted AS (
        DELETE FROM attempts a USING portion p WHERE a.delivery_id = p.id
    ), happened AS (
        DELETE FROM events e USING portion p WHERE e.id = p.event_id AND e.at = p.event_at AND e.tenant_id = %(tenant_id)s
    ), gone AS (
        DELETE FROM deliveries d USING portion p WHERE d.id = p.id AND d.at = p.at RETURNING 1
    )
    SELECT count(*) FROM gone
"""
# The oldest places of the log. An event of a sandbox ends with its mark, so that no event of production is one of them.
ERASE_LOG: LiteralString = """
    WITH oldest AS MATERIALIZED (
        SELECT at, position, audience, event_id, event_at FROM event_log WHERE tenant_id = %(tenant_id)s
        ORDER BY tenant_id, at, position, audience LIMIT %(portion)s
    ), portion AS MATERIALIZED (
        SELECT o.* FROM oldest o LEFT JOIN LATERAL (
            SELECT body FROM events WHERE id = o.event_id AND at = o.event_at LIMIT 1
        ) e ON true WHERE e.body IS NULL OR right(e.body, 12) = '"test":true}'
    ), happened AS (
        DELETE FROM events e USING portion p WHERE e.id = p.event_id AND e.at = p.event_at AND e.tenant_id = %(tenant_id)s
    ), gone AS (
        DELETE FROM event_log l USING portion p
        WHERE l.tenant_id = %(tenant_id)s AND l.at = p.at AND l.position = p.position AND l.audience = p.audience RETURNING 1
    )
    SELECT count(*) FROM gone
"""
# Of a tenant without webhooks of production.
DELETE_CONTACTS: LiteralString = """
    DELETE FROM contacts
    WHERE tenant_id = %(tenant_id)s AND NOT EXISTS (SELECT FROM subscriptions WHERE tenant_id = %(tenant_id)s AND NOT rehearses)
"""
DELETE_CONSUMERS: LiteralString = """
    DELETE FROM consumers
    WHERE tenant_id = %(tenant_id)s AND NOT EXISTS (SELECT FROM subscriptions WHERE tenant_id = %(tenant_id)s AND NOT rehearses)
"""
DELETE_EXAMPLE: LiteralString = (
    "DELETE FROM subscriptions WHERE tenant_id = %(tenant_id)s AND rehearses AND url = %(url)s"
)
DELETE_WEBHOOKS: LiteralString = "DELETE FROM subscriptions WHERE tenant_id = %(tenant_id)s AND rehearses"


class Attempted(NamedTuple):
    """An answer of the invented receiver; without a status, why there was none."""

    status: int | None
    error: str | None = None


OK, FAILED, SILENT = Attempted(200), Attempted(503), Attempted(None, "no answer within 15 s")


def perform(vault: Vault, conn: Connection, received: Sequence[Received[SandboxDeliveries]]) -> None:
    for message in received:
        task, left = message.body, False
        match task.task:
            case "seed":
                _Writing(vault, conn, message).seed()
            case "erase" | "end":
                left = _erase(conn, message.tenant_id, with_webhooks=task.task == "end")
            case "failing_receiver":
                _Writing(vault, conn, message).fail_and_recover()
                continue
            case _:
                continue
        outbox.add_sync(conn, message.tenant_id, SandboxPortionDone(**portion_named(task), left=left))


def _erase(conn: Connection, tenant_id: str, *, with_webhooks: bool) -> bool:
    parameters = {"tenant_id": tenant_id, "portion": ERASED, "url": URL}
    [erased] = conn.execute(ERASE, parameters).fetchone() or (0,)
    if erased == ERASED:
        return True
    # Until none is left that may go: events without the mark, which stay, may be among the oldest.
    [erased] = conn.execute(ERASE_LOG, parameters).fetchone() or (0,)
    if erased:
        return True
    for statement in (DELETE_WEBHOOKS, DELETE_CONTACTS, DELETE_CONSUMERS) if with_webhooks else (DELETE_EXAMPLE,):
        conn.execute(statement, parameters)
    return False


class _Writing:
    def __init__(self, vault: Vault, conn: Connection, message: Received[SandboxDeliveries]) -> None:
        self.vault, self.conn, self.tenant_id, self.task = vault, conn, message.tenant_id, message.body
        self.year = Year(message.tenant_id, message.body)
        self.webhook_id = self.year.webhook_id
        self.accepted_at = self.year.until

    def seed(self) -> None:
        self._webhook()
        since = datetime.now(UTC) - RECENT
        for number in newest():
            case = self.year.case(number)
            times = case.at, case.at + timedelta(minutes=9), case.at + timedelta(minutes=58)
            for place, (type, at) in enumerate(zip(EVENTS, times, strict=True)):
                if at > since:
                    chance = self.year.chance("delivery", number, place).random()
                    answers = [OK] if chance < 0.8 else [FAILED, OK] if chance < 0.93 else [FAILED, SILENT, FAILED]
                    self._deliver(case, type, at, answers)

    def fail_and_recover(self) -> None:
        """The receiver fails twice and answers the third attempt, which was just now."""
        self._webhook()
        case = self.year.scenario("fall", timedelta(minutes=sum(WAITS) + 1))
        self._deliver(case, "incident.created", case.at, [FAILED, SILENT, OK])

    def _webhook(self) -> None:
        secret = signing.generate_secret()
        row = {
            "id": self.webhook_id,
            "tenant_id": self.tenant_id,
            "client_id": self.task.client_id,
            "url": URL,
            "description": DESCRIPTION,
            "events": list(EVENTS),
            "secret": self.vault.seal_secret(self.webhook_id, secret),
            "fingerprint": signing.fingerprint(signing.signing_key(secret)),
            "created_at": self.year.began,
        }
        self.conn.execute(INSERT_WEBHOOK, row)
        # Before the head of the log, as fan-out locks them.
        self.conn.execute(LOCK_WEBHOOK, (self.webhook_id, self.tenant_id))
        self.accepted_at = intake.lock_heads(self.conn, [self.tenant_id])[self.tenant_id]

    def _deliver(self, case: Case, type: str, at: datetime, answers: Sequence[Attempted]) -> None:
        event_id, delivery_id = (self.year.id(prefix, at, case.number, type) for prefix in ("evt", "dlv"))
        stored_at = intake.time_of(event_id)
        data = event_types.catalogue()[type].example | {
            "incident_id": case.incident_id,
            "cad_incident_id": case.cad_incident_id,
            "units": [case.vehicle_id],
        }
        event: dict[str, Any] = {
            "id": event_id,
            "at": stored_at,
            "tenant_id": self.tenant_id,
            "type": type,
            "body": intake.body(type, at, data, test=True),
            "traceparent": None,
            "accepted_at": self.accepted_at,
            "audiences": [intake.EVERY_APP],
            "kind": event_types.kind_of(type, data),
            "key": data[event_types.catalogue()[type].key],
        }
        if not self.conn.execute(queries.INSERT_EVENTS, (http.encode([event]).decode(),)).fetchall():
            return
        attempts = list(self._attempts(delivery_id, stored_at, answers))
        sequence = self.conn.execute(NEXT_SEQUENCE, (self.webhook_id, self.tenant_id)).fetchone()
        delivery: dict[str, Any] = {
            "id": delivery_id,
            "at": intake.time_of(delivery_id),
            "tenant_id": self.tenant_id,
            "webhook_id": self.webhook_id,
            "event_id": event_id,
            "event_at": stored_at,
            "event_type": type,
            "sequence": sequence[0] if sequence else 1,
            "status": "succeeded" if answers[-1] is OK else "failed",
            "troubled": True if answers[-1] is not OK else None,
            "attempt": len(attempts),
            "attempted_at": attempts[-1]["at"],
        }
        self.conn.execute(INSERT_DELIVERY, delivery)
        with self.conn.cursor() as cursor:
            cursor.executemany(INSERT_ATTEMPT, attempts)

    def _attempts(self, delivery_id: str, at: datetime, answers: Sequence[Attempted]) -> Iterator[dict[str, Any]]:
        chance = self.year.chance("attempts", delivery_id)
        for number, answer in enumerate(answers):
            at += timedelta(minutes=WAITS[number])
            yield {
                "delivery_id": delivery_id,
                "at": at,
                "tenant_id": self.tenant_id,
                "number": number + 1,
                "url": URL,
                "request_headers": '{"content-type":"application/json"}',
                "status": answer.status,
                "body": None if answer.status is None else "",
                "error": answer.error,
                "duration_ms": 15_000.0 if answer.status is None else chance.uniform(18, 240),
                "trace_id": telemetry.trace_id(),
            }
