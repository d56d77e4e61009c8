"""Long answers are made in a process of their own: its faults are those of long answers alone, and no organisation has it alone."""

import asyncio
import itertools
import os
import re
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest
from prometheus_client import REGISTRY
from starlette.types import Message, Receive, Scope, Send

from deploy.local.redis_server import RedisServer
from services.epcr.encounters import exporting
from services.epcr.renderer import parent
from services.epcr.renderer.parent import Renderer, Rendering
from shared.process import priority
from shared.web.identity import party_of
from tests.epcr.conftest import ENCOUNTERS, Client, Inside, Organisation
from tests.epcr.deliveries import recorded, spo2
from tests.epcr.hospitals import Region
from tests.epcr.samples import TYPICAL
from tests.epcr.test_identities import process
from tests.epcr.test_long import read
from tests.shared.asking import request
from tests.support.records import heavy
from tests.support.waiting import PATIENCE, ended, wait_for

MODULE = "services.epcr.renderer.process"


def long(organisation: Organisation, inside: Inside, portions: int = 3) -> str:
    """An encounter with readings for that many portions."""
    id = organisation.partner.create(**TYPICAL)
    for number in range(portions):
        values = [spo2(f"{90 + one % 10}.{number}", device_id="dev_1") for one in range(exporting.PORTION)]
        inside.receive(organisation.id, recorded(id, *values))
    return id


def renderers(of: int | None = None) -> list[psutil.Process]:
    """The renderers of the web process, by default of the one in these tests."""
    found: list[psutil.Process] = []
    for one in psutil.Process(of or os.getpid()).children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # also of one that has ended and is not waited for
            found += [one] if MODULE in one.cmdline() else []
    return found


@pytest.fixture
def renderer(organisation: Organisation, inside: Inside) -> psutil.Process:
    """The one that works for `http`."""
    assert read(organisation, long(organisation, inside, 1)).status_code == 200
    [found] = renderers()
    return found


@contextmanager
def frozen(process: psutil.Process) -> Iterator[None]:
    """The process does nothing while the block runs."""
    process.suspend()
    try:
        yield
    finally:
        process.resume()


def like(client: Client, http: httpx2.Client) -> Client:
    """The same app over another connection."""
    made = Client(http, client.tenant_id)
    made.caller = client.caller
    return made


@contextmanager
def asked(organisation: Organisation, id: str, **query: Any) -> Iterator[Future[httpx2.Response]]:
    """An export on its way, from a client of its own."""
    with (
        ThreadPoolExecutor(1) as pool,
        httpx2.Client(base_url=organisation.hospital.http.base_url, timeout=PATIENCE, trust_env=False) as http,
    ):
        yield pool.submit(like(organisation.hospital, http).get, f"{ENCOUNTERS}/{id}/fhir-bundle", params=query)


def number_of_renderings() -> float:
    return REGISTRY.get_sample_value("epcr_renderings") or 0


def test_nobody_but_other_long_exports_waits_for_one(
    organisation: Organisation, other: Organisation, inside: Inside, renderer: psutil.Process
) -> None:
    """While the process of long exports does nothing at all, every other call of every kind is answered."""
    id, short = long(organisation, inside), other.partner.create(**TYPICAL)
    region = Region(other, inside)
    bound = region.bound(region.cork, **TYPICAL)
    whole = read(organisation, id)
    with asked(organisation, id) as export:
        with frozen(renderer):
            wait_for(lambda: number_of_renderings() == 1, what="the export to begin")
            assert other.hospital.bundle(short)["entry"]
            assert other.hospital.read(short)["id"] == short
            assert other.crew.record(short)["id"] == short
            assert other.partner.create(**TYPICAL)
            assert region.cork.handover(bound, format="pdf").status_code == 200
            assert organisation.hospital.bundle(organisation.partner.create(**TYPICAL))["entry"]
            assert not export.done()
        assert export.result().content == whole.content


def test_a_heavy_handover_is_made_there_too(
    organisation: Organisation, inside: Inside, renderer: psutil.Process
) -> None:
    region = Region(organisation, inside)
    id = region.bound(region.cork, **heavy(60, 10))
    before = renderer.cpu_times().user
    for form in ("pdf", "document", "transaction"):
        answer = region.cork.handover(id, format=form)
        assert answer.status_code == 200
        assert answer.content == region.cork.handover(id, format=form).content
    assert renderer.cpu_times().user > before


