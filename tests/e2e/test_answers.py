"""Rules that hold for every answer: a type that browsers do not guess, and the names and marks of cookies."""

import re
import socket
from collections import Counter
from pathlib import Path

import httpx2
import pytest

from deploy.docs import contract
from deploy.docs.site import figures
from services.console.app import create_app as create_console
from services.console.settings import Settings as ConsoleSettings
from shared.primitives.crypto import base64url_encode
from shared.web.identity import Caller
from shared.web.routing import Content
from tests.auth.support import Browser
from tests.auth.support import running as running_auth
from tests.conftest import FreshDatabase
from tests.console.through import Signed
from tests.support import alone
from tests.support.alone import settings_for
from tests.support.stack import EVERYDAY_SCOPES, Stack

ROOT = Path(__file__).resolve().parents[2]
KINDS = {"browser", "session", "pass", "begun", "console", "portal", "ended"}
"""Of a sign-in at auth, and of one at the console."""

UNREADABLE = {
    "no HTTP": b"hello\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "another version": b"GET / HTTP/1.0\r\nHost: nowhere.example\r\n\r\n",
    "a long target": b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: auth.localhost\r\n\r\n",
    "a long head": b"GET / HTTP/1.1\r\nHost: auth.localhost\r\nx: " + b"y" * 40_000 + b"\r\n\r\n",
}


def test_every_answer_forbids_browsers_to_guess_its_type_once(stack: Stack) -> None:
    """Of services with and without the header, of the docs host, and refusals of the gateway itself."""
    faults: list[str] = []
    token = stack.admin_token
    asked = [
        (host, method, path, given)
        for host, paths in {
            "auth": (
                "/v1/platform/scopes",
                "/v1/oauth/token",
                "/v1/auth/sign-in",
                "/.well-known/jwks.json",
                "/nowhere",
                "/",
            ),
            "api": ("/api/v1/epcr/encounters", "/graphql", "/api/v1/devices", "/api/v1/platform/packages", "/nowhere"),
            "docs": ("/api/docs", "/api/docs/en", "/api/docs/openapi.json", "/api/docs/nowhere", "/nowhere"),
            "console": ("/", "/sign-in", "/static/console.css", "/nowhere"),
        }.items()
        for path in paths
        for method in ("GET", "HEAD", "POST", "OPTIONS")
        for given in ("", token, "not-a-token")
    ]
    seen: Counter[int] = Counter()
    with httpx2.Client(base_url=stack.described["gateway"], timeout=60, trust_env=False) as client:
        for host, method, path, given in asked:
            headers = {"host": f"{stack.described['hosts'][host]}:{stack.port}", "accept": "text/html"}
            headers |= {"authorization": f"Bearer {given}"} if given else {}
            answer = client.request(method, path, headers=headers)
            client.cookies.clear()
            seen[answer.status_code] += 1
            if answer.headers.get_list("x-content-type-options") != ["nosniff"]:
                faults.append(f"{method} {host} {path}: {answer.status_code} {answer.headers.raw}")
        misdirected = client.get("/", headers={"host": "nowhere.example"})
        seen[misdirected.status_code] += 1
        if misdirected.headers.get_list("x-content-type-options") != ["nosniff"]:
            faults.append(f"another host: {misdirected.headers.raw}")
    for name, request in UNREADABLE.items():
        with socket.create_connection(("127.0.0.1", stack.port), timeout=30) as sock:
            sock.sendall(request)
            head = sock.makefile("rb").read().partition(b"\r\n\r\n")[0].lower()
        if head.count(b"x-content-type-options: nosniff") != 1:
            faults.append(f"{name}: {head!r}")
    assert faults == []
    assert seen.keys() >= {200, 303, 401, 404, 405, 421}


