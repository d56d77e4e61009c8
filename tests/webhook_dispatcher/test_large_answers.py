"""The memory and the time that an answer takes do not depend on the size that its receiver gives its head and its trailers."""

import asyncio
import time
import tracemalloc
from typing import Any

import pytest

from services.webhook_dispatcher.sending.connection import HEADERS_KEPT, Answer, Connection
from shared.web.responses import MOST_FIELDS
from tests.support.receiver import Receiver
from tests.webhook_dispatcher.test_client import endless, post, raw

pytestmark = pytest.mark.full

CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
TOO_LARGE = "protocol_error: the answer's headers or trailers are too large"


@pytest.mark.parametrize(
    ("head", "more"),
    [
        (CHUNKED + b"0\r\nx: ", b"a" * 65536),
        (CHUNKED + b"2\r\nok\r\n0\r\n", b"x: a\r\n" * 10_000),
        (CHUNKED + b"2;x=", b"a" * 65536),
        (b"HTTP/1.1 200 OK\r\nx: ", b"a" * 65536),
        (b"HTTP/1.1 200 OK\r\n", b"ab:cd\r\n" * 10_000),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1_000),
        (b"", (b"HTTP/1.1 103 Early Hints\r\n" + b"ab:cd\r\n" * 100 + b"\r\n") * 100),
    ],
    ids=["a trailer", "trailers", "an extension", "a header", "headers", "interim answers", "interim headers"],
)
def test_what_has_no_end_fails_soon_and_is_not_collected(receiver: Receiver, head: bytes, more: bytes) -> None:
    receiver.behaviour = endless(head, more)
    began = time.monotonic()
    tracemalloc.start()
    outcome, _ = post(receiver.url, deadline=15)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (outcome.succeeded, outcome.timed_out, outcome.error) == (False, False, TOO_LARGE)
    assert time.monotonic() - began < 10
    assert peak < 8_000_000


def test_a_head_has_so_many_fields_and_no_more(receiver: Receiver) -> None:
    for number, error in ((MOST_FIELDS - 1, None), (MOST_FIELDS, TOO_LARGE)):
        receiver.behaviour = raw(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n" + b"a:b\r\n" * number + b"\r\n")
        assert post(receiver.url)[0].error == error


def test_of_a_head_the_shown_fields_are_kept_while_the_body_comes() -> None:
    async def run() -> None:
        reading: Any = Connection()
        reading.expect()
        answer = reading._answer
        long = b"".join(b"x-%d: %s\r\n" % (number, b"v" * 300) for number in range(MOST_FIELDS - 3))
        reading.data_received(
            b"HTTP/1.1 503 X\r\ncontent-length: 9\r\n" + long + b"retry-after: 7\r\nretry-after: 9\r\n\r\n"
        )
        assert (reading.headers, answer.status, answer.retry_after) == ([], 503, "7")
        assert len(answer.headers) == HEADERS_KEPT
        assert max(len(value) for _, value in answer.headers) == 256

    asyncio.run(run())


def test_bytes_between_parts_of_a_body_count_for_each_part_alone(receiver: Receiver) -> None:
    """Chunks of one byte have more bytes of framing than of body."""
    receiver.behaviour = raw(CHUNKED, *(b"1;x=%s\r\no\r\n" % (b"y" * 1000) for _ in range(50)), b"0\r\nx: y\r\n\r\n")
    outcome, _ = post(receiver.url)
    assert (outcome.error, outcome.body) == (None, "o" * 50)


def test_an_answer_keeps_the_encoding_it_names_past_the_shown_fields() -> None:
    answer = Answer()
    answer.begin(200, [(b"x", b"y")] * HEADERS_KEPT + [(b"Content-Encoding", b"gzip")])
    assert answer.take(b"no gzip") is False
