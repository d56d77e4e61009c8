"""The TypeScript SDK against a platform that misbehaves: no lost call, no effect twice, no connection left open."""

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.clients import faults, node
from tests.clients.faults import INVALID_TOKEN, MADE, in_turn
from tests.clients.node import Program
from tests.clients.stub import HTML, Answering, Asked, Stub, problem, stub
from tests.support.waiting import wait_for

pytestmark = [node.needed, pytest.mark.full]
TRIED = Answering(200, b'{"looked_at": 3, "matched": 0, "events": []}')


class Outcome(NamedTuple):
    """The results of the calls, the seconds of the waits between attempts, and the lines of the hooks."""

    outcomes: list[dict[str, Any]]
    waits: list[float]
    seen: list[str]

    @property
    def value(self) -> Any:
        (one,) = self.outcomes
        assert "error" not in one, one
        return one.get("value")

    @property
    def error(self) -> dict[str, Any]:
        (one,) = self.outcomes
        return one["error"]


@pytest.fixture
def platform() -> Iterator[Stub]:
    with stub() as started:
        yield started


@pytest.fixture(scope="module")
def program(project: Path) -> Iterator[Program]:
    started = Program(project, "hostile")
    yield started
    assert started.close() == 0


@pytest.fixture(params=["127.0.0.1", "api.localhost"])
def host(request: pytest.FixtureRequest) -> str:
    """By an address `fetch` carries the calls; by this name the client's own resolution does."""
    return request.param


class Caller(NamedTuple):
    """A program that calls the platform with the SDK. `secret` is the file with the app's secret."""

    program: Program
    address: str
    secret: Path

    def __call__(self, name: str, *, times: int = 1, at_once: int = 1, **options: Any) -> Outcome:
        options = {"baseUrl": self.address} | options
        given = {"call": name, "times": times, "atOnce": at_once, "options": options, "secretFile": str(self.secret)}
        printed = self.program.ask(given)
        return Outcome(printed["outcomes"], [wait / 1000 for wait in printed["waits"]], printed["seen"])


@pytest.fixture
def call(program: Program, platform: Stub, host: str, tmp_path: Path) -> Caller:
    (tmp_path / "secret").write_text(platform.secret)
    return Caller(program, f"http://{host}:{platform.port}", tmp_path / "secret")


@faults.once
def test_a_fault_is_met_by_one_more_attempt_with_the_same_key(first: Answering, platform: Stub, call: Caller) -> None:
    platform.script = in_turn(first)
    found = call("create")
    assert (found.value["id"], found.value["care_model"]) == ("enc_1", "a_model_of_next_year")
    keys = [asked.headers["idempotency-key"] for asked in platform.calls]
    assert len(keys) == 2
    assert len(set(keys)) == 1
    (wait,) = found.waits
    asked_to_wait = float(first.headers.get("retry-after", 0))
    assert asked_to_wait <= wait <= asked_to_wait + 0.5


def test_an_answer_that_does_not_come_in_time_is_met_by_one_more_attempt(platform: Stub, call: Caller) -> None:
    platform.script = in_turn(MADE._replace(late=5), MADE._replace(drip=True))
    assert call("create", timeout=1500).value["id"] == "enc_1"
    assert len({asked.headers["idempotency-key"] for asked in platform.calls}) == 1
    assert len(platform.calls) == 3
    platform.script = in_turn(*[Answering(late=2)] * 3)
    error = call("read", timeout=700).error
    assert (error["name"], "ConnectionFailed" in error["kinds"]) == ("TimedOut", True)


@faults.lost
def test_a_call_that_may_have_had_its_effect_is_not_repeated_without_a_key(
    fault: Answering, platform: Stub, call: Caller
) -> None:
    platform.script = in_turn(fault)
    assert call("tryFilter").error["name"] in {"BadGateway", "ConnectionFailed"}
    assert len(platform.calls) == 1


def test_a_call_that_was_not_sent_is_repeated_also_without_a_key(host: str, call: Caller) -> None:
    with stub() as gone:
        port = gone.port
    found = call("tryFilter", baseUrl=f"http://{host}:{port}", token="t")
    assert found.error["name"] == "ConnectionFailed"
    assert f"http://{host}:{port}: " in found.error["message"]
    assert "ECONNREFUSED" in found.error["message"]
    assert len(found.waits) == 2


