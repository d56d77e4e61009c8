"""`knogin listen` behind processes that stop, hang and fail, a network that is cut, and a platform that starts anew: nothing is missed."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import httpx2
import msgspec
import pytest

import knogin
from knogin import webhooks
from knogin.cli.listening import Reader
from knogin.cli.session import Session
from tests.clients import inbox
from tests.clients.command_line import CommandLine, Running
from tests.clients.test_live import draft
from tests.support.receiver import Receiver, after, always, answer, hang, running
from tests.support.relay import relayed
from tests.support.stack import App, Stack
from tests.support.waiting import wait_for

pytestmark = pytest.mark.full

CREATED = "epcr.encounter.created"


@pytest.fixture
def app(stack: Stack) -> App:
    made = stack.register_app(["webhooks:write", "argus:epcr:write"])
    stack.govern(made, approved_events=["epcr.*"])
    return made


@pytest.fixture
def base_url(stack: Stack) -> str:
    return f"http://{stack.described['hosts']['api']}:{stack.port}"


@pytest.fixture
def cli(tmp_path: Path, base_url: str, app: App) -> Iterator[CommandLine]:
    credentials = {"KNOGIN_CLIENT_ID": app.client_id, "KNOGIN_CLIENT_SECRET": app.client_secret}
    made = CommandLine(tmp_path, base_url, **credentials)
    yield made
    made.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running(Receiver()) as started:
        yield started


def listening(cli: CommandLine, to: str, *words: str) -> Running:
    """A listener that gets the type once the platform knows the app's approval."""

    def started() -> Running | None:
        one = cli.start("listen", "--to", to, "--type", CREATED, *words)
        wait_for(lambda: "Connected" in one.err or one.process.poll() is not None)
        return one if one.process.poll() is None else None

    return wait_for(started)


def encounters(app: App, base_url: str, number: int) -> list[str]:
    """The ids of new encounters, in order."""
    with knogin.Knogin(app.client_id, app.client_secret, base_url=base_url) as client:
        return [client.epcr.create_encounter(draft()).id for _ in range(number)]


def taken(receiver: Receiver, encounter_ids: list[str]) -> bool:
    return all(receiver.about(one) for one in encounter_ids)


def in_order(receiver: Receiver, encounter_ids: list[str]) -> list[str]:
    """The encounters as they first arrived."""
    found: dict[str, None] = {}
    for request in list(receiver.requests):
        found |= {one: None for one in encounter_ids if one.encode() in request.body}
    return list(found)


