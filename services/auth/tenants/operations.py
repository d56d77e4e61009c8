"""The operator's changes of tenants and users. Each is one transaction under the worker role and has an entry in the audit trail."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import psycopg
from psycopg.rows import class_row, dict_row

from services.auth import caps
from services.auth.apps import scopes
from services.auth.apps.models import AppRow, Tenant
from services.auth.apps.queries import LOCK_TENANT
from services.auth.apps.store import app_messages
from services.auth.keys import rotation
from services.auth.keys.models import PLATFORM, PLATFORM_BEFORE
from services.auth.people import roles
from services.auth.people.roles import ADMINISTRATOR, Role
from services.auth.requests.rules import BUNDLES
from services.auth.revocations import watermarks
from services.auth.settings import Settings
from services.auth.signin import codes, throttle
from services.auth.signin.cookies import LINK_PURPOSE, new_token
from services.auth.signin.queries import (
    DELETE_RECOVERY_CODES,
    FORGET_COUNT,
    FORGET_DEVICES,
    FORGET_WRONG_CODES,
    SMALL_LETTERS,
)
from services.auth.tenants import queries
from shared.messaging import outbox
from shared.messaging.messages import TenantChanged, WebhookTenant
from shared.operators.models import ActRefused
from shared.primitives import ids
from shared.primitives.crypto import Keyring
from shared.process.settings import required
from shared.storage import audit, database
from shared.storage.database import AsyncConnection, set_tenant
from shared.web.identity import Caller

ADMIN_APP = "Administration"
OPERATOR = "operator"
PLATFORM_KEY, PLATFORM_NAME = "platform", "Knogin"
# The actor of periodic work in the relay.
SCHEDULE = "schedule"
Conn = psycopg.Connection[Any]


class OperationRefused(ActRefused):
    """The operation is refused; the text says why."""


@contextmanager
def operating(settings: Settings) -> Iterator[Conn]:
    with psycopg.connect(required(settings.worker_database_url, "WORKER_DATABASE_URL")) as conn:
        yield conn


def record(
    conn: Conn,
    tenant_id: str,
    action: str,
    subject_id: str,
    detail: dict[str, Any] | None = None,
    *,
    by: str = OPERATOR,
) -> None:
    set_tenant(conn, tenant_id)
    caller = Caller(tenant_id=tenant_id, client_id=by)
    conn.execute(audit.RECORD, audit.entry(caller, action, subject_id, detail))


def tenants(conn: Conn) -> list[Tenant]:
    with conn.cursor(row_factory=class_row(Tenant)) as cursor:
        return cursor.execute(queries.TENANTS).fetchall()


def create_tenant(conn: Conn, name: str, key: str | None, environment: str) -> str:
    tenant_id = ids.new_id("org")
    if not conn.execute(queries.INSERT_TENANT, (tenant_id, key, name, environment)).rowcount:
        raise OperationRefused(f"there is a tenant with the key {key} already")
    record(conn, tenant_id, "tenant.created", tenant_id)
    announce(conn, tenant_id)
    return tenant_id


def ensure_platform(conn: Conn) -> str:
    """Makes the platform's own tenant, if it is not there. Returns its id."""
    if conn.execute(queries.INSERT_PLATFORM, (PLATFORM, PLATFORM_KEY, PLATFORM_NAME)).rowcount:
        record(conn, PLATFORM, "tenant.created", PLATFORM)
        announce(conn, PLATFORM)
    return PLATFORM


