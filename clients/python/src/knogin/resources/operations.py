"""Generated from the contract by `make clients`; do not edit."""

from __future__ import annotations

from .. import models
from .._paging import AsyncPages, Pages
from .._transport import Call, Caller, Operation

_GET_BACKLOG = Operation("getBacklog", "GET", "/v1/operations/{}/backlog", {200: models.operations.Backlog})
_LIST_DEAD_LETTERS = Operation(
    "listDeadLetters", "GET", "/v1/operations/{}/dead-letters", {200: models.operations.DeadLetters}
)
_LIST_OPERATOR_ACTS = Operation(
    "listOperatorActs", "GET", "/v1/operations/{}/acts", {200: models.operations.OperatorActs}
)
_CREATE_OPERATOR_ACT = Operation(
    "createOperatorAct", "POST", "/v1/operations/{}/acts", {202: models.operations.OperatorAct}, body="json", keyed=True
)
_GET_OPERATOR_ACT = Operation(
    "getOperatorAct", "GET", "/v1/operations/{}/acts/{}", {200: models.operations.OperatorAct}
)


class Operations:
    """For operators of the platform: people of Knogin's own tenant, after a sign-in with a second factor. No
    organisation can get these scopes. An act is written down with its reason, carried out by the service within
    seconds, and in the audit trail of the platform and of the organisation that it concerns.
    """

    def __init__(self, client: Caller) -> None:
        self._client = client

    def get_backlog(self, service: str, *, timeout: float | None = None) -> models.operations.Backlog:
        """Read the backlog of a service.

        Measured twice a minute: messages by consumer, dead letters, entries of the audit trail without a seal, and
        the service's own figures. Numbers are counted up to 10,000.

        Scope: `platform:operate:read`.

        `service`: The service whose trail it is: `auth`, `webhook-dispatcher`, `graphql-api`, `epcr`,
        `device-ingest` or `control-plane`.
        """
        return self._client._call(Call(_GET_BACKLOG, path=(service,), timeout=timeout))

    def list_dead_letters(
        self,
        service: str,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        tenant_id: str | None = None,
        timeout: float | None = None,
    ) -> Pages[models.operations.DeadLetter]:
        """List dead letters.

        Messages of all organisations whose effect failed five times, or that ended their worker three times; the
        newest first, without their content. The error is the exception's type and place, or says that the worker
        ended.

        Scope: `platform:operate:read`.

        `service`: The service whose trail it is: `auth`, `webhook-dispatcher`, `graphql-api`, `epcr`,
        `device-ingest` or `control-plane`.
        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `tenant_id`: Only those of this organisation.
        """
        return self._client._pages(
            Call(
                _LIST_DEAD_LETTERS,
                path=(service,),
                query={"limit": limit, "cursor": cursor, "tenant_id": tenant_id},
                timeout=timeout,
                page="dead_letters",
            )
        )

    def list_operator_acts(
        self,
        service: str,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        subject_id: str | None = None,
        timeout: float | None = None,
    ) -> Pages[models.operations.OperatorAct]:
        """List acts of operators.

        The newest first, of all operators, for a year.

        Scope: `platform:operate:read`.

        `service`: The service whose trail it is: `auth`, `webhook-dispatcher`, `graphql-api`, `epcr`,
        `device-ingest` or `control-plane`.
        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `subject_id`: Only acts on this subject.
        """
        return self._client._pages(
            Call(
                _LIST_OPERATOR_ACTS,
                path=(service,),
                query={"limit": limit, "cursor": cursor, "subject_id": subject_id},
                timeout=timeout,
                page="acts",
            )
        )

    def create_operator_act(
        self,
        service: str,
        body: models.operations.ActDraft,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> models.operations.OperatorAct:
        """Ask for an act.

        Every service replays and discards dead letters; auth suspends and resumes tenants, decides integration
        requests and distrusts signing keys; webhook-dispatcher stops and resumes a webhook, or all deliveries of a
        tenant; control-plane stops and resumes an automation, and stops all of a tenant. Read the act until
        `ended_at` is there. An act is never repeated by itself: after `interrupted`, look first.

        Scope: `platform:operate:write`.

        `service`: The service whose trail it is: `auth`, `webhook-dispatcher`, `graphql-api`, `epcr`,
        `device-ingest` or `control-plane`.
        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return self._client._call(
            Call(
                _CREATE_OPERATOR_ACT,
                path=(service,),
                headers={"Idempotency-Key": idempotency_key},
                body=body,
                timeout=timeout,
            )
        )

    def get_operator_act(
        self, service: str, act_id: str, *, timeout: float | None = None
    ) -> models.operations.OperatorAct:
        """Read an act of an operator.

        Until `ended_at` is there, the service has not carried it out.

        Scope: `platform:operate:read`.

        `service`: The service whose trail it is: `auth`, `webhook-dispatcher`, `graphql-api`, `epcr`,
        `device-ingest` or `control-plane`.
        `act_id`: The id of the act.
        """
        return self._client._call(
            Call(
                _GET_OPERATOR_ACT,
                path=(
                    service,
                    act_id,
                ),
                timeout=timeout,
            )
        )


class AsyncOperations:
    """For operators of the platform: people of Knogin's own tenant, after a sign-in with a second factor. No
    organisation can get these scopes. An act is written down with its reason, carried out by the service within
    seconds, and in the audit trail of the platform and of the organisation that it concerns.
    """

    def __init__(self, client: Caller) -> None:
        self._client = client

    async def get_backlog(self, service: str, *, timeout: float | None = None) -> models.operations.Backlog:
        """Read the backlog of a service.

        Measured twice a minute: messages by consumer, dead letters, entries of the audit trail without a seal, and
        the service's own figures. Numbers are counted up to 10,000.

        Scope: `platform:operate:read`.

        `service`: The service whose trail it is: `auth`, `webhook-dispatcher`, `graphql-api`, `epcr`,
        `device-ingest` or `control-plane`.
        """
        return await self._client._call(Call(_GET_BACKLOG, path=(service,), timeout=timeout))

    def list_dead_letters(
        self,
        service: str,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        tenant_id: str | None = None,
        timeout: float | None = None,
    ) -> AsyncPages[models.operations.DeadLetter]:
        """List dead letters.

        Messages of all organisations whose effect failed five times, or that ended their worker three times; the
        newest first, without their content. The error is the exception's type and place, or says that the worker
        ended.

        Scope: `platform:operate:read`.

        `service`: The service whose trail it is: `auth`, `webhook-dispatcher`, `graphql-api`, `epcr`,
        `device-ingest` or `control-plane`.
        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `tenant_id`: Only those of this organisation.
        """
        return self._client._pages(
            Call(
                _LIST_DEAD_LETTERS,
                path=(service,),
                query={"limit": limit, "cursor": cursor, "tenant_id": tenant_id},
                timeout=timeout,
                page="dead_letters",
            )
        )

    def list_operator_acts(
        self,
        service: str,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        subject_id: str | None = None,
        timeout: float | None = None,
    ) -> AsyncPages[models.operations.OperatorAct]:
        """List acts of operators.

        The newest first, of all operators, for a year.

        Scope: `platform:operate:read`.

        `service`: The service whose trail it is: `auth`, `webhook-dispatcher`, `graphql-api`, `epcr`,
        `device-ingest` or `control-plane`.
        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `subject_id`: Only acts on this subject.
        """
        return self._client._pages(
            Call(
                _LIST_OPERATOR_ACTS,
                path=(service,),
                query={"limit": limit, "cursor": cursor, "subject_id": subject_id},
                timeout=timeout,
                page="acts",
            )
        )

    async def create_operator_act(
        self,
        service: str,
        body: models.operations.ActDraft,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> models.operations.OperatorAct:
        """Ask for an act.

        Every service replays and discards dead letters; auth suspends and resumes tenants, decides integration
        requests and distrusts signing keys; webhook-dispatcher stops and resumes a webhook, or all deliveries of a
        tenant; control-plane stops and resumes an automation, and stops all of a tenant. Read the act until
        `ended_at` is there. An act is never repeated by itself: after `interrupted`, look first.

        Scope: `platform:operate:write`.

        `service`: The service whose trail it is: `auth`, `webhook-dispatcher`, `graphql-api`, `epcr`,
        `device-ingest` or `control-plane`.
        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return await self._client._call(
            Call(
                _CREATE_OPERATOR_ACT,
                path=(service,),
                headers={"Idempotency-Key": idempotency_key},
                body=body,
                timeout=timeout,
            )
        )

    async def get_operator_act(
        self, service: str, act_id: str, *, timeout: float | None = None
    ) -> models.operations.OperatorAct:
        """Read an act of an operator.

        Until `ended_at` is there, the service has not carried it out.

        Scope: `platform:operate:read`.

        `service`: The service whose trail it is: `auth`, `webhook-dispatcher`, `graphql-api`, `epcr`,
        `device-ingest` or `control-plane`.
        `act_id`: The id of the act.
        """
        return await self._client._call(
            Call(
                _GET_OPERATOR_ACT,
                path=(
                    service,
                    act_id,
                ),
                timeout=timeout,
            )
        )
