"""Makes or finds tenants with an administrator's app and user, for a new installation and for each local start."""

from typing import Annotated, Any

import msgspec

from services.auth.apps import credentials, scopes, store
from services.auth.apps import queries as app_queries
from services.auth.apps.models import AppDraft, AppRow
from services.auth.apps.store import insert_service_token
from services.auth.keys.keystore import KeyStore
from services.auth.keys.models import PLATFORM
from services.auth.people import roles
from services.auth.people.roles import ADMINISTRATOR, Role
from services.auth.people.roles import OPERATOR as OPERATORS_ROLE
from services.auth.settings import Settings
from services.auth.signin import codes, passwords
from services.auth.tenants import console, queries
from services.auth.tenants.console import Console
from services.auth.tenants.operations import ADMIN_APP, OPERATOR, PLATFORM_KEY, PLATFORM_NAME, announce_async
from shared.primitives import ids
from shared.primitives.crypto import Keyring
from shared.process.settings import required
from shared.storage import audit, database
from shared.storage.database import AsyncConnection, aset_tenant, open_pool
from shared.web.identity import Caller

TOKEN_SECONDS = 12 * 3600


class Admin(msgspec.Struct, forbid_unknown_fields=True):
    email: Annotated[str, msgspec.Meta(min_length=3, max_length=254)]
    password: Annotated[str, msgspec.Meta(min_length=passwords.MIN_LENGTH, max_length=passwords.MAX_LENGTH)]
    client_secret: Annotated[str, msgspec.Meta(min_length=32, max_length=256)]
    scopes: list[str]


class TenantRequest(msgspec.Struct, forbid_unknown_fields=True):
    """`scopes` are the on-request scopes granted to the tenant, `admin.scopes` the scopes of its administrator's app."""

    key: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]{1,40}\Z")]
    name: str
    scopes: list[str]
    bundles: list[str]
    admin: Admin


class Operator(msgspec.Struct, forbid_unknown_fields=True):
    """The first operator of the platform. `second_factor` is the secret of an authenticator, in Base32 (RFC 6238)."""

    email: Annotated[str, msgspec.Meta(min_length=3, max_length=254)]
    password: Annotated[str, msgspec.Meta(min_length=passwords.MIN_LENGTH, max_length=passwords.MAX_LENGTH)]
    second_factor: Annotated[str, msgspec.Meta(pattern=r"^[A-Z2-7]{32}\Z")]


class BootstrapRequest(msgspec.Struct, forbid_unknown_fields=True):
    tenants: list[TenantRequest]
    console: Console | None = None
    operator: Operator | None = None


async def bootstrap(settings: Settings, wanted: BootstrapRequest) -> dict[str, Any]:
    """Returns for each tenant's key its ids, secrets and a new service token of 12 hours. A repetition changes nothing else."""
    for tenant in wanted.tenants:
        unknown = (set(tenant.scopes) - set(scopes.ON_REQUEST)) | (set(tenant.admin.scopes) - set(scopes.ALL))
        if unknown:
            raise SystemExit(f"tenant {tenant.key}: unknown scopes {', '.join(sorted(unknown))}")
    keyring = Keyring.from_text(settings.encryption_keys)
    dsn = required(settings.worker_database_url, "WORKER_DATABASE_URL")
    async with open_pool(dsn, max_size=2) as pool:
        keys = KeyStore(pool, keyring)
        await keys.ensure_first_key(settings.signing_key_bits)
        if wanted.console is not None:
            async with pool.connection() as conn:
                await console.ensure(conn, wanted.console)
        if wanted.operator is not None:
            async with pool.connection() as conn:
                # The platform's own tenant, with this operator. A second factor that the person chose meanwhile stays.
                made = await conn.execute(queries.INSERT_PLATFORM, (PLATFORM, PLATFORM_KEY, PLATFORM_NAME))
                await aset_tenant(conn, PLATFORM)
                if made.rowcount:
                    await audit.record(conn, Caller(tenant_id=PLATFORM, client_id=OPERATOR), "tenant.created", PLATFORM)
                await announce_async(conn, PLATFORM)
                user_id = await ensure_user(
                    conn, PLATFORM, wanted.operator.email, wanted.operator.password, OPERATORS_ROLE
                )
                sealed = keyring.encrypt(wanted.operator.second_factor.encode(), codes.secret_context(user_id))
                await conn.execute(queries.FIRST_TOTP, (sealed, user_id))
        answer: dict[str, Any] = {}
        for tenant in wanted.tenants:
            async with pool.connection() as conn:
                answer[tenant.key] = await _ensure(conn, settings, keyring, keys, tenant)
    return answer


