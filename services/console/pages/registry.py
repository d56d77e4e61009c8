"""The pages of the console. Routes, the navigation, and the tests of all pages are made from this table.

An area is a package of the console with a module `routes` that holds `AREA` and `PAGES`. The package is found by itself.
"""

import importlib
import pkgutil
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from starlette.responses import Response

from services.console.session.models import Profile

if TYPE_CHECKING:
    from services.console.pages.visit import Visit

View = Callable[["Visit"], Awaitable[Response]]
ROOT = Path(__file__).parents[1]
FORM_BYTES = 128 << 10


class Area(NamedTuple):
    """`name` is the package, the folder of templates, and the file of texts; the text `area` is its title. Lower `order` comes first."""

    name: str
    order: int


class Page(NamedTuple):
    """One address. `name` is unique in its area; the text `title.<name>` is the page's title.

    `read` answers GET. `act` answers POST, after the form's token was checked. Without `scope` the page is closed ("" is any person).
    With `in_navigation` it is in the navigation of those who have the scope, and one of `shown_to` where these are named. `examples`
    are ids for the tests of all pages, for which the tests' platform has answers. A page that is no HTML, such as a file, says so with
    `is_html`. A form is at most `most_bytes` long, encoded as it is sent.
    """

    name: str
    path: str
    read: View | None
    scope: str = ""
    act: View | None = None
    in_navigation: bool = False
    shown_to: tuple[str, ...] = ()
    examples: Mapping[str, str] = {}
    is_html: bool = True
    most_bytes: int = FORM_BYTES


class Entry(NamedTuple):
    area: Area
    page: Page

    def is_shown_to(self, profile: Profile) -> bool:
        """Whether the person's navigation has it."""
        page = self.page
        is_theirs = not page.shown_to or any(profile.has(scope) for scope in page.shown_to)
        return is_theirs and profile.has(page.scope) and profile.sees(self.area.name)

    @property
    def example(self) -> str:
        """The path with example ids."""
        return self.page.path.format(**self.page.examples)


@cache
def entries() -> tuple[Entry, ...]:
    """Every page, in the order of the navigation. Raises ValueError for a path or a name that is used twice."""
    found: list[Entry] = []
    for module in pkgutil.iter_modules([str(ROOT)]):
        if module.ispkg and (ROOT / module.name / "routes.py").is_file():
            routes = importlib.import_module(f"services.console.{module.name}.routes")
            found += [Entry(routes.AREA, page) for page in routes.PAGES]
    found.sort(key=lambda entry: entry.area.order)
    for keys in ([entry.page.path for entry in found], [(entry.area.name, entry.page.name) for entry in found]):
        if len(set(keys)) < len(keys):
            raise ValueError("a page has the path or the name of another")
    return tuple(found)