def test_a_call_without_a_key_is_repeated_after_429(platform: Stub, call: Caller) -> None:
    platform.script = in_turn(problem(429), TRIED)
    assert call("tryFilter").value["looked_at"] == 3


@pytest.mark.parametrize(("header", "seconds"), [("61", 61), ("9" * 400, 999_999_999)], ids=["61", "huge"])
def test_a_long_retry_after_is_left_to_the_caller(header: str, seconds: int, platform: Stub, call: Caller) -> None:
    platform.script = in_turn(problem(429, "too-many-requests")._replace(headers={"retry-after": header}))
    found = call("read")
    assert (found.error["name"], found.error["retryAfter"]) == ("TooManyRequests", seconds)
    assert (found.error["traceId"], found.waits) == ("a" * 32, [])


@pytest.mark.parametrize("header", ["soon", "-5", "1.5", "Thu, 01 Jan 1970 00:00:00 GMT"])
def test_a_retry_after_that_is_past_or_unreadable_does_not_delay(header: str, platform: Stub, call: Caller) -> None:
    platform.script = in_turn(problem(503)._replace(headers={"retry-after": header}))
    found = call("read")
    assert found.value["id"] == "enc_1"
    assert found.waits[0] <= 0.5


def test_waits_grow_to_a_limit_and_are_spread(platform: Stub, call: Caller) -> None:
    platform.script = in_turn(*[HTML] * 8)
    found = call("read", maxRetries=8)
    assert found.value["id"] == "enc_1"
    assert all(0 <= wait <= min(8, 0.5 * 2**number) for number, wait in enumerate(found.waits))
    assert len(set(found.waits)) == 8


def test_a_deletion_whose_answer_was_lost_is_done(platform: Stub, call: Caller) -> None:
    platform.script = in_turn(Answering(drop=True), problem(404, "not-found"))
    assert call("remove").value is None
    platform.script = in_turn(problem(404, "not-found"))
    assert call("remove").error["name"] == "NotFound"


def test_an_error_has_the_faults_of_the_request(platform: Stub, call: Caller) -> None:
    errors = [{"pointer": "/vehicle_id", "code": "type", "detail": "text", "future": 1}, "no fault", {"pointer": 3}]
    platform.script = in_turn(problem(422, "invalid-request", errors=errors))
    error = call("create").error
    assert error["kinds"][:5] == ["InvalidRequest", "UnprocessableContent", "APIError", "KnoginError", "Error"]
    assert [fault["pointer"] for fault in error["errors"]] == ["/vehicle_id"]
    assert error["type"] == "invalid-request"
    assert "createEncounter: 422 invalid-request; /vehicle_id: text; trace aaaa" in error["message"]


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (problem(403, "insufficient-scope"), "InsufficientScope"),
        (Answering(404, b"[" * 100_000), "NotFound"),
        (Answering(410, b"\xff\xfe"), "Gone"),
        (Answering(418, b"null"), "APIError"),
        (problem(409, "a-kind-of-next-year"), "Conflict"),
        (problem(404, "constructor"), "NotFound"),
        (Answering(599, b'{"type": 5, "errors": {"a": 1}, "trace_id": null}'), "ServerError"),
        (Answering(302, b"", {"location": "http://elsewhere.example/"}), "APIError"),
    ],
    ids=range(8),
)
def test_errors_have_a_class_for_each_kind_and_survive_any_body(
    answer: Answering, name: str, platform: Stub, call: Caller
) -> None:
    platform.script = in_turn(answer)
    error = call("read").error
    assert (error["name"], error["status"]) == (name, answer.status)
    assert bytes(error["body"]) == answer.body[:99]


@pytest.mark.parametrize("body", [*faults.UNREADABLE, b"5"], ids=range(6))
def test_a_success_that_cannot_be_read_is_an_error_and_not_repeated(body: bytes, platform: Stub, call: Caller) -> None:
    platform.script = in_turn(Answering(201, body))
    error = call("create").error
    assert (error["name"], bytes(error["body"])) == ("UnreadableAnswer", body[:99])
    assert len(platform.calls) == 1


