"""The answers of the platform that the front page reads, with the fields that it shows."""

from datetime import datetime
from typing import Any

import msgspec


class Usage(msgspec.Struct):
    refused: int = 0
    refused_calls: int = 0


class App(msgspec.Struct):
    client_id: str
    name: str
    status: str
    grant_types: list[str] = []
    first_party: bool = False
    usage: Usage | None = None


class Apps(msgspec.Struct):
    apps: list[App]
    next_cursor: str | None = None


class EndingCredential(msgspec.Struct):
    client_id: str
    app_name: str
    kind: str
    id: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None


class EndingCertificate(msgspec.Struct):
    """A certificate of an identity provider; people cannot sign in through it once it has ended."""

    connection_id: str
    connection_name: str
    expires_at: datetime
    last_used_at: datetime | None


class EndingCredentials(msgspec.Struct):
    credentials: list[EndingCredential]
    certificates: list[EndingCertificate] = []


class IntegrationRequest(msgspec.Struct):
    id: str
    capability: str
    status: str
    created_at: datetime
    decided_at: datetime | None = None
    sandbox: dict[str, Any] | None = None

    @property
    def has_credentials(self) -> bool:
        """Whether the sandbox's first secret waits to be fetched."""
        return self.sandbox is not None and self.sandbox.get("credentials_at") is None


class IntegrationRequests(msgspec.Struct):
    integration_requests: list[IntegrationRequest]
    next_cursor: str | None = None


class AskedOfOperators(msgspec.Struct):
    id: str
    tenant_name: str
    capability: str
    created_at: datetime


class RequestsOfAll(msgspec.Struct):
    integration_requests: list[AskedOfOperators]
    next_cursor: str | None = None


class Webhook(msgspec.Struct):
    id: str
    url: str
    client_id: str = ""
    enabled: bool = True
    deliveries_stopped: bool = False
    disabled_reason: str | None = None
    disabled_at: datetime | None = None
    failing_since: datetime | None = None
    unapproved_events: list[str] = []


class Webhooks(msgspec.Struct):
    webhooks: list[Webhook]
    next_cursor: str | None = None
