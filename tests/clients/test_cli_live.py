"""The command line against a running platform: a partner's developer signs in on a device and looks after their webhooks."""

import re
import signal
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import httpx2
import pytest

import knogin
from services.auth.apps.rules import DEVICE_CODE
from tests.clients.command_line import CommandLine, Done, Running
from tests.clients.test_live import draft
from tests.support.receiver import SECRET, Receiver, always, answer, running
from tests.support.stack import Stack
from tests.support.waiting import wait_for

pytestmark = pytest.mark.full

SCOPES = ["webhooks:read", "webhooks:write", "argus:epcr:write", "offline_access"]
HIDDEN = re.compile(r'<input type="hidden" name="([a-z]+)" value="([^"]*)">')
CODE = re.compile(r"Code\s+([A-Z]{4}-[A-Z]{4})")


class Person:
    """A person in a browser, signed in as the tenant's administrator."""

    def __init__(self, stack: Stack) -> None:
        self.http = stack.client("auth")
        page = self.http.get("/v1/auth/sign-in", params={"continue": "/device"})
        self._submit(page, "/v1/auth/sign-in", email=stack.tenant.email, password=stack.tenant.password)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def _submit(self, page: httpx2.Response, path: str, **fields: str) -> httpx2.Response:
        form = page.text.partition(f'action="{path}"')[2].partition("</form>")[0]
        return self.http.post(path, data=dict(HIDDEN.findall(form)) | fields)

    def answer(self, user_code: str, decision: str = "allow") -> None:
        page = self._submit(self.http.get("/device"), "/device", user_code=user_code)
        assert page.status_code == 200, page.text
        assert self._submit(page, "/device", decision=decision).status_code == 200


@pytest.fixture
def base_url(stack: Stack) -> str:
    return f"http://localhost:{stack.port}"


@pytest.fixture
def cli(tmp_path: Path, base_url: str) -> Iterator[CommandLine]:
    made = CommandLine(tmp_path, base_url)
    yield made
    made.close()


@pytest.fixture
def app(stack: Stack) -> str:
    """The id of a public app for devices."""
    draft = {
        "name": "Command line",
        "grant_types": [DEVICE_CODE, "refresh_token"],
        "token_endpoint_auth_method": "none",
        "requested_scopes": SCOPES,
    }
    with stack.client("auth", stack.admin_token) as client:
        made = client.post("/v1/platform/apps", json=draft)
        assert made.status_code == 201, made.text
        change = {"approved_events": ["epcr.*"]}
        client.patch(f"/v1/platform/apps/{made.json()['client_id']}/governance", json=change).raise_for_status()
    return made.json()["client_id"]


@pytest.fixture
def signed_in(stack: Stack, cli: CommandLine, app: str) -> CommandLine:
    logging_in(stack, cli, app)
    return cli


def logging_in(stack: Stack, cli: CommandLine, app: str, decision: str = "allow") -> Running:
    login = cli.start("login", "--client-id", app)
    login.says("Code  ")
    found = CODE.search(login.err)
    assert found is not None, login.err
    with Person(stack) as person:
        person.answer(found[1], decision)
    login.ended()
    return login


def test_a_person_signs_in_on_a_device_and_out_again(stack: Stack, cli: CommandLine, app: str) -> None:
    login = logging_in(stack, cli, app)
    assert login.process.returncode == 0, login.err
    assert f"Open  http://localhost:{stack.port}/device" in login.err
    assert "same code" in login.err
    kept = cli.sign_in
    for secret in (kept["access_token"], kept["refresh_token"]):
        assert secret
        assert secret not in login.out + login.err
    assert stat.S_IMODE(cli.file.stat().st_mode) == 0o600
    who = cli.run("whoami", "--json")
    assert who.code == 0, who.err
    assert who.json["client_id"] == app
    assert who.json["accepted"] is True
    assert set(who.json["scopes"]) == set(SCOPES)
    assert cli.run("logout").code == 0
    assert not cli.file.exists()
    form = {"grant_type": "refresh_token", "refresh_token": kept["refresh_token"], "client_id": app}
    with stack.client("auth") as client:
        assert client.post("/v1/oauth/token", data=form).json()["error"] == "invalid_grant"
    assert cli.run("whoami").code == 3


def test_a_denied_sign_in_stores_nothing(stack: Stack, cli: CommandLine, app: str) -> None:
    login = logging_in(stack, cli, app, "deny")
    assert login.process.returncode == 1
    assert "not allowed" in login.err
    assert not cli.file.exists()


