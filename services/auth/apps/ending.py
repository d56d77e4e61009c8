"""Ends the grants and consents of deleted apps, and the grants of many people after one decision, in the relay.

Until then the row of the app, of the person in `ending_grants` or of the connection in `changing_roles` refuses them. The work goes on
after a stop. Tenants have turns.
"""

import time
from typing import LiteralString

import msgspec
from psycopg.rows import class_row

from services.auth import metrics
from services.auth.saml import roles
from shared.primitives.crypto import Keyring
from shared.storage.database import Connection, set_tenant

PORTION = 500
SECONDS = 0.25
"""Seconds of work in each second, so that the relay's other work does not wait."""
# Longer than any request: every request that began before the deletion has committed its grant by then.
REQUESTS_END = 60
# The tenant whose last turn is the longest ago. No row where another relay has this app.
TAKE_NEXT: LiteralString = """
    SELECT client_id, tenant_id, stage, after, again FROM ending_apps WHERE client_id = (
        SELECT client_id FROM (
            SELECT client_id, due_at, begun_at, max(turn_at) OVER (PARTITION BY tenant_id) AS turn FROM ending_apps) AS waiting
        WHERE due_at <= clock_timestamp() ORDER BY turn NULLS FIRST, begun_at LIMIT 1)
    FOR UPDATE SKIP LOCKED
"""
# Both return how many rows they found, and the last of them.
END_GRANTS: LiteralString = """
    WITH found AS MATERIALIZED (
        SELECT grant_id FROM grants WHERE client_id = %(client_id)s AND revoked_at IS NULL AND grant_id > %(after)s
        ORDER BY grant_id LIMIT %(portion)s FOR UPDATE
    ), ended AS (
        UPDATE grants SET revoked_at = clock_timestamp(), revoked_because = 'app deleted'
        WHERE grant_id IN (SELECT grant_id FROM found)
    )
    SELECT count(*), max(grant_id) FROM found
"""
DELETE_CONSENTS: LiteralString = """
    WITH found AS MATERIALIZED (
        SELECT user_id, client_id FROM consents WHERE client_id = %(client_id)s AND user_id > %(after)s
        ORDER BY user_id LIMIT %(portion)s FOR UPDATE
    ), deleted AS (
        DELETE FROM consents c USING found f WHERE c.user_id = f.user_id AND c.client_id = f.client_id
    )
    SELECT count(*), max(user_id) FROM found
"""
GO_ON: LiteralString = """
    UPDATE ending_apps SET stage = %(stage)s, after = %(after)s, again = %(again)s, turn_at = clock_timestamp(),
        due_at = clock_timestamp() + make_interval(secs => %(wait)s)
    WHERE client_id = %(client_id)s
"""
FINISH: LiteralString = "DELETE FROM ending_apps WHERE client_id = %s"
MEASURE: LiteralString = """
    SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(begun_at)), 0)::float8
    FROM (
        SELECT begun_at FROM ending_apps UNION ALL SELECT decided_at FROM ending_grants UNION ALL SELECT decided_at FROM changing_roles
    ) AS waiting
"""
PEOPLE = 50
"""People of one tenant in a portion."""
TAKE_PEOPLE: LiteralString = """
    SELECT user_id, tenant_id FROM ending_grants WHERE tenant_id = (
        SELECT tenant_id FROM ending_grants GROUP BY tenant_id ORDER BY max(turn_at) NULLS FIRST, min(decided_at) LIMIT 1)
    ORDER BY user_id LIMIT %s FOR UPDATE SKIP LOCKED
"""
# In the order in which a request ends grants, so that the two cannot deadlock.
END_GRANTS_OF_PEOPLE: LiteralString = """
    WITH found AS MATERIALIZED (
        SELECT g.grant_id, e.why FROM ending_grants e JOIN grants g USING (user_id)
        WHERE e.user_id = ANY (%(people)s) AND g.revoked_at IS NULL AND g.created_at < e.decided_at
        ORDER BY g.grant_id LIMIT %(portion)s FOR UPDATE OF g
    ), ended AS (
        UPDATE grants g SET revoked_at = clock_timestamp(), revoked_because = found.why FROM found WHERE g.grant_id = found.grant_id
    )
    SELECT count(*) FROM found
"""
GO_ON_WITH_PEOPLE: LiteralString = "UPDATE ending_grants SET turn_at = clock_timestamp() WHERE user_id = ANY (%s)"
FINISH_PEOPLE: LiteralString = "DELETE FROM ending_grants WHERE user_id = ANY (%s)"
# The next person has the turn of those before, so that one tenant's many people are no reason for another's to wait.
HAD_A_TURN: LiteralString = """
    UPDATE ending_grants SET turn_at = clock_timestamp() WHERE user_id = (
        SELECT user_id FROM ending_grants WHERE tenant_id = %s AND user_id > %s ORDER BY user_id LIMIT 1)
"""


class Ending(msgspec.Struct, frozen=True):
    """A row of `ending_apps`."""

    client_id: str
    tenant_id: str
    stage: str
    after: str
    again: bool


def work_off(keyring: Keyring, conn: Connection, seconds: float = SECONDS) -> int:
    """Does portions, one at least, until the time is used or nothing is due. Returns their number."""
    until, portions = time.monotonic() + seconds, 0
    # All kinds of work have turns.
    while (_portion(conn) + _portion_of_people(conn) + roles.apply_portion(conn, keyring)) > 0:
        portions += 1
        if time.monotonic() >= until:
            break
    number, age = conn.execute(MEASURE).fetchone() or (0, 0.0)
    metrics.ending_apps.set(number)
    metrics.oldest_ending_app.set(age)
    conn.commit()
    return portions


def _portion(conn: Connection) -> bool:
    with conn.cursor(row_factory=class_row(Ending)) as cursor:
        app = cursor.execute(TAKE_NEXT).fetchone()
    if app is None:
        return False
    set_tenant(conn, app.tenant_id)
    statement = END_GRANTS if app.stage == "grants" else DELETE_CONSENTS
    where = {"client_id": app.client_id, "after": app.after, "portion": PORTION}
    found, last = conn.execute(statement, where).fetchone() or (0, None)
    following = {"client_id": app.client_id, "stage": app.stage, "after": last, "again": app.again, "wait": 0}
    if found == PORTION:
        conn.execute(GO_ON, following)
    elif app.stage == "grants":
        conn.execute(GO_ON, following | {"stage": "consents", "after": ""})
    elif not app.again:
        conn.execute(GO_ON, following | {"stage": "grants", "after": "", "again": True, "wait": REQUESTS_END})
    else:
        conn.execute(FINISH, (app.client_id,))
    conn.commit()
    return True


def _portion_of_people(conn: Connection) -> bool:
    taken = conn.execute(TAKE_PEOPLE, (PEOPLE,)).fetchall()
    if not taken:
        return False
    people, tenant_id = [user_id for user_id, _ in taken], taken[0][1]
    set_tenant(conn, tenant_id)
    [found] = conn.execute(END_GRANTS_OF_PEOPLE, {"people": people, "portion": PORTION}).fetchone() or (0,)
    if found == PORTION:
        conn.execute(GO_ON_WITH_PEOPLE, (people,))
    else:
        conn.execute(FINISH_PEOPLE, (people,))
        conn.execute(HAD_A_TURN, (tenant_id, people[-1]))
    conn.commit()
    return True
