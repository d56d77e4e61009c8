"""The calls of operators at one service: who may make them, their answers, and acts that the relay carries out at most once."""

from typing import Any, LiteralString

import httpx2
import psycopg
import pytest

from shared.operators import acts
from shared.operators.models import ActRefused
from shared.primitives import ids
from shared.primitives.ids import PLATFORM_TENANT
from shared.storage.database import SET_TENANT
from tests.operators.conftest import BASE, Ground, operator_of

SUBJECT = "org_01jdkfx3c8e2r9v5m7q4t6w0ya"
READS = ["backlog", "dead-letters", "acts", "acts/act_01jdkfx3c8e2r9v5m7q4t6w0ya"]

# --- Who may ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", READS)
def test_a_tenants_administrator_sees_nothing_of_operators(http: httpx2.Client, path: str) -> None:
    scopes = ("platform:apps", "platform:people:write", "platform:audit", "argus:platform:write")
    admin = operator_of(http, tenant_id=ids.new_id("org"), scopes=scopes)
    refused = admin.get(f"{BASE}/{path}")
    assert (refused.status_code, refused.json()["scope"]) == (403, "platform:operate:read")


def test_an_operators_scope_in_another_tenants_token_is_refused(http: httpx2.Client, ground: Ground) -> None:
    message_id = ground.letter()
    stranger = operator_of(http, tenant_id=ids.new_id("org"))
    for path in READS:
        assert stranger.get(f"{BASE}/{path}").status_code == 403
    assert stranger.ask("dead_letter.discard", message_id).status_code == 403


@pytest.mark.parametrize("fields", [{"token_use": "service"}, {"subject": None}, {"subject": ids.new_id("app")}])
def test_an_app_without_a_person_is_no_operator(http: httpx2.Client, fields: dict[str, Any]) -> None:
    assert operator_of(http, **fields).get(f"{BASE}/backlog").status_code == 403


def test_an_operator_without_a_second_factor_is_asked_for_one(http: httpx2.Client, ground: Ground) -> None:
    weak = operator_of(http, second_factor=False)
    for answer in (*(weak.get(f"{BASE}/{path}") for path in READS), weak.ask("dead_letter.replay", ground.letter())):
        assert answer.status_code == 401
        assert 'error="insufficient_user_authentication"' in answer.headers["www-authenticate"]


def test_reading_gives_no_right_to_act(http: httpx2.Client, ground: Ground) -> None:
    reader = operator_of(http, scopes=("platform:operate:read",))
    assert reader.get(f"{BASE}/backlog").status_code == 200
    assert reader.ask("dead_letter.replay", ground.letter()).status_code == 403


def test_another_services_name_is_not_found(http: httpx2.Client) -> None:
    assert operator_of(http).get("/v1/operations/epcr/backlog").status_code == 404


def test_the_database_shows_operators_rows_to_the_platforms_tenant_alone(ground: Ground, operator: Any) -> None:
    ground.letter()
    ground.relay()
    assert operator.ask("dead_letter.discard", ground.letter()).status_code == 202
    statements: list[Any] = [
        "SELECT * FROM dead_letters_of_all(NULL, NULL, 10)",
        "SELECT * FROM operator_figures",
        "SELECT id FROM operator_acts",
    ]
    with psycopg.connect(ground.database.app) as conn:
        for tenant_id, sees in ((ids.new_id("org"), False), ("", False), (PLATFORM_TENANT, True)):
            conn.execute(SET_TENANT, (tenant_id,))
            assert [bool(conn.execute(one).fetchall()) for one in statements] == [sees] * 3
        conn.execute(SET_TENANT, (PLATFORM_TENANT,))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("UPDATE operator_acts SET state = 'done'")


# --- Backlog and dead letters -----------------------------------------------------------------------------------------


def test_the_backlog_is_what_the_relay_measured_last(ground: Ground, operator: Any) -> None:
    ground.sql("DELETE FROM operator_figures")
    assert operator.get(f"{BASE}/backlog").json()["measured_at"] is None
    ground.letter()
    ground.relay()
    shown = operator.get(f"{BASE}/backlog").json()
    assert (shown["service"], shown["dead_letters"], shown["own"]) == (
        "device-ingest",
        1,
        [{"name": "own_things", "value": 7.0}],
    )
    assert shown["measured_at"] is not None


def test_dead_letters_of_all_tenants_are_listed_in_pages_without_their_content(ground: Ground, operator: Any) -> None:
    tenant_id = ids.new_id("org")
    made = {ground.letter(), ground.letter(), ground.letter(tenant_id)}
    found: list[dict[str, Any]] = []
    query: dict[str, Any] = {"limit": 2}
    while True:
        answer = operator.get(f"{BASE}/dead-letters", params=query)
        assert "Rossi" not in answer.text
        found += answer.json()["dead_letters"]
        if answer.json()["next_cursor"] is None:
            break
        query["cursor"] = answer.json()["next_cursor"]
    assert {one["message_id"] for one in found} == made
    assert len(found) == 3
    only = operator.get(f"{BASE}/dead-letters", params={"tenant_id": tenant_id}).json()["dead_letters"]
    assert [one["tenant_id"] for one in only] == [tenant_id]


