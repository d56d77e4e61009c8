"""Writes what the docs host serves: `python -m deploy.docs`."""

from pathlib import Path

import gateway.docs
from deploy.docs import contract


def files() -> dict[str, bytes]:
    """Every generated file by its name."""
    return {"openapi.json": contract.encoded()}


def write(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for name, body in files().items():
        (folder / name).write_bytes(body)


if __name__ == "__main__":
    write(gateway.docs.FILES)
