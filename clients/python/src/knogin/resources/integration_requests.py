"""Generated from the contract by `make clients`; do not edit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from .. import models
from .._model import OneOf
from .._paging import AsyncPages, Pages
from .._transport import Call, Caller, Operation

if TYPE_CHECKING:
    CreateIntegrationRequestBody: TypeAlias = (
        models.requests.BundlesAsked
        | models.requests.PlatformAsked
        | models.requests.FederationAsked
        | models.requests.TelephonyAsked
        | models.requests.HandoverAsked
        | models.requests.SandboxAsked
        | dict[str, Any]
    )
else:

    class CreateIntegrationRequestBody(OneOf):
        field = ""
        members = {
            "0": models.requests.BundlesAsked,
            "1": models.requests.PlatformAsked,
            "2": models.requests.FederationAsked,
            "3": models.requests.TelephonyAsked,
            "4": models.requests.HandoverAsked,
            "5": models.requests.SandboxAsked,
        }


_CREATE_INTEGRATION_REQUEST = Operation(
    "createIntegrationRequest",
    "POST",
    "/v1/platform/integration-requests",
    {201: models.requests.IntegrationRequest},
    body="json",
    keyed=True,
)
_LIST_INTEGRATION_REQUESTS = Operation(
    "listIntegrationRequests", "GET", "/v1/platform/integration-requests", {200: models.requests.IntegrationRequests}
)
_GET_INTEGRATION_REQUEST = Operation(
    "getIntegrationRequest", "GET", "/v1/platform/integration-requests/{}", {200: models.requests.IntegrationRequest}
)
_WITHDRAW_INTEGRATION_REQUEST = Operation(
    "withdrawIntegrationRequest",
    "POST",
    "/v1/platform/integration-requests/{}/withdraw",
    {200: models.requests.IntegrationRequest},
)
_CREATE_SANDBOX_CREDENTIALS = Operation(
    "createSandboxCredentials",
    "POST",
    "/v1/platform/integration-requests/{}/credentials",
    {200: models.requests.SandboxCredentials},
    keyed=True,
)


class IntegrationRequests:
    """Some capabilities are opened on request. An organisation asks here; Knogin's operators decide."""

    def __init__(self, client: Caller) -> None:
        self._client = client

    def create_integration_request(
        self, body: CreateIntegrationRequestBody, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> models.requests.IntegrationRequest:
        """Ask for a capability.

        For capabilities on request. Knogin's operators decide. Approval opens the capability at once: scopes appear
        in your catalogue, bundles can be granted to apps, federation opens, or a sandbox is made. Subscribers to
        `integration_request.decided` are notified.

        Scope: `platform:apps`.

        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return self._client._call(
            Call(_CREATE_INTEGRATION_REQUEST, headers={"Idempotency-Key": idempotency_key}, body=body, timeout=timeout)
        )

    def list_integration_requests(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        capability: Literal["federation", "graphql_bundles", "handover", "platform_api", "sandbox", "telephony"]
        | None = None,
        status: Literal["approved", "declined", "pending", "withdrawn"] | None = None,
        timeout: float | None = None,
    ) -> Pages[models.requests.IntegrationRequest]:
        """List requests.

        Those of your organisation, newest first.

        Scope: `platform:apps`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `capability`: Only requests for this capability.
        `status`: Only requests in this state.
        """
        return self._client._pages(
            Call(
                _LIST_INTEGRATION_REQUESTS,
                query={"limit": limit, "cursor": cursor, "capability": capability, "status": status},
                timeout=timeout,
                page="integration_requests",
            )
        )

    def get_integration_request(
        self, request_id: str, *, timeout: float | None = None
    ) -> models.requests.IntegrationRequest:
        """Inspect a request.

        With the operator's decision, once there is one.

        Scope: `platform:apps`.

        `request_id`: The request's id.
        """
        return self._client._call(Call(_GET_INTEGRATION_REQUEST, path=(request_id,), timeout=timeout))

    def withdraw_integration_request(
        self, request_id: str, *, timeout: float | None = None
    ) -> models.requests.IntegrationRequest:
        """Withdraw a request.

        While it is pending. You may ask again at any time.

        Scope: `platform:apps`.

        `request_id`: The request's id.
        """
        return self._client._call(Call(_WITHDRAW_INTEGRATION_REQUEST, path=(request_id,), timeout=timeout))

    def create_sandbox_credentials(
        self, request_id: str, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> models.requests.SandboxCredentials:
        """Fetch a sandbox's credentials.

        Makes the first client secret of an approved sandbox and its administrator's password link. Only this answer
        shows them. All data written with them is marked as a test (`HTEST`).

        Scope: `platform:apps`.

        `request_id`: The request's id.
        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return self._client._call(
            Call(
                _CREATE_SANDBOX_CREDENTIALS,
                path=(request_id,),
                headers={"Idempotency-Key": idempotency_key},
                timeout=timeout,
            )
        )


class AsyncIntegrationRequests:
    """Some capabilities are opened on request. An organisation asks here; Knogin's operators decide."""

    def __init__(self, client: Caller) -> None:
        self._client = client

    async def create_integration_request(
        self, body: CreateIntegrationRequestBody, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> models.requests.IntegrationRequest:
        """Ask for a capability.

        For capabilities on request. Knogin's operators decide. Approval opens the capability at once: scopes appear
        in your catalogue, bundles can be granted to apps, federation opens, or a sandbox is made. Subscribers to
        `integration_request.decided` are notified.

        Scope: `platform:apps`.

        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return await self._client._call(
            Call(_CREATE_INTEGRATION_REQUEST, headers={"Idempotency-Key": idempotency_key}, body=body, timeout=timeout)
        )

    def list_integration_requests(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        capability: Literal["federation", "graphql_bundles", "handover", "platform_api", "sandbox", "telephony"]
        | None = None,
        status: Literal["approved", "declined", "pending", "withdrawn"] | None = None,
        timeout: float | None = None,
    ) -> AsyncPages[models.requests.IntegrationRequest]:
        """List requests.

        Those of your organisation, newest first.

        Scope: `platform:apps`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `capability`: Only requests for this capability.
        `status`: Only requests in this state.
        """
        return self._client._pages(
            Call(
                _LIST_INTEGRATION_REQUESTS,
                query={"limit": limit, "cursor": cursor, "capability": capability, "status": status},
                timeout=timeout,
                page="integration_requests",
            )
        )

    async def get_integration_request(
        self, request_id: str, *, timeout: float | None = None
    ) -> models.requests.IntegrationRequest:
        """Inspect a request.

        With the operator's decision, once there is one.

        Scope: `platform:apps`.

        `request_id`: The request's id.
        """
        return await self._client._call(Call(_GET_INTEGRATION_REQUEST, path=(request_id,), timeout=timeout))

    async def withdraw_integration_request(
        self, request_id: str, *, timeout: float | None = None
    ) -> models.requests.IntegrationRequest:
        """Withdraw a request.

        While it is pending. You may ask again at any time.

        Scope: `platform:apps`.

        `request_id`: The request's id.
        """
        return await self._client._call(Call(_WITHDRAW_INTEGRATION_REQUEST, path=(request_id,), timeout=timeout))

    async def create_sandbox_credentials(
        self, request_id: str, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> models.requests.SandboxCredentials:
        """Fetch a sandbox's credentials.

        Makes the first client secret of an approved sandbox and its administrator's password link. Only this answer
        shows them. All data written with them is marked as a test (`HTEST`).

        Scope: `platform:apps`.

        `request_id`: The request's id.
        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return await self._client._call(
            Call(
                _CREATE_SANDBOX_CREDENTIALS,
                path=(request_id,),
                headers={"Idempotency-Key": idempotency_key},
                timeout=timeout,
            )
        )
