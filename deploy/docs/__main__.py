"""Writes the files that the docs host serves, and the missing lines of the Italian dictionary: `python -m deploy.docs`."""

from pathlib import Path

import typer

import gateway.docs
from deploy.docs import contract, page
from services.epcr.fhir import conformance
from shared.web import http

ASSETS = Path(__file__).parent / "assets"


def files() -> dict[str, bytes]:
    """Every file by its name."""
    pages = {f"index.{language}.html": page.render(language) for language in page.LANGUAGES}
    assets = {path.name: path.read_bytes() for path in ASSETS.iterdir()}
    definitions = {f"fhir/{one['resourceType']}/{one['id']}.json": http.encode(one) for one in conformance.resources()}
    return {"openapi.json": contract.encoded()} | pages | assets | definitions


def write(folder: Path) -> None:
    for name, body in files().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(body)


if __name__ == "__main__":
    for text in page.update_dictionary():
        typer.echo(f'{page.ITALIAN.name} has "" as the Italian of: {text}')
    write(gateway.docs.FILES)
