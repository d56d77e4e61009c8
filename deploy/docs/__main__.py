"""Writes the files that the docs host serves, new texts of the Italian dictionary, and new operationIds: `python -m deploy.docs`."""

import typer

import gateway.docs
from deploy.docs import build, changes, contract, translation
from deploy.docs.site import pages


def main(*, release: bool = False) -> None:
    """Writes everything; with --release also stores the contract as the last released one."""
    italian = translation.Translator("it")
    pages.files(contract.contract(), {"it": italian})
    translation.store(italian.used)
    for text in sorted(italian.missing):
        typer.echo(f'{translation.ITALIAN.name} has "" as the Italian of: {text}')
    contract.publish_ids()
    build.write(gateway.docs.FILES)
    if release:
        changes.release(contract.contract())


if __name__ == "__main__":
    typer.run(main)
