"""The pages of webhooks and deliveries: what they ask of the platform, show of its answers, and refuse."""

import pytest

from services.console.pages import registry
from tests.console.answers import webhooks as answers
from tests.console.answers.webhooks import APP, DELIVERY, EVENT, TRACE, WEBHOOK
from tests.console.conftest import Console
from tests.console.platform import HOSTILE, Answer, Person

ONE = f"/webhooks/{WEBHOOK}"
PAGES = [entry for entry in registry.entries() if entry.area.name == "webhooks" and entry.page.read]
PORTAL = ("webhooks:write",)
"""The scopes of a developer whose app an administrator let in: of that app alone."""


@pytest.mark.parametrize("language", ["en", "it"])
@pytest.mark.parametrize("scopes", [None, PORTAL], ids=["administrator", "portal"])
@pytest.mark.parametrize("entry", PAGES, ids=lambda one: one.page.name)
def test_every_page_is_shown(console: Console, entry: registry.Entry, language: str, scopes: tuple[str, ...] | None) -> None:
    person = Person() if scopes is None else Person(scopes=scopes)
    with console.signed_in(person, accept_language=language) as browser:
        page = browser.get(entry.example)
    assert page.status_code == 200, page.text
    assert "<h1>" in page.text
