"""Numbers of patients in every published system: some that were published as examples, and as many others as a test needs."""

from collections.abc import Callable
from itertools import product
from string import ascii_uppercase, digits

from services.epcr.deidentification.forms import has_form
from services.epcr.deidentification.numbers import plain, system_of

TAX_CODE, PASSPORT = "http://hl7.it/sid/codiceFiscale", "http://hl7.org/fhir/sid/passport-ITA"
NHS, CHI = "https://fhir.nhs.uk/Id/nhs-number", "urn:oid:2.16.840.1.113883.2.1.3.2.4.16.53"
SSIN = "https://www.ehealth.fgov.be/standards/fhir/core/NamingSystem/ssin"
# As authorities, standards and textbooks have them, each also in a form in which people write it.
GOOD: dict[str, list[tuple[str, str]]] = {
    TAX_CODE: [
        ("RSSMRA80A01H501U", "rss mra 80a01 h501u"),
        ("RSSMRA85M01H501Q", "RSSMRA85M01H501q"),
        # Of a woman, of an omocodia, and the provisional one.
        ("BNCLRA90A41H501F", "BNC LRA 90A41 H501F"),
        ("RSSMRA80A01H50MM", "rss mra 80a01 h50mm"),
        ("00743110157", "00743 110157"),
    ],
    "urn:oid:1.2.372.980010.1.2": [("6433435F", "6433435 f"), ("6433435OA", "6433435-oa"), ("6433435IH", "6433435ih")],
    NHS: [("9434765919", "943 476 5919"), ("4010232137", "401-023-2137")],
    CHI: [("0101011237", "010101 1237")],
    "urn:oid:1.2.250.1.213.1.4.8": [
        ("295109912611193", "2 95 10 99 126 111 93"),
        ("253072B07300470", "2 53 07 2b 073 004 70"),
    ],
    "urn:oid:1.2.250.1.213.1.4.9": [("255081416802538", "2 55 08 14 168 025 38")],
    "http://fhir.de/sid/gkv/kvid-10": [("A123456780", "a123456780"), ("X110411675", "X 110411675")],
    "urn:oid:2.16.756.5.32": [("7569217076985", "756.9217.0769.85")],
    "urn:oid:1.2.40.0.10.1.4.3.1": [("1237010180", "1237 010180")],
    "http://fhir.nl/fhir/NamingSystem/bsn": [("999990019", "9999 90 019")],
    SSIN: [("85073003328", "85.07.30-033.28"), ("17073003384", "17.07.30-033.84")],
    "urn:oid:1.2.208.176.1.2": [("0707614285", "070761-4285"), ("2110625629", "211062-5629")],
    "http://electronichealth.se/identifier/personnummer": [("191212121212", "19121212-1212")],
    "urn:oid:2.16.578.1.12.4.1.4.1": [("15108695088", "151086 95088"), ("13116900216", "131169-00216")],
    "urn:oid:1.2.246.21": [("131052-308T", "131052-308t"), ("010101A123N", "010101a123n")],
    "https://ncez.mzcr.cz/fhir/sid/rid": [("2066425387", "206 642 5387")],
    "http://ns.electronichealth.net.au/id/hi/ihi/1.0": [("8003608166690503", "8003 6081 6669 0503")],
    "https://standards.digital.health.nz/ns/nhi-id": [("ZAC5361", "zac 5361"), ("ZAD96LT", "zad96lt")],
    "http://hl7.org/fhir/sid/us-ssn": [("536904399", "536-90-4399")],
    PASSPORT: [("YA1234567", "ya 1234567"), ("C01X00T47", "c01x00t47")],
}
# Each system has a place for a day, or no place that a text could fill.
PLACEHOLDERS = (
    *(
        "IGNOTO 118",
        "N.N. 2026",
        "SCONOSCIUTO 03/12/2026",
        "UNKNOWN-2026-12",
        "IGNOTO-01",
        "SCONOSCIUTO1",
        "JOHN DOE 12",
    ),
    *("01/01/1980", "01.01.1980", "1980-01-01", "01011980", "19800101", "XXX 12", "n/a 12", "9999999999", "1234567890"),
)
# Texts that have the length of a number of some system, and no check digit of it.
ALMOST = (
    "XXXXXX00X00X000X",
    "AAAAAA00A00A000A",
    "RSSMRA80A01H501X",
    "RSSMRA80A00H501T",
    "00743110158",
    "0101800000",
    "123456789",
)


