"""Sandboxes that an organisation makes by itself: within its quota, in portions that survive anything, and never anybody else's."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx2
import psycopg
import pytest

from services.auth import metrics
from services.auth.sandboxes import work
from services.auth.sandboxes.plan import END, ERASE, SEED, STEPS, percent_of
from shared.messaging.messages import SandboxPortionDone
from shared.primitives.ids import new_id
from shared.process.settings import required
from shared.storage.database import Connection
from tests.auth.organisations import Organisation
from tests.auth.support import Auth, QueueDoor, claims_of
from tests.auth.test_operator import operate
from tests.support.messages import envelope, sealed

PATH = "/v1/platform/sandboxes"
TASKS = "SELECT name, body FROM outbox WHERE tenant_id = %s AND name LIKE '%%.sandbox_task.v1' ORDER BY id"


@pytest.fixture
def organisation(auth: Auth) -> Organisation:
    return Organisation(auth)


class Worker(QueueDoor):
    """Receives the answers of the services."""

    def tasks(self, sandbox: dict[str, Any]) -> list[dict[str, Any]]:
        """All work that was sent, oldest first, with its service as `part`."""
        rows = self.auth.sql(TASKS, sandbox["tenant_id"])
        return [body | {"part": name.partition(".")[0]} for name, body in rows]

    def answer(self, sandbox: dict[str, Any], task: dict[str, Any], *, left: bool = False, tenant: str = "") -> None:
        done = SandboxPortionDone(
            sandbox_id=task["sandbox_id"],
            generation=task["generation"],
            step=task["step"],
            portion=task["portion"],
            left=left,
        )
        wire = envelope(tenant or sandbox["tenant_id"], done)
        self.consumer.consume(*sealed(task["part"], "auth", [wire]))

    def finish(self, sandbox: dict[str, Any]) -> list[tuple[str, str]]:
        """Answers every portion that is sent. Returns the task and the service of each."""
        done: list[tuple[str, str]] = []
        sent = self.tasks(sandbox)
        while len(sent) > len(done):
            for task in sent[len(done) :]:
                done.append((task["task"], task["part"]))
                self.answer(sandbox, task)
            sent = self.tasks(sandbox)
        return done


@pytest.fixture
def worker(auth: Auth) -> Iterator[Worker]:
    worker = Worker(auth)
    yield worker
    worker.consumer.close()


def make(organisation: Organisation, **draft: Any) -> dict[str, Any]:
    answer = organisation.call("POST", PATH, json=draft)
    assert answer.status_code == 201, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return answer.json()


def read(organisation: Organisation, sandbox: dict[str, Any]) -> dict[str, Any]:
    return organisation.call("GET", f"{PATH}/{sandbox['id']}").json()


def act(organisation: Organisation, sandbox: dict[str, Any], action: str, **options: Any) -> httpx2.Response:
    return organisation.call("POST", f"{PATH}/{sandbox['id']}/{action}", **options)


def test_an_administrator_makes_one_that_answers_at_once(auth: Auth, organisation: Organisation) -> None:
    made = make(organisation)
    assert (made["state"], made["percent"], made["name"]) == ("preparing", 0, "Coastal Rescue (sandbox)")
    assert "real patients" in made["notice"]
    tenant = auth.sql("SELECT environment, status FROM tenants WHERE tenant_id = %s", made["tenant_id"])
    assert tenant == [("sandbox", "active")]
    token = auth.token(made, scope="platform:apps argus:epcr:write argus:devices:write").json()["access_token"]
    claims = claims_of(token)
    assert (claims["tenant_id"], claims["environment"]) == (made["tenant_id"], "sandbox")
    shown = read(organisation, made)
    assert "client_secret" not in shown
    assert organisation.call("GET", PATH).json()["sandboxes"] == [shown]
    assert organisation.trail()[-1] == "sandbox.created"


def test_its_secret_is_in_no_row_message_or_line_of_the_trail(auth: Auth, organisation: Organisation) -> None:
    made = make(organisation)
    for table in ("sandboxes", "apps", "app_secrets", "outbox", "audit"):
        assert made["client_secret"] not in str(auth.sql(f"SELECT {table}::text FROM {table}"))


def test_a_lost_answer_comes_again_by_its_key_and_makes_no_second_sandbox(organisation: Organisation) -> None:
    key = {"idempotency-key": "one sandbox"}
    first = organisation.call("POST", PATH, json={}, headers=key)
    assert organisation.call("POST", PATH, json={}, headers=key).json() == first.json()
    assert len(organisation.call("GET", PATH).json()["sandboxes"]) == 1


def test_a_quota_limits_them_and_an_operator_sets_it(auth: Auth, organisation: Organisation) -> None:
    operate(auth, "tenant", "limit", organisation.tenant_id, "sandboxes", "1")
    made = make(organisation)
    refused = organisation.call("POST", PATH, json={})
    assert (refused.status_code, refused.json()["limit"]) == (409, 1)
    assert organisation.call("DELETE", f"{PATH}/{made['id']}").status_code == 204
    make(organisation)
    operate(auth, "tenant", "limit", organisation.tenant_id, "sandboxes_a_day", "2")
    operate(auth, "tenant", "limit", organisation.tenant_id, "sandboxes", "9")
    assert organisation.call("POST", PATH, json={}).json()["limit"] == 2


def test_a_sandbox_has_none_of_its_own(auth: Auth) -> None:
    assert Organisation(auth, "--sandbox").call("POST", PATH, json={}).status_code == 409


@pytest.mark.parametrize(
    "draft", [{"seed": -1}, {"seed": 1 << 40}, {"name": "a\u202eb"}, {"name": "x" * 121}, {"x": 1}]
)
def test_a_draft_that_does_not_fit_is_refused(organisation: Organisation, draft: dict[str, Any]) -> None:
    assert organisation.call("POST", PATH, json=draft).status_code == 422


def test_only_who_administers_apps_makes_one(auth: Auth) -> None:
    caller = auth.caller(("argus:epcr:write", "webhooks:write"))
    assert auth.call("POST", PATH, caller, json={}).status_code == 403


# --- portions ---------------------------------------------------------------------------------------------------------


def test_one_portion_is_under_way_and_the_next_follows_its_answer(organisation: Organisation, worker: Worker) -> None:
    made = make(organisation, seed=9)
    [first] = worker.tasks(made)
    assert (first["task"], first["part"], first["seed"], first["portion"]) == ("seed", "epcr", 9, 0)
    worker.answer(made, first, left=True)
    second = worker.tasks(made)[-1]
    assert (second["part"], second["portion"]) == ("epcr", 1)
    assert 0 < read(organisation, made)["percent"] < 100
    done = worker.finish(made)
    assert [part for _, part in done[2:]] == [step.part for step in SEED[1:]]
    assert (read(organisation, made)["state"], read(organisation, made)["percent"]) == ("ready", 100)
    assert organisation.trail()[-1] == "sandbox.ready"


def test_an_answer_that_comes_twice_late_or_from_elsewhere_changes_nothing(
    organisation: Organisation, worker: Worker
) -> None:
    made, another = make(organisation), make(organisation)
    [first] = worker.tasks(made)
    worker.answer(made, first, tenant=another["tenant_id"])
    worker.answer(made, first | {"generation": 2})
    worker.answer(made, first | {"step": 3})
    assert len(worker.tasks(made)) == 1
    worker.answer(made, first)
    worker.answer(made, first)
    assert len(worker.tasks(made)) == 2
    assert len(worker.tasks(another)) == 1


def test_a_reset_erases_before_it_writes_and_leaves_the_credentials(
    auth: Auth, organisation: Organisation, worker: Worker
) -> None:
    made = make(organisation)
    assert act(organisation, made, "reset").status_code == 409
    before = len(worker.finish(made))
    answer = act(organisation, made, "reset")
    assert (answer.status_code, answer.json()["state"], answer.json()["generation"]) == (202, "resetting", 2)
    done = worker.finish(made)[before:]
    assert done == [(step.task, step.part) for step in ERASE + SEED]
    assert read(organisation, made)["state"] == "ready"
    assert auth.token(made, scope="argus:epcr:write").status_code == 200


def test_work_that_stopped_may_begin_anew(auth: Auth, organisation: Organisation, worker: Worker) -> None:
    """A message that became a dead letter has no answer."""
    made = make(organisation)
    auth.sql("UPDATE sandboxes SET changed_at = now() - interval '3 minutes' WHERE id = %s", made["id"])
    assert act(organisation, made, "reset").status_code == 202
    worker.finish(made)
    assert read(organisation, made)["state"] == "ready"


def test_resets_of_a_day_are_few(auth: Auth, organisation: Organisation, worker: Worker) -> None:
    """Each costs every service the writing of a year."""
    made = make(organisation)
    worker.finish(made)
    assert act(organisation, made, "reset").status_code == 202
    worker.finish(made)
    auth.sql("UPDATE sandboxes SET resets = 20 WHERE id = %s", made["id"])
    assert act(organisation, made, "reset").json()["limit"] == 20
    auth.sql("UPDATE sandboxes SET reset_day = reset_day - 1 WHERE id = %s", made["id"])
    assert act(organisation, made, "reset").status_code == 202


def test_deleting_ends_its_tokens_and_then_its_data(auth: Auth, organisation: Organisation, worker: Worker) -> None:
    made = make(organisation)
    token = claims_of(auth.token(made, scope="argus:epcr:write").json()["access_token"])
    assert organisation.call("DELETE", f"{PATH}/{made['id']}").status_code == 204
    [(moment,)] = auth.sql("SELECT not_before_ms FROM watermarks WHERE kind = 'tenant' AND id = %s", made["tenant_id"])
    assert moment > token["iat"] * 1000
    assert auth.token(made, scope="argus:epcr:write").status_code == 401
    before = len(worker.tasks(made)) - 1
    assert worker.finish(made)[before:] == [(step.task, step.part) for step in END]
    gone = read(organisation, made)
    assert gone["state"] == "deleted"
    assert gone["deleted_at"] is not None
    assert organisation.call("DELETE", f"{PATH}/{made['id']}").status_code == 204
    assert act(organisation, made, "reset").status_code == 409
    assert act(organisation, made, "scenarios/arrest").status_code == 409


def test_a_suspended_organisation_acts_through_none_of_its_sandboxes(auth: Auth, organisation: Organisation) -> None:
    kept, deleted = make(organisation), make(organisation)
    assert organisation.call("DELETE", f"{PATH}/{deleted['id']}").status_code == 204
    operate(auth, "tenant", "suspend", organisation.tenant_id)
    statuses = "SELECT tenant_id, status FROM tenants WHERE tenant_id = ANY (%s)"
    every = [organisation.tenant_id, kept["tenant_id"], deleted["tenant_id"]]
    assert dict(auth.sql(statuses, every)) == dict.fromkeys(every, "suspended")
    assert auth.token(kept, scope="argus:epcr:write").status_code == 401
    ended = "SELECT id FROM watermarks WHERE kind = 'tenant' AND id = ANY (%s) AND tenant_id = id"
    assert {one for (one,) in auth.sql(ended, every)} == set(every), "gateways look for each under its own organisation"
    operate(auth, "tenant", "resume", organisation.tenant_id)
    assert dict(auth.sql(statuses, every)) == dict.fromkeys(every[:2], "active") | {every[2]: "suspended"}


def test_percent_grows_with_every_portion() -> None:
    for state, steps in STEPS.items():
        shown = [percent_of(state, step, portion) for step, one in enumerate(steps) for portion in range(one.portions)]
        assert shown == sorted(shown)
        assert shown[0] == 0
        assert percent_of(state, len(steps), 0) == 100
        assert percent_of(state, 0, 10_000) < 100


# --- scenarios --------------------------------------------------------------------------------------------------------


def test_an_arrest_goes_to_each_service_with_the_same_case(organisation: Organisation, worker: Worker) -> None:
    made = make(organisation)
    assert act(organisation, made, "scenarios/arrest").status_code == 409  # not ready
    worker.finish(made)
    answer = act(organisation, made, "scenarios/arrest")
    assert answer.status_code == 202
    assert None not in [answer.json()[name] for name in ("encounter_id", "incident_id", "device_id")]
    sent = [task for task in worker.tasks(made) if task["task"] == "arrest"]
    assert {task["part"] for task in sent} == {"epcr", "graphql_api", "device_ingest"}
    assert len({(task["number"], task["at"], task["generation"]) for task in sent}) == 1


def test_revoked_tokens_end_and_new_ones_are_given(auth: Auth, organisation: Organisation, worker: Worker) -> None:
    made = make(organisation)
    worker.finish(made)
    assert act(organisation, made, "scenarios/revoked_tokens").status_code == 202
    marks = auth.sql("SELECT id FROM watermarks WHERE kind = 'tenant' AND id = %s", made["tenant_id"])
    assert marks == [(made["tenant_id"],)]
    assert auth.token(made, scope="argus:epcr:write").status_code == 200
    assert read(organisation, made)["state"] == "ready"


def test_scenarios_are_bounded_until_the_next_reset(auth: Auth, organisation: Organisation, worker: Worker) -> None:
    made = make(organisation)
    worker.finish(made)
    auth.sql("UPDATE sandboxes SET scenarios = 500 WHERE id = %s", made["id"])
    assert act(organisation, made, "scenarios/failing_receiver").status_code == 409
    act(organisation, made, "reset")
    worker.finish(made)
    assert act(organisation, made, "scenarios/failing_receiver").json()["webhook_id"]


def test_an_unknown_scenario_is_404_and_names_those_there_are(organisation: Organisation, worker: Worker) -> None:
    made = make(organisation)
    worker.finish(made)
    answer = act(organisation, made, "scenarios/earthquake")
    assert answer.status_code == 404
    assert "arrest" in answer.json()["detail"]


# --- attacks ----------------------------------------------------------------------------------------------------------


def test_another_organisations_sandbox_cannot_be_seen_reset_or_deleted(
    auth: Auth, organisation: Organisation, worker: Worker
) -> None:
    made, other = make(organisation), Organisation(auth)
    worker.finish(made)
    sent = len(worker.tasks(made))
    for answer in (
        other.call("GET", f"{PATH}/{made['id']}"),
        other.call("DELETE", f"{PATH}/{made['id']}"),
        act(other, made, "reset"),
        act(other, made, "scenarios/revoked_tokens"),
    ):
        assert answer.status_code == 404
    assert other.call("GET", PATH).json()["sandboxes"] == []
    assert len(worker.tasks(made)) == sent
    assert read(organisation, made)["state"] == "ready"


@pytest.mark.parametrize("name", ["{tenant}", "org_00000000000000000000000000", "..", "sbx_0"])
def test_an_organisation_cannot_be_named_where_a_sandbox_is(auth: Auth, organisation: Organisation, name: str) -> None:
    path = f"{PATH}/{name.format(tenant=organisation.tenant_id)}"
    assert organisation.call("DELETE", path).status_code in (404, 405)
    assert organisation.row("status") == "active"


def as_app(auth: Auth, tenant_id: str, statement: Any, *parameters: Any) -> list[Any]:
    """As an endpoint with a fault would: with the rights of the process, for a tenant."""
    with psycopg.connect(auth.settings.database_url) as conn:
        conn.execute("SELECT set_config('app.tenant_id', %s, true)", (tenant_id,))
        cursor = conn.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []


def test_no_row_can_name_a_tenant_of_production_as_a_sandbox(auth: Auth, organisation: Organisation) -> None:
    """Work for a sandbox follows from such a row alone."""
    insert = """
        INSERT INTO sandboxes (id, tenant_id, sandbox_tenant_id, name, client_id, seed, state, until)
        VALUES (%s, %s, %s, 'x', %s, 1, 'deleting', now())
    """
    for victim in (auth.demo["tenant_id"], auth.other["tenant_id"]):
        row = (new_id("sbx"), organisation.tenant_id, victim, auth.demo["client_id"])
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            as_app(auth, organisation.tenant_id, insert, *row)
    row = (new_id("sbx"), auth.demo["tenant_id"], auth.demo["tenant_id"], auth.demo["client_id"])
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        as_app(auth, organisation.tenant_id, insert, *row)


def test_the_environment_of_a_sandbox_is_fixed_while_it_is_one(auth: Auth, organisation: Organisation) -> None:
    made = make(organisation)
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        auth.sql("UPDATE tenants SET environment = 'production' WHERE tenant_id = %s", made["tenant_id"])


def test_the_doors_make_and_close_nothing_but_ones_own_sandboxes(auth: Auth, organisation: Organisation) -> None:
    made, other = make(organisation), Organisation(auth)
    assert as_app(auth, made["tenant_id"], "SELECT * FROM make_sandbox_tenant('org_x', 'x')") == []
    assert as_app(auth, other.tenant_id, "SELECT * FROM close_sandbox_tenant(%s)", made["id"]) == []
    assert as_app(auth, other.tenant_id, "SELECT * FROM close_sandbox_tenant(%s)", organisation.tenant_id) == []
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        as_app(auth, other.tenant_id, "UPDATE tenants SET status = 'suspended'")
    statuses = auth.sql(
        "SELECT DISTINCT status FROM tenants WHERE tenant_id = ANY(%s)", [made["tenant_id"], organisation.tenant_id]
    )
    assert statuses == [("active",)]


@pytest.mark.parametrize("action", ["preparing", "resetting", "deleting"])
def test_work_whose_portion_became_a_dead_letter_goes_on_by_itself(
    auth: Auth, organisation: Organisation, worker: Worker, action: str
) -> None:
    """Nobody could go on with a deletion: a repetition changes nothing, and the data stayed for good."""
    sandbox = make(organisation)
    if action != "preparing":
        worker.finish(sandbox)
        if action == "resetting":
            assert act(organisation, sandbox, "reset").status_code == 202
        else:
            assert organisation.call("DELETE", f"{PATH}/{sandbox['id']}").status_code == 204
    lost = worker.tasks(sandbox)
    resume(auth)
    assert worker.tasks(sandbox) == lost, "it has just begun"
    wait_minutes(auth, sandbox, 6)
    resume(auth)
    resume(auth)
    again = worker.tasks(sandbox)
    names = [(one["part"], one["task"], one["step"], one["portion"], one["generation"]) for one in again]
    assert len(again) == len(lost) + 1, "once"
    assert names[-1] == names[-2]
    worker.answer(sandbox, lost[-1])
    worker.answer(sandbox, again[-1])
    assert len(worker.tasks(sandbox)) == len(again) + 1, "both answers together go on by one portion"
    while read(organisation, sandbox)["state"] == action:
        worker.answer(sandbox, worker.tasks(sandbox)[-1])
    wait_minutes(auth, sandbox, 600)
    number = len(worker.tasks(sandbox))
    resume(auth)
    assert len(worker.tasks(sandbox)) == number, "it is done"


@pytest.mark.full
def test_work_that_never_succeeds_is_tried_less_and_less_often_and_measured(
    auth: Auth, organisation: Organisation, worker: Worker
) -> None:
    sandbox = make(organisation)
    for _ in range(24 * 12):
        wait_minutes(auth, sandbox, 5.1)
        resume(auth)
    assert 5 < len(worker.tasks(sandbox)) < 20
    assert metrics.oldest_sandbox_work._value.get() > 23 * 3600


def resume(auth: Auth) -> None:
    with Connection.connect(required(auth.settings.worker_database_url, "")) as conn:
        work.resume(conn)


def wait_minutes(auth: Auth, sandbox: dict[str, Any], minutes: float) -> None:
    earlier = (
        "UPDATE sandboxes SET until = until - %(wait)s, work_since = work_since - %(wait)s, changed_at = changed_at - %(wait)s"
        " WHERE id = %(id)s"
    )
    with psycopg.connect(required(auth.settings.migration_database_url, "")) as conn:
        conn.execute(earlier, {"wait": timedelta(minutes=minutes), "id": sandbox["id"]})
