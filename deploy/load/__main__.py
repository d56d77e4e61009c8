"""`python -m deploy.load`: fills the running local stack with as many rows as years of use; `make load SCALE=0.1` calls it."""

from typing import Annotated

import typer

from deploy.load.loading import NotLoadable, Progress, load
from deploy.load.rows import Sizes
from deploy.local.state import State, Unusable

NOWHERE = "http://127.0.0.1:9"


def main(
    scale: Annotated[float, typer.Option(min=0.0001, max=10, help="All sizes times this.")] = 1.0,
    large: Annotated[
        int,
        typer.Option(min=1, max=10_000_000, help="Encounters of the organisation of `make demo`, before the factor."),
    ] = Sizes().large,
    receiver: Annotated[str, typer.Option(help="URL for the webhooks; by default no server answers there.")] = NOWHERE,
) -> None:
    """Fill the running local stack: 1,000 organisations, 3,000,000 deliveries (2,000,000 wait for one webhook that is disabled),
    1,200,000 encounters (1,000,000 of the organisation of `make demo`; of all, half are bound for a destination, a quarter were read
    there twice, and a twentieth have an outcome), 10,000,000 readings, 1,000,000 messages for graphql-api, 100,000 revocations,
    5,000 devices and 2,000,000 runs of an automation of the organisation of `make demo`,
    500 people of each organisation with sessions and invitations, 1,000,000 entries in each service's audit trail; and, at any scale, 5,000
    incidents with their time lines and 100 replays of the organisation of `make demo`.

    The messages wait as long as graphql-api's worker does not run. A stack can be loaded once; `make reset` empties it.
    """
    try:
        written = load(State.chosen(), Sizes().with_large(large).scaled(scale), receiver, Progress())
    except (NotLoadable, Unusable) as error:
        typer.secho(str(error), fg="red", err=True)
        raise typer.Exit(1) from None
    typer.echo(f"{written:,} rows")


if __name__ == "__main__":
    typer.run(main)
