"""The attempts of somebody who holds the settings of one container, for `attempts.py`."""

from typing import Any

from tests.deploy.test_redis_users import attempts_of, queues_of_others
from tests.shared.test_roles import ROLES, Attempt

STATEMENTS = 12


def statements() -> list[Attempt]:
    """A dozen attempts to become another role or to get rights, all of which are refused. A container has one service's roles."""
    elsewhere = ("{other}", "knogin")  # roles that are not in the cluster of a container
    alone = [
        one
        for one in ROLES
        if one.code is not None
        and len(one.statements) == 1
        and not any(name in one.statements[0] for name in elsewhere)
    ]
    return alone[:STATEMENTS]


def strange_hands(user: str) -> dict[str, Any]:
    """Every Redis command on the queues of one other service, and the statements."""
    theirs = queues_of_others(user)
    service = theirs[0].partition(".")[0]
    others = {queue for queue in theirs if queue.partition(".")[0] != service}
    commands = [words for words in attempts_of(user) if others.isdisjoint(words)]
    return {"redis": commands, "statements": [one.statements[0] for one in statements()]}


def assert_all_refused(wanted: dict[str, Any], answers: dict[str, Any]) -> None:
    ran = [
        words for words, answer in zip(wanted["redis"], answers["redis"], strict=True) if answer != "NoPermissionError"
    ]
    assert ran == []
    assert answers["statements"] == [one.code for one in statements()]
