"""The TypeScript SDK's calls about sandboxes, people, the audit trail and all webhooks, against a platform that misbehaves."""

from urllib.parse import parse_qs, urlsplit

import pytest

from tests.clients import faults, node
from tests.clients.faults import in_turn
from tests.clients.stub import Answering, Stub
from tests.clients.test_typescript_hostile import Caller, call, host, platform, program

__all__ = ("call", "host", "platform", "program")
pytestmark = [node.needed, pytest.mark.parametrize("host", ["127.0.0.1"]), pytest.mark.full]
every = pytest.mark.parametrize("operation", faults.LISTS)


@every
def test_a_list_has_each_item_once_however_its_pages_stumble(operation: str, platform: Stub, call: Caller) -> None:
    pages, number = faults.three_pages(operation)
    platform.script = in_turn(*faults.stumbling(pages))
    assert call(operation).value == number
    queries = [parse_qs(urlsplit(asked.path).query) for asked in platform.calls]
    cursors = [query.get("cursor", [None])[0] for query in queries]
    assert cursors == [None, None, "c 1", "c 1", "c2", "c2"]
    assert len({urlsplit(asked.path).path for asked in platform.calls}) == 1


@every
@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b'{"next_cursor": null}'], ids=range(4))
def test_a_page_that_cannot_be_read_ends_no_list_as_if_it_were_complete(
    body: bytes, operation: str, platform: Stub, call: Caller
) -> None:
    pages, _ = faults.three_pages(operation)
    platform.script = in_turn(pages[0], Answering(body=body))
    assert call(operation).error["name"] == "UnreadableAnswer"
    assert len(platform.calls) == 2


@every
def test_a_list_whose_platform_stays_away_raises(operation: str, platform: Stub, call: Caller) -> None:
    pages, _ = faults.three_pages(operation)
    platform.script = in_turn(pages[0], *[faults.HTML] * 3)
    assert call(operation).error["name"] == "BadGateway"
    assert len(platform.calls) == 4


@faults.once
@pytest.mark.parametrize("operation", faults.KEYED)
def test_an_administrators_call_is_repeated_with_its_key(
    operation: str, first: Answering, platform: Stub, call: Caller
) -> None:
    platform.script = in_turn(first, faults.made(operation))
    assert call(operation).value
    keys = [asked.headers["idempotency-key"] for asked in platform.calls]
    assert len(keys) == 2
    assert len(set(keys)) == 1


@faults.lost
def test_a_person_who_leaves_is_not_taken_off_twice_by_a_repetition(
    fault: Answering, platform: Stub, call: Caller
) -> None:
    """The answer counts the ended sessions and tokens: a second one would count nothing."""
    platform.script = in_turn(fault)
    assert call("leave").error["name"] in {"BadGateway", "ConnectionFailed"}
    assert len(platform.calls) == 1


def test_half_of_an_export_is_never_taken_for_the_whole(platform: Stub, call: Caller) -> None:
    whole = Answering(200, b'{"id":"aud_1"}\n{"signature":"..."}\n', {"content-type": "application/x-ndjson"})
    platform.script = in_turn(whole._replace(cut=True), whole)
    assert call("exported").value == whole.body.decode()
    platform.script = in_turn(*[whole._replace(cut=True)] * 3)
    assert "ConnectionFailed" in call("exported").error["kinds"]
