"""Through the gateway each service answers for its own trail: acts of a request are found by its trace, and relays check the chain."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.stack import Stack
from tests.support.waiting import wait_for

SERVICES = ["auth", "webhook-dispatcher", "graphql-api", "epcr", "device-ingest", "control-plane"]


@pytest.mark.parametrize("service", SERVICES)
def test_each_trail_is_read_by_its_administrator_alone_and_its_keys_by_everybody(stack: Stack, service: str) -> None:
    trail = f"/v1/audit/{service}"
    for host in ("auth", "api"):
        with stack.client(host, token=stack.admin_token) as admin, stack.client(host) as nobody:
            assert "entries" in admin.get(trail).json()
            assert admin.get(f"{trail}/verification").json()["service"] == service
            assert nobody.get(f"{trail}/keys").json()["keys"]
            for path in ("", "/export", "/verification", "/aud_1"):
                assert nobody.get(trail + path).status_code == 401
    with stack.client("api", token=stack.app_token("webhooks:read")) as partner:
        assert partner.get(trail).status_code == 403


def test_an_act_is_found_by_its_trace_and_exported(stack: Stack) -> None:
    app = stack.register_app(["webhooks:read"])
    with stack.client("auth", token=stack.admin_token) as admin:
        disabled = admin.post(f"/v1/platform/apps/{app.client_id}/disable")
        trace = {"trace_id": disabled.headers["x-trace-id"]}
        (entry,) = admin.get("/v1/audit/auth", params=trace).json()["entries"]
        assert (entry["action"], entry["subject_id"]) == ("app.disabled", app.client_id)
        since = (datetime.now(UTC) - timedelta(days=1)).isoformat()
        answer = admin.get("/v1/audit/auth/export", params={"since": since})
        assert answer.headers["content-type"] == "application/x-ndjson"
        assert answer.content.splitlines()[-1].startswith(b'{"signature":"')
        wait_for(lambda: admin.get(f"/v1/audit/auth/{entry['id']}").json()["sealed_at"] is not None)


def test_another_organisation_finds_nothing_of_it(stack: Stack) -> None:
    app = stack.register_app(["webhooks:read"])
    with stack.client("auth", token=stack.admin_token) as admin:
        (entry,) = admin.get("/v1/audit/auth", params={"subject_id": app.client_id, "action": "app.created"}).json()[
            "entries"
        ]
    with stack.client("auth", token=stack.other.access_token) as other:
        assert other.get("/v1/audit/auth", params={"subject_id": app.client_id}).json()["entries"] == []
        assert other.get(f"/v1/audit/auth/{entry['id']}").status_code == 404


def test_the_relays_check_the_trails(stack: Stack) -> None:
    with stack.client("auth", token=stack.admin_token) as admin:
        for service in SERVICES:
            wait_for(lambda: admin.get(f"/v1/audit/{service}/verification").json()["state"] == "holds")  # noqa: B023 - at once