def set_status(conn: Conn, tenant_id: str, status: str, why: Mapping[str, Any] | None = None) -> None:
    """Suspending ends every token of the tenant and of the sandboxes that it made, at every gateway within a second.

    `why` goes into the audit trail of each. The platform's own tenant is not suspended: nobody could resume it.
    """
    if tenant_id == PLATFORM:
        raise OperationRefused("the platform's own tenant is always active")
    conn.execute(LOCK_TENANT, (tenant_id,))
    if not conn.execute(queries.SET_STATUS, (status, tenant_id, status)).rowcount:
        raise OperationRefused(f"there is no tenant {tenant_id} that is not {status} already")
    # A sandbox is made under the lock of its organisation, so none is missing here.
    sandboxes = [one for (one,) in conn.execute(queries.SET_STATUS_OF_SANDBOXES, (status, tenant_id, status))]
    changed = [tenant_id, *sandboxes]
    for one in changed:
        detail = dict(why or {}) | ({"with": tenant_id} if one != tenant_id else {})
        record(conn, one, f"tenant.{status}", one, detail or None)
        announce(conn, one)
    if status == "suspended":
        for one in changed:
            # Gateways look for the watermark of an organisation under that organisation.
            set_tenant(conn, one)
            _revoke(conn, "tenant", [(one,)])


def rotate_keys(
    conn: Conn, settings: Settings, *, emergency: bool, distrust: bool, why: Mapping[str, Any] | None = None
) -> str:
    """Publishes a new signing key and returns its kid. With `distrust` every older key is withdrawn."""
    keyring = Keyring.from_text(settings.encryption_keys)
    wait = rotation.EMERGENCY_WAIT if emergency else timedelta(seconds=settings.key_activation_seconds)
    kid = rotation.rotate(conn, keyring, bits=settings.signing_key_bits, wait=wait)
    if distrust:
        rotation.distrust_older(conn, kid)
    record(conn, PLATFORM, "keys.rotated", kid, {"emergency": emergency, "distrust": distrust} | dict(why or {}))
    return kid


def grant_scopes(conn: Conn, tenant_id: str, wanted: Sequence[str]) -> list[str]:
    """Lets the tenant's apps ask for on-request scopes. Returns all scopes of the tenant."""
    unknown = sorted(set(wanted) - set(scopes.ON_REQUEST))
    if unknown:
        raise OperationRefused(
            f"not granted on request: {', '.join(unknown)}; there are {', '.join(scopes.ON_REQUEST)}"
        )
    granted = _one(conn, queries.GRANT_SCOPES, (list(wanted), tenant_id), f"there is no tenant {tenant_id}")
    record(conn, tenant_id, "tenant.scopes_granted", tenant_id, {"scopes": list(wanted)})
    announce(conn, tenant_id)
    return granted


def withdraw_scopes(conn: Conn, tenant_id: str, unwanted: Sequence[str]) -> list[str]:
    """Takes scopes from the tenant and its apps, and ends the tokens of these apps. Returns the scopes that are left."""
    conn.execute(LOCK_TENANT, (tenant_id,))
    left = _one(conn, queries.WITHDRAW_SCOPES, (list(unwanted), tenant_id), f"there is no tenant {tenant_id}")
    record(conn, tenant_id, "tenant.scopes_withdrawn", tenant_id, {"scopes": list(unwanted)})
    announce(conn, tenant_id)
    with conn.cursor(row_factory=class_row(AppRow)) as cursor:
        parameters = {"scopes": list(unwanted), "tenant_id": tenant_id}
        apps = cursor.execute(queries.APPS_WITH_SCOPES, parameters).fetchall()
    announce_apps(conn, apps)
    _revoke(conn, "client", [(app.client_id,) for app in apps])
    return left


def grant_bundles(conn: Conn, tenant_id: str, wanted: Sequence[str]) -> list[str]:
    """Lets the tenant's administrators give GraphQL bundles to apps. Returns all bundles of the tenant."""
    if unknown := sorted(set(wanted) - set(BUNDLES)):
        raise OperationRefused(f"no bundles: {', '.join(unknown)}; there are {', '.join(BUNDLES)}")
    granted = _one(conn, queries.GRANT_BUNDLES, (list(wanted), tenant_id), f"there is no tenant {tenant_id}")
    record(conn, tenant_id, "tenant.bundles_granted", tenant_id, {"bundles": list(wanted)})
    announce(conn, tenant_id)
    return granted