@pytest.mark.parametrize("form", ["all", "summary"])
def test_the_renderer_writes_the_bytes_that_the_web_process_would(
    organisation: Organisation, inside: Inside, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    id = long(organisation, inside)
    made = read(organisation, id, readings=form)
    parts = read(organisation, id, readings=form, max_entries=100)
    with monkeypatch.context() as patched:
        patched.setattr(parent.Renderer, "begun", None)
        patched.setattr(exporting, "PORTION", 100_000)
        assert read(organisation, id, readings=form).content == made.content
        assert read(organisation, id, readings=form, max_entries=100).content == parts.content


def test_a_renderer_that_is_killed_breaks_off_its_exports_and_nothing_else(
    organisation: Organisation, inside: Inside, renderer: psutil.Process
) -> None:
    id, short = long(organisation, inside, 6), organisation.partner.create(**TYPICAL)
    whole = read(organisation, id).content
    ends = REGISTRY.get_sample_value("epcr_renderers_ended_total") or 0
    hospital = organisation.hospital
    made = hospital.http.build_request("GET", f"{ENCOUNTERS}/{id}/fhir-bundle", headers=hospital.headers())
    answer = hospital.http.send(made, stream=True)
    assert answer.status_code == 200
    parts = answer.iter_bytes()
    got = next(parts)
    renderer.kill()
    with pytest.raises(httpx2.RemoteProtocolError):
        got += b"".join(parts)
    assert whole.startswith(got)
    assert len(got) < len(whole)
    assert hospital.bundle(short)["entry"]
    assert read(organisation, id).content == whole
    assert REGISTRY.get_sample_value("epcr_renderers_ended_total") == ends + 1
    assert number_of_renderings() == 0
    assert [one.pid for one in renderers()] != [renderer.pid]


def test_an_export_whose_renderer_ends_before_the_first_byte_may_be_tried_again(
    organisation: Organisation, inside: Inside, renderer: psutil.Process
) -> None:
    id = long(organisation, inside)
    with asked(organisation, id) as export:
        renderer.suspend()
        wait_for(lambda: number_of_renderings() == 1 or export.done(), what="the export to begin")
        renderer.kill()
        answer = export.result()
    assert answer.status_code in (200, 503)
    if answer.status_code == 503:
        assert "retry-after" in answer.headers
    assert read(organisation, id).status_code == 200


def test_a_renderer_that_is_killed_while_it_is_idle_is_replaced(
    organisation: Organisation, inside: Inside, renderer: psutil.Process
) -> None:
    renderer.kill()
    wait_for(lambda: renderer.pid not in [one.pid for one in renderers()], what="its end")
    assert read(organisation, long(organisation, inside, 1)).status_code == 200


def test_a_renderer_that_hangs_is_given_up(
    organisation: Organisation, inside: Inside, renderer: psutil.Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = long(organisation, inside, 1)
    with monkeypatch.context() as patched:
        patched.setattr(parent, "WALL_SECONDS", 0.2)
        renderer.suspend()
        answer = read(organisation, id)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert read(organisation, id).status_code == 200


def test_an_export_in_a_renderer_that_hangs_may_be_tried_again_before_the_gateway_gives_up(
    organisation: Organisation, inside: Inside, renderer: psutil.Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waited for the end of the portion, which nobody wanted any more, for a minute."""
    id = long(organisation, inside, 1)
    monkeypatch.setattr(parent, "BEGIN_SECONDS", 0.2)
    monkeypatch.setattr(parent, "WALL_SECONDS", 10 * PATIENCE)
    with frozen(renderer):
        answer = read(organisation, id)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    monkeypatch.undo()
    assert read(organisation, id).status_code == 200


def test_an_export_that_waits_too_long_for_its_turn_may_be_tried_again(
    organisation: Organisation,
    other: Organisation,
    inside: Inside,
    renderer: psutil.Process,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before the gateway gives it up with a 504, which nothing says may be tried again."""
    id, mine = long(organisation, inside), long(other, inside)
    with asked(organisation, id) as export:
        with frozen(renderer):
            wait_for(lambda: number_of_renderings() == 1, what="the export to begin")
            monkeypatch.setattr(parent, "BEGIN_SECONDS", 0.2)
            refused = read(other, mine)
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
            monkeypatch.undo()
        assert export.result().status_code == 200
    assert read(other, mine).status_code == 200
    wait_for(lambda: number_of_renderings() == 0, what="the exports to end")


def test_exports_begin_one_after_another(
    organisation: Organisation, inside: Inside, renderer: psutil.Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where all shared the time until they begin, none of many heavy ones began while its caller had patience."""
    ids = [organisation.partner.create(**heavy(60, 10)) for _ in range(3)]
    steps: list[Rendering] = []
    ask = Renderer.ask

    async def noted(self: Renderer, rendering: Rendering, *given: Any) -> Any:
        portion = await ask(self, rendering, *given)
        if not portion.is_begun:
            steps.append(rendering)
        return portion

    monkeypatch.setattr(Renderer, "ask", noted)
    monkeypatch.setattr(parent, "BEGIN_SECONDS", PATIENCE)
    with ThreadPoolExecutor(3) as pool:
        assert [one.status_code for one in pool.map(partial(_alone, organisation), ids)] == [200] * 3
    assert len(steps) > 3
    changes = sum(one is not next_one for one, next_one in itertools.pairwise(steps))
    assert changes == len(set(map(id, steps))) - 1


def _alone(organisation: Organisation, id: str) -> httpx2.Response:
    with httpx2.Client(base_url=organisation.hospital.http.base_url, timeout=PATIENCE, trust_env=False) as http:
        return like(organisation.hospital, http).get(f"{ENCOUNTERS}/{id}/fhir-bundle")


def test_clients_that_leave_end_their_exports(organisation: Organisation, inside: Inside) -> None:
    id, hospital = long(organisation, inside, 6), organisation.hospital
    for _ in range(4):
        made = hospital.http.build_request("GET", f"{ENCOUNTERS}/{id}/fhir-bundle", headers=hospital.headers())
        answer = hospital.http.send(made, stream=True)
        next(answer.iter_bytes())
        answer.close()
    wait_for(lambda: number_of_renderings() == 0, what="the exports to end")


def test_an_export_that_is_left_in_the_middle_of_a_portion_gives_its_bytes_to_nobody_else(
    organisation: Organisation,
    other: Organisation,
    inside: Inside,
    renderer: psutil.Process,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The next order was sent while the answer of the one before was on its way, and so each later answer went to the next one's client."""
    id, mine, third = long(organisation, inside), long(other, inside), long(other, inside, 1)
    whole = {one: read(other, one).content for one in (mine, third)}
    ask, is_frozen = Renderer.ask, threading.Event()

    async def noted(self: Renderer, rendering: Rendering, *given: Any) -> Any:
        if given[1] is not None and not is_frozen.is_set():
            renderer.suspend()
            is_frozen.set()
        return await ask(self, rendering, *given)

    hospital = organisation.hospital
    made = hospital.http.build_request("GET", f"{ENCOUNTERS}/{id}/fhir-bundle", headers=hospital.headers())
    try:
        monkeypatch.setattr(Renderer, "ask", noted)
        answer = hospital.http.send(made, stream=True)
        parts = answer.iter_bytes()
        next(parts)
        assert is_frozen.wait(PATIENCE)
        answer.close()
        wait_for(lambda: number_of_renderings() == 0, what="the export to end")
        with asked(other, mine) as export:
            wait_for(lambda: number_of_renderings() == 1 or export.done(), what="the next export to begin")
            assert other.hospital.read(mine)["id"] == mine
            renderer.resume()
            assert export.result().content == whole[mine]
    finally:
        renderer.resume()
    for _ in range(2):
        assert {one: read(other, one).content for one in whole} == whole


def test_twenty_exports_of_one_organisation_let_another_ones_have_every_second_turn(
    organisation: Organisation, other: Organisation, inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    greedy, mine = long(organisation, inside), long(other, inside)
    turns: list[str] = []
    ask = Renderer.ask

    async def noted(self: Renderer, rendering: Rendering, *given: Any) -> Any:
        turns.append(party_of(rendering.request.scope["caller"]).tenant)
        return await ask(self, rendering, *given)

    monkeypatch.setattr(Renderer, "ask", noted)
    stopping = threading.Event()

    def attack() -> None:
        with httpx2.Client(base_url=organisation.hospital.http.base_url, timeout=PATIENCE, trust_env=False) as http:
            client = like(organisation.hospital, http)
            while not stopping.is_set():
                client.get(f"{ENCOUNTERS}/{greedy}/fhir-bundle")

    with ThreadPoolExecutor(20) as crowd:
        running = [crowd.submit(attack) for _ in range(20)]
        try:
            wait_for(lambda: len(turns) > 40, what="the crowd to work")
            before = len(turns)
            assert read(other, mine).status_code == 200
            met = turns[before:]
        finally:
            stopping.set()
        for one in running:
            one.result()
    mine_last = len(met) - met[::-1].index(other.id)
    theirs, ours = met[:mine_last].count(organisation.id), met[:mine_last].count(other.id)
    # One at its arrival, and while it reads its readings one or two more: never all twenty.
    assert theirs <= 4 * ours + 2, met


def test_the_renderer_has_no_setting_and_yields_to_all(renderer: psutil.Process) -> None:
    assert set(renderer.environ()) <= {"PATH", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "LC_CTYPE"}
    assert renderer.nice() == 5
    assert os.getsid(renderer.pid) == renderer.pid
    assert Path(f"/proc/{renderer.pid}/oom_score_adj").read_text() == "1000\n"


def test_the_renderer_lets_others_interrupt_it(renderer: psutil.Process) -> None:
    """With turns as long as theirs it kept its processor until the next tick, four milliseconds, though a request had come."""
    if not priority.length_of_turns(0):
        pytest.skip("this kernel has no turns of chosen lengths")
    assert priority.length_of_turns(renderer.pid) > priority.length_of_turns(0)


def test_others_are_answered_between_the_pieces_of_a_portion(
    organisation: Organisation, inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A portion has up to a megabyte, and held the loop until the socket had all of it."""
    id = long(organisation, inside)
    whole = read(organisation, id).content
    call, pieces, turns = exporting.Streamed.__call__, list[bytes](), list[int]()

    async def noted(self: exporting.Streamed, scope: Scope, receive: Receive, send: Send) -> None:
        loop, turn = asyncio.get_running_loop(), 0

        def count() -> None:
            nonlocal turn, counting
            turn, counting = turn + 1, loop.call_soon(count)

        async def noting(message: Message) -> None:
            if message.get("body"):
                pieces.append(message["body"])
                turns.append(turn)
            await send(message)

        counting = loop.call_soon(count)
        try:
            await call(self, scope, receive, noting)
        finally:
            counting.cancel()

    monkeypatch.setattr(exporting.Streamed, "__call__", noted)
    assert read(organisation, id).content == whole == b"".join(pieces)
    assert max(map(len, pieces)) == parent.PIECE
    assert sorted(set(turns)) == turns


def test_no_job_carries_a_key_of_the_service(
    organisation: Organisation, inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record goes to the renderer in the clear, with the pseudonyms of one partner."""
    sent: list[bytes] = []
    pickled = parent.pickle.dumps

    def noted(order: Any, protocol: int) -> bytes:
        sent.append(pickled(order, protocol))
        return sent[-1]

    monkeypatch.setattr(parent.pickle, "dumps", noted)
    region = Region(organisation, inside)
    id = region.bound(region.cork, **heavy(60, 10))
    assert region.cork.handover(id, format="transaction").status_code == 200
    assert read(organisation, long(organisation, inside)).status_code == 200
    assert sent
    for order in sent:
        assert bytes(32) not in order
        assert bytes(range(1, 33)) not in order


def test_an_error_of_the_work_names_its_place_and_no_value() -> None:
    unfit: Any = ["Ada Byron"], None, 1

    async def test() -> None:
        async with parent.running() as made:
            for _ in range(2):
                job = partial(exporting.exported, *unfit)
                with pytest.raises(parent.RenderingFailed) as raised:
                    await made.whole(request(b""), job)
                assert re.fullmatch(r"AttributeError in _begun:\d+ < exported:\d+ < .*", str(raised.value))
                assert "Ada" not in str(raised.value)

    asyncio.run(asyncio.wait_for(test(), PATIENCE))


def test_the_renderer_ends_with_the_web_process(
    organisation: Organisation, inside: Inside, redis_server: RedisServer
) -> None:
    id = long(organisation, inside)
    for number in (signal.SIGTERM, signal.SIGKILL):
        with process(inside.database, redis_server.url) as (child, http):
            client = like(organisation.hospital, http)
            assert client.get(f"{ENCOUNTERS}/{id}/fhir-bundle").status_code == 200
            [found] = renderers(child.pid)
            child.send_signal(number)
            ended(child)
            found.wait(PATIENCE)


def test_an_export_in_progress_is_whole_when_the_web_process_is_stopped(
    organisation: Organisation, inside: Inside, redis_server: RedisServer
) -> None:
    id = long(organisation, inside, 6)
    whole = read(organisation, id).content
    with process(inside.database, redis_server.url) as (child, http):
        client = like(organisation.hospital, http)
        made = http.build_request("GET", f"{ENCOUNTERS}/{id}/fhir-bundle", headers=client.headers())
        answer, got = http.send(made, stream=True), b""
        for part in answer.iter_bytes():
            if not got:
                child.send_signal(signal.SIGTERM)
            got += part
        assert got == whole
        assert ended(child) == 0
