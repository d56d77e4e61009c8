"""Receivers from hell: the attempt always ends in time, in bounded memory, with a reason its owner understands."""

import asyncio
import gzip
import socket
import ssl
import threading
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address

import pytest
import uvloop

from services.webhook_dispatcher.sending import client, connection
from services.webhook_dispatcher.sending.addresses import Address, Policy, Resolver, UnknownName, parse
from services.webhook_dispatcher.sending.client import Client, Outcome
from services.webhook_dispatcher.sending.connection import BODY_KEPT, Exchange
from tests.support.receiver import OK, Behaviour, Received, Receiver, always, answer, hang, running
from tests.support.tls import Authority

LOCAL = Policy.from_text("127.0.0.1/32")


@dataclass
class Names:
    """A resolver with the answers of a test, one per question; the last one stays."""

    answers: list[list[str]]
    asked: int = 0

    async def addresses(self, name: str) -> list[Address]:
        self.asked += 1
        known = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if not known:
            raise UnknownName(name)
        return [ip_address(address) for address in known]


def post(
    url: str,
    *,
    policy: Policy = LOCAL,
    names: Resolver | None = None,
    ca_file: str = "",
    deadline: float = 15,
    times: int = 1,
) -> tuple[Outcome, Exchange | None]:
    """The last of `times` posts over one client."""

    async def run() -> tuple[Outcome, Exchange | None]:
        async with Client(policy, names or Names([["127.0.0.1"]]), ca_file, deadline) as one:
            for _ in range(times - 1):
                await one.post(url, {"content-type": "application/json"}, b'{"a":1}')
            return await one.post(url, {"content-type": "application/json"}, b'{"a":1}')

    return asyncio.run(run())


def raw(*chunks: bytes, close: bool = True) -> Behaviour:
    async def behave(request: Received, writer: asyncio.StreamWriter) -> bool:
        for chunk in chunks:
            writer.write(chunk)
            await writer.drain()
        return not close

    return behave


def endless(head: bytes, chunk: bytes, pause: float = 0.0) -> Behaviour:
    async def behave(request: Received, writer: asyncio.StreamWriter) -> bool:
        writer.write(head)
        while not writer.is_closing():
            writer.write(chunk)
            await writer.drain()
            await asyncio.sleep(pause)
        return False

    return behave


async def reset_in_body(request: Received, writer: asyncio.StreamWriter) -> bool:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
    await writer.drain()
    writer.transport.abort()
    return False


def test_success_is_2xx_alone(receiver: Receiver) -> None:
    for status in (200, 201, 202, 204, 299):
        receiver.behaviour = always(answer(status))
        assert post(receiver.url)[0].succeeded, status
    for status in (300, 304, 400, 404, 410, 418, 500, 503, 599):
        receiver.behaviour = always(answer(status))
        outcome, _ = post(receiver.url)
        assert (outcome.succeeded, outcome.status) == (False, status)


def test_a_receiver_that_never_answers_is_given_up_at_the_deadline(receiver: Receiver) -> None:
    receiver.behaviour = hang
    outcome, _ = post(receiver.url, deadline=0.3)
    assert outcome.timed_out
    assert outcome.status is None
    assert (outcome.error or "").startswith("timeout")
    assert 250 < outcome.duration_ms < 2000


