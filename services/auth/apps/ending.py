"""Ends the grants and consents of deleted apps, the grants of many people after one decision, and the links of deleted connections to
people, in the relay.

Until then the row of the app, of the person in `ending_grants` or of the connection in `changing_roles` refuses them; a link counts only
with its connection. The work goes on after a stop. Tenants have turns. A row that fails goes behind all others, and is left until the
next pass.
"""

import logging
import time
from collections.abc import Callable
from functools import partial
from typing import LiteralString

import msgspec
import psycopg
from psycopg.rows import class_row

from services.auth import metrics
from services.auth.saml import roles
from services.auth.saml.queries import PUT_CHANGING_ROLES_BEHIND
from shared.process import metrics as shared_metrics
from shared.process import telemetry
from shared.storage.database import Connection, is_contention, is_outage, set_tenant
from shared.storage.jobs import MOST_HELD

PORTION = 500
SECONDS = 0.25
"""Seconds of work in each second, so that the relay's other work does not wait."""
NAME = "end grants of deleted apps and ended sign-ins"
shared_metrics.begin(shared_metrics.rows_set_aside, [NAME])
# Longer than a request that keeps a grant, a person or a connection, and than the relay lets a session be in the way.
PATIENCE: LiteralString = "SET LOCAL lock_timeout = '3s'"
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
PUT_APPS_BEHIND: LiteralString = """
    UPDATE ending_apps SET turn_at = clock_timestamp(), due_at = clock_timestamp() + interval '1 minute' WHERE client_id = ANY (%s)
"""
FINISH: LiteralString = "DELETE FROM ending_apps WHERE client_id = %s"
MEASURE: LiteralString = """
    SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(begun_at)), 0)::float8
    FROM (
        SELECT begun_at FROM ending_apps UNION ALL SELECT decided_at FROM ending_grants UNION ALL SELECT decided_at FROM changing_roles
        UNION ALL SELECT decided_at FROM ending_connections
    ) AS waiting
"""
PEOPLE = 50
"""People of one tenant in a portion."""
TAKE_PEOPLE: LiteralString = """
    SELECT user_id, tenant_id FROM ending_grants WHERE tenant_id = (
        SELECT tenant_id FROM ending_grants GROUP BY tenant_id HAVING count(*) FILTER (WHERE user_id <> ALL (%(failed)s)) > 0
        ORDER BY max(turn_at) NULLS FIRST, min(decided_at) LIMIT 1)
        AND user_id <> ALL (%(failed)s)
    ORDER BY turn_at NULLS FIRST, user_id LIMIT %(most)s FOR UPDATE SKIP LOCKED
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
# The tenant whose last turn is the longest ago, and its connection of which the same is true.
TAKE_CONNECTION: LiteralString = """
    SELECT connection_id, tenant_id FROM ending_connections WHERE connection_id = (
        SELECT connection_id FROM (
            SELECT connection_id, turn_at, decided_at, max(turn_at) OVER (PARTITION BY tenant_id) AS turn
            FROM ending_connections) AS waiting
        WHERE connection_id <> ALL (%s) ORDER BY turn NULLS FIRST, turn_at NULLS FIRST, decided_at LIMIT 1)
    FOR UPDATE SKIP LOCKED
"""
# None of a connection that is still there, however its row came here.
DELETE_LINKS: LiteralString = """
    DELETE FROM saml_identities WHERE connection_id = %(connection_id)s AND name_id = ANY (ARRAY(
        SELECT name_id FROM saml_identities WHERE connection_id = %(connection_id)s ORDER BY name_id LIMIT %(portion)s))
        AND NOT EXISTS (SELECT FROM saml_connections WHERE connection_id = %(connection_id)s)
"""
GO_ON_WITH_CONNECTIONS: LiteralString = (
    "UPDATE ending_connections SET turn_at = clock_timestamp() WHERE connection_id = ANY (%s)"
)
FINISH_CONNECTION: LiteralString = "DELETE FROM ending_connections WHERE connection_id = %s"
# The tenant's next connection has the turn of the one before.
HAD_A_TURN_OF_CONNECTIONS: LiteralString = """
    UPDATE ending_connections SET turn_at = clock_timestamp() WHERE connection_id = (
        SELECT connection_id FROM ending_connections WHERE tenant_id = %s ORDER BY turn_at NULLS FIRST, decided_at LIMIT 1)
