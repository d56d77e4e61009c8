from pathlib import Path

from knogin import Knogin, problems


def fetch(client: Knogin, encounter: str, folder: Path) -> None:
    """Stores the sheet of a handover, and shows until when it may be read."""
    try:
        handover = client.epcr.get_handover(encounter)
        sheet = client.epcr.get_handover(encounter, format="pdf", language="it")
    except problems.HandoverClosed as closed:
        print("no longer readable:", closed.detail)
        return
    (folder / f"{encounter}.pdf").write_bytes(sheet)
    print(encounter, handover["purpose"], handover["readable_until"])


if __name__ == "__main__":
    with Knogin(base_url="https://api.knogin.com") as hospital:
        for arrival in hospital.epcr.list_arrivals():
            fetch(hospital, arrival.encounter_id, Path())
