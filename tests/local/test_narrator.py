"""The demo prints JSON unchanged, without the secrets."""

import io
import json
import secrets
from datetime import timedelta

import httpx2
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from deploy.local.narrator import INLINE, Narrator, pretty, shortened

scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=30)
documents = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=10), inner, max_size=5)
)


@settings(deadline=None)
@given(documents)
def test_json_is_laid_out_and_not_changed(document: object) -> None:
    assert json.loads(pretty(document)) == document


def test_what_fits_on_a_line_stays_on_one() -> None:
    document = {"scopes": ["webhooks:write", "argus:epcr:write"], "long": ["x" * 30, "y" * 30, "z" * 30]}
    lines = pretty(document).splitlines()
    assert '  "scopes": ["webhooks:write", "argus:epcr:write"],' in lines
    assert max(map(len, lines)) <= INLINE + 10


def test_tokens_and_secrets_are_cut_and_ids_are_not() -> None:
    token = f"eyJhbGciOiJSUzI1NiJ9.{secrets.token_urlsafe(200)}.{secrets.token_urlsafe(64)}"
    for secret in (
        token,
        f"whsec_{'Ab/+' * 8}",
        f"kns_{secrets.token_urlsafe(32)}",
        f"kns_-_-{secrets.token_urlsafe(32)}",
    ):
        assert secret[20:] not in shortened(f'"secret": "{secret}"')
    kept = "app_01m88830tme90vb5cfdgqmwcrq 87d944cb68a5f5d84288e0ffddcd3a28 MDC_PULS_OXIM_SAT_O2"
    assert shortened(kept) == kept


def test_in_a_pipe_an_address_stays_on_one_line() -> None:
    output = io.StringIO()
    narrator = Narrator(Console(file=output, highlight=False), "http://127.0.0.1:1", {"api": "api.localhost"})
    address = f"http://api.localhost:8080/api/v1/epcr/encounters/{'x' * 80}/fhir-bundle"
    request = httpx2.Request("POST", address, json={"url": address})
    answer = httpx2.Response(200, json={"url": address}, headers={"x-trace-id": "0" * 32}, request=request)
    answer.elapsed = timedelta(milliseconds=3)
    narrator.show(answer)
    lines = output.getvalue().splitlines()
    assert sum(address in line for line in lines) == 3
    assert all(line == line.rstrip() for line in lines)
