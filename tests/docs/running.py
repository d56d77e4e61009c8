"""Runs the samples of the documentation as their readers do: in a shell, in Python, and compiled as TypeScript in Node.js."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.clients import node

SECONDS = 300
DECLARED = """declare module 'node:fs/promises' {
  export function readFile(path: string): Promise<Uint8Array>;
  export function writeFile(path: string, data: Uint8Array): Promise<void>;
}
"""
# Imports each program in turn with its own token, and writes how each one ended.
RUNNER = """import { readFileSync } from 'node:fs';
import { APIError } from 'knogin';

const programs: [string, Record<string, string>][] = JSON.parse(readFileSync('programs.json', 'utf8'));
const ended: Record<string, unknown> = {};
for (const [name, settings] of programs) {
  Object.assign(process.env, settings);
  try {
    await import(`./${name}.js`);
    ended[name] = 200;
  } catch (error) {
    ended[name] = error instanceof APIError ? error.status : String(error);
  }
}
console.log('\\n' + JSON.stringify(ended));
"""


SHOWN = "https://api.knogin.com"
"""The address in every sample. A platform shows its own in its place."""


def elsewhere(text: str, address: str) -> str:
    """A sample as the platform at this address shows it."""
    return text.replace(SHOWN, address)


def project(base: Path, folder: Path, programs: Mapping[str, str]) -> Path:
    """A project with the packed SDK in which those programs are compiled, as strictly as a project can be."""
    made = folder / "project"
    shutil.copytree(node.installed(base), made, symlinks=True, ignore=shutil.ignore_patterns("src", "js", "knogin.tgz"))
    source = made / "src"
    source.mkdir()
    shutil.copy(node.PROGRAMS / "node.d.ts", source)
    (source / "files.d.ts").write_text(DECLARED)
    (source / "runner.ts").write_text(RUNNER)
    for name, text in programs.items():
        # A program without imports would be no module.
        text = text.replace(f"'{SHOWN}'", "String(process.env['KNOGIN_BASE_URL'])")
        (source / f"{name}.ts").write_text(text if "import " in text else text + "\nexport {};\n")
    assert (complaints := node.tsc(made)) == "", complaints
    return made


def in_node(made: Path, programs: list[tuple[str, dict[str, str]]]) -> tuple[dict[str, Any], str]:
    """The status of each program, or the error that was not one of the API; and all that they printed."""
    (made / "programs.json").write_text(json.dumps(programs))
    ended = subprocess.run(
        ["node", str(made / "js" / "runner.js")],
        cwd=made,
        env=node.environment(),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    printed, _, result = ended.stdout.rstrip().rpartition("\n")
    return json.loads(result), printed


def in_shell(text: str, settings: Mapping[str, str], folder: Path) -> str:
    """All that a text for the shell prints."""
    kept = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    ended = subprocess.run(
        ["sh", "-eu", "-c", elsewhere(text, settings["KNOGIN_BASE_URL"])],
        cwd=folder,
        env=kept | dict(settings),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout
