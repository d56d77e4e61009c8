"""`python -m services.device_ingest web | worker | relay | migrate | …`"""

from pathlib import Path

from services.device_ingest.settings import load
from shared.command import AllowanceOf, Default, Most, change_allowance, commands

cli = commands(load, Path(__file__).parent)


@cli.command()
def allowance(tenant: AllowanceOf, most: Most = None, default: Default = False) -> None:
    """Set how many observations an organisation may store, and show the number and how many it does."""
    from services.device_ingest.allowance import set_limit, show

    settings = load()
    change_allowance(settings, tenant, most, settings.most_observations, set_limit, show, default=default)


if __name__ == "__main__":
    cli()
