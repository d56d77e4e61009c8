"""The client of an authorization request: an app, or a common app before its person, and so its organisation, is known."""

from collections.abc import Iterable

from starlette.requests import Request

from services.auth.apps import common
from services.auth.apps.common import CommonApp
from services.auth.oauth import queries
from services.auth.oauth.clients import Client, ClientRow, load_client
from services.auth.oauth.forms import TemporarilyUnavailable
from shared.storage import database
from shared.storage.database import UNAVAILABLE, AsyncConnection, transaction


class StandIn(Client):
    """A common app in the place of an organisation's own app; its row names no organisation. It only asks, and gets no token."""

    def __init__(self, common_app: CommonApp) -> None:
        super().__init__(
            ClientRow(
                client_id=common_app.name,
                tenant_id="",
                name=common_app.title,
                status="active",
                tenant_status="active",
                tenant_name="",
                environment="production",
                first_party=True,
                grant_types=["authorization_code"],
                redirect_uris=common_app.redirect_uris,
                requested_scopes=common_app.scopes,
                token_endpoint_auth_method="private_key_jwt",
                jwks=None,
                enforce_pkce=True,
                access_token_ttl=60,
                deidentification="exact",
                secret_ids=None,
                secret_macs=None,
                read_at_ms=0,
            )
        )
        self.common_app = common_app


async def load_asking(request: Request, client_id: str) -> Client | None:
    """The client that an authorization request names. Raises TemporarilyUnavailable without a database."""
    if not common.NAME.fullmatch(client_id):
        return await load_client(request, client_id)
    try:
        async with transaction(request) as conn:
            found = await common.find(conn, client_id)
    except UNAVAILABLE:
        raise TemporarilyUnavailable from None
    return StandIn(found) if found is not None else None


async def own_client(conn: AsyncConnection, stand_in: StandIn, tenant_id: str) -> Client:
    """The organisation's own app in the place of the common one. The tenant must be set."""
    app = await common.of_tenant(conn, stand_in.common_app, tenant_id)
    return Client(await database.found(conn, ClientRow, queries.FIND_CLIENTS, ([app.client_id],)))


def within_roles(wanted: Iterable[str], beyond: Iterable[str]) -> list[str]:
    """The scopes of a common app that the person's roles allow (RFC 6749 §3.3). It asks for all that the person has, not for a list."""
    kept = set(wanted) - set(beyond)
    return [one for one in wanted if one in kept]
