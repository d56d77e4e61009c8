"""The audit trail in the console: one list by time, one entry, exports, and the check in words."""

import re
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, expect
from starlette.requests import Request
from starlette.responses import Response

from deploy.local.table import ROOT
from services.console.audit.merging import OF_SERVICE, SHOWN, folded, merged
from services.console.audit.models import SERVICES, Entries, Entry
from services.console.pages.texts import Texts
from services.console.session.models import Language
from tests.console.answers.audit import APP, NOW, PERSON, entry
from tests.console.conftest import Console
from tests.console.platform import Answer, Person
from tests.console.test_pages import Watched, fits
from tests.support.browser import needs_browser

LIST = "GET /v1/audit/{service}"
EXPORT = "GET /v1/audit/{service}/export"
NOTHING = {"entries": [], "next_cursor": None}
WORDS = {"en": ("Encounter read", "No entry matches"), "it": ("Intervento letto", "Nessuna voce corrisponde")}


def of(**services: Any) -> Any:
    """Answers by service, `_` for `-`; the others have nothing."""
    named = {name.replace("_", "-"): answer for name, answer in services.items()}

    def answer(request: Request) -> Any:
        given = named.get(request.url.path.split("/")[3], NOTHING)
        return given(request) if callable(given) else given

    return answer


def asked(console: Console, since: int) -> list[tuple[str, dict[str, str]]]:
    """Service and parameters of each call of a list since so many calls."""
    found: list[tuple[str, dict[str, str]]] = []
    for _, target, _ in console.platform.calls[since:]:
        parts = urlsplit(target)
        if parts.path.startswith("/v1/audit/"):
            found.append(
                (parts.path.split("/")[3], {name: values[0] for name, values in parse_qs(parts.query).items()})
            )
    return found


@pytest.mark.parametrize("language", ["en", "it"])
def test_the_trails_of_all_services_are_one_list_by_time(console: Console, language: str) -> None:
    console.platform.overrides[LIST] = of(
        epcr={"entries": [entry(10), entry(30)], "next_cursor": None},
        auth={"entries": [entry(20, "app.disabled", actor=None)], "next_cursor": None},
    )
    before = len(console.platform.calls)
    page = console.signed_in(accept_language=language).get("/audit").text
    assert {service for service, _ in asked(console, before)} == set(SERVICES)
    places = [page.index(f"/audit/entries/{name}") for name in ("epcr", "auth")]
    assert places == sorted(places)
    assert page.index("app.disabled") < page.rindex("encounter.read")
    assert WORDS[language][0] in page
    for id in (APP, PERSON, "enc_01m88d0r19fjx8kh51pg6tdnvk"):
        assert f'data-copy="{id}"' in page


def test_the_filters_of_the_address_go_to_every_service_and_stay_in_the_form(console: Console) -> None:
    console.platform.overrides[LIST] = of()
    before = len(console.platform.calls)
    query = {"actor": PERSON, "action": "app.disabled", "from": "2026-11-01", "to": "2026-11-25"}
    page = console.signed_in().get("/audit", params=query).text
    calls = asked(console, before)
    assert len(calls) == len(SERVICES)
    for _, given in calls:
        assert given == {
            "actor": PERSON, "action": "app.disabled", "since": "2026-11-01T00:00:00Z", "until": "2026-11-26T00:00:00Z",
            "limit": str(OF_SERVICE),
        }  # fmt: skip
    for value in query.values():
        assert f'value="{value}"' in page
    assert "No entry matches" in page


def test_one_service_is_paged_by_its_cursor(console: Console) -> None:
    console.platform.overrides[LIST] = of(epcr=Answer({"entries": [entry(1)], "next_cursor": "abc"}))
    before = len(console.platform.calls)
    browser = console.signed_in()
    page = browser.get("/audit", params={"service": "epcr", "action": "encounter.read"}).text
    assert "/audit?service=epcr&amp;action=encounter.read&amp;cursor=abc" in page
    browser.get("/audit", params={"service": "epcr", "cursor": "abc"})
    assert [service for service, _ in asked(console, before)] == ["epcr", "epcr"]
    assert asked(console, before)[-1][1]["cursor"] == "abc"