@contextmanager
def process(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str, Path]]:
    """A partner's process of its own, its address, and the file with the ids that it took."""
    file = folder / "taken"
    file.touch()
    command = [sys.executable, inbox.__file__, str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as started:
        assert started.stdout is not None
        port = started.stdout.readline().strip()
        try:
            yield started, f"http://127.0.0.1:{port}/hook", file
        finally:
            started.kill()


def logged(app: App, base_url: str, encounter_ids: list[str]) -> dict[str, str]:
    """These encounters with their events in the order of the log, once all are in it. Events of different keys may change places."""

    def found() -> dict[str, str] | None:
        with knogin.Knogin(app.client_id, app.client_secret, base_url=base_url) as client:
            page = client.request("GET", "/v1/events", query={"event_types": CREATED, "limit": 100})
        events = msgspec.json.decode(page.content)["events"]
        of_encounters = {one["data"]["encounter_id"]: one["id"] for one in reversed(events)}
        wanted = {key: id for key, id in of_encounters.items() if key in encounter_ids}
        return wanted if len(wanted) == len(encounter_ids) else None

    return wait_for(found)


def test_events_arrive_signed_with_the_profiles_secret(
    cli: CommandLine, app: App, base_url: str, receiver: Receiver
) -> None:
    secret = cli.run("listen", "--print-secret").out.strip()
    assert secret == cli.run("listen", "--print-secret").out.strip()
    listener = listening(cli, receiver.url)
    assert listener.err.count("Connected") == 1
    made = encounters(app, base_url, 3)
    wait_for(lambda: taken(receiver, made))
    assert in_order(receiver, made) == list(logged(app, base_url, made))
    for request in receiver.requests:
        event = webhooks.verify(request.body, request.headers, secret)
        assert event.type == CREATED
    listener.says(CREATED, times=3)
    listener.signal(signal.SIGINT)
    assert listener.ended() == 130
    assert "Traceback" not in listener.err
    assert secret not in listener.err + listener.out


def test_a_process_that_is_suspended_misses_nothing(cli: CommandLine, app: App, base_url: str, tmp_path: Path) -> None:
    with process(tmp_path) as (partner, address, file):
        listener = listening(cli, address)
        made = encounters(app, base_url, 2)
        wait_for(lambda: len(set(file.read_text().split())) == 2)
        partner.send_signal(signal.SIGSTOP)
        made += encounters(app, base_url, 5)
        # The first attempt hangs until its time is over, and is repeated.
        listener.says("trying again")
        partner.send_signal(signal.SIGCONT)
        wait_for(lambda: len(set(file.read_text().split())) == 7)
        assert list(dict.fromkeys(file.read_text().split())) == list(logged(app, base_url, made).values())


def test_a_listener_that_is_suspended_misses_nothing(
    cli: CommandLine, app: App, base_url: str, receiver: Receiver, stack: Stack
) -> None:
    opening = threading.Event()
    receiver.behaviour = after(opening)
    listener = listening(cli, receiver.url)
    made = list(logged(app, base_url, encounters(app, base_url, 5)))
    wait_for(lambda: taken(receiver, made[:1]))
    listener.signal(signal.SIGSTOP)
    end_leases(stack, app)
    opening.set()
    # Another reader takes the events and goes away without a word.
    other = cli.start("listen", "--to", "http://127.0.0.1:9", "--type", CREATED)
    other.says("trying again")
    other.kill()
    end_leases(stack, app)
    listener.signal(signal.SIGCONT)
    wait_for(lambda: taken(receiver, made))
    assert in_order(receiver, made) == made
    listener.says("they come again")


def end_leases(stack: Stack, app: App, after: str = "0 s") -> None:
    """As a minute without a commit does."""
    end = "UPDATE consumers SET leased_until = now() + %s::interval WHERE client_id = %s"
    with stack.database("webhook-dispatcher", "migrator") as conn:
        conn.execute(end, (after, app.client_id))
        conn.commit()


def test_a_listener_that_is_killed_goes_on_where_it_stopped(
    cli: CommandLine, app: App, base_url: str, receiver: Receiver, stack: Stack
) -> None:
    first = listening(cli, receiver.url)
    before = encounters(app, base_url, 3)
    wait_for(lambda: taken(receiver, before))
    receiver.behaviour = hang
    meanwhile = list(logged(app, base_url, encounters(app, base_url, 4)))
    wait_for(lambda: taken(receiver, meanwhile[:1]))
    first.kill()
    # However long the next one takes to start.
    end_leases(stack, app, after="1 day")
    receiver.behaviour = Receiver().behaviour
    receiver.requests.clear()
    second = cli.start("listen", "--to", receiver.url, "--type", CREATED)
    second.says("Another process reads")
    assert "Connected" not in second.err
    end_leases(stack, app)
    wait_for(lambda: taken(receiver, meanwhile))
    assert in_order(receiver, meanwhile) == meanwhile
    second.says("Connected")


def test_a_listener_that_ends_gives_its_events_back(
    cli: CommandLine, app: App, base_url: str, receiver: Receiver
) -> None:
    receiver.behaviour = always(answer(500, body=b"not today"))
    first = listening(cli, receiver.url)
    made = encounters(app, base_url, 2)
    first.says("500")
    first.says("not today")
    first.signal(signal.SIGINT)
    assert first.ended() == 130
    receiver.behaviour = Receiver().behaviour
    second = cli.start("listen", "--to", receiver.url, "--type", CREATED)
    second.says("Connected")
    assert "Another process" not in second.err
    wait_for(lambda: taken(receiver, made))


def test_errors_are_repeated_in_order_or_left_out_on_demand(
    cli: CommandLine, app: App, base_url: str, receiver: Receiver
) -> None:
    receiver.behaviour = always(answer(503))
    first = listening(cli, receiver.url)
    made = list(logged(app, base_url, encounters(app, base_url, 3)))
    first.says("attempt 2")
    assert in_order(receiver, made) == made[:1]
    receiver.behaviour = Receiver().behaviour
    wait_for(lambda: taken(receiver, made))
    assert in_order(receiver, made) == made
    first.signal(signal.SIGINT)
    first.ended()
    receiver.behaviour = always(answer(400))
    skipping = listening(cli, receiver.url, "--on-error", "skip")
    left_out = encounters(app, base_url, 2)
    wait_for(lambda: taken(receiver, left_out))
    skipping.says("left out", times=2)


def test_a_cut_network_misses_nothing_and_is_said(cli: CommandLine, app: App, base_url: str, stack: Stack) -> None:
    with running(Receiver()) as receiver, relayed(stack.port) as relay:
        cli.environment["KNOGIN_BASE_URL"] = base_url.replace(str(stack.port), str(relay.port))
        listener = listening(cli, receiver.url)
        before = len(listener.err)
        relay.cut()
        listener.says("No answer from the platform")
        made = list(logged(app, base_url, encounters(app, base_url, 4)))
        assert "Connected again" not in listener.err
        relay.mend()
        wait_for(lambda: taken(receiver, made) or listener.process.poll() is not None)
        assert in_order(receiver, made) == made, (listener.process.poll(), listener.err)
        listener.says("Connected again")
        # On a busy machine a later call may be late, which is another failure.
        of_the_cut, _, after = listener.err[before:].partition("Connected again")
        assert of_the_cut.count("No answer") == 1
        assert after.startswith(", 4 events wait.")


@pytest.mark.skipif(not hasattr(signal, "SIGPIPE"), reason="a signal of POSIX")
def test_a_connection_that_breaks_while_it_is_written_to_ends_no_listener(
    cli: CommandLine, app: App, base_url: str, receiver: Receiver
) -> None:
    """The kernel sends SIGPIPE then. It ended the command without a word, in every fifth cut of the network on a busy machine."""
    listener = listening(cli, receiver.url)
    listener.signal(signal.SIGPIPE)
    made = encounters(app, base_url, 1)
    wait_for(lambda: taken(receiver, made) or listener.process.poll() is not None)
    assert listener.process.poll() is None


def test_a_platform_that_starts_anew_misses_nothing(
    cli: CommandLine, app: App, base_url: str, receiver: Receiver, stack: Stack
) -> None:
    listener = listening(cli, receiver.url)
    made = encounters(app, base_url, 1)
    for name in ("webhook-dispatcher", "gateway"):
        killed = stack.kill(name)
        stack.wait_for_restart(name, "web", killed)
        made += wait_for(lambda: made_again(app, base_url))
    wait_for(lambda: taken(receiver, made))
    assert in_order(receiver, made) == list(logged(app, base_url, made))
    assert listener.process.poll() is None


def made_again(app: App, base_url: str) -> list[str] | None:
    try:
        return encounters(app, base_url, 2)
    except knogin.KnoginError:
        return None


def test_nothing_is_claimed_before_the_first_answer(cli: CommandLine, app: App, receiver: Receiver) -> None:
    cli.environment["KNOGIN_BASE_URL"] = "http://127.0.0.1:9"
    done = cli.run("listen", "--to", receiver.url)
    assert done.code == 4
    assert "Connected" not in done.err


def test_a_listener_begins_now_or_where_it_is_told(
    cli: CommandLine, app: App, base_url: str, receiver: Receiver
) -> None:
    early = encounters(app, base_url, 2)
    logged(app, base_url, early)
    listener = listening(cli, receiver.url)
    late = encounters(app, base_url, 1)
    wait_for(lambda: taken(receiver, late))
    assert in_order(receiver, early) == []
    listener.signal(signal.SIGINT)
    listener.ended()
    listening(cli, receiver.url, "--since", "1h")
    wait_for(lambda: taken(receiver, early))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--to", "ftp://x"], "no http or https address"),
        ([], "--to"),
        (["--to", "http://127.0.0.1:9", "--consumer", "Up Case"], "no name"),
        (["--to", "http://127.0.0.1:9", "--type", "incident.of_tomorrow"], "/event_types/0"),
    ],
)
def test_what_cannot_work_is_refused_at_once(cli: CommandLine, words: list[str], said: str) -> None:
    done = cli.run("listen", *words)
    assert done.code in (1, 2), done
    assert said in done.err
    assert "Traceback" not in done.err


def test_each_read_of_a_listener_names_it_so_that_a_lost_answer_costs_no_wait() -> None:
    asked: list[dict[str, object]] = []

    def request(method: str, path: str, *, body: dict[str, object], timeout: float) -> knogin.Answer:
        asked.append(body)
        return knogin.Answer(200, httpx2.Headers(), b'{"events": []}')

    session = cast("Session", SimpleNamespace(client=SimpleNamespace(request=request)))
    mine, other = (Reader(session, "inbox") for _ in range(2))
    for one in (mine, mine, other):
        one.read(0)
    first, again, another = (body["reader"] for body in asked)
    assert first == again != another
