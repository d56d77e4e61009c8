"""SQL for signing keys. The table belongs to no tenant."""

from typing import LiteralString

from shared.storage import locks

KEYS: LiteralString = """
    SELECT kid, private_key, public_jwk, published_at, activates_at, removed_at FROM signing_keys
    WHERE removed_at IS NULL OR removed_at > now() ORDER BY activates_at, kid
"""
KIDS: LiteralString = "SELECT kid FROM signing_keys WHERE starts_with(kid, %s)"
LOCK_ROTATION: LiteralString = f"SELECT pg_advisory_xact_lock({locks.AUTH_ROTATION})"
INSERT_KEY: LiteralString = """
    INSERT INTO signing_keys (kid, private_key, public_jwk, published_at, activates_at)
    VALUES (%s, %s, %s, %s, %s)
"""
# A key that activates then or later has never signed and must not take over, so it is removed at once.
LIMIT_OTHER_KEYS: LiteralString = """
    UPDATE signing_keys
    SET removed_at = least(removed_at, CASE WHEN activates_at < %(activates_at)s THEN %(gone)s ELSE %(now)s END)
    WHERE kid <> %(kid)s
"""
DELETE_REMOVED_KEYS: LiteralString = "DELETE FROM signing_keys WHERE removed_at < now() - interval '90 days'"
# Keys that may have signed a token which is still live.
DISTRUST_OTHER_KEYS: LiteralString = """
    SELECT distrust_keys(array_agg(kid)) FROM signing_keys
    WHERE kid <> %s AND (removed_at IS NULL OR removed_at > now() - interval '30 days') HAVING count(*) > 0
"""
# Wakes followers of the revocations, because keys have changed.
WAKE_FOLLOWERS: LiteralString = "SELECT next_changes(1)"