def test_the_next_page_of_all_services_begins_where_this_one_ends(console: Console) -> None:
    many = [entry(number) for number in range(OF_SERVICE)]
    console.platform.overrides[LIST] = of(
        epcr={"entries": many, "next_cursor": "x"}, auth={"entries": [entry(5.5), entry(900)], "next_cursor": None}
    )
    browser = console.signed_in()
    page = browser.get("/audit").text
    assert page.count("/audit/entries/auth/") == 1
    link = page[page.index("before=") :].partition('"')[0].partition("&")[0]
    before = len(console.platform.calls)
    browser.get(f"/audit?{link}")
    ends = {given["until"] for _, given in asked(console, before)}
    assert ends == {(NOW - timedelta(seconds=OF_SERVICE - 2)).isoformat()}


def test_a_search_that_has_more_to_look_through_says_so(console: Console) -> None:
    console.platform.overrides[LIST] = of(epcr={"entries": [], "next_cursor": "x"})
    query = {"action": "encounter.read", "client_id": APP}
    page = console.signed_in().get("/audit", params=query).text
    assert "has more entries to look through" in page
    assert "/audit?service=epcr&amp;client_id=" in page
    assert "No entry matches" not in page
    one = console.signed_in().get("/audit", params=query | {"service": "epcr"}).text
    assert "None of the 10,000 entries" in one
    assert "cursor=x" in one


def test_a_service_that_is_silent_leaves_the_others(console: Console) -> None:
    console.platform.overrides[LIST] = of(
        epcr=Answer({}, 503), auth={"entries": [entry(1, "app.created")], "next_cursor": None}
    )
    page = console.signed_in().get("/audit").text
    assert "Patient care records could not be asked" in page
    assert "app.created" in page


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ({"from": "yesterday"}, "form 2026-11-25"),
        ({"to": "2026-02-31"}, "form 2026-11-25"),
        ({"trace_id": "x"}, "32 digits"),
    ],
)
def test_a_wrong_filter_is_named_and_asks_nobody(console: Console, query: dict[str, str], text: str) -> None:
    browser = console.signed_in()
    before = len(console.platform.calls)
    answer = browser.get("/audit", params=query)
    assert text in answer.text
    assert not asked(console, before)


@pytest.mark.parametrize("service", ["../epcr", "epcr/export", "x", "auth%2f.."])
def test_a_made_up_service_leads_nowhere(console: Console, service: str) -> None:
    browser = console.signed_in()
    before = len(console.platform.calls)
    browser.get("/audit", params={"service": service})
    browser.get("/audit/export/keys", params={"service": service})
    assert {name for name, _ in asked(console, before)} <= set(SERVICES)
    assert browser.get("/audit/export/file", params={"service": service, "from": "2026-11-01"}).status_code == 422


# One entry


def test_an_entry_can_be_copied_and_leads_to_everything_beside_it(console: Console) -> None:
    one = entry(1) | {"sealed_at": NOW.isoformat(), "checked": True}
    console.platform.overrides["GET /v1/audit/{service}/{entry_id}"] = one
    page = console.signed_in().get(f"/audit/entries/epcr/{one['id']}").text
    for value in (one["id"], one["trace_id"], one["subject_id"], APP, PERSON):
        assert f'data-copy="{value}"' in page
    for link in ("trace_id=0af7651916cd43dd8448eb211c80319c", f"actor={PERSON}", f"client_id={APP}"):
        assert f"/audit?{link}" in page
    assert "sealed and checked" in page
    assert "A name &lt;b&gt;" in page


@pytest.mark.parametrize(
    ("seal", "text"),
    [
        ({"sealed_at": None, "checked": False}, "not sealed yet"),
        ({"sealed_at": NOW.isoformat(), "checked": False}, ">sealed<"),
    ],
)
def test_an_entry_tells_how_far_its_seal_is(console: Console, seal: dict[str, Any], text: str) -> None:
    console.platform.overrides["GET /v1/audit/{service}/{entry_id}"] = entry(1) | seal
    assert text in console.signed_in().get("/audit/entries/epcr/aud_1").text


# The check


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("unchanged", "changed", "not checked yet")),
        ("it", ("inalterato", "modificato", "non ancora controllato")),
    ],
)
def test_the_check_of_each_service_is_told_in_words(console: Console, language: str, words: tuple[str, ...]) -> None:
    page = console.signed_in(accept_language=language).get("/audit/check").text
    for kind, word in zip(("good", "bad", "off"), words, strict=True):
        assert f'<span class="tag {kind}">{word}</span>' in page
    assert page.count('<section class="card"') == len(SERVICES)


# Exports


