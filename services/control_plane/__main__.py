"""`python -m services.control_plane web | worker | relay | migrate | …`"""

from pathlib import Path

from services.control_plane.settings import load
from shared.command import commands
from shared.messaging.messages import PlatformApp, TenantChanged, Versioned

cli = commands(
    load,
    Path(__file__).parent,
    (Versioned(TenantChanged, "tenants", "tenant_id"), Versioned(PlatformApp, "apps", "client_id")),
)

if __name__ == "__main__":
    cli()
