"""Automations stop when what they were made under ends: a grant, a service token, or what a person lets an app do."""

from collections.abc import Sequence
from typing import Any

from psycopg.rows import dict_row

from services.control_plane.automations import authority, interest, queries
from shared.database import Connection, set_tenant
from shared.messages import AuthorityEnded
from shared.worker import Received

REASON = "authority_ended"


def stop(conn: Connection, messages: Sequence[Received[AuthorityEnded]]) -> None:
    """Whoever may make automations starts them again, under their own authority."""
    for message in messages:
        ended = message.body
        set_tenant(conn, message.tenant_id)
        where: dict[str, Any] = {
            "grant_id": ended.grant_id,
            "user_id": ended.user_id,
            "client_id": ended.client_id,
            "ended_at": ended.ended_at,
        }
        with conn.cursor(row_factory=dict_row) as cursor:
            found = cursor.execute(queries.MADE_UNDER, where).fetchall()
        beyond = [row["id"] for row in found if _is_beyond(row["scopes"], ended.scopes_left)]
        if beyond:
            conn.execute(queries.STOP, (REASON, beyond))
            interest.tell_sync(conn, message.tenant_id)


def _is_beyond(scopes: Sequence[str], left: Sequence[str] | None) -> bool:
    """Whether an automation with these scopes does more than what is left allows."""
    return left is None or authority.scopes(scopes, left, left) != sorted(scopes)
