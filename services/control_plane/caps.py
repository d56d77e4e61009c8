"""The caps of an organisation, an app and a package. Ended things count too, unless the cap names live ones."""

from typing import LiteralString, NamedTuple

from services.control_plane.settings import Settings
from shared.storage.caps import Cap, require_room
from shared.storage.database import AsyncConnection


class Counted(NamedTuple):
    """`setting` holds the cap. `query` counts the things of the owner, its one parameter."""

    things: str
    setting: str
    query: LiteralString
    whose: str = "An organisation"
    instead: str = "ask Knogin for more"


DELETE_SOME = "delete some, or ask Knogin for more"
AUTOMATIONS_OF_APP = Counted(
    "automations",
    "most_automations_of_app",
    "SELECT count(*) FROM automations WHERE tenant_id = current_tenant() AND client_id = %s AND deleted_at IS NULL",
    "An app",
    "delete some first",
)
AUTOMATIONS = Counted(
    "automations",
    "most_automations",
    "SELECT count(*) FROM automations WHERE tenant_id = %s AND deleted_at IS NULL",
    instead=DELETE_SOME,
)
AGENTS = Counted("agents", "most_agents", "SELECT count(*) FROM agents WHERE tenant_id = %s")
PACKAGES = Counted("packages", "most_packages", "SELECT count(*) FROM packages WHERE tenant_id = %s")
VERSIONS = Counted("versions", "most_versions", "SELECT count(*) FROM versions WHERE package_id = %s", "A package")
SIGNING_KEYS = Counted(
    "live signing keys",
    "most_signing_keys",
    "SELECT count(*) FROM signing_keys WHERE tenant_id = current_tenant() AND client_id = %s AND revoked_at IS NULL",
    "An app",
    "revoke one first",
)
RELEASES = Counted("releases", "most_releases", "SELECT count(*) FROM releases WHERE tenant_id = %s")
LISTINGS = Counted("listings", "most_listings", "SELECT count(*) FROM listings WHERE tenant_id = %s")
INSTALLATIONS = Counted(
    "installations", "most_installations", "SELECT count(*) FROM installations WHERE tenant_id = %s"
)


async def require(conn: AsyncConnection, settings: Settings, counted: Counted, owner: str) -> None:
    """Raises a 409 Problem where `owner`, an organisation, app or package, has reached its cap."""
    cap = Cap(counted.things, getattr(settings, counted.setting), counted.whose, counted.instead)
    await require_room(conn, cap, owner, counted.query, (owner,))
