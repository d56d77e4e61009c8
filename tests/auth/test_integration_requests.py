"""Integration requests: asked by a tenant's admin, decided by operators, and opened by the decision itself."""

import threading
from typing import Any

import httpx2
import pytest

from services.auth.requests import rules
from services.graphql_api.transport.documents import FOLDER
from shared.primitives.ids import is_id, new_id
from shared.web.problems import access_on_request
from tests.auth.organisations import PATH, Organisation
from tests.auth.support import Auth
from tests.auth.test_operator import operate, run


@pytest.fixture
def organisation(auth: Auth) -> Organisation:
    return Organisation(auth)


def test_a_request_is_made_read_and_listed(organisation: Organisation) -> None:
    answer = organisation.post("telephony", {"scopes": ["argus:telephony:read"]}, reason="Calls on the board")
    made = answer.json()
    assert answer.status_code == 201
    assert is_id(made["id"], "ireq")
    assert answer.headers["location"] == f"{PATH}/{made['id']}"
    assert (made["capability"], made["status"], made["decided_at"]) == ("telephony", "pending", None)
    assert made["details"] == {"scopes": ["argus:telephony:read"]}
    assert made["requested_by"] == organisation.me["client_id"]
    assert organisation.read(made) == made
    assert organisation.call("GET", PATH).json() == {"integration_requests": [made], "next_cursor": None}


@pytest.mark.parametrize("capability", ["telephony", "handover", "platform_api", "federation"])
def test_what_the_refusal_of_a_gated_surface_says_can_be_sent_as_it_stands(
    organisation: Organisation, capability: str
) -> None:
    told = access_on_request(capability).document()["request"]
    assert organisation.call(told["method"], told["path"], json=told["body"]).status_code == 201


def test_the_list_is_newest_first_in_pages_and_by_status(organisation: Organisation) -> None:
    first, second = organisation.ask("telephony"), organisation.ask("federation")
    organisation.withdraw(first)
    page = organisation.call("GET", f"{PATH}?limit=1")
    assert [one["id"] for one in page.json()["integration_requests"]] == [second["id"]]
    rest = organisation.call("GET", page.headers["link"].partition("<")[2].partition(">")[0]).json()
    assert [one["id"] for one in rest["integration_requests"]] == [first["id"]]
    assert rest["next_cursor"] is None
    withdrawn = organisation.call("GET", f"{PATH}?status=withdrawn&capability=telephony").json()
    assert [one["id"] for one in withdrawn["integration_requests"]] == [first["id"]]
    assert organisation.call("GET", f"{PATH}?status=lost").status_code == 422
    assert organisation.call("GET", f"{PATH}?cursor=***").status_code == 422


def test_a_repeated_key_gives_the_same_answer_and_another_body_is_refused(organisation: Organisation) -> None:
    def send(capability: str) -> httpx2.Response:
        headers = {"idempotency-key": "once"}
        return organisation.call("POST", PATH, json={"capability": capability}, headers=headers)

    first, again = send("telephony"), send("telephony")
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotent-replayed"] == "true"
    assert send("federation").status_code == 422


def test_a_second_pending_request_for_a_capability_names_the_first(organisation: Organisation) -> None:
    first = organisation.ask("telephony")
    second = organisation.post("telephony")
    assert (second.status_code, second.json()["id"]) == (409, first["id"])
    assert organisation.post("platform_api").status_code == 201


