"""`python -m services.auth.saml.reader`: a process that only reads XML from strangers, one document after another.

It has no settings, no secrets and no database. A document that takes too much time or memory ends the process, and its parent starts
another. Its standard input is a socket with frames: 4 bytes of length, then MessagePack.
"""

import os
import resource
import signal
import socket
from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar, NamedTuple

import msgspec
from authlib.oauth2.rfc6749 import OAuth2Error

from services.auth.oauth import forms
from services.auth.saml import assertions, documents, messages, metadata
from services.auth.saml.assertions import Expected, Verified
from services.auth.saml.documents import MessageRefused, parse, refuse
from services.auth.saml.messages import LogoutRequest
from services.auth.saml.metadata import IdentityProvider

CPU_SECONDS = 1.0
"""Processor time for one document. A genuine answer takes some milliseconds."""
NICE = 15
"""3 percent of the share of a usual process. The lowest priority, 1 percent, ended sign-ins on a machine with twenty busy processes."""
MEMORY = 192 << 20
LENGTH = 4
ESCAPED = 16
"""One character in so many is an escape: in base64 with line ends +, /, = and they are one in eighteen."""


class Answered(NamedTuple):
    """A verified answer and its RelayState."""

    verified: Verified
    relay_state: str


class LoggedOut(NamedTuple):
    """A verified logout message: a request, or the id of the request that a response answers."""

    request: LogoutRequest | None
    answers: str
    relay_state: str


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A document to read; `answer` is the type that `run` returns."""

    answer: ClassVar[Any]


class ResponseForm(Job, frozen=True, kw_only=True, tag="response"):
    """A form with a SAMLResponse, for the assertion consumer service. `issuer` is the identity provider; certificates are PEM."""

    content_type: str
    body: bytes
    issuer: str
    audience: str
    acs_url: str
    certificates: list[str]
    now: datetime
    answer: ClassVar[Any] = Answered

    def run(self) -> Answered:
        values = _form(self.content_type, self.body).values
        expected = Expected(self.issuer, self.audience, self.acs_url, _read_all(self.certificates))
        verified = assertions.verify(messages.decode_base64(values.get("SAMLResponse", "")), expected, self.now)
        return Answered(verified, values.get("RelayState", ""))


class LogoutMessage(Job, frozen=True, kw_only=True, tag="logout"):
    """A logout message in a form, or in a query string if `body` is None."""

    query: str
    content_type: str = ""
    body: bytes | None = None
    issuer: str
    slo_url: str
    certificates: list[str]
    now: datetime
    answer: ClassVar[Any] = LoggedOut

    def run(self) -> LoggedOut:
        pinned = _read_all(self.certificates)
        if self.body is None:
            kind, document, relay_state = messages.from_query(self.query, pinned)
            root = parse(document)
        else:
            values = _form(self.content_type, self.body).values
            kinds = [kind for kind in ("SAMLRequest", "SAMLResponse") if kind in values]
            if len(kinds) != 1:
                refuse("malformed", "one of SAMLRequest and SAMLResponse is expected")
            kind, relay_state = kinds[0], values.get("RelayState", "")[: messages.MAX_RELAY_STATE]
            document = messages.decode_base64(values[kind])
            root, _ = documents.verify_signature(document, parse(document), pinned, "./")
        if kind == "SAMLResponse":
            answers = messages.read_logout_response(root, self.issuer, self.slo_url, self.now)
            return LoggedOut(None, answers, relay_state)
        asked = messages.read_logout_request(root, self.issuer, self.slo_url, self.now)
        return LoggedOut(asked, "", relay_state)


class PastedMetadata(Job, frozen=True, kw_only=True, tag="metadata"):
    text: str
    plain_http: bool
    answer: ClassVar[Any] = IdentityProvider

    def run(self) -> IdentityProvider:
        return metadata.read(self.text, plain_http=self.plain_http)


AnyJob = ResponseForm | LogoutMessage | PastedMetadata


NOTHING = msgspec.Raw(msgspec.msgpack.encode(None))


class Outcome(msgspec.Struct, frozen=True, array_like=True):
    """The encoded answer of a job, or a refusal if there is a `reason`."""

    answer: msgspec.Raw = NOTHING
    reason: str = ""
    detail: str = ""


def _form(content_type: str, body: bytes) -> forms.Form:
    try:
        return forms.parse_body(content_type, body, escapes=forms.MAX_ESCAPES + len(body) // ESCAPED)
    except OAuth2Error as error:
        raise MessageRefused("malformed", str(error.description)) from None


def _read_all(pems: Sequence[str]) -> list[metadata.Certificate]:
    return [metadata.read_certificate(text) for text in pems]


def _limit_process() -> None:
    """Forbids files and child processes, limits memory, and lowers the priority. The process ends with its parent's socket."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(NICE)
    for limit, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
    ):
        resource.setrlimit(limit, (most, most))


def _limit_document() -> None:
    """SIGPROF ends the process at CPU_SECONDS, also inside a library; the kernel's limit follows a second later."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    most = int(used.ru_utime + used.ru_stime + CPU_SECONDS) + 2
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)


def main() -> None:
    _limit_process()
    decoder: msgspec.msgpack.Decoder[AnyJob] = msgspec.msgpack.Decoder(AnyJob)
    with socket.socket(fileno=0) as parent, parent.makefile("rwb") as frames:
        while header := frames.read(LENGTH):
            job = decoder.decode(frames.read(int.from_bytes(header)))
            _limit_document()
            try:
                outcome = Outcome(msgspec.Raw(msgspec.msgpack.encode(job.run())))
            except MessageRefused as refused:
                outcome = Outcome(NOTHING, refused.reason, refused.detail)
            except (MemoryError, RecursionError):
                outcome = Outcome(NOTHING, "too_costly", "reading it takes too much memory")
            answer = msgspec.msgpack.encode(outcome)
            signal.setitimer(signal.ITIMER_PROF, 0)
            frames.write(len(answer).to_bytes(LENGTH) + answer)
            frames.flush()


if __name__ == "__main__":
    main()
