"""Writes the generated files of the SDKs: `python -m deploy.clients`."""

import json
import tomllib
from pathlib import Path

from deploy.clients import python, typescript
from deploy.clients.contract import Contract

ROOT = Path(__file__).parents[2]


def generated() -> dict[Path, str]:
    """Every generated file by its absolute path."""
    contract = Contract.read()
    project = tomllib.loads((ROOT / "clients" / "python" / "pyproject.toml").read_text())["project"]
    package = json.loads((ROOT / "clients" / "typescript" / "package.json").read_text())
    files = python.files(contract, project["version"]) | typescript.files(contract, package["version"])
    return {ROOT / path: text for path, text in files.items()}


def committed() -> set[Path]:
    """The files beside the generated ones that say that they are generated."""
    beside = [
        (python.NOTE, (ROOT / python.PACKAGE).rglob("*.py")),
        (typescript.NOTE, (ROOT / typescript.PACKAGE).rglob("*.ts")),
    ]
    return {path for note, paths in beside for path in paths if note in path.read_text()[:300]}


def main() -> None:
    files = generated()
    for path in committed() - files.keys():
        path.unlink()
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        if (
            not path.exists() or path.read_text() != text
        ):  # a file that is written is a reason to build the documents again
            path.write_text(text)


if __name__ == "__main__":
    main()
