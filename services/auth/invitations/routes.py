"""Route entries of invitations."""

from services.auth.apps.scopes import CHANGE_PEOPLE, READ_PEOPLE
from services.auth.invitations import endpoints
from services.auth.invitations.endpoints import INVITATIONS
from services.auth.invitations.models import Invitation, InvitationDraft, InvitationPage, Invitations
from services.auth.people.routes import BEYOND
from shared.web.routing import Operation

INVITATION = INVITATIONS + "/{invitation_id}"
OPERATIONS = [
    Operation(
        "POST",
        INVITATIONS,
        endpoints.create_invitation,
        "Invite a person",
        CHANGE_PEOPLE,
        {201: Invitation},
        "Sends a mail with a link that is good once, for seven days; there the person chooses name and password. The answer is the same"
        " where the address has an account in another organisation. Nobody gives more than they may do themselves.",
        body=InvitationDraft,
        headers=("Idempotency-Key",),
        refusals={
            403: "The scope is missing, or the role reaches beyond that of the person who calls",
            409: "The person is known or invited, a limit is reached, passwords are refused, or no mail is sent",
        },
        example={"email": "colleague@ambulance.example", "role": "quality_officer"},
    ),
    Operation(
        "GET",
        INVITATIONS,
        endpoints.list_invitations,
        "List invitations",
        READ_PEOPLE,
        {200: Invitations},
        "Newest first, until 90 days after they expire.",
        query=InvitationPage,
    ),
    Operation(
        "GET",
        INVITATION,
        endpoints.read_invitation,
        "Inspect an invitation",
        READ_PEOPLE,
        {200: Invitation},
        "With the state of its last mail.",
    ),
    Operation(
        "POST",
        f"{INVITATION}/resend",
        endpoints.resend_invitation,
        "Resend an invitation",
        CHANGE_PEOPLE,
        {200: Invitation},
        "Sends a new link, good for seven days; the one before is void. At most every five minutes.",
        headers=("Idempotency-Key",),
        refusals=BEYOND | {409: "The invitation is accepted or withdrawn, or a limit is reached"},
    ),
    Operation(
        "POST",
        f"{INVITATION}/withdraw",
        endpoints.withdraw_invitation,
        "Withdraw an invitation",
        CHANGE_PEOPLE,
        {200: Invitation},
        "Its link is void at once.",
        refusals=BEYOND | {409: "The invitation is accepted"},
    ),
]
