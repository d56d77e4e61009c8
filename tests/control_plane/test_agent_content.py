"""An edge agent downloads exactly its assigned versions, whole or in parts, and verifies them alone."""

import base64
import contextlib
import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import httpx2
import psycopg
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from services.control_plane import contents
from services.control_plane.agents import edge_endpoints
from shared.primitives import ids
from shared.web.identity import HEADER, Caller, mint
from shared.web.problems import Problem
from tests.control_plane.conftest import GRANTED, PLATFORM, Inside, Partner
from tests.control_plane.publishing import CONTENT, Publisher
from tests.control_plane.test_agents import beat, enrolled
from tests.support.alone import KEY
from tests.support.messages import later

SIZE = len(CONTENT)
TAG = f'"{hashlib.sha256(CONTENT).hexdigest()}"'


class Box:
    """An enrolled agent and its requests."""

    def __init__(self, owner: Partner, *packages: str, **fields: Any) -> None:
        self.owner = owner
        self.id, self.credential = enrolled(owner, packages=list(packages), **fields)

    def desired(self) -> list[dict[str, Any]]:
        return beat(self.owner, self.credential).json()["desired"]

    def call(self, path: str, method: str = "GET", **headers: str) -> httpx2.Response:
        return fetch(self.owner.http, path, self.credential, method, **headers)

    def get(self, package_id: str, version: str, **headers: str) -> httpx2.Response:
        return self.call(place(package_id, version), **headers)


def place(package_id: str, version: str) -> str:
    return f"{PLATFORM}/agents/content/{package_id}/{version}"


def fetch(
    http: httpx2.Client, path: str, credential: str | None, method: str = "GET", **headers: str
) -> httpx2.Response:
    """The request as the gateway forwards it: an anonymous caller, and the agent's own `Authorization`."""
    fields = {HEADER: mint(Caller(address="192.0.2.1"), KEY, "control_plane"), "accept-encoding": "identity"}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    fields |= {"authorization": f"Bearer {credential}"} if credential is not None else {}
    return http.request(method, path, headers=fields)


def released(
    publisher: Publisher, version: str, environment: str = "production", content: bytes = CONTENT, **fields: Any
) -> str:
    """The path of a new version's release, which is live."""
    publisher.publish(version, content, **fields)
    draft = {"package_id": publisher.package_id, "version": version, "environment": environment}
    path = f"/releases/{publisher.app.made('/releases', draft)['id']}"
    for step in ("approve", "promote"):
        answer = publisher.app.post(f"{path}/{step}")
        assert answer.status_code == 200, answer.text
    return path


@pytest.fixture
def publisher(partner: Partner) -> Publisher:
    return Publisher(partner, kind="edge")


@pytest.fixture
def live(publisher: Publisher) -> Publisher:
    """With 1.0.0 live in production."""
    released(publisher, "1.0.0")
    return publisher


@pytest.fixture
def box(partner: Partner, live: Publisher) -> Box:
    return Box(partner, live.package_id)


@pytest.fixture(scope="module")
def standing(http: httpx2.Client, inside: Inside) -> Box:
    """A box for tests that change nothing."""
    tenant_id = ids.new_id("org")
    inside.grant(tenant_id)
    publisher = Publisher(Partner(http, tenant_id), kind="edge")
    released(publisher, "1.0.0")
    return Box(publisher.app, publisher.package_id)


@pytest.fixture(scope="module")
def path(standing: Box) -> str:
    return standing.desired()[0]["content_url"]


def assert_same_refusal(*answers: httpx2.Response, status: int = 404) -> None:
    documents = [answer.json() | {"trace_id": ""} for answer in answers]
    assert {answer.status_code for answer in answers} == {status}
    assert all(document == documents[0] for document in documents)


