"""What runs in the local stack: the table to read first, and to extend when a service is added."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Service:
    """One of the five services: three processes (web, worker, relay) and one database."""

    name: str  # as in stack.json, logs and traces
    database: str  # database, role prefix, queue and import name
    upstream: str  # the setting that tells the gateway where it is

    @property
    def module(self) -> str:
        return f"services.{self.database}"

    @property
    def folder(self) -> Path:
        return ROOT / "services" / self.database


SERVICES = (
    Service("auth", "auth", "GATEWAY_UPSTREAM_AUTH"),
    Service("webhook-dispatcher", "webhook_dispatcher", "GATEWAY_UPSTREAM_WEBHOOKS"),
    Service("graphql-api", "graphql_api", "GATEWAY_UPSTREAM_GRAPHQL"),
    Service("epcr", "epcr", "GATEWAY_UPSTREAM_EPCR"),
    Service("device-ingest", "device_ingest", "GATEWAY_UPSTREAM_DEVICES"),
)
PROCESSES = ("web", "worker", "relay")
HOSTS = {"auth": "auth.localhost", "api": "api.localhost", "docs": "docs.localhost"}
