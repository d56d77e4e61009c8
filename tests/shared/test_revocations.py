"""Revocations in memory: a revoked token is always refused, also after folding, and one tenant's excess affects no other."""

import asyncio
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.web import revocations
from shared.web.identity import Caller, SigningKey, Verifier, mint
from shared.web.revocations import RETRY_SECONDS, Answer, Follower, Marks, Watermark
from tests.shared.test_identity import KEY
from tests.support.waiting import PATIENCE

LATER = int(time.time()) + 86_400
KINDS = st.sampled_from(["client", "grant", "token", "tenant"])
TOKEN = st.tuples(st.integers(0, 1), st.integers(0, 1), st.integers(0, 2), st.integers(0, 2), st.integers(0, 9))
MARK = st.tuples(KINDS, TOKEN)


def covers(marks: Marks, token: tuple[int, int, int, int, int], kid: str = "k") -> bool:
    tenant, client, grant, jti, made = token
    return marks.covers(
        tenant=f"org_{tenant}",
        client=f"app_{tenant}{client}",
        grant=f"gnt_{tenant}{client}{grant}",
        token=f"jti_{tenant}{client}{jti}",
        made_ms=made,
        kid=kid,
    )


def watermark(kind: str, token: tuple[int, int, int, int, int], expires: int = LATER) -> Watermark:
    tenant, client, grant, jti, made = token
    names = {
        "tenant": f"org_{tenant}",
        "client": f"app_{tenant}{client}",
        "grant": f"gnt_{tenant}{client}{grant}",
        "token": f"jti_{tenant}{client}{jti}",
    }
    owner = "" if kind == "tenant" else f"app_{tenant}{client}"
    return Watermark(kind, names[kind], made + 1, expires, f"org_{tenant}", owner)  # pyright: ignore[reportArgumentType]


@given(st.lists(MARK, max_size=30), st.lists(TOKEN, max_size=10))
def test_marks_say_what_the_list_of_all_watermarks_says(drawn: list[tuple[str, tuple]], tokens: list[tuple]) -> None:  # pyright: ignore[reportMissingTypeArgument]
    marks = Marks()
    watermarks = [watermark(kind, token) for kind, token in drawn]
    marks.add(watermarks)
    for token in tokens:
        tenant, client, grant, jti, made = token
        names = {
            ("tenant", f"org_{tenant}"),
            ("client", f"app_{tenant}{client}"),
            ("grant", f"gnt_{tenant}{client}{grant}"),
            ("token", f"jti_{tenant}{client}{jti}"),
        }
        expected = any((mark.kind, mark.id) in names and made < mark.not_before_ms for mark in watermarks)
        assert covers(marks, token) == expected


def test_a_tenant_with_too_many_is_refused_up_to_its_newest_and_no_other_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revocations, "TENANT_MARKS", 10)
    marks = Marks()
    marks.add([watermark("token", (1, 0, 0, 0, 5))])
    hog = [Watermark("token", f"jti_{number}", 100 + number, LATER, "org_0", "app_00") for number in range(50)]
    marks.add(hog)
    assert marks.count <= 11
    assert covers(marks, (0, 1, 0, 0, 9)), "over-revoked, and this tenant alone"
    assert not covers(marks, (1, 0, 0, 1, 0))
    assert covers(marks, (1, 0, 0, 0, 5))


def test_all_together_are_bounded_by_folding_the_largest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revocations, "TOTAL_MARKS", 20)
    marks = Marks()
    marks.add([Watermark("token", f"a{number}", 9, LATER, "org_0", "app_00") for number in range(15)])
    marks.add([Watermark("token", f"b{number}", 9, LATER, "org_1", "app_10") for number in range(10)])
    assert marks.count <= 20
    assert covers(marks, (0, 0, 0, 0, 1))
    assert not covers(marks, (1, 0, 0, 0, 1))


def test_10_000_tokens_of_a_client_that_auth_folds_leave_nothing_behind() -> None:
    """Auth folds above 1,000; a follower drops the watermarks that the wider one covers."""
    marks = Marks()
    largest = 0
    for number in range(10_000):
        marks.add([Watermark("grant", f"gnt_{number}", number, LATER, "org_0", "app_00")])
        if number % 500 == 499:
            marks.add([Watermark("client", "app_00", number - 499, LATER, "org_0", "app_00")])
        largest = max(largest, marks.count)
    assert largest <= 1_001


def test_what_nobody_can_have_any_more_is_forgotten() -> None:
    marks = Marks()
    past = int(time.time()) - 10
    for kind in ("tenant", "client", "grant", "token"):
        marks.add([watermark(kind, (0, 0, 0, 0, 5), past), watermark(kind, (1, 1, 1, 1, 5))])
    marks.add([Watermark("key", "old", 1, past), Watermark("key", "new", 1, LATER)])
    for _ in range(3):
        marks.forget_expired(time.time())
    assert not covers(marks, (0, 0, 0, 0, 1))
    assert covers(marks, (1, 1, 1, 1, 1))
    assert (marks.distrusts("old"), marks.distrusts("new")) == (False, True)
    assert list(marks._tenants) == ["org_1"]


