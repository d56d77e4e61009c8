"""Renders every page of the docs host, as HTML and as Markdown, in each language."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, Undefined, UndefinedError, select_autoescape
from jinja2.utils import missing
from markupsafe import Markup

from deploy.docs import contract, errors, fields, packages
from deploy.docs.site import changelog, figures, markdown, reference, search
from deploy.docs.site.markdown import Section
from deploy.docs.site.reference import Shown
from deploy.docs.translation import LANGUAGES, Translator
from services.graphql_api.acqi.indicators import INDICATORS

FOLDER = Path(__file__).parents[1]
ROOT = "/api/docs"
HOME = "https://knogin.com/api/docs"
SAMPLES = FOLDER / "samples"
# A link to another page, from its Markdown.
LINK = re.compile(r"\]\((/(?!api/|/)[^)#\s]*)(#[^)\s]*)?\)")
# The groups of pages, and the address of each with the file of its text: in the folder of a language, or in `both`.
GUIDES = {
    "Start": ("", "first-call"),
    "Guides": (
        "guides/cad-to-epcr",
        "guides/devices",
        "guides/handover",
        "guides/webhooks",
        "guides/consumers",
        "guides/polling",
        "guides/quality-indicators",
        "guides/errors-and-retries",
        "guides/command-line",
        "guides/audit-trail",
        "guides/sandbox",
        "guides/go-live",
    ),
    "Explained": ("explained/de-identification",),
    "Catalogues": (
        "catalogues/errors",
        "catalogues/events",
        "catalogues/scopes",
        "catalogues/metrics",
        "catalogues/codes",
        "catalogues/indicators",
        "catalogues/limits",
    ),
    "Changes": ("changelog", "deprecations"),
}
READ_IN_ORDER = [*GUIDES["Start"], *GUIDES["Guides"], *GUIDES["Explained"]]
GROUPS = ("Start", "Guides", "Explained", "Reference", "Catalogues", "Changes")
REFERENCE, SCHEMAS = "reference", "reference/schemas"


class Entry(NamedTuple):
    """A page of the navigation; `address` is None for a title alone."""

    address: str | None
    title: str


class Made(NamedTuple):
    """A page: its address within the language, its title, both forms, and its places for the search."""

    address: str
    title: str
    group: str
    html: str
    markdown: str
    sections: list[Section]


class _Absent(Undefined):
    """A member that is absent is false; a name that is not given is a mistake of the template."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        if self._undefined_obj is missing:
            raise UndefinedError(f"{self._undefined_name} is not given")


