"""The operator's commands for tenants, users, scopes, apps, keys and the audit trail."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from services.auth.apps.models import LONGEST_OVERLAP, RotateSecret
from services.auth.keys import rotation
from services.auth.people.roles import ADMINISTRATOR, Role
from services.auth.requests.rules import BUNDLES
from services.auth.settings import Settings, load
from services.auth.tenants import announcing, console, first_party, operations
from services.auth.tenants.operations import ADMIN_APP, Conn, OperationRefused
from shared.primitives.crypto import Keyring
from shared.web import scopes

TenantId = Annotated[str, typer.Argument(help="The tenant's id, org_…")]
Email = Annotated[str, typer.Argument(help="The user's e-mail address.")]


@contextmanager
def refusals_in_one_line() -> Iterator[None]:
    """A refused operation ends the command with one line."""
    try:
        yield
    except OperationRefused as refused:
        raise SystemExit(str(refused)) from None


@contextmanager
def operating() -> Iterator[tuple[Settings, Conn]]:
    """One transaction."""
    settings = load()
    with refusals_in_one_line(), operations.operating(settings) as conn:
        yield settings, conn


def show(*columns: Any) -> None:
    typer.echo("  ".join(str(column) for column in columns))


def _keyring(settings: Settings) -> Keyring:
    return Keyring.from_text(settings.encryption_keys)


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


# --- tenant -----------------------------------------------------------------------------------------------------------

tenant_cli = typer.Typer(no_args_is_help=True, help="Organisations: make, list, suspend, grant scopes and bundles.")


@tenant_cli.command(name="create")
def create_tenant(
    name: Annotated[str, typer.Argument(help="The organisation's name, as people see it.")],
    key: Annotated[str | None, typer.Option(help="A short name that must be unique.")] = None,
    sandbox: Annotated[bool, typer.Option(help="Its tokens say `sandbox` instead of `production`.")] = False,
) -> None:
    """Make a tenant and print its id."""
    with operating() as (_, conn):
        show(operations.create_tenant(conn, name, key, "sandbox" if sandbox else "production"))


@tenant_cli.command(name="open")
def open_tenant(
    name: Annotated[str, typer.Argument(help="The organisation's name, as people see it.")],
    email: Annotated[str, typer.Argument(help="The e-mail address of its administrator.")],
) -> None:
    """Make a tenant with an administrator and the app that registers other apps.

    Prints the tenant's id, a link good once for a day to choose the administrator's password with, the app's id and secret,
    which are shown this once, and the commands that grant the bundles and scopes that a new tenant lacks.
    """
    with operating() as (settings, conn):
        tenant_id = operations.create_tenant(conn, name, None, "production")
        operations.create_user(conn, tenant_id, email, email.partition("@")[0])
        link = operations.password_link(conn, _keyring(settings), settings.issuer, email, 24)
    made = asyncio.run(first_party.create_app(settings, tenant_id, ADMIN_APP, scopes.OF_ADMINISTRATORS))
    titles = ("tenant", "password", "client_id", "client_secret", "bundles", "on_request")
    lacks = (
        f"none yet, so no app can use GraphQL: scopes grant-bundles {tenant_id} {' '.join(BUNDLES)}",
        f"none yet: scopes grant {tenant_id} {' '.join(scopes.ON_REQUEST)}",
    )
    for title, value in zip(titles, (tenant_id, link, *made, *lacks), strict=True):
        show(f"{title:13}", value)


@tenant_cli.command(name="list")
def list_tenants() -> None:
    """Every tenant: id, status, environment, name, on-request scopes."""
    with operating() as (_, conn):
        for tenant in operations.tenants(conn):
            show(tenant.tenant_id, tenant.status, tenant.environment, tenant.name, ",".join(tenant.granted_scopes))


@tenant_cli.command()
def suspend(tenant: TenantId) -> None:
    """End every token of the tenant and refuse its apps and users. Gateways follow within a second."""
    with operating() as (_, conn):
        operations.set_status(conn, tenant, "suspended")


@tenant_cli.command()
def resume(tenant: TenantId) -> None:
    """Let a suspended tenant in again. Tokens from before stay revoked."""
    with operating() as (_, conn):
        operations.set_status(conn, tenant, "active")


@tenant_cli.command()
def limit(
    tenant: TenantId,
    name: Annotated[str, typer.Argument(help="Such as apps; without it, all are shown.")] = "",
    most: Annotated[int | None, typer.Argument(min=0, help="Without it, the deployment's number again.")] = None,
) -> None:
    """Give the tenant another limit than the deployment's, and show all it has."""
    with operating() as (settings, conn):
        if name:
            operations.set_limit(conn, tenant, name, most)
        for of, number in operations.limits(conn, settings, tenant).items():
            show(of, number)


