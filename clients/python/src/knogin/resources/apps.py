"""Generated from the contract by `make clients`; do not edit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from .. import models
from .._model import OneOf
from .._paging import AsyncPages, Pages
from .._transport import Call, Caller, Operation

if TYPE_CHECKING:
    UpdateAppGovernanceAnswer: TypeAlias = models.apps.GovernanceChanged | models.apps.GovernanceTried | dict[str, Any]
else:

    class UpdateAppGovernanceAnswer(OneOf):
        field = ""
        members = {"0": models.apps.GovernanceChanged, "1": models.apps.GovernanceTried}


_LIST_SCOPES = Operation("listScopes", "GET", "/v1/platform/scopes", {200: models.apps.Scopes})
_LIST_APPS = Operation("listApps", "GET", "/v1/platform/apps", {200: models.apps.Apps})
_CREATE_APP = Operation(
    "createApp", "POST", "/v1/platform/apps", {201: models.apps.RegisteredApp}, body="json", keyed=True
)
_GET_APP = Operation("getApp", "GET", "/v1/platform/apps/{}", {200: models.apps.App})
_UPDATE_APP = Operation("updateApp", "PATCH", "/v1/platform/apps/{}", {200: models.apps.App}, body="json")
_DELETE_APP = Operation("deleteApp", "DELETE", "/v1/platform/apps/{}", {204: None})
_DISABLE_APP = Operation("disableApp", "POST", "/v1/platform/apps/{}/disable", {200: models.apps.App})
_ENABLE_APP = Operation("enableApp", "POST", "/v1/platform/apps/{}/enable", {200: models.apps.App})
_UPDATE_APP_GOVERNANCE = Operation(
    "updateAppGovernance", "PATCH", "/v1/platform/apps/{}/governance", {200: UpdateAppGovernanceAnswer}, body="json"
)
_LIST_APP_EVENTS = Operation("listAppEvents", "GET", "/v1/platform/apps/{}/events", {200: models.apps.AppEvents})
_LIST_APP_REFUSALS = Operation("listAppRefusals", "GET", "/v1/platform/apps/{}/refusals", {200: models.apps.Refusals})
_LIST_APP_DECISIONS = Operation(
    "listAppDecisions", "GET", "/v1/platform/apps/{}/decisions", {200: models.apps.AppDecisions}
)
_GET_APP_DEPENDENTS = Operation(
    "getAppDependents", "GET", "/v1/platform/apps/{}/dependents", {200: models.apps.Dependents}
)
_ROTATE_APP_SECRET = Operation(
    "rotateAppSecret",
    "POST",
    "/v1/platform/apps/{}/rotate-secret",
    {200: models.apps.RotatedSecret},
    body="json",
    keyed=True,
)
_END_APP_SECRET = Operation("endAppSecret", "DELETE", "/v1/platform/apps/{}/secrets/{}", {204: None})
_MINT_SERVICE_TOKEN = Operation(
    "mintServiceToken",
    "POST",
    "/v1/platform/apps/{}/service-token",
    {201: models.apps.MintedServiceToken},
    body="json",
    keyed=True,
)
_LIST_SERVICE_TOKENS = Operation(
    "listServiceTokens", "GET", "/v1/platform/apps/{}/service-tokens", {200: models.apps.ServiceTokens}
)
_REVOKE_SERVICE_TOKEN = Operation("revokeServiceToken", "DELETE", "/v1/platform/apps/{}/service-tokens/{}", {204: None})
_LIST_ENDING_CREDENTIALS = Operation(
    "listEndingCredentials", "GET", "/v1/platform/ending-credentials", {200: models.apps.EndingCredentials}
)


class Apps:
    """An administrator registers an app for each system that calls the platform, approves its scopes, and manages its
    secrets and service tokens.
    """

    def __init__(self, client: Caller) -> None:
        self._client = client

    def list_scopes(self, *, timeout: float | None = None) -> models.apps.Scopes:
        """List available scopes.

        The scopes that the apps of your organisation may ask for; on-request scopes appear once granted.
        """
        return self._client._call(Call(_LIST_SCOPES, timeout=timeout))

    def list_apps(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        status: Literal["active", "disabled"] | None = None,
        usage: bool | None = None,
        timeout: float | None = None,
    ) -> Pages[models.apps.App]:
        """List apps.

        Newest first.

        Scope: `platform:apps`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `status`: Only apps in this state.
        `usage`: Adds the last 30 days of each app.
        """
        return self._client._pages(
            Call(
                _LIST_APPS,
                query={"limit": limit, "cursor": cursor, "status": status, "usage": usage},
                timeout=timeout,
                page="apps",
            )
        )

    def create_app(
        self, body: models.apps.AppDraft, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> models.apps.RegisteredApp:
        """Create an app.

        Names and defaults as in RFC 7591. The secret is shown this once.

        Scope: `platform:apps`.

        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return self._client._call(
            Call(_CREATE_APP, headers={"Idempotency-Key": idempotency_key}, body=body, timeout=timeout)
        )

    def get_app(self, client_id: str, *, timeout: float | None = None) -> models.apps.App:
        """Inspect an app.

        With its governance, its live secrets without their values, and its last 30 days.

        Scope: `platform:apps`.

        `client_id`: The id of the app, such as `app_01jdk…`.
        """
        return self._client._call(Call(_GET_APP, path=(client_id,), timeout=timeout))

    def update_app(
        self, client_id: str, body: models.apps.AppChange, *, timeout: float | None = None
    ) -> models.apps.App:
        """Change an app.

        Changes the fields it names. Withdrawing a scope ends the app's live tokens.

        Scope: `platform:apps`.

        `client_id`: The id of the app, such as `app_01jdk…`.
        """
        return self._client._call(Call(_UPDATE_APP, path=(client_id,), body=body, timeout=timeout))

    def delete_app(self, client_id: str, *, timeout: float | None = None) -> None:
        """Delete an app.

        Its secrets, tokens and grants end at once.

        Scope: `platform:apps`.

        `client_id`: The id of the app, such as `app_01jdk…`.
        """
        return self._client._call(Call(_DELETE_APP, path=(client_id,), timeout=timeout))

    def disable_app(self, client_id: str, *, timeout: float | None = None) -> models.apps.App:
        """Disable an app.

        Its live tokens end at once and its webhooks pause; enabling it brings back its secrets and webhooks.

        Scope: `platform:apps`.

        `client_id`: The id of the app, such as `app_01jdk…`.
        """
        return self._client._call(Call(_DISABLE_APP, path=(client_id,), timeout=timeout))

    def enable_app(self, client_id: str, *, timeout: float | None = None) -> models.apps.App:
        """Enable an app.

        Its webhooks resume with the events kept meanwhile. The app gets new tokens.

        Scope: `platform:apps`.

        `client_id`: The id of the app, such as `app_01jdk…`.
        """
        return self._client._call(Call(_ENABLE_APP, path=(client_id,), timeout=timeout))

    def update_app_governance(
        self,
        client_id: str,
        body: models.apps.GovernanceChange,
        *,
        dry_run: bool | None = None,
        timeout: float | None = None,
    ) -> UpdateAppGovernanceAnswer:
        """Update app governance.

        Changes the fields it names. `allow_service_tokens: false` ends the live service tokens within a second,
        another `deidentification` every token of the app. `?dry_run=true` changes nothing and counts the calls that
        it would have refused over the last 7 days.

        Scope: `platform:apps`.

        `client_id`: The id of the app, such as `app_01jdk…`.
        `dry_run`: Try the change without making it.
        """
        return self._client._call(
            Call(_UPDATE_APP_GOVERNANCE, path=(client_id,), query={"dry_run": dry_run}, body=body, timeout=timeout)
        )

    def list_app_events(
        self, client_id: str, *, limit: int | None = None, cursor: str | None = None, timeout: float | None = None
    ) -> Pages[models.apps.AppEvent]:
        """List refused token calls.

        Why token calls of the last 30 days were refused. An app may read its own with any token.

        Scope: `platform:apps`.

        `client_id`: The id of the app, such as `app_01jdk…`.
        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        """
        return self._client._pages(
            Call(
                _LIST_APP_EVENTS,
                path=(client_id,),
                query={"limit": limit, "cursor": cursor},
                timeout=timeout,
                page="events",
            )
        )

    def list_app_refusals(self, client_id: str, *, timeout: float | None = None) -> models.apps.Refusals:
        """Group refused calls.

        The refused calls of the last 30 days by endpoint and reason: how many, the first, the last, and its trace
        id. Those of the token endpoint are the 100 groups that were refused last; those of the API are answers 401,
        403 and 429 to tokens of the app, and appear within a minute. An app may read its own with any token.

        Scope: `platform:apps`.

        `client_id`: The id of the app, such as `app_01jdk…`.
        """
        return self._client._call(Call(_LIST_APP_REFUSALS, path=(client_id,), timeout=timeout))

    def list_app_decisions(self, client_id: str, *, timeout: float | None = None) -> models.apps.AppDecisions:
        """List who decided what an app may do.

        Who gave the app each scope, event type and bundle that it has now, and each of its rules its value: when,
        through which app, and with which `reason` of the change. Beside them are the approved integration requests
        that opened a scope or a bundle to the organisation.

        Scope: `platform:apps`.

        `client_id`: The id of the app, such as `app_01jdk…`.
        """
        return self._client._call(Call(_LIST_APP_DECISIONS, path=(client_id,), timeout=timeout))

    def get_app_dependents(self, client_id: str, *, timeout: float | None = None) -> models.apps.Dependents:
        """Count what ends with an app.

        Before you disable or delete it: its live secrets and service tokens, the people who gave it access, and its
        tokens of the last 7 days.

        Scope: `platform:apps`.

        `client_id`: The id of the app, such as `app_01jdk…`.
        """
        return self._client._call(Call(_GET_APP_DEPENDENTS, path=(client_id,), timeout=timeout))

    def rotate_app_secret(
        self,
        client_id: str,
        body: models.apps.RotateSecret | None = None,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> models.apps.RotatedSecret:
        """Rotate an app's secret.

        The present secret works for `overlap_seconds` more (a day, unless it says otherwise). Earlier secrets live
        until the ends that were stated for them, which no rotation changes; the answer names them with their last
        use, up to 5 seconds late. 0 ends all of them at once. At most 5 secrets are live: one more is 409, which
        names the earlier ones as `pending_secrets`, and as `next_rotation_at` the time when the first of them ends,
        unless `force` ends the oldest.

        Scope: `platform:apps`.

        `client_id`: The id of the app, such as `app_01jdk…`.
        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return self._client._call(
            Call(
                _ROTATE_APP_SECRET,
                path=(client_id,),
                headers={"Idempotency-Key": idempotency_key},
                body=body,
                timeout=timeout,
            )
        )

    def end_app_secret(self, client_id: str, secret_id: str, *, timeout: float | None = None) -> None:
        """End an app's old secret.

        Before its overlap is over. Tokens that it obtained live on until they expire; to end them too, rotate with
        an `overlap_seconds` of 0.

        Scope: `platform:apps`.

        `client_id`: The id of the app, such as `app_01jdk…`.
        `secret_id`: The secret's id.
        """
        return self._client._call(
            Call(
                _END_APP_SECRET,
                path=(
                    client_id,
                    secret_id,
                ),
                timeout=timeout,
            )
        )

    def mint_service_token(
        self,
        client_id: str,
        body: models.apps.ServiceTokenDraft | None = None,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> models.apps.MintedServiceToken:
        """Mint a service token.

        For unattended workloads. Lives 24 hours unless `expires_in` says otherwise, 30 days at most.

        Scope: `platform:apps`.

        `client_id`: The id of the app, such as `app_01jdk…`.
        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return self._client._call(
            Call(
                _MINT_SERVICE_TOKEN,
                path=(client_id,),
                headers={"Idempotency-Key": idempotency_key},
                body=body,
                timeout=timeout,
            )
        )

    def list_service_tokens(
        self, client_id: str, *, limit: int | None = None, cursor: str | None = None, timeout: float | None = None
    ) -> Pages[models.apps.ServiceToken]:
        """List service tokens.

        The live ones, newest first, without their values.

        Scope: `platform:apps`.

        `client_id`: The id of the app, such as `app_01jdk…`.
        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        """
        return self._client._pages(
            Call(
                _LIST_SERVICE_TOKENS,
                path=(client_id,),
                query={"limit": limit, "cursor": cursor},
                timeout=timeout,
                page="service_tokens",
            )
        )

    def revoke_service_token(self, client_id: str, token_id: str, *, timeout: float | None = None) -> None:
        """Revoke a service token.

        Every gateway refuses it within a second.

        Scope: `platform:apps`.

        `client_id`: The id of the app, such as `app_01jdk…`.
        `token_id`: The service token's id.
        """
        return self._client._call(
            Call(
                _REVOKE_SERVICE_TOKEN,
                path=(
                    client_id,
                    token_id,
                ),
                timeout=timeout,
            )
        )

    def list_ending_credentials(
        self, *, within: int | None = None, timeout: float | None = None
    ) -> models.apps.EndingCredentials:
        """List credentials that end soon.

        Client secrets and service tokens of active apps that end within `within` seconds, with their last use: what
        to renew, and what is still in use. And the certificates of identity providers of active SAML connections
        that end by then or have ended, unless a longer one is pinned already; only for callers who may read the
        connections (federation is open, and a person also has `platform:people:write`).

        Scope: `platform:apps`.

        `within`: Only those that end within so many seconds.
        """
        return self._client._call(Call(_LIST_ENDING_CREDENTIALS, query={"within": within}, timeout=timeout))


class AsyncApps:
    """An administrator registers an app for each system that calls the platform, approves its scopes, and manages its
    secrets and service tokens.
    """

    def __init__(self, client: Caller) -> None:
        self._client = client

    async def list_scopes(self, *, timeout: float | None = None) -> models.apps.Scopes:
        """List available scopes.

        The scopes that the apps of your organisation may ask for; on-request scopes appear once granted.
        """
        return await self._client._call(Call(_LIST_SCOPES, timeout=timeout))

    def list_apps(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        status: Literal["active", "disabled"] | None = None,
        usage: bool | None = None,
        timeout: float | None = None,
    ) -> AsyncPages[models.apps.App]:
        """List apps.

        Newest first.

        Scope: `platform:apps`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `status`: Only apps in this state.
        `usage`: Adds the last 30 days of each app.
        """
        return self._client._pages(
            Call(
                _LIST_APPS,
                query={"limit": limit, "cursor": cursor, "status": status, "usage": usage},
                timeout=timeout,
                page="apps",
            )
        )

    async def create_app(
        self, body: models.apps.AppDraft, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> models.apps.RegisteredApp:
        """Create an app.

        Names and defaults as in RFC 7591. The secret is shown this once.

        Scope: `platform:apps`.

        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return await self._client._call(
            Call(_CREATE_APP, headers={"Idempotency-Key": idempotency_key}, body=body, timeout=timeout)
        )

    async def get_app(self, client_id: str, *, timeout: float | None = None) -> models.apps.App:
        """Inspect an app.

        With its governance, its live secrets without their values, and its last 30 days.

        Scope: `platform:apps`.

        `client_id`: The id of the app, such as `app_01jdk…`.
        """
        return await self._client._call(Call(_GET_APP, path=(client_id,), timeout=timeout))

    async def update_app(
        self, client_id: str, body: models.apps.AppChange, *, timeout: float | None = None
    ) -> models.apps.App:
        """Change an app.

        Changes the fields it names. Withdrawing a scope ends the app's live tokens.

        Scope: `platform:apps`.

        `client_id`: The id of the app, such as `app_01jdk…`.
        """
        return await self._client._call(Call(_UPDATE_APP, path=(client_id,), body=body, timeout=timeout))

    async def delete_app(self, client_id: str, *, timeout: float | None = None) -> None:
        """Delete an app.

        Its secrets, tokens and grants end at once.

        Scope: `platform:apps`.

        `client_id`: The id of the app, such as `app_01jdk…`.
        """
        return await self._client._call(Call(_DELETE_APP, path=(client_id,), timeout=timeout))

    async def disable_app(self, client_id: str, *, timeout: float | None = None) -> models.apps.App:
        """Disable an app.

        Its live tokens end at once and its webhooks pause; enabling it brings back its secrets and webhooks.

        Scope: `platform:apps`.

        `client_id`: The id of the app, such as `app_01jdk…`.
        """
        return await self._client._call(Call(_DISABLE_APP, path=(client_id,), timeout=timeout))

    async def enable_app(self, client_id: str, *, timeout: float | None = None) -> models.apps.App:
        """Enable an app.

        Its webhooks resume with the events kept meanwhile. The app gets new tokens.

        Scope: `platform:apps`.

        `client_id`: The id of the app, such as `app_01jdk…`.
        """
        return await self._client._call(Call(_ENABLE_APP, path=(client_id,), timeout=timeout))

    async def update_app_governance(
        self,
        client_id: str,
        body: models.apps.GovernanceChange,
        *,
        dry_run: bool | None = None,
        timeout: float | None = None,
    ) -> UpdateAppGovernanceAnswer:
        """Update app governance.

        Changes the fields it names. `allow_service_tokens: false` ends the live service tokens within a second,
        another `deidentification` every token of the app. `?dry_run=true` changes nothing and counts the calls that
        it would have refused over the last 7 days.

        Scope: `platform:apps`.

        `client_id`: The id of the app, such as `app_01jdk…`.
        `dry_run`: Try the change without making it.
        """
        return await self._client._call(
            Call(_UPDATE_APP_GOVERNANCE, path=(client_id,), query={"dry_run": dry_run}, body=body, timeout=timeout)
        )

    def list_app_events(
        self, client_id: str, *, limit: int | None = None, cursor: str | None = None, timeout: float | None = None
    ) -> AsyncPages[models.apps.AppEvent]:
        """List refused token calls.

        Why token calls of the last 30 days were refused. An app may read its own with any token.

        Scope: `platform:apps`.

        `client_id`: The id of the app, such as `app_01jdk…`.
        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        """
        return self._client._pages(
            Call(
                _LIST_APP_EVENTS,
                path=(client_id,),
                query={"limit": limit, "cursor": cursor},
                timeout=timeout,
                page="events",
            )
        )

    async def list_app_refusals(self, client_id: str, *, timeout: float | None = None) -> models.apps.Refusals:
        """Group refused calls.

        The refused calls of the last 30 days by endpoint and reason: how many, the first, the last, and its trace
        id. Those of the token endpoint are the 100 groups that were refused last; those of the API are answers 401,
        403 and 429 to tokens of the app, and appear within a minute. An app may read its own with any token.

        Scope: `platform:apps`.

        `client_id`: The id of the app, such as `app_01jdk…`.
        """
        return await self._client._call(Call(_LIST_APP_REFUSALS, path=(client_id,), timeout=timeout))

    async def list_app_decisions(self, client_id: str, *, timeout: float | None = None) -> models.apps.AppDecisions:
        """List who decided what an app may do.

        Who gave the app each scope, event type and bundle that it has now, and each of its rules its value: when,
        through which app, and with which `reason` of the change. Beside them are the approved integration requests
        that opened a scope or a bundle to the organisation.

        Scope: `platform:apps`.

        `client_id`: The id of the app, such as `app_01jdk…`.
        """
        return await self._client._call(Call(_LIST_APP_DECISIONS, path=(client_id,), timeout=timeout))

    async def get_app_dependents(self, client_id: str, *, timeout: float | None = None) -> models.apps.Dependents:
        """Count what ends with an app.

        Before you disable or delete it: its live secrets and service tokens, the people who gave it access, and its
        tokens of the last 7 days.

        Scope: `platform:apps`.

        `client_id`: The id of the app, such as `app_01jdk…`.
        """
        return await self._client._call(Call(_GET_APP_DEPENDENTS, path=(client_id,), timeout=timeout))

    async def rotate_app_secret(
        self,
        client_id: str,
        body: models.apps.RotateSecret | None = None,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> models.apps.RotatedSecret:
        """Rotate an app's secret.

        The present secret works for `overlap_seconds` more (a day, unless it says otherwise). Earlier secrets live
        until the ends that were stated for them, which no rotation changes; the answer names them with their last
        use, up to 5 seconds late. 0 ends all of them at once. At most 5 secrets are live: one more is 409, which
        names the earlier ones as `pending_secrets`, and as `next_rotation_at` the time when the first of them ends,
        unless `force` ends the oldest.

        Scope: `platform:apps`.

        `client_id`: The id of the app, such as `app_01jdk…`.
        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return await self._client._call(
            Call(
                _ROTATE_APP_SECRET,
                path=(client_id,),
                headers={"Idempotency-Key": idempotency_key},
                body=body,
                timeout=timeout,
            )
        )

    async def end_app_secret(self, client_id: str, secret_id: str, *, timeout: float | None = None) -> None:
        """End an app's old secret.

        Before its overlap is over. Tokens that it obtained live on until they expire; to end them too, rotate with
        an `overlap_seconds` of 0.

        Scope: `platform:apps`.

        `client_id`: The id of the app, such as `app_01jdk…`.
        `secret_id`: The secret's id.
        """
        return await self._client._call(
            Call(
                _END_APP_SECRET,
                path=(
                    client_id,
                    secret_id,
                ),
                timeout=timeout,
            )
        )

    async def mint_service_token(
        self,
        client_id: str,
        body: models.apps.ServiceTokenDraft | None = None,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> models.apps.MintedServiceToken:
        """Mint a service token.

        For unattended workloads. Lives 24 hours unless `expires_in` says otherwise, 30 days at most.

        Scope: `platform:apps`.

        `client_id`: The id of the app, such as `app_01jdk…`.
        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return await self._client._call(
            Call(
                _MINT_SERVICE_TOKEN,
                path=(client_id,),
                headers={"Idempotency-Key": idempotency_key},
                body=body,
                timeout=timeout,
            )
        )

    def list_service_tokens(
        self, client_id: str, *, limit: int | None = None, cursor: str | None = None, timeout: float | None = None
    ) -> AsyncPages[models.apps.ServiceToken]:
        """List service tokens.

        The live ones, newest first, without their values.

        Scope: `platform:apps`.

        `client_id`: The id of the app, such as `app_01jdk…`.
        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        """
        return self._client._pages(
            Call(
                _LIST_SERVICE_TOKENS,
                path=(client_id,),
                query={"limit": limit, "cursor": cursor},
                timeout=timeout,
                page="service_tokens",
            )
        )

    async def revoke_service_token(self, client_id: str, token_id: str, *, timeout: float | None = None) -> None:
        """Revoke a service token.

        Every gateway refuses it within a second.

        Scope: `platform:apps`.

        `client_id`: The id of the app, such as `app_01jdk…`.
        `token_id`: The service token's id.
        """
        return await self._client._call(
            Call(
                _REVOKE_SERVICE_TOKEN,
                path=(
                    client_id,
                    token_id,
                ),
                timeout=timeout,
            )
        )

    async def list_ending_credentials(
        self, *, within: int | None = None, timeout: float | None = None
    ) -> models.apps.EndingCredentials:
        """List credentials that end soon.

        Client secrets and service tokens of active apps that end within `within` seconds, with their last use: what
        to renew, and what is still in use. And the certificates of identity providers of active SAML connections
        that end by then or have ended, unless a longer one is pinned already; only for callers who may read the
        connections (federation is open, and a person also has `platform:people:write`).

        Scope: `platform:apps`.

        `within`: Only those that end within so many seconds.
        """
        return await self._client._call(Call(_LIST_ENDING_CREDENTIALS, query={"within": within}, timeout=timeout))
