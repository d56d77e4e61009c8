"""An approval that is on its way from auth: a call that needs it waits for a moment, and its refusal names the remedy."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from shared.web import arrival
from tests.support.waiting import PATIENCE
from tests.webhook_dispatcher.conftest import WEBHOOKS, Dispatcher, Partner

URL = "https://receiver.example/webhooks"
TYPES = ["epcr.encounter.created"]
CALLS: list[tuple[str, dict[str, Any]]] = [
    (WEBHOOKS, {"url": URL, "events": TYPES}),
    ("/v1/consumers", {"name": "inbox", "event_types": TYPES}),
]


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Is set once a call waits for an approval."""
    waiting = threading.Event()

    async def sleep(seconds: float) -> None:
        waiting.set()
        await asyncio.sleep(seconds)

    monkeypatch.setattr(arrival, "asyncio", SimpleNamespace(sleep=sleep))
    return waiting


@pytest.mark.parametrize(("path", "body"), CALLS, ids=["webhook", "consumer"])
def test_a_program_that_approves_and_goes_on_at_once_is_not_refused(
    partner: Partner,
    dispatcher: Dispatcher,
    monkeypatch: pytest.MonkeyPatch,
    waits: threading.Event,
    path: str,
    body: dict[str, Any],
) -> None:
    monkeypatch.setattr(arrival, "PATIENCE_SECONDS", PATIENCE)
    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(partner.post, path, body)
        assert waits.wait(PATIENCE)
        dispatcher.approve(partner, "epcr.*")
        assert call.result().status_code == 201, call.result().text


def test_a_change_of_a_webhook_waits_for_its_approval_too(
    partner: Partner, dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch, waits: threading.Event
) -> None:
    monkeypatch.setattr(arrival, "PATIENCE_SECONDS", PATIENCE)
    webhook = partner.subscribe(URL, "incident.updated")
    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(partner.put, webhook, {"events": TYPES})
        assert waits.wait(PATIENCE)
        dispatcher.approve(partner, "epcr.*", "incident.*")
        assert call.result().status_code == 200, call.result().text


@pytest.mark.parametrize(("path", "body"), CALLS, ids=["webhook", "consumer"])
def test_a_refusal_names_the_types_and_the_call_that_approves_them(
    partner: Partner, monkeypatch: pytest.MonkeyPatch, path: str, body: dict[str, Any]
) -> None:
    monkeypatch.setattr(arrival, "PATIENCE_SECONDS", 0.0)
    answer = partner.post(path, body)
    assert (answer.status_code, answer.json()["unapproved_events"]) == (403, TYPES)
    assert "PATCH /v1/platform/apps/{client_id}/governance, approved_events" in answer.json()["detail"]


@pytest.mark.parametrize("bound", ["MOST", "OF_TENANT"])
def test_calls_that_wait_for_approvals_are_bounded(
    partner: Partner, monkeypatch: pytest.MonkeyPatch, waits: threading.Event, bound: str
) -> None:
    monkeypatch.setattr(arrival, "PATIENCE_SECONDS", PATIENCE)
    monkeypatch.setattr(arrival, bound, 0)
    assert [partner.post(*call).status_code for call in CALLS] == [403, 403]
    assert not waits.is_set()


def test_a_type_that_no_approval_can_bring_is_refused_at_once(
    partner: Partner, dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch, waits: threading.Event
) -> None:
    monkeypatch.setattr(arrival, "PATIENCE_SECONDS", PATIENCE)
    dispatcher.change_app(partner, status="disabled")
    assert partner.post(*CALLS[1]).status_code == 403
    assert not waits.is_set()