def _revoke(conn: Conn, kind: watermarks.Kind, rows: Sequence[tuple[str]]) -> None:
    watermarks.revoke_at_once(conn, kind, [row[0] for row in rows])


def _one(conn: Conn, query: Any, parameters: tuple[Any, ...], otherwise: str) -> list[str]:
    row = conn.execute(query, parameters).fetchone()
    if row is None:
        raise OperationRefused(otherwise)
    return row[0]


def set_limit(conn: Conn, tenant_id: str, name: str, most: int | None) -> None:
    """Sets a limit for this tenant; None restores the deployment's. Things beyond a lower limit stay."""
    if name not in caps.THINGS:
        raise OperationRefused(f"there is no limit {name}; there are {', '.join(caps.THINGS)}")
    if tenant_id not in {tenant.tenant_id for tenant in tenants(conn)}:
        raise OperationRefused(f"there is no tenant {tenant_id}")
    record(conn, tenant_id, "tenant.limit_set", tenant_id, {"name": name, "most": most})
    if most is None:
        conn.execute(queries.DELETE_LIMIT, (tenant_id, name))
    else:
        conn.execute(queries.SET_LIMIT, (tenant_id, name, most))


def limits(conn: Conn, settings: Settings, tenant_id: str) -> dict[str, int]:
    """Every limit of the tenant: its own, or the deployment's."""
    own = dict(conn.execute(queries.LIMITS, (tenant_id,)).fetchall())
    return {name: own.get(name, caps.default(settings, name)) for name in caps.THINGS}


def users(conn: Conn, tenant_id: str | None) -> list[dict[str, Any]]:
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(queries.USERS, {"tenant_id": tenant_id}).fetchall()


def create_user(conn: Conn, tenant_id: str, email: str, name: str, role: Role = ADMINISTRATOR) -> str:
    """`tenant_id` may be `platform`, whose tenant is then made."""
    if tenant_id == PLATFORM_KEY:
        tenant_id = ensure_platform(conn)
    if email.count("@") != 1 or len(email) > 254 or not email.isprintable():
        raise OperationRefused(f"{email} is not an e-mail address")
    if tenant_id not in {tenant.tenant_id for tenant in tenants(conn)}:
        raise OperationRefused(f"there is no tenant {tenant_id}")
    if role not in roles.in_tenant(tenant_id):
        raise OperationRefused(f"only the platform's own tenant has the role {role}: --tenant {PLATFORM_KEY}")
    user_id = ids.new_id("usr")
    if not conn.execute(queries.INSERT_USER, (user_id, tenant_id, email, name, role, roles.of(role))).rowcount:
        raise OperationRefused(f"there is a user {email} already")
    record(conn, tenant_id, "user.created", user_id, {"role": role})
    return user_id


def find_user(conn: Conn, email: str) -> tuple[str, str, str]:
    """The user's id, tenant and e-mail address in its registered spelling."""
    row = conn.execute(queries.FIND_USER, (email,)).fetchone()
    if row is None:
        raise OperationRefused(f"there is no user {email}")
    return row


def set_user_status(conn: Conn, email: str, status: str) -> None:
    """Disabling ends the user's sessions and grants."""
    user_id, tenant_id, _ = find_user(conn, email)
    record(conn, tenant_id, f"user.{status}", user_id)
    conn.execute(queries.SET_USER_STATUS, (status, user_id))
    if status == "disabled":
        conn.execute(queries.END_USER_SESSIONS, (user_id,))
        _revoke(conn, "grant", conn.execute(queries.END_USER_GRANTS, (user_id,)).fetchall())


