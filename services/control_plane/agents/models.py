"""Bodies, rows and answers of edge agents."""

from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import quote

import msgspec
from msgspec import UNSET, Meta, UnsetType, field

from services.control_plane.access import BASE
from services.control_plane.packages.models import PublicJwk, public_jwk
from services.control_plane.settings import Settings
from shared.web import http
from shared.web.http import Page

Environment = Literal["sandbox", "production"]
Status = Literal["awaiting_enrolment", "enrolled", "revoked"]
Staleness = Literal["never", "fresh", "stale", "lost"]
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
    content_sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")] | None = None
    health: Literal["starting", "ok", "failing"] = "ok"


class Heartbeat(http.Body):
    """The report of an agent. One that was sent before the newest stored report changes only `last_seen_at`."""

    # Read within a transaction, so it is never one that waits for its turn (shared/web/fairness.py).
    max_bytes: ClassVar[int] = 16 << 10

    sent_at: http.Timestamp
    running: Annotated[list[Running], Meta(max_length=50)] = field(default_factory=list)
    agent_version: Version | None = None


class AgentPage(Page):
    vehicle_id: http.ExternalId | None = None


class Agent(msgspec.Struct):
    """A box at the edge. `staleness` says how long it has been silent; `reported` is its newest heartbeat."""

    id: str
    name: str
    vehicle_id: str
    environment: Environment
    packages: list[str]
    status: Status
    staleness: Staleness
    last_seen_at: datetime | None
    reported: Heartbeat | None
    enrolled_at: datetime | None
    revoked_at: datetime | None
    created_at: datetime


class AgentWithCode(Agent):
    """With its enrolment code, which is shown by this call alone and good for one enrolment."""

    enrolment_code: str
    enrolment_code_expires_at: datetime


class Agents(msgspec.Struct):
    agents: list[Agent]
    next_cursor: str | None


class Enrolled(msgspec.Struct):
    """`credential` is shown this once; the agent sends it as `Authorization: Bearer` with every call of its own."""

    agent_id: str
    credential: str
    environment: Environment
    heartbeat_seconds: int


class Desired(msgspec.Struct):
    """A package the agent should run: the version that is live in its environment.

    `content_url` is the path of its content on this host. `signature` is the Ed25519 signature of the UTF-8 bytes of `statement`
    under `jwk`; the statement is JSON, and names the package, the version and the content's digest that are signed. A key that was
    revoked since has a `key_revoked_at`.
    """

    package_id: str
    name: str
    release_id: str
    version: str
    content_sha256: str
    size: int
    key_id: str
    signature: str
    statement: str
    key_revoked_at: datetime | None
    jwk: PublicJwk
    content_url: str


class Instructions(msgspec.Struct):
    """The packages the agent should run, and whether it runs exactly these."""

    agent_id: str
    environment: Environment
    in_sync: bool
    desired: list[Desired]
    heartbeat_seconds: int


class DesiredRow(msgspec.Struct, frozen=True, kw_only=True):
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

    def shown(self) -> Desired:
        fields = msgspec.structs.asdict(self)
        jwk = public_jwk(fields.pop("public_key"), self.key_id)
        url = f"{BASE}/agents/content/{self.package_id}/{quote(self.version)}"
        return Desired(**fields, jwk=jwk, content_url=url)


class LiveContent(msgspec.Struct, frozen=True, kw_only=True):
    """The size and digest of a content, read before its bytes."""

    version_id: str
    content_sha256: str
    size: int


class AgentRow(msgspec.Struct, kw_only=True):
    """A row of `agents`. `reported` is a `Heartbeat` in the JSON of the database."""

    id: str
    tenant_id: str
    name: str
    vehicle_id: str
    environment: Environment
    packages: list[str]
    code_mac: bytes | None
    code_expires_at: datetime | None
    code_failures: int
    credential_macs: list[bytes]
    enrolled_at: datetime | None
    revoked_at: datetime | None
    last_seen_at: datetime | None
    reported: Any
    reported_at: datetime | None
    created_at: datetime

    @property
    def status(self) -> Status:
        return "revoked" if self.revoked_at else "enrolled" if self.credential_macs else "awaiting_enrolment"

    def shown(self, settings: Settings) -> Agent:
        """Without the MACs of its secrets."""
        stale, lost = settings.agent_stale_seconds, settings.agent_lost_seconds
        return Agent(
            id=self.id,
            name=self.name,
            vehicle_id=self.vehicle_id,
            environment=self.environment,
            packages=self.packages,
            status=self.status,
            staleness=staleness(self.last_seen_at, datetime.now(UTC), stale, lost),
            last_seen_at=self.last_seen_at,
            reported=self.reported,
            enrolled_at=self.enrolled_at,
            revoked_at=self.revoked_at,
            created_at=self.created_at,
        )


def staleness(last_seen_at: datetime | None, now: datetime, stale_seconds: int, lost_seconds: int) -> Staleness:
    if last_seen_at is None:
        return "never"
    silent = (now - last_seen_at).total_seconds()
    return "fresh" if silent < stale_seconds else "stale" if silent < lost_seconds else "lost"
