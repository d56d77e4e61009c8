"""Every call about releases."""

from services.control_plane.access import BASE, READ, WRITE
from services.control_plane.releases import endpoints
from services.control_plane.releases.models import (
    Decision,
    ReleaseDraft,
    ReleaseFilter,
    Releases,
    ReleaseWithHistory,
    RolledBack,
)
from shared.web.routing import Operation

RELEASES = f"{BASE}/releases"
RELEASE = f"{RELEASES}/{{release_id}}"
IDEMPOTENCY = ("Idempotency-Key",)
NOT_FROM_HERE = "The release's state does not allow it, or a call with this Idempotency-Key is under way"
OVERTAKEN = (
    "The release is not approved, another went live or was taken back since it was, its key was revoked, or a call with this"
    " Idempotency-Key is under way"
)

OPERATIONS = [
    Operation(
        "GET",
        RELEASES,
        endpoints.list_releases,
        "List releases",
        READ,
        {200: Releases},
        "Newest first.",
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
        "With its history of states.",
    ),
    Operation(
        "POST",
        f"{RELEASE}/approve",
        endpoints.approve,
        "Approve a release",
        WRITE,
        {200: ReleaseWithHistory},
        "Approves replacing the release that is live at this moment. After another one has gone live, an approved release may be approved"
        " again.",
        id="approveRelease",
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
        "Ends a requested release for good.",
        id="rejectRelease",
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
        "Makes an approved release live at once, in place of the release that its approval names. Of two promotions at the same moment one"
        " gets 409.",
        id="promoteRelease",
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
        "Ends a live release and its listing. The release before it is live again, unless its key was revoked since: then no release is"
        " live, and `restored` is null.",
        id="rollBackRelease",
        body=Decision,
        body_required=False,
        headers=IDEMPOTENCY,
        refusals={409: NOT_FROM_HERE},
        example={"reason": "Numbers are missing"},
    ),
]
IDS = {"release_id": "rel_1"}