def test_an_app_that_is_not_for_devices_is_named_with_the_remedy(stack: Stack, cli: CommandLine) -> None:
    confidential = stack.register_app(["webhooks:read"])
    done = cli.run("login", "--client-id", confidential.client_id)
    assert done.code == 1
    assert "public" in done.err
    with stack.client("auth", stack.admin_token) as client:
        draft = {"name": "x", "grant_types": ["authorization_code"], "redirect_uris": ["https://integrator.example/"]}
        other = client.post("/v1/platform/apps", json=draft | {"token_endpoint_auth_method": "none"}).json()
    done = cli.run("login", "--client-id", other["client_id"])
    assert done.code == 1
    assert DEVICE_CODE in done.err


def test_processes_side_by_side_renew_the_token_once(stack: Stack, signed_in: CommandLine, app: str) -> None:
    before = signed_in.sign_in
    signed_in.change_sign_in(expires_at=time.time() + 1, obtained_at=time.time() - 3600)
    done: list[Done] = []
    threads = [threading.Thread(target=lambda: done.append(signed_in.run("whoami", "--json"))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.code for one in done] == [0] * 6, done
    after = signed_in.sign_in
    assert after["access_token"] != before["access_token"]
    with stack.database("auth", "migrator") as conn:
        rows = conn.execute("SELECT generation FROM grants WHERE client_id = %s", (app,)).fetchall()
    # The first token, and one more.
    assert rows == [(2,)]


def test_a_revoked_token_is_replaced_and_an_ended_sign_in_says_so(
    stack: Stack, signed_in: CommandLine, app: str
) -> None:
    with stack.client("auth") as client:
        form = {"token": signed_in.sign_in["access_token"], "client_id": app}
        assert client.post("/v1/oauth/revoke", data=form).status_code == 200
    wait_for(lambda: refused(stack, signed_in.sign_in["access_token"]))
    assert signed_in.run("deliveries", "list", "--webhook", "wh_" + "0" * 26).code == 1
    assert signed_in.run("whoami").code == 0
    with stack.database("auth", "migrator") as conn:
        conn.execute("UPDATE grants SET revoked_at = now() WHERE client_id = %s", (app,))
        conn.commit()
    signed_in.change_sign_in(expires_at=time.time() - 1, obtained_at=time.time() - 3600)
    done = signed_in.run("whoami")
    assert done.code == 3
    assert f"knogin login --client-id {app}" in done.err
    assert not signed_in.file.exists()


def refused(stack: Stack, token: str) -> bool:
    with stack.client("auth", token) as client:
        return client.get("/v1/webhooks").status_code == 401


def hooked(stack: Stack, cli: CommandLine, receiver: Receiver) -> str:
    return stack.subscribe(cli.sign_in["access_token"], receiver.url, "epcr.encounter.created", secret=SECRET)


def test_deliveries_are_tried_listed_shown_and_sent_again(stack: Stack, signed_in: CommandLine) -> None:
    with running(Receiver()) as receiver:
        webhook = hooked(stack, signed_in, receiver)
        tried = signed_in.run("trigger", "--json")
        assert tried.code == 0, tried
        assert tried.json["status"] == "succeeded"
        assert signed_in.run("trigger", "epcr.encounter.created").code == 0
        other = signed_in.run("trigger", "epcr.encounter.crated")
        assert other.code == 1
        assert "epcr.encounter.created" in other.err
        delivery = tried.json["delivery_id"]
        assert receiver.requests
        listed = signed_in.run("deliveries", "list", "--json").json
        assert {one["id"]: one["webhook_id"] for one in listed}[delivery] == webhook
        assert delivery in signed_in.run("deliveries", "list", "--since", "1h", "--status", "succeeded").out
        shown = signed_in.run("deliveries", "show", delivery)
        assert receiver.url in shown.out
        assert "attempt 1" in shown.out
        assert signed_in.run("deliveries", "retry", delivery).code == 0
        wait_for(lambda: len(receiver.requests) >= 3)
        receiver.behaviour = always(answer(500, body=b"broken\x1b[2J"))
        failed = signed_in.run("trigger")
        assert failed.code == 1
        assert "failed" in failed.out
        assert "\x1b" not in failed.out
        recovered = signed_in.run("deliveries", "recover", "--since", "1h", "--json")
        assert recovered.code == 0, recovered.err
        assert set(recovered.json) == {webhook}
        counted = signed_in.run("deliveries", "replay", "--since", "1h", "--status", "failed", "--dry-run")
        assert "0 deliveries would be sent again" in counted.err
        replayed = signed_in.run("deliveries", "replay", "--since", "1h", "--per-second", "5", "--no-wait", "--json")
        assert replayed.code == 0, replayed.err
        stopped = signed_in.run("deliveries", "replay", "--stop", replayed.json["id"])
        assert stopped.code in (0, 1)
        assert replayed.json["id"] in stopped.out + stopped.err or "finished" in stopped.err
        assert signed_in.run("deliveries", "replay", "--per-second", "101").code == 2
        missing = signed_in.run("deliveries", "show", "dlv_" + "0" * 26)
        assert missing.code == 1
        assert "deliveries list" in missing.err
        findings = signed_in.run("doctor", "--json")
        checks = {finding["check"]: finding["state"] for finding in findings.json}
        assert checks["token"] == "ok"
        # On a busy machine the answer takes so long that the clocks seem apart.
        assert checks["clock"] != "skip"
        assert "webhook" in checks


def test_an_app_without_webhooks_or_with_several_is_asked_for_one(stack: Stack, signed_in: CommandLine) -> None:
    none = signed_in.run("trigger")
    assert none.code == 1
    assert "no webhook" in none.err
    with running(Receiver()) as receiver:
        ids = {hooked(stack, signed_in, receiver), hooked(stack, signed_in, receiver)}
        several = signed_in.run("trigger")
        assert several.code == 2
        assert all(f"--webhook {one}" in several.err for one in ids)
        assert signed_in.run("trigger", "--webhook", ids.pop()).code == 0


def test_logs_follow_refused_calls_and_failing_deliveries(stack: Stack, signed_in: CommandLine, app: str) -> None:
    with running(Receiver(behaviour=always(answer(500)))) as receiver:
        hooked(stack, signed_in, receiver)
        tail = signed_in.start("logs", "tail", "--json")
        tail.says("Following")
        with stack.client("auth") as client:
            client.post("/v1/oauth/device_authorization", data={"client_id": app, "scope": "platform:apps"})
        tail.says("invalid_scope")
        encounter(stack, signed_in)
        tail.says("delivery retrying")
        before = signed_in.run("logs", "tail", "--since", "1h", "--no-follow")
        assert "invalid_scope" in before.out
        assert before.out.count("invalid_scope") == 1
        tail.signal(signal.SIGINT)
        assert tail.ended() == 130
        assert "Traceback" not in tail.err


def encounter(stack: Stack, cli: CommandLine) -> str:
    with knogin.Knogin(token=cli.sign_in["access_token"], base_url=cli.sign_in["base_url"]) as client:
        return client.epcr.create_encounter(draft()).id


def test_an_administrator_sees_the_apps(stack: Stack, cli: CommandLine, app: str) -> None:
    assert cli.run("login", "--with-token", given=stack.admin_token).code == 0
    assert app in cli.run("apps", "list").out
    shown = cli.run("apps", "show", app, "--json").json
    assert shown["grant_types"] == [DEVICE_CODE, "refresh_token"]
    assert "Command line" in cli.run("apps", "show", app).out


def test_a_missing_scope_is_named(stack: Stack, signed_in: CommandLine) -> None:
    done = signed_in.run("apps", "list")
    assert done.code == 1
    assert "platform:apps" in done.err
    assert "administrator" in done.err


def test_credentials_of_the_environment_come_first(stack: Stack, cli: CommandLine) -> None:
    app = stack.register_app(["webhooks:write"])
    given: dict[str, Any] = {"KNOGIN_CLIENT_ID": app.client_id, "KNOGIN_CLIENT_SECRET": app.client_secret}
    who = cli.run("whoami", "--json", **given)
    assert who.code == 0, who.err
    assert who.json["client_id"] == app.client_id
    wrong = cli.run("whoami", **(given | {"KNOGIN_CLIENT_SECRET": "wrong"}))
    assert wrong.code == 3
    assert "wrong" not in wrong.out


def test_each_host_of_the_platform_is_enough(stack: Stack, tmp_path: Path, app: str) -> None:
    for host in ("api", "auth"):
        (tmp_path / host).mkdir()
        cli = CommandLine(tmp_path / host, f"http://{stack.described['hosts'][host]}:{stack.port}")
        try:
            logging_in(stack, cli, app)
            assert cli.run("whoami").code == 0
        finally:
            cli.close()


def test_ctrl_c_leaves_at_once(stack: Stack, cli: CommandLine, app: str) -> None:
    login = cli.start("login", "--client-id", app)
    login.says("Code  ")
    login.signal(signal.SIGINT)
    assert login.ended() == 130
    assert "Traceback" not in login.err
    assert not cli.file.exists()
