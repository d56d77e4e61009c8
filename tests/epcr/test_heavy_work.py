"""Heavy answers are made in processes beside the web process: nobody else waits for them, and their faults are theirs alone."""

import signal
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2
import psutil
import pytest
from prometheus_client import REGISTRY

from deploy.local.redis_server import RedisServer
from services.epcr.encounters import exporting
from shared.fairness import line
from shared.web.scopes import Mode
from tests.epcr.conftest import ENCOUNTERS, RECORDS, Inside, Organisation
from tests.epcr.deliveries import recorded, spo2
from tests.epcr.heavy_work import Work, asked, begun, like, long, one_process, read
from tests.epcr.hospitals import Region, handover_of
from tests.epcr.samples import MINIMAL, TYPICAL
from tests.epcr.test_attacker import moved_to
from tests.epcr.test_identities import process
from tests.support.records import heavy
from tests.support.waiting import PATIENCE, ended, wait_for

pytestmark = pytest.mark.full

BODY = heavy(60, 10)
IDLE = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%%'"


@pytest.fixture
def work(organisation: Organisation) -> Iterator[Work]:
    with one_process() as made:
        assert organisation.hospital.read(organisation.partner.create(**BODY))["vital_signs"]
        yield made


ROADS = {
    "read": (f"{ENCOUNTERS}/{{}}", {}),
    "export": (f"{ENCOUNTERS}/{{}}/fhir-bundle", {}),
    "export in bundles": (f"{ENCOUNTERS}/{{}}/fhir-bundle", {"max_entries": "50"}),
    "the record": (f"{RECORDS}/{{}}", {}),
    **{form: (handover_of("{}"), {"format": form}) for form in ("json", "document", "transaction", "pdf")},
}


@pytest.mark.parametrize("road", ROADS)
def test_no_road_to_a_heavy_record_holds_the_loop_or_waits_with_a_connection(
    organisation: Organisation, other: Organisation, inside: Inside, work: Work, road: str
) -> None:
    """While the process of heavy work does nothing at all, all light calls are answered, and no transaction is open."""
    region, short = Region(organisation, inside), other.partner.create(**MINIMAL)
    id = region.bound(region.cork, **BODY)
    path, query = ROADS[road]
    client = {"the record": organisation.crew}.get(
        road, region.cork.app if "format" in query else organisation.hospital
    )
    with asked(client, path.format(id), **query) as answer:
        with work.frozen():
            wait_for(lambda: work.is_asked() or answer.done(), what="the work to begin")
            assert other.hospital.bundle(short)["entry"]
            assert other.hospital.read(short)["id"] == short
            assert other.crew.write(short, {"narrative": "More."}).status_code == 200
            assert organisation.hospital.bundle(organisation.partner.create(**MINIMAL))["entry"]
            assert inside.rows(IDLE) == []
            assert not answer.done()
        assert answer.result().status_code == 200


@pytest.mark.parametrize("mode", ["shifted", "safe_harbor"])
def test_an_edition_of_a_heavy_record_is_made_there_too(
    organisation: Organisation, work: Work, years_later: None, mode: Mode
) -> None:
    client = moved_to(organisation.hospital, mode)
    known = {one["id"] for one in client.get(ENCOUNTERS).json()["encounters"]}
    organisation.partner.create(**BODY)
    [alias] = {one["id"] for one in client.get(ENCOUNTERS).json()["encounters"]} - known
    for path in (f"{ENCOUNTERS}/{alias}", f"{ENCOUNTERS}/{alias}/fhir-bundle"):
        with asked(client, path) as answer:
            with work.frozen():
                wait_for(lambda: work.is_asked() or answer.done(), what="the work to begin")
                assert not answer.done()
            assert answer.result().status_code == 200


def test_a_flood_of_one_organisation_is_refused_and_delays_only_itself(
    organisation: Organisation, other: Organisation, work: Work
) -> None:
    greedy, mine = organisation.partner.create(**BODY), other.partner.create(**BODY)
    number = line.WAITING + 6
    with (
        ThreadPoolExecutor(number) as crowd,
        httpx2.Client(
            base_url=organisation.hospital.http.base_url,
            timeout=PATIENCE,
            trust_env=False,
            limits=httpx2.Limits(max_connections=None),
        ) as http,
    ):
        client = like(organisation.hospital, http)
        with work.frozen():
            answers = [crowd.submit(client.get, f"{ENCOUNTERS}/{greedy}") for _ in range(number)]
            wait_for(lambda: sum(one.done() for one in answers) == 5, what="the refusals of those beyond the queue")
            with asked(other.hospital, f"{ENCOUNTERS}/{mine}") as answer:
                wait_for(
                    lambda: sum(one.done() for one in answers) == 6, what="one more refusal, for the other's place"
                )
                before = work.waiting()
                work.process.resume()
                assert answer.result().status_code == 200
        found = Counter(one.result().status_code for one in answers)
        refused = [one.result() for one in answers if one.result().status_code == 429]
    assert before == line.WAITING
    assert found == {200: line.WAITING, 429: 6}
    assert all("retry-after" in one.headers for one in refused)


