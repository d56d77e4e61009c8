"""Pages on which people wait move by themselves; `test_script.py` plays how they do."""

import re

import pytest

from services.console.pages import registry
from tests.console.conftest import Console

WAITED_FOR = {
    "apps": ("request", "requests", "sandboxes"),
    "operations": ("device", "devices", "encounters", "incident", "incidents", "vehicle", "vehicles"),
    "operators": ("acts", "front", "request", "requests", "service", "switches", "tenant"),
    "overview": ("front",),
    "people": ("connection", "invitation", "invitations"),
    "quality": ("report", "reports", "schedules"),
    "webhooks": ("deliveries", "delivery", "replay_progress", "replays", "webhook", "webhooks"),
}
"""No page of the audit trail: each look at the trail is an entry in it. A sandbox and an act move until they are
ready, which their own tests play."""
PAGES = [entry for entry in registry.entries() if entry.page.name in WAITED_FOR.get(entry.area.name, ())]
LIVE = re.compile(r' id="[^"]+"[^>]* data-live="(\d+)"')


def test_every_page_that_is_named_exists() -> None:
    assert len(PAGES) == sum(len(names) for names in WAITED_FOR.values())


@pytest.mark.parametrize("entry", PAGES, ids=[f"{one.area.name}.{one.page.name}" for one in PAGES])
def test_a_page_on_which_people_wait_moves_by_itself(console: Console, entry: registry.Entry) -> None:
    seconds = [int(found) for found in LIVE.findall(console.signed_in().get(entry.example).text)]
    assert seconds
    assert all(2 <= one <= 30 for one in seconds)


def test_sandboxes_move_faster_while_one_is_made(console: Console) -> None:
    sandbox = {
        "id": "sbx_01m88d0q5rekasgwnts2cwwdh6",
        "tenant_id": "org_01m88d0q5rekasgwnts2cwwdh6",
        "name": "Rehearsals",
        "seed": 1,
        "percent": 40,
        "client_id": "app_01m88d0q5rekasgwnts2cwwdh6",
        "created_at": "2026-11-25T03:47:00Z",
        "changed_at": "2026-11-25T03:47:00Z",
    }
    browser = console.signed_in()
    for state, seconds in (("preparing", "5"), ("ready", "30")):
        listed = {"sandboxes": [sandbox | {"state": state}], "next_cursor": None}
        console.platform.overrides["GET /v1/platform/sandboxes"] = listed
        assert LIVE.findall(browser.get("/sandboxes").text) == [seconds]