def test_an_identity_header_dies_with_the_token_it_was_made_from_and_with_the_key_that_signed_that() -> None:
    marks = Marks()
    verifier = Verifier(KEY.public_text(), "epcr", marks)
    who = Caller(tenant_id="org_1", client_id="app_1", grant_id="gnt_1", token_id="jti_1")
    first, second = (mint(who, KEY, "epcr", made_ms=made, kid=kid) for made, kid in ((100, "a"), (200, "b")))
    assert verifier.verify(first) == verifier.verify(second) == who
    marks.add([Watermark("client", "app_1", 150, LATER, "org_1")])
    assert (verifier.verify(first), verifier.verify(second)) == (None, who)
    marks.add([Watermark("key", "b", 0, LATER)])
    assert verifier.verify(second) is None


def test_an_identity_header_opens_the_one_service_it_is_for() -> None:
    header = mint(Caller(client_id="app_1"), KEY, "epcr")
    public = KEY.public_text()
    assert Verifier(public, "epcr").verify(header) is not None
    assert Verifier(public, "device_ingest").verify(header) is None


def test_a_header_that_names_no_service_opens_none() -> None:
    assert Verifier(KEY.public_text(), "epcr").verify(mint(Caller(client_id="app_1"), KEY, "")) is None


class Auth:
    """Answers requests one by one with the test's answers, and keeps the last request waiting."""

    def __init__(self, *answers: Answer | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[int, float]] = []
        self.waiting = asyncio.Event()

    async def __call__(self, after: int, wait: float) -> Answer:
        self.asked.append((after, wait))
        if not self.answers:
            self.waiting.set()
            await asyncio.Event().wait()
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def follow(auth: Auth) -> Marks:
    """The marks of a follower whose request waits for an answer."""
    marks = Marks()

    async def story() -> None:
        follower = Follower(marks, auth)
        running = asyncio.create_task(follower.run())
        await auth.waiting.wait()
        running.cancel()

    asyncio.run(asyncio.wait_for(story(), PATIENCE))
    return marks


def test_pages_are_fetched_one_after_the_other_and_then_only_changes() -> None:
    mark = watermark("client", (0, 0, 0, 0, 5))
    auth = Auth(Answer([mark], 10, more=True), Answer([], 20), Answer([mark], 30))
    follow(auth)
    assert [after for after, _ in auth.asked] == [0, 10, 20, 30]
    assert [wait > 0 for _, wait in auth.asked] == [False, False, True, True]


def test_a_smaller_number_than_before_asks_for_everything_again_and_forgets_nothing() -> None:
    mark = watermark("client", (0, 0, 0, 0, 5))
    auth = Auth(Answer([mark], 1000), Answer([], 500), Answer([], 500))
    marks = follow(auth)
    assert [after for after, _ in auth.asked] == [0, 1000, 0, 500]
    assert covers(marks, (0, 0, 0, 0, 1))


def test_a_follower_that_gets_no_answer_or_nonsense_asks_again_but_not_without_end() -> None:
    auth = Auth(ConnectionError(), ValueError(), *[Answer([], 7) for _ in range(4)])
    began = time.monotonic()
    follow(auth)
    assert len(auth.asked) == 7
    assert time.monotonic() - began > 4 * 0.8 * RETRY_SECONDS  # after each answer without a change


def test_a_bell_that_no_answer_follows_asks_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection of the request is dead, but no error has shown it."""
    mark = watermark("client", (0, 0, 0, 0, 5))
    asked: list[int] = []

    async def fetch(after: int, wait: float) -> Answer:
        asked.append(after)
        if len(asked) == 2:
            await asyncio.Event().wait()
        return Answer([mark] if len(asked) > 2 else [], 10 * len(asked))

    async def story() -> None:
        marks = Marks()
        follower = Follower(marks, fetch)
        running = asyncio.create_task(follower.run())
        while len(asked) < 2:  # noqa: ASYNC110 nothing signals it
            await asyncio.sleep(0.01)
        follower.ring()
        while not covers(marks, (0, 0, 0, 0, 1)):  # noqa: ASYNC110 nothing signals it
            await asyncio.sleep(0.01)
        running.cancel()

    asyncio.run(asyncio.wait_for(story(), PATIENCE))


def test_a_key_of_another_gateway_states_nothing() -> None:
    other = SigningKey("x:" + "A" * 43)
    assert Verifier(KEY.public_text(), "epcr").verify(mint(Caller(), other, "epcr")) is None
