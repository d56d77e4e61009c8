"""The script that the test of Compose runs in a container, here with a service's Redis user and database role on this machine."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.compose.strange_hands import STATEMENTS, assert_all_refused, strange_hands
from tests.deploy.test_redis_users import server, url

__all__ = ["server"]
SCRIPT = "tests/compose/attempts.py"


def answers(redis_url: str, database_url: str, wanted: dict[str, Any]) -> dict[str, Any]:
    settings = {"PATH": os.environ["PATH"], "REDIS_URL": redis_url, "DATABASE_URL": database_url}
    done = subprocess.run(
        [sys.executable, SCRIPT, json.dumps(wanted)], env=settings, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def test_the_attempts_of_a_container_are_refused_and_what_it_may_do_is_seen(server: Any, fresh_database: Any) -> None:
    wanted = strange_hands("epcr")
    assert len(wanted["statements"]) == STATEMENTS
    assert len(wanted["redis"]) > 100
    database = fresh_database("epcr")
    found = answers(url(server, "epcr"), database.worker, wanted)
    assert_all_refused(wanted, found)
    allowed = {"redis": [["PING"]], "statements": ["SELECT 1"]}
    assert answers(url(server, "epcr"), database.worker, allowed) == {"redis": [None], "statements": [None]}
    with pytest.raises(AssertionError):
        assert_all_refused(wanted, found | {"redis": [None, *found["redis"][1:]]})