def test_it_fetches_what_it_is_told_to_run_and_checks_it_with_what_it_was_told_alone(
    partner: Partner, publisher: Publisher
) -> None:
    """Written as an agent would be: with nothing of ours but the two answers."""
    content = bytes(range(256)) * 300
    released(publisher, "2.0.0+build.7", content=content)
    box = Box(partner, publisher.package_id)
    [told] = box.desired()
    answer = box.call(told["content_url"])
    assert answer.status_code == 200
    assert (len(answer.content), hashlib.sha256(answer.content).hexdigest()) == (told["size"], told["content_sha256"])
    digest = base64.b64encode(hashlib.sha256(answer.content).digest()).decode()
    assert answer.headers["repr-digest"] == f"sha-256=:{digest}:"
    key = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(told["jwk"]["x"] + "="))
    signature = base64.urlsafe_b64decode(told["signature"] + "==")
    key.verify(signature, told["statement"].encode())
    with pytest.raises(InvalidSignature):
        key.verify(signature, told["statement"].replace("2.0.0", "2.0.1").encode())
    signed = json.loads(told["statement"])
    for name in ("package_id", "version", "content_sha256", "key_id"):
        assert signed[name] == told[name], name
    assert (told["jwk"]["kid"], told["key_revoked_at"]) == (told["key_id"], None)


def test_it_hears_that_the_key_was_revoked_and_may_fetch_what_stays_live(box: Box, live: Publisher) -> None:
    live.app.call("DELETE", f"/signing-keys/{live.key_id}")
    [told] = box.desired()
    assert datetime.fromisoformat(told["key_revoked_at"]) <= datetime.now(UTC)
    assert box.call(told["content_url"]).content == CONTENT


def test_a_version_with_build_metadata_is_found_however_its_plus_is_written(
    partner: Partner, publisher: Publisher
) -> None:
    released(publisher, "1.0.0+b.1")
    box = Box(partner, publisher.package_id)
    assert box.get(publisher.package_id, "1.0.0+b.1").content == CONTENT
    assert box.get(publisher.package_id, "1.0.0%2Bb.1").content == CONTENT
    assert_same_refusal(
        *(box.get(publisher.package_id, one) for one in ("1.0.0", "1.0.0+b.2", "1.0.0%20b.1", "1.0.0%252Bb.1"))
    )


def test_fetching_neither_waits_for_its_row_nor_changes_it(box: Box, live: Publisher, inside: Inside) -> None:
    row = inside.rows("SELECT agents::text FROM agents WHERE id = %s", box.id)
    with psycopg.connect(inside.database.migrator) as held:
        held.execute("SELECT FROM agents WHERE id = %s FOR UPDATE", (box.id,))
        assert box.get(live.package_id, "1.0.0").status_code == 200
    assert inside.rows("SELECT agents::text FROM agents WHERE id = %s", box.id) == row


def test_without_a_live_credential_it_is_401_whatever_is_asked_for(
    box: Box, live: Publisher, partner: Partner, other: Partner, inside: Inside
) -> None:
    head, secret = box.credential.split(".")
    revoked, reenrolled = Box(partner, live.package_id), Box(partner, live.package_id)
    partner.post(f"/agents/{revoked.id}/revoke")
    code = partner.post(f"/agents/{reenrolled.id}/enrolment-code").json()["enrolment_code"]
    fresh = fetch(partner.http, f"{PLATFORM}/agents/enrol", None, "POST")
    assert fresh.status_code == 415  # a code is exchanged there alone
    wrong = [
        None,
        "x",
        head,
        f"{head}.{secret}x",
        f"{head}.{Box(other).credential.split('.')[1]}",
        f"agt_{'0' * 26}.{secret}",
        code,
        revoked.credential,
    ]
    paths = [place(live.package_id, "1.0.0"), place(ids.new_id("pkg"), "1.0.0"), place("x", "y")]
    assert_same_refusal(*(fetch(partner.http, path, one) for path in paths for one in wrong), status=401)
    inside.grant(partner.tenant_id, (), version=later())
    assert box.get(live.package_id, "1.0.0").status_code == 401
    inside.grant(partner.tenant_id, GRANTED, version=later(2), status="suspended")
    assert box.get(live.package_id, "1.0.0").status_code == 401


