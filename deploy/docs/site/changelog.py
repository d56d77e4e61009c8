"""The changes for partners, from the release notes: a page, and a feed (RFC 4287)."""

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape

from deploy.docs.site import markdown

NOTES = Path(__file__).parents[3] / "docs"
HEADING = re.compile(r"^## (\S+) (.+)$", re.MULTILINE)
DATE = re.compile(r"\d{4}-\d\d-\d\d")
HOME = "https://knogin.com/api/docs"
TITLES = {
    "en": "Changes of the Knogin integration platform",
    "it": "Modifiche della piattaforma di integrazione Knogin",
}


class Release(NamedTuple):
    """A version with its date, "" while it is in preparation, and its notes."""

    version: str
    date: str
    title: str
    notes: str

    @property
    def anchor(self) -> str:
        return "v" + self.version.replace(".", "-")


@cache
def releases(language: str) -> list[Release]:
    """The newest first."""
    suffix = "" if language == "en" else f".{language}"
    whole = (NOTES / f"release-notes{suffix}.md").read_text()
    found = list(HEADING.finditer(whole))
    ends = [one.start() for one in found[1:]] + [len(whole)]
    made: list[Release] = []
    for one, end in zip(found, ends, strict=True):
        date = DATE.search(one[2])
        made.append(Release(one[1], date[0] if date else "", f"{one[1]} {one[2]}", whole[one.end() : end].strip()))
    return made


def text(language: str) -> str:
    """The Markdown of all versions."""
    return "\n\n".join(f"## {one.title} {{#{one.anchor}}}\n\n{one.notes}" for one in releases(language))


def feed(language: str) -> str:
    """An Atom feed with an entry for each version that is released."""
    released = [one for one in releases(language) if one.date]
    page = f"{HOME}/{language}/changelog"
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        f'<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="{language}">',
        f"<title>{escape(TITLES[language])}</title>",
        f"<id>{page}</id>",
        f'<link rel="self" type="application/atom+xml" href="{page}.atom"/>',
        f'<link rel="alternate" type="text/html" href="{page}"/>',
        f"<updated>{released[0].date}T00:00:00Z</updated>",
        "<author><name>Knogin</name></author>",
    ]
    for one in released:
        lines += [
            "<entry>",
            f"<title>{escape(one.version)}</title>",
            f"<id>{page}#{one.anchor}</id>",
            f'<link rel="alternate" type="text/html" href="{page}#{one.anchor}"/>',
            f"<updated>{one.date}T00:00:00Z</updated>",
            f'<content type="html">{escape(markdown.rendered(one.notes).html)}</content>',
            "</entry>",
        ]
    return "\n".join([*lines, "</feed>", ""])
