"""Rotations of an app's secret, by its organisation's administrators or, for a first-party app, by operators."""

from datetime import UTC, datetime
from typing import Any

from services.auth.apps import queries, rules, store
from services.auth.apps.models import AppRow, RotatedSecret, RotateSecret, Secret
from shared.messaging import outbox
from shared.messaging.messages import Event
from shared.primitives import ids
from shared.primitives.crypto import Keyring
from shared.storage import audit, database
from shared.storage.caps import refusal
from shared.storage.database import AsyncConnection
from shared.web import problems
from shared.web.identity import Caller


async def rotate(
    conn: AsyncConnection, keyring: Keyring, caller: Caller, app: AppRow, rotation: RotateSecret
) -> RotatedSecret:
    """Makes a new secret of a locked app. The one before works for the overlap, and earlier ones until the ends that were stated for them.

    Without overlap all of them end at once, with every token. Raises a 409 Problem.
    """
    if not app.has_secret:
        raise problems.conflict("This app has no secret.")
    detail: dict[str, Any] = {"overlap": rotation.overlap_seconds}
    if rotation.overlap_seconds:
        detail |= await _make_room(conn, app, force=rotation.force)
    overlap = {"client_id": app.client_id, "overlap": rotation.overlap_seconds}
    replaced = await (await conn.execute(queries.REPLACE_SECRET, overlap)).fetchone()
    expires_at = replaced[0] if replaced is not None else None
    if not rotation.overlap_seconds:
        await conn.execute(queries.END_SECRETS, (app.client_id,))
        await store.revoke_every_token(conn, app.client_id)
    await conn.execute(queries.FORGET_ENDED_SECRETS, overlap)
    earlier = await database.every(conn, Secret, queries.LIVE_SECRETS, (app.client_id,))
    secret = await store.add_secret(conn, keyring, app)
    now = datetime.now(UTC)
    rotated = {"client_id": app.client_id, "rotated_at": now, "previous_secret_expires_at": expires_at}
    event = Event(
        event_id=ids.new_id("evt"), type="app.secret_rotated", timestamp=now, data=rotated, test=caller.is_sandbox
    )
    await outbox.add(conn, app.tenant_id, event)
    await audit.record(conn, caller, "app.secret_rotated", app.client_id, detail)
    return RotatedSecret(app.client_id, secret, expires_at, earlier)


async def _make_room(conn: AsyncConnection, app: AppRow, *, force: bool) -> dict[str, str]:
    """Room for one more live secret. `force` ends the oldest, which is returned for the audit trail. Else raises a 409 Problem."""
    live = await database.every(conn, Secret, queries.LIVE_SECRETS, (app.client_id,))
    if len(live) < rules.LIVE_SECRETS.most:
        return {}
    pending = [one for one in live if one.expires_at is not None]
    if force:
        await conn.execute(queries.END_SECRET, (pending[-1].id, app.client_id))
        return {"ended": pending[-1].id}
    raise refusal(
        rules.LIVE_SECRETS,
        pending_secrets=pending,
        next_rotation_at=min(one.expires_at for one in pending if one.expires_at is not None),
    )
