"""The part of requirements.lock that one image needs: `python deploy/requirements.py epcr > epcr.lock`.

The lock names for each package the packages that need it. An image installs the service's dependencies and all that they need,
with the versions and hashes of the lock. `documents` in place of a service names the packages of `python -m deploy.docs.build`, which
imports every service. This file uses only the standard library, because it runs before any package is installed.
"""

import re
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
NAME = re.compile(r"[A-Za-z0-9._-]+")


class Locked(NamedTuple):
    """One package of the lock: its lines, unchanged, and the packages that need it."""

    name: str
    lines: list[str]
    asked_by: set[str]


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def read(lock: str) -> list[Locked]:
    packages: list[Locked] = []
    for line in lock.splitlines():
        if line and not line[0].isspace():
            packages.append(Locked(normalised(NAME.match(line)[0]), [line], set()))  # type: ignore[index]
        elif line.lstrip().startswith("#"):
            comment = line.lstrip("# ").removeprefix("via").strip()
            packages[-1].asked_by.add(normalised(NAME.match(comment)[0]) if NAME.match(comment) else "")  # type: ignore[index]
        else:
            packages[-1].lines.append(line)
    return packages


def roots(project: dict[str, object], extra: str) -> set[str]:
    """Names in pyproject.toml: the dependencies of every process and of this extra; for a service also those of all services."""
    if extra == "documents":
        extras = project["optional-dependencies"].keys() - {"local", "dev"}  # type: ignore[attr-defined]
    else:
        extras = {extra} if extra == "gateway" else {extra, "service"}
    dependencies = [*project["dependencies"]]  # type: ignore[misc]
    for each in extras:
        dependencies += project["optional-dependencies"][each]  # type: ignore[index]
    return {normalised(NAME.match(dependency)[0]) for dependency in dependencies}  # type: ignore[index]


def closure(packages: list[Locked], needed: set[str]) -> list[Locked]:
    while grown := {package.name for package in packages if package.asked_by & needed} - needed:
        needed = needed | grown
    return [package for package in packages if package.name in needed]


def main(extra: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    packages = read((ROOT / "requirements.lock").read_text())
    for package in closure(packages, roots(project, extra)):
        sys.stdout.write("\n".join(package.lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1].replace("_", "-"))
