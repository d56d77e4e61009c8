"""The operator's commands for SAML: replace our signing certificate of a connection, in two steps."""

from typing import Annotated

import typer

from services.auth.saml import queries
from services.auth.settings import Settings
from services.auth.tenants.commands import operating, show
from services.auth.tenants.operations import Conn, OperationRefused, record
from shared.primitives.crypto import Keyring

ConnectionId = Annotated[str, typer.Argument(help="The connection's id, samlc_…")]
cli = typer.Typer(no_args_is_help=True, help="Our signing certificate of a SAML connection.")


@cli.command(name="next-certificate")
def next_certificate(connection: ConnectionId) -> None:
    """Make the next key and print its certificate, which our metadata shows beside the one in use."""
    with operating() as (settings, conn):
        show(prepare(conn, settings, connection))


@cli.command(name="use-certificate")
def use_certificate(connection: ConnectionId) -> None:
    """Sign with the next key from now on: once the identity provider has its certificate. The old one ends."""
    with operating() as (_, conn):
        use(conn, connection)


def prepare(conn: Conn, settings: Settings, connection_id: str) -> str:
    """The next certificate in PEM; the same one at each call."""
    tenant_id, _, waiting = _find(conn, connection_id)
    if waiting is not None:
        return waiting
    from services.auth.saml import connections  # loads the readers of XML, which no other command needs

    key, certificate = connections.new_own(settings.issuer)
    sealed = Keyring.from_text(settings.encryption_keys).encrypt(key, connections.key_context(connection_id))
    record(conn, tenant_id, "saml.certificate_made", connection_id)
    conn.execute(queries.SET_NEXT_CERTIFICATE, (sealed, certificate, connection_id))
    return certificate


def use(conn: Conn, connection_id: str) -> None:
    tenant_id, _, waiting = _find(conn, connection_id)
    if waiting is None:
        raise OperationRefused(
            "there is no next certificate; make one with next-certificate, and give it to the identity provider first"
        )
    record(conn, tenant_id, "saml.certificate_used", connection_id)
    conn.execute(queries.USE_NEXT_CERTIFICATE, (connection_id,))


def _find(conn: Conn, connection_id: str) -> tuple[str, str, str | None]:
    found = conn.execute(queries.FIND_OWN, (connection_id,)).fetchone()
    if found is None:
        raise OperationRefused(f"there is no connection {connection_id}")
    return found
