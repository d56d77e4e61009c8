"""Markdown as HTML: headings and rows of tables with anchors, coloured code, tables that narrow screens show as lists.

A heading names its anchor: `## Title {#anchor}`, the same one in every language. Pure.
"""

import html
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name

NAMED = re.compile(r"\s*\{#([\w-]+)\}\s*$")
LABELS = {
    "sh": "curl",
    "python": "Python",
    "ts": "TypeScript",
    "java": "Java",
    "csharp": "C#",
    "go": "Go",
    "json": "JSON",
    "http": "HTTP",
    "text": "",
}
LEXERS = {"sh": "bash", "text": "text"}
ROLES = {
    "table_open": "table",
    "thead_open": "rowgroup",
    "tbody_open": "rowgroup",
    "tr_open": "row",
    "th_open": "columnheader",
    "td_open": "cell",
}
"""Narrow screens show tables as lists, which takes their roles from them."""
PLAIN = re.compile(r'<span class="k-(?:w|p|n|nx|o|kp)">([^<]*)</span>')
# The level of a row among those of headings.
ROW = 7
FORMATTER = HtmlFormatter(nowrap=True, classprefix="k-")


class Section(NamedTuple):
    """A heading, or a row of a table, with the plain text below it: a place that the search finds."""

    anchor: str
    title: str
    level: int
    text: str


class Page(NamedTuple):
    title: str
    html: str
    sections: list[Section]


@cache
def coloured(source: str, language: str) -> str:
    """The source as HTML with a class for each token that has a colour."""
    return PLAIN.sub(r"\1", highlight(source, get_lexer_by_name(LEXERS.get(language, language)), FORMATTER))


def slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def code(source: str, language: str, label: str, copy: str) -> str:
    """A block of code with its label, and a button that the script shows."""
    return (
        f'<div class="code"><div class="bar"><span>{html.escape(label)}</span><button type="button" class="copy" hidden>{html.escape(copy)}'
        f'</button></div><pre tabindex="0" aria-label="{html.escape(label or source.splitlines()[0][:60])}"><code>'
        f"{coloured(source.rstrip(), language).rstrip()}</code></pre></div>\n"
    )


class _Renderer(RendererHTML):
    copy = "Copy"

    def fence(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        language = tokens[idx].info.strip() or "text"
        return code(tokens[idx].content, language, LABELS[language], self.copy)


def rendered(source: str, copy: str = "Copy", links: Mapping[str, str] = {}) -> Page:
    """The page of a Markdown text. A link to a key of `links` leads to its value. Raises ValueError for two equal anchors."""
    reader = MarkdownIt("commonmark", {"html": False}, renderer_cls=_Renderer).enable("table")
    reader.renderer.copy = copy  # pyright: ignore[reportAttributeAccessIssue] - it is a _Renderer
    tokens = reader.parse(source)
    sections = _named(tokens)
    anchors = [one.anchor for one in sections]
    if len(set(anchors)) < len(anchors):
        raise ValueError(f"anchors that are there twice: {sorted({one for one in anchors if anchors.count(one) > 1})}")
    for token in tokens:
        for child in token.children or []:
            if child.type == "link_open":
                child.attrSet("href", links.get(str(child.attrGet("href")), str(child.attrGet("href"))))
    title = sections[0].title if sections and sections[0].level == 1 else ""
    return Page(title, reader.renderer.render(tokens, reader.options, {}), sections)


def without_anchors(source: str) -> str:
    """The Markdown for readers of Markdown."""
    return re.sub(r"^(#+ .*?)\s*\{#[\w-]+\}$", r"\1", source, flags=re.MULTILINE)


def _named(tokens: list[Token]) -> list[Section]:
    """Gives headings and rows their anchors, and cells the title of their column. Returns the sections."""
    places = _Places()
    for index, token in enumerate(tokens):
        role = ROLES.get(token.type)
        if role:
            token.attrSet("role", role)
        if token.type == "heading_open":
            places.begin(token, tokens[index + 1])
        elif token.type == "table_open":
            places.heads = []
        elif token.type == "tr_open":
            places.row, places.opened = [], token
        elif token.type == "th_open":
            places.heads.append(_plain(tokens[index + 1]))
        elif token.type == "td_open":
            token.attrSet("data-label", places.heads[len(places.row)])
            places.row.append(_plain(tokens[index + 1]))
        elif token.type == "tr_close":
            places.end_row()
        elif token.type == "inline" and tokens[index - 1].type not in ("heading_open", "th_open", "td_open"):
            places.heading[3].append(_plain(token))
    return [Section(anchor, title, level, " ".join(texts)) for anchor, title, level, texts in places.found]


class _Places:
    """The places of a page while it is read: anchor, title, level and texts of each."""

    def __init__(self) -> None:
        self.found: list[list[Any]] = []
        self.heading: list[Any] = ["", "", 1, []]
        self.heads: list[str] = []
        self.row: list[str] = []
        self.opened: Token | None = None

    def begin(self, token: Token, inline: Token) -> None:
        last = (inline.children or [])[-1]
        match = NAMED.search(last.content)
        if match:
            last.content = last.content[: match.start()]
        anchor = match[1] if match else ""
        text = _plain(inline)
        self.heading = [anchor or slug(text), text, int(token.tag[1]), []]
        token.attrSet("id", self.heading[0])
        self.found.append(self.heading)

    def end_row(self) -> None:
        """A row of cells is a place, if no other has its anchor."""
        anchor = slug(self.row[0]) if self.row else ""
        if anchor and self.opened is not None and anchor not in {one[0] for one in self.found}:
            self.opened.attrSet("id", anchor)
            self.found.append([anchor, self.row[0], ROW, [*self.row, *self.heads, self.heading[1]]])


def _plain(inline: Token) -> str:
    parts = [
        child.content if child.type in ("text", "code_inline") else " " if child.type == "softbreak" else ""
        for child in inline.children or []
    ]
    return "".join(parts).strip()
