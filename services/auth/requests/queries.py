"""SQL of integration requests. Row-level security narrows each to the tenant of the transaction, where one is set."""

from typing import LiteralString

COLUMNS: LiteralString = """
    id, tenant_id, capability, status, details, reason, requested_by, created_at, decided_at, decision_reason,
    sandbox_tenant_id, sandbox_client_id, sandbox_user_id, demo_client_id, credentials_at, demo_data_at
"""
INSERT: LiteralString = (
    """
    INSERT INTO integration_requests (id, tenant_id, capability, details, reason, requested_by)
    VALUES (%(id)s, %(tenant_id)s, %(capability)s, %(details)s, %(reason)s, %(requested_by)s)
    ON CONFLICT (tenant_id, capability) WHERE status = 'pending' DO NOTHING RETURNING """
    + COLUMNS
)
COUNT: LiteralString = (
    "SELECT count(*) FROM integration_requests WHERE tenant_id = %s AND created_at > now() - interval '1 year'"
)
PENDING: LiteralString = "SELECT id FROM integration_requests WHERE capability = %s AND status = 'pending'"
FIND: LiteralString = "SELECT " + COLUMNS + " FROM integration_requests WHERE id = %s"
FIND_TO_CHANGE: LiteralString = FIND + " FOR UPDATE"
LIST: LiteralString = (
    "SELECT "
    + COLUMNS
    + """ FROM integration_requests
    WHERE (%(capability)s::text IS NULL OR capability = %(capability)s) AND (%(status)s::text IS NULL OR status = %(status)s)
        AND (%(after)s::text IS NULL OR id < %(after)s)
    ORDER BY id DESC LIMIT %(limit)s
"""
)
WITHDRAW: LiteralString = (
    """
    UPDATE integration_requests SET status = 'withdrawn', decided_at = clock_timestamp()
    WHERE id = %s RETURNING """
    + COLUMNS
)
CREDENTIALS_FETCHED: LiteralString = (
    "UPDATE integration_requests SET credentials_at = clock_timestamp() WHERE id = %s RETURNING " + COLUMNS
)

# For operators, under the worker role.
OF_EVERYONE: LiteralString = (
    "SELECT "
    + COLUMNS
    + """ FROM integration_requests
    WHERE (%(status)s::text IS NULL OR status = %(status)s) AND (%(tenant_id)s::text IS NULL OR tenant_id = %(tenant_id)s)
    ORDER BY id
"""
)
DECIDE: LiteralString = (
    """
    UPDATE integration_requests SET status = %(status)s, decided_at = clock_timestamp(), decision_reason = %(reason)s,
        sandbox_tenant_id = %(sandbox_tenant_id)s, sandbox_client_id = %(sandbox_client_id)s,
        sandbox_user_id = %(sandbox_user_id)s, demo_client_id = %(demo_client_id)s
    WHERE id = %(id)s RETURNING """
    + COLUMNS
)
DEMO_DATA_WRITTEN: LiteralString = (
    "UPDATE integration_requests SET demo_data_at = clock_timestamp() WHERE id = %s AND demo_data_at IS NULL"
)