def test_an_apps_own_call_is_not_an_agents(live: Publisher, partner: Partner) -> None:
    assert partner.get(f"/agents/content/{live.package_id}/1.0.0").status_code == 401


def test_each_agent_is_given_what_is_assigned_to_it_alone(
    partner: Partner, other: Partner, box: Box, live: Publisher
) -> None:
    sibling = Publisher(partner, "sibling", kind="edge")
    released(sibling, "1.0.0", content=b"a sibling's")
    foreign = Publisher(other, kind="edge")
    released(foreign, "1.0.0", content=b"another tenant's")
    second, stranger = Box(partner, sibling.package_id), Box(other, foreign.package_id)
    assert second.get(sibling.package_id, "1.0.0").content == b"a sibling's"
    assert stranger.get(foreign.package_id, "1.0.0").content == b"another tenant's"
    assert_same_refusal(
        box.get(sibling.package_id, "1.0.0"),
        box.get(foreign.package_id, "1.0.0"),
        second.get(live.package_id, "1.0.0"),
        stranger.get(live.package_id, "1.0.0"),
        box.get(ids.new_id("pkg"), "1.0.0"),
        box.get(live.package_id, "9.9.9"),
        box.get("nothing", "at-all"),
    )
    partner.call("PATCH", f"/agents/{box.id}", json={"packages": []})
    assert box.get(live.package_id, "1.0.0").status_code == 404


def test_another_tenants_package_is_not_given_even_where_it_was_assigned(
    other: Partner, box: Box, live: Publisher, inside: Inside
) -> None:
    """Which no call can do: rows of the other tenant stay out of sight all the same."""
    stranger = Box(other)
    inside.rows("UPDATE agents SET packages = ARRAY[%s] WHERE id = %s RETURNING id", live.package_id, stranger.id)
    assert stranger.desired() == []
    assert stranger.get(live.package_id, "1.0.0").status_code == 404


def test_only_what_is_live_now_is_given(partner: Partner, box: Box, live: Publisher) -> None:
    package = live.package_id
    newer = released(live, "1.1.0", content=b"newer")
    live.publish("1.2.0", b"published and not released")
    live.announce("1.3.0", b"announced")
    assert box.get(package, "1.1.0").content == b"newer"
    assert_same_refusal(*(box.get(package, version) for version in ("1.0.0", "1.2.0", "1.3.0")))
    assert partner.post(f"{newer}/rollback").status_code == 200
    assert box.get(package, "1.1.0").status_code == 404
    assert box.get(package, "1.0.0").content == CONTENT
    # Not even to say that it is the same still, or that there is not so much of it.
    tag = f'"{hashlib.sha256(b"newer").hexdigest()}"'
    assert_same_refusal(
        box.get(package, "1.1.0", if_none_match=tag),
        box.get(package, "1.1.0", range="bytes=1-2"),
        box.get(package, "1.1.0", range="bytes=99999-"),
        box.get(package, "1.1.0", if_match='"x"'),
    )


def test_what_is_live_in_the_sandbox_is_for_agents_of_the_sandbox(partner: Partner, publisher: Publisher) -> None:
    released(publisher, "1.0.0", "sandbox", b"tried")
    released(publisher, "0.9.0", "production", b"proven")
    trial, proven = Box(partner, publisher.package_id, environment="sandbox"), Box(partner, publisher.package_id)
    assert trial.get(publisher.package_id, "1.0.0").content == b"tried"
    assert proven.get(publisher.package_id, "0.9.0").content == b"proven"
    assert_same_refusal(trial.get(publisher.package_id, "0.9.0"), proven.get(publisher.package_id, "1.0.0"))
    partner.call("PATCH", f"/agents/{trial.id}", json={"environment": "production"})
    assert trial.get(publisher.package_id, "1.0.0").status_code == 404


