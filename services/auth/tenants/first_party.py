"""First-party apps of a tenant, such as the crew's record. Only operators make them, with scopes that no partner may ask for."""

from services.auth.apps import queries as app_queries
from services.auth.apps import scopes, store
from services.auth.apps.models import AppDraft
from services.auth.settings import Settings
from services.auth.tenants import queries
from services.auth.tenants.operations import OPERATOR, OperationRefused
from shared.primitives.crypto import Keyring
from shared.process.settings import required
from shared.storage import audit
from shared.storage.database import aset_tenant, open_pool
from shared.web.identity import Caller
from shared.web.problems import Problem


async def create_app(settings: Settings, tenant_id: str, name: str, wanted: list[str]) -> tuple[str, str]:
    """Client id and secret of a new first-party app. Raises OperationRefused for an unknown scope or tenant."""
    if unknown := sorted(set(wanted) - set(scopes.ALL)):
        raise OperationRefused(f"there is no scope {', '.join(unknown)}")
    keyring = Keyring.from_text(settings.encryption_keys)
    dsn = required(settings.worker_database_url, "WORKER_DATABASE_URL")
    async with open_pool(dsn, max_size=1) as pool, pool.connection() as conn:
        await aset_tenant(conn, tenant_id)
        try:
            await store.load_tenant(conn, tenant_id)
        except Problem:
            raise OperationRefused(f"there is no tenant {tenant_id}") from None
        draft = AppDraft(name=name, grant_types=["client_credentials"], requested_scopes=wanted)
        app = await store.insert_app(conn, tenant_id, draft, first_party=True)
        secret = await store.add_secret(conn, keyring, app)
        operator = Caller(tenant_id=tenant_id, client_id=OPERATOR)
        await audit.record(conn, operator, "app.created", app.client_id, {"first_party": True, "scopes": wanted})
        return app.client_id, secret


async def rotate_secret(settings: Settings, client_id: str) -> str:
    """A new secret for a first-party app. Older secrets and every token end at once. Raises OperationRefused."""
    keyring = Keyring.from_text(settings.encryption_keys)
    dsn = required(settings.worker_database_url, "WORKER_DATABASE_URL")
    async with open_pool(dsn, max_size=1) as pool, pool.connection() as conn:
        row = await (await conn.execute(queries.TENANT_OF_FIRST_PARTY_APP, (client_id,))).fetchone()
        if row is None:
            raise OperationRefused(f"there is no first-party app {client_id}")
        await aset_tenant(conn, row[0])
        app = await store.load_app(conn, client_id, lock=True)
        await conn.execute(app_queries.END_SECRETS, (client_id,))
        await store.revoke_every_token(conn, client_id)
        secret = await store.add_secret(conn, keyring, app)
        operator = Caller(tenant_id=app.tenant_id, client_id=OPERATOR)
        await audit.record(conn, operator, "app.secret_rotated", client_id, {"overlap": 0})
        return secret