def test_a_cursor_of_another_list_is_refused(ground: Ground, operator: Any) -> None:
    for _ in range(2):
        ground.letter()
        operator.ask("dead_letter.replay", ground.letter())
    cursor = operator.get(f"{BASE}/acts", params={"limit": 1}).json()["next_cursor"]
    assert operator.get(f"{BASE}/dead-letters", params={"limit": 1, "cursor": cursor}).status_code == 422


# --- Acts -------------------------------------------------------------------------------------------------------------


def test_a_replay_applies_the_message_and_is_in_both_trails(ground: Ground, operator: Any) -> None:
    tenant_id = ids.new_id("org")
    message_id = ground.letter(tenant_id)
    asked = operator.ask("dead_letter.replay", message_id, "The link's bug is repaired")
    assert operator.act(asked)["state"] == "waiting"
    ground.relay()
    act = operator.act(asked)
    assert (act["state"], act["outcome"], act["asked_by"]) == ("done", None, operator.caller.subject)
    assert ground.revived == [message_id]
    own = ground.trail(PLATFORM_TENANT, act["id"])
    assert [(action, actor) for action, _, actor, _ in own] == [
        ("operator_act.asked", operator.caller.subject),
        ("operator_act.done", operator.caller.subject),
    ]
    assert own[0][3]["reason"] == "The link's bug is repaired"
    why = {"reason": "The link's bug is repaired", "act": act["id"], "message": "epcr.link"}
    assert ground.trail(tenant_id, message_id) == [("dead_letter.replayed", "operator", None, why)]


def test_a_replay_that_fails_again_leaves_the_letter_and_tells_no_content(ground: Ground, operator: Any) -> None:
    message_id = ground.letter()
    ground.fails = True
    asked = operator.ask("dead_letter.replay", message_id)
    ground.relay()
    act = operator.act(asked)
    assert (act["state"], "KeyError" in act["outcome"], "Rossi" in act["outcome"]) == ("refused", True, False)
    assert operator.get(f"{BASE}/dead-letters").json()["dead_letters"][0]["message_id"] == message_id


def test_a_discarded_letter_is_gone_without_its_effect(ground: Ground, operator: Any) -> None:
    tenant_id = ids.new_id("org")
    message_id = ground.letter(tenant_id)
    asked = operator.ask("dead_letter.discard", message_id)
    ground.relay()
    assert operator.act(asked)["state"] == "done"
    assert operator.get(f"{BASE}/dead-letters").json()["dead_letters"] == []
    assert not ground.revived
    assert [action for action, *_ in ground.trail(tenant_id, message_id)] == ["dead_letter.discarded"]


def test_a_letter_that_is_gone_refuses_the_act(ground: Ground, operator: Any) -> None:
    message_id = ground.letter()
    first, second = operator.ask("dead_letter.discard", message_id), operator.ask("dead_letter.discard", message_id)
    ground.relay()
    assert [operator.act(one)["state"] for one in (first, second)] == ["done", "refused"]


def test_an_act_of_a_process_that_ended_is_interrupted_and_not_repeated(ground: Ground, operator: Any) -> None:
    asked = operator.ask("dead_letter.replay", ground.letter())
    ground.sql("UPDATE operator_acts SET state = 'begun', begun_at = now() - interval '11 minutes'")
    ground.relay()
    act = operator.act(asked)
    assert (act["state"], ground.revived) == ("interrupted", [])
    assert ground.trail(PLATFORM_TENANT, act["id"])[-1][0] == "operator_act.interrupted"


def test_a_failing_act_undoes_its_work_and_stops_no_other(ground: Ground, operator: Any) -> None:
    kept, discarded = ground.letter(), ground.letter()

    def breaks(conn: Any, asked: Any) -> None:
        acts.discard(conn, asked)
        if asked.subject_id == kept:
            raise ValueError("Mario Rossi")

    broken, other = operator.ask("dead_letter.discard", kept), operator.ask("dead_letter.discard", discarded)
    ground.relay(dead_letter_of_discard=breaks)
    states = [(operator.act(one)["state"], operator.act(one)["outcome"]) for one in (broken, other)]
    assert states[0][0] == "failed"
    assert "Rossi" not in states[0][1]
    assert states[1] == ("done", None)
    assert [one["message_id"] for one in operator.get(f"{BASE}/dead-letters").json()["dead_letters"]] == [kept]


