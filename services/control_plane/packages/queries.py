"""SQL of packages, versions and signing keys. Row-level security narrows each to the tenant of the transaction."""

from typing import LiteralString

KEY: LiteralString = "id, client_id, name, public_key, created_at, revoked_at"
INSERT_KEY: LiteralString = f"""
    INSERT INTO signing_keys (id, tenant_id, client_id, name, public_key)
    VALUES (%(id)s, %(tenant_id)s, %(client_id)s, %(name)s, %(public_key)s)
    ON CONFLICT (tenant_id, client_id, public_key) DO NOTHING RETURNING {KEY}
"""
FIND_SAME_KEY: LiteralString = "SELECT id FROM signing_keys WHERE client_id = %s AND public_key = %s"
LIST_KEYS: LiteralString = f"""
    SELECT {KEY} FROM signing_keys WHERE %(after)s::text IS NULL OR id < %(after)s ORDER BY id DESC LIMIT %(limit)s
"""
FIND_KEY: LiteralString = f"SELECT {KEY} FROM signing_keys WHERE id = %s"
# The share lock waits for a revocation in progress.
FIND_KEY_TO_SIGN: LiteralString = FIND_KEY + " FOR SHARE"
REVOKE_KEY: LiteralString = f"""
    UPDATE signing_keys SET revoked_at = coalesce(revoked_at, clock_timestamp()) WHERE id = %s RETURNING {KEY}
"""

PACKAGE: LiteralString = "id, name, kind, description, four_eyes, client_id, created_at"
INSERT_PACKAGE: LiteralString = f"""
    INSERT INTO packages (id, tenant_id, client_id, name, kind, description, four_eyes)
    VALUES (%(id)s, %(tenant_id)s, %(client_id)s, %(name)s, %(kind)s, %(description)s, %(four_eyes)s)
    ON CONFLICT (tenant_id, name) DO NOTHING RETURNING {PACKAGE}
"""
FIND_PACKAGE_BY_NAME: LiteralString = "SELECT id FROM packages WHERE name = %s"
FIND_PACKAGE: LiteralString = f"SELECT {PACKAGE} FROM packages WHERE id = %s"
LIST_PACKAGES: LiteralString = f"""
    SELECT {PACKAGE} FROM packages
    WHERE (%(kind)s::text IS NULL OR kind = %(kind)s) AND (%(after)s::text IS NULL OR id < %(after)s)
    ORDER BY id DESC LIMIT %(limit)s
"""

VERSION: LiteralString = """
    id, package_id, client_id, version, kind, scopes, event_types, entry, automations, content_sha256, key_id, signature,
    size, created_at, published_at, CASE WHEN published_at IS NULL THEN 'awaiting_content' ELSE 'published' END AS status
"""
INSERT_VERSION: LiteralString = f"""
    INSERT INTO versions (id, tenant_id, package_id, client_id, version, kind, scopes, event_types, entry, automations,
        content_sha256, key_id, signature, statement)
    VALUES (%(id)s, %(tenant_id)s, %(package_id)s, %(client_id)s, %(version)s, %(kind)s, %(scopes)s, %(event_types)s,
        %(entry)s, %(automations)s, %(content_sha256)s, %(key_id)s, %(signature)s, %(statement)s)
    ON CONFLICT (package_id, split_part(version, '+', 1)) DO NOTHING RETURNING {VERSION}
"""
FIND_VERSION: LiteralString = f"SELECT {VERSION} FROM versions WHERE package_id = %s AND version = %s"
LOCK_VERSION: LiteralString = FIND_VERSION + " FOR UPDATE"
LIST_VERSIONS: LiteralString = f"""
    SELECT {VERSION} FROM versions
    WHERE package_id = %(package_id)s AND (%(after)s::text IS NULL OR id < %(after)s) ORDER BY id DESC LIMIT %(limit)s
"""
# One upload of a tenant at a time: each counts the bytes of those before it.
LOCK_STORAGE: LiteralString = "SELECT pg_advisory_xact_lock(hashtextextended('package storage ' || %s, 0))"
STORED: LiteralString = "SELECT coalesce(sum(size), 0) FROM versions"
INSERT_CONTENT: LiteralString = "INSERT INTO contents (version_id, tenant_id, body) VALUES (%s, %s, %s)"
PUBLISH: LiteralString = f"""
    UPDATE versions SET size = %s, published_at = clock_timestamp() WHERE id = %s RETURNING {VERSION}
"""
# `substring` counts bytes from 1.
READ_CONTENT: LiteralString = "SELECT substring(body FROM %s FOR %s) FROM contents WHERE version_id = %s"
DELETE_VERSION: LiteralString = "DELETE FROM versions WHERE id = %s AND published_at IS NULL"
