"""`docs/threat-model.md` names a test for each attack, and each test exists."""

import ast
import re

from deploy.local.table import ROOT
from shared.messaging.messages import SERVICES
from tests.deploy import test_redis_users as redis_users
from tests.shared import test_roles as roles

MODEL = (ROOT / "docs" / "threat-model.md").read_text()


def test_every_attack_that_was_tried_has_a_test() -> None:
    rows = MODEL.partition("## Attacks tried")[2].partition("\n## ")[0].splitlines()
    attacks = [row for row in rows if row.startswith("| ")][1:]
    assert len(attacks) >= 20
    assert [row for row in attacks if "`test_" not in row] == []


def test_every_test_that_the_threat_model_names_is_there() -> None:
    named = set(re.findall(r"`(test_\w+)`", MODEL))
    assert len(named) > 25
    there = {
        node.name
        for file in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert named <= there, f"nobody holds: {sorted(named - there)}"


def test_the_numbers_of_attempts_with_stolen_keys_are_those_of_the_tests() -> None:
    rows = MODEL.partition("## Attempts with each stolen key")[2].partition("\n## ")[0].splitlines()
    commands, appended, statements, *_ = [row for row in rows if row.startswith("| ")][1:]
    calls = sum(len(list(redis_users.attempts_of(user))) for user in SERVICES)
    queues = len(redis_users.ALL_QUEUES)
    assert (
        f"{len(redis_users.COMMANDS)} commands; {calls:,} calls, on {queues} queues by the {len(SERVICES)} users"
        in commands
    )
    assert f"each of the {queues} queues | {queues * len(SERVICES)} calls" in appended
    against = (roles.AGAINST_TRAIL, roles.SERVER, roles.LOOPS, roles.AGAINST_ACTS)
    parts = (roles.SHADOWS, roles.FUNCTIONS, roles.ROLES, *against)
    assert [int(number) for number in re.findall(r"\d+", statements.split("|")[2])] == [len(part) for part in parts]
    by = len(roles.KINDS) * len(roles.NAMES)
    total = (
        f"{len(roles.ATTEMPTS)} attempts; {len(roles.ATTEMPTS) * by:,} by the {by} roles of {len(roles.NAMES)} services"
    )
    assert total in statements
    assert f"{sum(one.code is None for one in roles.ATTEMPTS)} run and change nothing" in statements
