"""A Docker engine for docker-compose.yml: the running one, else Debian's, which the test starts in its own network namespace."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support import network
from tests.support.waiting import wait_for

PROGRAMS = {
    "docker": "docker-cli",
    "dockerd": "docker.io",
    "docker-compose": "docker-compose",
    "ip": "iproute2",
    "iptables": "iptables",
    "debootstrap": "debootstrap",
}


class NoEngine(Exception):
    """No engine runs, and none can be started; the text gives the reason."""


class Engine:
    """`docker` on its socket. `own` is true for an engine that the test started, which reaches no registry."""

    def __init__(self, socket: Path | None = None) -> None:
        self.own = socket is not None
        self.environment = dict(os.environ)
        if socket:
            self.environment |= {"DOCKER_HOST": f"unix://{socket}", "DOCKER_BUILDKIT": "0", "HOME": str(socket.parent)}

    def docker(self, *words: str, **options: str) -> str:
        """The output of a command. If it fails, the error's text is its output on stderr. `options` add to the environment."""
        done = subprocess.run(
            ["docker", *words], env=self.environment | options, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise AssertionError(f"docker {' '.join(words)}: {(done.stdout + done.stderr)[-4000:]}")
        return done.stdout

    @property
    def answers(self) -> bool:
        asked = subprocess.run(["docker", "info"], env=self.environment, capture_output=True, check=False)
        return asked.returncode == 0


@contextmanager
def running(prepare: Callable[[], object]) -> Iterator[Engine]:
    """An engine that answers. Raises NoEngine if there is none and none can be started.

    While our own engine runs, this thread is in its network namespace: containers publish their ports on 127.0.0.1 there, and nothing
    else can be reached. `prepare` is called before that.
    """
    if shutil.which("docker") and Engine().answers:
        yield Engine()
        return
    _require_programs()
    prepare()
    folder = Path(tempfile.mkdtemp(prefix="knogin-engine-"))
    space = folder.name
    try:
        _ip("netns", "add", space)
        _ip("-n", space, "link", "set", "lo", "up")
        with _daemon(folder, space) as engine, network.inside(Path("/run/netns") / space):
            yield engine
    finally:
        _ip("netns", "delete", space)
        _delete(folder)


def _require_programs() -> None:
    if os.geteuid() != 0:
        raise NoEngine("no Docker engine answers, and only root can start one")
    if missing := sorted(package for program, package in PROGRAMS.items() if shutil.which(program) is None):
        raise NoEngine(f"no Docker engine answers; to start one, install Debian's {' '.join(missing)}")


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@contextmanager
def _daemon(folder: Path, space: str) -> Iterator[Engine]:
    """Starts the engine in the namespace, without `ip netns exec`, which would hide the control groups."""
    engine = Engine(folder / "docker.sock")
    command = ["nsenter", f"--net=/run/netns/{space}", "dockerd"]
    command += ["--host", f"unix://{folder}/docker.sock", "--pidfile", f"{folder}/pid"]
    command += ["--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec", "--cgroup-parent", f"/{space}"]
    with (folder / "log").open("w") as log:
        daemon = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    try:
        try:
            wait_for(lambda: engine.answers or daemon.poll() is not None, seconds=60, what="dockerd")
        except AssertionError:
            daemon.kill()
        if daemon.poll() is not None:
            raise NoEngine(f"dockerd does not start here:\n{(folder / 'log').read_text()[-1500:]}")
        yield engine
    finally:
        daemon.send_signal(signal.SIGTERM)
        daemon.wait(60)


def _delete(folder: Path) -> None:
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for mounted in sorted((each for each in mounts if each.startswith(f"{folder}/")), reverse=True):
        subprocess.run(["umount", "--lazy", mounted], check=False)
    shutil.rmtree(folder, ignore_errors=True)
