"""`listen`: forwards the app's events to a process on this machine, signed as webhooks are.

A named consumer of the platform holds the place. An event is committed once the process has answered it with 2xx, so none is missed when
the process is stopped or suspended, the network is cut, or this command ends: it goes on at the first event that is not committed. An
event may come twice; its `webhook-id` is the same.
"""

from __future__ import annotations

import argparse
import os
import re
import socket
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import quote

import httpx2
import msgspec

from .. import problems
from .._transport import located
from .._version import VERSION
from ..errors import APIError, ConfigurationError, ConnectionFailed
from ..webhooks import signature
from .deliveries import moment
from .failures import INTERRUPTED, USAGE, Failure
from .output import Output
from .session import Session

WAIT_SECONDS, LEASE_SECONDS = 20, 60
# The process has this time for an answer, as a receiver of webhooks has.
ANSWER_SECONDS = 15.0
# A lease with less than this left is extended before the next attempt.
MARGIN_SECONDS = 30
LONGEST_PAUSE = 10.0
AT_ONCE = 50
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


GONE = msgspec.Raw(b"null")


class Event(msgspec.Struct):
    """An event as the platform lists it. `data` is passed on byte for byte; null if it is past its retention."""

    id: str
    type: str
    timestamp: str
    cursor: str
    data: msgspec.Raw = GONE
    test: bool = False

    @property
    def body(self) -> bytes:
        """The bytes that a webhook has."""
        payload: dict[str, object] = {"type": self.type, "timestamp": self.timestamp, "data": self.data}
        return msgspec.json.encode(payload | ({"test": True} if self.test else {}))


class Reading(msgspec.Struct):
    events: list[Event]
    leased_until: datetime | None = None


class Unread(msgspec.Struct):
    number: int = 0
    more: bool = False


class Consumer(msgspec.Struct):
    unread: Unread | None = None


class Outcome(NamedTuple):
    """The process's answer: `status` is 0 without one."""

    status: int
    text: str
    milliseconds: float

    @property
    def is_taken(self) -> bool:
        return 200 <= self.status < 300


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "listen",
        help="forward the app's events to a process on this machine",
        epilog="""examples:
  knogin listen --to http://localhost:3000/webhooks
  knogin listen --to http://localhost:3000/webhooks --type incident.created --since 2h
  export WEBHOOK_SECRET="$(knogin listen --print-secret)"

Requests are signed with a secret of this profile, which stays the same. An event counts as handled when your process answers
2xx; any other is repeated until then, in order, or left out with --on-error skip. Started again, it goes on where it stopped.""",
    )
    parser.add_argument("--to", metavar="URL", help="where your process listens")
    parser.add_argument(
        "--type", action="append", default=[], metavar="EVENT", help="an event type; may repeat (default: all approved)"
    )
    parser.add_argument(
        "--consumer", metavar="NAME", help="the name under which the place is kept (default: by this machine)"
    )
    parser.add_argument(
        "--since",
        type=moment,
        metavar="TIME",
        help="begin there: 2h, 3d, or a time (default: where it stopped; at first: now)",
    )
    parser.add_argument(
        "--on-error", choices=("retry", "skip"), default="retry", help="after an answer other than 2xx (default: retry)"
    )
    parser.add_argument("--print-secret", action="store_true", help="print the secret that signs, and end")
    parser.set_defaults(run=listen_command)


def listen_command(arguments: argparse.Namespace, session: Session, output: Output) -> int:
    secret = session.store.webhook_secret()
    if arguments.print_secret:
        output.line(secret)
        return 0
    if not arguments.to:
        raise Failure("Where to?", "Give --to http://localhost:3000/…", USAGE)
    target = Target(arguments.to, secret)
    session.max_retries = 0
    name = arguments.consumer or _own_name()
    if not _NAME.fullmatch(name):
        raise Failure(f"{name!r} is no name: lower-case letters, digits, dots, hyphens.", code=USAGE)
    listener = Listener(session, output, Reader(session, name), target, skips=arguments.on_error == "skip")
    try:
        listener.reader.prepare(arguments.type, arguments.since)
        return listener.run()
    except KeyboardInterrupt:
        listener.leave()
        return INTERRUPTED
    finally:
        target.close()


def _own_name() -> str:
    """The same at every start on this machine by this person."""
    who = os.environ.get("USER") or os.environ.get("USERNAME") or "me"
    text = f"cli-{who}-{socket.gethostname().partition('.')[0]}".lower()
    return re.sub(r"[^a-z0-9._-]", "-", text)[:64]


