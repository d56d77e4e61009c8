"""Tenants and integration requests as operators see them, and the acts on them, which auth's relay carries out."""

from typing import Any

import httpx2
import psycopg
import pytest

from services.auth import tasks
from shared.operators import acts
from shared.primitives import ids
from shared.primitives.ids import PLATFORM_TENANT
from shared.storage.database import SET_TENANT, Connection
from tests.auth.people_support import Organisation
from tests.auth.support import Auth

BASE = "/v1/operations/auth"
PERSON = ids.new_id("usr")


def call(auth: Auth, method: str, path: str, **options: Any) -> httpx2.Response:
    """As an operator, unless `caller` says otherwise."""
    fields = {"token_use": "access", "subject": PERSON, "second_factor": True} | options.pop("caller", {})
    scopes = fields.pop("scopes", ("platform:operate:write",))
    tenant = {"tenant_id": fields.pop("tenant_id", PLATFORM_TENANT), "client_id": "app_console"}
    return auth.call(method, BASE + path, auth.caller(scopes, tenant, **fields), **options)


def ask(auth: Auth, action: str, subject: str, reason: str = "Agreed with the organisation") -> dict[str, Any]:
    """The act after the relay's next run."""
    body = {"action": action, "subject_id": subject, "reason": reason}
    made = call(auth, "POST", "/acts", json=body)
    assert made.status_code == 202, made.text
    with Connection.connect(auth.settings.worker_database_url or "") as conn:
        for job in acts.periodic(tasks.acts(auth.settings), None, tasks.figures):
            job.run(conn)
            conn.commit()
    return call(auth, "GET", f"/acts/{made.json()['id']}").json()


def request_of(auth: Auth, organisation: Organisation, capability: str = "telephony") -> str:
    details: Any = {"scopes": ["argus:telephony:read"]} if capability == "telephony" else {}
    body = {"capability": capability, "reason": "We dispatch calls", "details": details}
    made = organisation.call("POST", "/v1/platform/integration-requests", json=body)
    assert made.status_code == 201, made.text
    return made.json()["id"]


READS = [
    "/tenants",
    "/tenants/org_01jdkfx3c8e2r9v5m7q4t6w0ya",
    "/integration-requests",
    "/integration-requests/ireq_01jdkfx3c8e2r9v5m7q4t6w0ya",
]


@pytest.mark.parametrize("path", READS)
def test_an_ordinary_tenants_token_is_refused_whatever_its_scopes(auth: Auth, path: str) -> None:
    tenant_id = auth.demo["tenant_id"]
    everything = ("platform:apps", "platform:people:write", "platform:audit")
    assert call(auth, "GET", path, caller={"tenant_id": tenant_id, "scopes": everything}).status_code == 403
    assert call(auth, "GET", path, caller={"tenant_id": tenant_id}).status_code == 403
    weak = call(auth, "GET", path, caller={"second_factor": False})
    assert (weak.status_code, "insufficient_user_authentication" in weak.headers["www-authenticate"]) == (401, True)


@pytest.mark.parametrize("path", ["/v1/platform/apps", "/v1/platform/users", "/v1/platform/integration-requests"])
def test_an_operators_token_reaches_no_other_tenant_at_its_own_calls(auth: Auth, path: str) -> None:
    app = auth.register()
    who = auth.caller(
        ("platform:operate:write",), {"tenant_id": PLATFORM_TENANT, "client_id": "app_console"}, token_use="access"
    )
    assert auth.call("GET", path, who).status_code == 403
    wide = auth.caller(
        ("platform:operate:write", "platform:apps"), {"tenant_id": PLATFORM_TENANT, "client_id": "app_console"}
    )
    assert auth.call("GET", f"/v1/platform/apps/{app['client_id']}", wide).status_code == 404


def test_the_functions_show_no_row_to_another_tenant(auth: Auth) -> None:
    statements: list[Any] = [
        "SELECT * FROM tenants_of_all(NULL, NULL, NULL, NULL, 10)",
        f"SELECT * FROM tenant_of_all('{auth.other['tenant_id']}')",
        "SELECT * FROM requests_of_all(NULL, NULL, NULL, NULL, NULL, 10)",
    ]
    request_of(auth, Organisation(auth))
    with psycopg.connect(auth.settings.database_url) as conn:
        for tenant_id, sees in ((auth.demo["tenant_id"], False), ("", False), (PLATFORM_TENANT, True)):
            conn.execute(SET_TENANT, (tenant_id,))
            assert [bool(conn.execute(one).fetchall()) for one in statements] == [sees] * 3


def test_tenants_are_found_by_the_beginning_of_name_or_id(auth: Auth) -> None:
    name = f"Zephyr {ids.new_id('x')}"
    made = Organisation(auth, name)
    for search in (name[:20].lower(), name, made.tenant_id, made.tenant_id[:28]):
        found = call(auth, "GET", "/tenants", params={"search": search}).json()["tenants"]
        assert made.tenant_id in {one["tenant_id"] for one in found}
    assert call(auth, "GET", "/tenants", params={"search": name[3:]}).json()["tenants"] == []
    assert call(auth, "GET", "/tenants", params={"search": name, "status": "suspended"}).json()["tenants"] == []
    assert call(auth, "GET", "/tenants", params={"search": "%"}).json()["tenants"] == []


