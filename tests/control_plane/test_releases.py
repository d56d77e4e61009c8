"""Releases: requested, approved, live; one live at a time however many ask at once; taken back in one call."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import psycopg
import pytest

from shared.primitives import ids
from tests.control_plane.conftest import Inside, Partner
from tests.control_plane.publishing import Publisher
from tests.support.messages import later

NUMBERS = iter(range(1, 1_000_000))


@pytest.fixture
def publisher(partner: Partner) -> Publisher:
    return Publisher(partner)


def requested(publisher: Publisher, environment: str = "production", version: str = "") -> str:
    """The path of a release of a version published for it."""
    version = version or publisher.publish(f"1.0.{next(NUMBERS)}")["version"]
    draft = {"package_id": publisher.package_id, "version": version, "environment": environment}
    return f"/releases/{publisher.app.made('/releases', draft)['id']}"


def approved(publisher: Publisher, environment: str = "production") -> str:
    path = requested(publisher, environment)
    assert publisher.app.post(f"{path}/approve").status_code == 200
    return path


def went_live(publisher: Publisher, environment: str = "production") -> str:
    path = approved(publisher, environment)
    answer = publisher.app.post(f"{path}/promote")
    assert answer.status_code == 200, answer.text
    return path


def status(publisher: Publisher, path: str) -> str:
    return publisher.app.get(path).json()["status"]


def live(publisher: Publisher, environment: str = "production") -> list[str]:
    found = publisher.app.get(
        f"/releases?package_id={publisher.package_id}&environment={environment}&status=live"
    ).json()
    return [f"/releases/{release['id']}" for release in found["releases"]]


def test_a_release_goes_from_requested_to_approved_to_live(publisher: Publisher) -> None:
    path = requested(publisher)
    assert status(publisher, path) == "requested"
    assert publisher.app.post(f"{path}/approve", {"reason": "tried in the sandbox"}).json()["status"] == "approved"
    shown = publisher.app.post(f"{path}/promote").json()
    assert shown["status"] == "live"
    assert [(step["status"], step["reason"]) for step in shown["history"]] == [
        ("requested", None),
        ("approved", "tried in the sandbox"),
        ("live", None),
    ]
    assert all(step["client_id"] == publisher.app.client_id for step in shown["history"])
    assert publisher.app.get(path).json() == shown


def test_a_promotion_supersedes_what_was_live_there_and_nothing_elsewhere(publisher: Publisher) -> None:
    sandbox = went_live(publisher, "sandbox")
    first = went_live(publisher)
    second = went_live(publisher)
    assert status(publisher, first) == "superseded"
    assert live(publisher) == [second]
    assert live(publisher, "sandbox") == [sandbox]


def test_of_two_simultaneous_promotions_one_wins_and_the_other_is_409(publisher: Publisher) -> None:
    """Over and over: with something live before, and at the very first with nothing."""
    with ThreadPoolExecutor(2) as pool:
        for _ in range(12):
            before = live(publisher)
            paths = [approved(publisher), approved(publisher)]
            answers = list(pool.map(lambda path: publisher.app.post(f"{path}/promote"), paths))
            assert sorted(answer.status_code for answer in answers) == [200, 409]
            (winner,) = [path for path, answer in zip(paths, answers, strict=True) if answer.status_code == 200]
            (loser,) = [path for path in paths if path != winner]
            assert live(publisher) == [winner]
            assert status(publisher, loser) == "approved"
            assert [status(publisher, path) for path in before] == ["superseded"] * len(before)


def test_one_release_promoted_twice_at_once_goes_live_once(publisher: Publisher) -> None:
    path = approved(publisher)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: publisher.app.post(f"{path}/promote"), range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    steps = [step["status"] for step in publisher.app.get(path).json()["history"]]
    assert steps == ["requested", "approved", "live"]


def test_a_promotion_and_a_rollback_at_once_do_not_both_count(publisher: Publisher) -> None:
    with ThreadPoolExecutor(2) as pool:
        for _ in range(8):
            current = went_live(publisher)
            waiting = approved(publisher)
            calls = [f"{waiting}/promote", f"{current}/rollback"]
            answers = list(pool.map(publisher.app.post, calls))
            assert sorted(answer.status_code for answer in answers) == [200, 409]
            restored = answers[1].json().get("restored")
            left = [f"/releases/{restored['id']}"] if restored else []
            assert live(publisher) == ([waiting] if answers[0].status_code == 200 else left)


def test_the_database_itself_holds_one_live_release(publisher: Publisher, inside: Inside) -> None:
    went_live(publisher)
    other = approved(publisher).removeprefix("/releases/")
    with pytest.raises(psycopg.errors.UniqueViolation, match="releases_one_live"):
        inside.owner.execute("UPDATE releases SET status = 'live' WHERE id = %s", (other,))


def test_who_was_overtaken_is_approved_anew(publisher: Publisher) -> None:
    late, early = approved(publisher), approved(publisher)
    assert publisher.app.post(f"{early}/promote").status_code == 200
    assert publisher.app.post(f"{late}/promote").status_code == 409
    anew = publisher.app.post(f"{late}/approve").json()
    assert f"/releases/{anew['replaces']}" == early
    assert publisher.app.post(f"{late}/promote").status_code == 200
    assert live(publisher) == [late]


def test_a_rollback_restores_in_one_call_and_again_the_one_before(publisher: Publisher) -> None:
    first, second, third = (went_live(publisher) for _ in range(3))
    answer = publisher.app.post(f"{third}/rollback", {"reason": "drops calls"}).json()
    assert answer["status"] == "rolled_back"
    assert f"/releases/{answer['restored']['id']}" == second
    assert live(publisher) == [second]
    publisher.app.post(f"{second}/rollback")
    assert live(publisher) == [first]
    assert publisher.app.post(f"{first}/rollback").json()["restored"] is None
    assert live(publisher) == []
    steps = [step["status"] for step in publisher.app.get(second).json()["history"]]
    assert steps == ["requested", "approved", "live", "superseded", "live", "rolled_back"]


def test_two_rollbacks_at_once_take_back_one(publisher: Publisher) -> None:
    first, second = went_live(publisher), went_live(publisher)
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: publisher.app.post(f"{second}/rollback"), range(2)))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert live(publisher) == [first]


@pytest.mark.parametrize(
    ("state", "refused"),
    [
        ("requested", ["promote", "rollback"]),
        ("approved", ["rollback"]),
        ("rejected", ["approve", "reject", "promote", "rollback"]),
        ("live", ["approve", "reject", "promote"]),
        ("superseded", ["approve", "reject", "promote", "rollback"]),
        ("rolled_back", ["approve", "reject", "promote", "rollback"]),
    ],
)
def test_no_step_is_taken_from_a_state_it_does_not_follow(publisher: Publisher, state: str, refused: list[str]) -> None:
    path = in_state(publisher, state)
    assert status(publisher, path) == state
    for step in refused:
        answer = publisher.app.post(f"{path}/{step}")
        assert (answer.status_code, answer.json()["status_now"]) == (409, state)
    assert status(publisher, path) == state


def in_state(publisher: Publisher, state: str) -> str:
    if state == "requested":
        return requested(publisher)
    if state == "approved":
        return approved(publisher)
    if state == "rejected":
        path = requested(publisher)
        publisher.app.post(f"{path}/reject", {"reason": "not now"})
        return path
    path = went_live(publisher)
    if state == "superseded":
        went_live(publisher)
    if state == "rolled_back":
        publisher.app.post(f"{path}/rollback")
    return path


def test_a_rejected_version_can_be_asked_for_again_and_an_open_one_cannot(publisher: Publisher) -> None:
    path = requested(publisher)
    shown = publisher.app.get(path).json()
    draft = {name: shown[name] for name in ("package_id", "version", "environment")}
    again = publisher.app.post("/releases", draft)
    assert (again.status_code, again.json()["id"]) == (409, shown["id"])
    publisher.app.post(f"{path}/reject")
    assert publisher.app.post("/releases", draft).status_code == 201


@pytest.fixture
def watched(partner: Partner) -> Publisher:
    """A publisher whose package wants a second pair of eyes."""
    publisher = Publisher(partner)
    draft = {"name": "watched", "kind": "connector", "four_eyes": True}
    publisher.package_id = partner.made("/packages", draft)["id"]
    return publisher


def test_where_four_eyes_are_wanted_who_asked_does_not_approve(watched: Publisher) -> None:
    path = requested(watched)
    assert watched.app.post(f"{path}/approve").status_code == 403
    assert watched.app.colleague().post(f"{path}/approve").status_code == 200
    assert watched.app.post(f"{path}/promote").status_code == 200


def test_and_one_person_is_one_pair_of_eyes_through_any_app(http: httpx2.Client, watched: Publisher) -> None:
    ann, ben = ids.new_id("usr"), ids.new_id("usr")
    tenant = watched.app.tenant_id
    asking = Partner(http, tenant, subject=ann)
    version = watched.publish("3.0.0")["version"]
    draft = {"package_id": watched.package_id, "version": version, "environment": "production"}
    path = f"/releases/{asking.made('/releases', draft)['id']}"
    assert Partner(http, tenant, subject=ann).post(f"{path}/approve").status_code == 403
    assert Partner(http, tenant, subject=ben).post(f"{path}/approve").status_code == 200
    shown = asking.get(path).json()
    assert (shown["requested_by_user"], shown["decided_by_user"]) == (ann, ben)


def test_a_version_signed_by_a_revoked_key_goes_nowhere(publisher: Publisher) -> None:
    first = went_live(publisher)
    second = approved(publisher)
    third = requested(publisher)
    publisher.app.call("DELETE", f"/signing-keys/{publisher.key_id}")
    assert publisher.app.post(f"{second}/promote").status_code == 409
    assert publisher.app.post(f"{third}/approve").status_code == 409
    assert live(publisher) == [first]
    answer = publisher.app.post(f"{first}/rollback")
    assert answer.json()["restored"] is None


def test_what_a_leaked_key_signed_is_taken_back_even_where_nothing_may_follow_it(publisher: Publisher) -> None:
    went_live(publisher)
    second = went_live(publisher)
    publisher.app.call("DELETE", f"/signing-keys/{publisher.key_id}")
    answer = publisher.app.post(f"{second}/rollback")
    assert (answer.status_code, answer.json()["status"], answer.json()["restored"]) == (200, "rolled_back", None)
    assert live(publisher) == []


def test_a_request_for_the_version_before_does_not_stand_in_the_way_of_a_rollback(publisher: Publisher) -> None:
    first = went_live(publisher)
    second = went_live(publisher)
    again = requested(publisher, version=publisher.app.get(first).json()["version"])
    assert publisher.app.post(f"{again}/approve").status_code == 200
    assert publisher.app.post(f"{second}/rollback").status_code == 200
    assert live(publisher) == [first]
    shown = publisher.app.get(again).json()
    assert (shown["status"], shown["history"][-1]["reason"]) == (
        "rejected",
        f"{first.removeprefix('/releases/')} is restored",
    )


def test_a_rollback_restores_no_version_of_a_revoked_key(publisher: Publisher) -> None:
    went_live(publisher)
    revoked = publisher.key_id
    newer = Publisher(publisher.app, "other")
    publisher.key_id, publisher.private_key = newer.key_id, newer.private_key
    second = went_live(publisher)
    publisher.app.call("DELETE", f"/signing-keys/{revoked}")
    assert publisher.app.post(f"{second}/rollback").json()["restored"] is None
    assert live(publisher) == []


def test_what_cannot_be_released_is_422_and_says_why(publisher: Publisher, other: Partner) -> None:
    foreign = Publisher(other)
    foreign.publish("1.0.0")
    publisher.announce("9.0.0")
    draft = {"package_id": publisher.package_id, "version": "9.0.0", "environment": "production"}

    def refused(**changes: Any) -> str:
        answer = publisher.app.post("/releases", draft | changes)
        assert answer.status_code == 422, answer.text
        return answer.json()["errors"][0]["pointer"]

    assert refused() == "/version"
    assert refused(version="8.0.0") == "/version"
    assert refused(version="latest") == "/version"
    assert refused(package_id=foreign.package_id, version="1.0.0") == "/package_id"
    assert refused(package_id="x") == "/package_id"
    assert refused(environment="test") == "/environment"
    assert refused(force=True) == "/force"


def test_a_sandbox_organisation_releases_to_the_sandbox_alone(publisher: Publisher, inside: Inside) -> None:
    inside.grant(publisher.app.tenant_id, environment="sandbox", version=later())
    assert went_live(publisher, "sandbox")
    draft = {"package_id": publisher.package_id, "version": publisher.publish("5.0.0")["version"]}
    answer = publisher.app.post("/releases", draft | {"environment": "production"})
    assert answer.json()["errors"][0]["pointer"] == "/environment"


def test_releases_are_listed_newest_first_and_by_page(publisher: Publisher) -> None:
    made = [requested(publisher) for _ in range(3)]
    listed = publisher.app.get("/releases?limit=2")
    assert [f"/releases/{release['id']}" for release in listed.json()["releases"]] == made[:0:-1]
    rest = publisher.app.get(f"/releases?limit=2&cursor={listed.json()['next_cursor']}").json()
    assert [f"/releases/{release['id']}" for release in rest["releases"]] == made[:1]
    assert publisher.app.get("/releases?status=none").status_code == 422


def test_a_promotion_repeated_with_its_key_is_answered_alike(publisher: Publisher) -> None:
    path = approved(publisher)
    first, second = (publisher.app.post(f"{path}/promote", {}, Idempotency_Key="p1") for _ in range(2))
    assert (first.status_code, second.json()) == (200, first.json())


def test_another_tenants_release_is_not_there(publisher: Publisher, other: Partner) -> None:
    path = went_live(publisher)
    assert other.get(path).status_code == 404
    for step in ("approve", "reject", "promote", "rollback"):
        assert other.post(f"{path}/{step}").status_code == 404
    assert other.get("/releases").json()["releases"] == []
    assert live(publisher) == [path]


@pytest.mark.parametrize("release", ["x", "rel_x", "rel_00000000000000000000000000"])
def test_an_id_that_is_none_of_ours_is_404(partner: Partner, release: str) -> None:
    assert partner.get(f"/releases/{release}").status_code == 404
    assert partner.post(f"/releases/{release}/promote").status_code == 404


def test_scopes_are_asked_for(partner: Partner) -> None:
    reader, nobody = partner.colleague("argus:platform:read"), partner.colleague("webhooks:write")
    assert nobody.get("/releases").json()["scope"] == "argus:platform:read"
    assert nobody.get("/releases/rel_x").json()["scope"] == "argus:platform:read"
    for path in ("/releases", *(f"/releases/rel_x/{step}" for step in ("approve", "reject", "promote", "rollback"))):
        assert reader.post(path).json()["scope"] == "argus:platform:write"


@pytest.mark.parametrize("step", ["approve", "reject", "promote", "rollback"])
def test_a_body_that_does_not_fit_is_refused(publisher: Publisher, step: str) -> None:
    path = f"{requested(publisher)}/{step}"

    def send(content: bytes, media: str = "application/json") -> int:
        return publisher.app.call("POST", path, content=content, headers={"content-type": media}).status_code

    assert send(b"{}", "text/plain") == 415
    assert send(b"{") == 400
    assert send(b'{"why": "x"}') == 422
    assert send(b'{"reason": ""}') == 422
    assert send(b" " * ((1 << 20) + 1)) == 413
