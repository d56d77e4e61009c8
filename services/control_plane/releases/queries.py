"""SQL of releases. Row-level security narrows each statement to the tenant of the transaction."""

from typing import LiteralString

RELEASE: LiteralString = """
    id, package_id, version_id, version, environment, status, requested_by, requested_by_user, decided_by, decided_by_user,
    replaces, created_at, decided_at, live_at, ended_at
"""
INSERT: LiteralString = f"""
    INSERT INTO releases (id, tenant_id, package_id, version_id, version, environment, requested_by, requested_by_user)
    VALUES (%(id)s, %(tenant_id)s, %(package_id)s, %(version_id)s, %(version)s, %(environment)s, %(client_id)s, %(user_id)s)
    ON CONFLICT (version_id, environment) WHERE status IN ('requested', 'approved', 'live') DO NOTHING
    RETURNING {RELEASE}
"""
FIND_OPEN: LiteralString = """
    SELECT id FROM releases
    WHERE version_id = %(version_id)s AND environment = %(environment)s AND status IN ('requested', 'approved', 'live')
"""
FIND: LiteralString = f"SELECT {RELEASE} FROM releases WHERE id = %s"
LOCK: LiteralString = FIND + " FOR UPDATE"
LIST: LiteralString = f"""
    SELECT {RELEASE} FROM releases
    WHERE (%(package_id)s::text IS NULL OR package_id = %(package_id)s)
        AND (%(environment)s::text IS NULL OR environment = %(environment)s)
        AND (%(status)s::text IS NULL OR status = %(status)s)
        AND (%(after)s::text IS NULL OR id < %(after)s)
    ORDER BY id DESC LIMIT %(limit)s
"""
LIVE: LiteralString = """
    SELECT id FROM releases WHERE package_id = %(package_id)s AND environment = %(environment)s AND status = 'live'
"""
DECIDE: LiteralString = f"""
    UPDATE releases SET status = %(status)s, decided_by = %(client_id)s, decided_by_user = %(user_id)s,
        decided_at = clock_timestamp(), replaces = %(replaces)s
    WHERE id = %(id)s RETURNING {RELEASE}
"""
# The second of two concurrent calls finds no live row.
END: LiteralString = f"""
    UPDATE releases SET status = %(status)s, ended_at = clock_timestamp() WHERE id = %(id)s AND status = 'live'
    RETURNING {RELEASE}
"""
REJECT_OPEN: LiteralString = f"""
    UPDATE releases SET status = 'rejected', decided_by = %(client_id)s, decided_by_user = %(user_id)s, decided_at = clock_timestamp()
    WHERE version_id = %(version_id)s AND environment = %(environment)s AND status IN ('requested', 'approved') RETURNING {RELEASE}
"""
GO_LIVE: LiteralString = f"""
    UPDATE releases SET status = 'live', live_at = clock_timestamp(), ended_at = NULL WHERE id = %s RETURNING {RELEASE}
"""
ADD_STEP: LiteralString = """
    INSERT INTO release_history (id, tenant_id, release_id, status, client_id, user_id, reason, trace_id)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
"""
HISTORY: LiteralString = """
    SELECT status, at, client_id, user_id, reason, trace_id FROM release_history WHERE release_id = %s ORDER BY id
"""
# The share lock holds a revocation back while a version of the key goes live.
IS_TRUSTED: LiteralString = """
    SELECT k.revoked_at IS NULL FROM versions v JOIN signing_keys k ON k.id = v.key_id WHERE v.id = %s FOR SHARE OF k
"""
TENANT_ENVIRONMENT: LiteralString = "SELECT environment FROM tenants WHERE tenant_id = %s"
FOUR_EYES: LiteralString = "SELECT four_eyes FROM packages WHERE id = %s"
