"""The operator's commands for tenants, users, scopes, keys and the audit trail."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import msgspec
import typer

from services.auth.keys import rotation
from services.auth.keys.models import PLATFORM
from services.auth.settings import Settings
from services.auth.tenants import first_party, operations
from services.auth.tenants.operations import Conn, OperationRefused
from shared.primitives.crypto import Keyring
from shared.web import scopes

Load = Callable[[], Settings]
TenantId = Annotated[str, typer.Argument(help="The tenant's id, org_…")]
ADMINISTRATION = "Administration"
Email = Annotated[str, typer.Argument(help="The user's e-mail address.")]


@contextmanager
def operating(load: Load) -> Iterator[tuple[Settings, Conn]]:
    """One transaction. A refused operation ends the command with one line."""
    settings = load()
    try:
        with operations.operating(settings) as conn:
            yield settings, conn
    except OperationRefused as refused:
        raise SystemExit(str(refused)) from None


def show(*columns: Any) -> None:
    typer.echo("  ".join(str(column) for column in columns))


def tenant_commands(load: Load) -> typer.Typer:
    cli = typer.Typer(no_args_is_help=True, help="Organisations: make, list, suspend, grant scopes and bundles.")

    @cli.command()
    def create(
        name: Annotated[str, typer.Argument(help="The organisation's name, as people see it.")],
        key: Annotated[str | None, typer.Option(help="A short name that must be unique.")] = None,
        sandbox: Annotated[bool, typer.Option(help="Its tokens say `sandbox` instead of `production`.")] = False,
    ) -> None:
        """Make a tenant and print its id."""
        with operating(load) as (_, conn):
            show(operations.create_tenant(conn, name, key, "sandbox" if sandbox else "production"))

    @cli.command(name="open")
    def open_tenant(
        name: Annotated[str, typer.Argument(help="The organisation's name, as people see it.")],
        email: Annotated[str, typer.Argument(help="The e-mail address of its administrator.")],
    ) -> None:
        """Make a tenant with an administrator and the app that registers other apps.

        Prints the tenant's id, a link good once for a day to choose the administrator's password with, and the app's id and secret,
        which are shown this once.
        """
        with operating(load) as (settings, conn):
            tenant_id = operations.create_tenant(conn, name, None, "production")
            operations.create_user(conn, tenant_id, email, email.partition("@")[0])
            link = operations.password_link(conn, _keyring(settings), settings.issuer, email, 24)
        made = asyncio.run(first_party.create_app(settings, tenant_id, ADMINISTRATION, scopes.OF_ADMINISTRATORS))
        for title, value in zip(
            ("tenant", "password", "client_id", "client_secret"), (tenant_id, link, *made), strict=True
        ):
            show(f"{title:13}", value)

    @cli.command(name="list")
    def list_tenants() -> None:
        """Every tenant: id, status, environment, name, on-request scopes."""
        with operating(load) as (_, conn):
            for tenant in operations.tenants(conn):
                show(tenant.tenant_id, tenant.status, tenant.environment, tenant.name, ",".join(tenant.granted_scopes))

    @cli.command()
    def suspend(tenant: TenantId) -> None:
        """End every token of the tenant and refuse its apps and users. Gateways follow within a second."""
        with operating(load) as (_, conn):
            operations.set_status(conn, tenant, "suspended")

    @cli.command()
    def resume(tenant: TenantId) -> None:
        """Let a suspended tenant in again. Tokens from before stay revoked."""
        with operating(load) as (_, conn):
            operations.set_status(conn, tenant, "active")

    @cli.command()
    def limit(
        tenant: TenantId,
        name: Annotated[str, typer.Argument(help="Such as apps; without it, all are shown.")] = "",
        most: Annotated[int | None, typer.Argument(min=0, help="Without it, the deployment's number again.")] = None,
    ) -> None:
        """Give the tenant another limit than the deployment's, and show all it has."""
        with operating(load) as (settings, conn):
            if name:
                operations.set_limit(conn, tenant, name, most)
            for of, number in operations.limits(conn, settings, tenant).items():
                show(of, number)

    @cli.command()
    def audit(tenant: TenantId, limit: int = 50) -> None:
        """The newest lines of the tenant's audit trail: time, app, user, action, subject, detail, trace."""
        with operating(load) as (_, conn):
            for row in operations.trail(conn, tenant, limit):
                detail = msgspec.json.encode(row["detail"]).decode()
                show(
                    _time(row["at"]),
                    row["client_id"] or "-",
                    row["actor"] or "-",
                    row["action"],
                    row["subject_id"],
                    detail,
                    row["trace_id"],
                )

    return cli


