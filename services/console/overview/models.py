"""The answers of the platform that the front page reads, with the fields that it shows."""

from datetime import datetime

import msgspec


class Secret(msgspec.Struct):
    id: str
    expires_at: datetime | None = None


class App(msgspec.Struct):
    client_id: str
    name: str
    status: str
    first_party: bool = False
    secrets: list[Secret] = []


class Apps(msgspec.Struct):
    apps: list[App]


class IntegrationRequest(msgspec.Struct):
    id: str
    status: str
    submitted_at: datetime | None = None


class IntegrationRequests(msgspec.Struct):
    requests: list[IntegrationRequest]
