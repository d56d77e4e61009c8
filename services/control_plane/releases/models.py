"""Bodies, rows and answers of releases. A release takes a version to an environment."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from services.control_plane.packages.models import Version
from shared.web import http
from shared.web.http import Page

Environment = Literal["sandbox", "production"]
Status = Literal["requested", "approved", "rejected", "live", "superseded", "rolled_back"]
Reason = Annotated[str, Meta(min_length=1, max_length=500)]


class ReleaseDraft(http.Body):
    """A published version, and where it should go live."""

    package_id: str
    version: Version
    environment: Environment


class Decision(http.Body):
    """`reason` is stored in the release's history."""

    reason: Reason | None = None


class ReleaseFilter(Page):
    package_id: str | None = None
    environment: Environment | None = None
    status: Status | None = None


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """A release. `…_by` is the app, `…_by_user` the person if there was one; `replaces` the release it was approved to replace."""

    id: str
    package_id: str
    version_id: str
    version: str
    environment: Environment
    status: Status
    requested_by: str
    requested_by_user: str | None
    decided_by: str | None
    decided_by_user: str | None
    replaces: str | None
    created_at: datetime
    decided_at: datetime | None
    live_at: datetime | None
    ended_at: datetime | None


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A state of the release, with the app and person who set it, the reason and the trace."""

    status: Status
    at: datetime
    client_id: str
    user_id: str | None
    reason: str | None
    trace_id: str


class ReleaseWithHistory(Release, frozen=True, kw_only=True):
    """A release and its history of states, oldest first."""

    history: list[Step]


class RolledBack(ReleaseWithHistory, frozen=True, kw_only=True):
    """The release that was taken back, and the one that is live again, if there was one before."""

    restored: Release | None


class Releases(msgspec.Struct):
    releases: list[Release]
    next_cursor: str | None