def test_a_body_that_is_too_large_is_given_up(platform: Stub, call: Caller) -> None:
    platform.script = in_turn(Answering(201, b'{"a":"' + b"a" * 300_000 + b'"}'))
    error = call("create", maxAnswerBytes=100_000).error
    assert (error["name"], error["size"]) == ("UnreadableAnswer", 100_000)
    assert "more than 100000 bytes" in error["message"]
    platform.script = in_turn(HTML._replace(status=404, body=b"<" * 5_000_000))
    error = call("read").error
    assert (error["name"], error["size"]) == ("NotFound", 1 << 20)


def test_the_connection_of_a_body_that_is_given_up_is_closed(platform: Stub, call: Caller) -> None:
    """Otherwise it is open until the garbage collector finds the body."""
    platform.script = lambda asked: HTML._replace(status=404, body=b"<" * 20_000_000)
    assert {one["error"]["name"] for one in call("read", times=10).outcomes} == {"NotFound"}
    wait_for(lambda: platform.now_open <= 1)


def test_a_page_without_items_is_an_error(platform: Stub, call: Caller) -> None:
    platform.script = in_turn(Answering(body=b'{"deliveries": 5, "next_cursor": null}'))
    assert call("pages").error["name"] == "UnreadableAnswer"


def test_a_page_of_the_other_host_is_fetched_there_without_a_token(platform: Stub, call: Caller, host: str) -> None:
    there = host.replace("api", "auth")
    answers = [
        Answering(302, b"", {"location": f"http://{there}:{platform.port}/v1/saml/samlc_1/metadata"}),
        Answering(200, b"<xml/>", {"content-type": "application/samlmetadata+xml"}),
        Answering(302, b"", {"location": "http://["}),
    ]
    platform.unchecked = lambda asked: answers.pop(0)
    assert call("metadata", token="service-token").value == "<xml/>"
    first, second = platform.calls
    assert (first.path, second.path) == ("/v1/saml/samlc_1/metadata",) * 2
    assert second.headers["host"] == f"{there}:{platform.port}"
    assert "authorization" not in second.headers
    assert call("metadata", token="service-token").error["name"] == "ConfigurationError"


def test_a_token_revoked_midway_is_replaced_once(platform: Stub, call: Caller) -> None:
    platform.script = faults.revoking(platform)
    assert len(call("read", times=3).outcomes) == 3
    assert platform.minted == 3
    assert [asked.headers["authorization"] for asked in platform.calls] == faults.REVOKED_MIDWAY


def test_a_token_that_is_always_refused_is_not_fetched_for_ever(platform: Stub, call: Caller) -> None:
    platform.script = lambda asked: INVALID_TOKEN
    assert call("read").error["name"] == "Unauthorized"
    assert platform.minted == 2


def test_many_callers_get_one_token(platform: Stub, call: Caller) -> None:
    platform.minting_seconds = 0.2
    assert len(call("read", times=200, at_once=20).outcomes) == 200
    assert platform.minted == 1
    assert len(platform.calls) == 200
    assert platform.opened <= 60  # those of twenty callers, and some that were closed between calls


def test_a_token_is_renewed_before_it_ends(platform: Stub, call: Caller) -> None:
    """One that lives for 300 s is renewed after 240 s."""
    call("renewed")
    assert [asked.headers["authorization"] for asked in platform.calls] == ["Bearer token-1", *["Bearer token-2"] * 2]


def test_while_no_token_can_be_had_one_that_has_not_ended_serves(platform: Stub, call: Caller) -> None:
    first = platform.mint
    fetched: list[Asked] = []

    def once(asked: Asked) -> Answering:
        fetched.append(asked)
        platform.token_script = None if len(fetched) == 1 else once
        answer = first(asked) if len(fetched) == 1 else Answering(503)
        platform.token_script = once
        return answer

    platform.token_script = once
    call("renewed")
    assert [asked.headers["authorization"] for asked in platform.calls] == ["Bearer token-1"] * 3
    assert len(fetched) == 7  # two renewals of three attempts


