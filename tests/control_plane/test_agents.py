"""Edge agents enrol once with a code, report their packages, get their instructions, and end with their revocation."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import msgspec
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.control_plane.agents import credentials, edge_endpoints
from services.control_plane.agents.models import staleness
from shared.primitives import ids
from shared.web import http
from shared.web.identity import HEADER, Caller, mint
from tests.control_plane.conftest import GRANTED, PLATFORM, Inside, Partner
from tests.control_plane.publishing import Publisher
from tests.control_plane.test_releases import went_live
from tests.support.alone import KEY
from tests.support.messages import later

HELD = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'"
BOX = {"name": "Gateway box", "vehicle_id": "AMB-42"}


def edge(http: httpx2.Client, path: str, body: Any, credential: str | None = None, **options: Any) -> httpx2.Response:
    """An agent's request as the gateway forwards it: an anonymous caller, and the agent's own headers."""
    headers = {HEADER: mint(Caller(address="192.0.2.1"), KEY, "control_plane")} | options.pop("headers", {})
    if credential is not None:
        headers["authorization"] = f"Bearer {credential}"
    given = options or {"json": body}
    return http.post(f"{PLATFORM}/agents/{path}", headers=headers, **given)


def enrolled(partner: Partner, **fields: Any) -> tuple[str, str]:
    """A new agent's id and credential."""
    made = partner.made("/agents", BOX | fields)
    answer = edge(partner.http, "enrol", {"code": made["enrolment_code"]})
    assert answer.status_code == 200, answer.text
    return made["id"], answer.json()["credential"]


def beat(partner: Partner, credential: str | None, **fields: Any) -> httpx2.Response:
    return edge(partner.http, "heartbeat", {"sent_at": datetime.now(UTC).isoformat()} | fields, credential)


def shown(partner: Partner, agent_id: str) -> dict[str, Any]:
    return partner.get(f"/agents/{agent_id}").json()


@pytest.fixture
def publisher(partner: Partner) -> Publisher:
    """Of a package for edge agents."""
    return Publisher(partner, kind="edge")


def test_an_agent_is_registered_with_a_code_that_is_shown_once(partner: Partner) -> None:
    answer = partner.post("/agents", BOX)
    assert answer.status_code == 201
    made = answer.json()
    assert answer.headers["location"] == f"{PLATFORM}/agents/{made['id']}"
    assert (made["status"], made["staleness"], made["environment"]) == ("awaiting_enrolment", "never", "production")
    assert made["enrolment_code_expires_at"] > made["created_at"]
    read = partner.get(f"/agents/{made['id']}")
    assert made["enrolment_code"].rpartition(".")[2] not in read.text
    assert "enrolment_code" not in read.json()


def test_a_key_registers_one_agent_and_gives_the_same_code(partner: Partner) -> None:
    first, second = (partner.post("/agents", BOX, idempotency_key="k-1").json() for _ in range(2))
    assert first == second
    assert len(partner.get("/agents").json()["agents"]) == 1


def test_secrets_are_kept_as_macs_alone(partner: Partner, inside: Inside) -> None:
    made = partner.made("/agents", BOX)
    code = made["enrolment_code"].rpartition(".")[2]
    _, credential = enrolled(partner)
    rows = inside.rows("SELECT agents::text FROM agents WHERE tenant_id = %s", partner.tenant_id)
    text = " ".join(row for (row,) in rows)
    assert code not in text
    assert code.encode().hex() not in text
    assert credential.rpartition(".")[2].encode().hex() not in text


def test_a_code_is_good_for_one_enrolment(partner: Partner) -> None:
    made = partner.made("/agents", BOX)
    first = edge(partner.http, "enrol", {"code": made["enrolment_code"]})
    assert (
        first.json().items() >= {"agent_id": made["id"], "environment": "production", "heartbeat_seconds": 60}.items()
    )
    second = edge(partner.http, "enrol", {"code": made["enrolment_code"]})
    assert second.status_code == 401
    assert second.headers["www-authenticate"].startswith("Bearer")
    assert shown(partner, made["id"])["status"] == "enrolled"
    assert beat(partner, first.json()["credential"]).status_code == 200


def test_of_many_enrolments_with_one_code_at_once_one_succeeds(partner: Partner) -> None:
    code = partner.made("/agents", BOX)["enrolment_code"]
    answers: list[int] = []
    threads = [
        threading.Thread(target=lambda: answers.append(edge(partner.http, "enrol", {"code": code}).status_code))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200, *[401] * 5]


