"""The pages of the docs host as they are built: links, both languages, both forms, the search, the feed, numbers from the code."""

import json
import re
import xml.etree.ElementTree as ElementTree
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import gateway.docs
from deploy.docs import contract, errors
from deploy.docs.site import changelog, figures, markdown, pages, search
from deploy.docs.site import pages as site_pages
from gateway.docs import Docs
from shared.web.deprecation import NOTICE_DAYS

FILES = gateway.docs.FILES
GUIDES = Path(pages.__file__).parents[1] / "guides"
ROOT = "/api/docs"
EXAMPLES_OF_SETTINGS = {"export KNOGIN_CLIENT_ID=app_…", "export KNOGIN_BASE_URL=https://api.knogin.com"}
# test_install.py pastes them.
INSTALLS = {
    'pip install "{{ wheel.url }}#sha256={{ wheel.sha256 }}"',
    "npm install {{ tarball.url }}",
    "{{ tarball.integrity }}",
}


class Read(HTMLParser):
    """The anchors, links and text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.text: list[str] = []
        self.headings: list[str] = []
        self.handlers: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids += [value for name, value in attrs if name == "id" and value]
        self.links += [value for name, value in attrs if name in ("href", "src", "data-index") and value]
        self.headings += [given["id"] or ""] if tag in ("h2", "h3") and given.get("id") else []
        self.handlers += [name for name in given if name.startswith("on") or name == "style"]

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@cache
def read_pages() -> dict[str, Read]:
    """Every page by its address."""
    found: dict[str, Read] = {}
    for path in sorted(FILES.glob("*/**/*.html")):
        name = path.relative_to(FILES)
        if name.parts[0] in gateway.docs.LANGUAGES:
            read = Read()
            read.feed(path.read_text())
            found[f"{ROOT}/{re.sub(r'(/index)?[.]html$', '', name.as_posix())}"] = read
    return found


@cache
def docs() -> Docs:
    return Docs()


def served(path: str) -> int:
    return docs().answer("GET", path, b"", []).status


def test_every_link_of_every_page_leads_to_a_page_and_to_an_anchor_that_is_there() -> None:
    known = read_pages()
    assert len(known) > 300
    dead: set[str] = set()
    for address, page in known.items():
        for link in page.links:
            path, _, anchor = link.partition("#")
            if re.match(r"https?:|data:", link):
                continue
            target = path or address
            if target in known:
                if anchor and anchor not in known[target].ids:
                    dead.add(f"{address}: {link}")
            elif not (FILES / target.removeprefix(f"{ROOT}/")).is_file() and served(target) != 200:
                dead.add(f"{address}: {link}")
    assert dead == set()


def test_every_link_of_the_markdown_leads_to_a_file() -> None:
    texts = [*FILES.glob("*/**/*.md"), FILES / "llms.txt"]
    assert len(texts) == len(read_pages()) + 1
    links = {link for path in texts for link in re.findall(r"\]\((/[^)#\s]*)", path.read_text())}
    assert len(links) > 300
    assert [link for link in links if not (FILES / link.removeprefix(f"{ROOT}/")).is_file()] == []


def test_no_page_has_an_anchor_twice_or_a_handler_or_style_that_the_policy_forbids() -> None:
    for address, page in read_pages().items():
        assert len(set(page.ids)) == len(page.ids), address
        assert page.handlers == [], address
    assert "<script>" not in "".join(path.read_text() for path in FILES.glob("en/*.html"))


def test_both_languages_have_the_same_pages_sections_and_samples() -> None:
    english = {path.relative_to(FILES / "en").as_posix() for path in (FILES / "en").rglob("*.*")}
    assert english == {path.relative_to(FILES / "it").as_posix() for path in (FILES / "it").rglob("*.*")}
    for address, page in read_pages().items():
        if address.startswith(f"{ROOT}/en"):
            other = read_pages()[address.replace("/en", "/it", 1)]
            assert page.headings == other.headings, address
    assert {path.name for path in (GUIDES / "en").iterdir()} == {path.name for path in (GUIDES / "it").iterdir()}
    for path in (GUIDES / "en").iterdir():
        texts = path.read_text(), (GUIDES / "it" / path.name).read_text()
        for pattern in (r"sample\(\"([^\"]+)\"\)", r"\]\((/[^)]*)\)", r"{{ (\w+)", r"^```[^`]*^```"):
            found, other = (re.findall(pattern, text, re.MULTILINE) for text in texts)
            assert sorted(found) == sorted(other), f"{path.name}: {pattern}"


def test_the_italian_guides_use_the_glossarys_words() -> None:
    for path in (GUIDES / "it").iterdir():
        text = path.read_text().lower()
        assert not re.search(r"\bevento clinico\b|\bincontr[oi]\b|\bosservazion[ei]\b|\babbonat", text), path.name


def test_code_in_a_guide_is_a_sample_that_a_test_runs() -> None:
    for path in (GUIDES / "en").iterdir():
        for block in re.findall(r"^```(\w+)\n(.*?)^```", path.read_text(), re.MULTILINE | re.DOTALL):
            assert block[0] == "json" or block[1].splitlines()[0] in EXAMPLES_OF_SETTINGS | INSTALLS, path.name
    named = set(re.findall(r"sample\(\"([^\"]+)\"\)", "".join(path.read_text() for path in (GUIDES / "en").iterdir())))
    assert named == {path.name for path in pages.SAMPLES.iterdir() if path.is_file() and path.suffix != ".toml"}


def test_every_operation_event_and_problem_has_its_place() -> None:
    document = contract.contract()
    known = read_pages()
    for entries in document["paths"].values():
        for operation in entries.values():
            tag = re.sub(r"[^a-z0-9]+", "-", operation["tags"][0].lower())
            page = known[f"{ROOT}/en/reference/{tag}/{operation['operationId']}"]
            text = "".join(page.text)
            assert all(one["source"].strip() in text for one in operation["x-codeSamples"]), operation["operationId"]
    events = known[f"{ROOT}/en/catalogues/events"].ids
    assert {one["post"]["operationId"] for one in document["webhooks"].values()} <= set(events)
    slugs = {one.slug for one in errors.PROBLEMS}
    assert slugs <= set(known[f"{ROOT}/en/catalogues/errors"].ids)
    assert slugs <= set(known[f"{ROOT}/en"].ids), "the type of a problem leads to an anchor of /api/docs"


def test_every_anchor_of_the_single_page_leads_to_a_place() -> None:
    for language in gateway.docs.LANGUAGES:
        index = loaded(language)
        for old, address in index["anchors"].items():
            page, _, anchor = address.partition("#")
            read = read_pages()[f"{ROOT}/{language}/{page}"]
            assert not anchor or anchor in read.ids, old
    for old in (
        "createEncounter",
        "receiveIncidentCreated",
        "schema-epcr-encounterdraft",
        "scope-webhooks-write",
        "changes",
    ):
        assert old in loaded("en")["anchors"]


def loaded(language: str) -> Any:
    text = (FILES / f"search.{language}.js").read_text()
    return json.loads(text.removeprefix("export default ").rstrip().removesuffix(";"))


def test_every_place_of_the_search_is_there() -> None:
    for language in gateway.docs.LANGUAGES:
        for title, _, address in loaded(language)["places"]:
            page, _, anchor = address.partition("#")
            read = read_pages()[f"{ROOT}/{language}{'/' + page if page else ''}"]
            assert title
            assert not anchor or anchor in read.ids, address


@pytest.mark.parametrize(
    ("text", "language", "found"),
    [
        ("How do I verify a signature in C#?", "en", ["verif", "signatur", "c#"]),
        ("Quali unità per l'EtCO2?", "it", ["unit", "etco2"]),
    ],
)
def test_the_words_of_a_question_are_those_that_tell_pages_apart(text: str, language: str, found: list[str]) -> None:
    assert search.words(text, language) == found


def test_the_feed_is_atom_with_an_entry_for_each_release() -> None:
    space = "{http://www.w3.org/2005/Atom}"
    for language in gateway.docs.LANGUAGES:
        feed = ElementTree.fromstring((FILES / language / "changelog.atom").read_text())  # noqa: S314 - our own file
        entries = feed.findall(f"{space}entry")
        dated = [one for one in changelog.releases(language) if one.date]
        assert [one.findtext(f"{space}title") for one in entries] == [one.version for one in dated]
        for one in (feed, *entries):
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT00:00:00Z", one.findtext(f"{space}updated") or "")
            assert (one.findtext(f"{space}id") or "").startswith("https://knogin.com/api/docs/")


def test_the_notes_of_a_release_have_as_many_points_in_each_language() -> None:
    english, italian = changelog.releases("en"), changelog.releases("it")
    assert [(one.version, one.date, one.notes.count("\n- ")) for one in english] == [
        (one.version, one.date, one.notes.count("\n- ")) for one in italian
    ]


def test_pages_state_the_numbers_of_the_code() -> None:
    known = figures.figures()
    assert known["disable_days"] == 5, "the heading `After five days of failures` names it"
    webhooks = (FILES / "en" / "guides" / "webhooks.md").read_text()
    assert all(step in webhooks for step in known["ladder"])
    limits = Docs().answer("GET", f"{ROOT}/en/catalogues/limits.md", b"", []).body.decode()
    assert "| `ingest` | 12000 requests in 60 seconds |" in limits
    assert f"| Observations of devices | {known['observation_days']} days |" in limits


def test_a_deprecated_call_is_answered_for_a_year() -> None:
    ending = [one for part in contract.PARTS for one in part.operations if one.deprecated]
    for one in ending:
        assert one.deprecated is not None
        assert (one.deprecated.sunset - one.deprecated.since).days >= NOTICE_DAYS, one.name
    page = (FILES / "en" / "deprecations.md").read_text()
    assert all(f"`{one.method} {one.path}`" in page for one in ending)


def test_markdown_names_anchors_and_rows() -> None:
    page = markdown.rendered("# Title\n\nText `a < b`.\n\n## Part {#part}\n\n| A | B |\n|---|---|\n| `x` | y |\n")
    assert [(one.anchor, one.title) for one in page.sections] == [("title", "Title"), ("part", "Part"), ("x", "x")]
    assert "<code>a &lt; b</code>" in page.html
    assert 'data-label="B"' in page.html
    assert page.sections[2].text == "x y A B Part"
    with pytest.raises(ValueError, match="twice"):
        markdown.rendered("# A\n\n## B {#a}\n")


def test_descriptions_end_with_a_whole_word() -> None:
    for line in (FILES / "llms.txt").read_text().splitlines():
        if line.startswith("- [") and "): " in line:
            assert line.endswith((".", ":", "?", "…")), line
    for path in FILES.rglob("*.html"):
        found = re.search(r'<meta name="description" content="([^"]*)"', path.read_text())
        assert found is None or len(found[1]) < 300 or found[1].endswith(("…", ".")), path


def test_the_list_for_language_models_names_every_english_page() -> None:
    listed = set(re.findall(r"\]\(/api/docs/(en/[^)]*)\)", (FILES / "llms.txt").read_text()))
    assert listed == {path.relative_to(FILES).as_posix() for path in (FILES / "en").rglob("*.md")}


def test_a_text_of_a_template_that_lacks_a_value_is_a_mistake() -> None:
    environment = site_pages.Site(site_pages.Translator("en"), contract.contract()).environment
    with pytest.raises(site_pages.UndefinedError):
        environment.from_string("{{ answer_secnods }}").render()
