"""The pages of people and federation: the calls that they make, and the words for each refusal."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import httpx2
import pytest

from services.console.people.routes import PAGES
from services.console.people.views import CHANGE, READ
from tests.console.conftest import Console
from tests.console.platform import Answer, Person

USER = "usr_01m8a1qz7mf5k8w2t4c9n3v6hd"
INVITATION = "inv_01m8a2b4t1g6c9s3q5w7x8z0ke"
CONNECTION = "con_01m8a4d6w3j8f1v5s7z9b2c0gn"
PERSON = f"/people/{USER}"
AT_AUTH = f"/v1/platform/users/{USER}"
CLASH = "https://knogin.com/api/docs#conflict"


def refused(status: int, reason: str = "", **members: Any) -> Answer:
    document = {"type": CLASH, "detail": "In the platform's words.", "reason": reason} | members
    return Answer(document, status)


def kept(console: Console, call: str, answer: Any = None) -> list[Any]:
    """The bodies that the platform gets in this call, which it answers with `answer`, or as in its example."""
    bodies: list[Any] = []

    def take(request: Any) -> Any:
        # The body was read before; Starlette keeps it.
        bodies.append(json.loads(request._body or b"null"))
        return answer

    console.platform.overrides[call] = take
    return bodies


def user(**changes: Any) -> dict[str, Any]:
    return {
        "user_id": USER,
        "email": "bruno@riviera.example",
        "name": "Bruno Verdi",
        "status": "active",
        "role": "integrator",
        "provider_roles": [],
        "second_factor": True,
        "has_password": True,
        "federated": False,
        "last_sign_in_at": None,
        "created_at": "2026-11-20T09:30:02Z",
    } | changes


FAULTY = refused(422, errors=[{"pointer": "/metadata_xml", "code": "x", "detail": "no XML"}])


Visitors = Callable[..., httpx2.Client]


@pytest.fixture
def visitors(console: Console) -> Iterator[Visitors]:
    """Signs people in, each in a browser that is closed after the test."""
    with ExitStack() as stack:
        yield lambda *person, **headers: stack.enter_context(closing(console.signed_in(*person, **headers)))


@pytest.fixture
def browser(visitors: Visitors) -> httpx2.Client:
    return visitors()


def test_the_filter_of_the_list_is_in_the_address_and_goes_to_the_platform(
    console: Console, browser: httpx2.Client
) -> None:
    query = {"search": "Ros", "role": "auditor", "status": "active", "second_factor": "false", "federated": "true"}
    page = browser.get("/people", params=query)
    assert page.status_code == 200
    asked = console.platform.asked("GET", "/v1/platform/users?")[-1]
    assert all(f"{name}={value}" for name, value in query.items())
    assert all(f"{name}={value}" in asked for name, value in query.items())
    assert 'value="Ros"' in page.text


@pytest.mark.parametrize("query", [{"role": "root"}, {"status": "x"}, {"federated": "perhaps"}])
def test_a_filter_that_is_none_of_ours_lists_nobody(
    console: Console, browser: httpx2.Client, query: dict[str, str]
) -> None:
    before = len(console.platform.asked("GET", "/v1/platform/users?"))
    page = browser.get("/people", params=query)
    assert (page.status_code, f"The value of {next(iter(query))} is" in page.text) == (422, True)
    assert len(console.platform.asked("GET", "/v1/platform/users?")) == before


def test_the_next_page_keeps_the_filter(console: Console, browser: httpx2.Client) -> None:
    link = {"link": '</v1/platform/users?role=auditor&cursor=abc>; rel="next"'}
    console.platform.overrides["GET /v1/platform/users"] = Answer({"users": [user()], "next_cursor": "abc"}, 200, link)
    page = browser.get("/people", params={"role": "auditor"}).text
    assert "role=auditor&amp;cursor=abc" in page or "cursor=abc&amp;role=auditor" in page


def test_an_empty_list_says_whether_the_filter_or_the_organisation_is_empty(
    console: Console, browser: httpx2.Client
) -> None:
    console.platform.overrides["GET /v1/platform/users"] = {"users": [], "next_cursor": None}
    assert "There is nobody yet" in browser.get("/people").text
    assert "Nothing fits the filter" in browser.get("/people?role=auditor").text


def test_an_auditor_sees_people_and_no_way_to_change_them(console: Console, visitors: Visitors) -> None:
    browser = visitors(Person(scopes=(READ,)))
    for path in ("/people", PERSON, "/people/invitations"):
        page = browser.get(path)
        assert page.status_code == 200
        assert "/people/invite" not in page.text
        assert "/leave" not in page.text
    for path in ("/people/invite", f"{PERSON}/leave", f"{PERSON}/role", "/people/federation"):
        assert browser.get(path).status_code == 403
    assert console.post(browser, f"{PERSON}/leave").status_code == 403


def test_a_quality_officer_sees_no_people(console: Console, visitors: Visitors) -> None:
    browser = visitors(Person(scopes=("argus:acqi:read",)))
    assert browser.get("/people").status_code == 403
    assert 'href="/people"' not in browser.get("/").text


def test_an_invitation_is_sent_once_even_if_the_form_is_sent_twice(console: Console, browser: httpx2.Client) -> None:
    bodies = kept(console, "POST /v1/platform/invitations", Answer({}, 201))
    once = "0199a0b0-0000-7000-8000-000000000001"
    form = {"email": "new@riviera.example", "role": "quality_officer", "once": once}
    for _ in range(2):
        answer = console.post(browser, "/people/invite", form)
        assert (answer.status_code, answer.headers["location"]) == (303, "/people/invitations?done=invited")
    assert bodies == [{"email": "new@riviera.example", "role": "quality_officer"}] * 2


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (refused(409, "known"), "in your organisation already"),
        (refused(409, "invited"), "has an invitation that waits"),
        (refused(409, "enforced"), "refuses passwords"),
        (refused(409, "no-mail"), "sends no mail"),
        (refused(409), "In the platform&#39;s words."),
        (refused(403), "In the platform&#39;s words."),
        (refused(422, errors=[{"pointer": "/email", "code": "invalid"}]), "Enter one e-mail address"),
    ],
)
def test_an_invitation_that_is_refused_keeps_the_form_and_says_why(
    console: Console, browser: httpx2.Client, answer: Answer, words: str
) -> None:
    console.platform.overrides["POST /v1/platform/invitations"] = answer
    page = console.post(browser, "/people/invite", {"email": "x@y.example", "role": "auditor"})
    assert page.status_code == 422
    assert words in page.text
    assert 'value="x@y.example"' in page.text
    assert 'value="auditor" checked' in page.text


def test_a_role_is_one_of_the_list(console: Console, browser: httpx2.Client) -> None:
    before = len(console.platform.asked("PUT"))
    assert console.post(browser, f"{PERSON}/role", {"role": "root"}).status_code == 422
    assert console.post(browser, "/people/invite", {"email": "a@b.example"}).status_code == 422
    assert len(console.platform.asked("PUT")) == before


def test_a_role_is_changed(console: Console, browser: httpx2.Client) -> None:
    bodies = kept(console, f"PUT {AT_AUTH}/role", {})
    answer = console.post(browser, f"{PERSON}/role", {"role": "auditor"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PERSON}?done=role")
    assert bodies == [{"role": "auditor"}]
    page = browser.get(answer.headers["location"], headers={"sec-fetch-site": "same-origin"})
    assert "The role is changed." in page.text


@pytest.mark.parametrize("reason", ["last-administrator", "provider-decides"])
def test_a_role_that_is_refused_says_why_in_the_readers_language(
    console: Console, visitors: Visitors, reason: str
) -> None:
    browser = visitors(accept_language="it")
    console.platform.overrides[f"PUT {AT_AUTH}/role"] = refused(409, reason)
    page = console.post(browser, f"{PERSON}/role", {"role": "auditor"})
    assert page.status_code == 409
    assert ("ultimo amministratore" in page.text) is (reason == "last-administrator")
    assert "In the platform" not in page.text


def test_leaving_shows_the_counts_before_it_ends_anything(console: Console, browser: httpx2.Client) -> None:
    ended = {"sessions": 2, "grants": 1, "refresh_tokens": 1, "service_tokens": 3, "invitations": 0}
    console.platform.overrides[f"POST {AT_AUTH}/leave"] = {"user": user(), "ended": ended, "dry_run": True}
    page = browser.get(f"{PERSON}/leave")
    for words in ("2 sessions in browsers end", "access of one app", "3 service tokens"):
        assert words in page.text
    assert "0 invitations" not in page.text
    assert console.platform.asked("POST", f"{AT_AUTH}/leave") == [f"{AT_AUTH}/leave?dry_run=true"]
    done = console.post(browser, f"{PERSON}/leave", {"confirmed": "1"})
    assert done.headers["location"] == f"{PERSON}?done=left"
    assert console.platform.asked("POST", f"{AT_AUTH}/leave")[-1] == f"{AT_AUTH}/leave"


@pytest.mark.parametrize("reason", ["last-administrator", "break-glass"])
def test_who_cannot_leave_is_told_before_and_after(console: Console, browser: httpx2.Client, reason: str) -> None:
    console.platform.overrides[f"POST {AT_AUTH}/leave"] = refused(409, reason)
    for page in (browser.get(f"{PERSON}/leave"), console.post(browser, f"{PERSON}/leave")):
        assert page.status_code == 409
        assert "cannot leave yet" in page.text
        assert '<form method="post">' not in page.text


@pytest.mark.parametrize(
    ("path", "call", "done"),
    [
        ("enable", f"POST {AT_AUTH}/enable", "enabled"),
        ("second-factor", f"POST {AT_AUTH}/reset-second-factor", "second_factor"),
        ("sessions", f"DELETE {AT_AUTH}/sessions", "sessions"),
        ("sessions/ses_1", f"DELETE {AT_AUTH}/sessions/ses_1", "session"),
    ],
)
def test_an_act_is_confirmed_on_a_page_of_its_own(
    console: Console, browser: httpx2.Client, path: str, call: str, done: str
) -> None:
    method, _, target = call.partition(" ")
    before = console.platform.asked(method, target)
    assert browser.get(f"{PERSON}/{path}").status_code == 200
    assert console.platform.asked(method, target) == before
    answer = console.post(browser, f"{PERSON}/{path}")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PERSON}?done={done}")
    assert console.platform.asked(method, target) == [*before, target]


def test_nobody_is_offered_to_reset_their_own_second_factor(console: Console, visitors: Visitors) -> None:
    me = Person(user_id=USER)
    console.platform.overrides[f"GET {AT_AUTH}"] = user()
    assert "/second-factor" in visitors().get(PERSON).text
    assert "/second-factor" not in visitors(me).get(PERSON).text


def test_a_form_of_another_site_changes_nobody(console: Console, browser: httpx2.Client) -> None:
    before = console.platform.asked("POST", f"{AT_AUTH}/leave")
    assert console.post(browser, f"{PERSON}/leave", origin="https://evil.example").status_code == 403
    assert console.post(browser, f"{PERSON}/leave", sec_fetch_site="cross-site").status_code == 403
    assert browser.post(f"{PERSON}/leave", data={"csrf": "x"}).status_code == 403
    assert console.platform.asked("POST", f"{AT_AUTH}/leave") == before


@pytest.mark.parametrize("user_id", ["..%2f..%2fapps", "..%2Fapps", "usr_1%2fleave%3f"])
def test_an_id_of_the_address_stays_one_segment_of_the_call(
    console: Console, browser: httpx2.Client, user_id: str
) -> None:
    before = len(console.platform.calls)
    assert browser.get(f"/people/{user_id}").status_code == 404
    assert not [path for _, path, _ in console.platform.calls[before:] if path.startswith("/v1/platform/apps")]


def test_a_second_mail_too_soon_is_explained(console: Console, browser: httpx2.Client) -> None:
    path = f"/people/invitations/{INVITATION}"
    console.platform.overrides[f"POST /v1/platform/invitations/{INVITATION}/resend"] = refused(429)
    page = console.post(browser, path)
    assert page.status_code == 409
    assert "Wait five minutes" in page.text
    del console.platform.overrides[f"POST /v1/platform/invitations/{INVITATION}/resend"]
    assert console.post(browser, path).headers["location"] == f"{path}?done=resent"


def test_federation_that_is_not_open_says_how_to_ask_for_it(console: Console, browser: httpx2.Client) -> None:
    for call in ("GET /v1/saml/connections", "GET /v1/saml/policy"):
        console.platform.overrides[call] = refused(403)
    page = browser.get("/people/federation")
    assert page.status_code == 200
    assert "opened on request" in page.text


def test_a_connection_is_made_from_pasted_metadata(console: Console, browser: httpx2.Client) -> None:
    bodies = kept(
        console,
        "POST /v1/saml/connections",
        FAULTY,
    )
    form = {"name": "Works", "metadata": "<x/>", "default_role": "auditor"}
    page = console.post(browser, "/people/federation/new", form)
    assert bodies == [{"name": "Works", "metadata_xml": "<x/>", "default_role": "auditor"}]
    assert page.status_code == 422
    assert 'href="#metadata"' in page.text
    assert "&lt;x/&gt;" in page.text


@pytest.mark.parametrize(
    ("form", "call", "body"),
    [
        ({"act": "claim", "domain": "Works.example"}, "POST /domains", {"domain": "works.example"}),
        ({"act": "prove", "domain": "works.example"}, "POST /domains/works.example/prove", None),
        ({"act": "role", "default_role": "auditor"}, "PATCH ", {"default_role": "auditor"}),
        ({"act": "enable"}, "PATCH ", {"status": "active"}),
    ],
)
def test_each_step_of_the_set_up_is_one_call(
    console: Console, browser: httpx2.Client, form: dict[str, str], call: str, body: Any
) -> None:
    method, _, tail = call.partition(" ")
    bodies = kept(console, f"{method} /v1/saml/connections/{CONNECTION}{tail}", {})
    answer = console.post(browser, f"/people/federation/{CONNECTION}", form)
    assert answer.status_code == 303, answer.text
    assert bodies == [body]


def test_a_domain_whose_record_is_not_there_yet_keeps_the_page(console: Console, browser: httpx2.Client) -> None:
    call = f"POST /v1/saml/connections/{CONNECTION}/domains/works.example/prove"
    console.platform.overrides[call] = refused(409)
    path = f"/people/federation/{CONNECTION}?done=connection_claim"
    page = console.post(browser, path, {"act": "prove", "domain": "works.example"})
    assert page.status_code == 409
    assert "not in the DNS yet" in page.text
    assert "The domain is added" not in page.text  # the notice of the act before would contradict the fault


def test_passwords_are_refused_only_with_a_person_who_keeps_theirs(console: Console, browser: httpx2.Client) -> None:
    bodies = kept(console, "PUT /v1/saml/policy", {})
    console.platform.overrides["GET /v1/saml/policy"] = {"enforced": False, "break_glass_email": None}
    assert "no longer work" in browser.get("/people/federation/policy").text
    console.post(browser, "/people/federation/policy", {"enforced": "1", "email": "ada@riviera.example"})
    console.post(browser, "/people/federation/policy", {"enforced": "0"})
    assert bodies == [
        {"enforced": True, "break_glass_email": "ada@riviera.example"},
        {"enforced": False, "break_glass_email": None},
    ]


def test_the_areas_pages_need_a_scope_of_people() -> None:
    assert {page.scope for page in PAGES} == {READ, CHANGE}
    assert all(page.scope == CHANGE for page in PAGES if page.act is not None and page.name != "invitation")


@pytest.mark.parametrize("has_operators", [True, False])
def test_an_operator_is_invited_where_the_platform_has_that_role(
    console: Console, browser: httpx2.Client, *, has_operators: bool
) -> None:
    names = ["administrator", "quality_officer", "integrator", "auditor", *(["operator"] if has_operators else [])]
    roles = {"roles": [{"role": name, "description": "", "scopes": []} for name in names]}
    console.platform.overrides["GET /v1/platform/roles"] = roles
    refusal = refused(422, errors=[{"pointer": "/role", "code": "enum"}])
    invited = kept(console, "POST /v1/platform/invitations", Answer({}, 201) if has_operators else refusal)
    changed = kept(console, f"PUT {AT_AUTH}/role", {})
    for path in ("/people/invite", f"{PERSON}/role", "/people"):
        assert ('value="operator"' in browser.get(path).text) is has_operators
    form = {"email": "colleague@knogin.example", "role": "operator"}
    answer = console.post(browser, "/people/invite", form)
    assert (answer.status_code, "Choose one of the roles" in answer.text) == (
        (303, False) if has_operators else (422, True)
    )
    assert [one["role"] for one in invited] == ["operator"]
    if has_operators:
        assert console.post(browser, f"{PERSON}/role", {"role": "operator"}).status_code == 303
        assert changed == [{"role": "operator"}]


def test_a_link_leads_from_closed_federation_to_its_request(console: Console, visitors: Visitors) -> None:
    console.platform.overrides["GET /v1/saml/connections"] = refused(403)
    assert "/requests/new?capability=federation" in visitors().get("/people/federation").text
    without = visitors(Person(scopes=(READ, CHANGE))).get("/people/federation").text
    assert "/requests/new" not in without


def test_a_role_that_the_platform_does_not_know_is_a_fault_of_the_form(
    console: Console, browser: httpx2.Client
) -> None:
    console.platform.overrides[f"PUT {AT_AUTH}/role"] = Answer({"errors": [{"pointer": "/role"}]}, 422)
    page = console.post(browser, f"{PERSON}/role", {"role": "operator"})
    assert (page.status_code, 'href="#role"' in page.text) == (422, True)