def test_an_export_is_passed_on_as_it_is(console: Console) -> None:
    text = b'{"id":"aud_1"}\n' * 1000 + b'{"signature":"a.b.c"}\n'
    console.platform.overrides[EXPORT] = Response(text, media_type="application/x-ndjson")
    before = len(console.platform.calls)
    query = {"service": "epcr", "from": "2026-11-01", "to": "2026-11-25", "action": "record.read"}
    answer = console.signed_in().get("/audit/export/file", params=query)
    assert (answer.status_code, answer.content) == (200, text)
    assert answer.headers["content-disposition"] == 'attachment; filename="audit-epcr-2026-11-01.ndjson"'
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    given = {"action": "record.read", "since": "2026-11-01T00:00:00Z", "until": "2026-11-26T00:00:00Z"}
    assert asked(console, before) == [("epcr", given)]


def test_an_export_larger_than_any_page_is_passed_on(console: Console) -> None:
    """Pages read at most some MiB of an answer; a download keeps none of it."""
    text = (b'{"id":"aud_1"}' + b" " * 2**20 + b"\n") * 12
    assert len(text) > console.settings.upstream_bytes
    console.platform.overrides[EXPORT] = Response(text, media_type="application/x-ndjson")
    answer = console.signed_in().get("/audit/export/file", params={"service": "auth", "from": "2026-11-01"})
    assert answer.content == text


@pytest.mark.parametrize(
    ("given", "status", "text"),
    [
        (Answer({"type": "https://knogin.com/api/docs#x", "detail": "Two exports"}, 429), 503, "sends more requests"),
        (Answer({"detail": "The period begins at or after its end"}, 422), 422, "The period begins"),
        (Answer({}, 503), 503, "not available"),
        (Answer({"type": "https://knogin.com/api/docs#x"}, 403), 403, "role"),
    ],
)
def test_an_export_that_is_refused_is_a_page(console: Console, given: Answer, status: int, text: str) -> None:
    console.platform.overrides[EXPORT] = given
    answer = console.signed_in().get("/audit/export/file", params={"service": "epcr", "from": "2026-11-01"})
    assert (answer.status_code, text in answer.text) == (status, True), answer.text


@pytest.mark.parametrize("query", [{}, {"service": "epcr"}, {"from": "2026-11-01"}, {"service": "epcr", "from": "x"}])
def test_an_export_without_a_service_and_a_day_shows_the_form(console: Console, query: dict[str, str]) -> None:
    browser = console.signed_in()
    before = len(console.platform.calls)
    answer = browser.get("/audit/export/file", params=query)
    assert (answer.status_code, '<form method="get" action="/audit/export/file">' in answer.text) == (422, True)
    assert not asked(console, before)


def test_the_keys_are_a_file(console: Console) -> None:
    answer = console.signed_in().get("/audit/export/keys", params={"service": "epcr"})
    assert answer.headers["content-disposition"] == 'attachment; filename="audit-epcr-keys.json"'
    assert {key["kty"] for key in answer.json()["keys"]} == {"OKP"}


@pytest.mark.parametrize("path", ["/audit/export/file?service=epcr&from=2026-11-01", "/audit/export/keys"])
def test_a_file_is_for_people_who_may_read_the_trail(console: Console, path: str) -> None:
    before = len(console.platform.calls)
    assert console.signed_in(Person(scopes=("platform:apps",))).get(path).status_code == 403
    assert console.browser().get(path).status_code == 303
    assert not asked(console, before)


@needs_browser
@pytest.mark.parametrize("language", ["en", "it"])
def test_a_search_in_a_browser_leads_to_an_entry(console: Console, browser: Browser, language: str) -> None:
    console.platform.overrides[LIST] = of(epcr={"entries": [entry(number) for number in range(3)], "next_cursor": None})
    watched = Watched(browser, console, language)
    watched.open("/audit")
    watched.page.locator("#action").fill("encounter.read")
    watched.page.locator("form.filter button").click()
    watched.page.wait_for_url("**action=encounter.read**")
    expect(watched.page.locator("tbody tr")).to_have_count(3)
    watched.page.set_viewport_size({"width": 360, "height": 800})
    assert fits(watched.page)
    watched.page.locator("tbody a").first.click()
    expect(watched.page.locator("h1")).to_have_count(1)
    watched.close()


# Merging


def entries(*ages: float, more: bool = False) -> Entries:
    made = [
        Entry(id=f"aud_{age}", at=NOW - timedelta(seconds=age), action="x", subject_id="", client_id="", trace_id="")
        for age in ages
    ]
    return Entries(made, "x" if more else None)


def ages(found: list[Entry]) -> list[float]:
    return [(NOW - one.at).total_seconds() for one in found]


