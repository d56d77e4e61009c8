"""No page of a list is large in the worst case: its rows are small, or it ends early."""

import ast
import inspect
import textwrap
from collections.abc import Iterator

import pytest

from services.auth import routes as auth
from services.control_plane import routes as control_plane
from services.device_ingest import routes as device_ingest
from services.epcr import routes as epcr
from services.graphql_api import routes as graphql_api
from services.webhook_dispatcher import routes as webhook_dispatcher
from shared.operators import routes as operators
from shared.trail import routes as trail
from shared.web.http import Page
from shared.web.routing import Operation

pytestmark = pytest.mark.full

PARTS = [
    *auth.PARTS,
    *webhook_dispatcher.PARTS,
    *(service.PART for service in (graphql_api, epcr, device_ingest)),
    *control_plane.PARTS,
    graphql_api.INDICATORS,
    trail.part("every service"),
    operators.part("every service"),
]
MOST = 2 << 20
ROWS = 100
OF_CONTROL = 6
"""Bytes of a control character in JSON, from one byte in the database."""
# The bytes of the largest row in JSON, of each list whose pages do not end early. Ids, times, codes and member names take under 1 KiB.
ROW = {
    "listAppEvents": 1024,
    "listServiceTokens": 1024 + 120 * OF_CONTROL + 50 * 67,  # a name, scopes
    "listUserSessions": 1024 + 200 * OF_CONTROL,  # a browser
    "listInvitations": 2 * 1024,
    "listSamlConnectionEvents": 1024 + 1024 * OF_CONTROL,  # a reason
    "listSamlUsers": 1024 + 1024 * OF_CONTROL + 50 * 67,  # a NameID, roles
    "listSigningKeys": 1024 + 120 * OF_CONTROL,
    "listPackages": 1024 + 2000 * OF_CONTROL,  # a description
    "listReleases": 1024,
    "listReplays": 2 * 1024 + 256 * OF_CONTROL,  # a filter with ids, and a key
    "listInstallations": 1024 + 120 * OF_CONTROL + 2 * 50 * 131 + 50 * 67,  # a title, scopes and event types, bundles
    "listAutomationRuns": 1024 + 2 * 1024 + 10 * 32,  # a detail and ids
    "listAllAutomationRuns": 1024 + 2 * 1024 + 10 * 32,
    "listDevices": 1024 + 4 * 128 * OF_CONTROL,  # a serial number, texts of the maker, a vehicle
    "listObservations": 2 * 1024,
    "listVehicles": 256 + 128 * OF_CONTROL,  # a vehicle
    "listDestinations": 1024 + (200 + 200 + 200) * OF_CONTROL,  # a name, a code, a reference
    "listArrivals": 1024,
    "listEmergencies": 1024 + 1000 * OF_CONTROL,  # an explanation
    "listDisclosures": 1024 + 200 * OF_CONTROL + 50 * 32,  # a name, the sections
    "listTenants": 1024 + 200 * OF_CONTROL,  # a name
    "listStoppedTenants": 1024 + 500 * OF_CONTROL,  # a reason
    "listStoppedWebhooks": 1024 + (253 + 500) * OF_CONTROL,  # a host, a reason
    "listStoppedAutomations": 1024 + (200 + 500) * OF_CONTROL,  # a name, a reason
    "listDeadLetters": 1024 + (64 + 64 + 100 + 2000) * OF_CONTROL,  # a tenant's id, a producer, a name, an error
    "listOperatorActs": 1024 + (64 + 500 + 1000) * OF_CONTROL,  # a subject, a reason, an outcome
    "listIndicatorEncounters": 1024,
    "listReports": 1024 + 60 * 67,  # names of indicators
    "listReportSchedules": 1024 + 60 * 67,
    "listEncounters": 1024 + 2 * 128 * OF_CONTROL,  # the vehicle and the incident
}
LISTS = {
    operation.name: operation
    for part in PARTS
    for operation in part.operations
    if isinstance(operation.query, type) and issubclass(operation.query, Page)
}


def called(operation: Operation) -> Iterator[str]:
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(operation.endpoint)))):
        if isinstance(node, ast.Call):
            yield node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


@pytest.mark.parametrize("name", LISTS)
def test_the_worst_page_of_each_list_is_small(name: str) -> None:
    ends_early = "page_of" in called(LISTS[name])
    assert ends_early or ROWS * ROW[name] <= MOST, "read it with `database.page_of`"
    assert not (ends_early and name in ROW), "its row needs no line"


def test_each_line_is_of_a_list() -> None:
    assert ROW.keys() <= LISTS.keys()
