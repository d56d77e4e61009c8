"""The Python SDK against a platform that misbehaves: no lost call, no effect twice, no connection left open."""

import asyncio
import logging
import pickle
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import knogin
from knogin import models, problems
from tests.clients import faults
from tests.clients.faults import INVALID_TOKEN, MADE, in_turn
from tests.clients.stub import HTML, Answering, Stub, problem, stub

pytestmark = pytest.mark.full

DRAFT = models.epcr.EncounterDraft(
    care_model="prehospital_emergency", vehicle_id="AMB-1", crew_ids=["usr_1"], cad_incident_id="cad_1"
)
Call = Callable[[Any], Any]


@pytest.fixture
def platform() -> Iterator[Stub]:
    with stub() as started:
        yield started
        assert started.sockets == 0  # every client has closed its connections


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Waits between attempts take no time; their lengths are returned."""
    waits: list[float] = []

    async def none(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr("knogin._client._sleep", waits.append)
    monkeypatch.setattr("knogin._client._sleep_async", none)
    return waits


def run(kind: str, platform: Stub, call: Call, **options: Any) -> Any:
    """The result of `call` with a client of that kind, which is closed afterwards."""
    credentials = {"client_id": "app_1", "client_secret": lambda: platform.secret, "base_url": platform.url} | options
    if kind == "sync":
        with knogin.Knogin(**credentials) as client:
            return call(client)

    async def use() -> Any:
        async with knogin.AsyncKnogin(**credentials) as client:
            return await call(client)

    return asyncio.run(use())


both = pytest.mark.parametrize("kind", ["sync", "async"])


def create(client: Any) -> Any:
    return client.epcr.create_encounter(DRAFT)


def read(client: Any) -> Any:
    return client.epcr.get_encounter("enc_1")


def try_filter(client: Any) -> Any:
    """A POST without an Idempotency-Key."""
    trial = models.webhooks.FilterTrial(
        events=["incident.created"], filter=models.webhooks.Filter(pointer="/priority", eq=1)
    )
    return client.webhooks.try_webhook_filter(trial)


@both
@faults.once
def test_a_fault_is_met_by_one_more_attempt_with_the_same_key(
    kind: str, first: Answering, platform: Stub, no_waiting: list[float]
) -> None:
    platform.script = in_turn(first)
    encounter = run(kind, platform, create)
    assert encounter.id == "enc_1"
    assert encounter.care_model == "a_model_of_next_year"
    keys = [asked.headers["idempotency-key"] for asked in platform.calls]
    assert len(keys) == 2
    assert len(set(keys)) == 1
    (wait,) = no_waiting
    asked_to_wait = float(first.headers.get("retry-after", 0))
    assert asked_to_wait <= wait <= asked_to_wait + 0.5


@both
def test_an_answer_that_does_not_come_in_time_is_met_by_one_more_attempt(kind: str, platform: Stub) -> None:
    platform.script = in_turn(MADE._replace(late=5), MADE._replace(drip=True))
    assert run(kind, platform, create, timeout=0.5).id == "enc_1"
    assert len({asked.headers["idempotency-key"] for asked in platform.calls}) == 1
    assert len(platform.calls) == 3
    platform.script = in_turn(*[Answering(late=5)] * 3)
    with pytest.raises(knogin.TimedOut):
        run(kind, platform, read, timeout=0.2)


@both
@faults.lost
def test_a_call_that_may_have_had_its_effect_is_not_repeated_without_a_key(
    kind: str, fault: Answering, platform: Stub
) -> None:
    platform.script = in_turn(fault)
    with pytest.raises((problems.BadGateway, knogin.ConnectionFailed)):
        run(kind, platform, try_filter)
    assert len(platform.calls) == 1


def test_a_connection_that_fails_names_the_platform() -> None:
    named = r"^listDevices: http://api\.localhost:9: ConnectError: "
    with (
        knogin.Knogin(token="a", base_url="http://api.localhost:9", max_retries=0) as client,
        pytest.raises(knogin.ConnectionFailed, match=named),
    ):
        next(iter(client.devices.list_devices()))


READING = Answering(200, b'{"events": [], "cursor": null, "leased_until": null, "more": false}')
COMMITTED = Answering(200, b'{"moved": true, "leased_until": null}')


@both
@faults.lost
def test_reads_and_commits_of_a_consumer_are_repeated(kind: str, fault: Answering, platform: Stub) -> None:
    platform.script = in_turn(fault, READING)
    asked = models.log.ReadEvents(reader="desk-1")
    assert run(kind, platform, lambda client: client.event_log.read_events("inbox", asked)).events == []
    platform.script = in_turn(fault, COMMITTED)
    commit = models.log.Commit(cursor="a")
    assert run(kind, platform, lambda client: client.event_log.commit_events("inbox", commit)).moved
    assert len(platform.calls) == 4


PDF = Answering(200, b"%PDF-2.0", {"content-type": "application/pdf"})


@both
def test_a_form_that_is_no_json_is_bytes_to_a_caller_who_asked_for_it(kind: str, platform: Stub) -> None:
    platform.script = in_turn(PDF)
    sheet = run(kind, platform, lambda client: client.epcr.get_handover("enc_1", format="pdf", language="it"))
    assert sheet == b"%PDF-2.0"
    assert platform.calls[-1].path.endswith("/handover?format=pdf&language=it")
    platform.script = in_turn(Answering(200, b'{"purpose": "TREAT"}', {"content-type": "application/json"}))
    assert run(kind, platform, lambda client: client.epcr.get_handover("enc_1"))["purpose"] == "TREAT"


@both
@pytest.mark.parametrize("answer", [PDF, Answering(200, b"<html>", {"content-type": "text/html"})])
def test_a_form_that_nobody_asked_for_is_unreadable(kind: str, answer: Answering, platform: Stub) -> None:
    platform.script = in_turn(answer)
    with pytest.raises(knogin.UnreadableAnswer):
        run(kind, platform, lambda client: client.epcr.get_handover("enc_1"))


@both
def test_a_call_without_a_key_is_repeated_after_429(kind: str, platform: Stub) -> None:
    tried = Answering(200, b'{"looked_at": 3, "matched": 0, "events": []}')
    platform.script = in_turn(problem(429), tried)
    assert run(kind, platform, try_filter).looked_at == 3


@both
def test_a_long_retry_after_is_left_to_the_caller(kind: str, platform: Stub, no_waiting: list[float]) -> None:
    platform.script = in_turn(problem(429, "too-many-requests")._replace(headers={"retry-after": "61"}))
    with pytest.raises(problems.TooManyRequests) as refused:
        run(kind, platform, read)
    assert refused.value.retry_after == 61
    assert refused.value.trace_id == "a" * 32
    assert no_waiting == []


@both
def test_waits_grow_to_a_limit_and_are_spread(kind: str, platform: Stub, no_waiting: list[float]) -> None:
    platform.script = in_turn(*[HTML] * 8)
    assert run(kind, platform, read, max_retries=8).id == "enc_1"
    assert all(0 <= wait <= min(8, 0.5 * 2**number) for number, wait in enumerate(no_waiting))
    assert len(set(no_waiting)) == 8


@both
def test_a_deletion_whose_answer_was_lost_is_done(kind: str, platform: Stub) -> None:
    platform.script = in_turn(Answering(drop=True), problem(404, "not-found"))
    assert run(kind, platform, lambda client: client.webhooks.delete_webhook("wh_1")) is None
    platform.script = in_turn(problem(404, "not-found"))
    with pytest.raises(problems.NotFound):
        run(kind, platform, lambda client: client.webhooks.delete_webhook("wh_1"))


@both
def test_errors_have_a_class_for_each_kind_and_survive_any_body(kind: str, platform: Stub) -> None:
    errors = [{"pointer": "/vehicle_id", "code": "type", "detail": "text", "future": 1}, "no fault", {"pointer": 3}]
    platform.script = in_turn(problem(422, "invalid-request", errors=errors))
    with pytest.raises(problems.InvalidRequest) as invalid:
        run(kind, platform, create)
    assert isinstance(invalid.value, problems.UnprocessableContent)
    assert [fault.pointer for fault in invalid.value.errors] == ["/vehicle_id"]
    assert "/vehicle_id: text" in str(invalid.value)
    assert pickle.loads(pickle.dumps(invalid.value)).errors == invalid.value.errors  # noqa: S301 - our own bytes

    expected = {
        403: (problem(403, "insufficient-scope"), problems.InsufficientScope),
        404: (Answering(404, b"[" * 100_000), problems.NotFound),
        410: (Answering(410, b"\xff\xfe"), problems.Gone),
        418: (Answering(418, b"null"), knogin.APIError),
        409: (problem(409, "a-kind-of-next-year"), problems.Conflict),
        599: (Answering(599, b'{"type": 5, "errors": {"a": 1}, "trace_id": null}'), problems.ServerError),
        302: (Answering(302, b"", {"location": "http://elsewhere.example/"}), knogin.APIError),
    }
    for answer, error in expected.values():
        platform.script = in_turn(answer)
        with pytest.raises(error) as raised:
            run(kind, platform, read)
        assert raised.value.status == answer.status


@both
@pytest.mark.parametrize("body", [*faults.UNREADABLE, b'{"id": 5}'], ids=range(6))
def test_a_success_that_cannot_be_read_is_an_error_and_not_repeated(kind: str, body: bytes, platform: Stub) -> None:
    platform.script = in_turn(Answering(201, body))
    with pytest.raises(knogin.UnreadableAnswer) as unreadable:
        run(kind, platform, create)
    assert unreadable.value.body == body
    assert len(platform.calls) == 1


@both
def test_a_page_of_the_other_host_is_fetched_there_without_a_token(kind: str, platform: Stub) -> None:
    moved = f"http://auth.localhost:{platform.port}/v1/saml/samlc_1/metadata"
    answers = [
        Answering(302, b"", {"location": moved}),
        Answering(200, b"<xml/>"),
        Answering(302, b"", {"location": "http://["}),
    ]
    platform.unchecked = lambda asked: answers.pop(0)

    def metadata(client: Any) -> Any:
        return client.saml.get_saml_metadata("samlc_1")

    assert run(kind, platform, metadata, token="service-token", client_id=None, client_secret=None) == b"<xml/>"
    here, there = platform.calls
    assert (here.path, there.path) == ("/v1/saml/samlc_1/metadata",) * 2
    assert here.headers["host"].startswith("api.localhost:")
    assert there.headers["host"].startswith("auth.localhost:")
    assert "authorization" not in there.headers
    with pytest.raises(knogin.KnoginError):
        run(kind, platform, metadata)


@both
def test_a_token_revoked_midway_is_replaced_once(kind: str, platform: Stub) -> None:
    platform.script = faults.revoking(platform)

    if kind == "sync":
        run(kind, platform, lambda client: [read(client) for _ in range(3)])
    else:

        async def thrice(client: Any) -> None:
            for _ in range(3):
                await read(client)

        run(kind, platform, thrice)
    assert platform.minted == 3
    assert [asked.headers["authorization"] for asked in platform.calls] == faults.REVOKED_MIDWAY


@both
def test_a_token_that_is_always_refused_is_not_fetched_for_ever(kind: str, platform: Stub) -> None:
    platform.script = lambda asked: INVALID_TOKEN
    with pytest.raises(problems.Unauthorized):
        run(kind, platform, read)
    assert platform.minted == 2


@both
def test_many_callers_get_one_token(kind: str, platform: Stub) -> None:
    platform.minting_seconds = 0.2
    _at_once(kind, platform, read, 40)
    assert platform.minted == 1
    assert len(platform.calls) == 40


def _at_once(kind: str, platform: Stub, call: Call, number: int, **options: Any) -> list[Any]:
    """The results of that many calls, of which twenty are under way at a time, with one client."""
    if kind == "sync":

        def threads(client: Any) -> list[Any]:
            with ThreadPoolExecutor(20) as pool:
                return list(pool.map(lambda _: call(client), range(number)))

        return run(kind, platform, threads, **options)

    async def tasks(client: Any) -> list[Any]:
        places = asyncio.Semaphore(20)

        async def one() -> Any:
            async with places:
                return await call(client)

        return await asyncio.gather(*(one() for _ in range(number)))

    return run(kind, platform, tasks, **options)


@both
def test_a_token_is_renewed_before_it_ends(kind: str, platform: Stub) -> None:
    """One that lives for 1 s is renewed after 0.8 s; while that fails, the old one serves."""
    platform.lives = 1

    def renewed(client: Any) -> Any:
        read(client)
        time.sleep(0.85)
        platform.token_script = lambda asked: Answering(503)
        read(client)
        platform.token_script = None
        read(client)

    async def renewed_async(client: Any) -> Any:
        await read(client)
        time.sleep(0.85)  # noqa: ASYNC251 - nothing else runs
        platform.token_script = lambda asked: Answering(503)
        await read(client)
        platform.token_script = None
        await read(client)

    run(kind, platform, renewed if kind == "sync" else renewed_async)
    assert [asked.headers["authorization"] for asked in platform.calls] == ["Bearer token-1"] * 2 + ["Bearer token-2"]


@both
def test_nothing_is_lost_or_done_twice_and_no_socket_leaks_while_everything_fails(kind: str, platform: Stub) -> None:
    """The first attempt of every call fails in some way; midway the token is revoked and the secret rotated. Twenty callers run."""
    sockets: list[int] = []
    platform.script = faults.failing(
        platform, 2, lambda secret: None, lambda count: count % 10 or sockets.append(platform.sockets)
    )
    encounters = _at_once(kind, platform, create, 200, timeout=1, max_retries=4)
    assert [encounter.id for encounter in encounters] == ["enc_1"] * 200
    assert len(platform.effects) == 200
    assert platform.minted == 2
    assert max(sockets) <= 25  # twenty callers
    assert platform.sockets == 0


def test_threads_of_one_client_share_its_connections(platform: Stub) -> None:
    _at_once("sync", platform, read, 200)
    assert platform.opened <= 25


def test_a_cancelled_task_gives_its_place_and_the_lock_back(platform: Stub) -> None:
    platform.minting_seconds = 0.3

    async def cancelled() -> None:
        async with knogin.AsyncKnogin("app_1", "secret-1", base_url=platform.url) as client:
            tasks = [asyncio.create_task(read(client)) for _ in range(3)]
            await asyncio.sleep(0.1)
            tasks[0].cancel()
            tasks[1].cancel()
            assert (await tasks[2]).id == "enc_1"
            assert (await read(client)).id == "enc_1"

    asyncio.run(cancelled())


def test_scopes_have_tokens_of_their_own_on_the_same_connections(platform: Stub) -> None:
    with knogin.Knogin("app_1", "secret-1", base_url=platform.url, scopes=["webhooks:read"]) as client:
        read(client)
        narrowed = client.with_scopes("argus:epcr:read", "argus:devices:read")
        for one in (narrowed, client, narrowed):
            read(one)
    forms = [asked.body.decode() for asked in platform.asked if asked not in platform.calls]
    assert [form.partition("scope=")[2] for form in forms] == [
        "webhooks%3Aread",
        "argus%3Aepcr%3Aread+argus%3Adevices%3Aread",
    ]
    assert platform.opened == 1


def test_no_secret_is_shown(platform: Stub, caplog: pytest.LogCaptureFixture) -> None:
    shown = models.apps.RotatedSecret(
        client_id="app_1", client_secret="very-secret", previous_secret_expires_at=None, previous_secrets=[]
    )
    assert "very-secret" not in repr(shown)
    platform.secret = "very-secret"
    with caplog.at_level(logging.DEBUG), knogin.Knogin("app_1", "very-secret", base_url=platform.url) as client:
        read(client)
        platform.script = in_turn(HTML, problem(422, "invalid-request"))
        with pytest.raises(knogin.APIError) as refused:
            read(client)
        lines = [record.getMessage() for record in caplog.records if record.name == "knogin"]
        text = caplog.text + repr(client) + repr(client._road) + str(refused.value) + repr(refused.value)
    assert "getEncounter attempt=1 502" in text
    assert "very-secret" not in text
    assert "token-1" not in text
    assert "enc_1" not in "".join(lines)


def test_codes_of_diagnoses_drugs_and_errors_are_shown() -> None:
    diagnosis = models.epcr.Impression(system="http://hl7.org/fhir/sid/icd-10", code="I21.1")
    refusal = models.graphql.ErrorExtensions(code="OPERATION_NOT_APPROVED", trace_id="a" * 32)
    assert "code='I21.1'" in repr(diagnosis)
    assert "OPERATION_NOT_APPROVED" in repr(refusal)
    assert "spl-1" not in repr(models.oauth.TokenForm(grant_type="authorization_code", code="spl-1"))


def test_hooks_see_every_attempt_but_no_token_call(platform: Stub) -> None:
    seen: list[str] = []
    platform.script = in_turn(HTML)
    with knogin.Knogin(
        "app_1",
        "secret-1",
        base_url=platform.url,
        on_request=lambda request: seen.append(f"{request.method} {request.url.path}"),
        on_response=lambda request, answer: seen.append(str(answer.status)),
        trace_headers=lambda: {"traceparent": "00-" + "1" * 32 + "-" + "2" * 16 + "-01"},
    ) as client:
        read(client)
    assert seen == ["GET /api/v1/epcr/encounters/enc_1", "502", "GET /api/v1/epcr/encounters/enc_1", "200"]
    first = platform.calls[0].headers
    assert first["traceparent"].startswith("00-1111")
    assert first["host"] == platform.url.removeprefix("http://")
    assert first["user-agent"].startswith(f"knogin-python/{knogin.VERSION} (contract {knogin.CONTRACT}; python 3.")


def test_values_in_paths_and_queries_are_escaped(platform: Stub) -> None:
    platform.script = lambda asked: Answering(body=b'{"deliveries": [], "next_cursor": null}')
    with knogin.Knogin("app_1", "secret-1", base_url=platform.url) as client:
        list(client.webhooks.list_deliveries("a/../b?c#d %", event_type="x&y=z"))
    assert platform.calls[0].path == "/v1/webhooks/a%2F..%2Fb%3Fc%23d%20%25/deliveries?event_type=x%26y%3Dz"


@pytest.mark.parametrize(
    "options",
    [
        {"client_secret": "x"},
        {"token": "x", "client_id": "a", "client_secret": "y"},
        {"environment": "moon"},
        {"environment": "local", "base_url": "http://a"},
        {"base_url": "ftp://a"},
        {"base_url": "api.knogin.com"},
        {"timeout": 0},
        {"max_retries": -1},
        {"client_id": "a", "private_key": "no key"},
    ],
    ids=str,
)
def test_a_client_that_cannot_work_is_refused_at_once(options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KNOGIN_CLIENT_ID", "KNOGIN_CLIENT_SECRET", "KNOGIN_TOKEN", "KNOGIN_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(knogin.ConfigurationError):
        knogin.Knogin(**options)


def test_a_call_that_needs_a_token_says_so_where_there_is_none(platform: Stub) -> None:
    with knogin.Knogin(base_url=platform.url) as client, pytest.raises(knogin.ConfigurationError, match="getEncounter"):
        read(client)
    assert threading.active_count() < 50
