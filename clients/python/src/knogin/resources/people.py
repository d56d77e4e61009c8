"""Generated from the contract by `make clients`; do not edit."""

from __future__ import annotations

from typing import Literal

from .. import models
from .._paging import AsyncPages, Pages
from .._transport import Call, Caller, Operation

_LIST_ROLES = Operation("listRoles", "GET", "/v1/platform/roles", {200: models.people.Roles})
_LIST_USERS = Operation("listUsers", "GET", "/v1/platform/users", {200: models.people.Users})
_GET_USER = Operation("getUser", "GET", "/v1/platform/users/{}", {200: models.people.User})
_CHANGE_USER_ROLE = Operation(
    "changeUserRole", "PUT", "/v1/platform/users/{}/role", {200: models.people.AccessChanged}, body="json"
)
_LEAVE_USER = Operation("leaveUser", "POST", "/v1/platform/users/{}/leave", {200: models.people.AccessChanged})
_ENABLE_USER = Operation("enableUser", "POST", "/v1/platform/users/{}/enable", {200: models.people.User})
_RESET_SECOND_FACTOR = Operation(
    "resetSecondFactor", "POST", "/v1/platform/users/{}/reset-second-factor", {200: models.people.AccessChanged}
)
_LIST_USER_SESSIONS = Operation(
    "listUserSessions", "GET", "/v1/platform/users/{}/sessions", {200: models.people.UserSessions}
)
_END_USER_SESSIONS = Operation(
    "endUserSessions", "DELETE", "/v1/platform/users/{}/sessions", {200: models.people.AccessChanged}
)
_END_USER_SESSION = Operation("endUserSession", "DELETE", "/v1/platform/users/{}/sessions/{}", {204: None})
_CREATE_INVITATION = Operation(
    "createInvitation", "POST", "/v1/platform/invitations", {201: models.people.Invitation}, body="json", keyed=True
)
_LIST_INVITATIONS = Operation("listInvitations", "GET", "/v1/platform/invitations", {200: models.people.Invitations})
_GET_INVITATION = Operation("getInvitation", "GET", "/v1/platform/invitations/{}", {200: models.people.Invitation})
_RESEND_INVITATION = Operation(
    "resendInvitation", "POST", "/v1/platform/invitations/{}/resend", {200: models.people.Invitation}, keyed=True
)
_WITHDRAW_INVITATION = Operation(
    "withdrawInvitation", "POST", "/v1/platform/invitations/{}/withdraw", {200: models.people.Invitation}
)