def test_a_refusal_is_shown_in_words(ground: Ground, operator: Any) -> None:
    def refuses(conn: Any, asked: Any) -> None:
        raise ActRefused("it is closed already")

    asked = operator.ask("dead_letter.discard", ground.letter())
    ground.relay(dead_letter_of_discard=refuses)
    assert (operator.act(asked)["state"], operator.act(asked)["outcome"]) == ("refused", "it is closed already")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"action": "dead_letter.burn", "subject_id": "x", "reason": "A reason"}, "/action"),
        ({"action": "tenant.suspend", "subject_id": SUBJECT, "reason": "A reason"}, "/action"),
        ({"action": "dead_letter.replay", "subject_id": "../x", "reason": "A reason"}, "/subject_id"),
        ({"action": "dead_letter.replay", "subject_id": SUBJECT, "reason": "A reason"}, "/subject_id"),
        ({"action": "dead_letter.replay", "subject_id": "0" * 8, "reason": "no"}, "/reason"),
        ({"action": "dead_letter.replay", "subject_id": "0" * 8, "reason": " " * 9}, "/reason"),
        ({"action": "dead_letter.replay", "subject_id": "0" * 8}, "/reason"),
    ],
)
def test_an_act_that_does_not_fit_is_refused_by_field(operator: Any, body: dict[str, str], pointer: str) -> None:
    refused = operator.call("POST", f"{BASE}/acts", json=body)
    assert refused.status_code == 422
    assert pointer in {error["pointer"] for error in refused.json()["errors"]}


def test_a_form_that_is_sent_twice_is_one_act(ground: Ground, operator: Any) -> None:
    message_id, key = ground.letter(), "3f0c5f0e-5f3c-4c60-9b0c-0a4d4f6d3b11"
    made = [operator.ask("dead_letter.replay", message_id, idempotency_key=key).json()["id"] for _ in range(2)]
    assert len(set(made)) == 1


def test_acts_that_wait_are_bounded(ground: Ground, operator: Any) -> None:
    ground.sql(
        "INSERT INTO operator_acts (id, tenant_id, action, subject_id, reason, client_id, asked_by)"
        " SELECT 'act_' || n, %s, 'dead_letter.replay', 'x', 'y', 'z', 'w' FROM generate_series(1, 500) n",
        PLATFORM_TENANT,
    )
    refused = operator.ask("dead_letter.replay", ground.letter())
    assert (refused.status_code, refused.json()["type"].rpartition("#")[2]) == (409, "limit-reached")


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO dead_letters (message_id, tenant_id, producer, name, body, occurred_at, error)"
        " VALUES (gen_random_uuid(), 'org_1', 'auth', 'device_ingest.app_changed.v1', '{}', now(), 'x')",
        "UPDATE dead_letters SET body = '{}'",
        "DELETE FROM dead_letters",
        "SELECT body FROM dead_letters",
        "INSERT INTO inbox (message_id, tenant_id) VALUES (gen_random_uuid(), 'org_1')",
        "DELETE FROM inbox",
        "INSERT INTO failures (message_id, tenant_id, last_error, deaths) VALUES (gen_random_uuid(), 'org_1', 'x', 100)",
        "UPDATE failures SET deaths = 100",
        "LOCK TABLE dead_letters IN ACCESS EXCLUSIVE MODE",
        "LOCK TABLE inbox IN ACCESS EXCLUSIVE MODE",
        "LOCK TABLE failures IN ACCESS EXCLUSIVE MODE",
    ],
)
def test_a_web_process_neither_forges_a_dead_letter_nor_makes_a_message_known(
    ground: Ground, statement: LiteralString
) -> None:
    """A forged dead letter of any service, sent again by an operator who sees it, was applied like a signed message."""
    ground.letter("org_1")
    with psycopg.connect(ground.database.app) as conn:
        conn.execute(SET_TENANT, ("org_1",))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute(statement)


BY_ROLE: dict[str, LiteralString] = {
    "act done": "UPDATE operator_acts SET state = 'done'",
    "act removed": "DELETE FROM operator_acts",
    "act changed by a conflict": "INSERT INTO operator_acts (id, tenant_id, action, subject_id, reason, client_id, asked_by)"
    " VALUES ('act_1', 'org_00000000000000000000000000', 'dead_letter.discard', 'x', 'y', 'z', 'w')"
    " ON CONFLICT (id) DO UPDATE SET state = 'waiting'",
    "act changed by a merge": "MERGE INTO operator_acts a USING (SELECT 1) s ON true WHEN MATCHED THEN UPDATE SET state = 'waiting'",
    "acts locked": "LOCK TABLE operator_acts IN ACCESS EXCLUSIVE MODE",
    "figures of mine": "INSERT INTO operator_figures (measured_at, figures) VALUES (now(), '{}')",
    "figures changed": "UPDATE operator_figures SET figures = '{}'",
    "figures removed": "DELETE FROM operator_figures",
}


@pytest.mark.parametrize("name", BY_ROLE)
def test_no_web_process_changes_an_act_or_the_figures(ground: Ground, operator: Any, name: str) -> None:
    asked = operator.ask("dead_letter.discard", ground.letter())
    with psycopg.connect(ground.database.app) as conn:
        conn.execute(SET_TENANT, (PLATFORM_TENANT,))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute(BY_ROLE[name])
    ground.relay()
    assert operator.act(asked)["state"] == "done"
