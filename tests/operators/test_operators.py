"""The calls of operators at one service: who may make them, their answers, and acts that the relay carries out at most once."""

import hashlib
import threading
import time
from collections.abc import Callable
from typing import Any, LiteralString

import httpx2
import msgspec
import psycopg
import pytest
from psycopg import sql

from shared.operators import acts
from shared.operators.models import ActRefused
from shared.primitives import ids
from shared.primitives.crypto import base64url_encode
from shared.primitives.ids import PLATFORM_TENANT
from shared.process import metrics
from shared.storage.database import SET_TENANT
from shared.web.identity import HEADER, Requested, mint
from tests.operators.conftest import BASE, Caller, Ground, operator_of
from tests.support.alone import KEY
from tests.support.waiting import wait_for

ACTS = f"{BASE}/acts"
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
        "INSERT INTO operator_acts (id, tenant_id, action, subject_id, reason, client_id, asked_by, identity)"
        " SELECT 'act_' || n, %s, 'dead_letter.replay', 'x', 'y', 'z', 'w', '' FROM generate_series(1, 500) n",
        PLATFORM_TENANT,
    )
    refused = operator.ask("dead_letter.replay", ground.letter())
    assert (refused.status_code, refused.json()["type"].rpartition("#")[2]) == (409, "limit-reached")


class Stranger:
    """Somebody with the web process's role of the database, who saw the operator's call."""

    def __init__(self, ground: Ground, operator: Caller) -> None:
        self.ground, self.operator = ground, operator

    def body(self, subject_id: str, action: str = "dead_letter.discard", reason: str = "A bug is repaired") -> bytes:
        return msgspec.json.encode({"action": action, "subject_id": subject_id, "reason": reason})

    def statement(self, body: bytes, path: str = ACTS, method: str = "POST", **minted: Any) -> str:
        """Of the gateway, for a request with that body."""
        digest = base64url_encode(hashlib.sha256(body).digest())
        path, _, query = path.partition("?")
        requested = Requested(str(ids.uuid7()), "operator_act", method, path, query, digest)
        described: dict[str, Any] = {"audience": "device_ingest", "requested": requested} | minted
        return mint(self.operator.caller, KEY, **described)

    def insert(self, subject_id: str, /, **row: Any) -> str:
        """Writes an act down. Returns its id."""
        who = self.operator.caller
        asked: dict[str, Any] = {
            "id": ids.new_id("act"),
            "tenant_id": PLATFORM_TENANT,
            "action": "dead_letter.discard",
            "subject_id": subject_id,
            "reason": "A bug is repaired",
            "client_id": who.client_id,
            "asked_by": who.subject,
            "identity": "",
            "request": self.body(subject_id),
        } | row
        names, values = ", ".join(asked), ", ".join(f"%({name})s" for name in asked)
        with psycopg.connect(self.ground.database.app) as conn:
            conn.execute(SET_TENANT, (PLATFORM_TENANT,))
            conn.execute(f"INSERT INTO operator_acts ({names}) VALUES ({values})".encode(), asked)
        return asked["id"]

    def letters(self) -> set[str]:
        return {one["message_id"] for one in self.operator.get(f"{BASE}/dead-letters").json()["dead_letters"]}

    def states(self) -> dict[str, str]:
        return {one["id"]: one["state"] for one in self.operator.get(f"{BASE}/acts").json()["acts"]}


@pytest.fixture
def stranger(ground: Ground, operator: Any) -> Stranger:
    return Stranger(ground, operator)


def refused_as(fault: str) -> float:
    return metrics.operator_acts_refused.labels(fault)._value.get()


@pytest.mark.parametrize(
    "fields",
    [
        {"tenant_id": ids.new_id("org")},
        {"second_factor": False},
        {"scopes": ("platform:operate:read",)},
        {"token_use": "service"},
        None,
    ],
    ids=["another tenant", "no second factor", "only reads", "no person", "no statement"],
)
def test_an_act_that_no_operator_asked_for_is_not_carried_out(
    http: httpx2.Client, ground: Ground, operator: Any, fields: dict[str, Any] | None
) -> None:
    forged = Stranger(ground, operator_of(http, **(fields or {})))
    message_id = ground.letter()
    header = forged.statement(forged.body(message_id)) if fields is not None else "x.y.z"
    forged.insert(message_id, identity=header)
    ground.relay()
    (act,) = operator.get(f"{BASE}/acts").json()["acts"]
    assert act["state"] == "refused"
    assert [one["message_id"] for one in operator.get(f"{BASE}/dead-letters").json()["dead_letters"]] == [message_id]


