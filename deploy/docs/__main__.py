"""Writes the files that the docs host serves: `python -m deploy.docs`."""

from pathlib import Path

import gateway.docs
from deploy.docs import contract, page

ASSETS = Path(__file__).parent / "assets"


def files() -> dict[str, bytes]:
    """Every file by its name."""
    pages = {f"index.{language}.html": page.render(language) for language in page.LANGUAGES}
    return {"openapi.json": contract.encoded()} | pages | {path.name: path.read_bytes() for path in ASSETS.iterdir()}


def write(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for name, body in files().items():
        (folder / name).write_bytes(body)


if __name__ == "__main__":
    write(gateway.docs.FILES)
