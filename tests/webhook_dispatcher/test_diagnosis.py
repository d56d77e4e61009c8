"""The test call that waits: the exact bytes, the connection, and the next step."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from services.webhook_dispatcher.history import endpoints
from services.webhook_dispatcher.history.diagnosis import verdict
from services.webhook_dispatcher.places import LIMITS
from services.webhook_dispatcher.sending.client import Outcome
from tests.support.receiver import Received, Receiver, always, answer
from tests.support.waiting import wait_for
from tests.webhook_dispatcher.conftest import SECRET, Dispatcher, Partner


def diagnose(partner: Partner, webhook: str) -> dict[str, Any]:
    answered = partner.post(f"{webhook}/test?wait=true")
    assert answered.status_code == 200, answered.text
    return answered.json()


def test_it_shows_the_bytes_that_were_sent_and_what_was_signed(partner: Partner, receiver: Receiver) -> None:
    webhook = partner.subscribe(receiver.url, headers={"X-Key": "canary"})
    shown = diagnose(partner, webhook)
    [request] = receiver.requests
    assert request.verified_by(SECRET)["type"] == "incident.updated"
    assert shown["status"] == "succeeded"
    assert shown["verdict"] == "accepted: the receiver answered 2xx"
    assert shown["request"]["body"].encode() == request.body
    for name in ("webhook-id", "webhook-timestamp", "webhook-signature", "traceparent", "user-agent", "content-type"):
        assert shown["request"]["headers"][name] == request.headers[name]
    assert shown["request"]["headers"]["X-Key"] == "(redacted)"
    message_id, timestamp = request.headers["webhook-id"], request.headers["webhook-timestamp"]
    assert shown["signed_content"] == f"{message_id}.{timestamp}.{request.body.decode()}"
    assert shown["resolved_address"] == "127.0.0.1"
    assert shown["tls"] is None
    assert set(shown["timings_ms"]) == {"connect", "first_byte", "body", "total"}
    assert shown["response"] == {"status": 200, "headers": {"content-length": "2"}, "body": "ok", "truncated": False}
    assert shown["trace_id"] in request.headers["traceparent"]


@pytest.mark.parametrize("wait", ["true", "false"])
def test_it_is_of_the_type_that_is_asked_for(
    partner: Partner, receiver: Receiver, dispatcher: Dispatcher, wait: str
) -> None:
    webhook = partner.subscribe(receiver.url, "incident.updated", "incident.closed")
    assert partner.post(f"{webhook}/test?wait={wait}&event_type=incident.closed").status_code in (200, 202)
    dispatcher.pump_until(lambda: receiver.requests)
    assert receiver.requests[0].verified_by(SECRET)["type"] == "incident.closed"
    refused = partner.post(f"{webhook}/test?wait={wait}&event_type=incident.close")
    [fault] = refused.json()["errors"]
    assert (refused.status_code, fault["did_you_mean"]) == (422, "incident.closed")
    assert fault["allowed"] == ["incident.updated", "incident.closed"]


@pytest.mark.parametrize("environment", ["production", "sandbox"])
@pytest.mark.parametrize("wait", ["true", "false"])
def test_it_says_that_it_is_a_test_wherever_it_is_sent_from(
    http: Any, dispatcher: Dispatcher, receiver: Receiver, wait: str, environment: Any
) -> None:
    partner = Partner(http, environment=environment)
    partner.post(f"{partner.subscribe(receiver.url)}/test?wait={wait}")
    dispatcher.pump_until(lambda: receiver.requests)
    assert receiver.requests[0].verified_by(SECRET)["test"] is True


def test_it_is_recorded_as_an_attempt_and_sent_once(
    partner: Partner, receiver: Receiver, dispatcher: Dispatcher
) -> None:
    webhook = partner.subscribe(receiver.url)
    receiver.behaviour = always(answer(500))
    shown = diagnose(partner, webhook)
    [delivery] = partner.deliveries(webhook)
    assert (delivery["id"], delivery["status"], delivery["attempt"]) == (shown["delivery_id"], "failed", 1)
    assert dispatcher.rows("SELECT 1 FROM queue WHERE tenant_id = %s", partner.tenant_id) == []
    assert partner.get(webhook).json()["failing_since"] is None


def test_a_disabled_webhook_can_be_tested(partner: Partner, receiver: Receiver, dispatcher: Dispatcher) -> None:
    webhook = partner.subscribe(receiver.url)
    partner.put(webhook, {"enabled": False})
    assert diagnose(partner, webhook)["status"] == "succeeded"
    partner.post(f"{webhook}/test")
    dispatcher.pump_until(lambda: len(receiver.requests) == 2)
    assert not partner.get(webhook).json()["enabled"]


def test_a_refused_address_is_told_without_a_request(partner: Partner, receiver: Receiver) -> None:
    webhook = partner.subscribe(f"http://localhost.example:{receiver.port}/")
    shown = diagnose(partner, webhook)
    assert shown["status"] == "failed"
    assert shown["response"]["status"] is None
    assert shown["verdict"].startswith(("dns_error", "address_refused"))
    assert receiver.connections == 0


def test_asked_for_twice_under_one_key_it_is_one_request(partner: Partner, receiver: Receiver) -> None:
    test = f"{partner.subscribe(receiver.url)}/test?wait=true"
    first, second = (partner.post(test, idempotency_key="k") for _ in range(2))
    assert first.json() == second.json()
    assert (second.headers["idempotent-replayed"], len(receiver.requests)) == ("true", 1)


@pytest.mark.parametrize("query", ["wait=perhaps", "wait=true&wait=true", "now=true"])
def test_a_query_that_does_not_fit_is_refused(partner: Partner, query: str) -> None:
    webhook = partner.subscribe("https://integrator.example/")
    assert partner.post(f"{webhook}/test?{query}").status_code == 422
    assert partner.deliveries(webhook) == []


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (301, "register the final URL"),
        (401, "another secret"),
        (403, "another secret"),
        (404, "does not expect POST"),
        (405, "does not expect POST"),
        (410, "would have disabled"),
        (413, "must take JSON"),
        (429, "limits us"),
        (500, "failed on its side"),
    ],
)
def test_each_refusal_has_its_own_advice(status: int, words: str) -> None:
    assert words in verdict(Outcome(status=status, error="x", duration_ms=3), None)


def test_a_quick_401_says_how_quick() -> None:
    assert "in 3 ms" in verdict(Outcome(status=401, error="x", duration_ms=3), None)
    assert "in 30" not in verdict(Outcome(status=401, error="x", duration_ms=300), None)


def test_a_certificate_about_to_expire_is_told() -> None:
    tls = {"expires_in_days": 6}
    assert verdict(Outcome(status=200), tls) == "accepted, but the certificate expires in 6 days"
    assert "expires" not in verdict(Outcome(status=200), {"expires_in_days": 60})


def test_an_answer_that_did_not_end_is_told_apart() -> None:
    assert "did not end in time" in verdict(Outcome(status=200, error="timeout", timed_out=True), None)


def test_an_app_waits_for_two_tests_at_a_time_and_a_third_is_told_to_come_back(
    partner: Partner, receiver: Receiver
) -> None:
    """A receiver that never answers holds a place at the gateway for 15 seconds."""
    released = threading.Event()

    async def slowly(request: Received, writer: asyncio.StreamWriter) -> bool:
        await asyncio.to_thread(released.wait, 10)
        writer.write(answer(200))
        return True

    receiver.behaviour = slowly
    webhook, other = partner.subscribe(receiver.url), partner.subscribe(receiver.url)
    with ThreadPoolExecutor(3) as threads:
        try:
            waiting = [threads.submit(partner.post, f"{one}/test?wait=true") for one in (webhook, other)]
            wait_for(lambda: len(receiver.requests) == 2)
            refused = partner.post(f"{webhook}/test?wait=true")
            assert (refused.status_code, refused.headers["retry-after"]) == (429, "15")
            assert "at most 2 tests" in refused.json()["detail"]
            assert partner.post(f"{webhook}/test").status_code == 202
            stranger = Partner(partner.http)
            theirs = threads.submit(stranger.post, f"{stranger.subscribe(receiver.url)}/test?wait=true")
            wait_for(lambda: len(receiver.requests) == 3)
        finally:
            released.set()
        assert [one.result().status_code for one in (*waiting, theirs)] == [200, 200, 200]
    assert partner.post(f"{webhook}/test?wait=true").status_code == 200
    partner.call("DELETE", webhook)


def test_a_process_waits_for_no_more_tests_than_it_has_places(
    partner: Partner, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LIMITS, "tests", LIMITS["tests"]._replace(most=0))
    assert partner.post(f"{partner.subscribe(receiver.url)}/test?wait=true").status_code == 429


def test_the_apps_of_one_organisation_leave_places_to_wait_to_others(
    partner: Partner, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two for each of many apps would be all there are."""
    monkeypatch.setitem(LIMITS, "tests", LIMITS["tests"]._replace(most=6))
    released = threading.Event()

    async def slowly(request: Received, writer: asyncio.StreamWriter) -> bool:
        await asyncio.to_thread(released.wait, 10)
        writer.write(answer(200))
        return True

    receiver.behaviour = slowly
    apps = [Partner(partner.http, tenant_id=partner.caller.tenant_id) for _ in range(3)]
    stranger = Partner(partner.http)
    with ThreadPoolExecutor(8) as threads:
        try:
            calls = [(app, app.subscribe(receiver.url)) for app in apps for _ in range(2)]
            waiting = [threads.submit(app.post, f"{webhook}/test?wait=true") for app, webhook in calls[:3]]
            wait_for(lambda: len(receiver.requests) == 3)
            refused = [app.post(f"{webhook}/test?wait=true").status_code for app, webhook in calls[3:]]
            theirs = threads.submit(stranger.post, f"{stranger.subscribe(receiver.url)}/test?wait=true")
            wait_for(lambda: len(receiver.requests) == 4)
        finally:
            released.set()
        assert refused == [429] * 3
        assert [one.result().status_code for one in (*waiting, theirs)] == [200] * 4


def test_a_crowd_that_may_not_wait_is_refused_without_the_database(
    partner: Partner, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or its hundreds of requests would wait for a connection before those of others."""
    used: list[str] = []
    released = threading.Event()
    real = endpoints.tenant_transaction

    def counted(request: Any, caller: Any) -> Any:
        used.append(caller.client_id)
        return real(request, caller)

    async def slowly(request: Received, writer: asyncio.StreamWriter) -> bool:
        await asyncio.to_thread(released.wait, 10)
        writer.write(answer(200))
        return True

    receiver.behaviour = slowly
    monkeypatch.setattr(endpoints, "tenant_transaction", counted)
    webhook = partner.subscribe(receiver.url)
    with ThreadPoolExecutor(30) as threads:
        try:
            calls = [threads.submit(partner.post, f"{webhook}/test?wait=true") for _ in range(30)]
            wait_for(lambda: sum(call.done() for call in calls) == 28)
            assert len(used) == 2
        finally:
            released.set()
        assert sorted(call.result().status_code for call in calls) == [200] * 2 + [429] * 28
