"""Checks every command in a runbook. Statements and safe commands run on a stack; other commands must name things that exist."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

import pytest
import typer.main

from deploy.local import table
from deploy.local.table import ROOT, SERVICES
from shared.primitives.ids import new_id
from tests.support.stack import Stack

pytestmark = pytest.mark.full

FOLDER = ROOT / "deploy" / "runbooks"
BLOCK = re.compile(r"^ *```\w*\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`((?:operate|make|kubectl|psql|curl) [^`]+)`")
STATEMENT = re.compile(r'psql "\$(\w+)" -c "([^"]+)"')
HARMLESS = {"keys list", "dead-letters list", "migrate --check", "migrate", "audit verify", "scopes list"}
CONTRACT = json.loads((ROOT / "gateway" / "docs" / "static" / "openapi.json").read_text())


class Command(NamedTuple):
    runbook: str
    text: str

    def __str__(self) -> str:
        return f"{self.runbook}: {self.text[:60]}"


def commands() -> Iterator[Command]:
    """Lines of code blocks without comments, and commands within sentences."""
    for file in sorted(FOLDER.glob("*.md")):
        text = file.read_text()
        lines = [line for block in BLOCK.findall(text) for line in block.splitlines()]
        inline = [] if file.name == "README.md" else INLINE.findall(BLOCK.sub("", text))
        for line in [*lines, *inline]:
            if bare := re.sub(r"(^|\s+)#\s.*", "", line).strip():
                yield Command(file.stem, bare)


ALL = list(commands())
STATEMENTS = [
    Command(one.runbook, f"{name} {sql}") for one in ALL for name, sql in STATEMENT.findall(one.text) if name.isupper()
]
OPERATED = [one for one in ALL if one.text.startswith("operate ")]


@pytest.mark.parametrize("command", STATEMENTS, ids=str)
def test_a_statement_is_one_that_role_may_run(command: Command, stack: Stack) -> None:
    name, _, sql = command.text.partition(" ")
    role = "migrator" if name.endswith("_OWNER_DB") else "worker"
    service = table.by_name(re.sub(r"(_OWNER)?_DB$", "", name).lower())
    with stack.database(service.name, role) as conn:
        conn.execute(re.sub(r"<\w+ id>", new_id("wh"), sql))  # pyright: ignore[reportArgumentType, reportCallIssue]
        conn.rollback()


def test_what_is_due_can_be_sent_at_once_in_every_database(stack: Stack) -> None:
    """The loop of redis-down.md."""
    text = (FOLDER / "redis-down.md").read_text()
    assert {f"${service.database.upper()}_DB" for service in SERVICES} == set(re.findall(r'"(\$\w+_DB)"', text))
    (sql,) = re.findall(r'psql "\$db" -c "([^"]+)"', text)
    for service in SERVICES:
        with stack.database(service.name, "worker") as conn:
            conn.execute(sql)
            conn.rollback()


@pytest.mark.parametrize("command", OPERATED, ids=str)
def test_an_operators_command_is_one_the_service_has(command: Command) -> None:
    _, service, *words = re.sub(r"\$\([^)]*\)|<[^>]+>|…", "", command.text).split()
    known: Any = typer.main.get_command(import_module(f"{table.by_name(service).module}.__main__").cli)
    while words and words[0] in getattr(known, "commands", {}):
        known = known.commands[words.pop(0)]
    assert not hasattr(known, "commands"), f"{command.text} names no command"
    options = {option for parameter in known.params for option in (*parameter.opts, *parameter.secondary_opts)}
    assert {word for word in words if word.startswith("--")} <= options


@pytest.mark.parametrize("command", [one for one in OPERATED if one.text.split(maxsplit=2)[2] in HARMLESS], ids=str)
def test_a_harmless_one_runs(command: Command, stack: Stack) -> None:
    done = ran(command.text, stack.described["state"])
    assert done.returncode == 0, done.stdout + done.stderr


@cache
def ran(command: str, state: str) -> "subprocess.CompletedProcess[str]":
    """Runs a command once, even if several runbooks have it."""
    return subprocess.run(
        [sys.executable, "-m", "deploy.local", *shlex.split(command)],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "KNOGIN_STATE": state},
        capture_output=True,
        text=True,
    )


def test_what_is_asked_of_kubernetes_and_make_is_there() -> None:
    deployed = {f"{service.name}-{process}" for service in SERVICES for process in service.processes} | {"gateway"}
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for command in ALL:
        assert set(re.findall(r"\bdeploy/([a-z-]+)(?=\s|$)", command.text)) - {"k8s"} <= deployed, command
        if command.text.startswith("make "):
            assert command.text.split()[1] in targets, command


def test_what_is_asked_of_the_platform_is_in_its_contract() -> None:
    asked = [one for one in ALL if one.text.startswith("curl ")]
    assert asked
    for command in asked:
        if "/metrics" in command.text:
            continue  # an ops port is not part of the contract
        method = re.search(r"-X (\w+)", command.text)
        path = re.sub(r"<[^>]+>", "{}", re.search(r"https?://[^/]+(\S+)", command.text)[1])  # pyright: ignore[reportOptionalSubscript]
        paths = {re.sub(r"\{[^}]+\}", "{}", known): known for known in CONTRACT["paths"]}
        assert (method[1] if method else "GET").lower() in CONTRACT["paths"][paths[path]], command


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.md")), ids=lambda file: file.stem)
def test_python_to_paste_runs(file: Any) -> None:
    for code in re.findall(r'^python -c "(.*?)"$', file.read_text(), re.MULTILINE | re.DOTALL):
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip()


def test_each_runbook_says_when_and_how_to_know_that_it_worked() -> None:
    for file in FOLDER.glob("*.md"):
        if file.name != "README.md":
            text = file.read_text()
            assert "**When.**" in text, file.name
            assert "**It worked**" in text, file.name
