"""The samples of the guides: run against a running platform, and the verifiers fed with deliveries that the platform signed."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from http.server import HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple, TypeVar

import httpx2
import pytest
from standardwebhooks import Webhook

import knogin
from deploy.docs.site.pages import SAMPLES
from knogin import models
from services.webhook_dispatcher.sending import signing
from shared.primitives.ids import new_id
from tests.clients import node
from tests.clients.command_line import SOURCES
from tests.docs import running
from tests.support.receiver import Receiver
from tests.support.receiver import running as receiving
from tests.support.stack import EVERYDAY_SCOPES, App, Stack
from tests.support.waiting import wait_for

pytestmark = pytest.mark.full

T = TypeVar("T")
PLACEHOLDER = "https://integrator.example/webhooks/knogin"
SECRET, OTHER = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_b2xkLW9sZC1vbGQtb2xkLW9sZC1vbGQtb2xk"
HOSPITAL = ["argus:epcr:handover", "argus:epcr:outcome"]
PRINTED = {
    "first_call": r"enc_\w+ Bundle \d+",
    "cad": r"enc_\w+ (True b''|true 0)",
    "devices": r"97(\.0)? %",
    "consumers": r"epcr\.encounter\.created enc_\w+",
    "indicators": r"bystander_cpr \d+ of \d+",
    "errors": r"/serial_number \w+ (None|undefined)\nfor support: [0-9a-f]{32}",
}
ADMINISTRATORS = {"app", "sandbox", "clock"}
PRINTED_IN_TYPESCRIPT = PRINTED | {
    "app": r"store this secret now: app_\w+ kns_\w+",
    "sandbox": r"store this secret now: app_\w+ kns_\w+",
    "subscribe": r"store this secret now: whsec_[\s\S]+status: 'succeeded'",
    "polling": r"enc_\w+ \d+",
}
# The sample reads for ever: the first new event ends it.
READ_ONE = """
await prepare();
const draft = { care_model: 'prehospital_emergency', vehicle_id: 'AMB-1', crew_ids: ['c'] } as const;
const made = await client.epcr.createEncounter({ ...draft, cad_incident_id: crypto.randomUUID() });
await work(async (event) => {
  if (event.key !== made.id) return;
  console.log(event.type, event.key);
  throw new Error('enough');
}).catch((error: Error) => {
  if (error.message !== 'enough') throw error;
});
if ((await history(made.id)).length !== 1) throw new Error('its history has one event');
"""
BODY = (
    b'{"type":"epcr.encounter.completed","timestamp":"2026-11-25T03:47:00Z","data":{"encounter_id":"enc_1","organization_id":"org_1",'
    b'"care_model":"prehospital_emergency","status":"completed","vehicle_id":null,"cad_incident_id":"cad_1","version":3}}'
)


def source(name: str, own: str = "") -> str:
    """A sample with an incident and a device of its own: a stack has each of them once."""
    own = own or new_id("x").removeprefix("x_")
    return (SAMPLES / name).read_text().replace("4711", own).replace("MON-0815", f"MON-{own}")


@pytest.fixture(scope="module")
def settings(stack: Stack) -> dict[str, str]:
    """The environment of a reader whose app has the everyday scopes."""
    app = stack.register_app(EVERYDAY_SCOPES)
    stack.govern(app, approved_events=["epcr.*"])
    return {
        "KNOGIN_BASE_URL": f"http://{stack.described['hosts']['api']}:{stack.port}",
        "KNOGIN_CLIENT_ID": app.client_id,
        "KNOGIN_CLIENT_SECRET": app.client_secret,
    }


def base_of(factory: pytest.TempPathFactory) -> Path:
    """The folder that all processes of this run share."""
    base = factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


def of_client(client_id: str, client_secret: str) -> dict[str, str]:
    return {"KNOGIN_CLIENT_ID": client_id, "KNOGIN_CLIENT_SECRET": client_secret}


def administrator_of(stack: Stack) -> dict[str, str]:
    return of_client(stack.tenant.client_id, stack.tenant.client_secret)


def delete_sandboxes(settings: dict[str, str]) -> None:
    client_id, secret = settings["KNOGIN_CLIENT_ID"], settings["KNOGIN_CLIENT_SECRET"]
    with knogin.Knogin(client_id, secret, base_url=settings["KNOGIN_BASE_URL"]) as administrator:
        for one in administrator.sandboxes.list_sandboxes():
            if one.state != "deleted":
                administrator.sandboxes.delete_sandbox(one.id)


@pytest.fixture
def environment(settings: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.delenv("KNOGIN_TOKEN", raising=False)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return settings


def loaded(name: str, *, main: bool = False, text: str = "") -> dict[str, Any]:
    """The names that a sample in Python defines; with `main` it runs as a program."""
    names: dict[str, Any] = {"__name__": "__main__" if main else name}
    shown = running.elsewhere(text or source(name), os.environ.get("KNOGIN_BASE_URL", running.SHOWN))
    exec(compile(shown, name, "exec"), names)  # noqa: S102 - our own sample
    if isinstance(client := names.get("client"), knogin.Knogin):
        client.close()
    return names


@pytest.mark.parametrize("name", [name for name in PRINTED if name != "consumers"])
@pytest.mark.usefixtures("environment")
def test_a_sample_in_python_runs(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    loaded(f"{name}.py", main=True)
    assert re.fullmatch(PRINTED[name], capsys.readouterr().out.strip())


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")
def test_the_first_call_with_curl_runs_and_may_be_repeated(settings: dict[str, str], tmp_path: Path) -> None:
    text = source("first_call.sh")
    first, again = (running.in_shell(text, settings, tmp_path) for _ in range(2))
    assert '"status":"in_progress"' in first.replace(" ", "")
    assert re.search(r'"id": ?"(enc_\w+)"', first)[1] == re.search(r'"id": ?"(enc_\w+)"', again)[1]  # type: ignore[index]


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")
def test_the_first_calls_in_the_order_of_the_page_make_one_encounter(
    environment: dict[str, str],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """A reader pastes one after another. They have one key, and are one request in three writings."""
    page = (SAMPLES.parent / "guides" / "en" / "first-call.md").read_text()
    names = re.findall(r'sample\("(first_call\.\w+)"\)', page)
    assert len(names) == 3
    own, made = new_id("x").removeprefix("x_"), dict[str, list[str]]()
    for name in names:
        text, printed = source(name, own), ""
        if name.endswith(".sh"):
            printed = running.in_shell(text, environment, tmp_path)
        elif name.endswith(".py"):
            loaded(name, main=True, text=text)
            printed = capsys.readouterr().out
        elif node.is_there:
            project = running.project(base_of(tmp_path_factory), tmp_path, {"first_call": text})
            ended, printed = running.in_node(project, [("first_call", {"KNOGIN_TOKEN": ""} | environment)])
            assert ended == {"first_call": 200}
        if printed:
            made[name] = re.findall(r"enc_\w+", printed)[:1]
    assert len(made) >= 2
    assert len({tuple(ids) for ids in made.values()}) == 1, made


@node.needed
def test_the_samples_in_typescript_compile_and_run(
    settings: dict[str, str],
    stack: Stack,
    receiver: Receiver,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    programs = {path.stem: source(path.name) for path in sorted(SAMPLES.glob("*.ts"))}
    programs["consumers"] = text_of_consumers("consumers.ts", settings) + READ_ONE
    programs["subscribe"] = programs["subscribe"].replace(PLACEHOLDER, receiver.url)
    programs["polling"] += "\nawait watch(1, AbortSignal.timeout(1));\n"
    made = running.project(base_of(tmp_path_factory), tmp_path, programs)
    everyday = {"KNOGIN_TOKEN": "", **settings}
    hospital = stack.register_app(HOSPITAL)
    readers = {"handover": everyday | of_client(hospital.client_id, hospital.client_secret)}
    readers |= dict.fromkeys(ADMINISTRATORS, everyday | administrator_of(stack))
    try:
        for name in programs:
            ended, printed = running.in_node(made, [(name, readers.get(name, everyday))])
            assert ended == {name: 200}
            assert re.search(PRINTED_IN_TYPESCRIPT.get(name, ""), printed), printed
    finally:
        delete_sandboxes(everyday | administrator_of(stack))


@pytest.mark.usefixtures("environment")
def test_polling_finds_a_new_encounter_once(environment: dict[str, str]) -> None:
    polling = loaded("polling.py")
    with knogin.Knogin() as client:
        seen: dict[str, int] = {}
        polling["changed"](client, seen)
        draft = models.epcr.EncounterDraft(
            care_model="prehospital_emergency", vehicle_id="AMB-1", crew_ids=["c"], cad_incident_id=new_id("cad")
        )
        made = client.epcr.create_encounter(draft)
        assert made.id in polling["changed"](client, seen)
        assert made.id not in polling["changed"](client, seen)


def made_when_approved(create: Callable[[], T]) -> T | None:
    """None while the app is not approved for the event types yet."""
    try:
        return create()
    except knogin.problems.Forbidden:
        return None


def text_of_consumers(name: str, settings: dict[str, str]) -> str:
    """The sample with a consumer of its own, once the app may have one for its event types."""
    inbox = new_id("inbox")
    address, credentials = settings["KNOGIN_BASE_URL"], (settings["KNOGIN_CLIENT_ID"], settings["KNOGIN_CLIENT_SECRET"])
    trial = models.log.NewConsumer(name=new_id("trial"), event_types=["epcr.encounter.created"])
    with knogin.Knogin(*credentials, base_url=address) as client:
        wait_for(lambda: made_when_approved(partial(client.event_log.create_consumer, trial)), what="the approval")
        client.event_log.delete_consumer(trial.name)
    return (SAMPLES / name).read_text().replace("hospital-inbox", inbox.replace("_", "-"))


@pytest.mark.usefixtures("environment")
def test_a_consumer_hands_out_each_event_until_it_is_handled(environment: dict[str, str]) -> None:
    sample = loaded("consumers.py", text=text_of_consumers("consumers.py", environment))
    handled: list[str | None] = []

    def until(encounter: str, event: models.log.ReadEvent) -> None:
        handled.append(event.key)
        if event.key == encounter:
            raise _Enough

    with knogin.Knogin() as client:
        for _ in range(2):
            sample["prepare"](client)
        draft = models.epcr.EncounterDraft(
            care_model="prehospital_emergency", vehicle_id="AMB-1", crew_ids=["c"], cad_incident_id=new_id("cad")
        )
        made = client.epcr.create_encounter(draft)
        for _ in range(2):
            with pytest.raises(_Enough):
                sample["work"](client, partial(until, made.id))
        assert handled.count(made.id) == 2, "an event that is not handled comes again"
        assert sample["history"](client, made.id) == ["epcr.encounter.created"]


class _Enough(Exception):
    pass


def test_a_sandbox_answers_its_first_call_and_its_clock_moves(
    environment: dict[str, str],
    stack: Stack,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    for name, value in administrator_of(stack).items():
        monkeypatch.setenv(name, value)
    try:
        sandbox = loaded("sandbox.py", main=True)["sandbox"]
        printed = capsys.readouterr().out
        assert f"store this secret now: {sandbox.client_id} {sandbox.client_secret}\n" in printed
        assert re.search(r"^\d+ devices$", printed, re.MULTILINE)
        with knogin.Knogin() as administrator:
            wait_for(lambda: administrator.sandboxes.get_sandbox(sandbox.id).state == "ready", 240, "its year")
            moved = loaded("clock.py")["advance"](administrator, sandbox.id, 3600)
        assert (moved.state, moved.advanced_seconds) == ("ready", 3600)
        if node.is_there:
            made = running.project(base_of(tmp_path_factory), tmp_path, {"clock": source("clock.ts")})
            ended, printed = running.in_node(made, [("clock", environment | administrator_of(stack))])
            assert ended == {"clock": 200}
            assert f"Trying out ready {3600 + 5 * 86_400} seconds ahead" in printed
    finally:
        delete_sandboxes(environment | administrator_of(stack))


def test_an_app_of_the_first_page_may_subscribe_at_once(
    environment: dict[str, str], stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KNOGIN_CLIENT_ID", stack.tenant.client_id)
    monkeypatch.setenv("KNOGIN_CLIENT_SECRET", stack.tenant.client_secret)
    app = loaded("app.py", main=True)["app"]
    assert capsys.readouterr().out == f"store this secret now: {app.client_id} {app.client_secret}\n"
    draft = models.log.NewConsumer(name="inbox", event_types=["epcr.encounter.created"])
    with knogin.Knogin(app.client_id, app.client_secret) as client:
        assert client.event_log.create_consumer(draft).unapproved_events == []


def test_the_command_line_runs_with_the_credentials_of_an_app(settings: dict[str, str], tmp_path: Path) -> None:
    command = tmp_path / "knogin"
    command.write_text(f'#!/bin/sh\nPYTHONPATH={SOURCES} exec {sys.executable} -m knogin "$@"\n')
    command.chmod(0o700)
    reached = settings | {
        "KNOGIN_TOKEN": "",
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "XDG_STATE_HOME": str(tmp_path),
    }
    address, credentials = settings["KNOGIN_BASE_URL"], (settings["KNOGIN_CLIENT_ID"], settings["KNOGIN_CLIENT_SECRET"])
    draft = models.webhooks.NewWebhook(url="https://integrator.example/hook", events=["epcr.encounter.completed"])
    with knogin.Knogin(*credentials, base_url=address) as client:
        webhook = wait_for(
            lambda: made_when_approved(partial(client.webhooks.create_webhook, draft)), what="the approval"
        )
        printed = running.in_shell(source("command_line.sh"), reached, tmp_path)
        client.webhooks.delete_webhook(webhook.id)
    assert printed.rstrip().endswith("]"), "the deliveries as JSON"


def made_or_none(administrator: knogin.Knogin, draft: models.epcr.DestinationDraft) -> models.epcr.Destination | None:
    try:
        return administrator.epcr.create_destination(draft)
    except knogin.APIError:
        return None


class Bound(NamedTuple):
    """An encounter that is bound for a hospital's destination, the hospital's app, and the client of dispatch."""

    encounter: str
    hospital: App
    dispatch: knogin.Knogin


@contextmanager
def bound(settings: dict[str, str], stack: Stack) -> Iterator[Bound]:
    hospital = stack.register_app(HOSPITAL)
    address = settings["KNOGIN_BASE_URL"]
    with (
        knogin.Knogin(token=stack.admin_token, base_url=address) as administrator,
        knogin.Knogin(settings["KNOGIN_CLIENT_ID"], settings["KNOGIN_CLIENT_SECRET"], base_url=address) as dispatch,
    ):
        draft = models.epcr.DestinationDraft(
            name="Emergency department",
            code=new_id("code"),
            code_system="urn:oid:1.2.3",
            type="emergency_department",
            client_id=hospital.client_id,
            legal_basis="provision_of_care",
            readable_days=30,
        )
        destination = wait_for(lambda: made_or_none(administrator, draft), what="the app to be known")
        case = models.epcr.EncounterDraft(
            care_model="prehospital_emergency", vehicle_id="AMB-1", crew_ids=["c"], cad_incident_id=new_id("cad")
        )
        encounter = dispatch.epcr.create_encounter(case)
        named = models.epcr.DestinationNamed(destination_id=destination.id)
        dispatch.epcr.set_encounter_destination(encounter.id, named)
        yield Bound(encounter.id, hospital, dispatch)


def test_a_hospital_reads_the_handover_and_reports_the_outcome(
    settings: dict[str, str], stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (
        bound(settings, stack) as (encounter, hospital, dispatch),
        knogin.Knogin(hospital.client_id, hospital.client_secret, base_url=settings["KNOGIN_BASE_URL"]) as client,
    ):
        assert [one.encounter_id for one in client.epcr.list_arrivals()] == [encounter]
        loaded("handover.py")["fetch"](client, encounter, tmp_path)
        assert capsys.readouterr().out.startswith(f"{encounter} TREAT")
        assert (tmp_path / f"{encounter}.pdf").read_bytes().startswith(b"%PDF")
        report = loaded("outcome.py")["report"]
        identity = client.epcr.get_handover(encounter)["identity"]
        with pytest.raises(knogin.problems.InvalidRequest):
            report(client, encounter, identity + 1)
        first = report(client, encounter, identity)
        assert first
        assert report(client, encounter, identity, first) == first, "the same outcome is no new version"
        dispatch.epcr.end_encounter_destination(encounter)
        loaded("handover.py")["fetch"](client, encounter, tmp_path)
        assert capsys.readouterr().out.startswith("no longer readable")


# Reports the outcome twice, as the hospital's own program would.
REPORT_TWICE = """
import { Knogin } from 'knogin';
import { report } from './outcome.js';

