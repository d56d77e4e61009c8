"""docker-compose.yml in a copy of this checkout, as for a new user: makes secrets, builds images, starts everything."""

import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from deploy.local.table import ROOT
from deploy.receiver import Delivery
from tests.compose.engine import Engine
from tests.support.waiting import wait_for

PROJECT = "knogin-compose-test"
PORT = 18080


class Platform:
    """The containers of one project, by the names of docker-compose.yml."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine = engine
        self.folder = folder
        self.seconds_to_start = 0.0
        self.crowd = 0.0
        (image,) = re.findall(r"^ARG PYTHON=(\S+)", (ROOT / "deploy" / "Dockerfile").read_text(), re.MULTILINE)
        self.settings = {
            "GATEWAY_PUBLISH": f"127.0.0.1:{PORT}",
            "ISSUER": f"http://auth.localhost:{PORT}",
            "API_BASE_URL": f"http://api.localhost:{PORT}",
            "WEBHOOK_ALLOWED_NETWORKS": "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16",
            "ALERT_WEBHOOK_URL": "http://on-call.example:8000/alerts",
            "RECEIVER_IMAGE": f"python:{image}",
        }

    def copy(self) -> None:
        """Copies all files except those that git ignores, and makes new secrets."""
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        for name in filter(None, listed.stdout.split("\0")):
            if (ROOT / name).is_file():
                (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, self.folder / name)
        subprocess.run([sys.executable, "-m", "deploy.compose"], cwd=self.folder, check=True, capture_output=True)

    def compose(self, *words: str) -> str:
        files = ["-f", "docker-compose.yml", "-f", "tests/compose/receiver.yml"]
        command = ["compose", "--project-name", PROJECT, "--project-directory", str(self.folder)]
        located = [word if word == "-f" else str(self.folder / word) for word in files]
        return self.engine.docker(*command, *located, *words, **self.settings)

    def up(self) -> None:
        """Starts everything and waits until all is healthy; the images exist. Before that it measures `crowd`."""
        self.crowd = crowd()
        began = time.monotonic()
        self.compose("up", "--wait", "--no-build", "--detach")
        self.seconds_to_start = time.monotonic() - began

    def ids(self) -> dict[str, str]:
        """The ids of running containers by service."""
        lines = self.compose("ps", "--format", "{{.Service}} {{.ID}}").splitlines()
        return dict(sorted(line.split() for line in lines))

    def inspect(self, container: str) -> dict[str, Any]:
        return json.loads(self.engine.docker("inspect", container))[0]

    def is_well(self, container: str) -> bool:
        state = self.inspect(container)["State"]
        return state["Running"] and state.get("Health", {"Status": "healthy"})["Status"] == "healthy"

    def kill(self, container: str) -> None:
        """Crashes the container by SIGKILL to its process. The engine restarts it, which it does not after `docker kill`."""
        before = self.inspect(container)
        subprocess.run(["kill", "-KILL", str(before["State"]["Pid"])], check=True)

        def again() -> bool:
            now = self.inspect(container)
            return now["RestartCount"] > before["RestartCount"] and self.is_well(container)

        wait_for(again, seconds=120, what=f"{before['Name']} to be up again")

    def cpu_seconds(self) -> dict[str, float]:
        """The processor time so far of each running container, with all its processes."""
        return {name: cpu_seconds(self.inspect(container)["State"]["Pid"]) for name, container in self.ids().items()}

    def received(self, path: str) -> list[Delivery]:
        """The bodies that the receiver got by POST on that path."""
        # Not by compose, which writes control characters between the lines.
        lines = self.engine.docker("logs", self.ids()["receiver"]).splitlines()
        posted = map(json.loads, lines)
        return [Delivery(one["path"], one["headers"], one["body"].encode()) for one in posted if one["path"] == path]


def crowd() -> float:
    """The time of some work divided by its processor time: 1 on an idle machine, more if others use the processors."""
    began, spent = time.monotonic(), time.process_time()
    while time.process_time() - spent < 0.5:
        pass
    return (time.monotonic() - began) / 0.5


def cpu_seconds(pid: int) -> float:
    """The processor time of a process's control group, version 1 or 2."""
    groups = [line.split(":", 2) for line in Path("/proc", str(pid), "cgroup").read_text().splitlines()]
    for _, controllers, path in groups:
        if "cpuacct" in controllers.split(","):
            return int((Path("/sys/fs/cgroup/cpuacct") / path.lstrip("/") / "cpuacct.usage").read_text()) / 1e9
    (path,) = [path for _, controllers, path in groups if not controllers]
    usage = (Path("/sys/fs/cgroup") / path.lstrip("/") / "cpu.stat").read_text()
    return int(re.search(r"^usage_usec (\d+)", usage, re.MULTILINE)[1]) / 1e6  # pyright: ignore[reportOptionalSubscript]