def test_what_it_has_already_is_not_sent_again(standing: Box, path: str) -> None:
    whole = standing.call(path)
    assert (whole.headers["etag"], whole.headers["accept-ranges"]) == (TAG, "bytes")
    for known in (TAG, f"W/{TAG}", f'"x", {TAG}', "*"):
        again = standing.call(path, if_none_match=known, range="bytes=0-1")
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", TAG)
    assert standing.call(path, if_none_match='"x"').status_code == 200
    for match, status in ((TAG, 200), (f'"x", {TAG}', 200), ("*", 200), (f"W/{TAG}", 412), ('"x"', 412)):
        assert standing.call(path, if_match=match).status_code == status, match


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=3-7", 3, 7),
        ("bytes=5-", 5, SIZE - 1),
        ("bytes=-4", SIZE - 4, SIZE - 1),
        ("Bytes=3-7", 3, 7),
        ("bytes= ,3-7,", 3, 7),
        (f"bytes=3-{'9' * 5000}", 3, SIZE - 1),
        (f"bytes=-{10**40}", 0, SIZE - 1),
        (f"bytes={'0' * 30}3-7", 3, 7),
    ],
)
def test_a_part_is_answered_as_such(standing: Box, path: str, asked: str, first: int, last: int) -> None:
    part = standing.call(path, range=asked, if_range=TAG)
    assert (part.status_code, part.content) == (206, CONTENT[first : last + 1])
    assert part.headers["content-range"] == f"bytes {first}-{last}/{SIZE}"
    assert (part.headers["etag"], part.headers["content-length"]) == (TAG, str(last - first + 1))
    assert part.headers["repr-digest"] == standing.call(path).headers["repr-digest"]


@pytest.mark.parametrize("asked", [f"bytes={SIZE}-", "bytes=-0", f"bytes={'9' * 5000}-", f"bytes={SIZE}-{SIZE + 5}"])
def test_a_range_past_the_end_is_416_and_says_where_that_is(standing: Box, path: str, asked: str) -> None:
    answer = standing.call(path, range=asked)
    assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{SIZE}")
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "asked",
    [
        "bytes=0-1,3-4",
        "bytes=" + ",".join(f"{one}-{one}" for one in range(500)),
        "bytes=7-3",
        "bytes=-",
        "bytes=a-b",
        "bytes=+1-2",
        "bytes=1-2x",
        "bytes=\xb2-\xb3",
        "bytes",
        "lines=1-2",
        "",
    ],
)
def test_what_is_no_single_range_of_bytes_is_answered_with_the_whole(standing: Box, path: str, asked: str) -> None:
    headers = {
        HEADER: mint(Caller(), KEY, "control_plane"),
        "authorization": f"Bearer {standing.credential}",
        "range": asked.encode("latin-1"),
    }
    answer = standing.owner.http.get(path, headers=headers)
    assert (answer.status_code, answer.content) == (200, CONTENT)


@pytest.mark.parametrize("condition", ['"x"', f"W/{TAG}", "Wed, 25 Nov 2026 18:00:00 GMT", f"{TAG}, {TAG}", ""])
def test_a_part_of_something_else_is_answered_with_the_whole(standing: Box, path: str, condition: str) -> None:
    answer = standing.call(path, range="bytes=3-", if_range=condition)
    assert (answer.status_code, answer.content) == (200, CONTENT)


def test_a_head_is_told_the_size_and_no_range(standing: Box, path: str) -> None:
    answer = standing.call(path, "HEAD", range="bytes=3-7")
    assert (answer.status_code, answer.headers["content-length"], answer.content) == (200, str(SIZE), b"")
    assert (answer.headers["etag"], "content-range" in answer.headers) == (TAG, False)
    assert standing.call(path.replace("1.0.0", "9.9.9"), "HEAD").status_code == 404


