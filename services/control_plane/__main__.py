"""`python -m services.control_plane web | worker | relay | migrate | …`"""

from pathlib import Path
from typing import TYPE_CHECKING

from services.control_plane.settings import Settings, load
from shared.command import commands
from shared.messages import PlatformApp, TenantChanged, Versioned

if TYPE_CHECKING:
    from celery import Celery
    from starlette.applications import Starlette

    from shared.periodic import Periodic


def create_app(settings: Settings) -> "Starlette":
    from services.control_plane import app

    return app.create_app(settings)


def create_worker(settings: Settings) -> "Celery":
    from services.control_plane import tasks

    return tasks.create_worker(settings)


def periodic(settings: Settings) -> "list[Periodic]":
    from services.control_plane import tasks

    return tasks.periodic(settings)


cli = commands(
    name="control-plane",
    package=Path(__file__).parent,
    load=load,
    create_app=create_app,
    create_worker=create_worker,
    periodic=periodic,
    versioned=(Versioned(TenantChanged, "tenants", "tenant_id"), Versioned(PlatformApp, "apps", "client_id")),
)

if __name__ == "__main__":
    cli()
