"""Secrets with overlap, service tokens, and the record of who used what."""

from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from jwt import PyJWKSet

from services.webhook_dispatcher.fanout.intake import violation
from tests.auth.support import Auth, basic, claims_of
from tests.support.waiting import wait_for


def path_of(app: dict[str, Any]) -> str:
    return f"/v1/platform/apps/{app['client_id']}"


def rotate(auth: Auth, app: dict[str, Any], **body: Any) -> dict[str, Any]:
    answer = (
        auth.admin("POST", f"{path_of(app)}/rotate-secret", json=body)
        if body
        else auth.admin("POST", f"{path_of(app)}/rotate-secret")
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_rotated_secret_works_beside_the_old_one_for_a_day(auth: Auth) -> None:
    app = auth.register()
    rotated = rotate(auth, app)
    ends = datetime.fromisoformat(rotated["previous_secret_expires_at"])
    assert abs(ends - datetime.now(UTC) - timedelta(days=1)) < timedelta(minutes=1)
    assert auth.token(app).status_code == 200
    assert auth.token(app, client_secret=rotated["client_secret"]).status_code == 200


def test_an_emergency_ends_the_secrets_whose_end_is_to_come_too(auth: Auth) -> None:
    app = auth.register()
    secrets = [app["client_secret"], *(rotate(auth, app)["client_secret"] for _ in range(3))]
    assert [auth.token(app, client_secret=one).status_code for one in secrets] == [200] * 4
    last = rotate(auth, app, overlap_seconds=0)
    assert last["previous_secrets"] == []
    assert [auth.token(app, client_secret=one).status_code for one in secrets] == [401] * 4
    assert auth.token(app, client_secret=last["client_secret"]).status_code == 200


def test_without_overlap_the_old_secret_and_its_tokens_die_at_once(auth: Auth) -> None:
    app = auth.register()
    old = claims_of(auth.token(app).json()["access_token"])
    new = rotate(auth, app, overlap_seconds=0)["client_secret"]
    assert auth.token(app).status_code == 401
    fresh = claims_of(auth.token(app, client_secret=new).json()["access_token"])
    mark = next(mark for mark in auth.watermarks().json()["watermarks"] if mark["id"] == app["client_id"])
    assert milliseconds(old["jti"]) < mark["not_before_ms"] <= milliseconds(fresh["jti"])


def milliseconds(jti: str) -> int:
    return int(jti.replace("-", "")[:12], 16)


@pytest.mark.parametrize("overlap", [-1, 30 * 86_400 + 1, "1", 1.5, None])
def test_an_impossible_overlap_is_422(auth: Auth, overlap: Any) -> None:
    app = auth.register()
    answer = auth.admin("POST", f"{path_of(app)}/rotate-secret", json={"overlap_seconds": overlap})
    assert answer.status_code == 422
    assert auth.token(app).status_code == 200


@pytest.mark.parametrize("overlap", [0, 3600])
def test_rotation_is_an_event_of_the_catalogue_that_names_no_secret(auth: Auth, overlap: int) -> None:
    app = auth.register()
    rotated = rotate(auth, app, overlap_seconds=overlap)
    rows = auth.sql("SELECT body FROM outbox WHERE body->'data'->>'client_id' = %s", app["client_id"])
    (event,) = (body for (body,) in rows)
    assert event["type"] == "app.secret_rotated"
    assert event["event_id"].startswith("evt_")
    assert violation(event["type"], event["data"]) is None
    assert rotated["client_secret"] not in str(rows)


def test_each_secret_shows_when_it_was_last_used(auth: Auth) -> None:
    app = auth.register()
    assert auth.admin("GET", path_of(app)).json()["secrets"][0]["last_used_at"] is None
    auth.token(app)
    used = wait_for(lambda: auth.admin("GET", path_of(app)).json()["secrets"][0]["last_used_at"])
    assert abs(datetime.fromisoformat(used) - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_service_token_is_an_access_token_that_lives_a_day(auth: Auth) -> None:
    app = auth.register(["webhooks:write", "argus:epcr:read"])
    answer = auth.admin("POST", f"{path_of(app)}/service-token", json={"scopes": ["webhooks:write"]})
    assert answer.status_code == 201
    minted = answer.json()
    keys = PyJWKSet.from_dict(auth.call("GET", "/.well-known/jwks.json").json())
    header = jwt.get_unverified_header(minted["token"])
    claims = jwt.decode(
        minted["token"],
        keys[header["kid"]].key,
        ["RS256"],
        audience="https://api.knogin.test",
        issuer="https://auth.knogin.test",
    )
    assert claims["token_use"] == "service"
    assert claims["scope"] == "webhooks:write"
    assert claims["exp"] - claims["iat"] == 86_400
    assert datetime.fromisoformat(minted["expires_at"]).timestamp() == claims["exp"]
    listed = auth.admin("GET", f"{path_of(app)}/service-tokens").json()["service_tokens"]
    assert [token["id"] for token in listed] == [minted["id"]]
    assert minted["token"] not in str(listed)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"scopes": ["argus:epcr:write"]}, 422),
        ({"scopes": ["platform:apps"]}, 422),
        ({"scopes": ["offline_access"]}, 422),
        ({"scopes": []}, 422),
        ({"expires_in": 30 * 86_400 + 1}, 422),
        ({"expires_in": 0}, 422),
        ({"forever": True}, 422),
    ],
)
def test_a_service_token_beyond_what_is_approved_is_refused(auth: Auth, body: Any, status: int) -> None:
    app = auth.register(["webhooks:write", "offline_access"])
    assert auth.admin("POST", f"{path_of(app)}/service-token", json=body).status_code == status
    assert auth.admin("GET", f"{path_of(app)}/service-tokens").json()["service_tokens"] == []


