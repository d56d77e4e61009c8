"""A long export rests between its portions while the service serves others, and only then. A rest without end shows where it is."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from services.epcr.encounters import exporting
from services.epcr.fhir.export import AT_ONCE, Export
from services.epcr.renderer import parent
from services.epcr.renderer.parent import Renderer, Rendering
from services.epcr.renderer.work import Portion
from shared.web import others
from tests.epcr import golden
from tests.epcr.conftest import ENCOUNTERS, Client, Inside, Organisation, StartApp
from tests.epcr.deliveries import recorded, spo2
from tests.epcr.golden import exported, projection
from tests.epcr.samples import TYPICAL
from tests.epcr.test_long import monitored, read
from tests.epcr.test_renderer import like, number_of_renderings
from tests.support.waiting import PATIENCE, wait_for

ENDLESS = 100 * PATIENCE
BEGAN = datetime(2026, 3, 23, 10, 15, tzinfo=UTC)


def long(organisation: Organisation, inside: Inside, portions: int = 3) -> str:
    """An encounter with a reading in each second, as many as are read in that many portions."""
    id = organisation.partner.create(**TYPICAL)
    for number in range(portions):
        times = (BEGAN + timedelta(seconds=number * exporting.PORTION + one) for one in range(exporting.PORTION))
        values = [spo2(f"9{time.second % 10}", device_id="dev_1", observed_at=time) for time in times]
        inside.receive(organisation.id, recorded(id, *values))
    return id


@pytest.fixture
def asks(monkeypatch: pytest.MonkeyPatch) -> list[Portion]:
    """The portions that the renderer made."""
    made: list[Portion] = []
    ask = Renderer.ask

    async def noted(self: Renderer, rendering: Rendering, *given: Any) -> Portion:
        made.append(await ask(self, rendering, *given))
        return made[-1]

    monkeypatch.setattr(Renderer, "ask", noted)
    return made


@pytest.fixture
def restful(start_app: StartApp, monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx2.Client]:
    """A web process that nobody has called yet. Its rests have no end, and it expects others for ever after a call of theirs."""
    monkeypatch.setattr(parent, "REST", 1e9)
    monkeypatch.setattr(parent, "MOST_REST", ENDLESS)
    monkeypatch.setattr(others, "LATELY", ENDLESS)
    with start_app() as http:
        yield http


@contextmanager
def begun(client: Client, id: str) -> Iterator[httpx2.Response]:
    """An export whose first bytes have come; at the end of the block its client leaves."""
    address = f"{ENCOUNTERS}/{id}/fhir-bundle"
    answer = client.http.send(client.http.build_request("GET", address, headers=client.headers()), stream=True)
    try:
        assert answer.status_code == 200
        yield answer
    finally:
        answer.close()


def test_an_idle_service_gives_all_of_its_time_to_one_export(
    organisation: Organisation, inside: Inside, restful: httpx2.Client
) -> None:
    id = long(organisation, inside)
    hospital = like(organisation.hospital, restful)
    assert hospital.bundle(id) == read(organisation, id).json()
    assert hospital.bundle(id)["entry"]


def test_others_are_served_between_two_portions(
    organisation: Organisation, other: Organisation, inside: Inside, restful: httpx2.Client, asks: list[Portion]
) -> None:
    id, short = long(organisation, inside), other.partner.create(**TYPICAL)
    hospital = like(other.hospital, restful)
    assert hospital.read(short)["id"] == short
    with (
        httpx2.Client(base_url=str(restful.base_url), timeout=PATIENCE, trust_env=False) as another,
        begun(like(organisation.hospital, another), id),
    ):
        number = len(asks)
        for _ in range(3):
            assert hospital.read(short)["id"] == short
            assert hospital.bundle(short)["entry"]
        assert len(asks) == number
        assert not asks[-1].is_last
        assert number_of_renderings() == 1
    wait_for(lambda: number_of_renderings() == 0, what="the export to end")


def test_a_portion_has_few_readings(organisation: Organisation, inside: Inside, asks: list[Portion]) -> None:
    """With five hundred the renderer worked for twice as long between two rests, and the web process had a megabyte to pass on."""
    read(organisation, long(organisation, inside))
    entries = [b"".join(portion.pieces).count(b'"fullUrl"') for portion in asks]
    assert sum(entries) > 3 * exporting.PORTION
    assert max(entries) < exporting.PORTION


def test_the_composition_is_sent_in_parts() -> None:
    """It has a hundred bytes for each reading, and was one portion of megabytes."""
    given = projection(golden.encounter(TYPICAL), monitored(200))
    export = Export([given.content("all")], None)
    written = [*export.begin(), export.add(0, given.readings), *export.end_readings(0)]
    parts = list(export.end())
    assert len(parts) > 1
    assert max(map(len, parts)) <= AT_ONCE
    assert b"".join([*written, *parts]) == exported(given)


def test_a_client_that_reads_slowly_costs_nobody(
    organisation: Organisation, other: Organisation, inside: Inside, asks: list[Portion]
) -> None:
    """No portion is made for it while it reads nothing: the buffers of a few sockets are all that is on its way."""
    id, short, mine = long(organisation, inside, 12), other.partner.create(**TYPICAL), long(other, inside)
    with (
        httpx2.Client(base_url=organisation.hospital.http.base_url, timeout=PATIENCE, trust_env=False) as http,
        begun(like(organisation.hospital, http), id),
    ):
        stopped = threading.Event()
        for _ in range(20):
            number = len(asks)
            assert other.hospital.read(short)["id"] == short
            stopped.wait(0.1)
            if len(asks) == number:
                break
        assert not any(portion.is_last for portion in asks)
        assert read(other, mine).status_code == 200
        wait_for(lambda: number_of_renderings() == 1, what="the other export to end")
    wait_for(lambda: number_of_renderings() == 0, what="the export to end")
