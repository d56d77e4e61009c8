"""`python -m services.control_plane web | worker | relay | migrate | …`"""

from pathlib import Path

from services.control_plane.app import create_app
from services.control_plane.settings import load
from services.control_plane.tasks import create_worker, periodic
from shared.command import commands

cli = commands(
    name="control-plane",
    package=Path(__file__).parent,
    load=load,
    create_app=create_app,
    create_worker=create_worker,
    periodic=periodic,
)

if __name__ == "__main__":
    cli()
