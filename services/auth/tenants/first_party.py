"""First-party apps of a tenant, such as the crew's record. Only operators make them, with scopes that no partner may ask for."""

from services.auth.apps import rotating, scopes, store
from services.auth.apps.models import AppDraft, RotatedSecret, RotateSecret, Secret
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


async def rotate_secret(settings: Settings, client_id: str, rotation: RotateSecret) -> RotatedSecret:
    """A new secret for a first-party app, as `rotating.rotate` makes it for an administrator. Raises OperationRefused."""
    keyring = Keyring.from_text(settings.encryption_keys)
    dsn = required(settings.worker_database_url, "WORKER_DATABASE_URL")
    async with open_pool(dsn, max_size=1) as pool, pool.connection() as conn:
        row = await (await conn.execute(queries.TENANT_OF_FIRST_PARTY_APP, (client_id,))).fetchone()
        if row is None:
            raise OperationRefused(f"there is no first-party app {client_id}")
        await aset_tenant(conn, row[0])
        app = await store.load_app(conn, client_id, lock=True)
        environment = (await store.load_tenant(conn, app.tenant_id)).environment
        operator = Caller(tenant_id=app.tenant_id, client_id=OPERATOR, environment=environment)
        try:
            return await rotating.rotate(conn, keyring, operator, app, rotation)
        except Problem as problem:
            raise OperationRefused(_refused(problem)) from None


def _refused(problem: Problem) -> str:
    pending: list[Secret] = problem.extra.get("pending_secrets", [])
    if not pending:
        return str(problem.detail)
    lives = ", ".join(f"{one.id} until {one.expires_at:%Y-%m-%dT%H:%M:%SZ}" for one in pending)
    return f"beside the present secret these live: {lives}; wait for the first end, or end the oldest now with --force"