def _day(k: int, each: int) -> tuple[str, str]:
    """Day and month of the k-th number, where a day has so many."""
    return f"{k // each % 27 + 2:02}", f"{k // each // 27 % 12 + 1:02}"


_DIGITS, _LETTERS = list(digits), list(ascii_uppercase)
_PAIRS = ["".join(pair) for pair in product(digits, repeat=2)]
# By system the k-th number with "?" in the place of its check digits, and all that may be there.
_MADE: dict[str, tuple[Callable[[int], str], list[str]]] = {
    TAX_CODE: (lambda k: f"RSSMRA{k // 20000 % 100:02}M{k // 1000 % 20 + 1:02}H{k % 1000:03}?", _LETTERS),
    "urn:oid:1.2.372.980010.1.2": (lambda k: f"{1000000 + k}?A", _LETTERS),
    NHS: (lambda k: f"{400000000 + k}?", _DIGITS),
    CHI: (lambda k: f"{''.join(_day(k, 1000))}80{k % 1000:03}?", _DIGITS),
    "urn:oid:1.2.250.1.213.1.4.8": (lambda k: f"1850199{100000 + k}?", _PAIRS),
    "urn:oid:1.2.250.1.213.1.4.9": (lambda k: f"7850199{100000 + k}?", _PAIRS),
    "http://fhir.de/sid/gkv/kvid-10": (lambda k: f"A{10000000 + k}?", _DIGITS),
    "urn:oid:2.16.756.5.32": (lambda k: f"756{100000000 + k}?", _DIGITS),
    "urn:oid:1.2.40.0.10.1.4.3.1": (lambda k: f"{100 + k % 900}?{''.join(_day(k, 900))}80", _DIGITS),
    "http://fhir.nl/fhir/NamingSystem/bsn": (lambda k: f"{10000000 + k}?", _DIGITS),
    SSIN: (lambda k: f"80{''.join(_day(k, 1000)[::-1])}{k % 1000:03}?", _PAIRS),
    "urn:oid:1.2.208.176.1.2": (lambda k: f"{''.join(_day(k, 1000))}80{k % 1000:03}?", _DIGITS),
    "http://electronichealth.se/identifier/personnummer": (
        lambda k: f"1980{''.join(_day(k, 1000)[::-1])}{k % 1000:03}?",
        _DIGITS,
    ),
    "urn:oid:2.16.578.1.12.4.1.4.1": (lambda k: f"{''.join(_day(k, 1000))}80{k % 1000:03}?", _PAIRS),
    "urn:oid:1.2.246.21": (lambda k: f"{''.join(_day(k, 800))}80-{k % 800 + 2:03}?", [*_DIGITS, *_LETTERS]),
    "https://ncez.mzcr.cz/fhir/sid/rid": (lambda k: f"{100000000 + k}?", _DIGITS),
    "http://ns.electronichealth.net.au/id/hi/ihi/1.0": (lambda k: f"800360{100000000 + k}?", _DIGITS),
    "https://standards.digital.health.nz/ns/nhi-id": (
        lambda k: f"A{'BCDEFGHJKL'[k // 10000 % 10]}{'BCDEFGHJKL'[k // 1000 % 10]}{k % 1000:03}?",
        _DIGITS,
    ),
    "http://hl7.org/fhir/sid/us-ssn": (lambda k: f"{512340000 + k}?", [""]),
    PASSPORT: (lambda k: f"YA{1000000 + k}?", [""]),
}


def number(system: str, n: int) -> str:
    """The n-th number of a system, another one for each n up to 5,000; of a system that is not published it has marks and letters."""
    name = system_of(system)
    name = PASSPORT if "/passport-" in name and name not in _MADE else name
    if name not in _MADE:
        return f"A-{n}-47/11"
    make, endings = _MADE[name]
    tried = (make(k).replace("?", end) for k in range(10 * n, 10 * n + 10) for end in endings)
    return next(one for one in tried if has_form(system_of(system), plain(one)))
