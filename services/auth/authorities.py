"""Notifies control-plane of ended grants, tokens, consents and roles, on which automations rest. Triggers write the rows."""

from datetime import datetime
from typing import LiteralString

import msgspec
from psycopg.rows import class_row

from shared.messaging import outbox
from shared.messaging.messages import AuthorityEnded
from shared.storage.database import Connection, set_tenant

PORTION = 500
# A portion. Skips rows that another relay is sending.
TAKE: LiteralString = """
    DELETE FROM ended_authorities WHERE id IN (
        SELECT id FROM ended_authorities ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED)
    RETURNING tenant_id, grant_id, user_id, client_id, scopes_left, ended_at
"""


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `ended_authorities`."""

    tenant_id: str
    grant_id: str | None
    user_id: str | None
    client_id: str | None
    scopes_left: list[str] | None
    ended_at: datetime


def send_ended(conn: Connection) -> None:
    with conn.cursor(row_factory=class_row(Ended)) as cursor:
        ended = cursor.execute(TAKE, (PORTION,)).fetchall()
    for one in ended:
        set_tenant(conn, one.tenant_id)
        outbox.add_sync(
            conn,
            one.tenant_id,
            AuthorityEnded(
                grant_id=one.grant_id,
                user_id=one.user_id,
                client_id=one.client_id,
                scopes_left=one.scopes_left,
                ended_at=one.ended_at,
            ),
        )
