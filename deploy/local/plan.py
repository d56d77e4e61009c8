"""The addresses, sockets and secrets of one start of the stack, chosen before any process starts."""

import base64
import os
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field

from deploy.local import databases, ports
from deploy.local.databases import Database
from deploy.local.state import State
from deploy.local.table import HOSTS, SERVICES, Service
from shared.primitives.crypto import Signer
from shared.web.identity import SigningKey

DEFAULT_PORT = 8080
HIGHEST_PORT = 65_535
MOST_WEB_PROCESSES = 8
GATEWAY_LISTENERS: tuple[str, ...] = ("gateway", "gateway on ::1")


class Misconfigured(Exception):
    """A KNOGIN_… setting has an impossible value; the text names it."""


@dataclass
class Plan:
    """`listeners` are the web sockets by process name. The supervisor owns them, so that a restart refuses no request."""

    state: State
    services: tuple[Service, ...]
    listeners: dict[str, socket.socket]
    ops_ports: dict[str, int]
    web_processes: int = 1
    """Of each service. Those after the first are called `<service>-web-2` and so on, and take connections from the same socket."""
    postgres_url: str = ""
    redis_url: str = ""
    own_redis: bool = False
    mail_url: str = ""
    databases: dict[str, Database] = field(default_factory=dict)

    @property
    def gateway_port(self) -> int:
        return ports.port_of(self.listeners["gateway"])

    @property
    def gateway_listeners(self) -> list[socket.socket]:
        return [self.listeners[name] for name in GATEWAY_LISTENERS if name in self.listeners]

    @property
    def issuer(self) -> str:
        return self.origin("auth")

    def origin(self, host: str) -> str:
        """The base URL of one of the gateway's hosts."""
        return f"http://{HOSTS[host]}:{self.gateway_port}"

    def url(self, process: str) -> str:
        return f"http://{ports.LOOPBACK}:{ports.port_of(self.listeners[process])}"

    def role_passwords(self, service: Service) -> Mapping[str, str]:
        names = [databases.role(service, kind) for kind in databases.KINDS]
        return {name: self.state.secret(f"role {name}", new_secret) for name in names}

    def redis_users(self) -> dict[str, str]:
        """The password of every user of our own Redis: one for the gateway, one for each service."""
        names = ["gateway", *(service.database for service in SERVICES)]
        return {name: self.state.secret(f"redis user {name}", new_secret) for name in names}

    def redis_url_of(self, user: str) -> str:
        """Redis' address for one user. A server from KNOGIN_REDIS_URL has only the user in that URL."""
        if not self.own_redis:
            return self.redis_url
        return databases.address(self.redis_url, "0", user, self.redis_users()[user])

    def encryption_keys(self, service: Service) -> str:
        return self.state.secret(f"encryption keys of {service.name}", lambda: f"1:{new_key()}")

    def further_keys(self, service: Service) -> dict[str, str]:
        return {name: self.state.secret(f"{name} of {service.name}", lambda: f"1:{new_key()}") for name in service.keys}

    @property
    def identity_signing_key(self) -> str:
        return self.state.secret("identity signing key", lambda: f"local-1:{new_key()}")

    @property
    def identity_public_keys(self) -> str:
        return SigningKey(self.identity_signing_key).public_text()

    def service_signing_key(self, service: Service) -> str:
        return self.state.secret(f"signing key of {service.name}", lambda: f"local-1:{new_key()}")

    @property
    def service_public_keys(self) -> str:
        """The keys of all services, also of those that this start does not run."""
        return ",".join(Signer(self.service_signing_key(each)).public_text(each.database) for each in SERVICES)

    def all_ports(self) -> dict[str, int]:
        return {name: ports.port_of(listener) for name, listener in self.listeners.items()} | {
            f"{name} ops": port for name, port in self.ops_ports.items()
        }


def make(state: State, services: tuple[Service, ...], processes: Mapping[str, bool]) -> Plan:
    """Takes every port now. `processes` maps each process name to whether it serves HTTP calls. Raises PortTaken."""
    text = os.environ.get("KNOGIN_PORT") or str(DEFAULT_PORT)
    if not text.isdecimal() or int(text) > HIGHEST_PORT:
        raise Misconfigured(f"KNOGIN_PORT is a port number, or 0 for any free one, not {text!r}")
    web_processes = _web_processes()
    listeners: dict[str, socket.socket] = dict(
        zip(GATEWAY_LISTENERS, ports.listen_at_localhost(int(text)), strict=False)
    )
    for name, serves in processes.items():
        if serves and name != "gateway":
            listeners[name] = ports.listen_preferably(state.last_port(name))
    beside = [f"{service.name}-{kind}" for service in services for kind in web_kinds(web_processes)[1:]]
    ops_ports = {name: ports.free_port(state.last_port(f"{name} ops")) for name in (*processes, *beside)}
    return Plan(state, services, listeners, ops_ports, web_processes)


def web_kinds(web_processes: int) -> list[str]:
    """`web`, `web-2` and so on."""
    return ["web", *(f"web-{number}" for number in range(2, web_processes + 1))]


def _web_processes() -> int:
    text = os.environ.get("KNOGIN_WEB_PROCESSES") or "1"
    if not text.isdecimal() or not 1 <= int(text) <= MOST_WEB_PROCESSES:
        raise Misconfigured(f"KNOGIN_WEB_PROCESSES is a number from 1 to {MOST_WEB_PROCESSES}, not {text!r}")
    return int(text)


def new_key() -> str:
    """32 random bytes in base64url without padding, the format of every key setting."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode()


def new_secret() -> str:
    return secrets.token_hex(24)
