"""The lint for plain English and the measures of the code."""

import re
from pathlib import Path

import pytest

from deploy.house import audit, hops, measure, mutate, words

Q = '"' * 3
SOURCE = "\n".join(
    [
        f"{Q}What is sent.{Q}",
        "",
        "# Told once.",
        'LINK = "a#b what"',
        "def ask() -> None:",
        f"    {Q}Sends a question.",
        "",
        "    Raises whatever the socket raises.",
        f"    {Q}",
        f"    QUERY = {Q}SELECT what FROM said{Q}",
    ]
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "module.py"
    file.write_text(SOURCE)
    return file


def test_unclear_phrases_are_found_in_docstrings_and_comments_and_not_in_code(file: Path) -> None:
    found = sorted((match.line, match.pattern) for match in words.matches(file))
    assert found == [(1, "begins"), (1, "what"), (3, "told"), (8, "what")]


def test_code_in_prose_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "page.md"
    file.write_text("Run `what`.\n\n```sh\nsaid\n```\nIt is said.\n")
    assert [(match.line, match.pattern) for match in words.matches(file)] == [(6, "told")]


def test_a_file_that_grows_above_its_baseline_fails(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    monkeypatch.setattr(words, "ROOT", file.parent)
    assert words.check({"module.py": 4}, {"module.py": 4}) == []
    (complaint,) = words.check({"module.py": 4}, {"module.py": 3})
    assert complaint.startswith("module.py: 4 unclear phrases, 3 allowed; lines 1 (what)")
    assert words.check({"module.py": 4}, {}), "a new file has no baseline to hide in"


def test_a_road_is_followed_through_functions_methods_and_types() -> None:
    service, shared = hops.entered("services.device_ingest.endpoints:read_device")
    assert len(service) >= 3, "endpoints, devices, models"
    assert len(shared) >= 3, "identity, database, http"


@pytest.mark.parametrize("behaviour", measure.ROADS)
def test_every_measured_road_still_begins_where_the_measure_says(behaviour: str) -> None:
    service, _ = hops.entered(*measure.ROADS[behaviour])
    assert len(service) > 3, f"{behaviour} ends at its door: name the door anew in deploy/house/measure.py"


def test_a_list_of_columns_grows_without_a_line_that_the_formatter_makes_and_the_linter_refuses() -> None:
    """The formatter puts a one-line text on the line of its name; the linter refuses that line if it has over 140 characters."""
    columns = re.compile(r'"[a-z_0-9.]+(?:, [a-z_0-9.]+){3,}"$')
    long = [
        f"{file.relative_to(words.ROOT)}:{number}"
        for file in words.ROOT.glob("services/**/*queries.py")
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if columns.search(line) and len(line) > 100
    ]
    assert long == [], "write it as a text of several lines"


def test_an_audit_that_could_not_ask_is_no_pass() -> None:
    asked = '{"dependencies": [{"name": "a", "version": "1", "vulns": [{"id": "CVE-1", "fix_versions": []}]}]}'
    assert audit.findings(asked, "") == [audit.Finding("a 1", "CVE-1", "no release yet")]
    unknown = '{"dependencies": [{"name": "a", "skip_reason": "not found"}]}'
    for answer in ("", "{}", unknown):
        with pytest.raises(audit.Unreachable):
            audit.findings(answer, "Traceback\nConnectionError: no route")


def test_a_mutant_is_one_small_change_and_the_text_around_it_stays() -> None:
    source = "def f(a, b):\n    if a < b and a:\n        raise ValueError\n    return a + 1\n"
    made = [mutant.change for mutant in mutate.mutants(source)]
    assert sorted(made) == sorted(
        ["condition turned", "And to Or", "Lt to LtE", "raise left out", "returns None", "Add to Sub", "1 to 2"]
    )
    assert all("def f(a, b):" in mutant.source for mutant in mutate.mutants(source))


@pytest.mark.parametrize("name", mutate.CORES)
def test_every_core_and_its_tests_are_there(name: str) -> None:
    assert all((words.ROOT / file).exists() for text in mutate.CORES[name] for file in text.split())
