"""A flood of one tenant's large bodies and answers costs the process a bounded part of its memory, and others are answered."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest

from deploy.local.databases import Database
from deploy.local.redis_server import RedisServer
from services.control_plane.settings import Settings
from shared.web.identity import HEADER, mint
from tests.control_plane.automating import Automating
from tests.control_plane.conftest import PLATFORM, Inside, Partner
from tests.control_plane.publishing import Publisher
from tests.control_plane.test_agent_content import released
from tests.support.alone import KEY, settings_for

pytestmark = pytest.mark.full

MIB = 1 << 20
CONTENT = bytes(range(256)) * (10 * MIB // 256)
FLOOD = 50


@pytest.fixture(scope="module")
def settings(database: Database, redis_server: RedisServer) -> Settings:
    return settings_for(Settings, database, redis_server.url, package_storage_mib=15)


def resident() -> int:
    """Bytes of this process, in which the service runs too."""
    return psutil.Process().memory_info().rss


class Upload:
    """A request of which all is sent but the last byte, so that the service holds the rest."""

    def __init__(self, partner: Partner, path: str, *, chunked: bool = False) -> None:
        url = urlsplit(str(partner.http.base_url))
        self.chunked = chunked
        self.socket = socket.create_connection((url.hostname, url.port), timeout=20)
        framing = "transfer-encoding: chunked" if chunked else f"content-length: {len(CONTENT)}"
        identity = mint(partner.caller, KEY, "control_plane")
        head = f"PUT {PLATFORM}{path} HTTP/1.1\r\nhost: service\r\n{HEADER}: {identity}\r\n{framing}\r\n"
        self.socket.sendall(f"{head}content-type: application/octet-stream\r\n\r\n".encode())

    def send_nearly_all(self) -> None:
        try:
            self.socket.sendall(b"%x\r\n" % len(CONTENT) if self.chunked else b"")
            self.socket.sendall(memoryview(CONTENT)[:-1])
        except OSError:
            pass  # refused before its body was read

    def finish(self) -> bytes:
        """Sends the last byte. The head of the answer."""
        with suppress(OSError):
            self.socket.sendall(CONTENT[-1:] + (b"\r\n0\r\n\r\n" if self.chunked else b""))
        return self.answer()

    def answer(self) -> bytes:
        """Its head."""
        with self.socket:
            try:
                return self.socket.recv(65536).partition(b"\r\n\r\n")[0]
            except OSError:
                return b""


@contextmanager
def flood(partner: Partner, path: str, **options: Any) -> Iterator[list[Upload]]:
    uploads = [Upload(partner, path, **options) for _ in range(FLOOD)]
    with ThreadPoolExecutor(FLOOD) as pool:
        list(pool.map(lambda one: one.send_nearly_all(), uploads))
        yield uploads


@pytest.mark.parametrize("chunked", [False, True], ids=["declared", "chunked"])
def test_a_flood_of_slow_uploads_holds_a_part_of_the_memory_and_another_tenant_uploads(
    partner: Partner, other: Partner, chunked: bool
) -> None:
    attacker, bystander = Publisher(partner), Publisher(other)
    attacker.announce(content=CONTENT)
    bystander.announce(content=CONTENT)
    path = f"{attacker.versions}/1.0.0/content"
    before = resident()
    with flood(partner, path, chunked=chunked) as uploads:
        held = resident() - before
        meanwhile = other.put(f"{bystander.versions}/1.0.0/content", CONTENT)
        answers = [upload.finish() for upload in uploads]
    assert meanwhile.status_code == 200, meanwhile.text
    assert held < FLOOD * len(CONTENT) / 4, f"{held >> 20} MiB"
    statuses = [answer.split(b" ")[1] for answer in answers if answer]
    assert statuses.count(b"200") >= 1
    assert statuses.count(b"429") >= FLOOD / 2
    assert all(b"retry-after:" in answer.lower() for answer in answers if answer.startswith(b"HTTP/1.1 429"))
    assert partner.put(path, CONTENT).status_code == 200, "all bytes are given back"


def test_nothing_of_an_upload_is_read_for_a_version_that_is_not_there(partner: Partner) -> None:
    publisher = Publisher(partner)
    upload = Upload(partner, f"{publisher.versions}/9.9.9/content")
    assert b" 404 " in upload.answer(), "the body was not awaited"


def test_an_upload_beyond_the_space_of_the_tenant_is_refused_before_it_is_read(
    partner: Partner,
) -> None:
    publisher = Publisher(partner)
    publisher.publish("1.0.0", CONTENT)
    publisher.announce("2.0.0", CONTENT)
    upload = Upload(partner, f"{publisher.versions}/2.0.0/content")
    assert b" 409 " in upload.answer(), "the body was not awaited"


def test_slow_readers_of_contents_hold_a_part_of_the_memory(partner: Partner, other: Partner) -> None:
    publisher = Publisher(partner)
    publisher.publish(content=CONTENT)
    url = urlsplit(str(partner.http.base_url))
    request = (
        f"GET {PLATFORM}{publisher.versions}/1.0.0/content HTTP/1.1\r\nhost: service\r\n"
        f"{HEADER}: {mint(partner.caller, KEY, 'control_plane')}\r\n\r\n"
    ).encode()
    before = resident()
    readers = [socket.create_connection((url.hostname, url.port), timeout=20) for _ in range(FLOOD)]
    try:
        for reader in readers:
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            reader.sendall(request)
        heads = [reader.recv(64) for reader in readers]
        held = resident() - before
        assert other.get("/packages").status_code == 200
    finally:
        for reader in readers:
            reader.close()
    assert any(b" 200 " in head for head in heads)
    assert held < FLOOD * len(CONTENT) / 4, f"{held >> 20} MiB"
    assert partner.get(f"{publisher.versions}/1.0.0/content").content == CONTENT


PAGE = 2 * MIB
"""The largest answer of a list in the worst case."""


def webhook(size: int) -> dict[str, Any]:
    """An automation of so many bytes."""
    trigger = {"event_type": "incident.created"}
    return {"name": "Large", "trigger": trigger, "action": {"kind": "webhook", "fields": {"text": "a" * size}}}


LARGE = {"automations": [webhook(16_000)] * 20, "event_types": ["incident.created", "automation.fired"]}


def pages(partner: Partner, path: str, name: str) -> list[list[str]]:
    """The ids of each page, none of which is too large."""
    found: list[list[str]] = []
    cursor: str | None = ""
    while cursor is not None:
        query = (
            {"limit": "100"} | ({"cursor": cursor} if cursor else {}) | ({"own": "true"} if name == "listings" else {})
        )
        answer = partner.get(path, params=query)
        assert answer.status_code == 200, answer.text
        assert len(answer.content) <= PAGE, f"{len(answer.content) >> 10} KiB"
        assert (answer.json()["next_cursor"] is None) == ("link" not in answer.headers)
        found.append([one["id"] for one in answer.json()[name]])
        cursor = answer.json()["next_cursor"]
    return found


def test_a_list_of_large_manifests_has_more_and_smaller_pages(partner: Partner) -> None:
    publisher = Publisher(partner)
    made = [publisher.announce(f"{number}.0.0", **LARGE)["id"] for number in range(1, 9)]
    small = publisher.announce("9.0.0")["id"]
    found = pages(partner, publisher.versions, "versions")
    assert [one for page in found for one in page] == [small, *reversed(made)]
    assert len(found) > 1


def test_a_list_of_large_listings_has_more_and_smaller_pages(partner: Partner) -> None:
    made: list[str] = []
    for number in range(6):
        publisher = Publisher(partner, f"large-{number}")
        draft = {"release_id": released(publisher, "1.0.0", **LARGE).rpartition("/")[2], "title": "Large"}
        made.append(partner.made("/listings", draft)["id"])
    found = pages(partner, "/listings", "listings")
    assert [one for page in found for one in page] == made[::-1]
    assert len(found) > 1


def test_a_list_of_large_automations_has_more_and_smaller_pages(
    partner: Partner, inside: Inside, settings: Settings
) -> None:
    Automating(partner, inside, settings)
    made = [partner.made("/automations", webhook(16_000))["id"] for _ in range(90)]
    found = pages(partner, "/automations", "automations")
    assert [one for page in found for one in page] == made[::-1]
    assert len(found) > 1
