"""The index of the search: a small file that the script of the pages reads, with every word and the places that it ranks.

A place's score for a word is BM25 with weights for titles, computed here. The script adds the scores of the words of a question.
"""

import json
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

WORD = r"[\p{L}\p{N}]+(?:[#+]+)?"
PYTHON_WORD = re.compile(r"[^\W_]+(?:[#+]+)?")
# Endings that a word and its plural or verb differ by; a word keeps at least three letters.
ENDINGS = {
    "en": "(?<=...)(?:ations?|ings?|ers?|ied|ies|ed|es|s|y|e)$",
    "it": "(?<=...)(?:azion[ei]|ament[oi]|ment[oi]|[aei]re|at[aeio]|ut[aeio]|it[aeio]|ich[ei]|[aeio])$",
}
STOPPED = {
    "en": "a an and any are as at be by can do does for from get happens has have how i if in is it its me my no not of on or our should"
    " so that the their there these they this to use was we what when where which who why will with you your",
    "it": "a ad ai al all alla alle anche c che chi ci come con cosa cui d da dal dalla dei del dell della delle di dove e ed è fa gli"
    " ha ho i il in io l n nell s sull la le lo ma mi mio nei nel nella non o per perché più posso quale quali quando quanto se si sono su"
    " succede sua suo tra un una uno usa",
}
TITLE, PARENT, BODY = 5.0, 2.5, 1.0


class Place(NamedTuple):
    """Something to find: its title, the page that it is on, its address, and its words. `weight` ranks kinds of places."""

    title: str
    page: str
    address: str
    text: str
    weight: float = 1.0


def words(text: str, language: str) -> list[str]:
    """The words of a text as the index has them: without accents, small, without endings. The script does the same."""
    plain = "".join(one for one in unicodedata.normalize("NFD", text.lower()) if not unicodedata.combining(one))
    stopped = set(_bare(STOPPED[language]).split())
    ending = re.compile(ENDINGS[language])
    return [ending.sub("", word) for word in PYTHON_WORD.findall(plain) if word not in stopped]


def _bare(text: str) -> str:
    return "".join(one for one in unicodedata.normalize("NFD", text) if not unicodedata.combining(one))


def index(places: Iterable[Place], language: str, anchors: dict[str, str]) -> bytes:
    """A module of JavaScript; `anchors` are the addresses of anchors of earlier pages."""
    listed = list(places)
    counted = [_counted(place, language) for place in listed]
    lengths = [sum(one.values()) for one in counted]
    mean = sum(lengths) / max(1, len(lengths))
    frequency = Counter(word for one in counted for word in one)
    terms: dict[str, list[int]] = {}
    for number, (place, weights, length) in enumerate(zip(listed, counted, lengths, strict=True)):
        for word, count in weights.items():
            rare = math.log(1 + (len(listed) - frequency[word] + 0.5) / (frequency[word] + 0.5))
            score = rare * count * 2.2 / (count + 1.2 * (0.4 + 0.6 * length / mean)) * place.weight
            terms.setdefault(word, []).extend((number, max(1, round(score * 10))))
    made = {
        "word": WORD,
        "ending": ENDINGS[language],
        "stopped": _bare(STOPPED[language]).split(),
        "places": [[place.title, place.page, place.address] for place in listed],
        "terms": dict(sorted(terms.items())),
        "anchors": anchors,
    }
    return f"export default {json.dumps(made, ensure_ascii=False, separators=(',', ':'))};\n".encode()


def _counted(place: Place, language: str) -> Counter[str]:
    counted: Counter[str] = Counter()
    for text, weight in ((place.title, TITLE), (place.page, PARENT), (place.text, BODY)):
        for word in words(text, language):
            counted[word] += weight  # pyright: ignore[reportArgumentType] - a Counter adds fractions too
    return counted
