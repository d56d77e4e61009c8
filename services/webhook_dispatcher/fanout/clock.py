"""Advances of a sandbox's clock: the waits of its webhooks become shorter by some seconds, as if they had passed.

The clock of the database, which all tenants share, stays. Times of the past are set back, and times to come are brought nearer: states of
webhooks with the first portion, then the waiting deliveries. Only webhooks that were made in a sandbox are touched, so that a message that
named a tenant of production would move nothing. A portion that comes twice moves nothing the second time.
"""

from typing import LiteralString, NamedTuple

from psycopg.rows import args_row

from shared.messaging.messages import SandboxDeliveries
from shared.storage.database import Connection

PORTION = 1000


class Place(NamedTuple):
    """How far an advance has come: its number, the next portion, and the last delivery that was looked at."""

    number: int
    portion: int
    subscription_id: str
    sequence: int
    is_done: bool


BEGIN: LiteralString = """
    INSERT INTO sandbox_clocks AS kept (tenant_id, number, portion, subscription_id, sequence, is_done)
    VALUES (%(tenant_id)s, %(number)s, 0, '', 0, false)
    ON CONFLICT (tenant_id) DO UPDATE SET number = excluded.number, portion = 0, subscription_id = '', sequence = 0, is_done = false
    WHERE kept.number < excluded.number
"""
TAKE: LiteralString = """
    SELECT number, portion, subscription_id, sequence, is_done FROM sandbox_clocks WHERE tenant_id = %(tenant_id)s FOR UPDATE
"""
GO_ON: LiteralString = """
    UPDATE sandbox_clocks SET portion = portion + 1, subscription_id = %(subscription_id)s, sequence = %(sequence)s, is_done = %(is_done)s
    WHERE tenant_id = %(tenant_id)s
"""
# A webhook is disabled by the next failure after the days of failures, as without an advance: both times move.
MOVE_WEBHOOKS: LiteralString = """
    WITH moved AS MATERIALIZED (
        SELECT id, %(seconds)s * interval '1 second' AS advance FROM subscriptions WHERE tenant_id = %(tenant_id)s AND rehearses
            AND coalesce(failing_since, slowed_until, exhausted_noticed_at, noticed_failing_since, previous_secret_expires_at,
                previous_public_key_expires_at) IS NOT NULL
        ORDER BY id FOR NO KEY UPDATE
    )
    UPDATE subscriptions s SET failing_since = failing_since - advance, last_failure_at = last_failure_at - advance,
        noticed_failing_since = noticed_failing_since - advance, slowed_until = slowed_until - advance,
        exhausted_noticed_at = exhausted_noticed_at - advance,
        previous_secret_expires_at = previous_secret_expires_at - advance,
        previous_public_key_expires_at = previous_public_key_expires_at - advance,
        older_secret_ends = ARRAY(SELECT ends - advance FROM unnest(older_secret_ends) AS ends),
        older_public_key_ends = ARRAY(SELECT ends - advance FROM unnest(older_public_key_ends) AS ends)
    FROM moved WHERE s.id = moved.id
"""
# Those that wait for their next attempt. None is due before now: it would count as late. A row that is locked is claimed, released or
# recorded at this moment, and has no wait of before.
MOVE_DELIVERIES: LiteralString = """
    WITH looked AS MATERIALIZED (
        SELECT q.delivery_id, q.subscription_id, q.sequence FROM (
            SELECT id FROM subscriptions WHERE tenant_id = %(tenant_id)s AND rehearses AND id >= %(subscription_id)s ORDER BY id
        ) s CROSS JOIN LATERAL (
            SELECT delivery_id, subscription_id, sequence FROM queue WHERE subscription_id = s.id AND stage = 4
                AND sequence > CASE WHEN s.id = %(subscription_id)s THEN %(sequence)s ELSE 0 END
            ORDER BY sequence LIMIT %(portion)s
        ) q ORDER BY q.subscription_id, q.sequence LIMIT %(portion)s
    ), waiting AS (
        SELECT q.delivery_id FROM looked JOIN queue q ON q.delivery_id = looked.delivery_id
        WHERE q.stage = 4 AND q.due_at > now() FOR UPDATE OF q SKIP LOCKED
    ), moved AS (
        UPDATE queue q SET due_at = greatest(q.due_at - %(seconds)s * interval '1 second', now())
        FROM waiting WHERE q.delivery_id = waiting.delivery_id
    )
    SELECT subscription_id, sequence, (SELECT count(*) FROM looked) < %(portion)s
    FROM looked ORDER BY subscription_id DESC, sequence DESC LIMIT 1
"""


def advance(conn: Connection, tenant_id: str, task: SandboxDeliveries) -> bool:
    """Does a portion of an advance, unless it was done before. Returns whether another is left."""
    parameters = {"tenant_id": tenant_id, "number": task.number, "seconds": task.seconds, "portion": PORTION}
    conn.execute(BEGIN, parameters)
    with conn.cursor(row_factory=args_row(Place)) as cursor:
        place = cursor.execute(TAKE, parameters).fetchone()
    assert place is not None
    if place.number == task.number and place.portion == task.portion and not place.is_done:
        if task.portion == 0:
            conn.execute(MOVE_WEBHOOKS, parameters)
        parameters |= {"subscription_id": place.subscription_id, "sequence": place.sequence}
        found = conn.execute(MOVE_DELIVERIES, parameters).fetchone()
        subscription_id, sequence, is_done = found or (place.subscription_id, place.sequence, True)
        parameters |= {"subscription_id": subscription_id, "sequence": sequence, "is_done": is_done}
        conn.execute(GO_ON, parameters)
        return not is_done
    return place.number == task.number and not place.is_done