"""


class Ending(msgspec.Struct, frozen=True):
    """A row of `ending_apps`."""

    client_id: str
    tenant_id: str
    stage: str
    after: str
    again: bool


log = logging.getLogger(__name__)


def work_off(conn: Connection, seconds: float = SECONDS) -> int:
    """Does portions, one at least, until the time is used or nothing is due. Returns their number.

    All kinds of work have turns. Raises the first error of a kind that finds no work, after the others had their turns.
    """
    until, portions, failed = time.monotonic() + seconds, 0, list[str]()
    kinds = [_portion, _portion_of_people, _portion_of_roles, _portion_of_links]
    broken: list[Exception] = []
    while kinds:
        found = False
        for kind in tuple(kinds):
            try:
                found |= kind(conn, failed)
            except Exception as error:
                if is_outage(error):
                    raise
                conn.rollback()
                kinds.remove(kind)
                broken.append(error)
        if not found:
            break
        portions += 1
        if time.monotonic() >= until:
            break
    number, age = conn.execute(MEASURE).fetchone() or (0, 0.0)
    metrics.ending_apps.set(number)
    metrics.oldest_ending_app.set(age)
    conn.commit()
    if broken:
        raise broken[0]
    return portions


def _attempt(
    conn: Connection, work: Callable[[], object], behind: LiteralString, keys: list[str], failed: list[str]
) -> Exception | None:
    """Does a portion and commits. After an error that is no outage, puts the rows behind the others; returns it."""
    try:
        conn.execute(PATIENCE)
        work()
        conn.commit()
    except Exception as error:  # one tenant's fault must not stop the others
        if is_outage(error):
            raise
        conn.rollback()
        failed += keys
        log.error("the work of %s waits for the next pass: %s", ", ".join(keys[:5]), telemetry.describe(error))
        conn.execute(PATIENCE)
        conn.execute(behind, (keys,))
        conn.commit()
        if len(keys) == 1 and not is_contention(error):
            shared_metrics.rows_set_aside.labels(NAME).inc()
        return error
    return None


def _portion(conn: Connection, failed: list[str]) -> bool:
    with conn.cursor(row_factory=class_row(Ending)) as cursor:
        app = cursor.execute(TAKE_NEXT).fetchone()
    if app is None:
        return False
    _attempt(conn, partial(_end_app, conn, app), PUT_APPS_BEHIND, [app.client_id], failed)
    return True


def _end_app(conn: Connection, app: Ending) -> None:
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


def _portion_of_people(conn: Connection, failed: list[str]) -> bool:
    taken = conn.execute(TAKE_PEOPLE, {"failed": failed, "most": PEOPLE}).fetchall()
    if not taken:
        return False
    people, tenant_id = [user_id for user_id, _ in taken], taken[0][1]

    def attempt(those: list[str]) -> Exception | None:
        return _attempt(conn, partial(_end_people, conn, tenant_id, those), GO_ON_WITH_PEOPLE, those, failed)

    if attempt(people) is not None and len(people) > 1:
        held = 0
        for each in people:
            error = attempt([each])
            held += isinstance(error, psycopg.errors.QueryCanceled) or (error is not None and is_contention(error))
            if held == MOST_HELD:
                break
    return True


def _end_people(conn: Connection, tenant_id: str, people: list[str]) -> None:
    set_tenant(conn, tenant_id)
    [found] = conn.execute(END_GRANTS_OF_PEOPLE, {"people": people, "portion": PORTION}).fetchone() or (0,)
    if found == PORTION:
        conn.execute(GO_ON_WITH_PEOPLE, (people,))
    else:
        conn.execute(FINISH_PEOPLE, (people,))
        conn.execute(HAD_A_TURN, (tenant_id, max(people)))


def _portion_of_roles(conn: Connection, failed: list[str]) -> bool:
    waiting = roles.next_changing(conn, failed)
    if waiting is None:
        return False
    _attempt(conn, partial(roles.apply_portion, conn, *waiting), PUT_CHANGING_ROLES_BEHIND, [waiting[0]], failed)
    return True


def _portion_of_links(conn: Connection, failed: list[str]) -> bool:
    taken = conn.execute(TAKE_CONNECTION, (failed,)).fetchone()
    if taken is None:
        return False
    _attempt(conn, partial(_delete_links, conn, *taken), GO_ON_WITH_CONNECTIONS, [taken[0]], failed)
    return True


def _delete_links(conn: Connection, connection_id: str, tenant_id: str) -> None:
    set_tenant(conn, tenant_id)
    portion = {"connection_id": connection_id, "portion": PORTION}
    if conn.execute(DELETE_LINKS, portion).rowcount == PORTION:
        conn.execute(GO_ON_WITH_CONNECTIONS, ([connection_id],))
    else:
        conn.execute(FINISH_CONNECTION, (connection_id,))
        conn.execute(HAD_A_TURN_OF_CONNECTIONS, (tenant_id,))
