"""SQL of edge agents."""

from typing import LiteralString

COLUMNS: LiteralString = """
    id, tenant_id, name, vehicle_id, environment, packages, code_mac, code_expires_at, code_failures, credential_macs,
    enrolled_at, revoked_at, last_seen_at, reported, reported_at, created_at
"""
# Runs before the tenant is known: the table has no row-level security and no other columns.
TENANT_OF: LiteralString = "SELECT tenant_id FROM agent_tenants WHERE agent_id = %s"
ADD_TENANT: LiteralString = "INSERT INTO agent_tenants (agent_id, tenant_id) VALUES (%s, %s)"
INSERT: LiteralString = (
    """
    INSERT INTO agents (id, tenant_id, name, vehicle_id, environment, packages, code_mac, code_expires_at)
    VALUES (%(id)s, %(tenant_id)s, %(name)s, %(vehicle_id)s, %(environment)s, %(packages)s, %(code_mac)s,
        now() + make_interval(secs => %(seconds)s))
    RETURNING """
    + COLUMNS
)
FIND: LiteralString = "SELECT " + COLUMNS + " FROM agents WHERE id = %s"
LOCK: LiteralString = FIND + " FOR UPDATE"
LIST: LiteralString = (
    "SELECT "
    + COLUMNS
    + """ FROM agents WHERE (%(vehicle_id)s::text IS NULL OR vehicle_id = %(vehicle_id)s)
    AND (%(after)s::text IS NULL OR id < %(after)s) ORDER BY id DESC LIMIT %(limit)s"""
)
UPDATE: LiteralString = (
    """
    UPDATE agents SET name = %(name)s, vehicle_id = %(vehicle_id)s, environment = %(environment)s, packages = %(packages)s
    WHERE id = %(id)s RETURNING """
    + COLUMNS
)
SET_CODE: LiteralString = (
    """
    UPDATE agents SET code_mac = %(code_mac)s, code_expires_at = now() + make_interval(secs => %(seconds)s), code_failures = 0
    WHERE id = %(id)s RETURNING """
    + COLUMNS
)
COUNT_FAILURE: LiteralString = "UPDATE agents SET code_failures = code_failures + 1 WHERE id = %s"
# The first is the one that was last used. It always stays, with the newest of those that were not used yet.
ENROL: LiteralString = """
    UPDATE agents SET
        credential_macs = credential_macs[:1]
            || credential_macs[greatest(2, cardinality(credential_macs) + 2 - %(unused)s):] || %(mac)s::bytea,
        enrolled_at = now(), code_mac = NULL, code_expires_at = NULL
    WHERE id = %(id)s
"""
END_EARLIER_CREDENTIALS: LiteralString = """
    UPDATE agents SET credential_macs = credential_macs[array_position(credential_macs, %(mac)s):]
    WHERE id = %(id)s AND %(mac)s = ANY(credential_macs)
"""
REVOKE: LiteralString = (
    """
    UPDATE agents SET revoked_at = coalesce(revoked_at, now()), credential_macs = '{}', code_mac = NULL
    WHERE id = %s RETURNING """
    + COLUMNS
)
# A report that is older than the stored one, or a repeat, changes only `last_seen_at`.
STORE_REPORT: LiteralString = (
    """
    UPDATE agents SET last_seen_at = now(),
        reported = CASE WHEN reported_at IS NULL OR reported_at < %(sent_at)s THEN %(reported)s ELSE reported END,
        reported_at = greatest(reported_at, %(sent_at)s)
    WHERE id = %(id)s RETURNING """
    + COLUMNS
)
KNOWN_PACKAGES: LiteralString = "SELECT id FROM packages WHERE id = ANY(%s) AND kind = 'edge'"
DESIRED: LiteralString = """
    SELECT p.id AS package_id, p.name, r.id AS release_id, v.version, v.content_sha256, v.size, v.key_id, v.signature, v.statement,
        k.public_key, k.revoked_at AS key_revoked_at
    FROM releases r JOIN packages p ON p.id = r.package_id JOIN versions v ON v.id = r.version_id JOIN signing_keys k ON k.id = v.key_id
    WHERE r.package_id = ANY(%(packages)s) AND r.environment = %(environment)s AND r.status = 'live'
    ORDER BY p.name
"""
FIND_LIVE_CONTENT: LiteralString = """
    SELECT v.id AS version_id, v.content_sha256, v.size FROM releases r JOIN versions v ON v.id = r.version_id
    WHERE r.package_id = %(package_id)s AND r.package_id = ANY(%(packages)s) AND v.version = %(version)s
        AND r.environment = %(environment)s AND r.status = 'live'
"""