class Target:
    """The process on this machine."""

    def __init__(self, address: str, secret: str) -> None:
        try:
            self._url, self._host = located(address)
        except ConfigurationError:
            raise Failure(
                f"{address} is no http or https address.", "Give --to http://localhost:3000/…", USAGE
            ) from None
        self.shown = address
        self._secret = secret
        # Neither proxies nor redirects: the events go to that address alone.
        self._http = httpx2.Client(trust_env=False, follow_redirects=False, timeout=ANSWER_SECONDS)

    def close(self) -> None:
        self._http.close()

    def send(self, event: Event) -> Outcome:
        body, at = event.body, int(time.time())
        headers = {
            "host": self._host,
            "content-type": "application/json",
            "user-agent": f"Knogin-Webhooks/1.0 (knogin listen {VERSION})",
            "webhook-id": event.id,
            "webhook-timestamp": str(at),
            "webhook-signature": signature(self._secret, event.id, at, body),
        }
        started = time.monotonic()
        try:
            with self._http.stream("POST", self._url, content=body, headers=headers) as answer:
                # The beginning of the body is enough; the rest may be endless.
                text = next(answer.iter_bytes(300), b"").decode("utf-8", "replace")
                return Outcome(answer.status_code, text, (time.monotonic() - started) * 1000)
        except httpx2.RequestError as error:
            return Outcome(0, type(error).__name__, (time.monotonic() - started) * 1000)


class LeaseLost(Exception):
    """The events are handed out again: this command was suspended, or its calls did not arrive, for longer than the lease."""


class Reader:
    """The calls about one consumer."""

    def __init__(self, session: Session, name: str) -> None:
        self._session = session
        self.name = name
        # Of this process alone: after an answer that was lost it gets its events again at once.
        self._reader = os.urandom(16).hex()
        self._path = f"/v1/consumers/{quote(name, safe='')}"

    def prepare(self, types: list[str], since: datetime | None) -> None:
        """Makes the consumer where there is none, and moves it if the person names a time."""
        beginning = {"since": since.isoformat()} if since is not None else {}
        draft = {"name": self.name} | beginning | ({"event_types": types} if types else {})
        client = self._session.client
        try:
            client.request("POST", "/v1/consumers", body=draft, idempotency_key=os.urandom(16).hex())
            return
        except problems.NotFound:
            raise Failure("This platform has no event log yet.", "Ask its operators for the present version.") from None
        except problems.Conflict as error:
            if "of that name" not in error.detail:
                raise
        held = msgspec.json.decode(client.request("GET", self._path).content)
        if types and sorted(held.get("event_types") or []) != sorted(types):
            raise Failure(
                f"The consumer {self.name} has other types: {held.get('event_types') or 'all'}.",
                "Give another --consumer.",
                USAGE,
            )
        if since is not None:
            client.request("POST", f"{self._path}/seek", body=beginning)

    def read(self, wait: int) -> Reading:
        answer = self._session.client.request(
            "POST",
            f"{self._path}/read",
            body={"limit": AT_ONCE, "wait": wait, "lease_seconds": LEASE_SECONDS, "reader": self._reader},
            timeout=wait + ANSWER_SECONDS,
        )
        return msgspec.json.decode(answer.content, type=Reading)

    def unread(self) -> str:
        answer = self._session.client.request("GET", self._path)
        found = msgspec.json.decode(answer.content, type=Consumer).unread
        return "" if found is None else f"{found.number}{'+' if found.more else ''}"

    def commit(self, cursor: str) -> None:
        self._leased("commit", {"cursor": cursor})

    def extend(self, cursor: str, seconds: int) -> None:
        self._leased("extend", {"cursor": cursor, "lease_seconds": seconds})

    def _leased(self, verb: str, body: dict[str, object]) -> None:
        try:
            self._session.client.request("POST", f"{self._path}/{verb}", body=body)
        except problems.Conflict as error:
            if error.type == "lease-lost":
                raise LeaseLost from None
            raise


