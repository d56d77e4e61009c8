"""Apps that the control plane asks for: within the tenant's catalogue, without a secret, and gone with all they hold."""

from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client import REGISTRY
from redis import Redis

from services.auth.apps import installing
from services.auth.apps.models import Tenant
from shared.messaging.messages import InstallApp, UninstallApp
from shared.primitives import ids
from tests.auth.support import Auth, QueueDoor
from tests.support.messages import envelope, sealed
from tests.support.waiting import PATIENCE

EVENTS = ["incident.created", "automation.fired"]


class Worker(QueueDoor):
    """Receives messages as the control plane's relay would hand them over."""

    def receive(self, message: Any, tenant: Any = None, message_id: str = "") -> None:
        wire = envelope((tenant or self.auth.demo)["tenant_id"], message, f"00-{'a' * 32}-{'b' * 16}-01")
        wire["id"] = message_id or wire["id"]
        self.consumer.consume(*sealed("control_plane", "auth", [wire]))

    def told(self, client_id: str, name: str) -> list[dict[str, Any]]:
        query = "SELECT body FROM outbox WHERE name = %s AND body->>'client_id' = %s ORDER BY id"
        return [body for (body,) in self.auth.sql(query, name, client_id)]


@pytest.fixture
def worker(auth: Auth) -> Iterator[Worker]:
    worker = Worker(auth)
    yield worker
    worker.consumer.close()


def wanted(**changes: Any) -> InstallApp:
    state: dict[str, Any] = {
        "installation_id": ids.new_id("ins"),
        "client_id": ids.new_id("app"),
        "app_name": "Ward board",
        "scopes": ["webhooks:write"],
        "approved_events": EVENTS,
        "graphql_bundles": [],
        "consented_by": "app_01jdkfx3c8e2r9v5m7q4t6w0yc",
        "consented_by_user": None,
    }
    return InstallApp(**(state | changes))


def unwanted(installed: InstallApp) -> UninstallApp:
    return UninstallApp(
        installation_id=installed.installation_id,
        client_id=installed.client_id,
        uninstalled_by="app_01jdkfx3c8e2r9v5m7q4t6w0yc",
        uninstalled_by_user=None,
    )


def outcomes(worker: Worker, installed: InstallApp) -> list[tuple[str, str | None]]:
    told = worker.told(installed.client_id, "control_plane.app_installed.v1")
    return [(one["outcome"], one["reason"]) for one in told]


def test_an_app_is_made_as_it_was_consented_to(auth: Auth, worker: Worker) -> None:
    message = wanted()
    worker.receive(message)
    shown = auth.admin("GET", f"/v1/platform/apps/{message.client_id}").json()
    assert (shown["name"], shown["requested_scopes"], shown["status"]) == ("Ward board", ["webhooks:write"], "active")
    assert shown["governance"]["approved_events"] == EVENTS
    assert (shown["grant_types"], shown["secrets"], shown["first_party"]) == (["client_credentials"], [], False)
    assert outcomes(worker, message) == [("installed", None)]
    assert [one["approved_events"] for one in worker.told(message.client_id, "control_plane.app_changed.v1")] == [
        EVENTS
    ]
    trail = auth.sql("SELECT action, client_id FROM audit WHERE subject_id = %s", message.client_id)
    assert trail == [("app.installed", message.consented_by)]


def test_a_message_told_twice_makes_one_app_and_one_answer(auth: Auth, worker: Worker) -> None:
    message, message_id = wanted(), str(ids.uuid7())
    for _ in range(2):
        worker.receive(message, message_id=message_id)
    assert outcomes(worker, message) == [("installed", None)]


def test_it_can_do_nothing_before_an_administrator_gives_it_a_secret(auth: Auth, worker: Worker) -> None:
    message = wanted()
    worker.receive(message)
    guess = {"client_id": message.client_id, "client_secret": "x", "scope": "webhooks:write"}
    assert auth.token(guess).status_code == 401
    rotated = auth.admin("POST", f"/v1/platform/apps/{message.client_id}/rotate-secret").json()
    assert auth.token(rotated, scope="webhooks:write").status_code == 200
    assert auth.token(rotated, scope="argus:epcr:read").status_code == 400


@pytest.mark.parametrize(
    ("changes", "lacking"),
    [
        ({"scopes": ["argus:telephony:write"]}, "argus:telephony:write"),
        ({"scopes": ["platform:apps"]}, "platform:apps"),
        ({"scopes": ["argus:epcr:clinical"]}, "argus:epcr:clinical"),
        ({"graphql_bundles": ["telephony-admin"]}, "telephony-admin"),
        ({"approved_events": ["nothing.happened"]}, "nothing.happened"),
    ],
)
def test_what_the_tenant_may_not_give_is_refused_by_name(
    auth: Auth, worker: Worker, changes: dict[str, Any], lacking: str
) -> None:
    message = wanted(**changes)
    worker.receive(message)
    ((outcome, reason),) = outcomes(worker, message)
    assert outcome == "refused"
    assert lacking in (reason or "")
    assert auth.admin("GET", f"/v1/platform/apps/{message.client_id}").status_code == 404


