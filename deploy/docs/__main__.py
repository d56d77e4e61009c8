"""Writes the files that the docs host serves, new texts of the Italian dictionary, and new operationIds: `python -m deploy.docs`."""

from pathlib import Path

import typer

import gateway.docs
from deploy.docs import changes, collections, contract, page
from services.epcr.fhir import conformance
from shared.web import http

ASSETS = Path(__file__).parent / "assets"


def files() -> dict[str, bytes]:
    """Every file by its name."""
    pages = {f"index.{language}.html": page.render(language) for language in page.LANGUAGES}
    document = contract.contract()
    documents = {
        "openapi.json": contract.encoded(document),
        "openapi-client.json": contract.encoded(contract.for_generators()),
        "knogin.postman_collection.json": contract.encoded(collections.postman(document)),
        "knogin.bruno.zip": collections.zipped(collections.bruno(document)),
    }
    assets = {path.name: path.read_bytes() for path in ASSETS.iterdir()}
    definitions = {f"fhir/{one['resourceType']}/{one['id']}.json": http.encode(one) for one in conformance.resources()}
    return documents | pages | assets | definitions


def write(folder: Path) -> None:
    for name, body in files().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(body)


def main(*, release: bool = False) -> None:
    """Writes everything; with --release also stores the contract as the last released one."""
    for text in page.update_dictionary():
        typer.echo(f'{page.ITALIAN.name} has "" as the Italian of: {text}')
    contract.publish_ids()
    write(gateway.docs.FILES)
    if release:
        changes.release(contract.contract())


if __name__ == "__main__":
    typer.run(main)
