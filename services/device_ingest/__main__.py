"""`python -m services.device_ingest web | worker | relay | migrate | …`"""

from pathlib import Path

from services.device_ingest.app import create_app
from services.device_ingest.settings import load
from services.device_ingest.tasks import create_worker, periodic
from shared.command import commands

cli = commands(
    name="device-ingest",
    package=Path(__file__).parent,
    load=load,
    create_app=create_app,
    create_worker=create_worker,
    periodic=periodic,
)

if __name__ == "__main__":
    cli()