@tenant_cli.command()
def audit(tenant: TenantId, limit: int = 50) -> None:
    """The newest lines of the tenant's audit trail: time, app, user, action, subject, detail, trace."""
    with operating() as (_, conn):
        for row in operations.trail(conn, tenant, limit):
            who = (row["client_id"] or "-", row["actor"] or "-")
            detail = msgspec.json.encode(row["detail"]).decode()
            show(_time(row["at"]), *who, row["action"], row["subject_id"], detail, row["trace_id"])


# --- scopes -----------------------------------------------------------------------------------------------------------

scope_cli = typer.Typer(no_args_is_help=True, help="On-request scopes and GraphQL bundles of a tenant.")


@scope_cli.command()
def grant(tenant: TenantId, scopes: Annotated[list[str], typer.Argument(help="Such as argus:telephony:read.")]) -> None:
    """Let the tenant's apps ask for these scopes; prints all it has."""
    with operating() as (_, conn):
        show(*operations.grant_scopes(conn, tenant, scopes))


@scope_cli.command()
def withdraw(tenant: TenantId, scopes: list[str]) -> None:
    """Take scopes from the tenant and its apps. The tokens of those apps end."""
    with operating() as (_, conn):
        show(*operations.withdraw_scopes(conn, tenant, scopes))


@scope_cli.command(name="grant-bundles")
def grant_bundles(tenant: TenantId, bundles: list[str]) -> None:
    """Let the tenant's admin grant these GraphQL bundles to its apps; prints all it has."""
    with operating() as (_, conn):
        show(*operations.grant_bundles(conn, tenant, bundles))


# --- user -------------------------------------------------------------------------------------------------------------

user_cli = typer.Typer(no_args_is_help=True, help="People who sign in.")


@user_cli.command(name="create")
def create_user(
    email: Email,
    tenant: Annotated[str, typer.Option(help="The tenant's id.")],
    name: str = "",
    role: Annotated[Role, typer.Option(help="What apps may do in their name.")] = ADMINISTRATOR,
) -> None:
    """Make a user and print a link, good once for a day, to choose a password with."""
    with operating() as (settings, conn):
        operations.create_user(conn, tenant, email, name or email.partition("@")[0], role)
        show(operations.password_link(conn, _keyring(settings), settings.issuer, email, 24))


@user_cli.command(name="list")
def list_users(tenant: Annotated[str | None, typer.Option(help="Only of this tenant.")] = None) -> None:
    """Users: id, tenant, status, e-mail address, whether they have a password and a second factor."""
    with operating() as (_, conn):
        for row in operations.users(conn, tenant):
            factors = [name for name in ("password", "totp") if row[f"has_{name}"]]
            show(row["user_id"], row["tenant_id"], row["status"], row["email"], "+".join(factors) or "none")


@user_cli.command(name="password-link")
def password_link(email: Email, hours: Annotated[int, typer.Option(min=1, max=168)] = 24) -> None:
    """Print a link, good once, to choose a new password with."""
    with operating() as (settings, conn):
        show(operations.password_link(conn, _keyring(settings), settings.issuer, email, hours))


@user_cli.command(name="second-factor")
def second_factor(email: Email, remove: Annotated[bool, typer.Option(help="Take it away instead.")] = False) -> None:
    """Give the user a new second factor (TOTP) and print the URI for their authenticator app."""
    with operating() as (settings, conn):
        if remove:
            operations.remove_second_factor(conn, email)
        else:
            show(operations.set_second_factor(conn, _keyring(settings), email))


@user_cli.command()
def disable(email: Email) -> None:
    """Refuse the user. Sessions end, and grants of apps in their name."""
    with operating() as (_, conn):
        operations.set_user_status(conn, email, "disabled")


@user_cli.command()
def unlock(email: Email) -> None:
    """Delete the counts of wrong passwords and codes in devices where the user never signed in."""
    with operating() as (settings, conn):
        operations.unlock_user(conn, _keyring(settings), email)


@user_cli.command()
def enable(email: Email) -> None:
    """Let the user in again."""
    with operating() as (_, conn):
        operations.set_user_status(conn, email, "active")


# --- apps, first-party ------------------------------------------------------------------------------------------------

app_cli = typer.Typer(help="All apps of all tenants.")


@app_cli.callback()
def of_all_tenants() -> None:
    """All apps of all tenants."""


