"""Lints the contract, and generates clients from it, as partners do: `python -m deploy.docs.generators <document> [folder]`.

The tools are pinned in `tools/package-lock.json` and `requirements-contract.lock`; `make contract` installs them into `.venv/contract`.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import typer

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / ".venv" / "contract"
NODE, PYTHON = TOOLS / "node_modules" / ".bin", TOOLS / "bin"
SECONDS = 300
TSC = [
    str(NODE / "tsc"),
    *[
        "--noEmit",
        "--strict",
        "--skipLibCheck",
        "--target",
        "es2022",
        "--module",
        "esnext",
        "--moduleResolution",
        "bundler",
    ],
    *["--lib", "es2022,dom,dom.iterable"],
]
OPENAPI_GENERATOR = [str(PYTHON / "openapi-generator-cli"), "generate", "-i", "{document}"]
IMPORTS = """
import importlib, pkgutil, sys
sys.path.insert(0, sys.argv[1])
for package in pkgutil.iter_modules([sys.argv[1]]):
    if package.name.startswith("knogin"):
        for module in pkgutil.walk_packages(importlib.import_module(package.name).__path__, package.name + "."):
            importlib.import_module(module.name)
"""


class Tool(NamedTuple):
    """A linter or generator: its command, how its result is compiled, and the lines of its output that are complaints."""

    name: str
    command: list[str]
    compiled: list[str] | None = None
    complaints: str = r"(?!)"


class Outcome(NamedTuple):
    tool: str
    works: bool
    complaints: list[str]


def _imported(folder: str) -> list[str]:
    return [str(PYTHON / "python"), "-W", "ignore", "-c", IMPORTS, folder]


LINTERS = [
    Tool(
        "redocly",
        [str(NODE / "redocly"), "lint", "{document}", "--format=stylish"],
        complaints=r"^\s+\d+:\d+\s+(?:error|warning)\s+(.*)",
    ),
    Tool(
        "spectral",
        [
            str(NODE / "spectral"),
            "lint",
            "{document}",
            "--ruleset",
            str(Path(__file__).parent / "tools" / "spectral.yaml"),
        ],
        complaints=r"^\s+\d+:\d+\s+(?:error|warning)\s+(.*)",
    ),
]
GENERATORS = [
    Tool("openapi-typescript", [str(NODE / "openapi-typescript"), "{document}", "-o", "types.ts"], [*TSC, "types.ts"]),
    Tool(
        "@hey-api/openapi-ts",
        [str(NODE / "openapi-ts"), "-i", "{document}", "-o", "hey", "-c", "@hey-api/client-fetch"],
        [*TSC, "hey/index.ts", "hey/client.gen.ts"],
    ),
    Tool(
        "orval",
        [str(NODE / "orval"), "--input", "{document}", "--output", "orval.ts", "--client", "fetch"],
        [*TSC, "orval.ts"],
    ),
    Tool(
        "swagger-typescript-api",
        [str(NODE / "swagger-typescript-api"), "generate", "-p", "{document}", "-o", ".", "-n", "swagger.ts"],
        [*TSC, "swagger.ts"],
    ),
    Tool("oazapfts", [str(NODE / "oazapfts"), "{document}", "oazapfts.ts"], [*TSC, "oazapfts.ts"]),
    Tool(
        "openapi-generator typescript-fetch",
        [*OPENAPI_GENERATOR, "-g", "typescript-fetch", "-o", "fetch"],
        [*TSC, "fetch/index.ts"],
    ),
    Tool(
        "openapi-generator python",
        [*OPENAPI_GENERATOR, "-g", "python", "-o", "python", "--package-name", "knogin_python"],
        _imported("python"),
    ),
    Tool(
        "openapi-python-client",
        [
            str(PYTHON / "openapi-python-client"),
            "generate",
            "--path",
            "{document}",
            "--output-path",
            "client",
            "--overwrite",
        ],
        _imported("client"),
        r"^WARNING (.*)",
    ),
    Tool(
        "datamodel-code-generator",
        [
            *[str(PYTHON / "datamodel-codegen"), "--input", "{document}", "--input-file-type", "openapi"],
            *["--output", "models/knogin", "--output-model-type", "msgspec.Struct", "--enum-field-as-literal", "all"],
        ],
        _imported("models"),
    ),
]


def run(tool: Tool, document: Path, folder: Path) -> Outcome:
    """Runs the tool in `folder`, then compiles or imports its files. A linter works if it finds no error."""
    print_of = _ran([part.replace("{document}", str(document)) for part in tool.command], folder)
    complaints = re.findall(tool.complaints, print_of.stdout + print_of.stderr, re.MULTILINE)
    works = print_of.returncode == 0
    if works and tool.compiled:
        compiled = _ran(tool.compiled, folder)
        works = compiled.returncode == 0
        complaints += compiled.stdout.splitlines()[-20:] + compiled.stderr.splitlines()[-5:] if not works else []
    elif not works:
        complaints += (print_of.stdout + print_of.stderr).splitlines()[-20:] if not complaints else []
    return Outcome(tool.name, works, [re.sub(r"\s{2,}", "  ", line).strip() for line in complaints])


def _ran(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": f"{NODE}:{PYTHON}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(folder),
        "NO_COLOR": "1",
        "CI": "1",
    }
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )


def link_node_modules(folder: Path) -> None:
    """Lets compiled TypeScript find the packages that it imports."""
    (folder / "node_modules").symlink_to(TOOLS / "node_modules")


def main(document: Path, folder: Path | None = None) -> None:
    """Prints one line for each tool. Ends with 1 if a tool does not work with the document."""
    made = folder or Path(tempfile.mkdtemp())
    made.mkdir(parents=True, exist_ok=True)
    link_node_modules(made)
    failed = False
    for tool in [*LINTERS, *GENERATORS]:
        outcome = run(tool, document.resolve(), made)
        failed |= not outcome.works
        typer.echo(f"{tool.name}: {'works' if outcome.works else 'fails'}, {len(outcome.complaints)} complaints")
        for line in outcome.complaints[:10]:
            typer.echo(f"  {line}")
    if folder is None:
        shutil.rmtree(made)
    sys.exit(failed)


if __name__ == "__main__":
    typer.run(main)