const client = new Knogin();
for await (const { encounter_id } of client.epcr.listArrivals()) {
  const { identity } = await client.epcr.getHandover(encounter_id);
  const first = await report(client, encounter_id, identity);
  const refused = await report(client, encounter_id, identity + 1).catch((error) => error.status);
  console.log(encounter_id, first, refused, (await report(client, encounter_id, identity, first)) === first);
}
"""


@node.needed
def test_a_hospital_reads_the_handover_and_reports_the_outcome_in_typescript(
    settings: dict[str, str], stack: Stack, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    programs = {"handover": source("handover.ts"), "outcome": source("outcome.ts"), "reported": REPORT_TWICE}
    made = running.project(base_of(tmp_path_factory), tmp_path, programs)
    with bound(settings, stack) as (encounter, hospital, dispatch):
        own = {
            "KNOGIN_TOKEN": "",
            "KNOGIN_BASE_URL": settings["KNOGIN_BASE_URL"],
        } | of_client(hospital.client_id, hospital.client_secret)
        ended, printed = running.in_node(made, [("handover", own), ("reported", own)])
        assert ended == {"handover": 200, "reported": 200}
        read, reported = printed.strip().splitlines()
        assert read.startswith(f"{encounter} TREAT")
        assert re.fullmatch(encounter + r' "[^"]+" 422 true', reported), "the same outcome is no new version"
        assert (made / f"{encounter}.pdf").read_bytes().startswith(b"%PDF")
        dispatch.epcr.end_encounter_destination(encounter)
        ended, printed = running.in_node(made, [("handover", own)])
        assert (ended, printed.strip()) == ({"handover": 200}, ""), "it arrives no longer"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving(Receiver()) as started:
        yield started


@pytest.mark.usefixtures("environment")
def test_a_webhook_is_made_and_tried(receiver: Receiver, capsys: pytest.CaptureFixture[str]) -> None:
    text = source("subscribe.py").replace(PLACEHOLDER, receiver.url)

    def subscribed() -> bool:
        try:
            loaded("subscribe.py", main=True, text=text)
        except knogin.problems.Forbidden:
            return False
        return True

    wait_for(subscribed, what="the approval of the events")
    printed = capsys.readouterr().out
    assert re.search(r"store this secret now: whsec_", printed)
    assert "succeeded" in printed


def test_the_receiver_in_python_takes_signed_requests_alone(capsys: pytest.CaptureFixture[str]) -> None:
    handler = loaded("verify.py")["Receiver"]
    handler.log_message = lambda *_: None
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/"
        with httpx2.Client(trust_env=False) as client:
            good = client.post(address, content=BODY, headers=signed())
            bad = client.post(address, content=BODY + b" ", headers=signed())
        server.shutdown()
    assert (good.status_code, bad.status_code) == (204, 400)
    assert capsys.readouterr().out == "evt_1 epcr.encounter.completed\nenc_1\n"


def signed(body: bytes = BODY, *secrets: str, age: int = 0) -> dict[str, str]:
    """The headers of a delivery, as the platform signs it."""
    keys = [signing.signing_key(secret) for secret in secrets or [SECRET]]
    return signing.request_headers("evt_1", int(time.time()) - age, keys, body)


def cases() -> list[tuple[bool, bytes, dict[str, str], list[str]]]:
    """Whether a delivery is genuine, its body and headers, and the receiver's secrets."""
    now = datetime.now(UTC)
    standard = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(SECRET).sign("msg_1", now, BODY.decode()),
    }
    return [
        (True, BODY, signed(), [SECRET]),
        (True, BODY, standard, [SECRET]),
        (True, "è".encode(), signed("è".encode()), [SECRET]),
        (True, BODY, signed(BODY, OTHER, SECRET), [SECRET]),
        (True, BODY, signed(BODY, SECRET), [OTHER, SECRET]),
        (False, BODY, signed(BODY, OTHER), [SECRET]),
        (False, BODY + b" ", signed(), [SECRET]),
        (False, BODY, signed(age=900), [SECRET]),
        (False, BODY, signed(age=-900), [SECRET]),
        (False, BODY, signed() | {"webhook-timestamp": "soon"}, [SECRET]),
        (False, BODY, signed() | {"webhook-signature": ""}, [SECRET]),
        (False, BODY, signed() | {"webhook-signature": "v1a,AAAA v1,=="}, [SECRET]),
    ]


