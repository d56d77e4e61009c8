"""Mail to an app's contacts: its content, its limits, and a mail server that is away."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from services.webhook_dispatcher import metrics
from services.webhook_dispatcher.history import decisions
from services.webhook_dispatcher.notices import mail_queries
from services.webhook_dispatcher.notices.mail import TEXTS, Post
from services.webhook_dispatcher.sending.signing import Vault
from services.webhook_dispatcher.settings import Settings
from shared.messaging.messages import Event
from shared.primitives.crypto import Keyring
from shared.process import settings as process_settings
from shared.process.mail import MOST_CONNECTIONS, is_address, parse
from shared.process.settings import Malformed
from shared.storage.database import task_transaction
from tests.support import alone
from tests.support.mail_sink import Poisoned, Sink, listening, text_of
from tests.support.receiver import Receiver
from tests.webhook_dispatcher.conftest import WEBHOOKS, Dispatcher, Partner, event

URL = "https://integrator.example/hooks/canary-path?key=canary-query"
CONTACTS = f"{WEBHOOKS}/contacts"
SENDER = "webhooks@platform.example"


@pytest.fixture
def sink() -> Iterator[Sink]:
    with listening() as sink:
        yield sink


@pytest.fixture(autouse=True)
def idle(dispatcher: Dispatcher) -> None:
    dispatcher.run("DELETE FROM mails")


def post(dispatcher: Dispatcher, url: str) -> int:
    vault = Vault(Keyring.from_text(alone.ENCRYPTION_KEYS))
    with task_transaction(dispatcher.pool) as conn:
        return Post(vault, parse(url) if url else None, SENDER).send(conn)


def about(partner: Partner, webhook: str, type: str, **changes: Any) -> tuple[str, Event]:
    return partner.tenant_id, event(type, webhook_id=webhook.rpartition("/")[2], **changes)


def test_contacts_are_read_replaced_and_removed(partner: Partner) -> None:
    assert partner.get(CONTACTS).json() == {"emails": [], "updated_at": None}
    given = ["ops@integrator.example", "on-call+argus@integrator.example"]
    changed = partner.put(CONTACTS, {"emails": given})
    assert (changed.status_code, changed.json()["emails"]) == (200, given)
    assert partner.get(CONTACTS).json() == changed.json()
    assert partner.put(CONTACTS, {"emails": given[:1]}).json()["emails"] == given[:1]
    assert partner.put(CONTACTS, {"emails": []}).json() == {"emails": [], "updated_at": None}


@pytest.mark.parametrize(
    ("emails", "pointer"),
    [
        (["nobody"], "/emails/0"),
        (["a@b.example", "A@B.example"], "/emails/1"),
        (["a@b.example\r\nBcc: c@d.example"], "/emails/0"),
        (["a@b.example, c@d.example"], "/emails/0"),
        (["Ops <a@b.example>"], "/emails/0"),
        (["a@[10.0.0.1]"], "/emails/0"),
        (["a@localhost"], "/emails/0"),
        (["è@b.example"], "/emails/0"),
        (["a@b.example"] * 6, "/emails"),
        ("a@b.example", "/emails"),
    ],
)
def test_what_is_no_address_is_refused_by_place(partner: Partner, emails: Any, pointer: str) -> None:
    answer = partner.put(CONTACTS, {"emails": emails})
    assert (answer.status_code, pointer in [error["pointer"] for error in answer.json()["errors"]]) == (422, True)
    assert partner.get(CONTACTS).json()["emails"] == []


def test_contacts_are_the_app_s_own_and_lie_encrypted(
    http: httpx2.Client, partner: Partner, dispatcher: Dispatcher
) -> None:
    partner.put(CONTACTS, {"emails": ["canary@integrator.example"]})
    assert Partner(http, partner.tenant_id).get(CONTACTS).json()["emails"] == []
    reader = Partner(http, partner.tenant_id, "webhooks:read", client_id=partner.client_id)
    assert reader.get(CONTACTS).json()["emails"] == ["canary@integrator.example"]
    assert reader.put(CONTACTS, {"emails": []}).status_code == 403
    for table in ("contacts", "audit"):
        rows = dispatcher.rows(f"SELECT * FROM {table} WHERE tenant_id = %s", partner.tenant_id)
        assert rows
        assert "canary" not in str(rows)
    dispatcher.change_app(partner, status="deleted")
    assert dispatcher.rows("SELECT 1 FROM contacts WHERE tenant_id = %s", partner.tenant_id) == []


@pytest.mark.parametrize("type", TEXTS)
def test_each_contact_gets_a_mail_in_both_languages_with_ids_and_nothing_else(
    partner: Partner, dispatcher: Dispatcher, sink: Sink, type: str
) -> None:
    emails = ["ops@integrator.example", "boss@integrator.example"]
    partner.put(CONTACTS, {"emails": emails})
    secrets = {
        "description": "canary-description",
        "headers": {"X-Key": "canary-header"},
        "secret": "canary-secret-canary",
    }
    webhook = partner.subscribe(URL, **secrets)
    dispatcher.fan_out([about(partner, webhook, type)])
    assert post(dispatcher, sink.url) == 1
    assert [message["To"] for message in sink.mails] == emails
    for message in sink.mails:
        content = text_of(message)
        assert message["From"] == SENDER
        assert message["Auto-Submitted"] == "auto-generated"
        assert message["Subject"] == " / ".join(TEXTS[type][0])
        assert webhook.rpartition("/")[2] in content
        assert partner.client_id in content
        assert "{" not in content
        assert "canary" not in str(message)
        assert "integrator.example" not in content
    assert len({message["Message-ID"] for message in sink.mails}) == 2
    assert post(dispatcher, sink.url) == 0


def test_a_mail_of_a_sandbox_says_so(partner: Partner, dispatcher: Dispatcher, sink: Sink) -> None:
    partner.put(CONTACTS, {"emails": ["ops@integrator.example"]})
    webhook = partner.subscribe(URL).rpartition("/")[2]
    dispatcher.fan_out([(partner.tenant_id, decisions.disabled_event(webhook, "gone", test=True))])
    post(dispatcher, sink.url)
    assert sink.mails[0]["Subject"].startswith("[sandbox] ")


def test_an_event_makes_its_mail_once(partner: Partner, dispatcher: Dispatcher, sink: Sink) -> None:
    partner.put(CONTACTS, {"emails": ["ops@integrator.example"]})
    one = about(partner, partner.subscribe(URL), "webhook.recovered")
    for _ in range(2):
        dispatcher.fan_out([one])
        post(dispatcher, sink.url)
    assert len(sink.mails) == 1


def test_without_contacts_or_for_another_tenant_s_webhook_there_is_no_mail(
    http: httpx2.Client, partner: Partner, dispatcher: Dispatcher, sink: Sink
) -> None:
    stranger = Partner(http)
    stranger.put(CONTACTS, {"emails": ["ops@integrator.example"]})
    theirs, mine = stranger.subscribe(URL), partner.subscribe(URL)
    dispatcher.fan_out([about(partner, mine, "webhook.recovered"), about(partner, theirs, "webhook.recovered")])
    assert post(dispatcher, sink.url) == 0
    dispatcher.fan_out([about(stranger, theirs, "webhook.recovered")])
    stranger.put(CONTACTS, {"emails": []})
    assert post(dispatcher, sink.url) == 1
    assert sink.mails == []


def test_an_app_and_an_organisation_get_so_many_mails_a_day(
    http: httpx2.Client, partner: Partner, dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail_queries, "OF_APP", 3)
    monkeypatch.setattr(mail_queries, "OF_TENANT", 5)
    apps = [partner, Partner(http, partner.tenant_id), Partner(http)]
    for app in apps:
        app.put(CONTACTS, {"emails": ["ops@integrator.example"]})
        webhook = app.subscribe(URL)
        dispatcher.fan_out([about(app, webhook, "webhook.recovered") for _ in range(4)])
        dispatcher.fan_out([about(app, webhook, "webhook.recovered")])
    counted = "SELECT count(*) AS number FROM mails WHERE client_id = %s"
    assert [dispatcher.rows(counted, app.client_id)[0]["number"] for app in apps] == [3, 2, 3]


def test_given_up_deliveries_make_one_mail_a_day_for_a_webhook(
    partner: Partner, dispatcher: Dispatcher, sink: Sink
) -> None:
    partner.put(CONTACTS, {"emails": ["ops@integrator.example"]})
    first, second = partner.subscribe(URL), partner.subscribe(URL)
    for _ in range(3):
        dispatcher.fan_out([about(partner, first, "delivery.exhausted")])
    dispatcher.fan_out([about(partner, second, "delivery.exhausted")])
    assert post(dispatcher, sink.url) == 2


def test_a_mail_server_that_is_away_stops_nothing_and_gets_the_mail_later(
    partner: Partner, dispatcher: Dispatcher, sink: Sink, receiver: Receiver
) -> None:
    partner.put(CONTACTS, {"emails": ["ops@integrator.example"]})
    webhook = partner.subscribe(receiver.url)
    dispatcher.fan_out([about(partner, webhook, "webhook.recovered")])
    assert post(dispatcher, "smtp+plain://127.0.0.1:9") == 0
    dispatcher.publish(partner.tenant_id, "incident.updated")
    dispatcher.pump_until(lambda: receiver.requests)
    assert post(dispatcher, sink.url) == 0, "it is due in a minute"
    dispatcher.run("UPDATE mails SET due_at = now()")
    assert post(dispatcher, sink.url) == 1
    assert len(sink.mails) == 1


@pytest.fixture
def poisoned() -> Iterator[Poisoned]:
    sink = Poisoned()
    yield sink
    sink.stop()


def test_a_contact_at_which_the_mail_server_hangs_up_delays_no_mail_of_others(
    http: httpx2.Client, dispatcher: Dispatcher, poisoned: Poisoned
) -> None:
    """The whole batch waited with it, and came due again beside it."""
    first, *others = [Partner(http) for _ in range(3)]
    for app in (first, *others):
        app.put(CONTACTS, {"emails": [poisoned.poison if app is first else f"{app.client_id}@integrator.example"]})
        dispatcher.fan_out([about(app, app.subscribe(URL), "webhook.recovered")])
    failed = metrics.mails.labels("failed")._value.get
    before = failed()
    assert post(dispatcher, poisoned.url) == 2
    assert failed() == before + 1
    assert {message["To"] for message in poisoned.mails} >= {f"{app.client_id}@integrator.example" for app in others}
    waiting = dispatcher.rows("SELECT tenant_id, attempts, due_at > now() AS later FROM mails WHERE NOT done")
    assert waiting == [{"tenant_id": first.tenant_id, "attempts": 1, "later": True}]


def test_many_such_contacts_use_few_connections_of_a_run_and_new_mail_comes_before_theirs(
    http: httpx2.Client, partner: Partner, dispatcher: Dispatcher, poisoned: Poisoned
) -> None:
    partner.put(CONTACTS, {"emails": [poisoned.poison]})
    webhook = partner.subscribe(URL)
    dispatcher.fan_out([about(partner, webhook, "webhook.recovered") for _ in range(10)])
    assert post(dispatcher, poisoned.url) == 0
    assert len(poisoned.mails) == MOST_CONNECTIONS
    untried = dispatcher.rows("SELECT count(*) AS number FROM mails WHERE attempts = 0 AND due_at <= clock_timestamp()")
    assert untried[0]["number"] == 10 - MOST_CONNECTIONS
    dispatcher.run("UPDATE mails SET attempts = 1, due_at = now() - interval '1 hour'")
    other = Partner(http)
    other.put(CONTACTS, {"emails": ["ops@integrator.example"]})
    dispatcher.fan_out([about(other, other.subscribe(URL), "webhook.recovered")])
    assert post(dispatcher, poisoned.url) == 1


PLANS = ("enable_nestloop", "enable_hashjoin", "enable_mergejoin")


@pytest.mark.parametrize("plan", PLANS)
def test_new_mail_comes_first_and_then_the_oldest_under_any_plan(
    partner: Partner, dispatcher: Dispatcher, plan: str
) -> None:
    """The order of rows that an UPDATE returns is that of its plan."""
    partner.put(CONTACTS, {"emails": ["ops@integrator.example"]})
    webhook = partner.subscribe(URL)
    dispatcher.fan_out([about(partner, webhook, "webhook.recovered") for _ in range(10)])
    dispatcher.run("UPDATE mails SET attempts = 1, due_at = created_at - random() * interval '1 day'")
    dispatcher.fan_out([about(partner, webhook, "webhook.failing")])
    due = dispatcher.rows("SELECT event_id FROM mails ORDER BY attempts, due_at")
    with task_transaction(dispatcher.pool) as conn:
        for other in {*PLANS} - {plan}:
            conn.execute(f"SET LOCAL {other} = off".encode())
        taken = [row[0] for row in conn.execute(mail_queries.TAKE)]
    assert taken == [row["event_id"] for row in due]


def test_a_mail_server_that_was_away_gets_all_mail_a_minute_later(
    partner: Partner, dispatcher: Dispatcher, sink: Sink
) -> None:
    """However long it was away: an hour of failures put everything off by another hour."""
    partner.put(CONTACTS, {"emails": ["ops@integrator.example"]})
    dispatcher.fan_out([about(partner, partner.subscribe(URL), "webhook.recovered")])
    for _ in range(4):
        assert post(dispatcher, "smtp+plain://127.0.0.1:9") == 0
        dispatcher.run("UPDATE mails SET due_at = due_at - interval '60 seconds'")
    assert post(dispatcher, sink.url) == 1


def test_a_contact_that_was_reached_gets_no_second_mail_because_of_another(
    partner: Partner, dispatcher: Dispatcher, poisoned: Poisoned
) -> None:
    """One contact of which each attempt failed made the others' mails as many as there are attempts in a day."""
    partner.put(CONTACTS, {"emails": ["ops@integrator.example", poisoned.poison]})
    dispatcher.fan_out([about(partner, partner.subscribe(URL), "webhook.recovered")])
    for _ in range(3):
        post(dispatcher, poisoned.url)
        dispatcher.run("UPDATE mails SET due_at = now()")
    assert [message["To"] for message in poisoned.mails].count("ops@integrator.example") == 1


