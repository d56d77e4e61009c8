"""The gateway as a process: it inherits its listening socket, SIGTERM drains it, and several processes share a socket."""

import asyncio
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from typer.testing import CliRunner

from deploy.local.ports import free_port
from gateway.__main__ import cli
from tests.gateway.conftest import World
from tests.gateway.origin import Seen, response
from tests.gateway.raw import Door
from tests.support.alone import environment_of
from tests.support.child import start_child
from tests.support.waiting import PATIENCE, ended, wait_for


@contextmanager
def process(
    world: World, listener: socket.socket, log: Any = subprocess.DEVNULL, **changes: Any
) -> Iterator["subprocess.Popen[bytes]"]:
    settings = world.settings(ops_port=free_port(), **changes)
    environment = environment_of(settings)
    command = [sys.executable, "-m", "gateway", "web", "--fd", str(listener.fileno())]
    child = start_child(command, env=os.environ | environment, pass_fds=[listener.fileno()], stdout=log)
    try:
        wait_for(lambda: _ready(settings.ops_port))
        yield child
    finally:
        child.terminate()
        ended(child)


def _ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=PATIENCE) as answer:
            return answer.status == 200
    except OSError:
        return False


def listening() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0), backlog=512)


def test_sigterm_answers_what_is_in_flight_and_what_an_open_connection_still_asks(world: World) -> None:
    go_on = threading.Event()

    async def slow(seen: Seen, reader: Any, writer: Any) -> bool:
        await asyncio.to_thread(go_on.wait, PATIENCE)
        writer.write(response(200, b"late"))
        return True

    world.service.answers["/api/v1/epcr/slow"] = slow
    with listening() as listener, process(world, listener, rate_limit_read="off") as child:
        port = listener.getsockname()[1]
        token = world.issuer.token()
        with Door(port) as busy, Door(port) as idle:
            assert idle.request("GET", "/api/v1/devices", token=token).get("connection") is None
            busy.send(
                f"GET /api/v1/epcr/slow HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
            )
            wait_for(lambda: any(seen.path == "/api/v1/epcr/slow" for seen in world.service.seen))
            child.send_signal(signal.SIGTERM)
            replies = (idle.request("GET", "/api/v1/devices", token=token) for _ in itertools.count())
            last = next(reply for reply in replies if reply.get("connection"))
            assert (last.status, last.get("connection")) == (200, "close")
            assert idle.ends()
            wait_for(lambda: _refuses_new(child))
            go_on.set()
            reply = busy.reply()
            assert (reply.status, reply.body, reply.get("connection")) == (200, b"late", "close")
        assert child.wait(PATIENCE) == 0


def _refuses_new(child: "subprocess.Popen[bytes]") -> bool:
    """Whether the process has closed its listening socket (the kernel keeps it open for this process)."""
    inodes = {
        os.readlink(f"/proc/{child.pid}/fd/{fd}")
        for fd in os.listdir(f"/proc/{child.pid}/fd")
        if _is_link(child.pid, fd)
    }
    listening_inodes = set()
    with open("/proc/net/tcp") as table:
        for row in table.readlines()[1:]:
            columns = row.split()
            if columns[3] == "0A":
                listening_inodes.add(f"socket:[{columns[9]}]")
    return len(inodes & listening_inodes) < 2


def _is_link(pid: int, fd: str) -> bool:
    return os.path.lexists(f"/proc/{pid}/fd/{fd}")


@pytest.mark.full
def test_processes_that_share_a_socket_replace_each_other_without_a_failed_request(world: World) -> None:
    statuses: list[int] = []
    off = {"rate_limit_read": "off"}
    token = world.issuer.token()
    hurry, stop = threading.Event(), threading.Event()

    def ask_for_ever(port: int) -> None:
        door = Door(port)
        while not stop.is_set():
            hurry.wait(0.01)
            try:
                reply = door.request("GET", "/api/v1/devices", token=token)
            except OSError as error:
                statuses.append(0)
                raise AssertionError from error
            statuses.append(reply.status)
            if reply.get("connection") == "close":
                door.socket.close()
                door = Door(port)
        door.socket.close()

    with listening() as listener:
        clients = [threading.Thread(target=ask_for_ever, args=[listener.getsockname()[1]]) for _ in range(4)]
        with process(world, listener, **off):
            for client in clients:
                client.start()
            for _ in range(3):
                seen = len(statuses)
                with process(world, listener, **off):
                    hurry.set()
                    wait_for(lambda seen=seen: len(statuses) > seen + 50)
                hurry.clear()  # while the next one starts, which takes a core for a second
            stop.set()
            for client in clients:
                client.join()
    assert len(statuses) > 150
    assert set(statuses) == {200}


def test_its_log_is_json_with_trace_and_tenant_and_without_query_or_token(world: World, tmp_path: Any) -> None:
    log = tmp_path / "log"
    token = world.issuer.token()
    with (
        listening() as listener,
        open(log, "wb") as output,
        process(world, listener, output),
        Door(listener.getsockname()[1]) as door,
    ):
        reply = door.request("GET", "/api/v1/devices/dev_1?vehicle_id=SECRET", token=token)
        door.send(b"NONSENSE\r\n\r\n")
        broken = door.reply()
    text = log.read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    [line] = [line for line in lines if line["trace_id"] == reply.get("x-trace-id")]
    assert (line["message"], line["tenant_id"], line["service"], line["upstream"]) == (
        "GET /api/v1/devices 200",
        "org_1",
        "gateway",
        "devices",
    )
    assert [line["status"] for line in lines if line["trace_id"] == broken.get("x-trace-id")] == [400]
    assert ("SECRET" in text, token in text) == (False, False)


def test_a_missing_or_malformed_setting_ends_it_with_one_line(world: World) -> None:
    environment = environment_of(world.settings(), issuer="not a url")
    for changes, line in (
        ({}, "setting ISSUER is malformed: expected an http(s) origin"),
        ({"ISSUER": "http://auth.test", "TRUSTED_PROXIES": "everyone"}, "TRUSTED_PROXIES is malformed"),
        ({"ISSUER": "http://auth.test", "RATE_LIMIT_READ": "many"}, "RATE_LIMIT_READ is malformed"),
        ({"ISSUER": "http://auth.test", "IDENTITY_SIGNING_KEY": "k:short-secret"}, "IDENTITY_SIGNING_KEY is malformed"),
    ):
        ended = CliRunner().invoke(cli, ["web"], env=environment | changes)
        assert ended.exit_code == 1
        assert (line.split(":")[0] in ended.output, ended.output.count("\n"), "short-secret" in ended.output) == (
            True,
            1,
            False,
        )
