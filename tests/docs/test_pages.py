"""The files, names, links and commands that a page for developers names exist."""

import re
import tomllib
from pathlib import Path

import pytest

from deploy.local.table import ROOT

DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md"])
FOLDERS = ("services", "gateway", "shared", "deploy", "tests", "docs", "clients")
PATH = re.compile(rf"`((?:{'|'.join(FOLDERS)})/[\w./*-]+)`")
NAMED = re.compile(r"`([\w./]+\.py)` \(((?:`\w+`(?:, )?)+)\)")
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
TARGET = re.compile(r"`make ([a-z]+)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_path_link_and_target_that_a_page_names_is_there(page: Path) -> None:
    text = page.read_text()
    gone = [path for path in PATH.findall(text) if not list(ROOT.glob(path.rstrip("/")))]
    gone += [link for link in LINK.findall(text) if not (page.parent / link).exists()]
    makefile = (ROOT / "Makefile").read_text()
    gone += [f"make {target}" for target in TARGET.findall(text) if f"\n{target}:" not in makefile]
    assert gone == []


def test_every_name_on_the_road_of_a_request_is_defined_in_its_file() -> None:
    named = NAMED.findall((DOCS / "request-road.md").read_text())
    assert len(named) > 15
    for path, names in named:
        source = (ROOT / path).read_text()
        for name in re.findall(r"\w+", names):
            assert re.search(rf"^\s*(?:class |def |async def )?{name}\b", source, re.MULTILINE), f"{path}: {name}"


def test_the_changelog_goes_by_versions_with_dates_and_the_product_has_one_version() -> None:
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    released = [re.fullmatch(r"(\d+)\.(\d+)\.(\d+) – (\d{4}-\d\d-\d\d)", heading) for heading in headings[1:]]
    assert headings[0] == "Unreleased"
    assert all(released), headings
    versions = [tuple(int(number) for number in one.groups()[:3]) for one in released if one]
    assert versions == sorted(set(versions), reverse=True)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    newest = ".".join(map(str, versions[0])) if versions else project["version"]
    assert project["version"] == newest, "the version of the newest release, in one place"
    notes = (DOCS / "release-notes.md").read_text()
    assert all(f"## {number}" in notes for number in (heading.split(" ")[0] for heading in headings[1:]))


def test_every_decision_has_the_four_parts_and_a_line_in_the_index() -> None:
    index = (DOCS / "decisions" / "README.md").read_text()
    records = sorted((DOCS / "decisions").glob("[0-9]*.md"))
    numbers = [record.name[:4] for record in records]
    assert len(numbers) == len(set(numbers))
    assert re.findall(r"^\d+\. \[[^]]+\]\((.+)\)$", index, re.MULTILINE) == [record.name for record in records]
    for record in records:
        text = record.read_text()
        headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
        assert headings == ["Context", "Decision", "Rejected", "Consequences"], record.name
