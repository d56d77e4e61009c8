"""SQL of self-made sandboxes. In a request, row-level security narrows each to the tenant that made them."""

from typing import LiteralString

from services.auth.apps.queries import TENANT_COLUMNS

COLUMNS: LiteralString = """
    id, tenant_id, sandbox_tenant_id, name, client_id, seed, state, generation, until, step, portion, scenarios, advances,
    advanced_seconds, advancing_seconds, created_at, changed_at, deleted_at
"""
MAKE_TENANT: LiteralString = "SELECT " + TENANT_COLUMNS + " FROM make_sandbox_tenant(%s, %s)"
CLOSE_TENANT: LiteralString = "SELECT " + TENANT_COLUMNS + " FROM close_sandbox_tenant(%s)"
INSERT: LiteralString = (
    """
    INSERT INTO sandboxes (id, tenant_id, sandbox_tenant_id, name, client_id, seed, state, until)
    VALUES (%(id)s, %(tenant_id)s, %(sandbox_tenant_id)s, %(name)s, %(client_id)s, %(seed)s, 'preparing', clock_timestamp())
    RETURNING """
    + COLUMNS
)
COUNT: LiteralString = "SELECT count(*) FROM sandboxes WHERE tenant_id = %s AND state NOT IN ('deleting', 'deleted')"
COUNT_OF_DAY: LiteralString = (
    "SELECT count(*) FROM sandboxes WHERE tenant_id = %s AND created_at > clock_timestamp() - interval '1 day'"
)
FIND: LiteralString = "SELECT " + COLUMNS + " FROM sandboxes WHERE id = %s"
FIND_TO_CHANGE: LiteralString = FIND + " FOR UPDATE"
LIST: LiteralString = (
    "SELECT "
    + COLUMNS
    + """ FROM sandboxes
    WHERE (%(state)s::text IS NULL OR state = %(state)s) AND (%(after)s::text IS NULL OR id < %(after)s)
    ORDER BY id DESC LIMIT %(limit)s
"""
)
# Work that has not moved for so long has stopped, and may begin anew.
# And the number of resets today.
RESETTABLE: LiteralString = """
    SELECT changed_at < clock_timestamp() - interval '2 minutes',
        CASE WHEN reset_day = (clock_timestamp() AT TIME ZONE 'UTC')::date THEN resets ELSE 0 END
    FROM sandboxes WHERE id = %s
"""
BEGIN: LiteralString = (
    """
    UPDATE sandboxes SET state = %(state)s, generation = generation + 1, until = clock_timestamp(), step = 0, portion = 0, scenarios = 0,
        advanced_seconds = 0, work_since = clock_timestamp(), changed_at = clock_timestamp(),
        reset_day = (clock_timestamp() AT TIME ZONE 'UTC')::date,
        resets = CASE WHEN reset_day = (clock_timestamp() AT TIME ZONE 'UTC')::date THEN resets ELSE 0 END + 1
    WHERE id = %(id)s RETURNING """
    + COLUMNS
)
ADVANCE: LiteralString = (
    """
    UPDATE sandboxes SET state = 'advancing', step = 0, portion = 0, advances = advances + 1, advancing_seconds = %(seconds)s,
        advanced_seconds = advanced_seconds + %(seconds)s, work_since = clock_timestamp(), changed_at = clock_timestamp()
    WHERE id = %(id)s RETURNING """
    + COLUMNS
)
# In the tenant of the sandbox. Only an old secret has an end, during a rotation.
ADVANCE_SECRETS: LiteralString = """
    UPDATE app_secrets SET expires_at = expires_at - %(seconds)s * interval '1 second'
    WHERE tenant_id = %(tenant_id)s AND expires_at > clock_timestamp()
"""
# Refresh tokens end with their grant; its longest life begins at its creation.
ADVANCE_GRANTS: LiteralString = """
    WITH live AS MATERIALIZED (
        SELECT g.grant_id FROM apps a CROSS JOIN LATERAL (
            SELECT grant_id FROM grants WHERE client_id = a.client_id AND revoked_at IS NULL AND expires_at > clock_timestamp()) g
        WHERE a.tenant_id = %(tenant_id)s LIMIT %(most)s + 1
    )
    UPDATE grants g SET expires_at = expires_at - %(seconds)s * interval '1 second',
        created_at = created_at - %(seconds)s * interval '1 second'
    FROM live WHERE g.grant_id = live.grant_id
"""
COUNT_SCENARIO: LiteralString = "UPDATE sandboxes SET scenarios = scenarios + 1 WHERE id = %s RETURNING " + COLUMNS

# For the worker, over all tenants. The answer to any portion but the present one changes nothing.
ANSWERED: LiteralString = (
    "SELECT "
    + COLUMNS
    + """ FROM sandboxes
    WHERE id = %(sandbox_id)s AND sandbox_tenant_id = %(tenant_id)s AND generation = %(generation)s AND step = %(step)s
        AND portion = %(portion)s AND state IN ('preparing', 'resetting', 'advancing', 'deleting') FOR UPDATE
"""
)
GO_ON: LiteralString = (
    """
    UPDATE sandboxes SET step = %(step)s, portion = %(portion)s, changed_at = clock_timestamp() WHERE id = %(id)s RETURNING """
    + COLUMNS
)
FINISH: LiteralString = """
    UPDATE sandboxes SET state = %(state)s, step = 0, portion = 0, changed_at = clock_timestamp(),
        deleted_at = CASE WHEN %(state)s = 'deleted' THEN clock_timestamp() END
    WHERE id = %(id)s
"""
# Work that has not moved for five minutes, and for half of the time since it began: a portion of it may be a dead letter by now.
STOPPED: LiteralString = (
    """
    UPDATE sandboxes SET changed_at = clock_timestamp() WHERE id = ANY (ARRAY(
        SELECT id FROM sandboxes WHERE state IN ('preparing', 'resetting', 'advancing', 'deleting')
            AND clock_timestamp() - changed_at > greatest(interval '5 minutes', (changed_at - work_since) / 2)
        ORDER BY changed_at LIMIT 20 FOR UPDATE SKIP LOCKED))
    RETURNING """
    + COLUMNS
)
OLDEST_WORK: LiteralString = """
    SELECT coalesce(extract(epoch FROM clock_timestamp() - min(work_since)), 0)::float8 FROM sandboxes
    WHERE state IN ('preparing', 'resetting', 'advancing', 'deleting')
"""
