"""An operator stops a webhook on a whole stack: the question names whose it is, both sides see the stop, and one act lifts it."""

import html
import re
from collections.abc import Iterator

import httpx2
import pytest

from deploy.local.state import read_json
from tests.console.through import Signed
from tests.support.receiver import Receiver, running
from tests.support.stack import Stack
from tests.support.waiting import wait_for

pytestmark = pytest.mark.full

REASON = "It floods a hospital since noon"
RAW = re.compile(r"stopped_by_operator|http_status:|\bdns_error\b|\bconnection_error\b")
TRIED = ("tried again by itself", "It is tried again", "Next try")


@pytest.fixture(scope="module")
def operator(stack: Stack) -> Iterator[Signed]:
    known = read_json(stack.file.parent / "bootstrap-input.json")["operator"]
    signed = Signed(stack, known["email"], known["password"], known["second_factor"])
    yield signed
    signed.close()


@pytest.fixture(scope="module")
def administrator(stack: Stack) -> Iterator[Signed]:
    signed = Signed(stack)
    yield signed
    signed.close()


def read(person: Signed, path: str) -> str:
    """The page, which the limit of calls may delay."""
    answer = wait_for(lambda: found if (found := person.get(path)).status_code != 429 else None, what=path)
    assert answer.status_code == 200, (path, answer.status_code)
    return html.unescape(answer.text)


def posted(person: Signed, path: str, form: dict[str, str]) -> httpx2.Response:
    """The answer, which the limit of calls may delay."""
    return wait_for(lambda: found if (found := person.post(path, form)).status_code != 429 else None, what=path)


def acted(operator: Signed, action: str, subject: str, service: str = "webhook-dispatcher") -> None:
    made = operator.post(f"/operators/ask/{service}/{action}/{subject}", {"reason": REASON})
    assert made.status_code == 303, made.text
    page = made.headers["location"].partition("?")[0]
    wait_for(lambda: "Done" in read(operator, page), what=f"the act {action}")


def test_a_stop_is_asked_for_by_name_and_both_sides_see_it_until_it_is_lifted(
    stack: Stack, operator: Signed, administrator: Signed
) -> None:
    app = stack.register_app(["webhooks:write", "argus:epcr:write"])
    stack.govern(app, approved_events=["epcr.*"])
    token = stack.token(app, "webhooks:write argus:epcr:write")
    with stack.client("auth", stack.admin_token) as auth:
        name = auth.get(f"/v1/platform/apps/{app.client_id}").json()["name"]
    faults = list[str]()

    def check(what: str, page: str, *has: str, lacks: tuple[str, ...] = ()) -> None:
        faults.extend(f"{what}: lacks {text!r}" for text in has if text not in page)
        faults.extend(f"{what}: has {text!r}" for text in lacks if text in page)
        faults.extend(f"{what}: has the code {code}" for code in RAW.findall(re.sub(r"<code.*?</code>", "", page)))

    with running(Receiver()) as receiver:
        id = stack.subscribe(token, receiver.url, "epcr.encounter.created")
        page = f"/webhooks/{id}"
        sent = administrator.post(f"{page}/test", {})
        wait_for(lambda: "The receiver took it" in read(administrator, sent.headers["location"]), what="the test")
        wait_for(
            lambda: "answers; no events in 7 days" in read(administrator, page), what="the tag of a tested webhook"
        )
        question = read(operator, f"/operators/ask/webhook-dispatcher/webhook.stop/{id}")
        check("the question", question, "127.0.0.1", name, "Riviera Emergency Services", id)
        acted(operator, "webhook.stop", id)
        for path in ("/operators", "/operators/switches"):
            link = f"/operators/ask/webhook-dispatcher/webhook.resume/{id}"
            check(path, read(operator, path), REASON, name, "Riviera Emergency Services", link, "The act", "of ")
        stopped = read(administrator, page)
        check(page, stopped, "stopped by Knogin", "An operator of Knogin stopped it", REASON, "/enable", lacks=TRIED)
        check("its test button", stopped, lacks=("Send a test",))
        # Others' webhooks on this stack may be tried again.
        rows = [row for row in read(administrator, "/webhooks").split("<tr") if id in row]
        check("its row in the list", "".join(rows), "An operator of Knogin stopped it", lacks=TRIED)
        check("the front page", read(administrator, "/"), "stopped by an operator of Knogin", lacks=TRIED)
        acted(operator, "webhook.resume", id)
        check("the list after it", read(operator, "/operators/switches"), lacks=(id,))
        check("the page after it", read(administrator, page), lacks=("stopped by Knogin", REASON))
    assert not faults, "\n".join(faults)


