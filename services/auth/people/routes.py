"""Route entries of people, their roles, sessions and second factors."""

from services.auth.apps.scopes import CHANGE_PEOPLE, READ_PEOPLE
from services.auth.people import endpoints
from services.auth.people.models import (
    AccessChanged,
    LeaveQuery,
    RoleChange,
    Roles,
    User,
    UserPage,
    Users,
    UserSessions,
)
from shared.web.http import Page
from shared.web.routing import Operation

USERS = "/v1/platform/users"
USER = USERS + "/{user_id}"
BEYOND = {403: "The scope is missing, or the person who calls may do less than the other person"}
LAST = "This is the last administrator who can sign in"
OPERATIONS = [
    Operation(
        "GET",
        "/v1/platform/roles",
        endpoints.list_roles,
        "List roles",
        "",
        {200: Roles},
        "The roles that people can have, and the scopes that an app may get in their names.",
    ),
    Operation(
        "GET",
        USERS,
        endpoints.list_users,
        "List people",
        READ_PEOPLE,
        {200: Users},
        "Newest first.",
        query=UserPage,
    ),
    Operation(
        "GET",
        USER,
        endpoints.read_user,
        "Inspect a person",
        READ_PEOPLE,
        {200: User},
        "With their role, how they sign in, and when they did last.",
    ),
    Operation(
        "PUT",
        f"{USER}/role",
        endpoints.change_role,
        "Change a person's role",
        CHANGE_PEOPLE,
        {200: AccessChanged},
        "Nobody gives more than they may do themselves. A role that allows less ends the person's sessions, and the grants and service"
        " tokens that exceed it.",
        id="changeUserRole",
        body=RoleChange,
        refusals=BEYOND | {409: f"{LAST}, or the organisation's identity provider decides the person's roles"},
        example={"role": "quality_officer"},
    ),
    Operation(
        "POST",
        f"{USER}/leave",
        endpoints.leave,
        "Take a leaver's access away",
        CHANGE_PEOPLE,
        {200: AccessChanged},
        "Refuses the person from now on, and ends sessions, grants, refresh tokens, service tokens that they minted and invitations that"
        " they sent, all or nothing. `?dry_run=true` changes nothing and counts them.",
        id="leaveUser",
        query=LeaveQuery,
        refusals=BEYOND | {409: f"{LAST}, or signs in when the identity provider is away"},
    ),
    Operation(
        "POST",
        f"{USER}/enable",
        endpoints.enable_user,
        "Let a person in again",
        CHANGE_PEOPLE,
        {200: User},
        "They sign in as before. What ended stays ended.",
        refusals=BEYOND,
    ),
    Operation(
        "POST",
        f"{USER}/reset-second-factor",
        endpoints.reset_second_factor,
        "Reset a person's second factor",
        CHANGE_PEOPLE,
        {200: AccessChanged},
        "For a lost phone: the authenticator app and the recovery codes go, and the person's sessions end.",
        refusals={
            403: "The scope is missing, the person who calls may do less than the other person, or it is their own"
        },
    ),
    Operation(
        "GET",
        f"{USER}/sessions",
        endpoints.list_user_sessions,
        "List a person's sessions",
        READ_PEOPLE,
        {200: UserSessions},
        "Those that have not ended, newest first.",
        query=Page,
    ),
    Operation(
        "DELETE",
        f"{USER}/sessions",
        endpoints.end_user_sessions,
        "End all sessions of a person",
        CHANGE_PEOPLE,
        {200: AccessChanged},
        "Also ends the access of Knogin's own apps, such as the console. Other apps keep the access that the person gave them.",
        refusals=BEYOND,
    ),
    Operation(
        "DELETE",
        f"{USER}/sessions/{{session_id}}",
        endpoints.end_user_session,
        "End a session of a person",
        CHANGE_PEOPLE,
        {204: None},
        "In that browser the person must sign in again.",
        refusals=BEYOND,
    ),
]
