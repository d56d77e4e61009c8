"""`python -m services.device_ingest web | worker | relay | migrate | …`"""

from pathlib import Path

from services.device_ingest.settings import load
from shared.command import commands

cli = commands(load, Path(__file__).parent)

if __name__ == "__main__":
    cli()