def test_a_revoked_service_token_is_watermarked_by_its_grant(auth: Auth) -> None:
    app = auth.register()
    minted = auth.admin("POST", f"{path_of(app)}/service-token").json()
    where = f"{path_of(app)}/service-tokens/{minted['id']}"
    assert auth.admin("DELETE", where).status_code == 204
    assert auth.admin("DELETE", where).status_code == 404
    marks = {(mark["kind"], mark["id"]): mark for mark in auth.watermarks().json()["watermarks"]}
    claims = claims_of(minted["token"])
    assert milliseconds(claims["jti"]) < marks["grant", claims["grant_id"]]["not_before_ms"]


def test_gateways_report_when_service_tokens_were_used(auth: Auth) -> None:
    app = auth.register()
    minted = auth.admin("POST", f"{path_of(app)}/service-token").json()
    gateway = auth.caller(["internal:gateway"])
    use = {"jti": claims_of(minted["token"])["jti"], "client_id": app["client_id"], "tenant_id": app["tenant_id"]}
    uses = [use | {"at": "2026-01-02T03:04:06Z"}, use | {"at": "2026-01-02T03:04:05Z"}]
    assert auth.call("POST", "/internal/token-usage", gateway, json={"uses": uses}).status_code == 204
    listed = wait_for(
        lambda: [
            token
            for token in auth.admin("GET", f"{path_of(app)}/service-tokens").json()["service_tokens"]
            if token["last_used_at"]
        ]
    )
    assert listed[0]["last_used_at"] == "2026-01-02T03:04:06Z"
    assert auth.admin("POST", "/internal/token-usage", json={"uses": []}).status_code == 403


def test_a_report_of_nonsense_stops_no_other_report(auth: Auth) -> None:
    app = auth.register()
    minted = auth.admin("POST", f"{path_of(app)}/service-token").json()
    gateway = auth.caller(["internal:gateway"])
    nonsense = {"jti": "not-a-uuid", "client_id": "x", "tenant_id": app["tenant_id"], "at": "2026-01-02T03:04:05Z"}
    good = nonsense | {"jti": claims_of(minted["token"])["jti"]}
    answer = auth.call("POST", "/internal/token-usage", gateway, json={"uses": [nonsense]})
    assert answer.status_code == 422
    auth.call("POST", "/internal/token-usage", gateway, json={"uses": [good]})
    wait_for(lambda: auth.sql("SELECT 1 FROM service_tokens WHERE id = %s AND last_used_at IS NOT NULL", minted["id"]))


def test_an_integrator_reads_why_its_calls_were_refused_and_nothing_they_held(auth: Auth) -> None:
    app = auth.register()
    canary = "hunter2-canary"
    auth.token(app, client_secret=canary)
    auth.token(app, scope="argus:epcr:write")
    auth.form("/v1/oauth/token", {"grant_type": canary}, headers=basic(app["client_id"], app["client_secret"]))
    own = auth.caller(["webhooks:write"], client_id=app["client_id"])

    def events() -> Any:
        found = auth.call("GET", f"{path_of(app)}/events", own).json()["events"]
        return found if len(found) == 3 else None

    found = wait_for(events)
    assert {event["kind"] for event in found} == {"invalid_client", "invalid_scope", "unsupported_grant_type"}
    assert all(event["reason"] and event["trace_id"] and event["at"] for event in found)
    assert canary not in str(found)
    other = auth.register()
    stranger = auth.caller(["webhooks:write"], client_id=other["client_id"])
    assert auth.call("GET", f"{path_of(app)}/events", stranger).status_code == 403
