"""Bundles as bytes: checked, then written with the exact digits of each decimal."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson
from fhir.resources.R4B.bundle import Bundle
from pydantic import ValidationError

from services.epcr.fhir import checks
from services.epcr.fhir.terms import Json

REMEMBERED = 100_000

# Digests of the shapes of entries that passed FHIR's definitions. The definitions constrain a value by its kind alone, so that all entries
# of a shape pass if one does.
_passed: set[bytes] = set()
_UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIME = re.compile(rb'"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,6})?Z"')
_NUMBER = re.compile(rb'"value":-?(?:0|[1-9]\d*)(?:\.\d+)?(?=[,}])')
_CODE = re.compile(rb'"code":"[0-9A-Za-z][0-9A-Za-z.\-]*"')
_WORDS = re.compile(rb'"(display|text)":"[0-9A-Za-z](?:[^"\\]*[^"\\\s])?"')


def faults_of(transaction: Json) -> list[str]:
    """For which a hospital's server would refuse it, by FHIR's definitions or the checks of this service: rules and places, no values."""
    return definitions(transaction) or list(checks.problems_of(transaction))


def faults_among(entries: Sequence[Json], kinds: Mapping[str, str]) -> list[str]:
    """As `faults_of`, for some entries of a transaction. `kinds` are those of the entries to which they may refer, by their URLs."""
    found = definitions({"resourceType": "Bundle", "type": "transaction", "entry": entries})
    return found or list(checks.problems_among(entries, kinds))


def encode(content: Any) -> bytes:
    """JSON in which 36.60 stays 36.60, because precision is significant in FHIR."""
    return orjson.dumps(content, default=_exact)


def definitions(bundle: Json) -> list[str]:
    """The faults that FHIR's definitions find in entries, unless entries with values of the same kinds have passed before."""
    shapes = {hashlib.sha256(shape := shape_of(encode(entry))).digest(): (shape, entry) for entry in bundle["entry"]}
    new = {digest: both for digest, both in shapes.items() if digest not in _passed}
    if not new:
        return []
    try:
        are_fit = not faults(bundle | {"entry": [orjson.loads(shape) for shape, _ in new.values()]})
    except orjson.JSONDecodeError:  # of a number that is none
        are_fit = False
    if not are_fit:
        # A value may be refused in the place of others which the definitions accept.
        return faults(bundle | {"entry": [entry for _, entry in new.values()]})
    if len(_passed) > REMEMBERED:
        _passed.clear()
    _passed.update(new)
    return []


def faults(bundle: Json) -> list[str]:
    """Only kinds and places: pydantic's messages quote values."""
    try:
        Bundle.model_validate(bundle)
    except ValidationError as error:
        return [f"{'.'.join(map(str, one['loc']))}: {one['type']}" for one in error.errors()]
    return []


def shape_of(entry: bytes) -> bytes:
    """The entry with one value in place of all that FHIR's types accept or refuse alike: UUIDs, valid times, numbers, codes and words.

    A value that is no such one stays, and so does each key, so that an entry of this shape is no less valid than its shape.
    """
    entry = _TIME.sub(_any_time, _UUID.sub(b"ffffffff-ffff-8fff-bfff-ffffffffffff", entry))
    return _WORDS.sub(rb'"\1":"x"', _CODE.sub(b'"code":"0"', _NUMBER.sub(b'"value":1.5', entry)))


def _any_time(found: re.Match[bytes]) -> bytes:
    try:
        datetime.fromisoformat(found[1].decode())
    except ValueError:
        return found[0]
    return b'"2000-01-01T00:00:00.5Z"' if found[2] else b'"2000-01-01T00:00:00Z"'


def _exact(value: Any) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f"))
    raise TypeError(type(value).__name__)
