"""Which medicines are anticoagulants, by code and by name: the box in which a doctor looks before a lysis, a puncture or an operation.

It has vitamin K antagonists, heparins and heparinoids, inhibitors of thrombin and of factor Xa, and medicines of which no more is
written than "anticoagulant" or "antithrombotic". Inhibitors of platelets (acetylsalicylic acid, clopidogrel) and thrombolytics are not
in it.
"""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from services.epcr.records.care import ATC, RXNORM, SNOMED

# Of the groups of B01A all but platelet inhibitors (AC), enzymes (AD) and, of the others (AX), those that are none.
_GROUPS = ("B01AA", "B01AB", "B01AE", "B01AF", "B01AX04", "B01AX05")
# Groups of which these are a part: more is not known of the medicine.
_UNSPECIFIC = ("B01", "B01A", "B01AX")
_CODES: Mapping[str, frozenset[str]] = {
    RXNORM: frozenset(
        (
            # Ingredients.
            *("11289", "154", "8150", "5224", "67108", "67109", "69646", "321208", "15202", "60819"),
            *("1037042", "1114195", "1364430", "1599538"),
            # Products with warfarin, apixaban, rivaroxaban, dabigatran and edoxaban.
            *("855288", "855290", "855292", "855296", "855298", "855300", "855302", "855304", "855306", "855312"),
            *("855314", "855316", "855318", "855320", "855322", "855324", "855326", "855328", "855332", "855334"),
            *("855336", "855338", "855340", "855342", "855344", "855346", "855348", "855350"),
            *("1364435", "1364441", "1364445", "1364447", "1114198", "1114202", "1232082", "1232084", "1232086"),
            *("1232088", "2059015", "2059017", "1037045", "1037049", "1037179", "1037181", "1723476", "1723478"),
            *("1599543", "1599549", "1599551", "1599553", "1599555", "1599557"),
        )
    ),
    SNOMED: frozenset(
        (
            # Anticoagulants; warfarin, its sodium, acenocoumarol, phenindione.
            *("372862008", "81839001", "372756006", "59488002", "48603004", "387457003", "387260007"),
            # Heparin, enoxaparin, dalteparin, nadroparin, tinzaparin, fondaparinux.
            *("372877000", "84812008", "372562003", "372563008", "699946002", "412608008", "708189008"),
            # Apixaban, rivaroxaban, edoxaban, dabigatran, argatroban, bivalirudin.
            *("698090000", "774624002", "442031002", "777455008", "712778008", "775732007"),
            *("698871007", "700029008", "116508003", "129498009"),
        )
    ),
}
# Without the endings that languages give them.
_INGREDIENTS = (
    *(
        "warfarin",
        "acenocoumarol",
        "acenocumarol",
        "phenprocoumon",
        "fenprocoumon",
        "fenprocumon",
        "fluindion",
        "phenindion",
    ),
    *("fenindion", "dicoumarol", "dicumarol", "tioclomarol", "coumarin", "cumarin", "kumarin", "cumarinic"),
    *("apixaban", "rivaroxaban", "edoxaban", "betrixaban", "dabigatran", "ximelagatran", "melagatran"),
    *(
        "heparin",
        "eparin",
        "enoxaparin",
        "dalteparin",
        "nadroparin",
        "tinzaparin",
        "parnaparin",
        "bemiparin",
        "reviparin",
    ),
    *("certoparin", "ardeparin", "danaparoid", "sulodexid", "dermatan", "antithrombin", "antitrombin", "fondaparinux"),
    *("argatroban", "bivalirudin", "desirudin", "lepirudin", "hirudin", "irudin"),
)
_BRANDS = (
    *(
        "aldocumar",
        "coumadin",
        "coumadine",
        "falithrom",
        "jantoven",
        "marcoumar",
        "marcumar",
        "marevan",
        "orfarin",
        "pindione",
    ),
    *("previscan", "sinthrome", "sintrom", "minisintrom", "waran", "warfant"),
    *("bevyxxa", "eliquis", "lixiana", "pradaxa", "roteas", "savaysa", "xarelto"),
    *(
        "calciparin",
        "calciparina",
        "calciparine",
        "clexane",
        "klexane",
        "lovenox",
        "inhixa",
        "ghemaxan",
        "hepaxane",
        "ledraxen",
    ),
    *(
        "thorinane",
        "fragmin",
        "fragmine",
        "fraxiparin",
        "fraxiparina",
        "fraxiparine",
        "fraxodi",
        "seleparina",
        "seledie",
    ),
    *("innohep", "fluxum", "badyket", "hibor", "ivor", "ivorat", "zibor", "clivarin", "clivarina", "clivarine"),
    *("embolex", "sandoparin", "orgaran", "vessel", "kybernin", "arixtra", "quixidar"),
    *("angiomax", "angiox", "arganova", "argatra", "exembol", "novastan", "iprivask", "revasc", "refludan"),
)
# Names and abbreviations of the whole kind.
_KINDS = (
    *(
        "aod",
        "avk",
        "doac",
        "doacs",
        "ebpm",
        "hbpm",
        "hnf",
        "lmwh",
        "naco",
        "nao",
        "nmh",
        "noac",
        "noacs",
        "tao",
        "ufh",
        "vka",
    ),
    *("thinner", "thinners", "blutverdunner", "gerinnungshemmer", "fluidificante", "fluidificanti"),
)
_NAME = re.compile(
    rf"\b(({'|'.join(_INGREDIENTS)})(a|ae|e|i|o|s|um)?|{'|'.join((*_BRANDS, *_KINDS))}|anti[ -]?[ck]oagul[a-z]*)\b"
)


def is_anticoagulant(seen: Mapping[str, Any]) -> bool:
    """Of medicines that the patient takes, or may take. A name counts beside any code: the code may be that of something else."""
    medicine: Mapping[str, Any] = seen["medicine"]
    return seen.get("taken") != "not_taking" and (_has_code(medicine) or _has_name(medicine.get("display") or ""))


def _has_code(medicine: Mapping[str, Any]) -> bool:
    system, code = medicine.get("system"), medicine.get("code")
    if code is None:
        return False
    return code.startswith(_GROUPS) or code in _UNSPECIFIC if system == ATC else code in _CODES.get(str(system), ())


def _has_name(text: str) -> bool:
    """In words without accents, of which digits are none: "Héparine", "Clexane4000"."""
    letters = unicodedata.normalize("NFKD", text).casefold()
    return (
        _NAME.search(re.sub(r"[^a-z -]", " ", "".join(one for one in letters if not unicodedata.combining(one))))
        is not None
    )
