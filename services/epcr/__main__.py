"""`python -m services.epcr`: its processes and the operator's commands."""

from pathlib import Path

from services.epcr.app import create_app
from services.epcr.settings import load
from services.epcr.tasks import create_worker, periodic
from shared.command import commands

cli = commands(
    name="epcr",
    package=Path(__file__).parent,
    load=load,
    create_app=create_app,
    create_worker=create_worker,
    periodic=periodic,
)

if __name__ == "__main__":
    cli()
