"""The entries of an identified bundle as bytes. Each is made, checked and written before the next one."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from services.epcr.fhir.checks import problems_of_request, problems_within
from services.epcr.fhir.encode import definitions, encode
from services.epcr.fhir.entries import Entry, bundle_entry
from services.epcr.fhir.export import TWICE
from services.epcr.fhir.terms import Json

# Resources that encounters share, and Patients, which a hospital may have merged with its own: they are only ever made.
ONLY_MADE = frozenset({"Patient", "Organization", "Location", "Practitioner", "PractitionerRole", "Device"})
# Of a document it is no part; it says who made the Composition, which it refers to (R4, documents).
_ABOUT = "Provenance"


class Writing:
    """The entries of a document, or of a transaction, by their URLs, with the links that each has.

    `faults` are those that were found: bugs of this service, which keep no patient's data from a hospital.
    """

    def __init__(self, kind: Literal["document", "transaction"], meta: Json) -> None:
        self.faults: list[str] = []
        self._kind = kind
        self._meta = meta
        self._texts: dict[str, bytes] = {}
        self._kinds: dict[str, str] = {}
        self._links: dict[str, set[str]] = {}
        self._report = ""
        self._sections: list[Json] = []

    def add(self, resources: Sequence[tuple[str, Json]]) -> None:
        """Checks the resources beside those that were added before and with them."""
        entries = [self._entry(uuid, resource) for uuid, resource in resources]
        if not self._texts.keys().isdisjoint(entry["fullUrl"] for entry in entries):
            self.faults.append(TWICE)
        for entry in entries:
            self._note(entry)
        self._check(entries)

    def report(self, uuid: str, composition: Json) -> None:
        """The Composition, the first entry of a document."""
        entry = self._entry(uuid, composition)
        self._note(entry)
        self._report = entry["fullUrl"]
        # The references of a section differ in their identifiers only; the links are those of all.
        sections: list[Json] = entry["resource"]["section"]
        few = [
            one | {"entry": list({each["type"]: each for each in one["entry"]}.values())} if "entry" in one else one
            for one in sections
        ]
        self._sections = few
        self._check([entry | {"resource": entry["resource"] | {"section": few}}])

    def end(self, bundle: Json) -> bytes:
        """The whole bundle."""
        first = {"fullUrl": self._report, "resource": {"resourceType": "Composition", "section": self._sections}}
        if self._kind == "document":
            self.faults += list(faults_of_whole(bundle, first, self._kinds, self._links))
        else:
            self.faults += [
                f"{self._kinds[url]} refers to nothing in the transaction"
                for url, of_one in self._links.items()
                if not of_one <= self._kinds.keys()
            ]
        texts = [self._texts.pop(self._report), *self._texts.values()]
        return encode(bundle)[:-1] + b',"entry":[' + b",".join(texts) + b"]}"

    def _entry(self, uuid: str, resource: Json) -> Json:
        # The marks of a reading stay.
        labelled = resource | {"meta": resource.get("meta", {}) | self._meta}
        if self._kind == "document":
            return {"fullUrl": f"urn:uuid:{uuid}", "resource": labelled}
        return bundle_entry(Entry(labelled, uuid, mutable=labelled["resourceType"] not in ONLY_MADE))

    def _note(self, entry: Json) -> None:
        url, resource = entry["fullUrl"], entry["resource"]
        self._texts[url], self._kinds[url] = encode(entry), resource["resourceType"]
        self._links[url] = set(links_of(resource))

    def _check(self, entries: Sequence[Json]) -> None:
        reasons = definitions({"resourceType": "Bundle", "type": self._kind, "entry": entries})
        reasons = reasons or list(faults_among(entries, self._kinds))
        if self._kind == "transaction" and not reasons:
            reasons = [reason for entry in entries for reason in problems_of_request(entry)]
        self.faults += reasons


def faults_of(bundle: Json) -> Iterator[str]:
    """Rules of documents and of this form that FHIR's definitions do not state, each with its place, never a value."""
    entries: list[Json] = bundle["entry"]
    kinds = {entry["fullUrl"]: entry["resource"]["resourceType"] for entry in entries}
    links = {entry["fullUrl"]: set(links_of(entry["resource"])) for entry in entries}
    if len(kinds) != len(entries):
        yield TWICE
    yield from faults_of_whole(bundle, entries[0], kinds, links)
    yield from faults_among(entries, kinds)


def faults_of_whole(
    bundle: Json, first: Json, kinds: Mapping[str, str], links: Mapping[str, set[str]]
) -> Iterator[str]:
    """Those of the Bundle around its entries. `first` is the first entry; kinds and links of all are by their URLs."""
    if bundle["type"] != "document" or not {"identifier", "timestamp"} <= bundle.keys():
        yield "bdl-9, bdl-10, a document without identifier or timestamp"
    if first["resource"]["resourceType"] != "Composition":
        yield "bdl-11, a document that begins with no Composition"
    reached, waiting = {first["fullUrl"]}, [first["fullUrl"]]
    while waiting:
        new = links.get(waiting.pop(), set()) - reached
        reached |= new
        waiting += new
    for url, kind in kinds.items():
        if url not in reached and not (kind == _ABOUT and links[url] <= reached):
            yield f"{kind} is not reached from the Composition"
    if reached - kinds.keys():
        yield "a reference to nothing in the document"
    for section in first["resource"]["section"]:
        if not {"title", "code", "text"} <= section.keys():
            yield "a section without title, code or text"


def faults_among(entries: Sequence[Json], kinds: Mapping[str, str]) -> Iterator[str]:
    """Those of single entries, beside others of these kinds."""
    for index, entry in enumerate(entries):
        kind = entry["resource"]["resourceType"]
        # Its `context` is no reference, as that of other resources is.
        checked = {
            name: one for name, one in entry["resource"].items() if (kind, name) != ("DocumentReference", "context")
        }
        yield from (f"Bundle.entry[{index}] {kind}: {problem}" for problem in problems_within(checked, kinds))


def links_of(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for one in value:
            yield from links_of(one)
    if isinstance(value, dict):
        if isinstance(value.get("reference"), str) and not value["reference"].startswith("#"):
            yield value["reference"]
        for one in value.values():
            yield from links_of(one)
