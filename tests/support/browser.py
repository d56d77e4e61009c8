"""A real Chromium, and the check that a page in it is accessible."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT, AxeResults
from playwright.sync_api import Browser, Page, expect, sync_playwright

CHROMIUM = shutil.which("chromium")
needs_browser = pytest.mark.skipif(
    CHROMIUM is None, reason="no browser here: `apt-get install chromium` runs these tests"
)
# Memory for axe's short-lived objects: with less memory the garbage collector takes as long as axe itself.
OPTIONS = ["--no-sandbox", "--js-flags=--max-semi-space-size=64"]

# axe keeps each colour's parts in WeakMaps of its own and parses the same few colours tens of thousands of times, which
# takes two thirds of its time on a long page. Its answers are the same with the parts on the colours themselves.
FASTER_AXE = """{
  const Private = class {
    #key = Symbol();
    has(object) { return this.#key in object; }
    get(object) { return object[this.#key]; }
    set(object, value) { object[this.#key] = value; return this; }
    add(object) { return this.set(object, true); }
    delete(object) { return delete object[this.#key]; }
  };
  (function (WeakMap, WeakSet) { %s
  }).call(window, Private, Private);
  const colour = axe.commons.color.Color.prototype, parse = colour.parseString, parsed = new Map();
  colour.parseString = function (text) {
    if (parsed.has(text)) [this.r, this.g, this.b, this.alpha] = parsed.get(text);
    else {
      parse.call(this, text);
      parsed.set(text, [this.r, this.g, this.b, this.alpha]);
    }
    return this;
  };
  undefined;
}"""
AXE = FASTER_AXE % AXE_SCRIPT
# Of a page that is right the other lists are long, and each of the three processes between axe and the test copies them.
VIOLATIONS = "(options) => axe.run(document, options).then(({ violations }) => ({ violations }))"

MOST_MILLISECONDS = 60_000
"""The longest wait for a page; it ends a test that hangs and judges no speed, because other tests use the machine too."""
expect.set_options(timeout=MOST_MILLISECONDS)


def launched() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield browser
        browser.close()


WCAG_22 = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
"""axe's tags with those of WCAG 2.2 AA, whose rules are off by default."""


def is_accessible(page: Page, tags: tuple[str, ...] = ()) -> bool:
    """Runs axe from outside the page, because the page's policy may forbid scripts. Fails with the violations.

    With `tags` it runs the rules that have one of them, otherwise axe's default ones.
    """
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if tags:
        options["runOnly"] = {"type": "tag", "values": list(tags)}
    if not page.evaluate("typeof axe === 'object'"):  # a page keeps it until another is loaded
        page.evaluate(AXE)
    found = AxeResults(page.evaluate(VIOLATIONS, options))
    assert found.violations_count == 0, found.generate_report()
    return True
