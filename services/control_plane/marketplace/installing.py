"""What auth answers: the app is there, or may not be, or is gone. Each in the transaction of the message that tells it."""

from collections.abc import Sequence

from services.control_plane.automations import installed
from services.control_plane.marketplace import queries
from shared.database import Connection, set_tenant
from shared.messages import AppInstalled, PlatformApp
from shared.worker import Received


def settle(conn: Connection, messages: Sequence[Received[AppInstalled]]) -> None:
    """An installation whose app was made is active; one whose app auth refused says why."""
    for message in messages:
        told = message.body
        set_tenant(conn, message.tenant_id)
        if told.outcome == "refused":
            conn.execute(queries.FAIL, (told.reason, told.installation_id))
        else:
            _activate(conn, message.tenant_id, told.installation_id)


def _activate(conn: Connection, tenant_id: str, installation_id: str) -> None:
    """With the automations that its package brings."""
    found = conn.execute(queries.ACTIVATE, (installation_id,)).fetchone()
    if found is not None:
        installed.make(conn, tenant_id, *found)


def end(conn: Connection, messages: Sequence[Received[PlatformApp]]) -> None:
    """The app of an installation was deleted, by uninstalling or by hand."""
    for message in messages:
        if message.body.status == "deleted":
            set_tenant(conn, message.tenant_id)
            conn.execute(queries.END, (message.body.client_id,))


def withdraw_listings(conn: Connection, tenant_id: str) -> None:
    """For a tenant that may publish no more; where they are installed they stay. The tenant is set."""
    conn.execute(queries.WITHDRAW_ALL, (tenant_id,))
