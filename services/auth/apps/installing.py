"""Installs and uninstalls apps when the control plane asks for it, each in the transaction of its message."""

from collections.abc import Callable, Sequence

from psycopg.rows import class_row

from services.auth import caps
from services.auth.apps import decisions, queries, rules, scopes
from services.auth.apps.models import AppRow, Tenant
from services.auth.apps.store import app_messages
from services.auth.revocations import watermarks
from services.auth.settings import Settings
from shared.messaging import authenticity, outbox
from shared.messaging.authenticity import Refusal
from shared.messaging.messages import AppInstalled, InstallApp, Received, UninstallApp
from shared.storage import audit
from shared.storage.caps import LOCK, Cap
from shared.storage.database import Connection, set_tenant
from shared.web.identity import Caller

# The only service that may send these messages.
CONTROL_PLANE = "control_plane"


def install(conn: Connection, messages: Sequence[Received[InstallApp]], settings: Settings) -> None:
    """Makes each app, or answers why it may not. The app has no secret until an administrator rotates it."""
    for message in messages:
        set_tenant(conn, message.tenant_id)
        wanted = message.body
        with conn.cursor(row_factory=class_row(Tenant)) as cursor:
            cursor.execute(queries.HOLD_TENANT, (message.tenant_id,))
            tenant = cursor.execute(queries.TENANT, (message.tenant_id,)).fetchone()
        reason = objection(wanted, tenant)
        if reason is None:
            row = conn.execute(caps.LIMIT, (message.tenant_id, "apps")).fetchone()
            cap = Cap(caps.THINGS["apps"], row[0] if row is not None else settings.most_apps)
            # Counts under the same lock as the endpoint that creates apps.
            conn.execute(LOCK, (f"{cap.things} {message.tenant_id}",))
            [number] = conn.execute(queries.COUNT_APPS, (message.tenant_id,)).fetchone() or (0,)
            reason = str(cap) if number >= cap.most else None
        if reason is None:
            _make(conn, message)
        answer = AppInstalled(
            installation_id=wanted.installation_id,
            client_id=wanted.client_id,
            outcome="installed" if reason is None else "refused",
            reason=reason,
        )
        outbox.add_sync(conn, message.tenant_id, answer, traceparent=message.traceparent)


def objection(wanted: InstallApp, tenant: Tenant | None) -> str | None:
    """Why the tenant may not install the app, in words for its administrator; None if it may. Pure."""
    if tenant is None or tenant.status != "active":
        return "the organisation is suspended"
    catalogue = scopes.catalogue(tenant.granted_scopes)
    if lacking := [name for name in wanted.scopes if name not in catalogue]:
        return f"not in this organisation's catalogue: {', '.join(lacking)}"
    if lacking := [name for name in wanted.graphql_bundles if name not in tenant.graphql_bundles]:
        return f"not granted to this organisation: {', '.join(lacking)}"
    if unknown := [name for name in wanted.approved_events if not rules.is_known_event(name)]:
        return f"no known event type: {', '.join(unknown)}"
    return None


def uninstall(conn: Connection, messages: Sequence[Received[UninstallApp]], ring: Callable[[], object]) -> None:
    """Deletes each app that still exists. Its tokens end at every gateway within a second. `ring` wakes the gateways.

    The control plane may delete an app only as the installation that it asked for. A message that names any other app is refused.
    """
    for message in messages:
        set_tenant(conn, message.tenant_id)
        gone = message.body
        installed = conn.execute(queries.INSTALLATION_OF, (gone.client_id,)).fetchone()
        if installed is not None and installed[0] != gone.installation_id:
            authenticity.count_refusal(Refusal("target", CONTROL_PLANE))
            continue
        with conn.cursor(row_factory=class_row(AppRow)) as cursor:
            app = cursor.execute(queries.DELETE_APP, (gone.client_id,)).fetchone()
        if app is None:
            continue
        for statement in queries.END_WITH_APP:
            conn.execute(statement, (app.client_id,))
        watermarks.revoke_at_once(conn, "client", [app.client_id])
        by = Caller(tenant_id=app.tenant_id, client_id=gone.uninstalled_by, subject=gone.uninstalled_by_user)
        detail = {"installation": gone.installation_id}
        conn.execute(audit.RECORD, audit.entry(by, "app.uninstalled", app.client_id, detail))
        outbox.add_sync(conn, app.tenant_id, *app_messages(app), traceparent=message.traceparent)
        conn.after_commit(ring)


def _make(conn: Connection, message: Received[InstallApp]) -> None:
    wanted = message.body
    row = {
        "client_id": wanted.client_id,
        "installation_id": wanted.installation_id,
        "tenant_id": message.tenant_id,
        "name": wanted.app_name,
        "scopes": wanted.scopes,
        "approved_events": wanted.approved_events,
        "graphql_bundles": wanted.graphql_bundles,
    }
    with conn.cursor(row_factory=class_row(AppRow)) as cursor:
        app = cursor.execute(queries.INSTALL_APP, row).fetchone()
    assert app is not None
    by = Caller(tenant_id=app.tenant_id, client_id=wanted.consented_by, subject=wanted.consented_by_user)
    for statement, parameters in decisions.statements(by, app, decisions.change_of(None, app), None):
        conn.execute(statement, parameters)
    detail = {"installation": wanted.installation_id, "requested_scopes": wanted.scopes}
    conn.execute(audit.RECORD, audit.entry(by, "app.installed", app.client_id, detail))
    outbox.add_sync(conn, app.tenant_id, *app_messages(app), traceparent=message.traceparent)