def test_no_bytes_are_read_for_an_answer_that_has_none_and_no_more_than_are_sent(
    standing: Box, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge_endpoints, "READ_CONTENT", "SELECT 1 / 0")
    answers = [
        standing.call(path, if_none_match=TAG),
        standing.call(path, range=f"bytes={SIZE}-"),
        standing.call(path, if_match='"x"'),
        standing.call(path, "HEAD"),
    ]
    assert [answer.status_code for answer in answers] == [304, 416, 412, 200]
    monkeypatch.undo()
    read: list[int] = []
    plain = contents.read_piece

    async def piece(*asked: Any) -> bytes:
        body = await plain(*asked)
        read.append(len(body))
        return body

    monkeypatch.setattr(contents, "read_piece", piece)
    standing.call(path, range="bytes=2-3")
    assert read == [2]


def test_a_download_that_breaks_off_ever_again_is_put_together_from_its_parts(
    partner: Partner, publisher: Publisher
) -> None:
    content = hashlib.sha256(b"seed").digest() * 4000
    released(publisher, "1.0.0", content=content)
    box = Box(partner, publisher.package_id)
    [told] = box.desired()
    kept, tag = b"", f'"{told["content_sha256"]}"'
    while len(kept) < told["size"]:
        part = box.call(told["content_url"], range=f"bytes={len(kept)}-{len(kept) + 49_999}", if_range=tag)
        assert part.status_code == 206
        kept += part.content
    assert hashlib.sha256(kept).hexdigest() == told["content_sha256"]


@pytest.mark.parametrize(
    "tail",
    [
        "..%2f..%2fpackages",
        "{package}/1.0.0/",
        "{package}//1.0.0",
        "{package}/1.0.0%2F",
        "{package}/%2e%2e/{package}/1.0.0",
        "{package}",
        "",
        "revoke",
        "enrolment-code",
        "{package}/1.0.0%00",
        "{package}/1.0.0%0a",
        "{package}/..%2f1.0.0",
        "{package}/1.0.0;x",
        "%2e%2e/{box}",
        "{package}/%EF%BC%91.0.0",
        "{package}%00/1.0.0",
        "' OR 1=1 --/1.0.0",
        "{package}/" + "1" * 3000 + ".0.0",
    ],
)
def test_no_other_spelling_leads_anywhere(standing: Box, path: str, tail: str) -> None:
    url = httpx2.URL(
        raw_path=f"{PLATFORM}/agents/content/{tail.format(package=path.split('/')[-2], box=standing.id)}".encode()
    )
    base = str(standing.owner.http.base_url).rstrip("/")
    request = standing.owner.http.build_request("GET", base, headers={HEADER: mint(Caller(), KEY, "control_plane")})
    request.headers["authorization"] = f"Bearer {standing.credential}"
    request.url = request.url.copy_with(raw_path=url.raw_path)
    answer = standing.owner.http.send(request)
    assert answer.status_code in (401, 404)
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "PROPFIND"])
def test_other_methods_are_405(standing: Box, path: str, method: str) -> None:
    answer = standing.call(path, method)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


def test_two_credentials_in_one_request_are_refused(standing: Box, path: str) -> None:
    """Of two credentials nobody can say whose call it is."""
    fields = [
        (HEADER, mint(Caller(), KEY, "control_plane")),
        *(("authorization", f"Bearer {one}") for one in (standing.credential, standing.credential)),
    ]
    assert standing.owner.http.get(path, headers=fields).status_code == 401


@given(st.text("bytes=0123456789-, \t", max_size=30) | st.text(max_size=10).map("bytes={}".format), st.integers(1, 99))
def test_any_range_is_a_part_of_what_is_there_or_the_whole_or_refused(asked: str, size: int) -> None:
    with contextlib.suppress(Problem):
        span = contents.span_of([asked], [], TAG, size)
        assert span is None or 0 <= span.first <= span.last < size