def test_a_code_past_its_time_is_refused(partner: Partner, inside: Inside) -> None:
    made = partner.made("/agents", BOX)
    inside.rows("UPDATE agents SET code_expires_at = now() WHERE id = %s RETURNING id", made["id"])
    assert edge(partner.http, "enrol", {"code": made["enrolment_code"]}).status_code == 401


def test_guessing_voids_the_code_after_ten_failures(partner: Partner) -> None:
    made = partner.made("/agents", BOX)
    head = made["enrolment_code"].partition(".")[0]
    for number in range(edge_endpoints.MOST_FAILURES):
        assert edge(partner.http, "enrol", {"code": f"{head}.guess{number}"}).status_code == 401
    assert edge(partner.http, "enrol", {"code": made["enrolment_code"]}).status_code == 401
    renewed = partner.post(f"/agents/{made['id']}/enrolment-code").json()["enrolment_code"]
    assert edge(partner.http, "enrol", {"code": renewed}).status_code == 200


def test_every_wrong_code_is_refused_alike(partner: Partner, other: Partner) -> None:
    made = partner.made("/agents", BOX)
    code, secret = made["enrolment_code"].split(".")
    others = other.made("/agents", BOX)["enrolment_code"].split(".")[0]
    wrong = [
        "x",
        ".",
        code,
        f"{code}.",
        f"{code}.{secret}x",
        f"{others}.{secret}",
        f"enr_{'0' * 26}.{secret}",
        f"agt_{code[4:]}.{secret}",
        f"{code.upper()}.{secret}",
        f"{code}.{secret[:-1]}é",
    ]
    answers = [edge(partner.http, "enrol", {"code": one}) for one in wrong]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.json()["detail"] for answer in answers}) == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"code": ""}, 422),
        ({"code": 7}, 422),
        ({"code": "x" * 129}, 422),
        ({"code": "x", "surprise": 1}, 422),
        ([], 422),
    ],
)
def test_an_enrolment_that_does_not_fit_is_422(http: httpx2.Client, body: Any, status: int) -> None:
    assert edge(http, "enrol", body).status_code == status


@pytest.mark.parametrize("path", ["enrol", "heartbeat"])
@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"content": b"{", "headers": {"content-type": "application/json"}}, 400),
        ({"content": b"{}", "headers": {"content-type": "text/plain"}}, 415),
        ({"content": b'"' + b"x" * (1 << 20) + b'"', "headers": {"content-type": "application/json"}}, 413),
    ],
)
def test_a_body_that_is_none_is_refused(partner: Partner, path: str, options: Any, status: int) -> None:
    _, credential = enrolled(partner)
    answer = edge(partner.http, path, None, credential, **options)
    assert answer.status_code == status


@pytest.mark.parametrize("path", ["enrol", "heartbeat"])
def test_other_methods_are_405(http: httpx2.Client, path: str) -> None:
    headers = {HEADER: mint(Caller(address="192.0.2.1"), KEY, "control_plane")}
    answer = http.get(f"{PLATFORM}/agents/{path}", headers=headers)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def enrolled_again(partner: Partner, agent_id: str) -> str:
    """The credential of another enrolment."""
    code = partner.post(f"/agents/{agent_id}/enrolment-code").json()["enrolment_code"]
    return edge(partner.http, "enrol", {"code": code}).json()["credential"]


@pytest.mark.parametrize("is_used", [True, False], ids=["first one in use", "none in use"])
def test_a_credential_works_until_one_of_a_later_enrolment_is_used(partner: Partner, is_used: bool) -> None:
    """Answers of enrolments are lost; the agent goes on with any credential that it has."""
    faults = list[str]()
    for used in range(1 + edge_endpoints.MOST_UNUSED):
        agent_id, credential = enrolled(partner)
        if is_used:
            assert beat(partner, credential).status_code == 200
        made = [credential] + [enrolled_again(partner, agent_id) for _ in range(edge_endpoints.MOST_UNUSED)]
        got = [beat(partner, one).status_code for one in (made[used], *made[:used], *made[used:])]
        if got != [200] + [401] * used + [200] * (len(made) - used):
            faults.append(f"use of credential {used}: {got}")
    assert not faults, "\n".join(faults)


def test_the_credential_in_use_outlives_any_number_of_lost_enrolments_and_the_newest_unused_ones_work(
    partner: Partner,
) -> None:
    agent_id, credential = enrolled(partner)
    lost = [enrolled_again(partner, agent_id) for _ in range(edge_endpoints.MOST_UNUSED + 2)]
    got = [beat(partner, one).status_code for one in (credential, *lost, credential)]
    assert got == [200, 401, 401] + [200] * edge_endpoints.MOST_UNUSED + [401]