def test_nothing_older_than_the_end_of_a_longer_list_is_shown_before_that_list_is_read_on() -> None:
    found = merged({"a": entries(1, 2, 3, more=True), "b": entries(1.5, 9)}, limit=3)
    assert ages(found.entries) == [1, 1.5, 2]
    assert found.before == NOW - timedelta(seconds=2)
    assert not found.unfinished


def test_walking_all_pages_shows_each_entry_once() -> None:
    trails = {"a": [float(n) for n in range(100)], "b": [n + 0.5 for n in range(0, 100, 7)], "c": [40.25] * 30}
    seen: list[float] = []
    before: datetime | None = None
    for _ in range(40):
        asked_for = {}
        for name, all_ages in trails.items():
            left = sorted(age for age in all_ages if before is None or NOW - timedelta(seconds=age) < before)
            asked_for[name] = entries(*left[:OF_SERVICE], more=len(left) > OF_SERVICE)
        found = merged(asked_for)
        seen += ages(found.entries)
        before = found.before
        if before is None:
            break
    assert before is None
    assert sorted(set(seen)) == sorted({age for trail in trails.values() for age in trail})
    assert len(seen) >= sum(len(set(trail)) for trail in trails.values())


def test_a_page_is_short_and_keeps_entries_of_one_moment_together() -> None:
    found = merged({"a": entries(*range(SHOWN - 1)), "b": entries(*[SHOWN - 1] * 5)})
    assert len(found.entries) == SHOWN + 4
    assert found.before is None


# A call that records an entry, up to the first text with a full stop in it.
RECORDED = re.compile(r'(?:record|note|entry)\((?:[^"\n]*\n?\s*)?[^"\n]*"([a-z_]+(?:\.[a-z_]+)+)"')


@pytest.mark.parametrize("language", ["en", "it"])
def test_every_action_that_a_service_records_has_words(language: Language) -> None:
    texts = Texts(language, "audit")
    sources = [path for folder in ("services", "shared") for path in (ROOT / folder).rglob("*.py")]
    sources = [path for path in sources if "console" not in path.relative_to(ROOT).parts]
    recorded = {name for path in sources for name in RECORDED.findall(path.read_text())}
    assert len(recorded) > 100, "the pattern finds them"
    assert sorted(name for name in recorded if not texts.has(f"act.{name}")) == []


def test_one_look_at_all_trails_is_one_line_that_hides_nothing_else() -> None:
    looks = [entry_of("audit.read", trace, service) for trace in "ab" for service in ("auth", "epcr", "device-ingest")]
    other = entry_of("encounter.read", "a", "epcr")
    lines = folded([*looks[:3], other, other, *looks[3:]])
    assert [(one.action, one.trace_id, one.service, one.others) for one in lines] == [
        ("audit.read", "a", "auth", ["epcr", "device-ingest"]),
        ("encounter.read", "a", "epcr", []),
        ("encounter.read", "a", "epcr", []),
        ("audit.read", "b", "auth", ["epcr", "device-ingest"]),
    ]


def test_a_look_is_one_line_although_each_call_has_a_trace_of_its_own() -> None:
    """The calls of one page come to the gateway one by one, and each begins a trace."""
    looks = [entry_of("audit.read", f"{number:x}", service, number / 10) for number, service in enumerate(SERVICES)]
    earlier = [entry_of("audit.read", f"e{number}", service, 60) for number, service in enumerate(SERVICES)]
    assert [(one.trace_id, len(one.others)) for one in folded([*looks, *earlier])] == [("0", 5), ("e0", 5)]


def test_two_looks_in_ten_seconds_and_those_of_two_people_stay_apart() -> None:
    looks = [entry_of("audit.read", str(number), "auth", number) for number in range(3)]
    assert len(folded(looks)) == 3
    other = entry_of("audit.read", "x", "epcr", actor="usr_2")
    assert len(folded([looks[0], other])) == 2


def entry_of(action: str, trace_id: str, service: str, seconds: float = 0, actor: str = "usr_1") -> Entry:
    """An entry of so many seconds before `NOW`."""
    return Entry("aud_1", NOW - timedelta(seconds=seconds), action, "x", "app_1", trace_id, actor, {}, service)


def test_trails_that_all_hold_are_said_to_in_one_sentence(console: Console) -> None:
    holds = {"service": "x", "state": "holds", "checked_at": None, "sealed_until": None, "head": None}
    sentence = "The trails of all services are unchanged."
    assert sentence not in console.signed_in().get("/audit/check").text
    console.platform.overrides["GET /v1/audit/{service}/verification"] = holds
    assert sentence in console.signed_in().get("/audit/check").text