def test_a_body_may_be_as_long_as_the_page_of_limits_says(stack: Stack) -> None:
    """Of each call that the caller may make: a longer body is 413, one of that length is read."""
    operations = [one for part in contract.PARTS for one in part.operations if one.body is not None]
    limits = {(method, path): kib for method, path, kib in figures.bodies(operations)}
    page = (ROOT / "gateway" / "docs" / "static" / "en" / "catalogues" / "limits.md").read_text()
    faults = [f"the page does not list {method} {path}" for method, path in limits if f"`{method} {path}`" not in page]
    usual = int(figures.figures()["body_kib"])
    assert f"| A body of most calls | {usual} KiB |" in page
    tokens = {scope: stack.app_token(scope) for scope in EVERYDAY_SCOPES}
    reached: set[int] = set()
    for one in operations:
        kib = limits.get((one.method, one.path)) or usual
        kind = one.body.media if isinstance(one.body, Content) else "application/json"
        path = re.sub(r"\{\w+\}", "1.0.0", one.path.replace("{service}", "auth"))
        with stack.client("auth", tokens.get(one.scope or "", stack.admin_token)) as client:
            longer, longest = (
                client.request(
                    one.method, path, content=b"{}".ljust((kib << 10) + more), headers={"content-type": kind}
                ).status_code
                for more in (1, 0)
            )
        if longer in (401, 403):
            continue
        reached.add(kib)
        if longer != 413 or longest == 413:
            faults.append(f"{one.method} {one.path}, {kib} KiB: {longest}, one byte more: {longer}")
    assert faults == []
    assert {usual, 128, 512, 1024} <= reached


@pytest.mark.full
def test_every_cookie_is_bound_to_its_stack_over_http_and_to_its_host_over_https(
    stack: Stack, fresh_database: FreshDatabase, redis_url: str
) -> None:
    """Cookies ignore ports: without the name of its stack one stack's cookie would overwrite another's."""
    signed = Signed(stack)
    signed.post("/sign-out", {})
    signed.close()
    prefix = f"knogin-{stack.port}-"
    faults = [f"http: {line}" for line in signed.given if not line.startswith(prefix) or "HttpOnly" not in line]
    kinds = {line.removeprefix(prefix).partition("=")[0] for line in signed.given}
    assert kinds >= KINDS, f"not seen: {KINDS - kinds}"

    secure: list[str] = []
    with running_auth(fresh_database("auth"), redis_url) as auth:
        browser = Browser(auth)
        secure += browser.get("/v1/auth/sign-in").headers.get_list("set-cookie")
        secure += browser.sign_in().headers.get_list("set-cookie")
    settings = settings_for(
        ConsoleSettings,
        fresh_database("console"),
        redis_url,
        issuer="https://auth.knogin.test",
        api_base_url="https://api.knogin.test",
        docs_base_url="https://docs.knogin.test",
        console_base_url="https://console.knogin.test",
        gateway_url=stack.described["gateway"],
        client_keys=f"1:{base64url_encode(bytes(range(32)))}",
    )
    with alone.client_of(create_console(settings)) as client:
        answer = alone.send(client, Caller(address="203.0.113.7"), "console", "GET", "/sign-in")
        secure += answer.headers.get_list("set-cookie")
    marks = {"Secure", "HttpOnly", "Path=/"}
    faults += [
        f"https: {line}"
        for line in secure
        if not line.startswith("__Host-knogin-") or not marks <= {part.strip() for part in line.split(";")}
    ]
    kinds = {line.removeprefix("__Host-knogin-").partition("=")[0] for line in secure}
    assert kinds >= {"browser", "session", "pass", "begun"}, kinds
    assert faults == []


def test_no_code_names_a_cookie_in_another_way() -> None:
    given = {
        f"{path.relative_to(ROOT)}: {called}"
        for folder in ("gateway", "services", "shared")
        for path in (ROOT / folder).rglob("*.py")
        for called in re.findall(r"\.set_cookie\(\s*([^,]*),", path.read_text())
        if not re.fullmatch(r"(?:cookies\.)?name_of\(\w+(?:, [\w.]+)?", called)
    }
    assert given == set()
