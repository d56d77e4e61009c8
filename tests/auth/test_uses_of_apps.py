"""The use and the refused calls of an app in 30 days, the things that would end with it, and the end of its old secret."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from services.auth import activity, tasks
from shared.storage.database import open_pool
from tests.auth.support import Auth
from tests.support.waiting import PATIENCE, wait_for

APPS = "/v1/platform/apps"
WAITS = """
    SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE datname = current_database() AND NOT granted
"""


def path_of(app: dict[str, Any], rest: str = "") -> str:
    return f"{APPS}/{app['client_id']}{rest}"


def usage(auth: Auth, app: dict[str, Any]) -> dict[str, Any]:
    return auth.admin("GET", path_of(app)).json()["usage"]


def test_an_app_shows_its_tokens_and_the_scopes_that_they_carried(auth: Auth) -> None:
    app = auth.register(["webhooks:write", "argus:epcr:write"])
    assert usage(auth, app) == {"tokens": 0, "refused": 0, "refused_calls": 0, "last_token_on": None, "scopes": []}
    for _ in range(3):
        assert auth.token(app, scope="webhooks:write").status_code == 200
    assert auth.token(app, client_secret="wrong").status_code == 401
    shown = wait_for(lambda: found if (found := usage(auth, app))["tokens"] == 3 and found["refused"] else None)
    assert [use["scope"] for use in shown["scopes"]] == ["webhooks:write"]
    assert shown["last_token_on"] == shown["scopes"][0]["last_used_on"]


def test_a_service_token_counts_as_a_token_of_its_scopes(auth: Auth) -> None:
    app = auth.register(["webhooks:write", "argus:epcr:write"])
    minted = auth.admin("POST", path_of(app, "/service-token"), json={"scopes": ["argus:epcr:read"]})
    assert minted.status_code == 201
    shown = wait_for(lambda: found if (found := usage(auth, app))["tokens"] else None)
    assert [use["scope"] for use in shown["scopes"]] == ["argus:epcr:read"]


def test_the_list_shows_usage_on_request_alone(auth: Auth) -> None:
    app = auth.register()

    def listed(query: str) -> dict[str, Any]:
        found = auth.admin("GET", f"{APPS}?limit=5{query}").json()["apps"]
        return next(one for one in found if one["client_id"] == app["client_id"])

    assert "usage" not in listed("")
    assert listed("&usage=true")["usage"]["tokens"] == 0


def test_an_app_says_who_made_it(auth: Auth) -> None:
    draft = {"name": "Of a person", "grant_types": ["client_credentials"]}
    made = auth.call("POST", APPS, auth.caller(subject="usr_1"), json=draft).json()
    assert made["created_by"] == "usr_1"
    assert auth.admin("GET", path_of(made)).json()["created_by"] == "usr_1"


def test_refused_calls_are_grouped_by_endpoint_and_reason(auth: Auth) -> None:
    app = auth.register()
    for _ in range(2):
        auth.token(app, client_secret="wrong")
    auth.token(app, scope="argus:epcr:write")

    def groups() -> list[dict[str, Any]] | None:
        found = auth.admin("GET", path_of(app, "/refusals")).json()
        assert found["incomplete"] == []
        return found["refusals"] if sum(group["count"] for group in found["refusals"]) == 3 else None

    found = {group["kind"]: group for group in wait_for(groups)}
    assert set(found) == {"invalid_client", "invalid_scope"}
    assert found["invalid_client"]["count"] == 2
    assert {group["endpoint"] for group in found.values()} == {"/v1/oauth/token"}
    assert found["invalid_client"]["first_at"] <= found["invalid_client"]["last_at"]
    assert all(len(group["trace_id"]) == 32 for group in found.values())


def test_an_app_reads_its_own_refusals_without_a_scope_and_no_other_app_does(auth: Auth) -> None:
    app, other = auth.register(), auth.register()
    own = auth.caller((), client_id=app["client_id"])
    assert auth.call("GET", path_of(app, "/refusals"), own).status_code == 200
    assert auth.call("GET", path_of(other, "/refusals"), own).status_code == 403


def test_what_ends_with_an_app_is_counted(auth: Auth) -> None:
    app = auth.register()
    auth.admin("POST", path_of(app, "/service-token"))
    auth.admin("POST", path_of(app, "/rotate-secret"))
    shown = auth.admin("GET", path_of(app, "/dependents")).json()
    assert shown["client_id"] == app["client_id"]
    assert (shown["secrets"], shown["service_tokens"], shown["people"], shown["people_more"]) == (2, 1, 0, False)


def test_the_old_secret_ends_before_its_overlap_and_the_present_one_does_not(auth: Auth) -> None:
    app = auth.register()
    rotated = auth.admin("POST", path_of(app, "/rotate-secret")).json()
    new, old = auth.admin("GET", path_of(app)).json()["secrets"]
    assert auth.token(app).status_code == 200
    assert auth.admin("DELETE", path_of(app, f"/secrets/{new['id']}")).status_code == 409
    assert auth.admin("DELETE", path_of(app, f"/secrets/{old['id']}")).status_code == 204
    assert auth.admin("DELETE", path_of(app, f"/secrets/{old['id']}")).status_code == 404
    assert auth.token(app).status_code == 401
    assert auth.token(app | rotated).status_code == 200


@pytest.mark.parametrize(
    ("method", "rest"),
    [("GET", "/refusals"), ("GET", "/dependents"), ("DELETE", "/secrets/sec_01m88d0q5rekasgwnts2cwwdh6")],
)
def test_another_tenants_app_is_not_found(auth: Auth, method: str, rest: str) -> None:
    app = auth.register()
    other = auth.caller(tenant=auth.other)
    assert auth.call(method, path_of(app, rest), other).status_code == 404
    assert auth.call(method, path_of({"client_id": "app_x"}, rest), other).status_code == 404
    assert auth.call(method, path_of(app, rest), auth.caller(())).status_code == 403


def test_the_secret_of_another_app_cannot_be_ended_through_an_own_one(auth: Auth) -> None:
    app, other = auth.register(), auth.register()
    auth.admin("POST", path_of(other, "/rotate-secret"))
    old = auth.admin("GET", path_of(other)).json()["secrets"][1]
    assert auth.admin("DELETE", path_of(app, f"/secrets/{old['id']}")).status_code == 404
    assert auth.token(other).status_code == 200


REFUSED = {
    "status": 403,
    "reason": "insufficient_scope",
    "endpoint": "GET /api/v1/epcr/encounters/{encounter_id}",
    "scope": "argus:epcr:read",
    "count": 2,
    "first_at": "2026-11-01T03:04:05Z",
    "last_at": "2026-11-01T03:04:06Z",
    "trace_id": "a" * 32,
}
REPORT = "/internal/refused-calls"


def report(auth: Auth, app: dict[str, Any], *refusals: dict[str, Any]) -> None:
    """As a gateway does."""
    named = {"client_id": app["client_id"], "tenant_id": app["tenant_id"]}
    body = {"refusals": [REFUSED | named | one for one in refusals]}
    assert auth.call("POST", REPORT, auth.caller(["internal:gateway"]), json=body).status_code == 204


def calls(auth: Auth, app: dict[str, Any], number: int) -> list[dict[str, Any]]:
    """The groups of refused calls, once they have `number` calls together."""

    def groups() -> list[dict[str, Any]] | None:
        found = auth.admin("GET", path_of(app, "/refusals")).json()["calls"]
        return found if sum(group["count"] for group in found) == number else None

    return wait_for(groups)


def test_calls_that_the_api_refused_are_folded_by_reason_endpoint_and_scope(auth: Auth) -> None:
    app = auth.register()
    newer = {"last_at": "2026-11-01T04:00:00Z", "trace_id": "b" * 32, "count": 3}
    report(auth, app, {}, newer, {"status": 429, "reason": "rate", "scope": ""})
    calls(auth, app, 7)
    report(auth, app, {"first_at": "2026-11-01T02:00:00Z"})
    found = {(one["status"], one["reason"]): one for one in calls(auth, app, 9)}
    expected = REFUSED | newer | {"count": 7, "first_at": "2026-11-01T02:00:00Z"}
    assert found[403, "insufficient_scope"] == expected
    assert len(found) == 2
    assert auth.sql("SELECT count(*) FROM refused_calls WHERE client_id = %s", app["client_id"]) == [(2,)]
    assert usage(auth, app)["refused_calls"] == 9
    assert usage(auth, app)["refused"] == 0


def test_an_app_with_many_kinds_of_refused_calls_has_a_bounded_number_of_rows(
    auth: Auth, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activity, "MOST_CALLS", 5)
    app, other = auth.register(), auth.register()
    report(auth, app, *({"endpoint": f"GET /{number}", "count": 1} for number in range(40)))
    found = calls(auth, app, 40)
    assert len(found) == 6
    assert sorted((one["endpoint"], one["scope"], one["count"]) for one in found)[0] == ("", "", 35)
    report(auth, app, {"endpoint": found[0]["endpoint"] or found[1]["endpoint"], "count": 10})
    assert len(calls(auth, app, 50)) == 6
    report(auth, other, {"count": 1})
    assert calls(auth, other, 1)[0]["endpoint"] == REFUSED["endpoint"]


def test_refused_calls_are_reported_by_gateways_alone(auth: Auth) -> None:
    app = auth.register()
    assert auth.admin("POST", REPORT, json={"refusals": []}).status_code == 403
    named = {"client_id": app["client_id"], "tenant_id": app["tenant_id"]}
    for wrong in (
        {"status": 201},
        {"reason": "Not a reason"},
        {"endpoint": "x" * 201},
        {"scope": "x" * 65},
        {"count": 0},
        {"trace_id": "?"},
        {"path": "/api/v1/epcr/encounters/enc_1"},
    ):
        body = {"refusals": [REFUSED | named | wrong]}
        assert auth.call("POST", REPORT, auth.caller(["internal:gateway"]), json=body).status_code == 422


def test_a_refused_document_of_graphql_is_listed_though_its_status_is_200(auth: Auth) -> None:
    app = auth.register()
    refused = {"status": 200, "reason": "operation_not_approved", "endpoint": "POST /api/v1/graphql", "scope": ""}
    report(auth, app, refused)
    assert calls(auth, app, 2) == [REFUSED | refused]


def test_another_organisations_refused_calls_are_not_shown(auth: Auth) -> None:
    app, other = auth.register(), auth.register()
    report(auth, app | {"tenant_id": "org_of_others"}, {"count": 5})
    report(auth, other, {"count": 1})
    calls(auth, other, 1)
    assert auth.admin("GET", path_of(app, "/refusals")).json()["calls"] == []


def test_refused_calls_are_forgotten_after_a_month(auth: Auth) -> None:
    app = auth.register()
    report(auth, app, {})
    calls(auth, app, 2)
    auth.sql("UPDATE refused_calls SET day = day - 30 WHERE client_id = %s", app["client_id"])
    assert auth.admin("GET", path_of(app, "/refusals")).json()["calls"] == []
    assert any(kept.table == "refused_calls" for kept in tasks.KEPT)


def test_two_processes_that_count_for_the_same_organisations_do_not_deadlock(auth: Auth) -> None:
    """Each wrote the organisations in the order of their calls, in one transaction: one of the two lost a second of all counts."""
    lower, higher = sorted((auth.demo["tenant_id"], auth.other["tenant_id"]))
    today = datetime.now(UTC).date()
    row = {tenant: (tenant, "app_of_both", today, "deadlock", "", 1) for tenant in (lower, higher)}

    async def flush() -> None:
        async with open_pool(auth.settings.database_url) as pool:
            ours = activity.Activity(pool)
            for tenant in (higher, lower):
                ours.count(tenant, "app_of_both", "deadlock")
            await ours.flush()

    with psycopg.connect(auth.settings.migration_database_url or "") as other, ThreadPoolExecutor(1) as pool:
        other.execute(activity.ADD_COUNT, row[lower])
        ours = pool.submit(asyncio.run, asyncio.wait_for(flush(), PATIENCE))
        wait_for(lambda: ours.done() or auth.sql(WAITS)[0][0], what="the other process to wait")
        other.execute(activity.ADD_COUNT, row[higher])
        other.commit()
        ours.result()
    counted = "SELECT count FROM daily_counts WHERE kind = 'deadlock' ORDER BY tenant_id"
    assert auth.sql(counted) == [(2,), (2,)]