class People:
    """The people of an organisation: their roles, invitations, sessions and second factors. A person's role bounds
    what apps may do in their name.
    """

    def __init__(self, client: Caller) -> None:
        self._client = client

    def list_roles(self, *, timeout: float | None = None) -> models.people.Roles:
        """List roles.

        The roles that people can have, and the scopes that an app may get in their names.
        """
        return self._client._call(Call(_LIST_ROLES, timeout=timeout))

    def list_users(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        search: str | None = None,
        role: Literal["administrator", "auditor", "integrator", "operator", "quality_officer"] | None = None,
        status: Literal["active", "disabled"] | None = None,
        second_factor: bool | None = None,
        federated: bool | None = None,
        timeout: float | None = None,
    ) -> Pages[models.people.User]:
        """List people.

        Newest first.

        Scope: `platform:people:read`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `search`: A part of the name or of the e-mail address.
        `role`: Only people with this role.
        `status`: Only people in this state.
        `second_factor`: Only people with a second factor, or only those without.
        `federated`: Only people who sign in through the identity provider, or only others.
        """
        return self._client._pages(
            Call(
                _LIST_USERS,
                query={
                    "limit": limit,
                    "cursor": cursor,
                    "search": search,
                    "role": role,
                    "status": status,
                    "second_factor": second_factor,
                    "federated": federated,
                },
                timeout=timeout,
                page="users",
            )
        )

    def get_user(self, user_id: str, *, timeout: float | None = None) -> models.people.User:
        """Inspect a person.

        With their role, how they sign in, and when they did last.

        Scope: `platform:people:read`.

        `user_id`: The person's id.
        """
        return self._client._call(Call(_GET_USER, path=(user_id,), timeout=timeout))

    def change_user_role(
        self, user_id: str, body: models.people.RoleChange, *, timeout: float | None = None
    ) -> models.people.AccessChanged:
        """Change a person's role.

        Nobody gives more than they may do themselves. A role that allows less ends the person's sessions, and the
        grants and service tokens that exceed it.

        Scope: `platform:people:write`.

        `user_id`: The person's id.
        """
        return self._client._call(Call(_CHANGE_USER_ROLE, path=(user_id,), body=body, timeout=timeout))

    def leave_user(
        self, user_id: str, *, dry_run: bool | None = None, timeout: float | None = None
    ) -> models.people.AccessChanged:
        """Take a leaver's access away.

        Refuses the person from now on, and ends sessions, grants, refresh tokens, service tokens that they minted
        and invitations that they sent, all or nothing. `?dry_run=true` changes nothing and counts them.

        Scope: `platform:people:write`.

        `user_id`: The person's id.
        `dry_run`: Count without ending anything.
        """
        return self._client._call(Call(_LEAVE_USER, path=(user_id,), query={"dry_run": dry_run}, timeout=timeout))

    def enable_user(self, user_id: str, *, timeout: float | None = None) -> models.people.User:
        """Let a person in again.

        They sign in as before. What ended stays ended.

        Scope: `platform:people:write`.

        `user_id`: The person's id.
        """
        return self._client._call(Call(_ENABLE_USER, path=(user_id,), timeout=timeout))

    def reset_second_factor(self, user_id: str, *, timeout: float | None = None) -> models.people.AccessChanged:
        """Reset a person's second factor.

        For a lost phone: the authenticator app and the recovery codes go, and the person's sessions end.

        Scope: `platform:people:write`.

        `user_id`: The person's id.
        """
        return self._client._call(Call(_RESET_SECOND_FACTOR, path=(user_id,), timeout=timeout))

    def list_user_sessions(
        self, user_id: str, *, limit: int | None = None, cursor: str | None = None, timeout: float | None = None
    ) -> Pages[models.people.UserSession]:
        """List a person's sessions.

        Those that have not ended, newest first.

        Scope: `platform:people:read`.

        `user_id`: The person's id.
        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        """
        return self._client._pages(
            Call(
                _LIST_USER_SESSIONS,
                path=(user_id,),
                query={"limit": limit, "cursor": cursor},
                timeout=timeout,
                page="sessions",
            )
        )

    def end_user_sessions(self, user_id: str, *, timeout: float | None = None) -> models.people.AccessChanged:
        """End all sessions of a person.

        Also ends the access of Knogin's own apps, such as the console. Other apps keep the access that the person
        gave them.

        Scope: `platform:people:write`.

        `user_id`: The person's id.
        """
        return self._client._call(Call(_END_USER_SESSIONS, path=(user_id,), timeout=timeout))

    def end_user_session(self, user_id: str, session_id: str, *, timeout: float | None = None) -> None:
        """End a session of a person.

        In that browser the person must sign in again.

        Scope: `platform:people:write`.

        `user_id`: The person's id.
        `session_id`: The session's id, such as `ses_01jdk…`.
        """
        return self._client._call(
            Call(
                _END_USER_SESSION,
                path=(
                    user_id,
                    session_id,
                ),
                timeout=timeout,
            )
        )

    def create_invitation(
        self, body: models.people.InvitationDraft, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> models.people.Invitation:
        """Invite a person.

        Sends a mail with a link that is good once, for seven days; there the person chooses name and password. The
        answer is the same where the address has an account in another organisation. Nobody gives more than they may
        do themselves.

        Scope: `platform:people:write`.

        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return self._client._call(
            Call(_CREATE_INVITATION, headers={"Idempotency-Key": idempotency_key}, body=body, timeout=timeout)
        )

    def list_invitations(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        status: Literal["accepted", "expired", "pending", "withdrawn"] | None = None,
        timeout: float | None = None,
    ) -> Pages[models.people.Invitation]:
        """List invitations.

        Newest first, until 90 days after they expire.

        Scope: `platform:people:read`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `status`: Only invitations in this state.
        """
        return self._client._pages(
            Call(
                _LIST_INVITATIONS,
                query={"limit": limit, "cursor": cursor, "status": status},
                timeout=timeout,
                page="invitations",
            )
        )

    def get_invitation(self, invitation_id: str, *, timeout: float | None = None) -> models.people.Invitation:
        """Inspect an invitation.

        With the state of its last mail.

        Scope: `platform:people:read`.

        `invitation_id`: The invitation's id, such as `inv_01jdk…`.
        """
        return self._client._call(Call(_GET_INVITATION, path=(invitation_id,), timeout=timeout))

    def resend_invitation(
        self, invitation_id: str, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> models.people.Invitation:
        """Resend an invitation.

        Sends a new link, good for seven days; the one before is void. At most every five minutes.

        Scope: `platform:people:write`.

        `invitation_id`: The invitation's id, such as `inv_01jdk…`.
        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return self._client._call(
            Call(
                _RESEND_INVITATION, path=(invitation_id,), headers={"Idempotency-Key": idempotency_key}, timeout=timeout
            )
        )

    def withdraw_invitation(self, invitation_id: str, *, timeout: float | None = None) -> models.people.Invitation:
        """Withdraw an invitation.

        Its link is void at once.

        Scope: `platform:people:write`.

        `invitation_id`: The invitation's id, such as `inv_01jdk…`.
        """
        return self._client._call(Call(_WITHDRAW_INVITATION, path=(invitation_id,), timeout=timeout))


class AsyncPeople:
    """The people of an organisation: their roles, invitations, sessions and second factors. A person's role bounds
    what apps may do in their name.
    """

    def __init__(self, client: Caller) -> None:
        self._client = client

    async def list_roles(self, *, timeout: float | None = None) -> models.people.Roles:
        """List roles.

        The roles that people can have, and the scopes that an app may get in their names.
        """
        return await self._client._call(Call(_LIST_ROLES, timeout=timeout))

    def list_users(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        search: str | None = None,
        role: Literal["administrator", "auditor", "integrator", "operator", "quality_officer"] | None = None,
        status: Literal["active", "disabled"] | None = None,
        second_factor: bool | None = None,
        federated: bool | None = None,
        timeout: float | None = None,
    ) -> AsyncPages[models.people.User]:
        """List people.

        Newest first.

        Scope: `platform:people:read`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `search`: A part of the name or of the e-mail address.
        `role`: Only people with this role.
        `status`: Only people in this state.
        `second_factor`: Only people with a second factor, or only those without.
        `federated`: Only people who sign in through the identity provider, or only others.
        """
        return self._client._pages(
            Call(
                _LIST_USERS,
                query={
                    "limit": limit,
                    "cursor": cursor,
                    "search": search,
                    "role": role,
                    "status": status,
                    "second_factor": second_factor,
                    "federated": federated,
                },
                timeout=timeout,
                page="users",
            )
        )

    async def get_user(self, user_id: str, *, timeout: float | None = None) -> models.people.User:
        """Inspect a person.

        With their role, how they sign in, and when they did last.

        Scope: `platform:people:read`.

        `user_id`: The person's id.
        """
        return await self._client._call(Call(_GET_USER, path=(user_id,), timeout=timeout))

    async def change_user_role(
        self, user_id: str, body: models.people.RoleChange, *, timeout: float | None = None
    ) -> models.people.AccessChanged:
        """Change a person's role.

        Nobody gives more than they may do themselves. A role that allows less ends the person's sessions, and the
        grants and service tokens that exceed it.

        Scope: `platform:people:write`.

        `user_id`: The person's id.
        """
        return await self._client._call(Call(_CHANGE_USER_ROLE, path=(user_id,), body=body, timeout=timeout))

    async def leave_user(
        self, user_id: str, *, dry_run: bool | None = None, timeout: float | None = None
    ) -> models.people.AccessChanged:
        """Take a leaver's access away.

        Refuses the person from now on, and ends sessions, grants, refresh tokens, service tokens that they minted
        and invitations that they sent, all or nothing. `?dry_run=true` changes nothing and counts them.

        Scope: `platform:people:write`.

        `user_id`: The person's id.
        `dry_run`: Count without ending anything.
        """
        return await self._client._call(Call(_LEAVE_USER, path=(user_id,), query={"dry_run": dry_run}, timeout=timeout))

    async def enable_user(self, user_id: str, *, timeout: float | None = None) -> models.people.User:
        """Let a person in again.

        They sign in as before. What ended stays ended.

        Scope: `platform:people:write`.

        `user_id`: The person's id.
        """
        return await self._client._call(Call(_ENABLE_USER, path=(user_id,), timeout=timeout))

    async def reset_second_factor(self, user_id: str, *, timeout: float | None = None) -> models.people.AccessChanged:
        """Reset a person's second factor.

        For a lost phone: the authenticator app and the recovery codes go, and the person's sessions end.

        Scope: `platform:people:write`.

        `user_id`: The person's id.
        """
        return await self._client._call(Call(_RESET_SECOND_FACTOR, path=(user_id,), timeout=timeout))

    def list_user_sessions(
        self, user_id: str, *, limit: int | None = None, cursor: str | None = None, timeout: float | None = None
    ) -> AsyncPages[models.people.UserSession]:
        """List a person's sessions.

        Those that have not ended, newest first.

        Scope: `platform:people:read`.

        `user_id`: The person's id.
        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        """
        return self._client._pages(
            Call(
                _LIST_USER_SESSIONS,
                path=(user_id,),
                query={"limit": limit, "cursor": cursor},
                timeout=timeout,
                page="sessions",
            )
        )

    async def end_user_sessions(self, user_id: str, *, timeout: float | None = None) -> models.people.AccessChanged:
        """End all sessions of a person.

        Also ends the access of Knogin's own apps, such as the console. Other apps keep the access that the person
        gave them.

        Scope: `platform:people:write`.

        `user_id`: The person's id.
        """
        return await self._client._call(Call(_END_USER_SESSIONS, path=(user_id,), timeout=timeout))

    async def end_user_session(self, user_id: str, session_id: str, *, timeout: float | None = None) -> None:
        """End a session of a person.

        In that browser the person must sign in again.

        Scope: `platform:people:write`.

        `user_id`: The person's id.
        `session_id`: The session's id, such as `ses_01jdk…`.
        """
        return await self._client._call(
            Call(
                _END_USER_SESSION,
                path=(
                    user_id,
                    session_id,
                ),
                timeout=timeout,
            )
        )

    async def create_invitation(
        self, body: models.people.InvitationDraft, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> models.people.Invitation:
        """Invite a person.

        Sends a mail with a link that is good once, for seven days; there the person chooses name and password. The
        answer is the same where the address has an account in another organisation. Nobody gives more than they may
        do themselves.

        Scope: `platform:people:write`.

        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return await self._client._call(
            Call(_CREATE_INVITATION, headers={"Idempotency-Key": idempotency_key}, body=body, timeout=timeout)
        )

    def list_invitations(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        status: Literal["accepted", "expired", "pending", "withdrawn"] | None = None,
        timeout: float | None = None,
    ) -> AsyncPages[models.people.Invitation]:
        """List invitations.

        Newest first, until 90 days after they expire.

        Scope: `platform:people:read`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `status`: Only invitations in this state.
        """
        return self._client._pages(
            Call(
                _LIST_INVITATIONS,
                query={"limit": limit, "cursor": cursor, "status": status},
                timeout=timeout,
                page="invitations",
            )
        )

    async def get_invitation(self, invitation_id: str, *, timeout: float | None = None) -> models.people.Invitation:
        """Inspect an invitation.

        With the state of its last mail.

        Scope: `platform:people:read`.

        `invitation_id`: The invitation's id, such as `inv_01jdk…`.
        """
        return await self._client._call(Call(_GET_INVITATION, path=(invitation_id,), timeout=timeout))

    async def resend_invitation(
        self, invitation_id: str, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> models.people.Invitation:
        """Resend an invitation.

        Sends a new link, good for seven days; the one before is void. At most every five minutes.

        Scope: `platform:people:write`.

        `invitation_id`: The invitation's id, such as `inv_01jdk…`.
        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return await self._client._call(
            Call(
                _RESEND_INVITATION, path=(invitation_id,), headers={"Idempotency-Key": idempotency_key}, timeout=timeout
            )
        )

    async def withdraw_invitation(
        self, invitation_id: str, *, timeout: float | None = None
    ) -> models.people.Invitation:
        """Withdraw an invitation.

        Its link is void at once.

        Scope: `platform:people:write`.

        `invitation_id`: The invitation's id, such as `inv_01jdk…`.
        """
        return await self._client._call(Call(_WITHDRAW_INVITATION, path=(invitation_id,), timeout=timeout))
