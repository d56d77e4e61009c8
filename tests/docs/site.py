"""The built pages of the docs host, as tests read them."""

import re
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import gateway.docs

ROOT = "/api/docs"


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
def pages() -> dict[str, Read]:
    """Every page by its address."""
    found: dict[str, Read] = {}
    for path in sorted(gateway.docs.FILES.glob("*/**/*.html")):
        name = path.relative_to(gateway.docs.FILES)
        if name.parts[0] in gateway.docs.LANGUAGES:
            read = Read()
            read.feed(path.read_text())
            found[address(name)] = read
    return found


def address(name: Path) -> str:
    return f"{ROOT}/{re.sub(r'(/index)?[.]html$', '', name.as_posix())}"
