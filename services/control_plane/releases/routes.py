"""Every call about releases."""

import msgspec

from services.control_plane.access import BASE, READ, WRITE
from services.control_plane.releases import endpoints
from services.control_plane.releases.models import Decision, Release, ReleaseDraft, ReleaseFilter, Step
from shared.routing import Operation

RELEASES = f"{BASE}/releases"
RELEASE = f"{RELEASES}/{{release_id}}"
IDEMPOTENCY = ("Idempotency-Key",)
NOT_FROM_HERE = "The release is in a state this does not follow, or a call with this Idempotency-Key is under way"
OVERTAKEN = (
    "The release is not approved, another went live or was taken back since it was, its key was revoked, or a call with this"
    " Idempotency-Key is under way"
)


class ReleaseWithHistory(Release, frozen=True, kw_only=True):
    """A release and every state it came into."""

    history: list[Step]


class RolledBack(ReleaseWithHistory, frozen=True, kw_only=True):
    """The release that was taken back, and the one that is live again, if there was one before."""

    restored: Release | None


class Releases(msgspec.Struct):
    releases: list[Release]
    next_cursor: str | None


OPERATIONS = [
    Operation(
        "GET",
        RELEASES,
        endpoints.list_releases,
        "List releases",
        READ,
        {200: Releases},
        query=ReleaseFilter,
    ),
    Operation(
        "POST",
        RELEASES,
        endpoints.request_release,
        "Request a release",
        WRITE,
        {201: ReleaseWithHistory},
        "Of a published version to `sandbox` or `production`. A package has one live release in each.",
        body=ReleaseDraft,
        headers=IDEMPOTENCY,
        refusals={
            409: "The version is on its way there, or there, already, or a call with this Idempotency-Key is under way"
        },
        example={"package_id": "pkg_1", "version": "1.4.0", "environment": "production"},
    ),
    Operation(
        "GET",
        RELEASE,
        endpoints.read_release,
        "Read a release",
        READ,
        {200: ReleaseWithHistory},
    ),
    Operation(
        "POST",
        f"{RELEASE}/approve",
        endpoints.approve,
        "Approve a release",
        WRITE,
        {200: ReleaseWithHistory},
        "Approves replacing what is live at this moment. An approved release can be approved anew, once something else has gone live.",
        body=Decision,
        body_required=False,
        headers=IDEMPOTENCY,
        refusals={
            403: "The scope is missing, or the package wants another person or app than asked for the release",
            409: NOT_FROM_HERE,
        },
        example={"reason": "Tried in the sandbox for a week"},
    ),
    Operation(
        "POST",
        f"{RELEASE}/reject",
        endpoints.reject,
        "Reject a release",
        WRITE,
        {200: ReleaseWithHistory},
        body=Decision,
        body_required=False,
        headers=IDEMPOTENCY,
        refusals={409: NOT_FROM_HERE},
        example={"reason": "The ward is not ready"},
    ),
    Operation(
        "POST",
        f"{RELEASE}/promote",
        endpoints.promote,
        "Promote a release",
        WRITE,
        {200: ReleaseWithHistory},
        "Makes an approved release live, at once and in the place of the one it was approved to replace. Of two promoted at the same"
        " moment one is 409.",
        body=Decision,
        body_required=False,
        headers=IDEMPOTENCY,
        refusals={409: OVERTAKEN},
        example={"reason": "Go"},
    ),
    Operation(
        "POST",
        f"{RELEASE}/rollback",
        endpoints.roll_back,
        "Roll a release back",
        WRITE,
        {200: RolledBack},
        "Takes a live release back, from the marketplace too; the release before it is live again, unless the key that signed it was"
        " revoked since: then none is, and `restored` is null.",
        body=Decision,
        body_required=False,
        headers=IDEMPOTENCY,
        refusals={409: NOT_FROM_HERE},
        example={"reason": "Numbers are missing"},
    ),
]
IDS = {"release_id": "rel_1"}