def test_mail_that_is_a_day_old_is_dropped(partner: Partner, dispatcher: Dispatcher, sink: Sink) -> None:
    partner.put(CONTACTS, {"emails": ["ops@integrator.example"]})
    dispatcher.fan_out([about(partner, partner.subscribe(URL), "webhook.recovered")])
    dispatcher.run("UPDATE mails SET created_at = now() - interval '25 hours'")
    assert post(dispatcher, sink.url) == 0
    assert sink.mails == []
    dispatcher.run("UPDATE mails SET created_at = now() - interval '49 hours'")
    assert post(dispatcher, "") == 0
    assert dispatcher.rows("SELECT 1 FROM mails") == []


@pytest.mark.parametrize(
    "url",
    ["http://a", "smtp://", "smtp://a:b", "smtp://user@a", "smtp+plain://u:p@a", "smtps://a/b", "smtps://a?x", "a"],
)
def test_a_setting_that_names_no_mail_server_is_refused(url: str) -> None:
    with pytest.raises(Malformed):
        parse(url)


def test_a_mail_server_is_read_with_its_port_and_password() -> None:
    assert parse("smtps://me:p%40ss@mail.example") == ("smtps", "mail.example", 465, "me", "p@ss")
    assert parse("smtp://mail.example:25") == ("smtp", "mail.example", 25, "", "")


def test_a_server_without_a_sender_is_a_mistake_that_the_settings_name(settings: Settings) -> None:
    environment = alone.environment_of(settings, mail_server="smtps://mail.example", mail_from="")
    with pytest.raises(SystemExit, match="MAIL_FROM"):
        process_settings.load(Settings, environment)


def test_long_texts_are_no_addresses() -> None:
    assert is_address("a" * 64 + "@" + "b" * 60 + ".example")
    assert not is_address("a@" + "b." * 120 + "example")