def test_a_revocation_ends_the_credential_that_waits_for_its_successor_too(partner: Partner) -> None:
    agent_id, credential = enrolled(partner)
    again = enrolled_again(partner, agent_id)
    assert partner.post(f"/agents/{agent_id}/revoke").status_code == 200
    assert [beat(partner, one).status_code for one in (credential, again)] == [401, 401]


def test_another_code_asked_for_twice_under_one_key_is_one_code(partner: Partner) -> None:
    path = f"/agents/{partner.made('/agents', BOX)['id']}/enrolment-code"
    first, second = [partner.call("POST", path, headers={"idempotency-key": "renew"}) for _ in range(2)]
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["enrolment_code"] == second.json()["enrolment_code"]
    assert edge(partner.http, "enrol", {"code": first.json()["enrolment_code"]}).status_code == 200


def test_a_heartbeat_without_its_credential_is_401(partner: Partner, other: Partner) -> None:
    agent_id, credential = enrolled(partner)
    _, others = enrolled(other)
    head, secret = credential.split(".")
    made = partner.made("/agents", BOX)
    wrong = [
        None,
        "x",
        head,
        f"{others.split('.')[0]}.{secret}",
        f"{head}.{others.split('.')[1]}",
        made["enrolment_code"],
    ]
    assert {beat(partner, one).status_code for one in wrong} == {401}
    basic = {"authorization": f"Basic {credential}"}
    assert (
        edge(partner.http, "heartbeat", {"sent_at": _now()}, headers=basic, json={"sent_at": _now()}).status_code == 401
    )
    assert shown(partner, agent_id)["staleness"] == "never"


def test_a_heartbeat_is_kept_and_repeating_it_changes_nothing(partner: Partner) -> None:
    agent_id, credential = enrolled(partner)
    running = [{"package_id": "pkg_x", "version": "1.0.0", "content_sha256": "a" * 64, "health": "ok"}]
    told = {"sent_at": _now(), "running": running, "agent_version": "2.1.0"}
    answers = [edge(partner.http, "heartbeat", told, credential).json() for _ in range(2)]
    assert answers[0] == answers[1]
    agent = shown(partner, agent_id)
    assert agent["reported"]["running"] == running
    assert (agent["staleness"], agent["status"]) == ("fresh", "enrolled")