def test_what_is_granted_on_request_may_be_installed(auth: Auth, worker: Worker) -> None:
    granted, elsewhere = wanted(scopes=["argus:telephony:read"]), wanted(scopes=["argus:telephony:read"])
    worker.receive(granted)
    worker.receive(elsewhere, auth.other)
    assert outcomes(worker, granted) == [("installed", None)]
    assert [outcome for outcome, _ in outcomes(worker, elsewhere)] == ["refused"]


@pytest.mark.parametrize("tenant", [None, "suspended"])
def test_a_tenant_that_is_suspended_or_unknown_installs_nothing(tenant: str | None) -> None:
    known = Tenant(
        tenant_id="org_x",
        name="x",
        status="suspended",
        environment="production",
        granted_scopes=[],
        graphql_bundles=[],
        federation=False,
        version=1,
    )
    assert installing.objection(wanted(), known if tenant else None) == "the organisation is suspended"


def test_an_uninstalled_app_is_gone_with_its_secrets_and_tokens(auth: Auth, worker: Worker) -> None:
    message = wanted()
    worker.receive(message)
    path = f"/v1/platform/apps/{message.client_id}"
    rotated = auth.admin("POST", f"{path}/rotate-secret").json()
    auth.admin("POST", f"{path}/service-token")
    worker.receive(unwanted(message))
    assert auth.admin("GET", path).status_code == 404
    assert auth.token(rotated, scope="webhooks:write").status_code == 401
    assert message.client_id in auth.watermarks().text
    live = "SELECT count(*) FROM service_tokens WHERE client_id = %s AND revoked_at IS NULL"
    assert auth.sql(live, message.client_id) == [(0,)]
    assert auth.sql("SELECT count(*) FROM app_secrets WHERE client_id = %s", message.client_id) == [(0,)]
    assert [one["status"] for one in worker.told(message.client_id, "control_plane.app_changed.v1")][-1] == "deleted"


def test_uninstalling_what_is_gone_or_an_operators_does_nothing(auth: Auth, worker: Worker) -> None:
    message = wanted()
    worker.receive(message)
    for _ in range(2):
        worker.receive(unwanted(message))
    assert [one["status"] for one in worker.told(message.client_id, "control_plane.app_changed.v1")] == [
        "active",
        "deleted",
    ]
    operators = wanted(client_id=auth.demo["client_id"])
    worker.receive(unwanted(operators))
    assert auth.sql("SELECT status FROM apps WHERE client_id = %s", operators.client_id) == [("active",)]


def refused() -> float:
    return REGISTRY.get_sample_value("messages_refused_total", {"reason": "target", "producer": "control_plane"}) or 0


def test_only_the_app_of_that_installation_is_uninstalled(auth: Auth, worker: Worker) -> None:
    """A control plane in strange hands deletes neither an app that somebody registered nor another installation's."""
    message, other = wanted(), wanted()
    worker.receive(message)
    worker.receive(other)
    registered = wanted(client_id=auth.register()["client_id"])
    before, trail = refused(), auth.sql("SELECT count(*) FROM audit WHERE action = 'app.uninstalled'")
    worker.receive(unwanted(registered))
    worker.receive(unwanted(wanted(client_id=other.client_id, installation_id=message.installation_id)))
    for app in (registered, other):
        assert auth.admin("GET", f"/v1/platform/apps/{app.client_id}").status_code == 200
    assert refused() == before + 2
    assert auth.sql("SELECT count(*) FROM audit WHERE action = 'app.uninstalled'") == trail
    worker.receive(unwanted(other))
    assert auth.admin("GET", f"/v1/platform/apps/{other.client_id}").status_code == 404
    assert refused() == before + 2


def test_another_tenants_app_is_not_uninstalled(auth: Auth, worker: Worker) -> None:
    message = wanted()
    worker.receive(message)
    worker.receive(unwanted(message), auth.other)
    assert auth.admin("GET", f"/v1/platform/apps/{message.client_id}").status_code == 200


def test_gateways_are_rung_for_when_the_deletion_is_committed(auth: Auth, worker: Worker) -> None:
    message = wanted()
    worker.receive(message)
    with Redis.from_url(auth.settings.redis_url) as redis, redis.pubsub(ignore_subscribe_messages=True) as heard:
        heard.subscribe("auth:revocations")
        heard.get_message(timeout=PATIENCE)
        worker.receive(unwanted(message))
        assert heard.get_message(timeout=PATIENCE) is not None
