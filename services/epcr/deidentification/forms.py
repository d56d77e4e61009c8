"""The form of a number in each published system: its length, its signs, its date of birth and its check digits.

A text that has another form is no number of that system: words for an unknown patient, a date, a number with an error.
All functions take a `plain` number: small letters and digits. Pure.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date

# Values of the 1st, 3rd, 5th … sign of a codice fiscale: of a digit, and of the letter at the same place of the alphabet.
_ODD = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)
# Where two people would have one codice fiscale, that of one has letters in the place of digits.
_OMOCODIA = str.maketrans("lmnpqrstuv", "0123456789")
_FISCAL = re.compile(r"[a-z]{6}[0-9lmnp-v]{2}[abcdehlmprst]([0-9lmnp-v]{2})[a-z][0-9lmnp-v]{3}([a-z])")
# France: 99 is abroad; a letter is a department of Corsica.
_NIR = re.compile(r"([1-478][0-9]{2}(0[1-9]|1[0-2]|[2-4][0-9]|[5-9][0-9])([013-9][0-9]|2[0-9ab])[0-9]{6})([0-9]{2})")
_NHI_LETTERS = "abcdefghjklmnpqrstuvwxyz"
_FINNISH = "0123456789abcdefhjklmnprstuvwxy"
# Numbers that stood on sample cards, and that nobody has.
_SAMPLES = frozenset({"078051120", "219099999", "457555462", "123456782", "111222333"})
_PASSPORT = re.compile(r"(?=(?:.*[0-9]){5})[a-z0-9]{6,9}")


def _codice_fiscale(number: str) -> bool:
    """Of a person, or the provisional one of 11 digits."""
    if re.fullmatch(r"[0-9]{11}", number):
        return _luhn(number)
    found = _FISCAL.fullmatch(number)
    if found is None:
        return False
    values = [int(one) if one.isdigit() else ord(one) - ord("a") for one in number[:15]]
    total = sum(_ODD[one] if at % 2 == 0 else one for at, one in enumerate(values))
    # A woman's day of birth is 40 later.
    day = int(found[1].translate(_OMOCODIA))
    return 1 <= (day - 40 if day > 40 else day) <= 31 and found[2] == chr(ord("a") + total % 26)


def _irish(number: str) -> bool:
    """The health identifier, of GS1, or the public service number."""
    if re.fullmatch(r"[0-9]{18}", number):
        return _gs1(number)
    found = re.fullmatch(r"([0-9]{7})([a-w])([a-iw]?)", number)
    if found is None:
        return False
    second = 0 if found[3] in ("", "w") else ord(found[3]) - ord("a") + 1
    rest = (_weighted(found[1], range(8, 1, -1)) + 9 * second) % 23
    return found[2] == ("w" if rest == 0 else chr(ord("a") + rest - 1))


def _nhs(number: str) -> bool:
    return _digits(number, 10) and _eleven(number[:9], range(10, 1, -1)) == int(number[9])


def _chi(number: str) -> bool:
    return _nhs(number) and _is_day(number[2:4], number[:2])


def _nir(number: str) -> bool:
    found = _NIR.fullmatch(number)
    if found is None:
        return False
    base = found[1].replace("2a", "19").replace("2b", "18")
    return 97 - int(base) % 97 == int(found[4])


def _kvnr(number: str) -> bool:
    if not re.fullmatch(r"[a-z][0-9]{9}", number):
        return False
    letter = f"{ord(number[0]) - ord('a') + 1:02}"
    products = (int(one) * (1 + at % 2) for at, one in enumerate(letter + number[1:9]))
    return sum(one // 10 + one % 10 for one in products) % 10 == int(number[9])


def _ahv(number: str) -> bool:
    return _digits(number, 13) and number.startswith("756") and _gs1(number)


def _austrian(number: str) -> bool:
    if not re.fullmatch(r"[1-9][0-9]{3}(0[1-9]|[12][0-9]|3[01])(0[1-9]|1[0-9])[0-9]{2}", number):
        return False
    return _weighted(number[:3] + number[4:], (3, 7, 9, 5, 8, 4, 2, 1, 6)) % 11 == int(number[3])


def _bsn(number: str) -> bool:
    return _digits(number, 9) and _weighted(number, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0


def _ssin(number: str) -> bool:
    """The month is 20 or 40 later for people who are not in the national register; it and the day may be unknown."""
    if not _digits(number, 11) or int(number[2:4]) % 20 > 12 or int(number[4:6]) > 31:
        return False
    return int(number[9:]) in (97 - int(before + number[:9]) % 97 for before in ("", "2"))


def _cpr(number: str) -> bool:
    """Of people born on a 1 January, by which foreigners are registered, some numbers have no check digit."""
    if not _digits(number, 10) or not _is_day(number[2:4], number[:2]) or number[6:] == "0000":
        return False
    return number.startswith("0101") or _weighted(number, (4, 3, 2, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0


def _personnummer(number: str) -> bool:
    """With the century. The day is 60 later in a number of coordination."""
    if not re.fullmatch(r"(18|19|20)[0-9]{10}", number):
        return False
    day = int(number[6:8])
    return _is_day(number[4:6], str(day - 60 if day > 60 else day)) and _luhn(number[2:])


def _norwegian(number: str) -> bool:
    """The day is 40 later in a D number; the month is 40 or 80 later in numbers for tests."""
    if not _digits(number, 11):
        return False
    day, month = int(number[:2]), int(number[2:4])
    first = _eleven(number[:9], (3, 7, 6, 1, 8, 9, 4, 5, 2))
    second = _eleven(number[:10], (5, 4, 3, 2, 7, 6, 5, 4, 3, 2))
    return _is_day(str(month % 40), str(day - 40 if day > 40 else day)) and number[9:] == f"{first}{second}"


def _finnish(number: str) -> bool:
    """The sign of the century is a dash, which a plain number has not, a plus or a letter."""
    found = re.fullmatch(r"([0-9]{2})([0-9]{2})([0-9]{2})[+a-fu-y]?([0-9]{3})([0-9a-y])", number)
    if found is None or int(found[4]) < 2:
        return False
    return _is_day(found[2], found[1]) and _FINNISH[int("".join(found.groups()[:4])) % 31] == found[5]


def _rid(number: str) -> bool:
    """Temporary numbers begin with D."""
    return re.fullmatch(r"[1-9][0-9]{9}", number) is not None and int(number) % 13 == 0 and int(number) % 11 != 0


def _ihi(number: str) -> bool:
    return _digits(number, 16) and number.startswith("800360") and _luhn(number)


def _nhi(number: str) -> bool:
    """Three letters and four digits or, newer, two digits and two letters; none of the letters is I or O."""
    found = re.fullmatch(r"([a-hj-np-z]{3})([0-9]{3}[0-9]|[0-9]{2}[a-hj-np-z]{2})", number)
    if found is None:
        return False
    values = [int(one) if one.isdigit() else _NHI_LETTERS.index(one) + 1 for one in number]
    total = sum(value * weight for value, weight in zip(values, range(7, 1, -1), strict=False))
    if number[5].isdigit():
        return total % 11 != 0 and (11 - total % 11) % 10 == values[6]
    return 24 - total % 24 == values[6]


def _ssn(number: str) -> bool:
    return re.fullmatch(r"(?!000|666|9)[0-9]{3}(?!00)[0-9]{2}(?!0000)[0-9]{4}", number) is not None


def _is_passport(number: str) -> bool:
    """Countries have forms of their own, most of them without a check digit: no word, no date, and mostly digits."""
    return _PASSPORT.fullmatch(number) is not None and not re.search(r"[a-z]{4}", number)


FORMS: Mapping[str, Callable[[str], bool]] = {
    "http://hl7.it/sid/codiceFiscale": _codice_fiscale,
    "urn:oid:1.2.372.980010.1.2": _irish,
    "https://fhir.nhs.uk/Id/nhs-number": _nhs,
    "urn:oid:2.16.840.1.113883.2.1.3.2.4.16.53": _chi,
    "urn:oid:1.2.250.1.213.1.4.8": _nir,
    "urn:oid:1.2.250.1.213.1.4.9": _nir,
    "http://fhir.de/sid/gkv/kvid-10": _kvnr,
    "urn:oid:2.16.756.5.32": _ahv,
    "urn:oid:1.2.40.0.10.1.4.3.1": _austrian,
    "http://fhir.nl/fhir/NamingSystem/bsn": _bsn,
    "https://www.ehealth.fgov.be/standards/fhir/core/NamingSystem/ssin": _ssin,
    "urn:oid:1.2.208.176.1.2": _cpr,
    "http://electronichealth.se/identifier/personnummer": _personnummer,
    "urn:oid:2.16.578.1.12.4.1.4.1": _norwegian,
    "urn:oid:1.2.246.21": _finnish,
    "https://ncez.mzcr.cz/fhir/sid/rid": _rid,
    "http://ns.electronichealth.net.au/id/hi/ihi/1.0": _ihi,
    "https://standards.digital.health.nz/ns/nhi-id": _nhi,
    "http://hl7.org/fhir/sid/us-ssn": _ssn,
}


# Systems whose numbers have no check digits.
_UNCHECKED = frozenset({"http://hl7.org/fhir/sid/us-ssn"})


def has_check(system: str) -> bool:
    """Whether a number of the system has check digits, which show most errors."""
    return system in FORMS and system not in _UNCHECKED


def has_form(system: str, number: str) -> bool:
    """Whether a `plain` number can be one of the published system. Each other published system is the passports of a country."""
    return FORMS.get(system, _is_passport)(number) and number not in _SAMPLES


def _digits(number: str, length: int) -> bool:
    return len(number) == length and re.fullmatch(r"[0-9]+", number) is not None


def _is_day(month: str, day: str) -> bool:
    """Of any year."""
    try:
        date(2000, int(month), int(day))
    except ValueError:
        return False
    return True


def _weighted(digits: str, weights: Sequence[int]) -> int:
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True))


def _eleven(digits: str, weights: Sequence[int]) -> int:
    """The check digit by modulus 11; 10 is none."""
    return -_weighted(digits, weights) % 11


def _luhn(digits: str) -> bool:
    doubled = (int(one) * (1 + at % 2) for at, one in enumerate(reversed(digits)))
    return sum(one // 10 + one % 10 for one in doubled) % 10 == 0


def _gs1(digits: str) -> bool:
    return sum(int(one) * (3 if at % 2 else 1) for at, one in enumerate(reversed(digits))) % 10 == 0
