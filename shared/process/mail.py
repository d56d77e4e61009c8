"""Mail of services: the server that a setting names, connections to it (SMTP, RFC 5321), and messages to one address each."""

import logging
import re
import smtplib
import ssl
from collections.abc import Callable, Sized
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Annotated, Literal, NamedTuple
from urllib.parse import unquote, urlsplit

from shared.process import settings, telemetry
from shared.process.settings import Malformed

# `smtp` changes to TLS before anything else (RFC 3207), `smtps` begins with it (RFC 8314); `smtp+plain` has none.
PORTS = {"smtp": 587, "smtps": 465, "smtp+plain": 25}
SECONDS = 10.0
# One address of a contact. Quoted local parts and addresses in brackets (RFC 5321 §4.1.2) are not taken.
ADDRESS = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,64}(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,64}){0,15}"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8}[A-Za-z]{2,63}"
)
LONGEST = 254
# Of one run. Each after the first follows a mail at which the server hung, for ten seconds, or hung up.
MOST_CONNECTIONS = 4
# Until mail is tried again that no server took.
AWAY_SECONDS = 60
log = logging.getLogger(__name__)


class MailServer(NamedTuple):
    """`user` is empty where none signs in."""

    scheme: str
    host: str
    port: int
    user: str
    password: str


def is_address(text: str) -> bool:
    return len(text) <= LONGEST and ADDRESS.fullmatch(text) is not None


def check_address(text: str) -> None:
    if not is_address(text):
        raise Malformed("it is not one address")


def parse(text: str) -> MailServer:
    """Reads `smtps://user:password@host:465`. Raises Malformed, whose text quotes nothing."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise Malformed("its port is no number") from None
    if parts.scheme not in PORTS:
        raise Malformed("it begins with none of smtp://, smtps:// and smtp+plain://")
    if not parts.hostname or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise Malformed("it is scheme, user, password, host and port")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if bool(user) is not bool(password):
        raise Malformed("user and password come together")
    if user and parts.scheme == "smtp+plain":
        raise Malformed("a password is sent over TLS alone")
    return MailServer(parts.scheme, parts.hostname, port or PORTS[parts.scheme], user, password)


def connect(server: MailServer, ca_file: str = "") -> smtplib.SMTP:
    """A connection that may send. Each step takes at most ten seconds. Raises OSError, which smtplib's own errors are."""
    context = ssl.create_default_context(cafile=ca_file or None)
    if server.scheme == "smtps":
        smtp: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=SECONDS, context=context)
    else:
        smtp = smtplib.SMTP(server.host, server.port, timeout=SECONDS)
    try:
        if server.scheme == "smtp":
            smtp.starttls(context=context)
        if server.user:
            smtp.login(server.user, server.password)
    except BaseException:
        smtp.close()
        raise
    return smtp


class Settings(settings.Service, frozen=True, kw_only=True):
    """The settings of a service that sends mail, which needs both a server and a sender.

    A process with `mail_from` alone leaves the sending to another one.
    """

    mail_server: Annotated[str, settings.Form("smtps://<user>:<password>@<host>:<port>", parse)] = ""
    mail_from: Annotated[str, settings.Form("one address", check_address)] = ""
    mail_ca_file: settings.ReadableFile = ""

    def __post_init__(self) -> None:
        if self.mail_server and not self.mail_from:
            raise ValueError("MAIL_SERVER needs MAIL_FROM")


def compose(sender: str, to: str, subject: str, message_id: str, paragraphs: list[str]) -> EmailMessage:
    """A message of plain text. The same `message_id` marks a second attempt. Raises ValueError for a line break in a header."""
    message = EmailMessage()
    message["Subject"] = subject
    message["From"], message["To"] = sender, to
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = f"<{message_id}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834 §5: no out-of-office answer comes back
    message.set_content("\n\n--\n\n".join(paragraphs) + "\n")
    return message


PERMANENT = 500
Outcome = Literal["sent", "refused", "waits"]


def deliver(smtp: smtplib.SMTP, message: EmailMessage) -> Outcome:
    """Sends a message to its one address: taken, refused for good, or refused for now. Raises OSError where the server is away."""
    try:
        smtp.send_message(message)
    except smtplib.SMTPServerDisconnected:
        raise
    except smtplib.SMTPRecipientsRefused as error:
        return "waits" if any(code < PERMANENT for code, _ in error.recipients.values()) else "refused"
    except smtplib.SMTPResponseException as error:
        return "waits" if error.smtp_code < PERMANENT else "refused"
    return "sent"


class Run(NamedTuple):
    """Mails that are done with, connections that failed, and the seconds after which those that are left may be tried again."""

    done: int
    failed: int
    pause: int


def send_all(server: MailServer, ca_file: str, left: Sized, send_first: Callable[[smtplib.SMTP], bool]) -> Run:
    """Sends while mails are left. `send_first` removes the first one and sends it: whether it is done with.

    A mail at which the server hangs or hangs up is put off alone: the next one gets a connection of its own. After `MOST_CONNECTIONS`
    the rest is left, untried.
    """
    due, done, failed = len(left), 0, 0
    while left and failed < MOST_CONNECTIONS:
        try:
            with connect(server, ca_file) as smtp:
                while left:
                    done += send_first(smtp)
        except (OSError, smtplib.SMTPException) as error:
            failed += 1
            log.warning("mail waits: %s", telemetry.describe(error))
            if len(left) == due:
                return Run(done, failed, AWAY_SECONDS)
    return Run(done, failed, 0)
