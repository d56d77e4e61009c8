"""HTTP endpoints of operators: backlog, dead letters and acts of one service."""

import re
from datetime import datetime
from uuid import UUID

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from shared.operators import queries
from shared.operators.models import (
    ACTS,
    ActDraft,
    ActFilter,
    Backlog,
    DeadLetter,
    DeadLetterFilter,
    DeadLetterRow,
    Figures,
    OperatorAct,
)
from shared.primitives import ids
from shared.primitives.ids import PLATFORM_TENANT
from shared.storage import audit, caps, idempotency
from shared.storage.caps import Cap
from shared.storage.database import every, first, found, tenant_transaction
from shared.web import http, problems
from shared.web.identity import Caller
from shared.web.problems import FieldError, Problem

PREFIX = "act"
READ, WRITE = "platform:operate:read", "platform:operate:write"
WAITING = Cap("acts that wait", 500, "A service", "wait for them")


async def require_operator(request: Request, caller: Caller) -> None:
    """The guard of every call of operators. Raises a Problem for a token that has the scope and is no operator's, with a second factor."""
    if not caller.has(READ):
        return  # the check of the scope refuses it
    is_person = caller.token_use == "access" and caller.person_id is not None  # noqa: S105 - a kind of token
    if caller.tenant_id != PLATFORM_TENANT or not is_person:
        raise problems.insufficient_scope(READ)
    if not caller.second_factor:
        raise weak_sign_in()


def weak_sign_in() -> Problem:
    """401 for a token from a sign-in without a second factor (RFC 9470 §3)."""
    challenge = 'Bearer realm="knogin", error="insufficient_user_authentication"'
    detail = "This call needs a sign-in with a second factor. Set one up, and sign in again."
    return Problem(401, "Unauthorized", detail, headers={"www-authenticate": challenge})


class _Measured(msgspec.Struct):
    measured_at: datetime
    figures: dict[str, object]


class Operators:
    """The endpoints of the service `own`; the gateway sends each name to its service."""

    def __init__(self, own: str) -> None:
        self.own = own

    async def read_backlog(self, request: Request, caller: Caller, service: str) -> Backlog:
        self._require(service)
        async with tenant_transaction(request, caller) as conn:
            measured = await first(conn, _Measured, queries.FIGURES)
        shown = Figures() if measured is None else msgspec.convert(measured.figures, Figures)
        when = None if measured is None else measured.measured_at
        return Backlog(
            service=self.own, measured_at=when, **{name: getattr(shown, name) for name in shown.__struct_fields__}
        )

    async def list_dead_letters(
        self, request: Request, caller: Caller, service: str, page: DeadLetterFilter
    ) -> Response:
        self._require(service)
        after = http.page_after(request, page)
        try:
            parameters = {
                "after": None if after is None else UUID(after),
                "tenant_id": page.tenant_id,
                "limit": page.limit + 1,
            }
        except ValueError:
            raise http.foreign_cursor() from None
        async with tenant_transaction(request, caller) as conn:
            rows = await every(conn, DeadLetterRow, queries.DEAD_LETTERS, parameters)

        def shown(row: DeadLetterRow) -> DeadLetter:
            return DeadLetter(
                message_id=str(row.message_id),
                tenant_id=row.tenant_id,
                producer=row.producer,
                name=row.name,
                error=row.error,
                died_at=row.died_at,
            )

        return http.listed(request, "dead_letters", rows, page, lambda row: str(row.message_id), shown)

    async def list_operator_acts(self, request: Request, caller: Caller, service: str, page: ActFilter) -> Response:
        self._require(service)
        parameters = {"after": http.page_after(request, page), "subject_id": page.subject_id, "limit": page.limit + 1}
        async with tenant_transaction(request, caller) as conn:
            rows = await every(conn, OperatorAct, queries.ACTS, parameters)
        return http.listed(request, "acts", rows, page, lambda act: act.id)

    async def read_operator_act(self, request: Request, caller: Caller, service: str, act_id: str) -> OperatorAct:
        self._require(service)
        async with tenant_transaction(request, caller) as conn:
            act = await first(conn, OperatorAct, queries.ACT, (act_id,)) if ids.is_id(act_id, PREFIX) else None
        if act is None:
            raise problems.not_found()
        return act

    async def create_operator_act(self, request: Request, caller: Caller, service: str, draft: ActDraft) -> Response:
        """Writes the act down; the relay carries it out. The web process itself has no right to."""
        self._require(service)
        kind = ACTS[draft.action]
        faults: list[FieldError] = []
        if kind.service not in ("", self.own):
            ours = [action for action, other in ACTS.items() if other.service in ("", self.own)]
            faults.append(FieldError("/action", f"is an act of {kind.service}", "enum", allowed=ours))
        if not re.fullmatch(kind.subject, draft.subject_id):
            faults.append(FieldError("/subject_id", f"is not {kind.example}", "pattern"))
        if faults:
            raise problems.invalid("The act does not fit; see errors.", faults)
        async with tenant_transaction(request, caller) as conn:
            if (answer := await idempotency.stored(conn, request, caller)) is not None:
                return answer
            await caps.require_room(conn, WAITING, PLATFORM_TENANT, queries.OPEN)
            row = {
                "id": ids.new_id(PREFIX),
                "tenant_id": caller.tenant_id,
                "action": draft.action,
                "subject_id": draft.subject_id,
                "reason": draft.reason.strip(),
                "client_id": caller.client_id,
                "asked_by": caller.subject,
            }
            act = await found(conn, OperatorAct, queries.ASK, row)
            detail = {"action": act.action, "subject": act.subject_id, "reason": act.reason}
            await audit.record(conn, caller, "operator_act.asked", act.id, detail)
            conn.has_messages = True  # wakes the relay
            location = {"location": f"/v1/operations/{self.own}/acts/{act.id}"}
            return await idempotency.keep(conn, request, caller, http.json(act, 202, location))

    def _require(self, service: str) -> None:
        """Raises a 404 Problem for the name of another service."""
        if service != self.own:
            raise problems.not_found()