class Site:
    """The pages of one language. `translate` collects the texts that it is asked for."""

    def __init__(self, translate: Translator, document: Mapping[str, Any]) -> None:
        self.translate = translate
        self.language = translate.language
        self.document = document
        self.schemas: dict[str, Any] = {
            name: schema for name, schema in document["components"]["schemas"].items() if not name.startswith("events.")
        }
        self.groups = reference.groups(dict(document))
        self.modules: dict[str, list[tuple[str, Any]]] = {}
        for name, schema in self.schemas.items():
            self.modules.setdefault(reference.module(name), []).append((name, schema))
        self.environment = self._environment()
        self.texts = {address: self._text(address) for addresses in GUIDES.values() for address in addresses}
        self.read = {address: markdown.rendered(self._linked(text), self._copy) for address, text in self.texts.items()}
        self.entries = self._entries()

    def pages(self) -> list[Made]:
        return [*self._guides(), *self._references()]

    def _environment(self) -> Environment:
        loader = FileSystemLoader([FOLDER / "templates", FOLDER / "guides" / self.language, FOLDER / "guides" / "both"])
        environment = Environment(
            loader=loader,
            autoescape=select_autoescape(("html",), default=False),
            trim_blocks=True,
            lstrip_blocks=True,
            comment_start_string="{##",  # `{#anchor}` is of the Markdown
            comment_end_string="##}",
            undefined=_Absent,
        )
        environment.filters |= {
            "t": self.translate,
            "marked": self.translate.marked,
            "pretty": partial(json.dumps, indent=2, ensure_ascii=False),
            "anchor": reference.anchor,
            "module": reference.module,
            "slug": markdown.slug,
            "code": lambda source, language, label: Markup(  # noqa: S704 - escaped there
                markdown.code(source, language, label, self._copy)
            ),
            "cell": cell,
            "filled": filled,
            "decimal": lambda number: str(number).replace(".", "," if self.language == "it" else "."),
        }
        self._copy = self.translate("Copy")
        environment.globals |= {
            "language": self.language,
            "languages": LANGUAGES,
            "rows": fields.fields,
            "words": fields.words,
            "schemas": self.document["components"]["schemas"],
            "document_tags": {tag["name"]: tag["description"] for tag in self.document["tags"]},
            "sample": sample,
            "wheel": packages.wheel(),
            "tarball": packages.tarball(),
            **figures.figures(),
        }
        return environment

    def _text(self, address: str) -> str:
        """The Markdown of a page that is written, with its values."""
        name = (address or "index").rpartition("/")[2] + ".md"
        document = self.document
        return self.environment.get_template(name).render(
            groups=self.groups,
            events=document["webhooks"],
            event_headers=contract.EVENT_HEADERS,
            event_schemas=document["components"]["schemas"],
            servers=document["servers"],
            scopes=contract.SCOPES,
            catalogues=document["x-catalogues"],
            problems=errors.PROBLEMS,
            oauth_errors=errors.OAUTH,
            graphql_errors=errors.GRAPHQL,
            headers=document["components"]["headers"],
            rates=reference.rates(),
            kept=figures.kept(),
            caps=figures.caps(),
            bodies=figures.bodies(one for part in contract.PARTS for one in part.operations),
            deprecated=[one for part in contract.PARTS for one in part.operations if one.deprecated],
            changes=changelog.text(self.language),
        )

    def _linked(self, text: str, suffix: str = "") -> str:
        """Links to other pages with their addresses; those of Markdown lead to Markdown, which has no anchors."""

        def whole(found: re.Match[str]) -> str:
            page = found[1].rstrip("/")
            if suffix and "." not in page:
                return f"]({ROOT}/{self.language}{page or '/index'}{suffix})"
            return f"]({ROOT}/{self.language}{page}{found[2] or ''})"

        return LINK.sub(whole, text)

    def _entries(self) -> dict[str, list[Entry]]:
        """The pages of the navigation by their groups."""
        entries = {
            group: [Entry(one, self.read[one].title if one else self.translate("Overview")) for one in addresses]
            for group, addresses in GUIDES.items()
        }
        tags = [Entry(f"{REFERENCE}/{reference.slug(tag)}", self.translate(tag)) for tag in self.groups]
        entries["Reference"] = [*tags, Entry(SCHEMAS, self.translate("Schemas"))]
        return {group: entries[group] for group in GROUPS}

    def _page(self, template: str, address: str, title: str, description: str, **more: Any) -> str:
        shown: dict[str, Any] = {
            "siblings": [],
            "open": None,
            "parent": None,
            "trail": [],
            "before": None,
            "after": None,
        }
        return self._render(
            template, shown | more, address=address, title=title, description=shortened(description, 300)
        )

    def _render(self, template: str, *values: Mapping[str, Any], **more: Any) -> str:
        given = {key: value for one in values for key, value in one.items()} | more
        made = self.environment.get_template(template).render(navigation=list(self.entries.items()), **given)
        # Macros leave empty lines between their own; in HTML such lines may belong to code.
        return made if template.endswith(".html") else re.sub(r"\n{3,}", "\n\n", made)

    def _guides(self) -> Iterator[Made]:
        titles = {entry.address: entry for entries in self.entries.values() for entry in entries}
        for group, addresses in GUIDES.items():
            for address in addresses:
                page = self.read[address]
                place = READ_IN_ORDER.index(address) if address in READ_IN_ORDER else None
                around = [] if place is None else [*READ_IN_ORDER[place + 1 : place + 2]]
                made = self._page(
                    "guide.html",
                    address,
                    page.title,
                    page.sections[0].text,
                    body=page.html.partition("</h1>")[2],
                    toc=[one for one in page.sections if one.level == 2],
                    trail=[Entry(None, self.translate(group))] if address else [],
                    before=titles[READ_IN_ORDER[place - 1]] if place else None,
                    after=titles[around[0]] if around else None,
                )
                text = markdown.without_anchors(self._linked(self.texts[address], ".md"))
                yield Made(address, page.title, group, made, text, page.sections)

    def _references(self) -> Iterator[Made]:
        for tag, operations in self.groups.items():
            address = f"{REFERENCE}/{reference.slug(tag)}"
            title = self.translate(tag)
            shown = {"tag": tag, "siblings": operations, "open": address}
            trail = [Entry(None, self.translate("Reference"))]
            about = self.translate(self.document_tags[tag])
            made = self._page("tag.html", address, title, about, **shown, trail=trail)
            yield Made(address, title, "Reference", made, self._render("tag.md", shown), [Section("", title, 1, about)])
            for one in operations:
                yield self._operation(one, shown | {"trail": [*trail, Entry(address, title)], "parent": address})
        yield from self._schemas()

    @property
    def document_tags(self) -> dict[str, str]:
        return self.environment.globals["document_tags"]

    def _operation(self, one: Shown, shown: dict[str, Any]) -> Made:
        title = self.translate(one.operation["summary"])
        address = f"{shown['open']}/{one.id}"
        about = self.translate(one.operation.get("description", ""))
        made = self._page("operation.html", address, title, about, **shown, one=one)
        found = [f"{one.id} {one.method} {one.path} {one.scope or ''}", about]
        found += [f"{row.name} {self.translate(row.description)}" for _, rows in one.parameters for row in rows]
        return Made(
            address,
            title,
            one.tag,
            made,
            self._render("operation.md", shown, one=one),
            [Section("", title, 1, " ".join(found))],
        )

    def _schemas(self) -> Iterator[Made]:
        everything = self.translate("Schemas")
        trail = [Entry(None, self.translate("Reference"))]
        first: dict[str, Any] = {"listed": [], "modules": self.modules, "parent": SCHEMAS, "trail": trail}
        made = self._page("schemas.html", SCHEMAS, everything, everything, **first)
        text = self._render("schemas.md", first, title=everything)
        yield Made(SCHEMAS, everything, "Reference", made, text, [Section("", everything, 1, "")])
        for name, listed in self.modules.items():
            title, address = f"{everything}: {name}", f"{SCHEMAS}/{name}"
            more = first | {"listed": listed, "trail": [*trail, Entry(SCHEMAS, everything)]}
            made = self._page("schemas.html", address, title, title, **more)
            sections = [Section("", title, 1, "")]
            for each, schema in listed:
                members = " ".join(schema.get("properties", {}))
                words = f"{self.translate(schema.get('description', ''))} {members}"
                sections.append(Section(reference.anchor(each), each.rpartition(".")[2], 2, words))
            yield Made(address, title, "Reference", made, self._render("schemas.md", more, title=title), sections)


