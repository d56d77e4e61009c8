"""The list of parsers is complete: every route of every service has a row, and every row has measured entries."""

import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import Route

from shared.web import http, routing
from tests.hostile.entries import ENTRIES
from tests.hostile.routes import EVERYWHERE, GATEWAY, NAMES, SERVICES

READERS = (
    "http.decode",
    "http.query",
    "await read_form",
    "await read_request",
    "query_params",
    "read_body",
    "query_string",
)
ROOT = Path(__file__).parents[2]


def routes_of(service: str) -> Iterator[tuple[str, str, Any]]:
    routes: list[Route] = [*importlib.import_module(f"services.{service}.app").routes, *routing.probes({})]
    for route in routes:
        by_method = getattr(route.endpoint, "endpoints", None)
        if by_method is None:
            by_method = dict.fromkeys(route.methods or (), route.endpoint)
        for method, endpoint in by_method.items():
            if method != "HEAD":
                yield method, route.path, endpoint


def given_bodies(endpoint: Any) -> list[str]:
    """The queries and bodies that the route entry decodes for the endpoint."""
    taken = inspect.signature(endpoint).parameters.values()
    return [one.name for one in taken if isinstance(one.annotation, type) and issubclass(one.annotation, http.Body)]


@pytest.mark.parametrize("service", SERVICES)
def test_every_route_has_a_row_of_what_it_reads(service: str) -> None:
    assert {(method, path) for method, path, _ in routes_of(service)} == set(SERVICES[service])


@pytest.mark.parametrize("service", SERVICES)
def test_a_row_that_says_nothing_is_of_an_endpoint_that_reads_nothing(service: str) -> None:
    for method, path, endpoint in routes_of(service):
        if not SERVICES[service][method, path]:
            source = inspect.getsource(endpoint)
            assert not [reader for reader in READERS if reader in source], f"{method} {path}"
            assert not given_bodies(endpoint), f"{method} {path}"


def test_every_service_is_listed() -> None:
    folders = {path.parent.name for path in (ROOT / "services").glob("*/app.py")}
    assert folders == set(SERVICES)


def test_every_row_names_an_entry_and_every_entry_is_of_a_row() -> None:
    assert {entry.name for entry in ENTRIES} == NAMES
    assert set(GATEWAY) | set(EVERYWHERE) <= NAMES
