"""The table of services. Read it first, and extend it when you add a service."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROCESSES = ("web", "worker", "relay")


@dataclass(frozen=True)
class Service:
    """One of the seven services: its processes, nearly always three (web, worker, relay), and one database."""

    name: str  # as in stack.json, logs and traces
    database: str  # database, role prefix, queue and import name
    upstream: str  # the gateway's setting with its URL
    needs: tuple[str, ...] = ()  # settings it shares with the gateway; see environment.py
    calls: Mapping[str, str] = field(default_factory=dict)  # its settings with the URL of another service
    keys: tuple[str, ...] = ()  # its settings that hold further secret keys of its own
    signing: tuple[str, ...] = ("web", "worker", "relay")  # its processes that sign as this service
    settings: Mapping[str, str] = field(default_factory=dict)  # its settings besides those of every service
    further: tuple[str, ...] = ()  # kinds of process beyond those of every service
    lacks: tuple[str, ...] = ()  # kinds of process that it has no work for

    @property
    def processes(self) -> tuple[str, ...]:
        return tuple(kind for kind in (*PROCESSES, *self.further) if kind not in self.lacks)

    @property
    def module(self) -> str:
        return f"services.{self.database}"

    @property
    def folder(self) -> Path:
        return ROOT / "services" / self.database


SERVICES = (
    Service(
        "auth",
        "auth",
        upstream="GATEWAY_UPSTREAM_AUTH",
        needs=("ISSUER", "API_BASE_URL", "STACK"),
        signing=("worker", "relay"),
    ),
    Service(
        "webhook-dispatcher",
        "webhook_dispatcher",
        upstream="GATEWAY_UPSTREAM_WEBHOOKS",
        settings={"WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8,::1/128"},
        further=("sender",),
    ),
    Service(
        "graphql-api",
        "graphql_api",
        upstream="GATEWAY_UPSTREAM_GRAPHQL",
        calls={"WEBHOOK_DISPATCHER_URL": "webhook-dispatcher"},
    ),
    Service("epcr", "epcr", upstream="GATEWAY_UPSTREAM_EPCR", needs=("API_BASE_URL",), keys=("PSEUDONYM_KEYS",)),
    Service("device-ingest", "device_ingest", upstream="GATEWAY_UPSTREAM_DEVICES"),
    Service("control-plane", "control_plane", upstream="GATEWAY_UPSTREAM_PLATFORM"),
    Service(
        "console",
        "console",
        upstream="GATEWAY_UPSTREAM_CONSOLE",
        needs=("ISSUER", "API_BASE_URL", "DOCS_BASE_URL", "CONSOLE_BASE_URL", "GATEWAY_URL", "STACK"),
        keys=("CLIENT_KEYS",),
        lacks=("worker",),  # no service sends it messages
    ),
)
HOSTS = {"auth": "auth.localhost", "api": "api.localhost", "docs": "docs.localhost", "console": "console.localhost"}
KNOGIN_HOSTS = {
    "auth": "auth.knogin.com",
    "api": "api.knogin.com",
    "docs": "knogin.com",
    "console": "console.knogin.com",
}


def by_name(name: str) -> Service:
    """The service with that public name or database name."""
    return next(service for service in SERVICES if name in (service.name, service.database))