def test_of_many_requests_at_once_one_is_made(organisation: Organisation) -> None:
    answers: list[int] = []
    threads = [
        threading.Thread(target=lambda: answers.append(organisation.post("federation").status_code)) for _ in "1234"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [201, 409, 409, 409]


REFUSED = [
    ({}, "/capability"),
    ({"capability": "everything"}, "/capability"),
    ({"capability": "telephony", "colour": "red"}, "/colour"),
    ({"capability": "telephony", "reason": "x" * 2001}, "/reason"),
    ({"capability": "telephony", "reason": "up\x1b[2J"}, "/reason"),
    ({"capability": "telephony", "details": {"scopes": []}}, "/details/scopes"),
    ({"capability": "telephony", "details": {"scopes": ["argus:platform:read"]}}, "/details/scopes/0"),
    ({"capability": "telephony", "details": {"scopes": ["argus:telephony:read"] * 2}}, "/details/scopes"),
    ({"capability": "telephony", "details": {"bundles": ["x"]}}, "/details/bundles"),
    ({"capability": "graphql_bundles"}, "/details"),
    ({"capability": "graphql_bundles", "details": {"bundles": []}}, "/details/bundles"),
    ({"capability": "graphql_bundles", "details": {"bundles": ["no-such"]}}, "/details/bundles/0"),
    ({"capability": "federation", "details": {"domains": ["Not a domain"]}}, "/details/domains/0"),
    ({"capability": "federation", "details": {"domains": ["a.example", "a.example"]}}, "/details/domains"),
    ({"capability": "federation", "details": {"identity_provider": "a\u202eb"}}, "/details/identity_provider"),
    ({"capability": "sandbox"}, "/details"),
    ({"capability": "sandbox", "details": {}}, "/details/admin_email"),
    ({"capability": "sandbox", "details": {"admin_email": "nobody"}}, "/details/admin_email"),
    ({"capability": "sandbox", "details": {"admin_email": "a@b@c"}}, "/details/admin_email"),
    ({"capability": "sandbox", "details": {"admin_email": "a@b.example", "demo_data": "yes"}}, "/details/demo_data"),
]


@pytest.mark.parametrize(("body", "pointer"), REFUSED, ids=str)
def test_what_does_not_fit_is_refused_by_its_place(
    organisation: Organisation, body: dict[str, Any], pointer: str
) -> None:
    answer = organisation.call("POST", PATH, json=body)
    assert answer.status_code == 422, answer.text
    assert pointer in {error["pointer"] for error in answer.json()["errors"]}
    assert organisation.call("GET", PATH).json()["integration_requests"] == []


def test_bodies_that_are_no_request_are_refused(organisation: Organisation) -> None:
    def send(content: bytes, media_type: str = "application/json") -> int:
        return organisation.call("POST", PATH, content=content, headers={"content-type": media_type}).status_code

    assert send(b"{") == 400
    assert send(b"[]") == 422
    assert send(b"{}", "text/plain") == 415
    assert send(b'{"capability": "telephony", "reason": "' + b"x" * (1 << 20) + b'"}') == 413


def test_only_an_admin_asks_reads_and_withdraws(auth: Auth, organisation: Organisation) -> None:
    made = organisation.ask("telephony")
    one = f"{PATH}/{made['id']}"
    calls = [("POST", PATH), ("GET", PATH), ("GET", one), ("POST", f"{one}/withdraw"), ("POST", f"{one}/credentials")]
    for method, path in calls:
        assert auth.call(method, path).status_code == 401
        refused = auth.call(method, path, auth.caller(["webhooks:write"], organisation.me))
        assert (refused.status_code, refused.json()["scope"]) == (403, "platform:apps")
        stranger = auth.call(method, path, auth.caller(tenant=auth.other))
        assert path == PATH or stranger.status_code == 404
    assert made["id"] not in auth.call("GET", PATH, auth.caller(tenant=auth.other)).text
    assert organisation.read(made)["status"] == "pending"


@pytest.mark.parametrize("request_id", ["ireq_x", "app_01jdkfx9p0q5w2e7r1t8y4v3ba", "%00", new_id("ireq")])
def test_an_id_that_is_not_one_of_ours_is_not_found(organisation: Organisation, request_id: str) -> None:
    for method, path in [("GET", ""), ("POST", "/withdraw"), ("POST", "/credentials")]:
        assert organisation.call(method, f"{PATH}/{request_id}{path}").status_code == 404
    wrong = organisation.call("DELETE", f"{PATH}/{request_id}")
    assert wrong.status_code == 405


def test_a_withdrawn_request_stays_withdrawn_and_may_be_made_again(auth: Auth, organisation: Organisation) -> None:
    made = organisation.ask("telephony")
    assert organisation.withdraw(made).json()["status"] == "withdrawn"
    assert organisation.withdraw(made).status_code == 200
    done = run(auth, "requests", "approve", made["id"])
    assert done.status != 0
    assert "withdrawn already" in done.text
    assert organisation.post("telephony").status_code == 201
    assert organisation.trail().count("integration_request.withdrawn") == 1


def test_approved_scopes_stand_in_the_catalogue_and_can_be_asked_for(auth: Auth, organisation: Organisation) -> None:
    made = organisation.ask("telephony", {"scopes": ["argus:telephony:read"]})
    assert "argus:telephony:read" not in organisation.scopes()
    operate(auth, "requests", "approve", made["id"], "--reason", "Welcome")
    assert organisation.scopes() >= {"argus:telephony:read"}
    assert "argus:telephony:write" not in organisation.scopes()
    read = organisation.read(made)
    assert (read["status"], read["decision_reason"], read["sandbox"]) == ("approved", "Welcome", None)
    draft = {"name": "x", "grant_types": ["client_credentials"], "requested_scopes": ["argus:telephony:read"]}
    assert organisation.call("POST", "/v1/platform/apps", json=draft).status_code == 201
    assert organisation.trail() == [
        "tenant.created",
        "integration_request.made",
        "tenant.scopes_granted",
        "integration_request.approved",
        "app.created",
    ]


def test_an_approved_handover_opens_reading_and_reporting(auth: Auth, organisation: Organisation) -> None:
    assert organisation.post("handover", {"scopes": ["argus:epcr:clinical"]}).status_code == 422
    made = organisation.ask("handover")
    operate(auth, "requests", "approve", made["id"])
    assert organisation.scopes() >= {"argus:epcr:handover", "argus:epcr:outcome"}


def test_the_control_plane_hears_of_its_scopes(auth: Auth, organisation: Organisation) -> None:
    made = organisation.ask("platform_api")
    operate(auth, "requests", "approve", made["id"])
    told = organisation.messages("control_plane.tenant_changed.v1")
    assert told[-1]["granted_scopes"] == ["argus:platform:read", "argus:platform:write"]
    assert told[-1]["version"] > told[0]["version"] > 0


def test_approved_bundles_can_be_granted_to_an_app(auth: Auth, organisation: Organisation) -> None:
    made = organisation.ask("graphql_bundles", {"bundles": ["acqi-reporting"]})
    draft = {"name": "x", "grant_types": ["client_credentials"]}
    app = organisation.call("POST", "/v1/platform/apps", json=draft).json()
    path, change = f"/v1/platform/apps/{app['client_id']}/governance", {"graphql_bundles": ["acqi-reporting"]}
    assert organisation.call("PATCH", path, json=change).status_code == 422
    operate(auth, "requests", "approve", made["id"])
    assert organisation.call("PATCH", path, json=change).status_code == 200


def test_approved_federation_is_open(auth: Auth, organisation: Organisation) -> None:
    made = organisation.ask("federation", {"domains": ["coastal.example"]})
    assert organisation.row("federation") is False
    operate(auth, "requests", "approve", made["id"])
    assert organisation.row("federation") is True
    assert "tenant.federation_opened" in organisation.trail()


@pytest.mark.parametrize(
    ("capability", "details"),
    [
        ("telephony", None),
        ("platform_api", None),
        ("federation", None),
        ("graphql_bundles", {"bundles": ["acqi-reporting"]}),
    ],
)
def test_what_the_tenant_has_already_is_not_asked_for_again(
    auth: Auth, organisation: Organisation, capability: str, details: dict[str, Any] | None
) -> None:
    made = organisation.ask(capability, details)
    operate(auth, "requests", "approve", made["id"])
    again = organisation.post(capability, details)
    assert (again.status_code, again.json()["detail"]) == (409, "Your organisation has this already.")


def test_a_declined_request_says_why_and_may_be_made_again(auth: Auth, organisation: Organisation) -> None:
    made = organisation.ask("platform_api")
    assert run(auth, "requests", "decline", made["id"]).status != 0
    assert run(auth, "requests", "decline", made["id"], "--reason", " ").status != 0
    operate(auth, "requests", "decline", made["id"], "--reason", "No contract yet")
    read = organisation.read(made)
    assert (read["status"], read["decision_reason"]) == ("declined", "No contract yet")
    assert organisation.withdraw(made).status_code == 409
    assert "argus:platform:read" not in organisation.scopes()
    again = organisation.ask("platform_api")
    operate(auth, "requests", "approve", again["id"])
    assert "argus:platform:read" in organisation.scopes()


def test_subscribers_hear_of_a_decision_and_of_no_withdrawal(auth: Auth, organisation: Organisation) -> None:
    organisation.withdraw(organisation.ask("telephony"))
    approved, declined = organisation.ask("telephony"), organisation.ask("federation")
    operate(auth, "requests", "approve", approved["id"])
    operate(auth, "requests", "decline", declined["id"], "--reason", "Later")
    events = organisation.messages("webhook_dispatcher.event.v1")
    assert [(event["type"], event["data"]) for event in events] == [
        (
            "integration_request.decided",
            {"request_id": approved["id"], "capability": "telephony", "decision": "approved"},
        ),
        (
            "integration_request.decided",
            {"request_id": declined["id"], "capability": "federation", "decision": "declined"},
        ),
    ]


def test_a_request_is_decided_once(auth: Auth, organisation: Organisation) -> None:
    made = organisation.ask("telephony")
    operate(auth, "requests", "approve", made["id"])
    for words in (("approve", made["id"]), ("decline", made["id"], "--reason", "no")):
        done = run(auth, "requests", *words)
        assert done.status != 0
        assert done.text == f"{made['id']} is approved already"
    assert len(organisation.messages("webhook_dispatcher.event.v1")) == 1
    assert organisation.trail().count("tenant.scopes_granted") == 1


def test_nothing_is_opened_for_a_suspended_tenant(auth: Auth, organisation: Organisation) -> None:
    made = organisation.ask("telephony")
    operate(auth, "tenant", "suspend", organisation.tenant_id)
    done = run(auth, "requests", "approve", made["id"])
    assert done.text == f"{organisation.tenant_id} is suspended"
    assert organisation.row("granted_scopes") == []


def test_operators_see_what_waits_and_the_words_cannot_steer_their_terminal(
    auth: Auth, organisation: Organisation
) -> None:
    made = organisation.ask("telephony", reason="first line\nsecond line")
    listed = operate(auth, "requests", "list", "--status", "pending", "--tenant", organisation.tenant_id)
    assert listed.startswith(f"{made['id']}  {organisation.tenant_id}  telephony  pending")
    assert len(listed.splitlines()) == 1
    assert r'"first line\nsecond line"' in operate(auth, "requests", "show", made["id"])
    for words in (("show", "ireq_x"), ("approve", "ireq_x"), ("seed", made["id"])):
        done = run(auth, "requests", *words)
        assert done.status != 0
        assert len(done.text.splitlines()) == 1


def test_the_bundles_there_are_to_ask_for_are_those_of_graphql_api() -> None:
    assert {folder.name for folder in FOLDER.iterdir() if folder.is_dir()} == set(rules.BUNDLES)


def test_federation_says_how_it_is_asked_for_until_it_is_open(auth: Auth, organisation: Organisation) -> None:
    path = "/v1/saml/connections"
    for method in ("GET", "POST"):
        for caller in (auth.caller(tenant=organisation.me), auth.caller(["webhooks:read"], organisation.me)):
            answer = auth.call(method, path, caller)
            assert (answer.status_code, answer.json()["capability"]) == (403, "federation")
    told = auth.call("GET", path, auth.caller(tenant=organisation.me)).json()["request"]
    made = organisation.call(told["method"], told["path"], json=told["body"]).json()
    operate(auth, "requests", "approve", made["id"])
    assert organisation.call("GET", path).json() == {"connections": [], "next_cursor": None}