def sample(name: str) -> str:
    """A program of `samples` as a block of code."""
    languages = {"py": "python", "ts": "ts", "sh": "sh", "java": "java", "cs": "csharp", "go": "go"}
    source = (SAMPLES / name).read_text().strip()
    return f"```{languages[name.rpartition('.')[2]]}\n{source}\n```"


def cell(text: str) -> str:
    """A text within a cell of a table."""
    return " ".join(str(text).split()).replace("|", "\\|")


def filled(text: str, *values: Any) -> str:
    """A text with each `{}` replaced in its turn."""
    for value in values:
        text = text.replace("{}", str(value), 1)
    return text


def files(document: Mapping[str, Any], translators: Mapping[str, Translator]) -> dict[str, str | bytes]:
    """Every page, index of the search, feed and greeting, by the name of its file."""
    made: dict[str, str | bytes] = {}
    for language, translate in translators.items():
        site = Site(translate, document)
        pages = site.pages()
        for page in pages:
            made[f"{language}/{page.address or 'index'}.html"] = page.html
            made[f"{language}/{page.address or 'index'}.md"] = page.markdown
        made[f"search.{language}.js"] = search.index(places(pages, site), language, anchors(site))
        made[f"{language}/changelog.atom"] = changelog.feed(language)
        made[f"{language}/catalogues/indicators.json"] = indicators(site)
        made |= greetings(site)
        if language == "en":
            made["llms.txt"] = listing(pages, site)
    return made


TRANSLATED = ("description", "inclusion", "exclusion", "differs")


def indicators(site: Site) -> str:
    """The definitions of quality indicators for programs that show them: the catalogue of `openapi.json` in the site's language.

    `group` is the field of care: the module that holds the definition.
    """
    groups = {one.name: one.judge.__module__.rpartition(".")[2] for one in INDICATORS}
    listed = [
        one | {"group": groups[one["name"]]} | {name: site.translate(one[name]) for name in TRANSLATED}
        for one in site.document["x-catalogues"]["indicators"]
    ]
    return json.dumps({"language": site.language, "indicators": listed}, ensure_ascii=False, indent=1) + "\n"