def test_tenants_come_in_pages(auth: Auth) -> None:
    beginning = ids.new_id("x")
    made = {Organisation(auth, f"{beginning} {number}").tenant_id for number in range(3)}
    found: list[str] = []
    query: dict[str, Any] = {"search": beginning, "limit": 2}
    while True:
        page = call(auth, "GET", "/tenants", params=query).json()
        found += [one["tenant_id"] for one in page["tenants"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert found == sorted(made, reverse=True)


def test_a_tenant_shows_what_a_suspension_ends(auth: Auth) -> None:
    organisation = Organisation(auth)
    organisation.person()
    shown = call(auth, "GET", f"/tenants/{organisation.tenant_id}").json()
    assert (shown["apps"], shown["people"], shown["sandboxes"], shown["pending_requests"]) == (1, 1, 0, 0)
    assert call(auth, "GET", f"/tenants/{ids.new_id('org')}").status_code == 404
    assert call(auth, "GET", "/tenants/x").status_code == 404


def test_suspending_and_resuming_are_the_operators_commands_with_the_reason_in_both_trails(auth: Auth) -> None:
    organisation = Organisation(auth)
    act = ask(auth, "tenant.suspend", organisation.tenant_id, "Credentials leaked")
    assert (act["state"], act["outcome"]) == ("done", None)
    assert call(auth, "GET", f"/tenants/{organisation.tenant_id}").json()["status"] == "suspended"
    why = {"reason": "Credentials leaked", "act": act["id"]}
    assert organisation.trail()[-1] == ("tenant.suspended", why)
    marks = auth.sql("SELECT count(*) FROM watermarks WHERE kind = 'tenant' AND id = %s", organisation.tenant_id)
    assert marks == [(1,)]
    own = auth.sql("SELECT action, actor FROM audit WHERE subject_id = %s ORDER BY id", act["id"])
    assert own == [("operator_act.asked", PERSON), ("operator_act.done", PERSON)]
    again = ask(auth, "tenant.suspend", organisation.tenant_id)
    assert (again["state"], "already" in again["outcome"]) == ("refused", True)
    assert ask(auth, "tenant.resume", organisation.tenant_id)["state"] == "done"
    assert call(auth, "GET", f"/tenants/{organisation.tenant_id}").json()["status"] == "active"


def test_the_platforms_own_tenant_is_not_suspended_by_an_act(auth: Auth) -> None:
    act = ask(auth, "tenant.suspend", PLATFORM_TENANT)
    assert (act["state"], "always active" in act["outcome"]) == ("refused", True)


def test_requests_of_all_tenants_are_listed_and_decided(auth: Auth) -> None:
    first, second = Organisation(auth, "First"), Organisation(auth, "Second")
    asked = {request_of(auth, first): first, request_of(auth, second): second}
    pending = call(auth, "GET", "/integration-requests", params={"status": "pending", "limit": 100}).json()
    shown = {one["id"]: one for one in pending["integration_requests"]}
    assert {request_id: shown[request_id]["tenant_name"] for request_id in asked} == dict(
        zip(asked, ("First", "Second"), strict=True)
    )
    (approved, declined) = asked
    assert ask(auth, "integration_request.approve", approved, "Welcome to it")["state"] == "done"
    assert ask(auth, "integration_request.decline", declined, "Not in your contract")["state"] == "done"
    (read,) = [call(auth, "GET", f"/integration-requests/{approved}").json()]
    assert (read["status"], read["decision_reason"], read["tenant_id"]) == (
        "approved",
        "Welcome to it",
        first.tenant_id,
    )
    granted = call(auth, "GET", f"/tenants/{first.tenant_id}").json()["granted_scopes"]
    assert granted == ["argus:telephony:read"]
    assert call(auth, "GET", f"/integration-requests/{declined}").json()["decision_reason"] == "Not in your contract"
    assert "integration_request.declined" in [action for action, _ in second.trail()]
    again = ask(auth, "integration_request.approve", declined)
    assert (again["state"], "declined already" in again["outcome"]) == ("refused", True)
    of_first = call(auth, "GET", "/integration-requests", params={"tenant_id": first.tenant_id}).json()
    assert [one["id"] for one in of_first["integration_requests"]] == [approved]


def test_distrusting_signing_keys_leaves_one_key_and_names_it(auth: Auth) -> None:
    act = ask(auth, "signing_keys.distrust", "signing-keys", "A key leaked")
    assert act["state"] == "done", act
    kid = act["outcome"].rpartition(" ")[2]
    trail = auth.sql("SELECT detail FROM audit WHERE tenant_id = %s AND subject_id = %s", PLATFORM_TENANT, kid)
    assert trail == [({"emergency": True, "distrust": True, "reason": "A key leaked", "act": act["id"]},)]


def test_the_backlog_counts_the_requests_that_wait(auth: Auth) -> None:
    request_of(auth, Organisation(auth))
    ask(auth, "tenant.suspend", ids.new_id("org"))
    own = {one["name"]: one["value"] for one in call(auth, "GET", "/backlog").json()["own"]}
    assert own["pending_requests"] >= 1