def lines() -> str:
    """The cases for a program, one a line: body in hexadecimal, id, timestamp, signatures, secrets, separated by tabs."""
    made = []
    for _, body, headers, secrets in cases():
        values = [headers[f"webhook-{name}"] for name in ("id", "timestamp", "signature")]
        made.append("\t".join([body.hex(), *values, ",".join(secrets)]))
    return "\n".join(made) + "\n"


def answered(command: list[str], folder: Path) -> None:
    """Asserts that a verifier tells genuine deliveries from others."""
    ended = subprocess.run(command, cwd=folder, input=lines(), capture_output=True, text=True, check=False, timeout=300)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.lower().split() == [str(genuine).lower() for genuine, *_ in cases()]


JAVA = """import java.io.*;
import java.time.Instant;
import java.util.*;

public final class Main {
  public static void main(String[] given) throws Exception {
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
    for (String line; (line = in.readLine()) != null; ) {
      String[] one = line.split("\\t", -1);
      byte[] body = HexFormat.of().parseHex(one[0]);
      System.out.println(
          Webhooks.isGenuine(body, one[1], one[2], one[3], List.of(one[4].split(",")), Instant.now()));
    }
  }
}
"""
GO = """package main

import ("bufio"; "encoding/hex"; "fmt"; "os"; "strings"; "time"; "example/webhooks")

func main() {
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		one := strings.Split(in.Text(), "\\t")
		body, _ := hex.DecodeString(one[0])
		fmt.Println(webhooks.IsGenuine(body, one[1], one[2], one[3], strings.Split(one[4], ","), time.Now()))
	}
}
"""
CSHARP = """using System;

for (string? line; (line = Console.ReadLine()) is not null;)
{
    var one = line.Split('\\t');
    Console.WriteLine(Webhooks.IsGenuine(Convert.FromHexString(one[0]), one[1], one[2], one[3], one[4].Split(','), DateTimeOffset.UtcNow));
}
"""
CSPROJ = """<Project Sdk="Microsoft.NET.Sdk"><PropertyGroup><OutputType>Exe</OutputType><TargetFramework>net8.0</TargetFramework>
<Nullable>enable</Nullable><TreatWarningsAsErrors>true</TreatWarningsAsErrors></PropertyGroup></Project>
"""