def places(pages: list[Made], site: Site) -> Iterator[search.Place]:
    for page in pages:
        weight = 0.5 if page.address.startswith(SCHEMAS) else 0.8 if page.address.startswith(REFERENCE) else 1.0
        for one in page.sections:
            if one.level == 1:
                yield search.Place(page.title, site.translate(page.group), page.address, one.text, weight)
            elif page.address or one.level < markdown.ROW:
                address = f"{page.address}#{one.anchor}"
                yield search.Place(one.title, page.title, address, one.text, weight)


def anchors(site: Site) -> dict[str, str]:
    """The pages of the anchors that `/api/docs` had while it was one page."""
    found = {
        "start": "first-call",
        "events": "catalogues/events",
        "scopes": "catalogues/scopes",
        "catalogues": "catalogues/metrics",
        "errors": "catalogues/errors",
        "limits": "catalogues/limits",
        "schemas": SCHEMAS,
        "changes": "changelog",
    }
    for tag, operations in site.groups.items():
        address = f"{REFERENCE}/{reference.slug(tag)}"
        found[tag.lower()] = address
        found |= {one.id: f"{address}/{one.id}" for one in operations}
    for event in site.document["webhooks"].values():
        found[event["post"]["operationId"]] = f"catalogues/events#{event['post']['operationId']}"
    for name in contract.SCOPES:
        found[f"scope-{name.replace(':', '-')}"] = f"catalogues/scopes#{markdown.slug(name)}"
    for name in site.schemas:
        old = "schema-" + name.replace(".", "-").lower()
        found[old] = f"{SCHEMAS}/{reference.module(name)}#{reference.anchor(name)}"
    for kind, codes in (("oauth", errors.OAUTH), ("graphql", errors.GRAPHQL)):
        found |= {f"{kind}-{code}": f"catalogues/errors#{markdown.slug(code)}" for code in codes}
    for one in site.document["x-catalogues"]["metrics"]:
        found[f"mdc-{one['mdc_code10']}"] = f"catalogues/metrics#{markdown.slug(one['mdc_code'])}"
    for one in site.document["x-catalogues"]["indicators"]:
        found[f"indicator-{one['name']}"] = f"catalogues/indicators#{markdown.slug(one['name'])}"
    return found


def greetings(site: Site) -> dict[str, str]:
    """The page at the root of each host that programs call."""
    t, language = site.translate, site.language
    other = next(one for one in LANGUAGES if one != language)
    hosts = {
        "api": (
            t("This is Knogin's API"),
            t("Programs call this host; its answers are JSON. The documentation explains how, from the first call on."),
        ),
        "auth": (
            t("This is Knogin's sign-in"),
            t(
                "An app sends you here when it needs your consent; there is nothing to sign in to on this page."
                " Programs get their tokens here."
            ),
        ),
    }
    links = [(site.read[address].title, f"{HOME}/{language}/{address}".rstrip("/")) for address in READ_IN_ORDER[:2]]
    links.append(("openapi.json", f"{HOME}/openapi.json"))
    template = site.environment.get_template("greeting.html")
    return {
        f"greetings/{host}.{language}.html": template.render(title=title, text=text, links=links, other=other)
        for host, (title, text) in hosts.items()
    }


def first_sentence(text: str) -> str:
    return re.split(r"(?<=[.:]) (?=[A-Z])", text, maxsplit=1)[0]


def shortened(text: str, most: int) -> str:
    """The text, or as many whole words of it as fit into `most` characters with an ellipsis."""
    return text if len(text) <= most else text[: most - 1].rpartition(" ")[0].rstrip(",;:") + "…"


def listing(pages: list[Made], site: Site) -> str:
    """llms.txt: every page as a link to its Markdown (https://llmstxt.org)."""
    lines = [f"# {site.document['info']['title']}", "", f"> {site.document['info']['description']}"]
    lines += ["", "Every page is also there in Italian: replace `/en/` by `/it/`.", ""]
    for group in GROUPS:
        lines.append(f"## {group}")
        for page in pages:
            own = "Reference" if page.address.startswith(REFERENCE) else page.group
            if own == group:
                about = first_sentence(" ".join(page.sections[0].text.split())) if group != "Reference" else ""
                lines.append(f"- [{page.title}]({ROOT}/en/{page.address or 'index'}.md){f': {about}' if about else ''}")
        lines.append("")
    return "\n".join(lines)
