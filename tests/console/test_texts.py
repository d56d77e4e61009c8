"""Every text is there in both languages, takes the same values, and is used."""

import re
import string
import tomllib
from datetime import UTC, datetime, timedelta

import pytest

from deploy.local.table import ROOT
from services.console.pages import registry, texts
from services.console.pages.moments import moment
from services.console.pages.texts import ALL, Texts
from shared.web import scopes

FOLDER = ROOT / "services" / "console"
AREAS = sorted(ALL["en"])
# `t("key"`, `t.word("prefix"`, `t("prefix." ~ …`, `done="key"`, and keys that Python puts together.
USED = re.compile(
    r"""\bt(?:\.word|\.has)?\(\s*f?["']([a-z_0-9.]+)|["']((?:failure|message)\.[a-z_]+)["']|done=["']([a-z_]+)["']"""
)
MADE = ("message.", "failure.", "month.", "ago.", "ahead.", "area.", "fault.", "title.", "done.")
"""Keys that are put together from a word of the code."""


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def sources(area: str) -> str:
    """All code and templates where the texts of an area may be used; the common ones anywhere."""
    folders = [FOLDER] if area == texts.COMMON else [FOLDER / area, FOLDER / "pages", FOLDER / "session"]
    files = [path for folder in folders for kind in ("*.py", "*.html") for path in sorted(folder.rglob(kind))]
    return "\n".join(path.read_text() for path in files)


@pytest.mark.parametrize("area", AREAS)
def test_both_languages_have_the_same_texts(area: str) -> None:
    english, italian = ALL["en"][area], ALL["it"][area]
    assert english.keys() == italian.keys()
    lines = texts.flat(tomllib.loads((texts.FOLDER / f"{area}.toml").read_text()))
    assert lines.keys() == {f"{key}.{language}" for language in texts.LANGUAGES for key in english}
    for key in english:
        assert fields(english[key]) == fields(italian[key]) or key.endswith(".one"), key
        assert italian[key].strip(), key


@pytest.mark.parametrize("area", AREAS)
def test_every_text_is_used(area: str) -> None:
    used = {next(filter(None, found)) for found in USED.findall(sources(area))}
    for key in ALL["en"][area]:
        base = re.sub(r"\.(one|other|title|text)$", "", key)
        known = base in used or key in used or any(key.startswith(f"{prefix.rstrip('.')}.") for prefix in used)
        assert known or key.startswith(MADE), f"{area}: {key} is not used"


@pytest.mark.parametrize("area", [name for name in AREAS if name != texts.COMMON])
def test_no_text_hides_a_common_one_by_accident(area: str) -> None:
    allowed = {"filter", "status"}
    both = set(ALL["en"][area]) & set(ALL["en"][texts.COMMON])
    assert not both - allowed


def test_every_page_has_a_title_and_every_area_a_name() -> None:
    for entry in registry.entries():
        for language in texts.LANGUAGES:
            t = Texts(language, entry.area.name)
            assert t(f"area.{entry.area.name}")
            if entry.page.is_html:
                assert t(f"title.{entry.page.name}")


def test_every_scope_has_words_on_the_pages_of_apps() -> None:
    """A role, an app or a request that has it would show a code."""
    for language in texts.LANGUAGES:
        assert not [scope for scope in scopes.ALL if Texts(language, "apps").scope(scope) in {"", scope}]


def test_numbers_and_plurals_follow_the_language() -> None:
    assert texts.number(1234.5, "it") == "1.234,5"
    assert texts.number(1234.5, "en", 2) == "1,234.50"
    assert Texts("it")("faults", count=1) == "Una cosa da correggere"
    assert Texts("en")("faults", count=1234) == "1,234 things must be mended"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (7 * 86_400 - 5, "in 7 days"),
        (86_400 + 43_300, "in 2 days"),
        (59 * 60 + 45, "in one hour"),
        (50, "in less than a minute"),
        (-59 * 60, "59 minutes ago"),
        (-7 * 86_400 + 5, "6 days ago"),
    ],
)
def test_a_moment_ahead_is_rounded_and_one_behind_is_not_made_older(seconds: int, words: str) -> None:
    now = datetime(2026, 11, 27, 12, tzinfo=UTC)
    assert moment(now + timedelta(seconds=seconds), Texts("en"), now).near == words


@pytest.mark.parametrize(
    ("header", "language"),
    [("it-IT,it;q=0.9,en;q=0.5", "it"), ("de, en;q=0.3", "en"), ("", "en"), ("it;q=0.1,en", "en"), ("x" * 900, "en")],
)
def test_the_language_is_the_browsers(header: str, language: str) -> None:
    assert texts.accepted(header) == language
