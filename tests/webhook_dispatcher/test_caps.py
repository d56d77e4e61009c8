"""Webhooks are bounded by app and by organisation, however many are made at once."""

from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from deploy.local.databases import Database
from deploy.local.redis_server import RedisServer
from services.webhook_dispatcher.settings import Settings
from tests.webhook_dispatcher.conftest import WEBHOOKS, Partner, settings_for


@pytest.fixture(scope="module")
def settings(database: Database, redis_server: RedisServer) -> Settings:
    return settings_for(database, redis_server.url, most_webhooks_of_app=4, most_webhooks=6)


def create(partner: Partner) -> httpx2.Response:
    return partner.post(WEBHOOKS, {"url": "http://127.0.0.1:9/hook", "events": ["incident.created"]})


def test_webhooks_made_at_once_stop_at_the_cap(http: httpx2.Client, partner: Partner) -> None:
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: create(partner), range(20)))
    assert sorted(answer.status_code for answer in answers) == [201] * 4 + [409] * 16
    problem = create(partner).json()
    assert problem["type"].endswith("#limit-reached")
    assert (problem["resource"], problem["limit"]) == ("webhooks", 4)
    colleague = Partner(http, partner.tenant_id)
    assert [create(colleague).status_code for _ in range(3)] == [201, 201, 409]
    assert create(colleague).json()["limit"] == 6
    assert create(Partner(http)).status_code == 201