class Listener:
    """Reads, forwards, commits. Says "connected" after the first answer of the platform, and never before."""

    def __init__(self, session: Session, output: Output, reader: Reader, target: Target, *, skips: bool) -> None:
        self._session, self._output = session, output
        self.reader, self._target, self._skips = reader, target, skips
        self._connected = self._ever_connected = self._complained = self._waits_for_other = False
        self._handed = ""
        self._lease_ends = 0.0
        self._pause = 0.5

    def run(self) -> int:
        while True:
            try:
                reading = self.reader.read(WAIT_SECONDS if self._connected else 0)
                self._reached()
                self._forward(reading)
            except LeaseLost:
                self._handed = ""
                self._output.complain("The lease of the events ended meanwhile: they come again.", "warn")
            except (ConnectionFailed, APIError) as error:
                self._bear(error)

    def leave(self) -> None:
        """Gives back the events that were not handled, so that the next start gets them at once."""
        if self._handed:
            try:
                self.reader.extend(self._handed, 0)
            except (LeaseLost, ConnectionFailed, APIError):
                return

    def _reached(self) -> None:
        self._pause = 0.5
        self._waits_for_other = False
        if self._connected:
            return
        self._connected, self._complained = True, False
        if not self._ever_connected:
            self._ever_connected = True
            text = f"Connected as {self.reader.name}. Forwarding to {self._target.shown}; Ctrl-C ends it."
            self._output.say(text, "good")
            return
        try:
            waiting = self.reader.unread()
        except (ConnectionFailed, APIError):
            waiting = ""
        self._output.say(f"Connected again{f', {waiting} events wait' if waiting else ''}.", "good")

    def _bear(self, error: ConnectionFailed | APIError) -> None:
        """Waits where waiting helps; raises an error that stays."""
        if isinstance(error, problems.Unauthorized):
            if self._session.renew():
                return
            raise error
        if isinstance(error, APIError) and error.type == "events-expired":
            hint = "Choose where to go on: --since 30d"
            raise Failure("Events that this consumer has not read are past their retention.", hint) from None
        if isinstance(error, APIError) and error.type == "consumer-in-use":
            if not self._waits_for_other:
                self._output.complain(
                    f"Another process reads {self.reader.name}, or one has just ended; waiting.", "warn"
                )
            self._waits_for_other = True
            time.sleep(min(error.retry_after or 1.0, LONGEST_PAUSE))
            return
        if isinstance(error, APIError) and error.status < 500 and error.status not in (408, 425, 429):
            raise error
        if not self._complained:
            self._output.complain("No answer from the platform; trying again. Nothing is lost meanwhile.", "warn")
        self._connected, self._complained = False, True
        asked = error.retry_after if isinstance(error, APIError) else None
        time.sleep(max(self._pause, min(asked or 0, 60)))
        self._pause = min(self._pause * 2, LONGEST_PAUSE)

    def _forward(self, reading: Reading) -> None:
        if not reading.events:
            return
        self._lease_ends = time.monotonic() + LEASE_SECONDS
        self._handed = reading.events[-1].cursor
        for event in reading.events:
            if event.data == GONE:
                self._output.complain(
                    f"{event.type} {event.id} is left out: its content is past its retention.", "warn"
                )
            else:
                self._deliver(event)
            self._persist(lambda cursor=event.cursor: self.reader.commit(cursor))
            self._lease_ends = time.monotonic() + LEASE_SECONDS
        self._handed = ""

    def _deliver(self, event: Event) -> None:
        """Returns once the process has taken the event, or it is skipped."""
        pause, attempt = 0.5, 1
        while True:
            outcome = self._target.send(event)
            self._show(event, outcome, attempt)
            if outcome.is_taken:
                return
            if outcome.status and self._skips:
                self._output.complain(f"{event.id} is left out (--on-error skip).", "warn")
                return
            time.sleep(pause)
            pause, attempt = min(pause * 2, LONGEST_PAUSE), attempt + 1
            if time.monotonic() > self._lease_ends - MARGIN_SECONDS:
                self._persist(lambda: self.reader.extend(self._handed, LEASE_SECONDS))
                self._lease_ends = time.monotonic() + LEASE_SECONDS

    def _persist(self, call: Callable[[], None]) -> None:
        """Repeats a call until the platform answers it."""
        while True:
            try:
                call()
            except (ConnectionFailed, APIError) as error:
                self._bear(error)
            else:
                if not self._connected:
                    self._reached()
                return

    def _show(self, event: Event, outcome: Outcome, attempt: int) -> None:
        if self._output.as_json:
            self._output.json(
                {
                    "at": datetime.now(UTC).isoformat(),
                    "event_id": event.id,
                    "event_type": event.type,
                    "attempt": attempt,
                    "status": outcome.status or None,
                    "duration_ms": round(outcome.milliseconds, 1),
                    "taken": outcome.is_taken,
                }
            )
            return
        if attempt > 2 and not outcome.is_taken and attempt & (attempt - 1):
            return  # Of many attempts the first two, and then each at twice the number.
        shown = self._output.styled(str(outcome.status or "no answer"), "good" if outcome.is_taken else "bad")
        again = "" if outcome.is_taken or (self._skips and outcome.status) else f"  attempt {attempt}, trying again"
        cause = "" if outcome.is_taken else f"  {outcome.text.splitlines()[0][:120] if outcome.text else ''}"
        self._output.line(
            f"{datetime.now().astimezone():%H:%M:%S}  {shown}  {event.type}  {event.id}  {outcome.milliseconds:.0f} ms{again}{cause}"
        )
        sys.stdout.flush()
