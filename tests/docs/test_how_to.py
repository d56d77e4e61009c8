"""The pages on how to make a change name every place of it, and no more."""

import re
from pathlib import Path

import pytest

from deploy.local.table import ROOT
from shared.messaging.event_types import FIRED, catalogue

PAGES = sorted((ROOT / "docs" / "how-to").glob("add-*.md"))
COUNTED = {page: re.search(r"It touches these (\d+) files", page.read_text()) for page in PAGES}
PLACE = re.compile(r"^\| (\d+) \|", re.MULTILINE)
OF_SANDBOXES = ROOT / "services" / "webhook_dispatcher" / "fanout" / "sandbox.py"
"""Events of incidents are also made of the incidents that a sandbox invents."""


@pytest.mark.parametrize("page", [page for page, count in COUNTED.items() if count], ids=lambda page: page.stem)
def test_a_page_counts_the_files_of_its_first_table(page: Path) -> None:
    count = COUNTED[page]
    assert count is not None
    numbers = [int(number) for number in PLACE.findall(page.read_text().split("\n## ")[0])]
    assert numbers == list(range(1, int(count[1]) + 1))


def test_the_pages_that_a_newcomer_needs_first_are_counted() -> None:
    counted = {page.stem for page, count in COUNTED.items() if count}
    assert counted >= {"add-a-field", "add-an-event", "add-a-scope", "add-an-endpoint"}


@pytest.mark.parametrize("kind", sorted(catalogue().keys() - {FIRED}))
def test_no_service_but_its_producer_names_an_event_type_which_would_be_a_copy_of_the_catalogue(kind: str) -> None:
    """Examples of route entries name types too."""
    naming = [
        path
        for path in (ROOT / "services").rglob("*.py")
        if path.name != "routes.py" and path != OF_SANDBOXES and f'"{kind}"' in path.read_text()
    ]
    assert {path.relative_to(ROOT).parts[1] for path in naming} <= {catalogue()[kind].producer}