def test_twenty_exports_of_one_organisation_delay_anothers_as_one_would(
    organisation: Organisation, other: Organisation, inside: Inside, work: Work
) -> None:
    """They take turns at portions: while the other organisation's bytes are made, the twenty get about as many together."""
    greedy, mine = long(organisation, inside), long(other, inside)
    whole = read(other, mine).content
    stopping, got = threading.Event(), Counter[str]()

    def attack() -> None:
        with httpx2.Client(base_url=organisation.hospital.http.base_url, timeout=PATIENCE, trust_env=False) as http:
            client = like(organisation.hospital, http)
            while not stopping.is_set():
                with begun(client, greedy) as (_, parts):
                    for part in parts:
                        got["theirs"] += len(part)
                        if stopping.is_set():
                            break

    with ThreadPoolExecutor(20) as crowd:
        running = [crowd.submit(attack) for _ in range(20)]
        try:
            wait_for(lambda: got["theirs"] > 2 * len(whole), what="the crowd to work")
            before = got["theirs"]
            assert read(other, mine).content == whole
            theirs = got["theirs"] - before
        finally:
            stopping.set()
        for one in running:
            one.result()
    # Without turns the twenty would get twenty times as much.
    assert theirs < 6 * len(whole)


def test_a_client_that_leaves_ends_its_export(organisation: Organisation, inside: Inside, work: Work) -> None:
    id, before = long(organisation, inside, 6), work.seconds
    assert read(organisation, id).status_code == 200
    whole, before = work.seconds - before, work.seconds
    with begun(organisation.hospital, id) as (_, parts):
        next(parts)
    work.wait_for_rest()
    assert work.seconds - before < whole


def test_a_client_that_reads_slowly_costs_nobody(
    organisation: Organisation, other: Organisation, inside: Inside, work: Work
) -> None:
    """No portion is made for it while it reads nothing, it holds no place, and its bundle is whole at the end."""
    id, mine = long(organisation, inside, 6), long(other, inside)
    whole = read(organisation, id).content
    with (
        httpx2.Client(base_url=organisation.hospital.http.base_url, timeout=PATIENCE, trust_env=False) as http,
        begun(like(organisation.hospital, http), id) as (_, parts),
    ):
        got = next(parts)
        work.wait_for_rest("the buffers on its way to be full")
        assert read(other, mine).status_code == 200
        work.wait_for_rest()
        assert inside.rows(IDLE) == []
        assert got + b"".join(parts) == whole


