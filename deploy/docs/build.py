"""Writes the files that the docs host serves: `python -m deploy.docs.build [folder]`. Two builds of one tree have equal bytes."""

import os
from pathlib import Path
from typing import Annotated

import typer

import gateway.docs
from deploy.docs import collections, contract, packages
from deploy.docs.site import pages
from deploy.docs.translation import LANGUAGES, Translator
from services.epcr.fhir import conformance
from services.graphql_api.acqi import measures
from shared.web import http

ASSETS = Path(__file__).parent / "assets"
CONTRACT = "openapi.json"


def files() -> dict[str, bytes]:
    """Every file by its name. The contract comes last: `make` takes its time of change for that of them all."""
    document = contract.contract()
    made = pages.files(document, {language: Translator(language) for language in LANGUAGES})
    site = {name: text if isinstance(text, bytes) else text.encode() for name, text in made.items()}
    documents = {
        "openapi-client.json": contract.encoded(contract.for_generators(document)),
        "knogin.postman_collection.json": contract.encoded(collections.postman(document)),
        "knogin.postman_environment.json": contract.encoded(collections.environment()),
        "knogin.bruno.zip": collections.zipped(collections.bruno(document)),
    }
    assets = {path.name: path.read_bytes() for path in sorted(ASSETS.iterdir())}
    installed = {f"packages/{one.name}": one.body for one in packages.made()}
    defined = [*conformance.resources(), *measures.resources()]
    definitions = {f"fhir/{one['resourceType']}/{one['id']}.json": http.encode(one) for one in defined}
    return documents | site | assets | installed | definitions | {CONTRACT: contract.encoded(document)}


def write(folder: Path) -> None:
    """Replaces each file at once, since a gateway may be reading it, and deletes those of an earlier build."""
    made = files()
    for old in [path for path in folder.rglob("*") if path.is_file()]:
        if old.relative_to(folder).as_posix() not in made:
            old.unlink()
    for name, body in made.items():
        file = folder / name
        draft = file.with_name(f"{file.name}.{os.getpid()}")
        draft.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(body)
        draft.replace(file)


def main(folder: Annotated[Path, typer.Argument()] = gateway.docs.FILES) -> None:
    write(folder)


if __name__ == "__main__":
    typer.run(main)