def test_a_caller_that_gives_up_ends_at_once_and_ends_no_other(platform: Stub, call: Caller) -> None:
    platform.minting_seconds = 0.5
    assert call("abortedAmongOthers").value == ["rejected", "fulfilled"]
    assert platform.minted == 1
    platform.minting_seconds = 0.0
    platform.script = in_turn(MADE._replace(late=3))
    assert call("aborted").error["name"] == "AbortError"
    assert len(platform.calls) == 2
    platform.script = in_turn(MADE._replace(late=3))
    assert call("aborted", maxRetries=0).error["name"] == "AbortError"


def test_nothing_is_lost_or_done_twice_and_no_socket_leaks_while_everything_fails(platform: Stub, call: Caller) -> None:
    """The first attempt of every call fails in some way; midway the token is revoked and the secret rotated. Twenty callers run."""
    sockets: list[int] = []
    platform.script = faults.failing(
        platform, 4, call.secret.write_text, lambda count: sockets.append(platform.now_open)
    )
    found = call("create", times=200, at_once=20, timeout=2000, maxRetries=4)
    assert [one.get("value", one)["id"] for one in found.outcomes] == ["enc_1"] * 200
    assert len(platform.effects) == 200
    assert platform.minted == 2
    assert max(sockets) <= 50  # twenty callers, and those that the stub has not yet noticed to be gone
    wait_for(lambda: platform.now_open <= 20)  # the program runs on


def test_lists_go_on_from_page_to_page(platform: Stub, call: Caller) -> None:
    answers = [
        Answering(body=b'{"deliveries": [{}, {}], "next_cursor": "c 1"}'),
        Answering(body=b'{"deliveries": [], "next_cursor": "c2"}'),
        Answering(body=b'{"deliveries": [{}], "next_cursor": null}'),
    ]
    platform.script = in_turn(*answers)
    assert call("pages").value == [2, 0, 1]
    paths = [asked.path.partition("?")[2] for asked in platform.calls]
    assert paths == [
        "limit=2&event_type=x%26y%3Dz",
        "limit=2&cursor=c+1&event_type=x%26y%3Dz",
        "limit=2&cursor=c2&event_type=x%26y%3Dz",
    ]
    assert platform.calls[0].path.startswith("/v1/webhooks/a%2F..%2Fb%3Fc%23d%20%25/deliveries?")


def test_bare_lists_take_the_cursor_of_the_link(platform: Stub, call: Caller) -> None:
    link = '<http://api.localhost/api/v1/devices?cursor=c%201&limit=1>; rel="next"'
    pages = [Answering(body=b'[{"id": "dev_1"}]', headers={"link": link}), Answering(body=b'[{"id": "dev_2"}]')]
    platform.script = in_turn(*pages)
    assert call("devices").value == ["dev_1", "dev_2"]
    assert [asked.path for asked in platform.calls] == ["/api/v1/devices?cursor=c0", "/api/v1/devices?cursor=c+1"]
    platform.asked.clear()
    platform.script = in_turn(*pages)
    assert call("firstDevice").value == "dev_1"
    assert len(platform.calls) == 1


def test_a_value_that_would_name_another_path_is_refused(platform: Stub, call: Caller) -> None:
    assert call("dots").error["name"] == "TypeError"
    assert platform.calls == []


def test_scopes_have_tokens_of_their_own(platform: Stub, call: Caller) -> None:
    call("narrowed", scopes=["webhooks:read"])
    forms = [asked.body.decode() for asked in platform.asked if asked not in platform.calls]
    assert [form.partition("scope=")[2] for form in forms] == [
        "webhooks%3Aread",
        "argus%3Aepcr%3Aread+argus%3Adevices%3Aread",
    ]


def test_forms_of_an_answer(platform: Stub, call: Caller) -> None:
    platform.script = in_turn(
        Answering(304, b"", {"etag": '"1"'}),
        Answering(200, b"%PDF-1.7", {"content-type": "application/pdf"}),
        Answering(200, b'{"id": "enc_1"}'),
        Answering(200, b'{"version": "1.0"}'),
    )
    assert call("unchanged").value is None
    assert platform.calls[0].headers["if-none-match"] == '"1"'
    assert call("handoverPdf").value == "%PDF-1.7"
    assert call("handover").value == {"id": "enc_1"}
    assert call("upload").value == {"version": "1.0"}
    assert platform.calls[-1].body == b"\x01\x02\xff"
    assert platform.calls[-1].headers["content-type"] == "application/octet-stream"


