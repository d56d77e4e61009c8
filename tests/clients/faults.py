"""The answers of a platform that misbehaves: one table for the tests of every SDK."""

import json
from collections.abc import Callable

import pytest

from deploy.local.table import ROOT
from tests.clients.stub import ENCOUNTER, HTML, Answering, Asked, Stub, problem

MADE = Answering(201, json.dumps(ENCOUNTER).encode())
INVALID_TOKEN = problem(401, "unauthorized")._replace(headers={"www-authenticate": 'Bearer error="invalid_token"'})
# After which a call with a key is made once more.
ONCE = {
    "429": problem(429, "too-many-requests")._replace(headers={"retry-after": "7"}),
    "503": problem(503, "service-unavailable")._replace(headers={"retry-after": "7"}),
    "html": HTML,
    "cut": MADE._replace(cut=True),
    "dropped": Answering(drop=True),
    "504": problem(504, "gateway-timeout"),
    "500": problem(500, "internal-error"),
    "408": problem(408, "request-timeout"),
    "409": problem(409, "conflict")._replace(headers={"retry-after": "1"}),
}
# After which a call without a key may have had its effect.
LOST = {"502": HTML, "drop": Answering(drop=True), "cut": Answering(status=202, body=b'{"x"', cut=True)}
# Bodies of a success that no SDK can read.
UNREADABLE = (b"<html>", b"[]", b"", b"\xff", b"[" * 100_000)
once = pytest.mark.parametrize("first", ONCE.values(), ids=ONCE)
lost = pytest.mark.parametrize("fault", LOST.values(), ids=LOST)


def in_turn(*answers: Answering) -> Callable[[Asked], Answering]:
    """Each of the answers once, then a good one."""
    waiting = list(answers)

    def script(asked: Asked) -> Answering:
        if waiting:
            return waiting.pop(0)
        return MADE if asked.method == "POST" else Answering(body=MADE.body)

    return script


def revoking(platform: Stub) -> Callable[[Asked], Answering]:
    """Each answer is good, and ends all tokens."""

    def script(asked: Asked) -> Answering:
        platform.valid.clear()
        return Answering(body=MADE.body)

    return script


REVOKED_MIDWAY = [*["Bearer token-1"] * 2, *["Bearer token-2"] * 2, "Bearer token-3"]


def failing(
    platform: Stub, late: float, rotated: Callable[[str], object], seen: Callable[[int], object]
) -> Callable[[Asked], Answering]:
    """The first attempt of every call fails in some way; at the 100th all tokens end and the secret, which `rotated` gets, is changed.

    `seen` is called with the number of each call.
    """
    faults = [HTML, MADE._replace(cut=True), Answering(drop=True), problem(503), problem(429), MADE._replace(late=late)]
    attempts: dict[str, int] = {}
    total = 0

    def script(asked: Asked) -> Answering:
        nonlocal total
        key = asked.headers["idempotency-key"]
        with platform.lock:
            attempts[key] = attempts.get(key, 0) + 1
            total += 1
            number, count = attempts[key], total
            if count == 100:
                platform.valid.clear()
                platform.secret = "secret-2"
                rotated(platform.secret)
        seen(count)
        answer = faults[count % len(faults)] if number == 1 else MADE
        if answer.status not in (429, 503):
            platform.effect(asked)  # the answer may be lost, not the call
        return answer

    return script


# Lists that came with sandboxes, people, the audit trail and administrators, each by its operation.
LISTS = (
    "listSandboxes",
    "listUsers",
    "listUserSessions",
    "listInvitations",
    "listAuditEntries",
    "listWebhooks",
    "listAllDeliveries",
)
# Calls of an administrator that are repeated with their key: a second sandbox, invitation or advance would be an effect twice.
KEYED = ("createSandbox", "resetSandbox", "runScenario", "advanceSandboxClock", "createInvitation")
EXAMPLES = json.loads((ROOT / "deploy" / "docs" / "examples.json").read_text("utf-8"))


def three_pages(operation: str) -> tuple[list[Answering], int]:
    """The pages of a list, the second of which is empty, and the number of all items: those of the contract's example, twice."""
    example = EXAMPLES[operation]["200"]["application/json"]
    (name,) = (key for key, value in example.items() if isinstance(value, list))
    bodies = [
        example | {"next_cursor": "c 1"},
        example | {name: [], "next_cursor": "c2"},
        example | {"next_cursor": None},
    ]
    return [Answering(body=json.dumps(body).encode()) for body in bodies], 2 * len(example[name])


def stumbling(pages: list[Answering]) -> list[Answering]:
    """Each page comes at the second attempt, after a 429, a proxy's page in HTML, or half of itself."""
    firsts = [ONCE["429"], HTML, pages[2]._replace(cut=True)]
    return [answer for first, page in zip(firsts, pages, strict=True) for answer in (first, page)]


def made(operation: str) -> Answering:
    """The answer of the contract's example."""
    ((status, forms),) = EXAMPLES[operation].items()
    return Answering(int(status), json.dumps(forms["application/json"]).encode())
