"""Every call that returns stored content has a row, and its processor time grows at most linearly with the bytes stored before."""

import gc
from collections.abc import Iterator

import pytest

from services.epcr import routes as epcr
from services.epcr.encounters import exporting
from services.epcr.fhir import encode
from shared.web.routing import Operation
from tests.hostile.measuring import grows_faster_than_linearly, seconds
from tests.hostile.stored import ROADS, STORED, Road
from tests.hostile.test_pages import LISTS, PARTS

pytestmark = pytest.mark.full


def reading() -> Iterator[Operation]:
    for part in (*PARTS, epcr.CREW):
        for operation in part.operations:
            if operation.method == "GET" and operation.name not in LISTS:
                yield operation


def test_every_call_that_returns_stored_content_has_a_row() -> None:
    """A new GET call needs one: a list in `test_pages.py`, others in `stored.py`."""
    assert {operation.name for operation in reading()} - STORED.keys() == set()
    known = {operation.name for part in (*PARTS, epcr.CREW) for operation in part.operations}
    assert STORED.keys() - known == set()


def test_every_measured_road_is_of_a_call() -> None:
    assert ROADS.keys() <= set(STORED.values())


@pytest.fixture(autouse=True, scope="module")
def frozen() -> Iterator[None]:
    """The garbage collector passes over the objects of other tests, as it passes over imported ones in a web process."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def growth(road: Road, *, is_first: bool = False) -> str:
    works = {size: road.make(size) for size in (road.most, road.most // 2, road.most // 4)}

    def read(size: int) -> object:
        if is_first:
            encode._passed.clear()
            exporting._passed.clear()
        return works[size]()

    return grows_faster_than_linearly(lambda size, runs: seconds(read, size, (), runs), road.most)


@pytest.mark.parametrize("name", ROADS)
def test_twice_the_stored_content_costs_no_more_than_twice_the_time(name: str) -> None:
    assert not growth(ROADS[name])


def test_the_first_export_of_twice_the_entries_costs_no_more_than_twice_the_time() -> None:
    assert not growth(ROADS["bundle"]._replace(most=80), is_first=True)
