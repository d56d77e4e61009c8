"""The console alone: its application on a real socket and a database of its own, before the tests' platform."""

import itertools
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
import uvicorn

from deploy.local.databases import Database
from deploy.local.redis_server import RedisServer
from services.console.app import create_app
from services.console.settings import Settings
from shared.primitives.crypto import base64url_encode
from shared.web.identity import HEADER, Caller, mint
from tests.console.platform import Person, Platform
from tests.support.alone import KEY, settings_for
from tests.support.cluster import TestDatabases
from tests.support.plain import PLAIN
from tests.support.serving import KEEP_ALIVE, serving
from tests.support.waiting import wait_for

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.console.test_pages import Windows

ISSUER = "http://auth.localhost:1"


ADDRESS = "x-test-address"
# Each browser has an address of its own: a module's tests sign in more people than one network may in a minute.
addresses = (f"198.18.{number // 250 % 250}.{number % 250}" for number in itertools.count())


class Front:
    """The gateway before the console: it says from which address a request comes."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            address = dict(scope["headers"]).get(ADDRESS.encode(), b"203.0.113.7").decode()
            header = mint(Caller(address=address), KEY, "console")
            scope = scope | {"headers": [*scope["headers"], (HEADER.encode(), header.encode())]}
        await self.app(scope, receive, send)


class Console:
    """A running console. `url` is its base URL."""

    def __init__(self, url: str, settings: Settings, platform: Platform, database: Database) -> None:
        self.url = url
        self.settings = settings
        self.platform = platform
        self.database = database
        self._browsers: list[httpx2.Client] = []

    def close(self) -> None:
        """Closes the browsers."""
        while self._browsers:
            self._browsers.pop().close()

    def as_usual(self) -> None:
        """Closes the browsers; the platform answers as usual again."""
        self.close()
        self.platform.overrides.clear()
        self.platform.hostile = False

    def browser(self, **headers: str) -> httpx2.Client:
        """A browser without cookies, which follows no redirect."""
        sent = {"accept-language": "en", "sec-fetch-site": "none", ADDRESS: next(addresses)} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        self._browsers.append(httpx2.Client(base_url=self.url, headers=sent, timeout=30, trust_env=False, verify=PLAIN))
        return self._browsers[-1]

    def begin(self, browser: httpx2.Client, to: str = "/") -> dict[str, str]:
        """Begins a sign-in. Returns the parameters of the authorization request."""
        answer = browser.get("/sign-in", params={"to": to})
        assert answer.status_code == 303, answer.text
        return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}

    def finish(self, browser: httpx2.Client, person: Person, state: str, **changes: str) -> httpx2.Response:
        """Auth's answer arrives in the browser."""
        code = self.platform.expect(person)
        query = {"code": code, "state": state, "iss": ISSUER, "client_id": person.client_id} | changes
        return browser.get("/sign-in/done", params={name: value for name, value in query.items() if value})

    def signed_in(self, person: Person | None = None, **headers: str) -> httpx2.Client:
        """A browser in which the person is signed in."""
        browser = self.browser(**headers)
        answer = self.finish(browser, person or Person(), self.begin(browser)["state"])
        assert answer.status_code == 200, answer.text
        return browser

    def cookies(self, person: Person, **headers: str) -> list[Any]:
        """The cookies of a browser in which the person is signed in, for a real one."""
        jar = self.signed_in(person, **headers).cookies.jar
        return [{"name": one.name, "value": one.value or "", "url": self.url} for one in jar]

    def post(
        self, browser: httpx2.Client, path: str, form: dict[str, Any] | None = None, **headers: str
    ) -> httpx2.Response:
        """Posts a form of a page of this browser: with its token and origin."""
        token = form_token(browser.get("/").text)
        fields = {"csrf": token} | (form or {})
        sent = {"origin": self.url, "sec-fetch-site": "same-origin"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        return browser.post(path, data=fields, headers=sent)


def form_token(html: str) -> str:
    """The token of the forms of a page."""
    return html.partition('name="csrf" value="')[2].partition('"')[0]


@contextmanager
def running(database: Database, redis_url: str, platform: Platform, **changes: Any) -> Iterator[Console]:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with serving(platform) as gateway:
        settings = settings_for(
            Settings,
            database,
            redis_url,
            issuer=ISSUER,
            api_base_url="http://api.localhost:1",
            docs_base_url="http://docs.localhost:1",
            console_base_url=url,
            gateway_url=gateway,
            client_keys=f"1:{base64url_encode(bytes(range(32)))}",
            **changes,
        )
        config = uvicorn.Config(
            Front(create_app(settings)),
            http="httptools",
            loop="uvloop",
            log_config=None,
            access_log=False,
            timeout_keep_alive=KEEP_ALIVE,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        wait_for(lambda: server.started, what="the console")
        console = Console(url, settings, platform, database)
        try:
            yield console
        finally:
            console.close()
            server.should_exit = True
            thread.join(timeout=60)
            listener.close()


@pytest.fixture(scope="module")
def console_database(databases: TestDatabases) -> Iterator[Database]:
    with databases.lent("console") as database:
        yield database


@pytest.fixture(scope="module")
def console(console_database: Database, redis_server: RedisServer) -> Iterator[Console]:
    """One for a module's tests; each signs in people of its own."""
    with running(console_database, redis_server.url, Platform()) as console:
        yield console


@pytest.fixture(scope="module")
def windows(browser: "Browser", console: Console) -> "Iterator[Windows]":
    """For the many tests that open one page each."""
    from tests.console.test_pages import Windows  # its imports are long

    windows = Windows(browser, console)
    yield windows
    windows.close()


@pytest.fixture(autouse=True)
def usual_platform(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each test the platform answers as usual again."""
    yield
    if "console" in request.fixturenames:
        console: Console = request.getfixturevalue("console")
        console.as_usual()
