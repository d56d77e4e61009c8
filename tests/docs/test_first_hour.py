"""The first hour of a partner's developer, with the packages of the docs host, and nothing that makes names under `localhost` known."""

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.clients import node
from tests.docs.test_install import SECONDS, fresh, lines_of, pasted
from tests.support.stack import Stack

pytestmark = pytest.mark.full

PROGRAMS = Path(__file__).parent / "first_hour"
PRINTED = re.compile(r"test incident\.created\nincident\.created (True|true)\nrefused 0 answered by each (True|true)\n")


def test_app_token_webhook_incident_and_two_rotations_under_traffic_work_in_both_languages(
    stack: Stack, tmp_path: Path
) -> None:
    """A rotation ends no secret that another process still uses: of the calls with each of the three secrets none is refused."""
    faults = [*hour(stack, tmp_path / "python", "pip install", ["python", "hour.py"])]
    if node.is_there:
        faults += hour(stack, tmp_path / "node", "npm install", ["node", "hour.mjs"])
    assert faults == [], "\n".join(faults)


def hour(stack: Stack, folder: Path, installer: str, runs: Sequence[str]) -> list[str]:
    """The complaints of a reader of the first page who installs the SDK and runs the program."""
    folder.mkdir()
    with stack.client("docs") as client:
        page = client.get("/api/docs/en/first-call.md").text
    [line] = {one for one in lines_of(page) if one.startswith(installer) and "/packages/" in one}
    project, reached = fresh(folder)
    if complaint := pasted(line, project, reached):
        return [complaint]
    shutil.copy(PROGRAMS / runs[-1], project)
    administrator = {
        "KNOGIN_BASE_URL": f"http://localhost:{stack.port}",
        "KNOGIN_CLIENT_ID": stack.tenant.client_id,
        "KNOGIN_CLIENT_SECRET": stack.tenant.client_secret,
    }
    ended = subprocess.run(
        runs,
        cwd=project,
        env=reached | administrator,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    return [] if PRINTED.fullmatch(ended.stdout) else [f"{runs[0]}: {ended.stdout[-2000:]}{ended.stderr[-3000:]}"]
