"""The handover of five encounters as the receiving doctor reads it: all that is needed on the first page, in words, once, and silent."""

import csv
import re
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from shared.messaging.messages import Observation
from shared.primitives import ids
from tests.epcr.conftest import ENCOUNTERS, Inside, Organisation
from tests.epcr.deliveries import recorded
from tests.epcr.five import ENROL, FIVE, SENDER, Step, Told
from tests.epcr.hospitals import Region
from tests.support.pdf_text import runs_of_pages

with (Path(__file__).parents[2] / "services" / "device_ingest" / "data" / "mdc_codes.csv").open(newline="") as file:
    CODES = {row["refid"]: int(row["code10"]) for row in csv.DictReader(file)}
# What the record calls its fields and values, and the punctuation of its JSON.
KEY = re.compile(r"\b[a-z]+(?:_[a-z0-9]+)+\b|\b(?:kind|category|criticality|dose|route|outcome|finding|status): ")
OWN = re.compile(r"\b(?:enc|urn|oid)[_:][\w:.]+")
TOOLS = [tool for tool in ("pdfinfo", "pdftotext", "pdftoppm") if shutil.which(tool)]


def sent(organisation: Organisation, inside: Inside, told: Told) -> dict[str, str]:
    """Sends the steps of the crews up to the handover. The encounters by crew."""
    encounters: dict[str, str] = {}
    for step in told.steps:
        if not step.later:
            send(organisation, inside, step, encounters)
    return encounters


def send(organisation: Organisation, inside: Inside, step: Step, encounters: dict[str, str]) -> None:
    if step.path == ENCOUNTERS:
        answer = organisation.partner.post_encounter(step.body)
        assert answer.status_code == 201, answer.text
        encounters[step.crew] = answer.json()["id"]
    elif step.method == "PATCH":
        answer = organisation.crew.write(encounters[step.crew], step.body)
        assert answer.status_code == 200, answer.text
    elif step.path != ENROL:
        # As device-ingest hands them over.
        inside.receive(
            organisation.id, recorded(encounters[step.crew], *(observation(one) for one in step.body["observations"]))
        )


def observation(one: dict[str, Any]) -> Observation:
    return Observation(
        id=ids.new_id("obs"),
        device_id=ids.new_id("dev"),
        device_class="multiparameter",
        mdc_code=one["mdc_code"],
        mdc_code10=CODES[one["mdc_code"]],
        value=Decimal(str(one["value"])),
        unit_code=one["unit_code"],
        observed_at=datetime.fromisoformat(one["observed_at"]),
    )


def call_of_today() -> datetime:
    """The newest morning whose mission is over: a page shows times of one day without it."""
    before = datetime.now(UTC) - timedelta(hours=12)
    return before.replace(hour=10, minute=12, second=0, microsecond=0) - timedelta(days=before.hour < 10)


def plain(words: str) -> str:
    """Without the spaces, which a line's end and a change of font add or take."""
    return re.sub(r"[\s\u200b]+", "", words)


def faults_of_page(name: str, pages: list[list[str]], facts: list[str]) -> list[str]:
    first = plain("".join(pages[0]))
    found = [
        f"{name}: not on page 1: {fact}" for fact in facts if plain(fact).replace(":", "") not in first.replace(":", "")
    ]
    text = " ".join(run for page in pages for run in page)
    found += [f"{name}: a key of the record: {key}" for key in KEY.findall(OWN.sub("", text))]
    # A name and a weight are in the header of the second page too.
    whole = plain("".join(run for page in pages for run in page))
    found += [f"{name}: printed again: {fact}" for fact in facts if len(fact) > 20 and whole.count(plain(fact)) > 1]
    return found + ([f"{name}: {len(pages)} pages"] if len(pages) > 2 else [])


def faults_of_poppler(name: str, body: bytes, folder: Path) -> list[str]:
    """All that its tools say of the file."""
    path = folder / "handover.pdf"
    path.write_bytes(body)
    calls = {
        "pdfinfo": ["pdfinfo", str(path)],
        "pdftotext": ["pdftotext", str(path), str(folder / "text")],
        "pdftoppm": ["pdftoppm", "-r", "30", str(path), str(folder / "page")],
    }
    return [
        f"{name}: {tool}: {said}"
        for tool in TOOLS
        if (said := subprocess.run(calls[tool], capture_output=True, text=True, check=False, timeout=60).stderr.strip())  # noqa: S603
    ]


def test_the_first_page_tells_a_doctor_all_that_is_needed_of_five_patients(
    organisation: Organisation, inside: Inside, tmp_path: Path
) -> None:
    region, faults = Region(organisation, inside), list[str]()
    region.administrator.call("PUT", "/api/v1/epcr/sender", json=SENDER).raise_for_status()
    call = call_of_today()
    for name, make in FIVE.items():
        told = make(call)
        for crew, id in sent(organisation, inside, told).items():
            region.bind(id, region.cork).raise_for_status()
            for language, facts in (("en", told.facts), ("it", told.fatti)):
                label = f"{name}, {crew}, {language}"
                body = region.cork.handover(id, format="pdf", language=language).content
                Path(f"/tmp/sheet/{label.replace(', ', '-').replace(' ', '_')}.pdf").write_bytes(body)
                faults += faults_of_page(label, runs_of_pages(body), facts.get(crew, []))
                faults += faults_of_poppler(label, body, tmp_path)
    assert not faults, "\n".join(faults)