@pytest.mark.skipif(
    shutil.which("javac") is None, reason="no Java compiler here: where there is one, the sample is run"
)
def test_the_verifier_in_java_tells_genuine_deliveries_from_others(tmp_path: Path) -> None:
    (tmp_path / "Main.java").write_text(JAVA)
    shutil.copy(SAMPLES / "Webhooks.java", tmp_path)
    compiled = subprocess.run(
        ["javac", "-Xlint:all", "-Werror", "Main.java", "Webhooks.java"], cwd=tmp_path, capture_output=True, text=True
    )
    assert compiled.returncode == 0, compiled.stderr
    answered(["java", "-cp", str(tmp_path), "Main"], tmp_path)


@pytest.mark.skipif(shutil.which("go") is None, reason="no Go compiler here: where there is one, the sample is run")
def test_the_verifier_in_go_tells_genuine_deliveries_from_others(tmp_path: Path) -> None:
    (tmp_path / "go.mod").write_text("module example\n\ngo 1.21\n")
    (tmp_path / "main.go").write_text(GO)
    (tmp_path / "webhooks").mkdir()
    shutil.copy(SAMPLES / "webhooks.go", tmp_path / "webhooks")
    answered(["go", "run", "."], tmp_path)


# Mono's compiler knows C# 7: no nullable references, no `using` declarations.
CSHARP_7 = """using System;
using System.Linq;

public static class Program
{
    public static void Main()
    {
        for (string line; (line = Console.ReadLine()) != null;)
        {
            var one = line.Split('\\t');
            var body = Enumerable.Range(0, one[0].Length / 2).Select(at => Convert.ToByte(one[0].Substring(2 * at, 2), 16)).ToArray();
            Console.WriteLine(Webhooks.IsGenuine(body, one[1], one[2], one[3], one[4].Split(','), DateTimeOffset.UtcNow));
        }
    }
}
"""


