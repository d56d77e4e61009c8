"""The memory of epcr's web process and its processes for heavy work beside exports of the largest records: some are read, some are not."""

import socket
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from shared.primitives.ids import new_id
from tests.support.records import heavy
from tests.support.stack import Stack
from tests.support.waiting import wait_for

pytestmark = pytest.mark.full

SCOPES = ["argus:epcr:write", "argus:epcr:read"]
MOST_MIB = 384
"""Of the 512 MiB of a container."""


@pytest.mark.parametrize(("exports", "is_read"), [(24, True), (30, False)], ids=["24 that are read", "30 that are not"])
def test_exports_of_the_largest_records_leave_the_memory_of_epcr_within_its_container(
    stack: Stack, exports: int, is_read: bool
) -> None:
    tokens = [stack.token(stack.register_app(SCOPES), " ".join(SCOPES)) for _ in range(3)]
    with stack.client("api", tokens[0]) as api:
        made = [api.post("/api/v1/epcr/encounters", json=heavy(cad_incident_id=new_id("cad"))) for _ in range(3)]
    ids = [one.json()["id"] for one in made]
    web = psutil.Process(stack.described["services"]["epcr"]["pids"]["web"])
    seen: list[int] = []

    def look() -> None:
        # A container counts a page once that its processes share.
        own = sum(child.memory_full_info().uss for child in web.children(recursive=True))
        seen.append((web.memory_info().rss + own) >> 20)

    def export(number: int) -> int:
        with stack.client("api", tokens[number % 3]) as api:
            status = api.get(f"/api/v1/epcr/encounters/{ids[number % 3]}/fhir-bundle", timeout=120).status_code
        look()
        return status

    def leave_unread(number: int) -> socket.socket:
        host = f"{stack.described['hosts']['api']}:{stack.port}"
        head = f"GET /api/v1/epcr/encounters/{ids[number % 3]}/fhir-bundle HTTP/1.1\r\nhost: {host}\r\n"
        made = socket.socket()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        made.connect(("127.0.0.1", stack.port))
        made.sendall(f"{head}authorization: Bearer {tokens[number % 3]}\r\n\r\n".encode())
        look()
        return made

    with ThreadPoolExecutor(exports) as pool:
        if is_read:
            assert set(pool.map(export, range(exports))) <= {200, 429, 503}
            wait_for(lambda: export(0) == 200)  # where the machine is busy, none of the others has its answer in time
        else:
            unread = list(pool.map(leave_unread, range(exports)))
            with stack.client("api", stack.other.access_token) as other:
                assert other.get("/api/v1/epcr/encounters").status_code == 200
            for one in unread:
                one.close()
    assert max(seen) <= MOST_MIB, seen
