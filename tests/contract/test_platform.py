"""The control plane through the gateway: every call of the contract gets the described answer, and special cases are refused."""

from typing import Any

import httpx2
import pytest

from services.control_plane import routes
from shared.primitives.ids import new_id
from shared.web.routing import Operation
from tests.docs import recording
from tests.docs.recording import Recorder
from tests.support.stack import Stack
from tests.support.waiting import wait_for

PLATFORM = "/api/v1/platform"
OCTETS = {"content-type": "application/octet-stream"}
UPLOAD = f"{PLATFORM}/packages/{new_id('pkg')}/versions/1.0.0/content"


def answers_json(operation: Operation) -> bool:
    return any(kind is not None and not isinstance(kind, tuple) for kind in operation.answers.values())


@pytest.fixture(scope="module")
def writer(stack: Stack) -> str:
    """A token of an app that is no administrator. Waits until the control plane has the grant."""
    token = stack.app_token("argus:platform:write", "argus:acqi:read")
    with stack.client("api", token=token) as client:
        wait_for(lambda: client.get(f"{PLATFORM}/packages").is_success, what="the grant to arrive")
    return token


def test_every_documented_call_is_answered_as_it_is_described(stack: Stack, writer: str) -> None:
    """Sends the examples of the documentation; the client checks each answer against the contract."""
    recorder = Recorder(stack)
    recording.record_packages(stack, recorder)
    recording.record_automations(stack, recorder)
    recording.record_agents(stack, recorder)
    assert {operation.name for operation in routes.OPERATIONS if answers_json(operation)} <= set(recorder.kept)


def test_content_of_ten_mebibytes_passes_the_gateway_and_a_byte_more_does_not(stack: Stack, writer: str) -> None:
    with stack.client("api", token=writer) as client:
        whole = client.put(UPLOAD, content=bytes(10 << 20), headers=OCTETS)
        assert whole.status_code == 404  # there is no such package
        more = client.put(UPLOAD, content=bytes((10 << 20) + 1), headers=OCTETS)
        assert more.status_code == 413
        far_more = client.put(UPLOAD, content=bytes(11 << 20), headers=OCTETS)
        assert far_more.status_code == 413


AGENTS = f"{PLATFORM}/agents"
FETCHED = f"{AGENTS}/content/{new_id('pkg')}/1.0.0"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("shown", [None, "Bearer x", f"Bearer agt_{'0' * 26}.x", "Basic eDp5"])
def test_content_for_an_agent_needs_its_credential(stack: Stack, method: str, shown: str | None) -> None:
    with stack.client("api") as anyone:
        answer = anyone.request(method, FETCHED, headers={"authorization": shown} if shown else {})
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")


def test_an_apps_token_is_no_agents_credential(stack: Stack, writer: str) -> None:
    with stack.client("api", token=writer) as app:
        assert app.get(FETCHED).status_code == 401


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/content", 404),
        ("/content/", 401),
        ("/content/x", 401),
        ("/content/x/y/z", 401),
        ("/content/revoke", 401),
        ("/content/%2e%2e/x", 404),
        ("/content/x/%2e%2e", 404),
        ("/content/x%2f..%2f..%2f..%2fpackages", 404),
        ("/content/x/y%00", 404),
        ("/content/x/y%0a", 404),
        ("/%63ontent/x/y", 401),
        ("/content%2fx%2fy", 401),
    ],
)
def test_no_spelling_of_the_agents_path_leads_past_a_credential(
    stack: Stack, writer: str, path: str, status: int
) -> None:
    with stack.client("api", token=writer) as app:
        url = httpx2.URL(str(app.base_url)).copy_with(raw_path=(AGENTS + path).encode())
        assert app.get(url).status_code == status


@pytest.mark.parametrize("media", ["application/json", "text/plain", "application/zip"])
def test_content_of_another_type_is_415(stack: Stack, writer: str, media: str) -> None:
    with stack.client("api", token=writer) as client:
        assert client.put(UPLOAD, content=b"x", headers={"content-type": media}).status_code == 415


def test_uploading_needs_a_token_and_its_scope(stack: Stack, writer: str) -> None:
    with stack.client("api") as anyone:
        assert anyone.put(UPLOAD, content=b"x", headers=OCTETS).status_code == 401
    with stack.client("api", token=stack.app_token("argus:platform:read")) as reader:
        answer = reader.put(UPLOAD, content=b"x", headers=OCTETS)
        assert (answer.status_code, answer.json()["scope"]) == (403, "argus:platform:write")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/installations", {"listing_id": "lst_x", "version": "1.0.0", "consented_scopes": []}),
        ("/installations/ins_x/uninstall", None),
    ],
)
def test_installing_is_an_administrators(stack: Stack, writer: str, path: str, body: Any) -> None:
    with stack.client("api", token=writer) as app:
        answer = app.post(PLATFORM + path, json=body)
        assert (answer.status_code, answer.json()["scope"]) == (403, "platform:apps")


def test_consent_is_read_strictly(stack: Stack, writer: str) -> None:
    path = f"{PLATFORM}/installations"
    with stack.client("api", token=stack.admin_token) as admin:
        for content, media, status in (
            (b"{", "application/json", 400),
            (b"{}", "text/plain", 415),
            (b'{"listing_id": "lst_x"}', "application/json", 422),
            (b'{"listing_id": "lst_x", "version": "1.0.0", "consented_scopes": []}', "application/json", 422),
            (
                b'{"listing_id": "lst_x", "version": "1.0.0", "consented_scopes": [], "surprise": 1}',
                "application/json",
                422,
            ),
            (b" " * ((1 << 20) + 1), "application/json", 413),
        ):
            answer = admin.post(path, content=content, headers={"content-type": media})
            assert answer.status_code == status, answer.text
        assert admin.post(f"{path}/{new_id('ins')}/uninstall").status_code == 404
