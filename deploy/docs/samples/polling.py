import time

from knogin import Knogin


def changed(client: Knogin, seen: dict[str, int]) -> list[str]:
    """The ids of the encounters in progress whose version is not the one that `seen` has; it takes the new versions."""
    found: list[str] = []
    for one in client.epcr.list_encounters(status="in_progress", limit=100):
        if seen.get(one.id) != one.version:
            seen[one.id] = one.version
            found.append(one.id)
    return found


def watch(client: Knogin, seconds: float = 15) -> None:
    seen: dict[str, int] = {}
    etags: dict[str, str] = {}
    while True:
        for encounter in changed(client, seen):
            path = f"/api/v1/epcr/encounters/{encounter}"
            known = {"if-none-match": etags[encounter]} if encounter in etags else {}
            answer = client.request("GET", path, headers=known)
            if answer.status == 200:
                etags[encounter] = answer.headers["etag"]
                print(encounter, len(answer.content))
        time.sleep(seconds)
