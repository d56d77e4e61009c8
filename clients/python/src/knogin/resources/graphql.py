"""Generated from the contract by `make clients`; do not edit."""

from __future__ import annotations

from .. import models
from .._transport import Call, Caller, Operation

_EXECUTE_GRAPHQL = Operation(
    "executeGraphql", "POST", "/graphql", {200: models.graphql.GraphqlAnswer}, body="json", keyed=True
)
_LIST_GRAPHQL_BUNDLES = Operation(
    "listGraphqlBundles", "GET", "/api/v1/graphql/bundles", {200: models.graphql.ApprovedBundles}
)


class Graphql:
    """Incidents, quality indicators and telephony, through approved GraphQL documents."""

    def __init__(self, client: Caller) -> None:
        self._client = client

    def execute_graphql(
        self,
        body: models.graphql.GraphqlRequest,
        *,
        x_tenant_id: str | None = None,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> models.graphql.GraphqlAnswer:
        """Use the shared GraphQL transport.

        Runs the documented queries `acqiMetrics`, `telephonyProviders` and `telephonyRoutes` for every client with
        their scope, and approved documents for clients their bundle is granted to. A well-formed request is
        answered 200, with `errors` where something was refused. Introspection, batching, GET and uploads are not
        offered.

        `x_tenant_id`: The tenant of the token. A different tenant gets 403.
        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return self._client._call(
            Call(
                _EXECUTE_GRAPHQL,
                headers={"X-Tenant-ID": x_tenant_id, "Idempotency-Key": idempotency_key},
                body=body,
                timeout=timeout,
            )
        )

    def list_graphql_bundles(
        self, *, x_tenant_id: str | None = None, timeout: float | None = None
    ) -> models.graphql.ApprovedBundles:
        """List approved documents.

        The bundles granted to the calling app, each operation with the exact document to send.

        `x_tenant_id`: The tenant of the token. A different tenant gets 403.
        """
        return self._client._call(Call(_LIST_GRAPHQL_BUNDLES, headers={"X-Tenant-ID": x_tenant_id}, timeout=timeout))


class AsyncGraphql:
    """Incidents, quality indicators and telephony, through approved GraphQL documents."""

    def __init__(self, client: Caller) -> None:
        self._client = client

    async def execute_graphql(
        self,
        body: models.graphql.GraphqlRequest,
        *,
        x_tenant_id: str | None = None,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> models.graphql.GraphqlAnswer:
        """Use the shared GraphQL transport.

        Runs the documented queries `acqiMetrics`, `telephonyProviders` and `telephonyRoutes` for every client with
        their scope, and approved documents for clients their bundle is granted to. A well-formed request is
        answered 200, with `errors` where something was refused. Introspection, batching, GET and uploads are not
        offered.

        `x_tenant_id`: The tenant of the token. A different tenant gets 403.
        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return await self._client._call(
            Call(
                _EXECUTE_GRAPHQL,
                headers={"X-Tenant-ID": x_tenant_id, "Idempotency-Key": idempotency_key},
                body=body,
                timeout=timeout,
            )
        )

    async def list_graphql_bundles(
        self, *, x_tenant_id: str | None = None, timeout: float | None = None
    ) -> models.graphql.ApprovedBundles:
        """List approved documents.

        The bundles granted to the calling app, each operation with the exact document to send.

        `x_tenant_id`: The tenant of the token. A different tenant gets 403.
        """
        return await self._client._call(
            Call(_LIST_GRAPHQL_BUNDLES, headers={"X-Tenant-ID": x_tenant_id}, timeout=timeout)
        )
