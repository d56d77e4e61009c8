"""Writes the files that the docs host serves, new texts of the Italian dictionary, and new operationIds: `python -m deploy.docs`."""

import typer

import gateway.docs
from deploy.docs import build, changes, contract, translation
from deploy.docs.described import described
from deploy.docs.site import pages


def main(*, release: bool = False) -> None:
    """Writes everything; with --release also stores the contract as the last released one."""
    italian = translation.Translator("it")
    made = contract.contract()
    pages.files(made, {"it": italian})
    translation.store(italian.used)
    for text in sorted(italian.missing):
        typer.echo(f'{translation.ITALIAN.name} has "" as the Italian of: {text}')
    for place in described(made).lacking:
        typer.echo(f"{contract.TEXTS.name}, a route entry or a Struct lacks the description of: {place}")
    contract.publish_ids()
    build.write(gateway.docs.FILES)
    if release:
        changes.release(contract.contract())


if __name__ == "__main__":
    typer.run(main)