PUT_IN_PLACE: dict[str, tuple[str, Callable[[Stranger, str, str], dict[str, Any]]]] = {
    "another subject": ("act", lambda s, asked, other: {"subject_id": other, "request": s.body(asked)}),
    "another subject with its body": ("request", lambda s, asked, other: {"request": s.body(other)}),
    "another kind": ("act", lambda s, asked, other: {"action": "dead_letter.replay", "request": s.body(asked)}),
    "another reason": ("act", lambda s, asked, other: {"reason": "Because", "request": s.body(asked)}),
    "a field more": ("request", lambda s, asked, other: {"request": s.body(asked)[:-1] + b',"force":true}'}),
    "a body without an act": ("request", lambda s, asked, other: {"identity": s.statement(b"[]"), "request": b"[]"}),
    "another operator": ("operator", lambda s, asked, other: {"asked_by": ids.new_id("usr")}),
    "another app": ("operator", lambda s, asked, other: {"client_id": ids.new_id("app")}),
    "an old statement": (
        "time",
        lambda s, asked, other: {"identity": s.statement(s.body(asked), now=time.time() - 600)},
    ),
    "a statement of tomorrow": (
        "time",
        lambda s, asked, other: {"identity": s.statement(s.body(asked), now=time.time() + 600)},
    ),
    "a statement for another service": (
        "statement",
        lambda s, asked, other: {"identity": s.statement(s.body(asked), audience="epcr")},
    ),
    "an act of another service": (
        "request",
        lambda s, asked, other: {"identity": s.statement(s.body(asked), "/v1/operations/epcr/acts")},
    ),
    "a reading of acts": ("request", lambda s, asked, other: {"identity": s.statement(s.body(asked), method="GET")}),
    "a reading of an act": (
        "request",
        lambda s, asked, other: {"identity": s.statement(s.body(asked), ACTS + "/act_1")},
    ),
    "a query": ("request", lambda s, asked, other: {"identity": s.statement(s.body(asked), ACTS + "?subject_id=x")}),
    "the statement of a call that asks for no act": (
        "request",
        lambda s, asked, other: {"identity": s.statement(s.body(asked), requested=None)},
    ),
    "a body in place of the signed one": ("request", lambda s, asked, other: {"request": b""}),
    "a statement that the stranger changed": (
        "statement",
        lambda s, asked, other: {"identity": s.statement(s.body(asked))[:-4] + "AAAA"},
    ),
    "a signature of another key": (
        "statement",
        lambda s, asked, other: {"identity": s.statement(s.body(asked)).replace("test-1.", "test-2.", 1)},
    ),
}
"""The fault that the relay counts, and the columns that a stranger writes in place of those of the asked act."""


@pytest.mark.parametrize("name", PUT_IN_PLACE)
def test_another_act_in_place_of_the_asked_one_is_not_carried_out(
    ground: Ground, stranger: Stranger, operator: Any, name: str
) -> None:
    fault, change = PUT_IN_PLACE[name]
    asked, other = ground.letter(), ground.letter()
    honest = {"identity": stranger.statement(stranger.body(asked)), "request": stranger.body(asked)}
    before = refused_as(fault)
    act_id = stranger.insert(asked, **(honest | change(stranger, asked, other)))
    ground.relay()
    assert stranger.states() == {act_id: "refused"}
    assert stranger.letters() == {asked, other}
    assert not ground.revived
    assert refused_as(fault) == before + 1
    ((action, client_id, actor, _),) = ground.trail(PLATFORM_TENANT, act_id)
    assert (action, client_id, actor) == ("operator_act.refused", "operator", None)  # nobody asked for it


def test_a_statement_carries_out_one_act_and_a_replay_none(ground: Ground, stranger: Stranger, operator: Any) -> None:
    """A dead letter that dies again after its replay would be replayed without end."""
    message_id = ground.letter()
    body = stranger.body(message_id)
    row = {"identity": stranger.statement(body), "request": body}
    first = stranger.insert(message_id, **row)
    before = refused_as("replay")
    ground.relay()
    ground.sql(
        "INSERT INTO dead_letters (message_id, tenant_id, producer, name, body, occurred_at, error)"
        " VALUES (%s, %s, 'epcr', 'epcr.link', '{}', now(), '')",
        message_id,
        ids.new_id("org"),
    )
    again = [stranger.insert(message_id, **row) for _ in range(2)]
    ground.relay()
    assert stranger.states() == {first: "done"} | dict.fromkeys(again, "refused")
    assert stranger.letters() == {message_id}
    assert refused_as("replay") == before + 2


