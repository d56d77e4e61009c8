"""Headers a subscriber may add, and those it may not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.webhook_dispatcher.sending.client import shown_headers
from services.webhook_dispatcher.subscriptions import headers as custom_headers


@pytest.mark.parametrize(
    "name",
    [
        "Host", "Content-Length", "content-type", "Transfer-Encoding", "Connection", "Expect", "TE", "Upgrade", "Cookie",
        "User-Agent", "webhook-id", "Webhook-Signature", "WEBHOOK-TIMESTAMP", "traceparent", "tracestate", "X-Forwarded-For",
        "Forwarded", "Via", "Proxy-Authorization", "Metadata-Flavor", "Metadata", "X-aws-ec2-metadata-token",
        "X-Knogin-Identity", "Sec-Fetch-Site", "webhook_id", "", "a b", "a:b", "a\r\nb", "é", "x" * 65,
    ],
)  # fmt: skip
def test_a_header_that_is_ours_or_the_connections_is_refused(name: str) -> None:
    assert custom_headers.objection({name: "x"}) is not None


@pytest.mark.parametrize("name", ["Authorization", "X-Api-Key", "X-Site", "Accept-Language", "x-request-source"])
def test_a_header_of_the_receivers_own_is_allowed(name: str) -> None:
    assert custom_headers.objection({name: "Bearer abc def"}) is None


@pytest.mark.parametrize("value", ["a\r\nb", "a\nb", "a\0b", " a", "a ", "\t", "é", "x" * 1025])
def test_a_value_that_could_become_another_header_is_refused(value: str) -> None:
    assert custom_headers.objection({"X-Site": value}) == (
        "X-Site",
        "a value is at most 1024 printable ASCII characters",
    )


def test_too_many_too_long_or_repeated_headers_are_refused() -> None:
    assert custom_headers.objection({f"X-{n}": "a" for n in range(20)}) is None
    assert custom_headers.objection({f"X-{n}": "a" for n in range(21)}) is not None
    assert custom_headers.objection({f"X-{n}": "a" * 1000 for n in range(5)}) is not None
    assert custom_headers.objection({"X-A": "1", "x-a": "2"}) is not None


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=40), max_size=4))
def test_what_is_allowed_never_breaks_a_line(headers: dict[str, str]) -> None:
    if custom_headers.objection(headers) is None:
        assert all(character not in "\r\n\0" for pair in headers.items() for character in "".join(pair))


def test_only_the_signature_and_custom_values_are_hidden_from_the_history() -> None:
    sent = {"webhook-id": "evt_1", "webhook-signature": "v1,abc", "X-Key": "canary"}
    shown = shown_headers(sent, frozenset({"X-Key"}))
    assert shown == {"webhook-id": "evt_1", "webhook-signature": "(redacted)", "X-Key": "(redacted)"}