def test_the_act_on_every_organisation_is_not_beside_the_others_and_wants_its_words(operator: Signed) -> None:
    faults = list[str]()
    switches = read(operator, "/operators/switches")
    if 'value="signing_keys.distrust"' in switches:
        faults.append("it is a choice beside the others")
    if operator.get("/operators/switches?action=signing_keys.distrust&subject=signing-keys").status_code != 422:
        faults.append("the form of the others leads to it")
    path = "/operators/ask/auth/signing_keys.distrust/signing-keys"
    page = read(operator, path)
    if "Every organisation of the platform" not in page or 'name="word"' not in page:
        faults.append("its page does not name every organisation, or wants no words")
    for word in ("", "yes", "signing-keys", "every"):
        answer = operator.post(path, {"reason": REASON, "word": word})
        if answer.status_code != 422 or 'name="word"' not in answer.text:
            faults.append(f"{word!r} is taken for its words: {answer.status_code}")
    if REASON in read(operator, "/operators/acts?service=auth"):
        faults.append("an act was written down")
    assert not faults, "\n".join(faults)


@pytest.fixture(scope="module")
def request_page(operator: Signed, administrator: Signed) -> str:
    """The operator's page of a request that a person sent in the console; it opened the own sign-in of their organisation."""
    form = {"capability": "federation", "domains": "riviera.example", "identity_provider": "Keycloak", "reason": "One"}
    made = administrator.post("/requests/new", form)
    assert made.status_code == 303, made.text
    id = made.headers["location"].partition("?")[0].rpartition("/")[2]
    acted(operator, "integration_request.approve", id, "auth")
    return read(operator, f"/operators/requests/{id}")


def test_a_request_says_which_person_asked_and_not_the_console(stack: Stack, request_page: str) -> None:
    with stack.client("auth", stack.admin_token) as auth:
        people = auth.get("/v1/platform/users", params={"limit": 100}).json()["users"]
    name = next(one["name"] for one in people if one["email"] == stack.tenant.email)
    asked = request_page.partition("Asked by")[2].partition("</dd>")[0]
    assert name in asked
    assert "usr_" in asked
    assert "app_" not in asked


PARSERS = re.compile(
    r"Start tag|xmlParse|lxml|line \d+, column|Expecting value|JSONDecode|Extra data|not well-formed|ASN1|ASN\.1"
    r"|deserialize|openssl|MalformedFraming|Traceback|ParseError|Errno|Invalid IPv6|msgspec",
    re.IGNORECASE,
)


@pytest.mark.usefixtures("request_page")
def test_a_form_that_takes_a_document_answers_nonsense_in_plain_words(stack: Stack, administrator: Signed) -> None:
    app = stack.register_app(["webhooks:write"])
    stack.govern(app, approved_events=["incident.*"])
    id = stack.subscribe(stack.token(app, "webhooks:write"), "https://receiver.example/hook", "incident.created")
    pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"
    xml = '<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata">'
    forms = {
        **{
            f"metadata {number}": ("/people/federation/new", {"name": "Idp", "metadata": text})
            for number, text in enumerate(("hello", xml, "<a>&nbsp;</a>", "{}", "<!DOCTYPE a><a/>", "<a/>", "<a><!-- --></a>"))
        },
        **{
            f"filter {number}": (f"/webhooks/{id}/filter", {"filter": text, "what": "save"})
            for number, text in enumerate(("{", "{} {}", "[1,", "nonsense", '{"pointer": 1}'))
        },
        **{
            f"certificate {number}": (
                f"/webhooks/{id}/identity",
                {"act": "certificate", "certificate": text, "private_key": text},
            )
            for number, text in enumerate(("hello", pem, pem.replace("CERTIFICATE", "PRIVATE KEY"), "-----BEGIN"))
        },
        **{
            f"address {number}": (f"/webhooks/{id}/edit", {"url": text, "events": "incident.created"})
            for number, text in enumerate(("http://[", "nonsense", "https://", "https://exa mple", "ftp://receiver.example"))
        },
        **{
            f"token address {number}": (
                f"/webhooks/{id}/identity",
                {"act": "oauth", "token_url": text, "oauth_client": "a", "oauth_secret": "b"},
            )
            for number, text in enumerate(("http://[", "nonsense", "https://"))
        },
    }  # fmt: skip
    faults = list[str]()
    for name, (path, form) in forms.items():
        answer = posted(administrator, path, form)
        alert = html.unescape(answer.text.partition('role="alert"')[2].partition("</div>")[0])
        if answer.status_code != 422 or "<li" not in alert:
            faults.append(f"{name}: {answer.status_code} without a fault: {alert[:200]}")
        elif found := PARSERS.search(alert):
            faults.append(f"{name}: shows the words of a parser: {found[0]} in {alert}")
    assert not faults, "\n".join(faults)