async def _ensure(
    conn: AsyncConnection, settings: Settings, keyring: Keyring, keys: KeyStore, wanted: TenantRequest
) -> dict[str, Any]:
    parameters = (ids.new_id("org"), wanted.key, wanted.name, "production", wanted.scopes, wanted.bundles)
    row = await (await conn.execute(queries.ENSURE_TENANT, parameters)).fetchone()
    assert row is not None
    tenant_id, where = str(row[0]), str(row[1])
    await aset_tenant(conn, tenant_id)
    await announce_async(conn, tenant_id)
    asked, app = (
        wanted.admin.scopes,
        await database.first(conn, AppRow, queries.FIRST_PARTY_APP, (tenant_id, ADMIN_APP)),
    )
    if app is None:
        draft = AppDraft(
            name=ADMIN_APP,
            grant_types=["client_credentials"],
            requested_scopes=asked,
            graphql_bundles=wanted.bundles,
        )
        app = await store.insert_app(conn, tenant_id, draft, first_party=True)
    elif app.requested_scopes != asked or app.graphql_bundles != wanted.bundles:
        app = await store.save_app(conn, app, requested_scopes=asked, graphql_bundles=wanted.bundles)
    await _ensure_secret(conn, keyring, app, wanted.admin.client_secret)
    await ensure_user(conn, tenant_id, wanted.admin.email, wanted.admin.password)
    held = [scope for scope in app.requested_scopes if scope != scopes.OFFLINE_ACCESS]
    audience = [settings.issuer, settings.api_base_url]
    token_id, claims = await insert_service_token(conn, app, held, TOKEN_SECONDS, aud=audience, environment=where)
    operator = Caller(tenant_id=tenant_id, client_id=OPERATOR)
    made = {"client_id": app.client_id, "service_token": token_id}
    await audit.record(conn, operator, "tenant.bootstrapped", tenant_id, made)
    return {
        "tenant_id": tenant_id,
        "client_id": app.client_id,
        "client_secret": wanted.admin.client_secret,
        "access_token": keys.signer().sign(claims),
        "email": wanted.admin.email,
        "password": wanted.admin.password,
    }


async def _ensure_secret(conn: AsyncConnection, keyring: Keyring, app: AppRow, secret: str) -> None:
    """A different secret ends the one before at once, with its tokens."""
    kept = {bytes(mac) for (mac,) in await (await conn.execute(queries.SECRET_MACS, (app.client_id,))).fetchall()}
    macs = keyring.macs(secret.encode(), credentials.secret_purpose(app.client_id))
    if not kept.isdisjoint(macs):
        return
    if (await conn.execute(app_queries.END_SECRETS, (app.client_id,))).rowcount:
        await store.revoke_every_token(conn, app.client_id)
        operator = Caller(tenant_id=app.tenant_id, client_id=OPERATOR)
        await audit.record(conn, operator, "app.secret_rotated", app.client_id, {"overlap": 0})
    await store.insert_secret(conn, app, macs[0])


async def ensure_user(
    conn: AsyncConnection, tenant_id: str, email: str, password: str, role: Role = ADMINISTRATOR
) -> str:
    """Makes or finds the user with this password. Raises SystemExit if the user belongs to another tenant."""
    row = await (await conn.execute(queries.USER_BY_EMAIL, (email,))).fetchone()
    if row is None:
        user_id = ids.new_id("usr")
        hashed = passwords.hash_password(password)
        row = (user_id, tenant_id, email, email.partition("@")[0], hashed, role, roles.of(role))
        made = await conn.execute(queries.ENSURE_USER, row)
        if made.rowcount == 0:
            raise SystemExit(f"{email} belongs to another tenant")
        return user_id
    user_id, stored = row
    if not passwords.verify(stored, password):
        await conn.execute(queries.SET_PASSWORD, (passwords.hash_password(password), user_id))
    return str(user_id)