@pytest.mark.parametrize("size", [100, 10_000])
def test_a_heartbeat_holds_no_connection_while_it_is_decoded(
    partner: Partner, inside: Inside, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    _, credential = enrolled(partner)
    held, decode = list[Any](), http.decode

    async def watched(request: Any, kind: Any, **options: Any) -> Any:
        held.append(inside.rows(HELD))
        return await decode(request, kind, **options)

    monkeypatch.setattr(http, "decode", watched)
    body = msgspec.json.encode({"sent_at": _now()}).ljust(size)
    options = {"content": body, "headers": {"content-type": "application/json"}}
    assert edge(partner.http, "heartbeat", None, credential, **options).status_code == 200
    assert edge(partner.http, "heartbeat", None, credential[:-1], **options).status_code == 401
    assert held == [[(0,)]] * 2
    options["content"] = b'{"sent_at": 1}'
    assert edge(partner.http, "heartbeat", None, credential[:-1], **options).status_code == 401
    assert edge(partner.http, "heartbeat", None, credential, **options).status_code == 422


def test_a_heartbeat_that_was_overtaken_changes_only_when_it_was_seen(partner: Partner) -> None:
    agent_id, credential = enrolled(partner)
    beat(partner, credential, agent_version="2")
    seen = shown(partner, agent_id)["last_seen_at"]
    earlier = (datetime.now(UTC) - timedelta(minutes=3)).isoformat()
    assert beat(partner, credential, sent_at=earlier, agent_version="1").status_code == 200
    agent = shown(partner, agent_id)
    assert agent["reported"]["agent_version"] == "2"
    assert agent["last_seen_at"] > seen


@pytest.mark.parametrize(
    "change",
    [
        {"sent_at": (datetime.now(UTC) + timedelta(hours=1)).isoformat()},
        {"sent_at": "2026-03-23T12:00:00"},
        {"sent_at": "soon"},
        {"running": [{"package_id": "p"}]},
        {"running": [{"package_id": "p", "version": "1", "content_sha256": "A" * 64}]},
        {"running": [{"package_id": "p", "version": "1", "health": "poorly"}]},
        {"running": [{"package_id": "p", "version": "1"}] * 51},
        {"surprise": 1},
    ],
)
def test_a_heartbeat_that_does_not_fit_is_422(partner: Partner, change: Any) -> None:
    agent_id, credential = enrolled(partner)
    assert beat(partner, credential, **change).status_code == 422
    assert shown(partner, agent_id)["staleness"] == "never"


def test_it_hears_which_version_is_live_in_its_environment_of_what_is_assigned_to_it(
    partner: Partner, publisher: Publisher
) -> None:
    agent_id, credential = enrolled(partner)
    path = went_live(publisher)
    went_live(publisher, "sandbox")
    assert beat(partner, credential).json()["desired"] == []
    partner.call("PATCH", f"/agents/{agent_id}", json={"packages": [publisher.package_id]})
    answer = beat(partner, credential).json()
    [desired] = answer["desired"]
    release = partner.get(path).json()
    assert (desired["package_id"], desired["version"]) == (publisher.package_id, release["version"])
    assert (desired["release_id"], answer["in_sync"]) == (release["id"], False)
    running = [{"package_id": publisher.package_id, "version": desired["version"]}]
    assert beat(partner, credential, running=running).json()["in_sync"] is True
    newer = went_live(publisher)
    answer = beat(partner, credential, running=running).json()
    assert (answer["in_sync"], answer["desired"][0]["version"]) == (False, partner.get(newer).json()["version"])
    partner.call("PATCH", f"/agents/{agent_id}", json={"environment": "sandbox"})
    assert beat(partner, credential).json()["desired"][0]["version"] not in (
        release["version"],
        partner.get(newer).json()["version"],
    )


def test_only_edge_packages_of_ones_own_are_assigned(partner: Partner, other: Partner, publisher: Publisher) -> None:
    connector = Publisher(partner, "sync", kind="connector").package_id
    foreign = Publisher(other, kind="edge").package_id
    agent_id, _ = enrolled(partner)
    for wrong in ([connector], [foreign], ["x"], [publisher.package_id, publisher.package_id]):
        answer = partner.call("PATCH", f"/agents/{agent_id}", json={"packages": wrong})
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == f"/packages/{len(wrong) - 1}"
        assert partner.post("/agents", BOX | {"packages": wrong}).status_code == 422


def test_a_revoked_agent_is_heard_no_more_and_enrols_no_more(partner: Partner) -> None:
    agent_id, credential = enrolled(partner)
    code = partner.post(f"/agents/{agent_id}/enrolment-code").json()["enrolment_code"]
    revoked = partner.post(f"/agents/{agent_id}/revoke")
    assert (revoked.status_code, revoked.json()["status"]) == (200, "revoked")
    assert beat(partner, credential).status_code == 401
    assert edge(partner.http, "enrol", {"code": code}).status_code == 401
    assert partner.post(f"/agents/{agent_id}/enrolment-code").status_code == 409
    assert partner.post(f"/agents/{agent_id}/revoke").json() == revoked.json()


@pytest.mark.parametrize("change", [{"granted": ()}, {"status": "suspended"}], ids=["withdrawn", "suspended"])
def test_agents_of_an_organisation_without_the_grant_are_refused(partner: Partner, inside: Inside, change: Any) -> None:
    _, credential = enrolled(partner)
    code = partner.made("/agents", BOX)["enrolment_code"]
    inside.grant(partner.tenant_id, change.pop("granted", GRANTED), version=later(), **change)
    assert beat(partner, credential).status_code == 401
    assert edge(partner.http, "enrol", {"code": code}).status_code == 401


def test_agents_are_listed_newest_first_page_by_page_with_how_long_they_are_silent(
    partner: Partner, other: Partner, inside: Inside
) -> None:
    agents = [enrolled(partner, vehicle_id=vehicle)[0] for vehicle in ("A", "B", "C", "C")]
    other.made("/agents", BOX)
    for agent_id, seconds in zip(agents, (10, 200, 90_000), strict=False):
        inside.rows(
            "UPDATE agents SET last_seen_at = now() - make_interval(secs => %s) WHERE id = %s RETURNING id",
            seconds,
            agent_id,
        )
    first = partner.get("/agents?limit=3").json()
    rest = partner.get("/agents", params={"limit": 3, "cursor": first["next_cursor"]}).json()["agents"]
    listed = [*first["agents"], *rest]
    assert [one["id"] for one in listed] == agents[::-1]
    assert [one["staleness"] for one in listed] == ["never", "lost", "stale", "fresh"]
    assert len(partner.get("/agents?vehicle_id=C").json()["agents"]) == 2


def test_only_what_is_named_changes(partner: Partner) -> None:
    agent_id, _ = enrolled(partner)
    changed = partner.call("PATCH", f"/agents/{agent_id}", json={"vehicle_id": "AMB-43"}).json()
    assert (changed["vehicle_id"], changed["name"]) == ("AMB-43", "Gateway box")


@pytest.mark.parametrize(
    "change", [{"name": ""}, {"vehicle_id": ""}, {"environment": "moon"}, {"packages": "x"}, {"surprise": 1}]
)
def test_what_does_not_fit_is_422(partner: Partner, change: Any) -> None:
    agent_id, _ = enrolled(partner)
    assert partner.post("/agents", BOX | change).status_code == 422
    assert partner.call("PATCH", f"/agents/{agent_id}", json=change).status_code == 422


ROUTES = [("GET", ""), ("PATCH", ""), ("POST", "/enrolment-code"), ("POST", "/revoke")]


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize("whose", ["nobody's", "another tenant's", "no id"])
def test_what_is_not_the_tenants_is_404(partner: Partner, other: Partner, method: str, path: str, whose: str) -> None:
    agent_id, credential = enrolled(partner)
    named = {"nobody's": ids.new_id("agt"), "no id": "agt_x"}.get(whose, agent_id)
    caller = other if whose == "another tenant's" else partner
    body = {"json": {"name": "Mine"}} if method == "PATCH" else {}
    assert caller.call(method, f"/agents/{named}{path}", **body).status_code == 404
    assert beat(partner, credential).status_code == 200


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("POST", ""), *[(m, f"/{{id}}{p}") for m, p in ROUTES]])
def test_every_route_asks_for_its_scope(partner: Partner, method: str, path: str) -> None:
    scope = "argus:platform:read" if method == "GET" else "argus:platform:write"
    weak = partner.colleague("argus:platform:read" if method != "GET" else "argus:incidents:write")
    answer = weak.call(method, "/agents" + path.format(id=ids.new_id("agt")))
    assert (answer.status_code, answer.json()["scope"]) == (403, scope)


