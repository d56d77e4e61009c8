"""Independent FHIR software that several measurements use."""

import shutil
import subprocess
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def medplum(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with Medplum's server code, the R4 (4.0.1) definitions, and FHIR.js: a hundred megabytes, which npm fetches."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("Medplum's server, its validator and FHIR.js need Node 20 with npm, which this machine lacks")
    folder = tmp_path_factory.mktemp("medplum")
    packages = [*(f"@medplum/{name}@4.5.2" for name in ("core", "definitions", "fhir-router")), "fhir@4.12.0"]
    command = ["npm", "install", "--loglevel=error", "--no-fund", "--no-audit", "--prefix", folder, *packages]
    installed = subprocess.run(command, capture_output=True, text=True, check=False)
    if installed.returncode:
        pytest.fail(f"npm could not fetch {', '.join(packages)}: {installed.stderr}", pytrace=False)
    return folder
