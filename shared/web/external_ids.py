"""The rule of external ids: numbers and names that partners, hospitals and makers of devices give, and that this platform compares.

Two ids that look alike are one id: an id with a character that nobody sees would be a second incident, device or patient. It is refused
and not mended, because the partner reads its ids back and must find them as it wrote them. Pure.
"""

import re
import unicodedata

from msgspec import Meta

IS_ID = "x-external-id"
_WORD = r"[^\s\u0000-\u001f\u007f-\u009f]+"
# Letters, marks and a symbol without a form (Unicode's Default_Ignorable_Code_Point, and the empty Braille cell).
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)


def external_id(most: int = 128) -> Meta:
    """Marks a text as an external id of 1 to `most` characters, for `http.convert` and `http.query`.

    The published pattern says less than `fault_of`, since a pattern cannot tell all of it. Ids that are stored are read without the rule.
    """
    pattern = {"pattern": f"^{_WORD}( +{_WORD})*$"}
    return Meta(min_length=1, max_length=most, extra={IS_ID: True}, extra_json_schema=pattern)


def fault_of(text: str) -> str:
    """Why the text is no external id, naming a character of it by its number; "" if it is one.

    An id has characters that can be seen, with U+0020 alone between them, in the form NFC. Control, format and bidirectional characters,
    other white space, surrogates, private and unassigned characters have no form, or none that all see alike.
    """
    if not text.isprintable() or _UNSEEN.search(text):
        number, character = next(
            (number, one) for number, one in enumerate(text, start=1) if not one.isprintable() or _UNSEEN.match(one)
        )
        return f"Character {number} is {_named(character)}, which cannot be seen; an id holds no such character."
    if text != text.strip(" "):
        return f"It {'begins' if text.startswith(' ') else 'ends'} with U+0020, a space; an id has none at its ends."
    if not unicodedata.is_normalized("NFC", text):
        number, character = _first_apart(text)
        return (
            f"Character {number} is {_named(character)}, which Unicode's form NFC writes otherwise; send the id in NFC."
        )
    return ""


def _first_apart(text: str) -> tuple[int, str]:
    """The first character that NFC changes: a mark that joins the character before it, or one that is written as another."""
    composed = unicodedata.normalize("NFC", text)
    place = next(at for at, character in enumerate(text) if composed[at : at + 1] != character)
    if unicodedata.is_normalized("NFC", text[place]) and place + 1 < len(text):
        place += 1
    return place + 1, text[place]


def _named(character: str) -> str:
    return f"U+{ord(character):04X}"
