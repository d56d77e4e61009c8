"""Seals custom headers and grants from before they were sealed for an address, once the previous release runs no more."""

import logging
import time

import psycopg

from services.webhook_dispatcher.sending.signing import FOR_AN_ADDRESS, Vault
from services.webhook_dispatcher.subscriptions import queries
from shared.primitives.crypto import UnreadableCiphertext
from shared.process import telemetry
from shared.storage.database import Connection, is_outage

SECONDS = 2.0
log = logging.getLogger(__name__)


def seal_for_addresses(vault: Vault, conn: Connection) -> int:
    """Each portion commits by itself. Leaves those whose key is gone as they are. Returns how many it sealed."""
    sealed, after, until = 0, "", time.monotonic() + SECONDS
    while time.monotonic() < until:
        rows = conn.execute(queries.SEALED_FOR_NONE, {"after": after}).fetchall()
        for webhook_id, url, headers, oauth in rows:
            try:
                values = {"headers": headers, "oauth": oauth}
                if headers is not None and not headers.startswith(FOR_AN_ADDRESS):
                    values["headers"] = vault.moved(webhook_id, "headers", headers, url, url)
                if oauth is not None and not oauth.startswith(FOR_AN_ADDRESS):
                    values["oauth"] = vault.moved(webhook_id, "grant", oauth, url, url)
            except UnreadableCiphertext:
                log.error("a secret of %s cannot be opened, and is not sealed for its address", webhook_id)
                continue
            try:
                with conn.transaction():
                    conn.execute(queries.SEAL, {"id": webhook_id, **values})
                sealed += 1
            except psycopg.Error as error:  # a row from before the limits of its columns must not stop the others
                if is_outage(error):
                    raise
                log.error("a secret of %s is not sealed for its address: %s", webhook_id, telemetry.describe(error))
        conn.commit()
        if not rows:
            break
        after = rows[-1][0]
    return sealed