@app_cli.command(name="announce")
def announce(
    client_id: Annotated[list[str] | None, typer.Option(help="An app, app_…; may be given again.")] = None,
    tenant: Annotated[list[str] | None, typer.Option(help="A tenant, org_…, and its apps; may be given again.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every tenant and every app.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without it they are only counted.")] = False,
    per_second: Annotated[int, typer.Option(min=1, help="At most so many a second.")] = 200,
) -> None:
    """Send apps, deleted ones too, and tenants again to the services that store them, under fresh versions."""
    if sum(map(bool, (client_id, tenant, everything))) != 1:
        raise SystemExit("name apps with --client-id, or tenants with --tenant, or --all")
    chosen = announcing.Chosen(client_id or [], tenant or [])
    with operating() as (_, conn):
        tenants, apps = announcing.count(conn, chosen)
        show(f"{tenants} tenants and {apps} apps" + ("" if yes else "; --yes announces them"))
        announced = 0
        for portion in announcing.announce_again(conn, chosen) if yes else ():
            announced += portion
            show(f"{announced} announced")
            # Slowly, because current changes of apps and tenants wait in the same queues.
            time.sleep(portion / per_second)


first_party_cli = typer.Typer(no_args_is_help=True, help="First-party apps of a tenant.")


@first_party_cli.command(name="create")
def create_first_party_app(
    tenant: TenantId,
    name: Annotated[str, typer.Argument(help="What people call the app.")],
    scope: Annotated[list[str], typer.Argument(help="Its scopes, such as argus:epcr:clinical.")],
) -> None:
    """Make an app with scopes no partner may ask for; prints its id and its secret, this once."""
    with refusals_in_one_line():
        show(*asyncio.run(first_party.create_app(load(), tenant, name, scope)))


@first_party_cli.command(name="rotate-secret")
def rotate_secret(
    client_id: Annotated[str, typer.Argument(help="The app's id, app_…")],
    overlap_seconds: Annotated[
        int,
        typer.Option(
            min=0, max=LONGEST_OVERLAP, help="How long the present secret works. 0 ends all secrets and tokens."
        ),
    ] = RotateSecret().overlap_seconds,
    force: Annotated[bool, typer.Option(help="End the oldest secret now where as many as may be live.")] = False,
) -> None:
    """Give the app a new secret and print it, this once, and the time until which the one before works: a day from now.

    Earlier secrets keep their ends. For a secret that leaked: --overlap-seconds 0, which ends the app's secrets and tokens within a second.
    """
    with refusals_in_one_line():
        asked = RotateSecret(overlap_seconds=overlap_seconds, force=force)
        rotated = asyncio.run(first_party.rotate_secret(load(), client_id, asked))
        ends = [rotated.previous_secret_expires_at] if overlap_seconds and rotated.previous_secret_expires_at else []
        show(rotated.client_secret, *map(_time, ends))


# --- the console ------------------------------------------------------------------------------------------------------

console_cli = typer.Typer(no_args_is_help=True, help="The console, which people of every organisation sign in to.")


@console_cli.callback()
def console_commands() -> None:
    """The console, which people of every organisation sign in to."""


@console_cli.command(name="register")
def register_console(
    jwks: Annotated[Path, typer.Option(help="A JWK Set: what `python -m services.console jwks` prints.")],
    redirect_uri: Annotated[
        list[str], typer.Option(help="https://<the console's host>/sign-in/done; may be repeated.")
    ],
) -> None:
    """Let the console sign people in, or give it other keys. Repeating it changes nothing."""
    try:
        keys = msgspec.json.decode(jwks.read_bytes(), type=dict[str, Any])
    except (OSError, msgspec.DecodeError) as error:
        raise SystemExit(f"{jwks}: {error}") from None
    with operating() as (_, conn):
        console.register(conn, console.Console(redirect_uri, keys))


# --- keys -------------------------------------------------------------------------------------------------------------

key_cli = typer.Typer(no_args_is_help=True, help="Signing keys.")
EMERGENCY = "Sign with the new key at once; verifiers that do not refetch on an unknown kid fail for minutes."
DISTRUST = "Also withdraw every older key: each token signed so far dies as caches refresh."


@key_cli.command(name="list")
def list_keys() -> None:
    """Keys in the JWKS: state, kid, since when or from when it signs, until when it is published."""
    with operating() as (_, conn):
        keys, now = rotation.load_keys(conn), datetime.now(UTC)
        for key in keys:
            until = _time(key.removed_at) if key.removed_at else "-"
            show(f"{rotation.state(key, keys, now):8}", key.kid, _time(key.activates_at), until)


@key_cli.command()
def rotate(
    emergency: Annotated[bool, typer.Option(help=EMERGENCY)] = False,
    distrust: Annotated[bool, typer.Option(help=DISTRUST)] = False,
) -> None:
    """Publish a new key; it signs once every cache must know it. Prints its kid."""
    if distrust and not emergency:
        raise SystemExit("--distrust goes with --emergency: a key must be there to sign")
    with operating() as (settings, conn):
        show(operations.rotate_keys(conn, settings, emergency=emergency, distrust=distrust))