def test_one_byte_a_second_does_not_outlast_the_deadline(receiver: Receiver) -> None:
    receiver.behaviour = endless(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n", b"x", pause=0.05)
    outcome, _ = post(receiver.url, deadline=0.4)
    assert (outcome.succeeded, outcome.timed_out, outcome.status) == (False, True, 200)


def test_headers_that_drip_do_not_outlast_the_deadline(receiver: Receiver) -> None:
    receiver.behaviour = endless(b"HTTP/1.1 200 OK\r\nx-slow: ", b"x", pause=0.05)
    outcome, _ = post(receiver.url, deadline=0.4)
    assert (outcome.succeeded, outcome.timed_out, outcome.status) == (False, True, None)


def test_of_an_endless_body_16_kib_are_kept_and_the_connection_is_dropped(receiver: Receiver) -> None:
    receiver.behaviour = endless(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n", b"x" * 65536)
    tracemalloc.start()
    outcome, _ = post(receiver.url, times=2)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert outcome.succeeded
    assert outcome.truncated
    assert outcome.body == "x" * BODY_KEPT
    assert receiver.connections == 2
    assert peak < 8_000_000


@pytest.mark.parametrize(("encoding", "packed"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_a_bomb_is_inflated_to_16_kib_and_no_further(
    receiver: Receiver, encoding: str, packed: Callable[[bytes], bytes]
) -> None:
    bomb = packed(bytes(100_000_000))
    receiver.behaviour = always(answer(200, f"content-encoding: {encoding}\r\n", bomb))
    tracemalloc.start()
    outcome, _ = post(receiver.url)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert outcome.succeeded
    assert outcome.truncated
    assert len(outcome.body or "") == BODY_KEPT
    assert peak < 8_000_000


def test_a_compressed_body_is_shown_as_text_and_a_false_one_named(receiver: Receiver) -> None:
    receiver.behaviour = always(answer(400, "content-encoding: gzip\r\n", gzip.compress(b"wrong signature")))
    assert post(receiver.url)[0].body == "wrong signature"
    receiver.behaviour = always(answer(200, "content-encoding: gzip\r\n", b"not gzip at all"))
    outcome, _ = post(receiver.url)
    assert outcome.succeeded
    assert "gzip" in (outcome.body or "")


def test_nul_and_cut_utf8_in_an_answer_are_made_safe(receiver: Receiver) -> None:
    receiver.behaviour = always(answer(500, "x-odd: caf\xe9\r\n", b"a\0b\xe2\x82"))
    outcome, _ = post(receiver.url)
    assert outcome.body == "a\ufffdb\ufffd"
    assert "\0" not in str(outcome.headers)


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nx-big: " + b"x" * 1_000_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x-many: y\r\n" * 90_000 + b"\r\n",
        b"HTTP/1.1 200 " + b"O" * 1_000_000 + b"K\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/9.9 999 ???\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"\0\0\0\0",
    ],
)  # fmt: skip
def test_megabytes_of_headers_or_no_http_at_all_are_a_failure_in_words(receiver: Receiver, head: bytes) -> None:
    receiver.behaviour = raw(head)
    outcome, _ = post(receiver.url, deadline=5)
    assert not outcome.succeeded
    assert (outcome.error or "").startswith(("protocol_error", "connection_error"))


def test_a_reset_in_the_body_is_a_failure(receiver: Receiver) -> None:
    receiver.behaviour = reset_in_body
    outcome, _ = post(receiver.url)
    assert (outcome.succeeded, outcome.status) == (False, 200)
    assert (outcome.error or "").startswith("connection_error")


def test_100_continue_before_the_answer_is_passed_over(receiver: Receiver) -> None:
    receiver.behaviour = always(
        b"HTTP/1.1 100 Continue\r\n\r\n" * 3 + b"HTTP/1.1 103 Early Hints\r\n\r\n" + answer(200)
    )
    assert post(receiver.url)[0].status == 200


def test_100_continue_for_ever_is_no_answer(receiver: Receiver) -> None:
    receiver.behaviour = endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100, pause=0.001)
    outcome, _ = post(receiver.url, deadline=0.5)
    assert not outcome.succeeded


def test_a_204_with_a_body_succeeds_and_its_body_is_no_answer_to_the_next_request(receiver: Receiver) -> None:
    smuggled = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nfalse"
    receiver.behaviour = always(b"HTTP/1.1 204 No Content\r\n\r\n" + smuggled)
    outcome, _ = post(receiver.url, times=3)
    assert (outcome.status, outcome.body) == (204, "")
    assert len(receiver.requests) == 3


def test_a_redirect_is_named_and_not_followed(receiver: Receiver) -> None:
    for target in (receiver.url, "http://169.254.169.254/latest/meta-data/", "https://final.example/"):
        receiver.behaviour = always(answer(307, f"location: {target}\r\n"))
        before = len(receiver.requests)
        outcome, _ = post(receiver.url)
        assert not outcome.succeeded
        assert (outcome.error or "").startswith("redirect")
        assert len(receiver.requests) == before + 1


def test_cookies_are_neither_kept_nor_shown(receiver: Receiver) -> None:
    receiver.behaviour = always(answer(200, "set-cookie: session=canary\r\n"))
    outcome, _ = post(receiver.url, times=2)
    assert "cookie" not in receiver.requests[1].headers
    assert "canary" not in str(outcome.headers)


def test_a_proxy_in_the_environment_is_not_used(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert post(receiver.url)[0].succeeded


def test_nobody_listening_is_a_connection_error(receiver: Receiver) -> None:
    outcome, _ = post("http://127.0.0.1:1/")
    assert outcome.error == "connection_error: no connection could be made"


def test_connections_are_kept_and_used_again(receiver: Receiver) -> None:
    post(receiver.url, times=5)
    assert (receiver.connections, len(receiver.requests)) == (1, 5)


def test_a_kept_connection_that_closed_in_the_meantime_costs_no_attempt(receiver: Receiver) -> None:
    """The receiver closes it after its answer without a word; the next request goes out again over a new one, once."""
    receiver.behaviour = raw(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
    outcome, _ = post(receiver.url, times=5)
    assert outcome.succeeded
    assert (receiver.connections, len(receiver.requests)) == (5, 5)


def test_a_connection_that_closes_without_an_answer_is_not_asked_for_ever(receiver: Receiver) -> None:
    answered = [b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"]

    async def once(request: Received, writer: asyncio.StreamWriter) -> bool:
        if answered:
            writer.write(answered.pop())
            return True
        return False

    receiver.behaviour = once
    outcome, _ = post(receiver.url, times=2)
    assert outcome.error == "connection_error: the connection was closed before an answer"
    assert len(receiver.requests) == 3


def test_an_answer_nobody_asked_for_closes_the_connection_it_came_on(receiver: Receiver) -> None:
    receiver.behaviour = always(OK + OK)
    outcome, _ = post(receiver.url, times=3)
    assert outcome.succeeded
    assert (receiver.connections, len(receiver.requests)) == (3, 3)


def test_a_busy_connection_is_not_kept_for_ever(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that has moved is heeded although the old address still answers."""
    monkeypatch.setattr(connection, "OLDEST_SECONDS", 0.0)
    names = Names([["127.0.0.1"]])
    post(f"http://receiver.example:{receiver.port}/", names=names, times=3)
    assert (names.asked, receiver.connections) == (3, 3)


def test_an_idle_connection_is_closed(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "IDLE_SECONDS", 0.05)
    monkeypatch.setattr(client, "SWEEP_SECONDS", 0.05)
    closed = threading.Event()

    async def watch(request: Received, writer: asyncio.StreamWriter) -> bool:
        writer.write(OK)
        asyncio.get_running_loop().create_task(writer.wait_closed()).add_done_callback(lambda _: closed.set())
        return True

    async def run() -> bool:
        async with Client(LOCAL, Names([["127.0.0.1"]])) as one:
            await one.post(receiver.url, {}, b"{}")
            return await asyncio.to_thread(closed.wait, 30)

    receiver.behaviour = watch
    assert asyncio.run(run())


def test_where_the_first_address_takes_no_connection_the_next_is_tried(receiver: Receiver) -> None:
    names = Names([["::1", "127.0.0.1"]])
    outcome, _ = post(
        f"http://receiver.example:{receiver.port}/", names=names, policy=Policy.from_text("127.0.0.1/32,::1/128")
    )
    assert (outcome.succeeded, outcome.address) == (True, "127.0.0.1")


def test_a_body_that_ends_with_its_connection_is_a_whole_one(receiver: Receiver) -> None:
    receiver.behaviour = raw(b"HTTP/1.1 200 OK\r\n\r\nwhole")
    outcome, _ = post(receiver.url)
    assert (outcome.succeeded, outcome.body) == (True, "whole")


def test_a_chunked_body_is_put_together_and_its_trailers_are_not_kept(receiver: Receiver) -> None:
    chunks = b"5\r\nhello\r\n6\r\n world\r\n0\r\nx-late: 1\r\n\r\n"
    receiver.behaviour = raw(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", chunks, close=False)
    outcome, _ = post(receiver.url, times=2)
    assert outcome.body == "hello world"
    assert "x-late" not in outcome.headers
    assert receiver.connections == 1


def test_an_upgrade_nobody_asked_for_is_no_answer(receiver: Receiver) -> None:
    receiver.behaviour = raw(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n")
    outcome, _ = post(receiver.url, deadline=5)
    assert (outcome.succeeded, outcome.status) == (False, None)


@pytest.mark.parametrize(
    ("path", "sent"),
    [("", "/"), ("?a=1", "/?a=1"), ("/a%20b/..;x=1?q=%2F&r=a?b", "/a%20b/..;x=1?q=%2F&r=a?b"), ('/<a>"|{b}', "/%3Ca%3E%22%7C%7Bb%7D")],
)  # fmt: skip
def test_the_path_goes_out_as_it_was_registered(receiver: Receiver, path: str, sent: str) -> None:
    post(receiver.url.removesuffix("/hook") + path)
    assert receiver.requests[0].path == sent


def test_host_names_the_port_unless_it_is_the_schemes_own() -> None:
    assert parse("https://Receiver.example:443/").authority == "receiver.example"
    assert parse("https://receiver.example:8443/").authority == "receiver.example:8443"
    assert parse("https://[2606:4700:4700::1111]/").authority == "[2606:4700:4700::1111]"
    assert parse("https://[2606:4700:4700::1111]/").name == "2606:4700:4700::1111"


def test_a_name_without_an_address_is_a_dns_error(receiver: Receiver) -> None:
    outcome, _ = post(f"http://receiver.example:{receiver.port}/", names=Names([[]]))
    assert (outcome.error or "").startswith("dns_error")


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1", "10.0.0.1"],
        ["8.8.8.8", "127.0.0.1"],
        ["169.254.169.254"],
        ["127.0.0.1", "::ffff:127.0.0.2"],
        ["::1"],
    ],
)
def test_one_forbidden_answer_refuses_the_name_before_any_connection(receiver: Receiver, addresses: list[str]) -> None:
    outcome, _ = post(f"http://receiver.example:{receiver.port}/", names=Names([addresses]))
    assert (outcome.error or "").startswith("address_refused")
    assert receiver.connections == 0


def test_the_address_connected_to_is_the_one_that_was_checked(receiver: Receiver) -> None:
    names = Names([["127.0.0.1"], ["169.254.169.254"]])
    outcome, exchange = post(f"http://receiver.example:{receiver.port}/", names=names)
    assert outcome.succeeded
    assert (names.asked, outcome.address) == (1, "127.0.0.1")
    assert receiver.requests[0].headers["host"] == f"receiver.example:{receiver.port}"
    assert exchange is not None
    assert set(exchange.moments) == {"began", "dns_began", "dns_ended", "connected", "answered", "ended"}


def test_a_name_that_turns_bad_is_refused_on_the_next_connection(receiver: Receiver) -> None:
    receiver.behaviour = raw(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
    names = Names([["127.0.0.1"], ["10.0.0.1"]])
    outcome, _ = post(f"http://receiver.example:{receiver.port}/", names=names, times=2)
    assert (outcome.error or "").startswith("address_refused")
    assert len(receiver.requests) == 1


def test_a_literal_address_is_checked_at_each_delivery_too(receiver: Receiver) -> None:
    outcome, _ = post(receiver.url, policy=Policy())
    assert (outcome.error or "").startswith("address_refused")
    assert receiver.connections == 0


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


def context(authority: Authority, host: str, days: int = 90) -> ssl.SSLContext:
    """A server's TLS context with a certificate for `host` that is good for so many days."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.issue(host, days=days))
    return context


@pytest.fixture
def tls_receiver(authority: Authority) -> Iterator[Receiver]:
    with running(Receiver(host="receiver.example"), context(authority, "receiver.example")) as receiver:
        yield receiver


def test_over_tls_the_name_is_verified_and_the_certificate_shown(tls_receiver: Receiver, authority: Authority) -> None:
    outcome, exchange = post(tls_receiver.url, ca_file=str(authority.file))
    assert outcome.succeeded, outcome.error
    assert exchange is not None
    assert exchange.tls_version == "TLSv1.3"
    assert (exchange.certificate or {})["subjectAltName"] == (("DNS", "receiver.example"),)


@pytest.mark.parametrize(
    ("host", "days", "trusted", "fault"),
    [
        ("receiver.example", -1, True, "expired"),
        ("other.example", 90, True, "mismatch"),
        ("receiver.example", 90, False, "issuer"),
    ],
)
def test_a_certificate_that_is_not_valid_is_named(
    authority: Authority, host: str, days: int, trusted: bool, fault: str
) -> None:
    with running(Receiver(host="receiver.example"), context(authority, host, days)) as receiver:
        outcome, _ = post(receiver.url, ca_file=str(authority.file) if trusted else "")
        assert (outcome.error or "").startswith("tls_error"), outcome.error
        assert fault in (outcome.error or "").lower()
        assert receiver.requests == []


def test_plain_http_to_a_tls_port_fails_in_words(tls_receiver: Receiver) -> None:
    outcome, _ = post(tls_receiver.url.replace("https", "http"), deadline=5)
    assert not outcome.succeeded
    assert (outcome.error or "").startswith(("protocol_error", "connection_error", "http_status"))


def test_a_body_that_its_receiver_does_not_read_is_held_once() -> None:
    """The kernel accepts the connections, and takes some hundred KB of each request."""
    number, size = 8, 4 << 20
    peak: list[float] = []

    async def run(port: int) -> None:
        async with Client(LOCAL, Names([["127.0.0.1"]]), "", 1.0) as one:
            tracemalloc.start()
            bodies = [bytes(size) for _ in range(number)]
            sent = [
                one.post(f"http://127.0.0.1:{port}/", {"content-type": "application/json"}, body) for body in bodies
            ]
            outcomes = await asyncio.gather(*sent)
            assert {outcome.timed_out for outcome, _ in outcomes} == {True}
            peak.append(tracemalloc.get_traced_memory()[1] / (number * size))
            tracemalloc.stop()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        uvloop.run(run(listening.getsockname()[1]))
    assert peak[0] < 1.2
