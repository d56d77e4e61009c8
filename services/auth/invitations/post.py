"""The relay's job that sends invitations. A mail server that is away stops nothing: its mail waits, at most a day."""

import logging
import smtplib
from email.message import EmailMessage

from psycopg.rows import class_row

from services.auth import metrics
from services.auth.invitations import links, queries
from services.auth.invitations.models import DueMail
from services.auth.settings import Settings
from shared.primitives.crypto import Keyring
from shared.process import mail as mails
from shared.storage.database import Connection

PLACES = {"of_address": 5, "reserved": 2, "of_sandboxes": 2}
"""Mails to one address within a day: of all organisations, the last ones only of organisations that had none yet; and of all sandboxes.
Further ones wait."""
SUBJECT = "Invitation to Knogin / Invito a Knogin"
SANDBOX = ("A sandbox of the Knogin platform", "Una sandbox della piattaforma Knogin")
ROLES = {
    "administrator": ("administrator", "amministratore"),
    "quality_officer": ("quality officer", "responsabile della qualità"),
    "integrator": ("integrator", "integratore"),
    "auditor": ("auditor", "revisore"),
    "operator": ("operator of the platform", "operatore della piattaforma"),
}
TEXTS = (
    "{organisation} invites you to Knogin. Your role: {role}.\n\nChoose your name and a password here:\n{link}\n\n"
    "The link is good once, until {until} UTC or a newer mail of this invitation."
    " If you do not expect this invitation, do nothing: without the link there is no account.",
    "{organisation} ti invita su Knogin. Il tuo ruolo: {role}.\n\nScegli qui il nome e una password:\n{link}\n\n"
    "Il link vale una volta sola, fino al {until} UTC o a una mail più recente di questo invito."
    " Se non aspetti questo invito, non fare nulla: senza il link non esiste alcun"
    " account.",
)
log = logging.getLogger(__name__)


class Post:
    """Sends due mail, over one connection for each run unless the server ends it. `server` is None where the installation sends none."""

    def __init__(self, settings: Settings) -> None:
        self._keyring = Keyring.from_text(settings.encryption_keys)
        self._server = mails.parse(settings.mail_server) if settings.mail_server else None
        self._settings = settings

    def send(self, conn: Connection) -> int:
        """Sends at most twenty. Returns how many are done with: sent, or refused for good."""
        metrics.invitation_mails.labels("expired").inc(conn.execute(queries.GIVE_UP).rowcount)
        if self._server is None:
            return 0
        with conn.cursor(row_factory=class_row(DueMail)) as cursor:
            due = cursor.execute(queries.TAKE, PLACES).fetchall()
        messages = []
        for mail in due:
            mac = links.mac_of(self._keyring, self._token(mail))
            # No row changes where the invitation has ended, or got a newer mail.
            if conn.execute(queries.SET_TOKEN, (mac, mail.invitation_id, mail.number)).rowcount:
                messages.append((mail, self._compose(mail)))
        (age,) = conn.execute(queries.MEASURE, PLACES).fetchone() or (0.0,)
        metrics.oldest_invitation_mail.set(max(0.0, age))
        conn.commit()
        if not messages:
            return 0

        def send_first(smtp: smtplib.SMTP) -> bool:
            mail, message = messages.pop(0)
            outcome = mails.deliver(smtp, message)
            metrics.invitation_mails.labels("refused" if outcome == "waits" else outcome).inc()
            if outcome != "waits":
                conn.execute(queries.DONE, (outcome == "sent", mail.id))
                conn.commit()
            return outcome != "waits"

        run = mails.send_all(self._server, self._settings.mail_ca_file, messages, send_first)
        metrics.invitation_mails.labels("failed").inc(run.failed)
        if messages:
            conn.execute(queries.GIVE_BACK, {"ids": [mail.id for mail, _ in messages], "seconds": run.pause})
            conn.commit()
        return run.done

    def _token(self, mail: DueMail) -> str:
        return links.token_of(self._keyring, mail.invitation_id, mail.number)

    def _compose(self, mail: DueMail) -> EmailMessage:
        """In English and Italian. Names nothing that a caller may write: an organisation's name is the operator's, a sandbox's is not."""
        link = f"{self._settings.issuer}/v1/auth/invitation?invitation={self._token(mail)}"
        name = "".join(one for one in mail.organisation if one.isprintable())
        organisations = SANDBOX if mail.is_sandbox else (name, name)
        paragraphs = [
            text.format(organisation=organisation, role=role, link=link, until=f"{mail.expires_at:%Y-%m-%d %H:%M}")
            for text, organisation, role in zip(TEXTS, organisations, ROLES[mail.role], strict=True)
        ]
        message_id = f"{mail.invitation_id}.{mail.number}"
        return mails.compose(self._settings.mail_from, mail.email, SUBJECT, message_id, paragraphs)