def test_a_raw_call_has_its_status_headers_and_body(platform: Stub, call: Caller) -> None:
    platform.script = lambda asked: Answering(207, b'{"x": 1}')
    assert call("raw").value == [207, "application/json", {"x": 1}]
    (asked,) = platform.calls
    assert (asked.path, asked.body, asked.headers["idempotency-key"]) == ("/v1/x%7By%7D", b'{"a":null}', "k-1")


def test_hooks_see_every_attempt_but_no_token_call(platform: Stub, call: Caller, host: str) -> None:
    platform.script = in_turn(HTML)
    path = "/api/v1/epcr/encounters/enc_1"
    assert call("read").seen == [f"1 GET {path}", "502", f"2 GET {path}", "200"]
    asked = platform.calls[0].headers
    assert asked["host"] == f"{host}:{platform.port}"
    assert asked["user-agent"].startswith("knogin-typescript/1.0.0 (contract 2026.2; node ")


def test_no_secret_is_shown(platform: Stub, call: Caller) -> None:
    platform.secret = "very-secret"
    call.secret.write_text("very-secret")
    platform.script = in_turn(problem(422, "invalid-request"))
    refused = call("create").error
    shown = json.dumps(refused) + call("shown", clientSecret="very-secret", clientId="app_1").value
    assert "very-secret" not in shown
    assert "token-1" not in shown


@pytest.mark.parametrize("host", ["127.0.0.1"])
@pytest.mark.parametrize(
    "options",
    [
        {"clientSecret": "x", "clientId": ""},
        {"token": "x", "clientId": "a", "clientSecret": "y"},
        {"environment": "moon", "token": "x"},
        {"environment": "local", "baseUrl": "http://a", "token": "x"},
        {"baseUrl": "ftp://a", "token": "x"},
        {"baseUrl": "api.knogin.com", "token": "x"},
        {"timeout": 0, "token": "x"},
        {"maxRetries": -1, "token": "x"},
        {"clientId": "a", "privateKey": "no key", "clientSecret": ""},
    ],
    ids=str,
)
def test_a_client_that_cannot_work_is_refused_at_once(options: dict[str, Any], call: Caller) -> None:
    defaults: dict[str, Any] = {"baseUrl": "" if options.get("environment") == "moon" else "http://a"}
    assert call("read", **(defaults | options)).error["name"] == "ConfigurationError"


def test_settings_come_from_the_environment(platform: Stub, project: Path) -> None:
    platform.valid.add("given")
    settings = {"KNOGIN_BASE_URL": platform.url, "KNOGIN_TOKEN": "given"}
    program = Program(project, "hostile", settings=settings)
    assert Caller(program, "", Path())("read", token="", clientSecret="").value["id"] == "enc_1"
    assert platform.calls[0].headers["authorization"] == "Bearer given"
    assert program.close() == 0


@pytest.mark.parametrize("runtime", [("deno", "run", "-A"), ("bun", "run")], ids=["deno", "bun"])
def test_other_runtimes_call_it_as_well(
    runtime: Sequence[str],
    platform: Stub,
    host: str,
    project: Path,
    tmp_path: Path,
) -> None:
    if not shutil.which(runtime[0]):
        pytest.skip(f"the TypeScript SDK was not tried in {runtime[0]}, which is not installed")
    (tmp_path / "secret").write_text(platform.secret)
    program = Program(project, "hostile", runtime)
    call = Caller(program, f"http://{host}:{platform.port}", tmp_path / "secret")
    platform.script = in_turn(HTML, Answering(drop=True))
    assert call("create").value["id"] == "enc_1"
    platform.script = in_turn(MADE._replace(late=3))
    assert call("read", timeout=1000).value["id"] == "enc_1"
    platform.script = in_turn(MADE._replace(cut=True))
    assert call("read").value["id"] == "enc_1"
    assert f"; {runtime[0]} " in platform.calls[-1].headers["user-agent"]
    assert program.close() == 0
