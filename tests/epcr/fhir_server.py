"""A small FHIR R4 server in memory: it executes transactions as the specification says, all or nothing."""

import itertools
import re
from collections import Counter
from typing import Any

Json = dict[str, Any]
Held = dict[tuple[str, str, str], list[str]]
_SEARCH = re.compile(r"identifier=([^|]+)\|(.+)")


# Resources that encounters share: no correction of one encounter withdraws them.
SHARED = frozenset({"Patient", "Device", "Organization", "Location", "Practitioner", "PractitionerRole"})


class Refused(Exception):
    """The transaction was rolled back."""


class FhirServer:
    """Conditional create (`ifNoneExist`), conditional update (`PUT Type?identifier=…`), and urn:uuid references rewritten."""

    def __init__(self) -> None:
        self.resources: dict[str, Json] = {}
        self._numbers = itertools.count(1)

    def transaction(self, bundle: Json) -> list[str]:
        """The status of each entry, in order. Raises Refused and changes nothing if any entry cannot be done."""
        if bundle["resourceType"] != "Bundle" or bundle["type"] != "transaction":
            raise Refused("not a transaction")
        before, numbers = dict(self.resources), self._numbers
        try:
            return self._execute(bundle["entry"])
        except Refused:
            self.resources, self._numbers = before, numbers
            raise

    def of(self, kind: str) -> list[Json]:
        return [resource for resource in self.resources.values() if resource["resourceType"] == kind]

    def dangling(self) -> list[str]:
        """References that lead nowhere on this server."""
        return [target for target in _references(list(self.resources.values())) if target not in self.resources]

    def duplicates(self) -> list[Any]:
        """Identifiers that more than one resource of a kind has."""
        seen = [(resource["resourceType"], *_identifier(resource)) for resource in self.resources.values()]
        times = Counter(seen)
        return [one for one in seen if times[one] > 1]

    def _execute(self, entries: list[Json]) -> list[str]:
        if len({entry["fullUrl"] for entry in entries}) != len(entries):
            raise Refused("a fullUrl stands twice")
        held = self._by_identifier()
        # POST before PUT (R4 §3.1.0.11.2); the answers keep the order of the entries.
        places = {entry["fullUrl"]: self._place(entry, held) for entry in sorted(entries, key=_method)}
        if len({place for place, _ in places.values()}) != len(entries):
            raise Refused("two entries for one resource")
        targets = {url: place for url, (place, _) in places.items()}
        for entry in entries:
            place, status = places[entry["fullUrl"]]
            if entry["request"]["method"] == "PUT" or status == "201":
                resource = _rewritten(entry["resource"], targets)
                self.resources[place] = resource | {"id": place.partition("/")[2]}
        return [places[entry["fullUrl"]][1] for entry in entries]

    def _by_identifier(self) -> Held:
        """The places of all resources with a kind, a system and a value."""
        held: Held = {}
        for place, resource in self.resources.items():
            for system, value in dict.fromkeys(_identifiers(resource) if "identifier" in resource else ()):
                held.setdefault((resource["resourceType"], system, value), []).append(place)
        return held

    def _place(self, entry: Json, held: Held) -> tuple[str, str]:
        """`Type/id` of an entry, and whether it is made (201) or was there (200)."""
        request, kind = entry["request"], entry["resource"]["resourceType"]
        target, _, search = request["url"].partition("?")
        if target != kind or (request["method"] == "PUT") != bool(search):
            raise Refused(f"{request['method']} {target} is no way to send a {kind}")
        found = _search(kind, search or request.get("ifNoneExist", ""), held)
        if len(found) > 1:
            raise Refused("412, the condition is true of several")
        return (found[0], "200") if found else (f"{kind}/{next(self._numbers)}", "201")

    def merge(self, kept: str, gone: str) -> None:
        """As a hospital merges two Patients: `kept` takes the identifiers and all references, and `gone` is deleted."""
        merged = self.resources.pop(gone)
        self.resources[kept]["identifier"] = [*self.resources[kept]["identifier"], *merged["identifier"]]
        self.resources = {place: _repointed(one, gone, kept) for place, one in self.resources.items()}

    def add(self, resource: Json) -> str:
        """A resource of the hospital's own."""
        place = f"{resource['resourceType']}/{next(self._numbers)}"
        self.resources[place] = resource | {"id": place.partition("/")[2]}
        return place

    def about(self, patient: str) -> list[Json]:
        """The record of a Patient: the resources that refer to it and are not in error."""
        return [
            one
            for one in self.resources.values()
            if one.get("subject", one.get("patient", {})).get("reference") == patient and not is_in_error(one)
        ]


def _search(kind: str, search: str, held: Held) -> list[str]:
    if not search:
        return []
    asked = _SEARCH.fullmatch(search)
    if asked is None:
        raise Refused("not a search by identifier")
    return held.get((kind, asked[1], asked[2]), [])


def is_in_error(resource: Json) -> bool:
    verification = resource.get("verificationStatus", {"coding": [{}]})["coding"][0].get("code")
    return "entered-in-error" in (resource.get("status"), verification)


def _method(entry: Json) -> int:
    return ["DELETE", "POST", "PUT", "GET"].index(entry["request"]["method"])


def _identifier(resource: Json) -> tuple[str, str]:
    return _identifiers(resource)[0]


def _identifiers(resource: Json) -> list[tuple[str, str]]:
    held = resource["identifier"]
    return [(one["system"], one["value"]) for one in (held if isinstance(held, list) else [held])]


def _repointed(value: Any, gone: str, kept: str) -> Any:
    if isinstance(value, list):
        return [_repointed(item, gone, kept) for item in value]
    if not isinstance(value, dict):
        return value
    moved = {name: _repointed(item, gone, kept) for name, item in value.items()}
    return moved | ({"reference": kept} if moved.get("reference") == gone else {})


def _rewritten(value: Any, places: dict[str, str]) -> Any:
    if isinstance(value, list):
        return [_rewritten(item, places) for item in value]
    if not isinstance(value, dict):
        return value
    if isinstance(value.get("reference"), str) and not value["reference"].startswith("#"):
        if value["reference"] not in places:
            raise Refused("a reference to nothing in the bundle")
        return value | {"reference": places[value["reference"]]}
    return {name: _rewritten(item, places) for name, item in value.items()}


def _references(value: Any) -> list[str]:
    if isinstance(value, list):
        return [target for item in value for target in _references(item)]
    if not isinstance(value, dict):
        return []
    # Those that begin with # lead to a resource within.
    has_own = isinstance(value.get("reference"), str) and not value["reference"].startswith("#")
    own = [value["reference"]] if has_own else []
    return own + [target for item in value.values() for target in _references(item)]
