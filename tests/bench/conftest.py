"""Independent FHIR software that several measurements use."""

import shutil
import subprocess
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def medplum(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with Medplum's server code, the R4 (4.0.1) definitions, and FHIR.js."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("there is no Node here")
    folder = tmp_path_factory.mktemp("medplum")
    packages = [*(f"@medplum/{name}@4.5.2" for name in ("core", "definitions", "fhir-router")), "fhir@4.12.0"]
    subprocess.run(["npm", "install", "--silent", "--no-fund", "--no-audit", "--prefix", folder, *packages], check=True)
    return folder
