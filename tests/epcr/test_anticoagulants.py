"""The box of anticoagulants on the first page of a handover: every medicine that thins the blood is in it, however it is written."""

from typing import Any

from services.epcr.records.care import ATC, RXNORM, SNOMED
from tests.epcr.conftest import Inside, Organisation
from tests.epcr.hospitals import Region
from tests.support.pdf_text import runs_of_pages

NAMES = (
    *(
        "Fraxiparina 0,4",
        "Nadroparina calcica 3800 UI",
        "Arixtra 2,5 mg",
        "Calciparina 12500",
        "Previscan 20 mg",
        "Fluxum 4250",
    ),
    *(
        "Fragmin",
        "Innohep",
        "Bivalirudin",
        "NAO",
        "TAO",
        "Warfarina",
        "Coumadin 5",
        "Sintrom 4",
        "Marcumar",
        "DOACs",
        "LMWH",
    ),
    *(
        "Apixaban 5 mg",
        "ELIQUIS",
        "Xarelto 20",
        "rivaroxaban",
        "Lixiana",
        "Edoxaban",
        "Pradaxa 110",
        "Dabigatran etexilato",
    ),
    *(
        "Héparine sodique",
        "Eparina calcica",
        "Enoxaparin-Natrium",
        "Clexane4000",
        "Inhixa",
        "Seleparina",
        "Parnaparina",
        "Bemiparina",
    ),
    *(
        "Fondaparinux",
        "Argatroban",
        "Orgaran",
        "Fenprocumone",
        "Acenocumarolo",
        "anticoagulante orale",
        "blood thinner",
        "AVK",
    ),
)
CODED = (
    *(
        (SNOMED, "698090000"),
        (SNOMED, "442031002"),
        (SNOMED, "712778008"),
        (SNOMED, "372562003"),
        (SNOMED, "372862008"),
    ),
    *((RXNORM, "1364445"), (RXNORM, "855332"), (RXNORM, "1232086"), (RXNORM, "11289")),
    *(
        (ATC, "B01"),
        (ATC, "B01A"),
        (ATC, "B01AA03"),
        (ATC, "B01AB06"),
        (ATC, "B01AE07"),
        (ATC, "B01AF02"),
        (ATC, "B01AX05"),
    ),
)
# Of platelets, of lysis, with a name that begins as one does, or the antidote.
OTHERS: tuple[dict[str, str], ...] = (
    *(
        {"display": one}
        for one in ("Cardioaspirin 100", "Clopidogrel 75", "Naoxen", "Taorex", "Tavor", "Ramipril", "Waranix")
    ),
    *({"display": one} for one in ("Protamine", "Vitamin K", "Xareltone", "Panaofen")),
    *({"system": ATC, "code": one} for one in ("B01AC06", "B01AD11", "B01AC04", "B02BA01", "B03")),
    {"system": RXNORM, "code": "1191"},
    {"system": SNOMED, "code": "387458008"},
)


def before_and_after(region: Region, medicines: list[dict[str, str]]) -> tuple[str, str]:
    """The text of the page before and after the heading of the other medicines."""
    taken: list[dict[str, Any]] = [{"medicine": one, "taken": "taking"} for one in medicines]
    id = region.bound(region.cork, current_medicines=taken)
    answer = region.cork.handover(id, format="pdf")
    assert answer.status_code == 200, answer.text
    text = "".join("".join(run for page in runs_of_pages(answer.content) for run in page).split())
    before, _, after = text.partition("Currentmedicines")
    return before, after


def test_every_anticoagulant_is_in_the_box_and_nothing_else_is(organisation: Organisation, inside: Inside) -> None:
    region, faults = Region(organisation, inside), list[str]()
    assert region.administrator.call("PUT", "/api/v1/epcr/sender", json={"name": "Riviera"}).status_code == 200
    named = [{"display": one} for one in NAMES]
    coded = [{"system": system, "code": code} for system, code in CODED]
    for medicines in (named, coded):
        before, after = before_and_after(region, medicines)
        shown = ["".join(one.get("display", one.get("code", "")).split()) for one in medicines]
        faults += [f"not in the box: {one}" for one in shown if after and one in after]
        faults += [] if "Anticoagulants" in before and not after else ["medicines are left out of the box"]
    for one in OTHERS:
        before, after = before_and_after(region, [one])
        faults += [f"in the box: {one}"] if "Anticoagulants" in before or not after else []
    assert faults == [], "\n".join(faults)
