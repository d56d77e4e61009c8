"""Mail to the contacts of an app about its webhooks: failing, recovered, stopped, deliveries given up.

It names ids, times, counts and classes of errors: no address of a receiver, no data of an event, no secret. A mail server that is away
stops nothing: its mail waits, at most a day.
"""

import logging
import smtplib
from collections.abc import Iterable
from email.message import EmailMessage
from typing import Any

import msgspec
from psycopg.rows import class_row

from services.webhook_dispatcher import metrics
from services.webhook_dispatcher.notices import mail_queries as queries
from services.webhook_dispatcher.sending.signing import Vault
from shared.messaging.messages import Event, Received
from shared.primitives.crypto import UnreadableCiphertext
from shared.process import mail as mails
from shared.process.mail import MailServer
from shared.storage.database import Connection

log = logging.getLogger(__name__)
# By type of event: the subject and the sentence, in English and in Italian.
TEXTS = {
    "webhook.failing": (
        ("A webhook is failing", "Un webhook non funziona"),
        (
            "The webhook {webhook_id} has failed since {failing_since}, without a success. The last error: {error}.",
            "Il webhook {webhook_id} fallisce dal {failing_since}, senza alcun successo. L'ultimo errore: {error}.",
        ),
    ),
    "webhook.recovered": (
        ("A webhook has recovered", "Un webhook funziona di nuovo"),
        (
            "The webhook {webhook_id} took a delivery at {recovered_at}. It had failed since {failing_since}. What waits follows.",
            "Il webhook {webhook_id} ha accettato una consegna il {recovered_at}. Falliva dal {failing_since}. Segue ciò che attende.",
        ),
    ),
    "webhook.disabled": (
        ("A webhook was disabled", "Un webhook è stato disattivato"),
        (
            "The webhook {webhook_id} gets no deliveries until it is enabled. The reason: {reason}. Its events are kept.",
            "Il webhook {webhook_id} non riceve consegne finché non è riattivato. Il motivo: {reason}. I suoi eventi sono conservati.",
        ),
    ),
    "delivery.exhausted": (
        ("Deliveries were given up", "Alcune consegne sono state abbandonate"),
        (
            "{deliveries} deliveries of the webhook {webhook_id} were given up after their last attempt, the newest is {delivery_id}.",
            "{deliveries} consegne del webhook {webhook_id} sono state abbandonate dopo l'ultimo tentativo; l'ultima è {delivery_id}.",
        ),
    ),
}
FOOT = (
    "GET /v1/webhooks/{webhook_id} and GET /v1/webhooks/{webhook_id}/deliveries show more. You get this because the app {client_id} names"
    " you as a contact: PUT /v1/webhooks/contacts changes that.",
    "GET /v1/webhooks/{webhook_id} e GET /v1/webhooks/{webhook_id}/deliveries mostrano di più. Ricevi questo messaggio perché l'app"
    " {client_id} ti indica come contatto: PUT /v1/webhooks/contacts lo cambia.",
)


class Mail(msgspec.Struct, kw_only=True):
    """A row of `mails`, with the app's contacts as they are now, encrypted; None where there are none any more."""

    event_id: str
    tenant_id: str
    client_id: str
    webhook_id: str
    type: str
    data: dict[str, Any]
    test: bool
    reached: int
    emails: bytes | None


def enqueue(conn: Connection, messages: Iterable[Received[Event]]) -> None:
    """Stores mail about the webhooks of these events, for apps with contacts and within their limits. An event makes it once."""
    events = [
        {
            "event_id": message.body.event_id,
            "tenant_id": message.tenant_id,
            "webhook_id": message.body.data["webhook_id"],
            "type": message.body.type,
            "data": message.body.data,
            "test": message.body.test,
        }
        for message in messages
        if message.body.type in TEXTS
    ]
    if events:
        limits = {"of_app": queries.OF_APP, "of_tenant": queries.OF_TENANT}
        conn.execute(queries.ENQUEUE, {"events": msgspec.json.encode(events).decode(), **limits})


class Post:
    """The job that sends due mail, over one connection for each run unless the server ends it."""

    def __init__(self, vault: Vault, server: MailServer | None, sender: str, ca_file: str = "") -> None:
        self._vault = vault
        self._server = server
        self._sender = sender
        self._ca_file = ca_file

    def send(self, conn: Connection) -> int:
        """Sends at most twenty. Returns how many are done with: sent, refused for good, or without a contact."""
        metrics.mails.labels("expired").inc(conn.execute(queries.GIVE_UP).rowcount)
        conn.execute(queries.FORGET)
        if self._server is None:
            return 0
        with conn.cursor(row_factory=class_row(Mail)) as cursor:
            due = cursor.execute(queries.TAKE).fetchall()
        (age,) = conn.execute(queries.MEASURE).fetchone() or (0.0,)
        metrics.oldest_mail.set(max(0.0, age))
        conn.commit()
        run = mails.send_all(self._server, self._ca_file, due, lambda smtp: self._send_first(conn, smtp, due))
        metrics.mails.labels("failed").inc(run.failed)
        if due:
            conn.execute(queries.GIVE_BACK, {"event_ids": [mail.event_id for mail in due], "seconds": run.pause})
            conn.commit()
        return run.done

    def _send_first(self, conn: Connection, smtp: smtplib.SMTP, left: list[Mail]) -> bool:
        """Removes the first and sends it. Whether it is done with. Raises OSError where the server is away."""
        mail = left.pop(0)
        reached, is_done = Reached(mail.reached), False
        try:
            emails = self._vault.contacts(mail.client_id, mail.emails) if mail.emails is not None else []
            # To the contacts that it has not reached; it is done when none of them is to be tried again.
            refused_for_now = False
            for number, email in enumerate(emails):
                if number in reached:
                    continue
                outcome = mails.deliver(smtp, compose(mail, self._sender, email, number))
                refused_for_now |= outcome == "waits"
                metrics.mails.labels("sent" if outcome == "sent" else "refused").inc()
                if outcome == "sent":
                    reached.add(number)
            is_done = not refused_for_now
        except UnreadableCiphertext:
            log.error("the contacts of %s cannot be decrypted; their mail waits for the key", mail.client_id)
        finally:
            conn.execute(queries.TRIED, {"event_id": mail.event_id, "done": is_done, "reached": reached.bits})
            conn.commit()
        return is_done


class Reached:
    """The places of an app's contacts that a mail has reached, as bits."""

    def __init__(self, bits: int) -> None:
        self.bits = bits

    def __contains__(self, number: int) -> bool:
        return bool(self.bits >> number & 1)

    def add(self, number: int) -> None:
        self.bits |= 1 << number


def compose(mail: Mail, sender: str, email: str, number: int) -> EmailMessage:
    """One message to one contact, in English and Italian. A second attempt has the same `Message-ID`."""
    subjects, sentences = TEXTS[mail.type]
    facts = {name: str(value) for name, value in mail.data.items()}
    facts |= {"webhook_id": mail.webhook_id, "client_id": mail.client_id}
    marks = ("[sandbox] ", "[sandbox] ") if mail.test else ("", "")
    paragraphs = [
        f"{sentence.format_map(facts)}\n\n{foot.format_map(facts)}"
        for sentence, foot in zip(sentences, FOOT, strict=True)
    ]
    subject = " / ".join(f"{mark}{text}" for mark, text in zip(marks, subjects, strict=True))
    return mails.compose(sender, email, subject, f"{mail.event_id}.{number}", paragraphs)
