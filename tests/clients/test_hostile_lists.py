"""The Python SDK's calls about sandboxes, people, the audit trail and all webhooks, against a platform that misbehaves."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

import knogin
from knogin import models, problems
from tests.clients import faults
from tests.clients.faults import in_turn
from tests.clients.stub import Answering, Stub
from tests.clients.test_hostile import both, no_waiting, platform, run

pytestmark = pytest.mark.full

__all__ = ("no_waiting", "platform")
LISTS: dict[str, Any] = {
    "listSandboxes": lambda client: client.sandboxes.list_sandboxes(state="ready"),
    "listUsers": lambda client: client.people.list_users(search="a&b"),
    "listUserSessions": lambda client: client.people.list_user_sessions("usr_1"),
    "listInvitations": lambda client: client.people.list_invitations(),
    "listAuditEntries": lambda client: client.audit_trail.list_audit_entries("epcr", action="encounter.read"),
    "listWebhooks": lambda client: client.webhooks.list_webhooks(),
    "listAllDeliveries": lambda client: client.webhooks.list_all_deliveries(status="failed"),
}
KEYED: dict[str, Any] = {
    "createSandbox": lambda client: client.sandboxes.create_sandbox(models.sandboxes.SandboxDraft(name="Trying out")),
    "resetSandbox": lambda client: client.sandboxes.reset_sandbox("sbx_1"),
    "runScenario": lambda client: client.sandboxes.run_scenario("sbx_1", "arrest"),
    "advanceSandboxClock": lambda client: client.sandboxes.advance_sandbox_clock(
        "sbx_1", models.sandboxes.ClockAdvance(seconds=60)
    ),
    "createInvitation": lambda client: client.people.create_invitation(
        models.people.InvitationDraft(email="a@b.example", role="auditor")
    ),
}


def items(kind: str, platform: Stub, operation: str) -> list[Any]:
    """All items of a list."""
    if kind == "sync":
        return run(kind, platform, lambda client: list(LISTS[operation](client)))

    async def collected(client: Any) -> list[Any]:
        return [item async for item in LISTS[operation](client)]

    return run(kind, platform, collected)


def cursors(platform: Stub) -> list[str | None]:
    queries = [parse_qs(urlsplit(asked.path).query) for asked in platform.calls]
    return [query.get("cursor", [None])[0] for query in queries]


@both
@pytest.mark.parametrize("operation", faults.LISTS)
def test_a_list_has_each_item_once_however_its_pages_stumble(kind: str, operation: str, platform: Stub) -> None:
    pages, number = faults.three_pages(operation)
    platform.script = in_turn(*faults.stumbling(pages))
    assert len(items(kind, platform, operation)) == number
    assert cursors(platform) == [None, None, "c 1", "c 1", "c2", "c2"]
    assert len({urlsplit(asked.path).path for asked in platform.calls}) == 1


@both
@pytest.mark.parametrize("operation", faults.LISTS)
@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b'{"next_cursor": null}'], ids=range(4))
def test_a_page_that_cannot_be_read_ends_no_list_as_if_it_were_complete(
    kind: str, body: bytes, operation: str, platform: Stub
) -> None:
    pages, _ = faults.three_pages(operation)
    platform.script = in_turn(pages[0], Answering(body=body))
    with pytest.raises(knogin.UnreadableAnswer):
        items(kind, platform, operation)
    assert len(platform.calls) == 2


@both
@pytest.mark.parametrize("operation", faults.LISTS)
def test_a_list_whose_platform_stays_away_raises(kind: str, operation: str, platform: Stub) -> None:
    pages, _ = faults.three_pages(operation)
    platform.script = in_turn(pages[0], *[faults.HTML] * 3)
    with pytest.raises(problems.BadGateway):
        items(kind, platform, operation)
    assert len(platform.calls) == 4


@both
@faults.once
@pytest.mark.parametrize("operation", faults.KEYED)
def test_an_administrators_call_is_repeated_with_its_key(
    kind: str, operation: str, first: Answering, platform: Stub
) -> None:
    platform.script = in_turn(first, faults.made(operation))
    assert run(kind, platform, KEYED[operation]) is not None
    keys = [asked.headers["idempotency-key"] for asked in platform.calls]
    assert len(keys) == 2
    assert len(set(keys)) == 1


@both
@faults.lost
def test_a_person_who_leaves_is_not_taken_off_twice_by_a_repetition(
    kind: str, fault: Answering, platform: Stub
) -> None:
    """The answer counts the ended sessions and tokens: a second one would count nothing."""
    platform.script = in_turn(fault)
    with pytest.raises((problems.BadGateway, knogin.ConnectionFailed)):
        run(kind, platform, lambda client: client.people.leave_user("usr_1"))
    assert len(platform.calls) == 1


@both
def test_half_of_an_export_is_never_taken_for_the_whole(kind: str, platform: Stub) -> None:
    whole = Answering(200, b'{"id":"aud_1"}\n{"signature":"..."}\n', {"content-type": "application/x-ndjson"})
    platform.script = in_turn(whole._replace(cut=True), whole)
    since = datetime(2026, 11, 1, tzinfo=UTC)
    exported = run(kind, platform, lambda client: client.audit_trail.export_audit_entries("epcr", since=since))
    assert exported == whole.body
    platform.script = in_turn(*[whole._replace(cut=True)] * 3)
    with pytest.raises(knogin.ConnectionFailed):
        run(kind, platform, lambda client: client.audit_trail.export_audit_entries("epcr", since=since))
