"""A gateway in front of doubles, all of them real servers on real sockets."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from gateway import background
from gateway.account import Account
from gateway.app import Gateway
from gateway.server import config
from gateway.settings import Settings
from shared.primitives.crypto import base64url_encode
from shared.web.identity import Caller, SigningKey, Verifier
from tests.gateway.issuer import Issuer
from tests.gateway.origin import Origin
from tests.gateway.raw import Door
from tests.support.waiting import wait_for

# The gateway checks deadlines more often here, so that their tests are short.
background.SWEEP_SECONDS = 0.03
SIGNING_KEY = "test:" + base64url_encode(os.urandom(32))
PUBLIC_KEY = SigningKey(SIGNING_KEY).public_text()


class Identities:
    """Reads identity headers of the gateway, for any service."""

    def __init__(self) -> None:
        services = ("auth", "webhook_dispatcher", "graphql_api", "epcr", "device_ingest", "control_plane")
        self._verifiers = [Verifier(PUBLIC_KEY, service) for service in services]

    def verify(self, header: str) -> Caller | None:
        return next((who for each in self._verifiers if (who := each.verify(header)) is not None), None)


IDENTITIES = Identities()


class Running:
    """A gateway that a thread of this process serves."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.gateway = Gateway(settings)
        self.gateway.account = Account(os.open(os.devnull, os.O_WRONLY))
        self.gateway.watch.linger_seconds = 0.05
        self.server = uvicorn.Server(config(self.gateway, settings))
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self._thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.listener]}, daemon=True)

    def start(self) -> "Running":
        self._thread.start()
        wait_for(lambda: self.server.started)
        return self

    def stop(self) -> None:
        self.server.should_exit = True
        self._thread.join()

    def door(self) -> Door:
        return Door(self.port)

    def cpu_seconds(self) -> float:
        """Processor time of the gateway's thread. Unlike the time of its calls, other work on the machine does not change it."""
        assert self._thread.ident is not None
        return time.clock_gettime(time.pthread_getcpuclockid(self._thread.ident))


class World:
    """The gateway's surroundings: auth, one server in place of all services, and a test's changes of the settings."""

    def __init__(self) -> None:
        self.service = Origin().start()
        self.issuer = Issuer("http://auth.test", "http://api.test")
        self.issuer.origin.start()
        self._running: list[Running] = []

    def settings(self, **changes: Any) -> Settings:
        auth = self.issuer.origin.url
        urls: dict[str, Any] = {
            f"gateway_upstream_{name}": self.service.url for name in ("webhooks", "graphql", "epcr", "devices")
        }
        basics: dict[str, Any] = {
            "identity_signing_key": SIGNING_KEY,
            "issuer": self.issuer.issuer,
            "api_base_url": self.issuer.api,
            "gateway_jwks_url": auth + "/.well-known/jwks.json",
            "gateway_upstream_auth": auth,
            "docs_base_url": "http://docs.test",
            "otel_traces_sampler_arg": 0.0,
        }
        return Settings(**(basics | urls | changes))

    def start(self, **changes: Any) -> Running:
        running = Running(self.settings(**changes)).start()
        self._running.append(running)
        wait_for(lambda: running.gateway.keys.ready and running.gateway.revocations.usable)
        return running

    def stop(self) -> None:
        for running in self._running:
            running.stop()
        self.service.stop()
        self.issuer.origin.stop()


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.stop()


@pytest.fixture(scope="module")
def shared_world() -> Iterator[World]:
    world = World()
    yield world
    world.stop()


@pytest.fixture(scope="module")
def gateway(shared_world: World) -> Running:
    """One gateway for all tests of a module that only send requests and read answers."""
    return shared_world.start()
