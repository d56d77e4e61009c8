"""A person before a page, who knows its visible words alone, and the time that such a person takes.

The time is counted, not measured: the keystroke-level model of Card, Moran and Newell (1980) for hands and decisions, and 240 words a
minute for reading. Nobody reads a page twice, or below the place where the next step is.
"""

import re
from collections.abc import Mapping

from playwright.sync_api import Locator, Page, expect

DECIDE, POINT, PRESS, HOME, KEY = 1.35, 1.1, 0.2, 0.4, 0.28
"""Seconds of the model's operators M, P, B, H, and K of an average typist."""
READ = 0.25
"""Seconds for a word."""
# The words of the element's region, in the order of the page, down to the end of the element: those that can be seen, without names
# for programs (code), tabs, the hints of boxes that are not ticked, and boxes after the last one that is.
WORDS_UP_TO = """(end) => {
  const region = end.closest("nav, main, header, footer") ?? document.body;
  const walker = document.createTreeWalker(region, NodeFilter.SHOW_TEXT);
  let words = 0;
  for (let text = walker.nextNode(); text; text = walker.nextNode()) {
    if (!end.contains(text) && end.compareDocumentPosition(text) & Node.DOCUMENT_POSITION_FOLLOWING) break;
    const inside = text.parentElement;
    if (inside.closest("code, pre, option, .hidden") || (region.tagName === "MAIN" && inside.closest("nav"))) continue;
    if (!inside.checkVisibility({ visibilityProperty: true })) continue;
    const box = inside.closest(".box");
    const is = (one) => one.querySelector(":checked") !== null;
    if (box && !box.contains(end) && !is(box)) {
      if (inside.closest(".quiet")) continue;
      const list = [...box.closest("fieldset").querySelectorAll(".box")];
      if (box.querySelector("[type=checkbox]") && !list.slice(list.indexOf(box)).some(is)) continue;
    }
    words += text.data.match(/[\\p{L}\\p{N}]\\S*/gu)?.length ?? 0;
  }
  return [region.tagName, words];
}"""


class Hands:
    """`clicks` counts presses of links, buttons and boxes; `words` those that were read. `words_of` has the words of another language."""

    def __init__(self, page: Page, words_of: Mapping[str, str] | None = None) -> None:
        self.page = page
        self._words_of = words_of or {}
        self.begin()

    def begin(self) -> None:
        """Counts from here on, of a task that begins on the page that is open."""
        self.clicks = self.words = 0
        self._moves = 0.0
        self._types = False
        self._read: dict[tuple[str, str], int] = {}

    @property
    def seconds(self) -> float:
        """Without those in which a page loads or a receiver answers."""
        return self._moves + READ * self.words

    def own(self, words: str) -> str:
        """The English words in the person's language."""
        return self._words_of.get(words, words)

    def press(self, words: str) -> None:
        """Presses the first visible link, or else button, whose visible text begins with `words`."""
        expect(self._shown("a:visible, button:visible", words).first).to_be_visible()
        found = self.visible("a", words) or self._shown("button:visible", words).first
        self._point_at(found)
        found.click()
        self.clicks += 1

    def visible(self, element: str, words: str) -> Locator | None:
        shown = self._shown(f"{element}:visible", words)
        return shown.first if shown.count() else None

    def _shown(self, elements: str, words: str) -> Locator:
        beginning = re.compile(rf"^\s*{re.escape(self.own(words))}(?!\w)")
        return self.page.locator(elements).filter(has_text=beginning)

    def tick(self, words: str) -> None:
        box = self.page.locator("label:visible").filter(has_text=self.own(words)).first
        self._point_at(box)
        box.click()
        self.clicks += 1

    def write(self, label: str, words: str) -> None:
        field = self.page.get_by_label(self.own(label), exact=True)
        self._point_at(field)
        field.fill(words)
        self._moves += HOME + KEY * len(words)
        self._types = True

    def sees(self, words: str) -> None:
        """Reads down to these words, which end the task or a step."""
        found = self.page.locator("main").get_by_text(self.own(words)).first
        expect(found).to_be_visible()
        self._look_at(found)
        self._moves += DECIDE

    def _point_at(self, element: Locator) -> None:
        self._look_at(element)
        self._moves += DECIDE + POINT + PRESS + (HOME if self._types else 0)
        self._types = False

    def _look_at(self, element: Locator) -> None:
        region, words = element.evaluate(WORDS_UP_TO)
        place = (self.page.url.partition("#")[0], region)
        known = 0 if region == "NAV" else self._read.get(place, 0)
        self.words += max(0, words - known)
        self._read[place] = max(words, known)
