"""`doctor`: checks the road from this machine to the platform, and names the remedy of each fault."""

from __future__ import annotations

import argparse
import itertools
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from .. import models, problems
from .._transport import Answer, located
from .._version import CONTRACT, VERSION
from ..errors import APIError, ConnectionFailed, KnoginError
from .failures import REFUSED, Failure, credentials_are_given
from .output import Output, at
from .session import Session, ends_at, without_token
from .signing_in import is_accepted

SIGNS = {"ok": ("ok  ", "good"), "warn": ("warn", "warn"), "fail": ("FAIL", "bad"), "skip": ("skip", "quiet")}
CLOCK_WARN, CLOCK_FAIL = 10.0, 240.0
"""Seconds. Webhooks of 300 s are refused by the SDK."""
CERTIFICATE_DAYS = 14
USEFUL = {
    "webhooks:read": "deliveries list, logs tail",
    "webhooks:write": "deliveries retry, recover, trigger",
    "offline_access": "staying signed in",
}
MOST_WEBHOOKS = 20


class Finding(NamedTuple):
    check: str
    state: str
    text: str
    remedy: str = ""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "doctor",
        help="check address, clock, TLS, sign-in, scopes and webhooks",
        epilog="""examples:
  knogin doctor
  knogin doctor --json | jq '.[] | select(.state == "fail")'

It ends with 1 if a check fails.""",
    )
    parser.set_defaults(run=doctor_command)


def doctor_command(arguments: argparse.Namespace, session: Session, output: Output) -> int:
    findings: list[Finding] = []
    for finding in _findings(session):
        findings.append(finding)
        if not output.as_json:
            sign, style = SIGNS[finding.state]
            output.line(f"{output.styled(sign, style)}  {finding.check.ljust(10)}  {finding.text}")
            if finding.remedy:
                output.line(f"                  → {finding.remedy}")
    if output.as_json:
        output.json([finding._asdict() for finding in findings])
    return REFUSED if any(finding.state == "fail" for finding in findings) else 0


def _findings(session: Session) -> Iterator[Finding]:
    yield Finding("version", "ok", f"knogin {VERSION}, contract {CONTRACT}")
    try:
        base_url = session.base_url
    except Failure as failure:
        yield Finding("sign-in", "fail", str(failure), failure.remedy)
        return
    reached = False
    for finding in _reaches(base_url):
        reached = finding.state != "fail" if finding.check == "answer" else reached
        yield finding
    if not reached:
        yield Finding("the rest", "skip", "needs an answer of the platform")
        return
    signed_in = False
    for finding in _sign_in(session):
        signed_in = finding.state == "ok" if finding.check == "token" else signed_in
        yield finding
    if signed_in:
        yield from _scopes(session)
        yield from _webhooks(session)


def _reaches(base_url: str) -> Iterator[Finding]:
    """Name, connection and TLS, then the platform's own answer, its clock and its issuer."""
    url, host = located(base_url)
    port = url.port or (443 if url.scheme == "https" else 80)
    try:
        addresses = sorted({str(one[4][0]) for one in socket.getaddrinfo(url.host, port, type=socket.SOCK_STREAM)})
    except OSError:
        yield Finding(
            "name",
            "fail",
            f"{url.host} does not resolve",
            "Check KNOGIN_BASE_URL or --base-url, and your DNS; a VPN may be needed.",
        )
        return
    yield Finding("name", "ok", f"{host} is {', '.join(addresses[:3])}")
    if url.scheme == "https":
        yield _certificate(url.host, port)
    elif not url.host.startswith("127.") and url.host != "::1":
        yield Finding("TLS", "fail", "the address is plain http", "Use https: tokens can be read on the way.")
    dates: list[str] = []
    started, before = time.monotonic(), time.time()

    def dated(_: object, answer: Answer) -> None:
        dates.append(answer.headers.get("date", ""))

    with without_token(base_url, max_retries=0, timeout=10, on_response=dated) as client:
        try:
            issuer = client.oauth.get_authorization_server_metadata().issuer
        except ConnectionFailed as error:
            cause = error.__cause__
            hint = "A firewall or proxy may be in the way; or the platform is down: knogin doctor again in a minute."
            yield Finding("answer", "fail", f"no answer: {type(cause).__name__}: {cause}", hint)
            return
        except APIError as error:
            text = f"{base_url} answers HTTP {error.status}, and not as the platform does"
            yield Finding("answer", "fail", text, "Is the address right? A proxy may answer instead.")
            return
    took = time.monotonic() - started
    yield Finding("answer", "ok", f"in {took * 1000:.0f} ms; tokens come from {issuer}")
    yield _clock(dates[-1] if dates else "", before + took / 2)


def _certificate(host: str, port: int) -> Finding:
    try:
        context = ssl.create_default_context()
        with (
            socket.create_connection((host, port), 10) as plain,
            context.wrap_socket(plain, server_hostname=host) as secure,
        ):
            certificate, version = secure.getpeercert() or {}, secure.version()
    except ssl.SSLCertVerificationError as error:
        remedy = "A proxy may replace certificates: add its authority to this machine (SSL_CERT_FILE). Never switch the check off."
        return Finding("TLS", "fail", f"the certificate is not trusted: {error.verify_message}", remedy)
    except OSError as error:
        return Finding("TLS", "fail", f"no TLS connection: {error}", "Check the port, and firewalls.")
    ends = str(certificate.get("notAfter", ""))
    left = (ssl.cert_time_to_seconds(ends) - time.time()) / 86_400 if ends else 0
    state = "ok" if left > CERTIFICATE_DAYS else "warn"
    remedy = "" if state == "ok" else "Tell the platform's operators."
    return Finding("TLS", state, f"{version}, certificate for {left:.0f} more days", remedy)