def password_link(conn: Conn, keyring: Keyring, issuer: str, email: str, hours: int) -> str:
    """A link, good once, for choosing a password."""
    user_id, tenant_id, _ = find_user(conn, email)
    token = new_token()
    record(conn, tenant_id, "user.password_link_made", user_id)
    conn.execute(queries.INSERT_LINK, (keyring.mac(token.encode(), LINK_PURPOSE), tenant_id, user_id, hours))
    return f"{issuer}/v1/auth/password?link={token}"


def set_second_factor(conn: Conn, keyring: Keyring, email: str) -> str:
    """Gives the user a new second factor and returns the URI for an authenticator app. Deletes the recovery codes of the old one."""
    user_id, tenant_id, address = find_user(conn, email)
    secret = codes.new_secret()
    record(conn, tenant_id, "user.second_factor_set", user_id)
    conn.execute(DELETE_RECOVERY_CODES, (user_id,))
    conn.execute(FORGET_DEVICES, (user_id,))
    conn.execute(FORGET_WRONG_CODES, (user_id,))
    conn.execute(queries.SET_TOTP, (keyring.encrypt(secret.encode(), codes.secret_context(user_id)), user_id))
    return codes.otpauth_uri(secret, address)


def remove_second_factor(conn: Conn, email: str) -> None:
    user_id, tenant_id, _ = find_user(conn, email)
    record(conn, tenant_id, "user.second_factor_removed", user_id)
    conn.execute(DELETE_RECOVERY_CODES, (user_id,))
    conn.execute(FORGET_WRONG_CODES, (user_id,))
    conn.execute(queries.SET_TOTP, (None, user_id))


def unlock_user(conn: Conn, keyring: Keyring, email: str) -> None:
    """Deletes the counts of wrong passwords and codes in unknown devices. Counts of addresses expire by themselves."""
    user_id, tenant_id, address = find_user(conn, email)
    record(conn, tenant_id, "user.unlocked", user_id)
    conn.execute(FORGET_WRONG_CODES, (user_id,))
    row = conn.execute(SMALL_LETTERS, (address,)).fetchone()
    conn.execute(FORGET_COUNT, (throttle.account_key(keyring, row[0] if row else address),))


def trail(conn: Conn, tenant_id: str, limit: int) -> list[dict[str, Any]]:
    """The newest entries. The id `platform` names the platform's own tenant."""
    whose = [PLATFORM, PLATFORM_BEFORE] if tenant_id == PLATFORM_KEY else [tenant_id]
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(queries.AUDIT, (whose, limit)).fetchall()


# --- Messages to the services that store tenants and apps -------------------------------------------------------------


def announce(conn: psycopg.Connection[Any], tenant_id: str) -> None:
    with conn.cursor(row_factory=class_row(Tenant)) as cursor:
        tenant = cursor.execute(queries.NEXT_VERSION, (tenant_id,)).fetchone()
    assert tenant is not None
    outbox.add_sync(conn, tenant_id, *tenant_messages(tenant))


async def announce_async(conn: AsyncConnection, tenant_id: str) -> None:
    tenant = await database.first(conn, Tenant, queries.NEXT_VERSION, (tenant_id,))
    assert tenant is not None
    await outbox.add(conn, tenant_id, *tenant_messages(tenant))


def announce_apps(conn: psycopg.Connection[Any], apps: Sequence[AppRow]) -> None:
    """Sends these apps to each service that stores a part of them."""
    rows = [outbox.row(app.tenant_id, message) for app in apps for message in app_messages(app)]
    with conn.cursor() as cursor:
        cursor.executemany(outbox.ADD, rows)


def tenant_messages(tenant: Tenant) -> tuple[TenantChanged, WebhookTenant]:
    """The messages about a tenant to the services that store a part of it."""
    changed = TenantChanged(
        tenant_id=tenant.tenant_id,
        version=tenant.version,
        tenant_name=tenant.name,
        status=tenant.status,
        environment=tenant.environment,
        granted_scopes=tenant.granted_scopes,
    )
    return changed, WebhookTenant(tenant_id=tenant.tenant_id, environment=tenant.environment)
