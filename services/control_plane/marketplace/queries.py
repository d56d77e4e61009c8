"""SQL of listings and installations. Row-level security shows a tenant its own rows and every published listing."""

from typing import LiteralString

LISTING: LiteralString = """
    id, tenant_id, publisher, package_id, release_id, version_id, name, version, kind, title, description, scopes, event_types,
    automations, content_sha256, status, published_at, withdrawn_at
"""
# The share lock waits for a concurrent roll-back or revocation, so that only a live release is published.
LIVE_RELEASE: LiteralString = """
    SELECT r.package_id, r.version_id, p.name, r.version, v.kind, v.scopes, v.event_types, v.automations, v.content_sha256,
        (SELECT t.name FROM tenants t WHERE t.tenant_id = r.tenant_id) AS publisher
    FROM releases r JOIN packages p ON p.id = r.package_id JOIN versions v ON v.id = r.version_id
        JOIN signing_keys k ON k.id = v.key_id
    WHERE r.id = %s AND r.status = 'live' AND r.environment = 'production' AND k.revoked_at IS NULL FOR SHARE OF r, k
"""
PUBLISH: LiteralString = f"""
    INSERT INTO listings (id, tenant_id, publisher, package_id, release_id, version_id, name, version, kind, title, description,
        scopes, event_types, automations, content_sha256)
    VALUES (%(id)s, %(tenant_id)s, %(publisher)s, %(package_id)s, %(release_id)s, %(version_id)s, %(name)s, %(version)s, %(kind)s,
        %(title)s, %(description)s, %(scopes)s, %(event_types)s, %(automations)s, %(content_sha256)s)
    ON CONFLICT (package_id) WHERE status = 'published' DO UPDATE
    SET publisher = excluded.publisher, release_id = excluded.release_id, version_id = excluded.version_id, version = excluded.version,
        title = excluded.title, description = excluded.description, scopes = excluded.scopes, event_types = excluded.event_types,
        automations = excluded.automations, content_sha256 = excluded.content_sha256, published_at = clock_timestamp()
    RETURNING {LISTING}
"""
FIND_LISTING: LiteralString = f"SELECT {LISTING} FROM listings WHERE id = %s"
LIST_LISTINGS: LiteralString = f"""
    SELECT {LISTING} FROM listings
    WHERE CASE WHEN %(own)s THEN tenant_id = %(tenant_id)s ELSE status = 'published' END
        AND (%(kind)s::text IS NULL OR kind = %(kind)s) AND (%(after)s::text IS NULL OR id < %(after)s)
    ORDER BY id DESC LIMIT %(limit)s
"""
WITHDRAW: LiteralString = f"""
    UPDATE listings SET status = 'withdrawn', withdrawn_at = coalesce(withdrawn_at, clock_timestamp())
    WHERE id = %s AND tenant_id = %s RETURNING {LISTING}
"""
WITHDRAW_RELEASE: LiteralString = """
    UPDATE listings SET status = 'withdrawn', withdrawn_at = clock_timestamp()
    WHERE release_id = %(release_id)s AND tenant_id = %(tenant_id)s AND status = 'published'
"""
WITHDRAW_ALL: LiteralString = """
    UPDATE listings SET status = 'withdrawn', withdrawn_at = clock_timestamp() WHERE tenant_id = %s AND status = 'published'
"""
WITHDRAW_SIGNED: LiteralString = """
    UPDATE listings SET status = 'withdrawn', withdrawn_at = clock_timestamp()
    WHERE version_id IN (SELECT id FROM versions WHERE key_id = %(key_id)s) AND tenant_id = %(tenant_id)s AND status = 'published'
"""

INSTALLATION: LiteralString = """
    id, listing_id, package_id, publisher, title, version, kind, scopes, event_types, graphql_bundles, content_sha256, client_id, status,
    reason, consented_by, consented_by_user, created_at, active_at, ended_at
"""
INSERT_INSTALLATION: LiteralString = f"""
    INSERT INTO installations (id, tenant_id, listing_id, package_id, version_id, publisher, title, version, kind, scopes, event_types,
        automations, graphql_bundles, content_sha256, client_id, consented_by, consented_by_user)
    VALUES (%(id)s, %(tenant_id)s, %(listing_id)s, %(package_id)s, %(version_id)s, %(publisher)s, %(title)s, %(version)s, %(kind)s,
        %(scopes)s, %(event_types)s, %(automations)s, %(graphql_bundles)s, %(content_sha256)s, %(client_id)s, %(consented_by)s,
        %(consented_by_user)s)
    ON CONFLICT (tenant_id, package_id) WHERE status IN ('pending', 'active', 'uninstalling') DO NOTHING
    RETURNING {INSTALLATION}
"""
FIND_INSTALLED: LiteralString = """
    SELECT id FROM installations WHERE package_id = %s AND status IN ('pending', 'active', 'uninstalling')
"""
FIND_INSTALLATION: LiteralString = f"SELECT {INSTALLATION} FROM installations WHERE id = %s"
LOCK_INSTALLATION: LiteralString = FIND_INSTALLATION + " FOR UPDATE"
LIST_INSTALLATIONS: LiteralString = f"""
    SELECT {INSTALLATION} FROM installations
    WHERE (%(status)s::text IS NULL OR status = %(status)s) AND (%(after)s::text IS NULL OR id < %(after)s)
    ORDER BY id DESC LIMIT %(limit)s
"""
UNINSTALL: LiteralString = f"UPDATE installations SET status = 'uninstalling' WHERE id = %s RETURNING {INSTALLATION}"
SIZE: LiteralString = "SELECT octet_length(installed_content(%s))"
# `substring` counts bytes from 1.
READ_CONTENT: LiteralString = """
    SELECT substring(installed_content(part.id) FROM part.first FOR part.length)
    FROM (SELECT %s::int AS first, %s::int AS length, %s::text AS id) part
"""
ACTIVATE: LiteralString = """
    UPDATE installations SET status = 'active', active_at = clock_timestamp() WHERE id = %s AND status = 'pending'
    RETURNING client_id, scopes, automations
"""
FAIL: LiteralString = """
    UPDATE installations SET status = 'failed', reason = %s, ended_at = clock_timestamp() WHERE id = %s AND status = 'pending'
"""
END: LiteralString = """
    UPDATE installations SET status = 'uninstalled', ended_at = clock_timestamp()
    WHERE client_id = %s AND status IN ('pending', 'active', 'uninstalling')
"""
