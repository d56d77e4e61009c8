"""The caps of an organisation hold, also for concurrent calls."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from deploy.local.databases import Database
from deploy.local.redis_server import RedisServer
from services.control_plane.settings import Settings
from tests.control_plane.automating import Automating
from tests.control_plane.conftest import Inside, Partner
from tests.control_plane.publishing import Publisher
from tests.control_plane.test_agents import BOX
from tests.control_plane.test_releases import requested
from tests.support.alone import settings_for

SMALL = {
    "most_agents": 3,
    "most_packages": 2,
    "most_versions": 2,
    "most_signing_keys": 2,
    "most_releases": 2,
    "most_automations_of_app": 2,
    "most_automations": 3,
}


@pytest.fixture(scope="module")
def settings(database: Database, redis_server: RedisServer) -> Settings:
    return settings_for(Settings, database, redis_server.url, **SMALL)


def assert_full(answer: httpx2.Response, resource: str, limit: int) -> None:
    assert answer.status_code == 409, answer.text
    problem = answer.json()
    assert problem["type"].endswith("#limit-reached")
    assert (problem["resource"], problem["limit"]) == (resource, limit)


def test_agents_made_at_once_stop_at_the_cap_and_revoking_makes_no_room(partner: Partner, other: Partner) -> None:
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: partner.post("/agents", BOX), range(20)))
    made = [answer for answer in answers if answer.status_code == 201]
    assert len(made) == 3
    assert {answer.status_code for answer in answers} == {201, 409}
    partner.post(f"/agents/{made[0].json()['id']}/revoke")
    assert_full(partner.post("/agents", BOX), "agents", 3)
    assert other.post("/agents", BOX).status_code == 201


def test_packages_versions_keys_and_releases_are_bounded(partner: Partner) -> None:
    publisher = Publisher(partner)
    Publisher(partner, "second")
    keys = partner.post("/signing-keys", {"name": "third", "jwk": _jwk()})
    assert_full(keys, "live signing keys", 2)
    assert_full(partner.post("/packages", {"name": "third", "kind": "edge"}), "packages", 2)
    publisher.publish("1.0.0")
    publisher.publish("2.0.0")
    assert_full(partner.post(publisher.versions, publisher.signed("3.0.0")), "versions", 2)
    for _ in range(2):
        release = requested(publisher, version="1.0.0")
        assert partner.post(f"/releases/{release.rpartition('/')[2]}/reject").status_code == 200
    again = {"package_id": publisher.package_id, "version": "1.0.0", "environment": "sandbox"}
    assert_full(partner.post("/releases", again), "releases", 2)


def _jwk() -> dict[str, str]:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from tests.control_plane.publishing import jwk

    return jwk(Ed25519PrivateKey.generate())


def test_automations_are_bounded_by_app_and_by_organisation(
    partner: Partner, inside: Inside, settings: Settings
) -> None:
    colleague = partner.colleague("argus:platform:write", "argus:incidents:write")
    partner.caller = colleague.caller.__class__(
        tenant_id=partner.tenant_id,
        client_id=partner.client_id,
        scopes=frozenset({"argus:platform:write", "argus:incidents:write"}),
        token_use="access",
    )
    mine, theirs = Automating(partner, inside, settings), Automating(colleague, inside, settings)
    draft: dict[str, Any] = {
        "name": "One",
        "trigger": {"event_type": "incident.created"},
        "action": {"kind": "webhook"},
    }
    mine.make({"kind": "webhook"})
    mine.make({"kind": "webhook"})
    assert_full(partner.post("/automations", draft), "automations", 2)
    theirs.make({"kind": "webhook"})
    assert_full(colleague.post("/automations", draft), "automations", 3)