def test_a_statement_whose_act_was_interrupted_carries_out_no_other(ground: Ground, stranger: Stranger) -> None:
    """Its process was killed: after the statement was noted, or before."""
    for statement_id in ("noted", None):
        message_id = ground.letter()
        body = stranger.body(message_id)
        row = {"identity": stranger.statement(body), "request": body}
        first = stranger.insert(message_id, **row)
        if statement_id is not None:
            with pytest.raises(KeyboardInterrupt):
                ground.relay(dead_letter_of_discard=killed)
        ground.sql(
            "UPDATE operator_acts SET state = 'begun', begun_at = now() - interval '11 minutes' WHERE id = %s", first
        )
        second = stranger.insert(message_id, **row)
        ground.relay()
        assert stranger.states()[first] == "interrupted"
        assert stranger.states()[second] == ("refused" if statement_id else "done")


def killed(conn: Any, asked: Any) -> None:
    raise KeyboardInterrupt


def test_a_call_that_the_gateway_did_not_name_writes_no_act_down(ground: Ground, operator: Any) -> None:
    """From a gateway of the previous release; or a header that somebody saw at the service's other calls."""
    refused = operator.ask("dead_letter.discard", ground.letter(), **{HEADER: operator.headers()[HEADER]})
    assert (refused.status_code, "did not name" in refused.json()["detail"]) == (503, True)
    assert ground.sql("SELECT count(*) FROM operator_acts") == [(0,)]


def test_a_statement_of_one_request_opens_no_other(ground: Ground, stranger: Stranger, operator: Any) -> None:
    message_id = ground.letter()
    header = stranger.statement(stranger.body(message_id))
    assert operator.get(f"{BASE}/acts", headers={HEADER: header}).status_code == 401
    assert operator.call("POST", f"{ACTS}?x=1", content=b"{}", headers={HEADER: header}).status_code == 401
    other = operator.ask("dead_letter.discard", ground.letter(), **{HEADER: header})
    assert other.status_code == 503


def test_a_row_that_somebody_filled_keeps_no_act_of_an_operator_waiting(
    ground: Ground, stranger: Stranger, operator: Any
) -> None:
    """A relay that must read 100 MB for each act runs out of memory, again and again."""
    for name in ("identity", "reason", "asked_by", "client_id", "subject_id"):
        with pytest.raises(psycopg.errors.CheckViolation):
            stranger.insert(ids.new_id("x"), **{name: "x" * 100_000})
    with pytest.raises(psycopg.errors.CheckViolation):
        stranger.insert("x", request=b"x" * 100_000)


def test_acts_that_nobody_asked_for_hold_an_operators_act_up_for_one_run(ground: Ground, operator: Any) -> None:
    """100,000 rows would be hours of a kill switch that does not act."""
    forged(ground, 99)
    asked = operator.ask("dead_letter.discard", ground.letter())
    ground.relay()
    assert operator.act(asked)["state"] == "done"


FORGED: LiteralString = (
    "INSERT INTO operator_acts (id, tenant_id, action, subject_id, reason, client_id, asked_by, identity)"
    " SELECT 'act_' || gen_random_uuid(), %s, 'dead_letter.discard', 'x', 'y', 'z', 'w', 'forged' FROM generate_series(1, %s) n"
)


def forged(ground: Ground, number: int) -> None:
    ground.sql(FORGED, PLATFORM_TENANT, number)


def test_a_web_process_that_writes_acts_without_end_keeps_no_operator_from_asking(
    ground: Ground, operator: Any
) -> None:
    """It filled all 500 places in one statement, again and again, and each operator got 409."""
    with psycopg.connect(ground.database.app) as conn:
        conn.execute(SET_TENANT, (PLATFORM_TENANT,))
        with pytest.raises(psycopg.errors.CheckViolation, match="a transaction writes one act"):
            conn.execute(FORGED, (PLATFORM_TENANT, 2))
    with psycopg.connect(ground.database.app) as conn:
        conn.execute(SET_TENANT, (PLATFORM_TENANT,))
        conn.execute(FORGED, (PLATFORM_TENANT, 1))
        with pytest.raises(psycopg.errors.CheckViolation, match="a transaction writes one act"), conn.transaction():
            conn.execute(FORGED, (PLATFORM_TENANT, 1))
    forged(ground, 60)
    stop = threading.Event()

    def write() -> None:
        with psycopg.connect(ground.database.app) as conn:
            while not stop.is_set():
                conn.execute(SET_TENANT, (PLATFORM_TENANT,))
                conn.execute(FORGED, (PLATFORM_TENANT, 1))
                conn.commit()

    writers = [threading.Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    try:
        paced = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
        with psycopg.connect(ground.database.admin, autocommit=True) as admin:
            wait_for(lambda: admin.execute(paced).fetchone() == (3,))
        asked = operator.ask("dead_letter.discard", ground.letter())
    finally:
        stop.set()
        for writer in writers:
            writer.join(60)
    ground.relay()
    assert operator.act(asked)["state"] == "done"


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_a_web_process_writes_no_acts_in_a_transaction_of_the_past(ground: Ground, level: LiteralString) -> None:
    """With a shared snapshot from before the first act each counted no open act: none waited, and there was no limit."""
    begin: LiteralString = f"SET TRANSACTION ISOLATION LEVEL {level}"
    with psycopg.connect(ground.database.app) as holder:
        holder.execute(begin)
        [snapshot] = holder.execute("SELECT pg_export_snapshot()").fetchone() or ("",)
        forged(ground, 50)
        with psycopg.connect(ground.database.app) as conn:
            conn.execute(begin)
            conn.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(snapshot))
            conn.execute(SET_TENANT, (PLATFORM_TENANT,))
            with pytest.raises(psycopg.errors.CheckViolation, match="READ COMMITTED"):
                conn.execute(FORGED, (PLATFORM_TENANT, 1))


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


