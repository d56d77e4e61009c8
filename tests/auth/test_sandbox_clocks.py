"""The clock of a sandbox that an organisation made: advanced by its administrator alone, within bounds, once for each call."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from shared.primitives.ids import new_id
from tests.auth.organisations import Organisation
from tests.auth.support import Auth
from tests.auth.test_own_sandboxes import PATH, Worker, act, make, organisation, read, resume, wait_minutes, worker

__all__ = ("organisation", "worker")
DAY = 86_400


@pytest.fixture
def sandbox(organisation: Organisation, worker: Worker) -> dict[str, Any]:
    made = make(organisation)
    worker.finish(made)
    return made


def advance(organisation: Organisation, sandbox: dict[str, Any], seconds: Any, **options: Any) -> httpx2.Response:
    return act(organisation, sandbox, "clock", json={"seconds": seconds}, **options)


def test_an_advance_goes_to_the_dispatcher_and_the_sandbox_is_ready_when_it_has_answered(
    organisation: Organisation, worker: Worker, sandbox: dict[str, Any]
) -> None:
    answer = advance(organisation, sandbox, 5 * DAY)
    assert answer.status_code == 202
    assert (answer.json()["state"], answer.json()["advanced_seconds"]) == ("advancing", 5 * DAY)
    assert organisation.trail()[-1] == "sandbox.clock_advanced"
    sent = worker.tasks(sandbox)[-1]
    assert (sent["part"], sent["task"], sent["number"], sent["seconds"]) == (
        "webhook_dispatcher",
        "advance",
        1,
        5 * DAY,
    )
    worker.answer(sandbox, sent, left=True)
    following = worker.tasks(sandbox)[-1]
    assert (following["portion"], following["number"], following["seconds"]) == (1, 1, 5 * DAY)
    assert advance(organisation, sandbox, 1).status_code == 409, "one at a time"
    assert act(organisation, sandbox, "scenarios/arrest").status_code == 409
    worker.answer(sandbox, following)
    assert read(organisation, sandbox)["state"] == "ready"
    assert advance(organisation, sandbox, 60).json()["advanced_seconds"] == 5 * DAY + 60
    assert worker.tasks(sandbox)[-1]["number"] == 2


def test_a_repetition_with_its_key_advances_once(
    organisation: Organisation, worker: Worker, sandbox: dict[str, Any]
) -> None:
    key = {"idempotency-key": "five days"}
    first = advance(organisation, sandbox, 60, headers=key)
    worker.answer(sandbox, worker.tasks(sandbox)[-1])
    assert advance(organisation, sandbox, 60, headers=key).json() == first.json()
    assert read(organisation, sandbox)["advanced_seconds"] == 60
    assert advance(organisation, sandbox, 61, headers=key).status_code == 422


def test_an_old_secret_ends_and_the_new_one_does_not(
    auth: Auth, organisation: Organisation, sandbox: dict[str, Any]
) -> None:
    there = auth.caller(tenant={"tenant_id": sandbox["tenant_id"], "client_id": sandbox["client_id"]})
    draft = {"name": "CAD", "grant_types": ["client_credentials"], "requested_scopes": ["argus:epcr:write"]}
    old = auth.call("POST", "/v1/platform/apps", there, json=draft).json()
    rotation = {"overlap_seconds": 2 * DAY}
    answer = auth.call("POST", f"/v1/platform/apps/{old['client_id']}/rotate-secret", there, json=rotation)
    new = old | {"client_secret": answer.json()["client_secret"]}
    statuses = [auth.token(one, scope="argus:epcr:write").status_code for one in (old, new)]
    advance(organisation, sandbox, 3 * DAY)
    statuses += [auth.token(one, scope="argus:epcr:write").status_code for one in (old, new)]
    assert statuses == [200, 200, 401, 200]


def given_grant(auth: Auth, tenant_id: str, client_id: str) -> str:
    user, grant, ends = new_id("usr"), new_id("grn"), datetime.now(UTC) + timedelta(days=10)
    auth.sql(
        "INSERT INTO users (user_id, tenant_id, email, name) VALUES (%s, %s, %s, 'Someone') RETURNING 1",
        *(user, tenant_id, f"{user}@sandbox.example"),
    )
    auth.sql(
        "INSERT INTO grants (grant_id, tenant_id, client_id, user_id, scopes, audience, offline, seed, signed_in_at, expires_at)"
        " VALUES (%s, %s, %s, %s, '{}', '{}', true, '', now(), %s) RETURNING 1",
        *(grant, tenant_id, client_id, user, ends),
    )
    return grant


def days_left(auth: Auth, grant: str) -> tuple[int, int]:
    """Until the end of a grant, and since its beginning."""
    [(left, age)] = auth.sql(
        "SELECT extract(epoch FROM expires_at - now()), extract(epoch FROM now() - created_at) FROM grants WHERE grant_id = %s",
        grant,
    )
    return round(left / DAY), round(age / DAY)


def test_refresh_tokens_of_the_sandbox_end_and_those_of_others_do_not(
    auth: Auth, organisation: Organisation, sandbox: dict[str, Any]
) -> None:
    own = given_grant(auth, sandbox["tenant_id"], sandbox["client_id"])
    other = given_grant(auth, auth.demo["tenant_id"], auth.demo["client_id"])
    advance(organisation, sandbox, 4 * DAY)
    assert (days_left(auth, own), days_left(auth, other)) == ((6, 4), (10, 0))


@pytest.mark.parametrize("seconds", [0, -1, 30 * DAY + 1, 1.5, "PT1H", None, 10**30])
def test_an_advance_that_does_not_fit_is_refused(
    organisation: Organisation, sandbox: dict[str, Any], seconds: Any
) -> None:
    refused = advance(organisation, sandbox, seconds)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/seconds"


def test_advances_are_bounded_until_the_next_reset(
    auth: Auth, organisation: Organisation, worker: Worker, sandbox: dict[str, Any]
) -> None:
    for _ in range(6):
        assert advance(organisation, sandbox, 30 * DAY).status_code == 202
        worker.answer(sandbox, worker.tasks(sandbox)[-1])
    refused = advance(organisation, sandbox, 1)
    assert (refused.status_code, refused.json()["limit"]) == (409, 180 * DAY)
    assert act(organisation, sandbox, "reset").json()["advanced_seconds"] == 0
    worker.finish(sandbox)
    assert advance(organisation, sandbox, 1).status_code == 202
    assert worker.tasks(sandbox)[-1]["number"] == 7, (
        "its number counts on, so that no portion is taken for one of before"
    )


def test_a_sandbox_with_too_many_grants_is_refused_and_keeps_its_time(
    auth: Auth, organisation: Organisation, sandbox: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.auth.sandboxes.endpoints.MOST_GRANTS", 1)
    grants = [given_grant(auth, sandbox["tenant_id"], sandbox["client_id"]) for _ in range(2)]
    refused = advance(organisation, sandbox, DAY)
    assert (refused.status_code, refused.json()["limit"]) == (409, 1)
    assert {days_left(auth, one)[0] for one in grants} == {10}
    assert read(organisation, sandbox)["state"] == "ready"


def test_only_the_organisation_that_made_a_sandbox_advances_its_clock(
    auth: Auth, organisation: Organisation, worker: Worker, sandbox: dict[str, Any]
) -> None:
    before = len(worker.tasks(sandbox))
    assert advance(Organisation(auth), sandbox, 60).status_code == 404
    itself = {"tenant_id": sandbox["tenant_id"], "client_id": sandbox["client_id"]}
    path = f"{PATH}/{sandbox['id']}/clock"
    assert auth.call("POST", path, auth.caller(tenant=itself), json={"seconds": 60}).status_code == 404
    caller = auth.caller(("argus:epcr:write", "webhooks:write"))
    assert auth.call("POST", path, caller, json={"seconds": 60}).status_code == 403
    production = f"{PATH}/{organisation.tenant_id}/clock"
    assert organisation.call("POST", production, json={"seconds": 60}).status_code == 404
    assert len(worker.tasks(sandbox)) == before


def test_an_advance_whose_portion_became_a_dead_letter_goes_on_by_itself_within_minutes(
    auth: Auth, organisation: Organisation, worker: Worker, sandbox: dict[str, Any]
) -> None:
    """However long ago the sandbox was made: its year is not the beginning of this work."""
    auth.sql("UPDATE sandboxes SET until = until - interval '300 days' WHERE id = %s RETURNING 1", sandbox["id"])
    advance(organisation, sandbox, 60)
    lost = worker.tasks(sandbox)
    wait_minutes(auth, sandbox, 6)
    resume(auth)
    again = worker.tasks(sandbox)
    assert len(again) == len(lost) + 1
    assert [again[-1][name] for name in ("task", "portion", "number", "seconds")] == ["advance", 0, 1, 60]
    worker.answer(sandbox, again[-1])
    assert read(organisation, sandbox)["state"] == "ready"
