"""Writes the generated files of the SDKs: `python -m deploy.clients`."""

import tomllib
from pathlib import Path

from deploy.clients import python
from deploy.clients.contract import Contract

ROOT = Path(__file__).parents[2]


def generated() -> dict[Path, str]:
    """Every generated file by its absolute path."""
    project = tomllib.loads((ROOT / "clients" / "python" / "pyproject.toml").read_text())["project"]
    return {ROOT / path: text for path, text in python.files(Contract.read(), project["version"]).items()}


def committed() -> set[Path]:
    """The files beside the generated ones that say that they are generated."""
    package = ROOT / python.PACKAGE
    return {path for path in package.rglob("*.py") if python.NOTE in path.read_text()[:300]}


def main() -> None:
    files = generated()
    for path in committed() - files.keys():
        path.unlink()
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


if __name__ == "__main__":
    main()
