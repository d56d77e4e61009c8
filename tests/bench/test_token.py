"""Tokens per second of one auth process, compared with the cost of RS256 alone on the same machine. `make bench` or `-k token`."""

import asyncio
import time
from typing import Any

import psutil
import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from services.auth.keys import signing
from shared.web.identity import HEADER, Caller, SigningKey, mint
from tests.support.stack import Stack

pytestmark = pytest.mark.bench
CONNECTIONS = 32
WARMING, SECONDS = 2.0, 8.0
GOAL = 0.37


def signing_rate(seconds: float = 2.0) -> float:
    """Plain RS256 signatures per second on one core."""
    key, padding, digest = signing.generate(2048), PKCS1v15(), SHA256()
    began, number = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        for _ in range(50):
            key.sign(b"x" * 600, padding, digest)
        number += 50
    return number / (time.perf_counter() - began)


def signing_time(number: int = 1000) -> float:
    """CPU seconds of one plain signature, which vary less on a busy machine than the rate."""
    key, padding, digest = signing.generate(2048), PKCS1v15(), SHA256()
    began = time.process_time()
    for _ in range(number):
        key.sign(b"x" * 600, padding, digest)
    return (time.process_time() - began) / number


class Client(asyncio.Protocol):
    """One keep-alive connection that sends the next request after each answer, with minimal client cost."""

    def __init__(self, request: bytes, seconds: list[float], until: float) -> None:
        self.request, self.seconds, self.until = request, seconds, until
        self.buffer = b""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self._ask()

    def _ask(self) -> None:
        self.asked = time.perf_counter()
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, separator, body = self.buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        assert head.startswith(b"HTTP/1.1 200"), head
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if len(body) < length:
            return
        self.seconds.append(time.perf_counter() - self.asked)
        self.buffer = b""
        if time.perf_counter() < self.until:
            self._ask()
        else:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.done.set_result(None)


async def load(port: int, request: bytes, seconds: float) -> list[float]:
    loop, taken = asyncio.get_running_loop(), []
    until = time.perf_counter() + seconds
    clients = [
        (await loop.create_connection(lambda: Client(request, taken, until), "127.0.0.1", port))[1]
        for _ in range(CONNECTIONS)
    ]
    await asyncio.gather(*(client.done for client in clients))
    return taken


def test_client_credentials_per_second(stack: Stack) -> None:
    app = stack.register_app(["webhooks:write"])
    form = f"grant_type=client_credentials&client_id={app.client_id}&client_secret={app.client_secret}&scope=webhooks:write"
    identity = mint(
        Caller(address="203.0.113.7"),
        SigningKey(stack.described["identity_signing_key"]),
        "auth",
        time.time() + 3600,
    )
    port = int(stack.described["services"]["auth"]["url"].rpartition(":")[2])
    process = psutil.Process(stack.described["services"]["auth"]["pids"]["web"])
    rates: list[float] = []
    print()
    # Most requests are not sampled, as the gateway decides; the worst case is that all are.
    for sampled in ("00", "01"):
        request = (
            f"POST /v1/oauth/token HTTP/1.1\r\nhost: auth.localhost\r\n{HEADER}: {identity}\r\n"
            f"traceparent: 00-{'a' * 32}-{'b' * 16}-{sampled}\r\n"
            f"content-type: application/x-www-form-urlencoded\r\ncontent-length: {len(form)}\r\n\r\n{form}"
        ).encode()
        asyncio.run(load(port, request, WARMING))
        signed = signing_rate()
        before = sum(process.cpu_times()[:2])
        taken = sorted(asyncio.run(load(port, request, SECONDS)))
        spent = (sum(process.cpu_times()[:2]) - before) / len(taken)
        rate = len(taken) / SECONDS
        p50, p99 = (1000 * taken[int(len(taken) * share)] for share in (0.5, 0.99))
        print(
            f"{'every request sampled' if sampled == '01' else 'not sampled'}: bare RS256 {signed:.0f}/s, client_credentials"
            f" {rate:.0f}/s per process, {rate / signed:.2f} of signing; {CONNECTIONS} connections: p50 {p50:.1f} ms, p99 {p99:.1f} ms;"
            f" CPU per token {1e6 * spent:.0f} µs, {signing_time() / spent:.2f} of it signing"
        )
        rates.append(rate / signed)
    assert min(rates) >= GOAL