def scope_commands(load: Load) -> typer.Typer:
    cli = typer.Typer(no_args_is_help=True, help="On-request scopes and GraphQL bundles of a tenant.")

    @cli.command()
    def grant(
        tenant: TenantId, scopes: Annotated[list[str], typer.Argument(help="Such as argus:telephony:read.")]
    ) -> None:
        """Let the tenant's apps ask for these scopes; prints all it has."""
        with operating(load) as (_, conn):
            show(*operations.grant_scopes(conn, tenant, scopes))

    @cli.command()
    def withdraw(tenant: TenantId, scopes: list[str]) -> None:
        """Take scopes from the tenant and its apps. The tokens of those apps end."""
        with operating(load) as (_, conn):
            show(*operations.withdraw_scopes(conn, tenant, scopes))

    @cli.command(name="grant-bundles")
    def grant_bundles(tenant: TenantId, bundles: list[str]) -> None:
        """Let the tenant's admin grant these GraphQL bundles to its apps; prints all it has."""
        with operating(load) as (_, conn):
            show(*operations.grant_bundles(conn, tenant, bundles))

    return cli


def user_commands(load: Load) -> typer.Typer:
    cli = typer.Typer(no_args_is_help=True, help="People who sign in.")

    @cli.command()
    def create(email: Email, tenant: Annotated[str, typer.Option(help="The tenant's id.")], name: str = "") -> None:
        """Make a user and print a link, good once for a day, to choose a password with."""
        with operating(load) as (settings, conn):
            operations.create_user(conn, tenant, email, name or email.partition("@")[0])
            show(operations.password_link(conn, _keyring(settings), settings.issuer, email, 24))

    @cli.command(name="list")
    def list_users(tenant: Annotated[str | None, typer.Option(help="Only of this tenant.")] = None) -> None:
        """Users: id, tenant, status, e-mail address, whether they have a password and a second factor."""
        with operating(load) as (_, conn):
            for row in operations.users(conn, tenant):
                factors = [name for name in ("password", "totp") if row[f"has_{name}"]]
                show(row["user_id"], row["tenant_id"], row["status"], row["email"], "+".join(factors) or "none")

    @cli.command(name="password-link")
    def password_link(email: Email, hours: Annotated[int, typer.Option(min=1, max=168)] = 24) -> None:
        """Print a link, good once, to choose a new password with."""
        with operating(load) as (settings, conn):
            show(operations.password_link(conn, _keyring(settings), settings.issuer, email, hours))

    @cli.command(name="second-factor")
    def second_factor(
        email: Email, remove: Annotated[bool, typer.Option(help="Take it away instead.")] = False
    ) -> None:
        """Give the user a new second factor (TOTP) and print the URI for their authenticator app."""
        with operating(load) as (settings, conn):
            if remove:
                operations.remove_second_factor(conn, email)
            else:
                show(operations.set_second_factor(conn, _keyring(settings), email))

    @cli.command()
    def disable(email: Email) -> None:
        """Refuse the user. Sessions end, and grants of apps in their name."""
        with operating(load) as (_, conn):
            operations.set_user_status(conn, email, "disabled")

    @cli.command()
    def unlock(email: Email) -> None:
        """Delete the counts of wrong passwords and codes in devices where the user never signed in."""
        with operating(load) as (settings, conn):
            operations.unlock_user(conn, _keyring(settings), email)

    @cli.command()
    def enable(email: Email) -> None:
        """Let the user in again."""
        with operating(load) as (_, conn):
            operations.set_user_status(conn, email, "active")

    return cli


def key_commands(load: Load) -> typer.Typer:
    cli = typer.Typer(no_args_is_help=True, help="Signing keys.")

    @cli.command(name="list")
    def list_keys() -> None:
        """Keys in the JWKS: state, kid, since when or from when it signs, until when it is published."""
        with operating(load) as (_, conn):
            keys, now = rotation.load_keys(conn), datetime.now(UTC)
            for key in keys:
                until = _time(key.removed_at) if key.removed_at else "-"
                show(f"{rotation.state(key, keys, now):8}", key.kid, _time(key.activates_at), until)

    @cli.command()
    def rotate(
        emergency: Annotated[
            bool,
            typer.Option(
                help="Sign with the new key at once; verifiers that do not refetch on an unknown kid fail for minutes."
            ),
        ] = False,
        distrust: Annotated[
            bool, typer.Option(help="Also withdraw every older key: each token signed so far dies as caches refresh.")
        ] = False,
    ) -> None:
        """Publish a new key; it signs once every cache must know it. Prints its kid."""
        if distrust and not emergency:
            raise SystemExit("--distrust goes with --emergency: a key must be there to sign")
        with operating(load) as (settings, conn):
            wait = rotation.EMERGENCY_WAIT if emergency else timedelta(seconds=settings.key_activation_seconds)
            kid = rotation.rotate(conn, _keyring(settings), bits=settings.signing_key_bits, wait=wait)
            if distrust:
                rotation.distrust_older(conn, kid)
            detail = {"emergency": emergency, "distrust": distrust}
            operations.record(conn, PLATFORM, "keys.rotated", kid, detail)
            show(kid)

    return cli


def _keyring(settings: Settings) -> Keyring:
    return Keyring.from_text(settings.encryption_keys)


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
