"""All numbers of PostgreSQL advisory locks, so that two rules never share one by accident.

The lock is the number, in most cases with the hash of a key, and lasts for a transaction. Migrations write the number itself.
Locks whose first half is the hash of a text need no number: periodic jobs, idempotency keys, package storage, months of indicators.
"""

from typing import LiteralString

AUTH_WATERMARKS: LiteralString = "7402"
"""The revocations of a client; in functions of auth's migrations."""
AUTH_ROTATION: LiteralString = "7403"
AUTH_SIGN_IN_POLICY: LiteralString = "7404"
AUTH_NAME_ID: LiteralString = "7405"
AUTH_SCOPES_OF_TENANT: LiteralString = "7406"
AUTH_COMMON_APP: LiteralString = "7407"
"""An organisation's own app of a common app, while it is made."""
CAPS: LiteralString = "7410"
"""A count against a cap, in any service."""
SENDER_CLAIM: LiteralString = "7402002"
WEBHOOK_APP: LiteralString = "7402003"
WEBHOOK_TESTS: LiteralString = "7402005"
