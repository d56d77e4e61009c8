"""Paths are exact, and each one leads to one route."""

import importlib
import re
from itertools import combinations
from typing import Any

from starlette.routing import Match, Route

from deploy.docs import contract
from deploy.local.table import SERVICES
from tests.docs import validating
from tests.support.stack import Stack
from tests.support.waiting import wait_for

EXAMPLES = {name: example for part in contract.PARTS for name, example in part.ids.items()}
# A parameter whose values are typed ids: `auto_123` is one of an automation, and `runs` is none.
ID = re.compile(r"[a-z]+_(?=\d)")


def fits(segment: str, other: str) -> bool:
    """Whether one segment of a path may be both of these, as literals or parameters of a route."""
    one, two = sorted((segment, other), key=lambda each: each.startswith("{"))
    if not two.startswith("{"):
        return one == two
    kinds = [ID.match(EXAMPLES.get(each.strip("{}"), "")) for each in (one, two) if each.startswith("{")]
    if one.startswith("{"):
        return not all(kinds) or kinds[0][0] == kinds[1][0]  # type: ignore[index]
    return kinds[0] is None or one.startswith(kinds[0][0])


def may_be_one(one: str, two: str) -> bool:
    parts, others = one.split("/"), two.split("/")
    return len(parts) == len(others) and all(map(fits, parts, others))


def test_no_path_fits_two_routes_of_a_service_or_two_of_the_contract() -> None:
    by_owner = {service.name: [route.path for route in routes_of(service.module)] for service in SERVICES}
    by_owner["the contract"] = list(validating.contract()["paths"])
    faults = [
        f"{owner}: {one} and {two}"
        for owner, paths in by_owner.items()
        for one, two in combinations(sorted(set(paths)), 2)
        if may_be_one(one, two)
    ]
    assert faults == [], "\n".join(faults)


def test_a_path_with_ids_of_its_kinds_leads_to_its_own_route() -> None:
    faults = []
    for service in SERVICES:
        routes = routes_of(service.module)
        for route in routes:
            path = re.sub(r"{(\w+)(?::\w+)?}", lambda found: EXAMPLES.get(found[1], "x"), route.path)
            asked: dict[str, Any] = {"type": "http", "method": "GET", "path": path, "root_path": "", "headers": []}
            first = next(one.path for one in routes if one.matches(asked)[0] is not Match.NONE)
            faults += [] if first == route.path else [f"{service.name}: {path} of {route.path} leads to {first}"]
    assert faults == [], "\n".join(faults)


def routes_of(module: str) -> list[Route]:
    return [route for route in importlib.import_module(f"{module}.app").routes if isinstance(route, Route)]


def test_a_path_that_is_almost_a_described_one_is_not_found_and_leads_nowhere(stack: Stack) -> None:
    """A redirect would repeat the request with its token at an address that is made from the request itself."""
    with stack.client("api", stack.admin_token) as client:
        wait_for(lambda: client.get("/api/v1/platform/packages").is_success, what="the organisation's access")
    for host in ("auth", "api"):
        with stack.client(host, stack.admin_token) as client:
            for path in (path for path in validating.contract()["paths"] if "{" not in path):
                assert client.get(path + "/").status_code == 404, (host, path)