def _clock(date: str, now: float) -> Finding:
    """`now` is this machine's time when the platform wrote its date."""
    try:
        apart = abs(parsedate_to_datetime(date).timestamp() + 0.5 - now)
    except (TypeError, ValueError):
        return Finding("clock", "skip", "the answer has no date")
    if apart < CLOCK_WARN:
        return Finding("clock", "ok", f"{apart:.0f} s from the platform's")
    state = "fail" if apart > CLOCK_FAIL else "warn"
    text = f"{apart:.0f} s from the platform's; webhooks are refused beyond 300 s"
    return Finding("clock", state, text, "Switch on time synchronisation (NTP) on this machine.")


def _sign_in(session: Session) -> Iterator[Finding]:
    if credentials_are_given():
        yield Finding("sign-in", "ok", "from the environment (KNOGIN_TOKEN or KNOGIN_CLIENT_SECRET)")
    else:
        try:
            kept = session.store.read()
        except Failure as failure:
            yield Finding("sign-in", "fail", str(failure), failure.remedy)
            return
        if kept is None:
            yield Finding(
                "sign-in", "fail", f"profile {session.store.profile}: none", "Run: knogin login --client-id app_…"
            )
            return
        lasting = "renewed by itself" if kept.refresh_token else "ends with its token"
        yield Finding("sign-in", "ok", f"profile {session.store.profile} in {session.store.path}; {lasting}")
    try:
        claims, accepted = session.claims(), is_accepted(session)
    except Failure as failure:
        yield Finding("token", "fail", str(failure), failure.remedy)
        return
    except KnoginError as error:
        remedy = "Check KNOGIN_CLIENT_ID and KNOGIN_CLIENT_SECRET, or run: knogin login"
        yield Finding("token", "fail", str(error), remedy)
        return
    if not accepted:
        yield Finding("token", "fail", "the platform refuses it: it has ended or was revoked", "Run: knogin login")
        return
    yield Finding("token", "ok", f"of {claims.client_id} for {claims.sub}, until {at(ends_at(claims))}")


def _scopes(session: Session) -> Iterator[Finding]:
    held = set(session.claims().scopes)
    # Writing includes reading.
    held |= {name.replace(":write", ":read") for name in held}
    missing = {name: use for name, use in USEFUL.items() if name not in held}
    if credentials_are_given():
        missing.pop("offline_access", None)
    if not missing:
        yield Finding("scopes", "ok", " ".join(sorted(session.claims().scopes)))
        return
    for name, use in missing.items():
        remedy = "Ask an administrator to add it to the app, then run: knogin login"
        yield Finding("scopes", "warn", f"{name} is missing, for {use}", remedy)


def _webhooks(session: Session) -> Iterator[Finding]:
    client_id = session.claims().client_id
    try:
        found = list(itertools.islice(session.client.webhooks.list_webhooks(client_id=client_id), MOST_WEBHOOKS))
    except problems.Forbidden:
        yield Finding("webhooks", "skip", "needs the scope webhooks:read")
        return
    except KnoginError as error:
        yield Finding("webhooks", "fail", str(error), "Run it again in a moment.")
        return
    if not found:
        yield Finding("webhooks", "ok", "none yet")
    for webhook in found:
        yield _health(session, webhook)


def _health(session: Session, webhook: models.webhooks.Webhook) -> Finding:
    name = f"{webhook.id} to {webhook.url}"
    since = f" since {webhook.failing_since}" if webhook.failing_since else ""
    faults: list[tuple[Callable[[], bool], str, str, str]] = [
        (
            lambda: not webhook.enabled,
            "fail",
            f"disabled: {webhook.disabled_reason}",
            "Mend the receiver, then enable it.",
        ),
        (
            lambda: webhook.paused,
            "warn",
            "paused, because its app is disabled",
            "Ask an administrator to enable the app.",
        ),
        (
            lambda: bool(since),
            "fail",
            f"failing{since}",
            f"See: knogin deliveries list --webhook {webhook.id} --status retrying",
        ),
        (
            lambda: bool(webhook.unapproved_events),
            "warn",
            "not approved for " + ", ".join(webhook.unapproved_events),
            "Ask an administrator.",
        ),
        (
            lambda: _is_slowed(webhook),
            "warn",
            f"slowed until {at(webhook.slowed_until)}",
            "The receiver asked for a pause.",
        ),
    ]
    for applies, state, text, remedy in faults:
        if applies():
            return Finding("webhook", state, f"{name}: {text}", remedy)
    whole = session.client.webhooks.get_webhook(webhook.id)
    waiting = whole.backlog.waiting if whole.backlog else 0
    return Finding("webhook", "ok", f"{name}: {waiting} deliveries wait")


def _is_slowed(webhook: models.webhooks.Webhook) -> bool:
    return webhook.slowed_until is not None and webhook.slowed_until > datetime.now(UTC)