@pytest.mark.skipif(
    shutil.which("dotnet") is not None or shutil.which("mcs") is None or shutil.which("mono") is None,
    reason="no Mono here, or .NET is: where there is Mono alone, the sample is run as C# 7",
)
def test_the_verifier_in_csharp_7_tells_genuine_deliveries_from_others(tmp_path: Path) -> None:
    (tmp_path / "Program.cs").write_text(CSHARP_7)
    text = (SAMPLES / "Webhooks.cs").read_text().replace("string? ", "string ").replace("using var ", "var ")
    (tmp_path / "Webhooks.cs").write_text(text)
    command = ["mcs", "-warnaserror", "-out:verifier.exe", "Program.cs", "Webhooks.cs"]
    compiled = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert compiled.returncode == 0, compiled.stdout + compiled.stderr
    answered(["mono", "verifier.exe"], tmp_path)


@pytest.mark.skipif(
    shutil.which("dotnet") is None,
    reason="no .NET here: where there is one, the sample is run as it is; with Mono, as C# 7",
)
def test_the_verifier_in_csharp_tells_genuine_deliveries_from_others(tmp_path: Path) -> None:
    (tmp_path / "Program.cs").write_text(CSHARP)
    (tmp_path / "verifier.csproj").write_text(CSPROJ)
    shutil.copy(SAMPLES / "Webhooks.cs", tmp_path)
    answered(["dotnet", "run"], tmp_path)


@pytest.mark.parametrize("name", ["Webhooks.java", "Webhooks.cs", "webhooks.go"])
def test_a_verifier_states_the_parts_of_the_algorithm(name: str) -> None:
    """Where its compiler is absent this is all that is checked: scheme, prefix of the secret, order of the content, time, constant time."""
    text = (SAMPLES / name).read_text()
    assert re.search(r"(?i)hmac.?sha-?256|sha256\.New", text)
    assert '"v1,"' in text
    assert '"whsec_"' in text
    assert re.search(r'\$"\{id\}\.\{timestamp\}\."|\(?id \+ "\." \+ timestamp \+ "\."', text)
    assert re.search(r"isEqual|FixedTimeEquals|hmac\.Equal", text)
    assert "300" in text


def test_the_reference_vector_of_the_standard_has_its_signature() -> None:
    """The example of Standard Webhooks: the algorithm that the verifiers state gives it."""
    at = datetime.fromtimestamp(1614265330, UTC)
    body = '{"test": 2432232314}'
    expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert Webhook(SECRET).sign("msg_p5jXN8AQM9LWM0D4loKWxJek", at, body) == expected
    own = signing.signature_header(
        [signing.signing_key(SECRET)], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body.encode()
    )
    assert own == expected
