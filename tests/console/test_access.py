"""Criteria of WCAG 2.2 that axe cannot judge, on every page in a real browser; docs/console-access.md has those for a person."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from deploy.local.table import ROOT
from services.console.pages.registry import Entry
from tests.console.answers.overview import FRONT
from tests.console.conftest import Console
from tests.console.platform import problem
from tests.console.test_pages import READ, Watched, Windows, fits, of_every_page
from tests.support.browser import needs_browser

pytestmark = [needs_browser, pytest.mark.full]
STATIC = ROOT / "services" / "console" / "pages" / "static"
IN_ORDER = """() => [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex="0"]')]
  .filter((one) => one.checkVisibility({visibilityProperty: true}) && !one.disabled)"""
TEXT_SPACING = """* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important; }
p { margin-bottom: 2em !important; }"""
"""The values of WCAG 2.2 §1.4.12."""


@pytest.fixture
def watched(browser: Browser, console: Console) -> Iterator[Watched]:
    watched = Watched(browser, console)
    yield watched
    watched.close()


# --- Every page -------------------------------------------------------------------------------------------------------


@of_every_page
def test_page_beyond_axe(windows: Windows, entry: Entry) -> None:
    """One load for all checks; a failure names the criteria and the elements."""
    with windows.watched() as watched:
        page = watched.page
        watched.open(entry.example)
        wrong = {
            "2.5.8 small targets": page.evaluate(SMALL_TARGETS),
            "2.5.3 names without their words": page.evaluate(OTHER_NAMES),
            "1.3.5, 3.3.2, 3.3.8 fields": page.evaluate(FIELDS),
            "2.1.1, 2.4.3, 2.4.7, 2.4.11 keyboard": keyboard_faults(page),
            "2.4.2 title": [] if TITLE.fullmatch(page.title()) else [page.title()],
            "2.4.6 repeated headings": page.evaluate(REPEATED),
            "1.4.4, 1.4.10 sideways": [width for width in (320, 640) if not fits_at(page, width)],
        }
        page.emulate_media(reduced_motion="reduce")
        wrong["2.3.3 motion"] = page.evaluate(MOVING)
        page.emulate_media(forced_colors="active", color_scheme="dark")
        wrong["colours of the page's own"] = page.evaluate(OWN_COLOURS)
        assert not any(wrong.values()), {name: found for name, found in wrong.items() if found}


@of_every_page
def test_italian_page_with_wider_spacing(windows: Windows, entry: Entry) -> None:
    """1.4.12 and 3.1.2. The reader's own style sheet is not the page's: the policy of the page does not hold for it."""
    with windows.watched("it", bypass_csp=True) as watched:
        page = watched.page
        watched.open(entry.example)
        page.add_style_tag(content=TEXT_SPACING)
        for width in (320, 1280):
            assert fits_at(page, width), width
            assert page.evaluate(CLIPPED) == [], width
        languages: list[str] = page.evaluate("[...document.querySelectorAll('[lang]')].map((one) => one.lang)")
        assert languages[0] == "it"
        assert set(languages) <= {"en", "it"}


TITLE = re.compile(r"\S.* · Riviera Emergency Services · Knogin")
REPEATED = """() => { const words = [...document.querySelectorAll('main h1, main h2')].filter((one) => one.checkVisibility())
  .map((one) => one.innerText.trim()); return words.filter((one, place) => words.indexOf(one) !== place); }"""


def fits_at(page: Page, width: int) -> bool:
    page.set_viewport_size({"width": width, "height": 800})
    return fits(page)


def keyboard_faults(page: Page) -> list[str]:
    """Elements that Tab reaches out of order, without an outline of 2 px, or under another; and those that it does not reach."""
    page.evaluate(f"window.expected = ({IN_ORDER})()")
    count: int = page.evaluate("window.expected.length")
    places: list[int] = []
    faults: list[str] = []
    for _ in range(count * 8):  # a field for a date has a stop for each of its parts
        page.keyboard.press("Tab")
        step = page.evaluate(FOCUSED)
        if places and step["place"] == places[-1]:
            continue
        if step["place"] < 0 or step["place"] in places:
            break
        if places and step["place"] < places[-1]:
            faults.append(f"out of order: {step['text']}")
        if step["outline"] < 2:
            faults.append(f"no outline: {step['text']}")
        if not step["seen"]:
            faults.append(f"covered: {step['text']}")
        places.append(step["place"])
    radios: int = page.evaluate(
        """() => { const all = window.expected.filter((one) => one.type === 'radio');
          return all.length - new Set(all.map((one) => one.name)).size; }"""
    )
    if len(places) != count - radios:  # a group of them is one stop
        faults.append(f"{len(places)} of {count - radios} reached")
    return faults


FOCUSED = """() => {
  const one = document.activeElement, box = one.getBoundingClientRect(), style = getComputedStyle(one);
  const at = document.elementFromPoint(box.x + Math.min(box.width / 2, 10), box.y + Math.min(box.height / 2, 10));
  const label = one.closest('label');
  return {place: window.expected.indexOf(one), text: one.outerHTML.slice(0, 120),
    outline: style.outlineStyle === 'none' ? 0 : parseFloat(style.outlineWidth),
    seen: at !== null && (one.contains(at) || at.contains(one) || (label !== null && label.contains(at)))};
}"""
SMALL_TARGETS = f"""() => ({IN_ORDER})().filter((one) => getComputedStyle(one).display !== 'inline' && !one.closest('.skip'))
  .map((one) => one.closest('label') || one).filter((one) => {{ const box = one.getBoundingClientRect();
    return box.width < 24 || box.height < 24; }}).map((one) => one.outerHTML.slice(0, 120))"""
"""Also boxes, whose label is their target; a link in a sentence may be lower."""
OTHER_NAMES = """() => [...document.querySelectorAll('button[aria-label], a[aria-label]')]
  .filter((one) => one.checkVisibility() && one.innerText.trim()
    && !one.getAttribute('aria-label').toLowerCase().startsWith(one.innerText.trim().toLowerCase()))
  .map((one) => one.outerHTML.slice(0, 160))"""
FIELDS = """() => [...document.querySelectorAll('input:not([type=hidden], [type=checkbox], [type=radio]), select, textarea')]
  .filter((one) => !one.labels.length || (one.tagName !== 'TEXTAREA' && !one.autocomplete) || one.onpaste)
  .map((one) => one.outerHTML.slice(0, 120))"""
MOVING = """() => { for (const part of document.querySelectorAll('[data-live]')) part.classList.add('changed');
  return [...document.querySelectorAll('*')].filter((one) => { const style = getComputedStyle(one);
    return style.animationName !== 'none' || style.transitionDuration.split(', ').some((one) => parseFloat(one) > 0); })
    .map((one) => one.outerHTML.slice(0, 120)); }"""
OWN_COLOURS = """() => { const probe = document.body.appendChild(document.createElement('i'));
  const of = (name) => { probe.style.color = name; return getComputedStyle(probe).color; };
  const theirs = ['Canvas', 'CanvasText', 'LinkText', 'Highlight'].map(of).concat('none', 'rgba(0, 0, 0, 0)');
  return [...document.querySelectorAll('svg.trend *, svg.spark *, svg.timeline *')].filter((one) => {
    const style = getComputedStyle(one);
    return !theirs.includes(style.stroke) || (style.fill !== 'rgb(0, 0, 0)' && !theirs.includes(style.fill));
  }).map((one) => one.outerHTML.slice(0, 120)); }"""
CLIPPED = """() => [...document.querySelectorAll('body *:not(.hidden, svg *, input, textarea, select)')]
  .filter((one) => ['hidden', 'clip'].includes(getComputedStyle(one).overflowX) && one.checkVisibility()
    && !one.closest('.hidden') && getComputedStyle(one).clipPath === 'none'
    && (one.scrollWidth > one.clientWidth + 1 || one.scrollHeight > one.clientHeight + 1))
  .map((one) => one.outerHTML.slice(0, 120))"""


# --- Parts that are the same everywhere -------------------------------------------------------------------------------


def test_a_fault_is_named_in_title_summary_and_field_and_has_the_focus(watched: Watched) -> None:
    """3.3.1, 3.3.3, 2.4.3."""
    watched.open("/people/invite")
    watched.console.platform.overrides["POST /v1/platform/invitations"] = _refused
    watched.page.get_by_label("E-mail address").fill("somebody@ambulance.example")
    watched.page.get_by_role("button", name="Send the invitation").click()
    summary = watched.page.get_by_role("alert")
    expect(summary).to_be_focused()
    assert watched.page.title().startswith("One thing must be mended")
    summary.get_by_role("link").click()
    field = watched.page.get_by_label("E-mail address")
    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_value("somebody@ambulance.example")
    described = (field.get_attribute("aria-describedby") or "").split()
    assert "email-fault" in described
    watched.wrong.clear()  # the browser reports the 422


def _refused(request: object) -> object:

    return problem(422, "invalid-request", errors=[{"pointer": "/email", "code": "email", "detail": "is no address"}])


def test_the_notice_of_an_act_is_read_out(watched: Watched) -> None:
    """4.1.3: in a live region that was empty when the page loaded."""
    watched.open("/people/invite")
    watched.page.get_by_label("E-mail address").fill("somebody@ambulance.example")
    watched.page.get_by_role("button", name="Send the invitation").click()
    expect(watched.page.locator("#says")).to_have_text("The invitation is on its way.")


def test_a_part_that_changes_keeps_the_focus_of_the_keyboard(watched: Watched) -> None:
    """2.4.3: on the same link, though the part around it is new."""
    watched.console.platform.overrides |= FRONT
    watched.open("/")
    link = watched.page.locator("#front a").first
    address = link.get_attribute("href")
    link.focus()
    watched.console.platform.overrides["GET /v1/platform/ending-credentials"] = {"credentials": []}
    watched.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(watched.page.locator("#expiring")).to_have_count(0)
    assert watched.page.evaluate("document.activeElement.getAttribute('href')") == address


def test_a_part_whose_link_is_gone_gives_the_focus_to_the_content(watched: Watched) -> None:
    """2.4.3: otherwise the keyboard begins again at the top of the page, and a screen reader falls silent."""
    watched.console.platform.overrides |= FRONT
    watched.open("/")
    link = watched.page.locator("#expiring a, [aria-labelledby=expiring] a").first
    link.focus()
    watched.console.platform.overrides["GET /v1/platform/ending-credentials"] = {"credentials": []}
    watched.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(watched.page.locator("#expiring")).to_have_count(0)
    expect(watched.page.locator("#content")).to_be_focused()


def test_nothing_is_dragged_sent_by_a_change_or_tied_to_one_key_or_orientation() -> None:
    """2.5.7, 2.5.1, 3.2.2, 2.1.4, 3.3.8, 1.3.4: the script and the style have no means for it."""
    script, style = ((STATIC / name).read_text() for name in ("console.js", "console.css"))
    for event in ("drag", "touch", "pointer", "mousemove", "mousedown", "change", "input", "keydown", "keyup", "paste"):
        assert f'addEventListener("{event}' not in script, event
    assert not re.search(r"\.on[a-z]+\s*=|[^.]submit\(\)", script)
    assert "orientation" not in style


def test_a_session_that_is_about_to_end_is_said_and_kept_with_one_key(watched: Watched) -> None:
    """2.2.1."""
    watched.page.clock.install()
    watched.open("/")
    watched.page.clock.fast_forward("28:30")
    dialog = watched.page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    expect(dialog.get_by_role("button")).to_be_focused()
    with watched.page.expect_response(lambda answer: answer.request.method == "HEAD"):
        watched.page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()


def test_help_and_account_are_in_the_same_place_on_every_page(console: Console) -> None:
    """3.2.6, 3.2.3."""

    browser = console.signed_in()
    pages = [answer for entry in READ[:30] if (answer := browser.get(entry.example)).status_code == 200]
    feet = {page.text.rpartition("<ul>\n<li>")[2].partition("</footer>")[0] for page in pages}
    assert len(feet) == 1


def test_the_language_of_the_page_can_be_changed_by_keyboard(watched: Watched) -> None:
    watched.open("/")
    watched.page.get_by_label("Language").select_option("it")
    watched.page.get_by_role("button", name="Apply").press("Enter")
    expect(watched.page.locator("html")).to_have_attribute("lang", "it")
