from pathlib import Path

from knogin import Knogin, models, problems


def fetch(client: Knogin, encounter: str, folder: Path) -> None:
    """Stores the handover of an encounter as data and as the document that people sign."""
    try:
        handover = client.epcr.get_handover(encounter)
        sheet = client.epcr.get_handover(encounter, format="pdf", language="it")
    except problems.HandoverClosed as closed:
        print("no longer readable:", closed.detail)
        return
    assert isinstance(handover, models.epcr.Handover)
    assert isinstance(sheet, bytes)
    (folder / f"{encounter}.pdf").write_bytes(sheet)
    print(encounter, handover.purpose, handover.readable_until)


if __name__ == "__main__":
    with Knogin() as hospital:
        for arrival in hospital.epcr.list_arrivals():
            fetch(hospital, arrival.encounter_id, Path())