def test_before_a_tenant_is_known_only_whose_an_agent_is_can_be_seen(partner: Partner, inside: Inside) -> None:
    agent_id, _ = enrolled(partner)
    with psycopg.connect(inside.database.app) as app:
        assert app.execute("SELECT FROM agents").rowcount == 0
        assert app.execute("SELECT * FROM agent_tenants WHERE agent_id = %s", (agent_id,)).fetchone() == (
            agent_id,
            partner.tenant_id,
        )
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute("UPDATE agent_tenants SET tenant_id = 'org_x'")


def test_the_trail_says_what_became_of_an_agent(partner: Partner, inside: Inside) -> None:
    agent_id, _ = enrolled(partner)
    partner.post(f"/agents/{agent_id}/revoke")
    rows = inside.rows("SELECT action FROM audit WHERE subject_id = %s ORDER BY id", agent_id)
    assert [action for (action,) in rows] == ["agent.registered", "agent.enrolled", "agent.revoked"]


@given(st.text(max_size=140))
def test_any_text_is_a_credential_or_none(text: str) -> None:
    read = credentials.read("agt", text)
    assert read is None or (ids.is_id(read.agent_id, "agt") and read.secret)


def test_a_code_and_a_credential_are_never_each_other() -> None:
    agent_id = ids.new_id("agt")
    code, secret = credentials.new("enr", agent_id)
    assert credentials.read("enr", code) == (agent_id, secret)
    assert credentials.read("agt", code) is None
    assert len(secret) == 43
    assert credentials.purpose("enr", agent_id) != credentials.purpose("agt", agent_id)
    assert not credentials.is_one_of(None, [bytes(32)])


@pytest.mark.parametrize(
    ("seconds", "word"), [(0, "fresh"), (179, "fresh"), (180, "stale"), (86_399, "stale"), (86_400, "lost")]
)
def test_silence_has_a_word(seconds: int, word: str) -> None:
    now = datetime.now(UTC)
    assert staleness(now - timedelta(seconds=seconds), now, 180, 86_400) == word
    assert staleness(None, now, 180, 86_400) == "never"


def _now() -> str:
    return datetime.now(UTC).isoformat()
