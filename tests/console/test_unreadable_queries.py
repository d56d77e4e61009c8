"""A filter that a page cannot read is a fault that it names: without it, the page would cover more than it was asked for."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from services.console.operations import addresses
from services.console.pages import registry
from services.console.pages.registry import Entry
from services.console.pages.visit import UnreadableQuery, Visit
from tests.console.answers import webhooks as answers
from tests.console.conftest import Console
from tests.console.platform import Answer
from tests.console.test_replays import COUNTED, FORM, NONE
from tests.console.test_webhooks import API, Sent
from tests.support.cases import cases

READ = [entry for entry in registry.entries() if entry.page.read is not None]
NO_BREAK, HIDDEN, TURNED = "\u00a0", "\u200b", "\u202e"
ODD = (f"enc{NO_BREAK}x", f"AMB{HIDDEN}42", f"{TURNED}24-BMA", f"{NO_BREAK}x{NO_BREAK}", " x")
"""Names that the platform stores."""
MAY_BE_BLANK = {"cad_incident_id", "vehicle_id", "subject_id", "actor", "key"}


def asked_by(console: Console, browser: httpx2.Client, path: str, patch: pytest.MonkeyPatch) -> set[str]:
    """The parameters that the page reads."""
    names: set[str] = set()
    query = Visit.query

    def noted(visit: Visit, name: str, *more: Any, **others: Any) -> str:
        names.add(name)
        return query(visit, name, *more, **others)

    with patch.context() as changed:
        changed.setattr(Visit, "query", noted)
        browser.get(path)
    return names


@pytest.mark.full
def test_every_parameter_that_a_page_reads_is_refused_where_it_is_unreadable(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    with cases() as every:
        for entry in READ:
            with every.case(f"{entry.area.name}.{entry.page.name}"):
                refuses_unreadable_parameters(console, entry, monkeypatch)
            console.as_usual()


def refuses_unreadable_parameters(console: Console, entry: Entry, patch: pytest.MonkeyPatch) -> None:
    browser = console.signed_in()
    for name in asked_by(console, browser, entry.example, patch):
        for value in ("x" * 1100, "a\0b", *([] if name in MAY_BE_BLANK else ["   "])):
            answer = browser.get(entry.example, params={name: value})
            assert answer.status_code == 422, (name, value[:8])
            assert f"The value of {name} is too long" in answer.text
            assert "content-disposition" not in answer.headers
        twice = browser.get(f"{entry.example}?{name}=a&{name}=b")
        assert twice.status_code == 422


def test_the_page_names_the_parameter_in_italian_too(console: Console) -> None:
    page = console.signed_in(accept_language="it").get("/audit", params={"service": "nonsense"})
    assert (page.status_code, "Il valore di service è troppo lungo" in page.text) == (422, True)


@pytest.mark.parametrize("key", ["x" * 256, *ODD])
def test_a_replay_by_key_sends_the_key_as_it_is(console: Console, key: str) -> None:
    sent = Sent(console)
    console.platform.overrides[f"GET {API}/replays"] = NONE
    sent.answer(f"POST {API}/replays", COUNTED)
    browser = console.signed_in()
    assert browser.get(FORM, params={"count": "1", "key": key}).status_code == 200
    assert sent.bodies[-1][1]["key"] == key
    sent.answer(f"POST {API}/replays", Answer(answers.replay(), 201))
    assert console.post(browser, FORM, {"key": key, "per_second": "10"}).status_code == 303
    assert sent.bodies[-1][1]["key"] == key


def test_a_replay_whose_key_is_too_long_counts_nothing(console: Console) -> None:
    sent = Sent(console)
    console.platform.overrides[f"GET {API}/replays"] = NONE
    sent.answer(f"POST {API}/replays", COUNTED)
    page = console.signed_in().get(FORM, params={"count": "1", "key": "x" * 257})
    assert page.status_code == 422
    assert "Start the replay" not in page.text
    assert not sent.bodies


@pytest.mark.parametrize("name", ODD)
def test_encounters_of_an_incident_with_an_odd_id_are_its_own(console: Console, name: str) -> None:
    console.signed_in().get("/operations/encounters", params={"cad_incident_id": name})
    asked = parse_qs(urlsplit(console.platform.asked("GET", "/api/v1/epcr/encounters")[-1]).query)
    assert asked["cad_incident_id"] == [name]


@pytest.mark.parametrize("name", ODD)
def test_a_vehicle_with_an_odd_name_has_a_page(console: Console, name: str) -> None:
    page = console.signed_in().get(addresses.of_vehicle(name))
    assert page.status_code == 200
    asked = parse_qs(urlsplit(console.platform.asked("GET", "/api/v1/devices?")[-1]).query)
    assert asked["vehicle_id"] == [name]


def test_an_export_of_one_subject_is_never_one_of_all(console: Console) -> None:
    browser = console.signed_in()
    query = {"service": "epcr", "from": "2026-11-01", "subject_id": "x" * 256}
    assert browser.get("/audit/export/file", params=query).status_code == 200
    asked = parse_qs(urlsplit(console.platform.asked("GET", "/v1/audit/epcr/export")[-1]).query)
    assert asked["subject_id"] == ["x" * 256]
    before = len(console.platform.asked("GET", "/v1/audit/epcr/export"))
    assert browser.get("/audit/export/file", params=query | {"subject_id": "x" * 257}).status_code == 422
    assert len(console.platform.asked("GET", "/v1/audit/epcr/export")) == before


def test_the_fault_names_its_parameter() -> None:
    assert UnreadableQuery("key").name == "key"
