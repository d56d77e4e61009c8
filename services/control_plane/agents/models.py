"""Edge agents: as their organisation registers them, as they report themselves, as the database has them."""

from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import quote

import msgspec
from msgspec import UNSET, Meta, UnsetType, field

from services.control_plane.access import BASE
from services.control_plane.agents import staleness
from services.control_plane.packages import signing
from services.control_plane.settings import Settings
from shared import http
from shared.pagination import Page

Environment = Literal["sandbox", "production"]
Name = Annotated[str, Meta(min_length=1, max_length=120)]
PackageIds = Annotated[list[Annotated[str, Meta(min_length=1, max_length=64)]], Meta(max_length=50)]
Version = Annotated[str, Meta(min_length=1, max_length=128)]


class AgentDraft(http.Body):
    """A box on a vehicle that will enrol; `packages` are those it should run, as they are live in its environment."""

    name: Name
    vehicle_id: http.ExternalId
    environment: Environment = "production"
    packages: PackageIds = field(default_factory=list)


class AgentChange(http.Body):
    name: Name | UnsetType = UNSET
    vehicle_id: http.ExternalId | UnsetType = UNSET
    environment: Environment | UnsetType = UNSET
    packages: PackageIds | UnsetType = UNSET


class Enrolment(http.Body):
    max_bytes: ClassVar[int] = 4 << 10

    code: Annotated[str, Meta(min_length=1, max_length=128)]


class Running(http.Body):
    """A package that runs on the agent, as it was unpacked."""

    package_id: Annotated[str, Meta(min_length=1, max_length=64)]
    version: Version
    content_sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")] | None = None
    health: Literal["starting", "ok", "failing"] = "ok"


class Heartbeat(http.Body):
    """What an agent says of itself. One that was sent before the last that was heard changes nothing but when it was seen."""

    # Read within a transaction, so it is never one that waits for its turn (shared/heavy.py).
    max_bytes: ClassVar[int] = 16 << 10

    sent_at: http.Timestamp
    running: Annotated[list[Running], Meta(max_length=50)] = field(default_factory=list)
    agent_version: Version | None = None


class AgentPage(Page):
    vehicle_id: http.ExternalId | None = None


class Desired(msgspec.Struct, frozen=True, kw_only=True):
    """A package the agent should run: the version that is live in its environment, and what was signed of it under which key."""

    package_id: str
    name: str
    release_id: str
    version: str
    content_sha256: str
    size: int
    key_id: str
    signature: str
    statement: str
    public_key: bytes
    key_revoked_at: datetime | None

    def view(self) -> dict[str, Any]:
        """With the key as a JWK, and the path its content has for the agent."""
        shown = msgspec.structs.asdict(self)
        jwk = signing.jwk_of(shown.pop("public_key"), self.key_id)
        where = f"{BASE}/agents/content/{self.package_id}/{quote(self.version)}"
        return shown | {"jwk": jwk, "content_url": where}


class LiveContent(msgspec.Struct, frozen=True, kw_only=True):
    """What there is of a content before its bytes are read."""

    version_id: str
    content_sha256: str
    size: int


class Agent(msgspec.Struct, kw_only=True):
    """A row of `agents`."""

    id: str
    tenant_id: str
    name: str
    vehicle_id: str
    environment: Environment
    packages: list[str]
    code_mac: bytes | None
    code_expires_at: datetime | None
    code_failures: int
    credential_mac: bytes | None
    enrolled_at: datetime | None
    revoked_at: datetime | None
    last_seen_at: datetime | None
    reported: dict[str, Any] | None
    reported_at: datetime | None
    created_at: datetime

    @property
    def status(self) -> str:
        return "revoked" if self.revoked_at else "enrolled" if self.credential_mac else "awaiting_enrolment"

    def view(self, settings: Settings) -> dict[str, Any]:
        """Without its secrets."""
        heard = staleness.of(
            self.last_seen_at, datetime.now(UTC), settings.agent_stale_seconds, settings.agent_lost_seconds
        )
        return {
            "id": self.id,
            "name": self.name,
            "vehicle_id": self.vehicle_id,
            "environment": self.environment,
            "packages": self.packages,
            "status": self.status,
            "staleness": heard,
            "last_seen_at": self.last_seen_at,
            "reported": self.reported,
            "enrolled_at": self.enrolled_at,
            "revoked_at": self.revoked_at,
            "created_at": self.created_at,
        }