def test_the_role_of_web_processes_cannot_read_a_statement_and_use_it_for_another_act(
    ground: Ground, operator: Any
) -> None:
    operator.ask("dead_letter.discard", ground.letter())
    with psycopg.connect(ground.database.app) as conn:
        conn.execute(SET_TENANT, (PLATFORM_TENANT,))
        assert conn.execute("SELECT count(*) FROM operator_acts WHERE state = 'waiting'").fetchone() == (1,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("SELECT identity FROM operator_acts")


MADE: LiteralString = (
    "INSERT INTO operator_acts (id, tenant_id, action, subject_id, reason, client_id, asked_by, identity{more})"
    " VALUES ('act_1', 'org_00000000000000000000000000', 'dead_letter.discard', 'x', 'y', 'z', 'w', ''{value})"
)
BY_ROLE: dict[str, LiteralString] = {
    "act done": "UPDATE operator_acts SET state = 'done'",
    "act waits again": "UPDATE operator_acts SET state = 'waiting', statement_id = NULL",
    "another subject": "UPDATE operator_acts SET subject_id = 'x'",
    "another statement": "UPDATE operator_acts SET identity = 'x', request = 'x'",
    "act removed": "DELETE FROM operator_acts",
    "act changed by a conflict": MADE.format(more="", value="") + " ON CONFLICT (id) DO UPDATE SET state = 'waiting'",
    "act changed by a merge": "MERGE INTO operator_acts a USING (SELECT 1) s ON true WHEN MATCHED THEN UPDATE SET state = 'waiting'",
    "act of a time of mine": MADE.format(more=", asked_at", value=", now() - interval '1 hour'"),
    "act that is done": MADE.format(more=", state", value=", 'done'"),
    "act with the id of a statement": MADE.format(more=", statement_id", value=", 'x'"),
    "statement read": "SELECT identity FROM operator_acts",
    "body read": "SELECT request FROM operator_acts",
    "statement's id read": "SELECT statement_id FROM operator_acts",
    "statement read by its row": "SELECT a::text FROM operator_acts a",
    "statement read by a copy": "COPY operator_acts TO STDOUT",
    "statement read where it is compared": "SELECT id FROM operator_acts WHERE identity LIKE 'a%'",
    "statement returned": MADE.format(more="", value="") + " RETURNING identity",
    "acts locked": "LOCK TABLE operator_acts IN ACCESS EXCLUSIVE MODE",
    "act locked": "SELECT id FROM operator_acts FOR UPDATE",
    "figures of mine": "INSERT INTO operator_figures (measured_at, figures) VALUES (now(), '{}')",
    "figures changed": "UPDATE operator_figures SET figures = '{}'",
    "figures removed": "DELETE FROM operator_figures",
}


@pytest.mark.parametrize("name", BY_ROLE)
def test_the_role_of_web_processes_changes_no_act_and_reads_no_statement(
    ground: Ground, operator: Any, name: str
) -> None:
    asked = operator.ask("dead_letter.discard", ground.letter())
    with psycopg.connect(ground.database.app) as conn:
        conn.execute(SET_TENANT, (PLATFORM_TENANT,))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute(BY_ROLE[name])
    ground.relay()
    assert operator.act(asked)["state"] == "done"


def test_statements_are_forgotten_with_the_end_of_their_acts(ground: Ground, operator: Any) -> None:
    operator.ask("dead_letter.discard", ground.letter())
    ground.relay()
    assert ground.sql("SELECT DISTINCT identity FROM operator_acts") == [("",)]