@pytest.mark.parametrize("form", ["all", "summary"])
def test_portions_have_the_bytes_of_a_bundle_that_is_made_at_once(
    organisation: Organisation, inside: Inside, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    id = organisation.partner.create(**TYPICAL)
    inside.receive(organisation.id, recorded(id, *(spo2(f"9{one % 10}", device_id="dev_1") for one in range(200))))
    made = read(organisation, id, readings=form)
    parts = read(organisation, id, readings=form, max_entries=100)
    assert "content-length" in made.headers
    monkeypatch.setattr(exporting, "PORTION", 30)
    in_portions = read(organisation, id, readings=form)
    assert "content-length" not in in_portions.headers
    assert in_portions.content == made.content
    assert read(organisation, id, readings=form, max_entries=100).content == parts.content


def test_a_process_that_is_killed_breaks_off_its_exports_and_nothing_else(
    organisation: Organisation, inside: Inside, work: Work
) -> None:
    id, short = long(organisation, inside, 6), organisation.partner.create(**TYPICAL)
    whole = read(organisation, id).content
    ends = REGISTRY.get_sample_value("heavy_work_broken_off_total") or 0
    killed = work.process
    with begun(organisation.hospital, id) as (_, parts):
        got = next(parts)
        killed.kill()
        with pytest.raises(httpx2.RemoteProtocolError):
            got += b"".join(parts)
    assert whole.startswith(got)
    assert len(got) < len(whole)
    assert organisation.hospital.bundle(short)["entry"]
    assert read(organisation, id).content == whole
    assert REGISTRY.get_sample_value("heavy_work_broken_off_total") == ends + 1
    assert work.process.pid != killed.pid


def test_an_answer_whose_process_ends_before_the_first_byte_may_be_tried_again(
    organisation: Organisation, inside: Inside, work: Work
) -> None:
    id = long(organisation, inside)
    with asked(organisation.hospital, f"{ENCOUNTERS}/{id}/fhir-bundle") as export:
        process = work.process
        process.suspend()
        wait_for(work.is_asked, what="the export to begin")
        process.kill()
        answer = export.result()
    assert answer.status_code == 503
    assert "retry-after" in answer.headers
    assert read(organisation, id).status_code == 200


def test_a_process_that_hangs_is_given_up(
    organisation: Organisation, inside: Inside, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    id, hanging = long(organisation, inside, 1), work.process
    with monkeypatch.context() as patched:
        patched.setattr(line, "WORK_SECONDS", 0.2)
        hanging.suspend()
        answer = read(organisation, id)
        assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
    assert read(organisation, id).status_code == 200
    assert not hanging.is_running() or hanging.status() == psutil.STATUS_ZOMBIE


def test_work_that_waits_too_long_for_its_turn_may_be_tried_again(
    organisation: Organisation, other: Organisation, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the gateway gives it up with a 504, which nothing says may be tried again."""
    id, mine = organisation.partner.create(**BODY), other.partner.create(**BODY)
    with asked(organisation.hospital, f"{ENCOUNTERS}/{id}") as first:
        with work.frozen():
            wait_for(work.is_asked, what="the work to begin")
            monkeypatch.setattr(line, "BEGIN_SECONDS", 0.2)
            refused = other.hospital.get(f"{ENCOUNTERS}/{mine}")
            assert (refused.status_code, "retry-after" in refused.headers) == (503, True)
            monkeypatch.undo()
        assert first.result().status_code == 200
    assert other.hospital.read(mine)["vital_signs"]


def test_an_export_that_has_begun_is_refused_no_more(
    organisation: Organisation, inside: Inside, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before its first byte an export may be refused; after it waits until its portion has a turn."""
    id = long(organisation, inside, 6)
    whole = read(organisation, id).content
    monkeypatch.setattr(line, "BEGIN_SECONDS", 0.2)
    with begun(organisation.hospital, id) as (_, parts):
        got, read_to_the_end = next(parts), list[bytes]()
        with work.frozen(), ThreadPoolExecutor(1) as pool:
            wanted = pool.submit(lambda: read_to_the_end.extend(parts))
            wait_for(work.is_asked, what="the next portion to be asked for")
            refused = read(organisation, id)
            assert refused.status_code == 429
            assert not wanted.done()
            monkeypatch.undo()
            work.process.resume()
            wanted.result()
    assert got + b"".join(read_to_the_end) == whole


def test_the_process_yields_to_all_and_ends_first(work: Work) -> None:
    assert work.process.nice() == line.NICE
    with open(f"/proc/{work.process.pid}/oom_score_adj") as file:
        assert file.read() == f"{line.FIRST_TO_END}\n"


def workers(of: int) -> list[psutil.Process]:
    """The processes of heavy work of that web process."""
    children = psutil.Process(of).children(recursive=True)
    return [one for one in children if "spawn_main" in " ".join(one.cmdline())]


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGKILL])
def test_the_processes_end_with_the_web_process(
    organisation: Organisation, inside: Inside, redis_server: RedisServer, sent: signal.Signals
) -> None:
    id = long(organisation, inside, 1)
    with process(inside.database, redis_server.url) as (child, http):
        client = like(organisation.hospital, http)
        assert client.get(f"{ENCOUNTERS}/{id}/fhir-bundle").status_code == 200
        found = workers(child.pid)
        assert found
        child.send_signal(sent)
        ended(child)
        psutil.wait_procs(found, PATIENCE)
        assert not any(one.is_running() for one in found)


def test_an_export_in_progress_is_whole_when_the_web_process_is_stopped(
    organisation: Organisation, inside: Inside, redis_server: RedisServer
) -> None:
    id = long(organisation, inside, 6)
    whole = read(organisation, id).content
    with process(inside.database, redis_server.url) as (child, http):
        with begun(like(organisation.hospital, http), id) as (_, parts):
            got = next(parts)
            child.send_signal(signal.SIGTERM)
            got += b"".join(parts)
        assert got == whole
        assert ended(child) == 0


def test_a_web_process_has_none_before_its_first_heavy_work(
    inside: Inside, redis_server: RedisServer, organisation: Organisation
) -> None:
    with process(inside.database, redis_server.url) as (child, http):
        assert like(organisation.hospital, http).get(ENCOUNTERS).status_code == 200
        assert workers(child.pid) == []
