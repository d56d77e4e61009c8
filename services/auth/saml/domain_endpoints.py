"""E-mail domains of a connection, and whether an organisation's people must use one: the HTTP door of a tenant's admin."""

from psycopg.errors import UniqueViolation
from psycopg.rows import class_row
from starlette.requests import Request
from starlette.responses import Response

from services.auth.revocations import bell
from services.auth.saml import domains, people, queries, store
from services.auth.saml.domains import Resolver
from services.auth.saml.models import DomainDraft, DomainRow, PolicyChange, PolicyRow
from services.auth.saml.views import domain_view, policy_view
from services.auth.signin import cookies
from shared import audit, http, idempotency, problems
from shared.caps import Cap, require_room
from shared.database import AsyncConnection, tenant_transaction
from shared.identity import Caller
from shared.problems import FieldError


async def claim_domain(request: Request, caller: Caller, connection_id: str, draft: DomainDraft) -> Response:
    """Answers the DNS record to publish. Until it is proven, a claim has no effect and hinders nobody."""
    domain = domains.normalised(draft.domain)
    if domain is None:
        raise problems.invalid("That is no domain.", [FieldError("/domain", "not a domain name in ASCII")])
    async with tenant_transaction(request, caller) as conn:
        if (answer := await idempotency.stored(conn, request, caller)) is not None:
            return answer
        connection = await store.load(conn, connection_id, lock=True)
        cap = Cap("domains", request.state.settings.most_domains, "A connection")
        await require_room(conn, cap, connection_id, queries.COUNT_DOMAINS, (connection_id,))
        row = await _claim(conn, caller, connection_id, domain)
        detail = {"domain": domain}
        await audit.record(conn, caller, "saml.domain_claimed", connection.connection_id, detail)
        location = f"/v1/saml/connections/{connection.connection_id}/domains/{domain}"
        return await idempotency.keep(conn, request, caller, http.created(domain_view(row), location))


async def _claim(conn: AsyncConnection, caller: Caller, connection_id: str, domain: str) -> DomainRow:
    async with conn.cursor(row_factory=class_row(DomainRow)) as cursor:
        await cursor.execute(queries.CLAIM_DOMAIN, (caller.tenant_id, domain, connection_id, cookies.new_token()))
        row = await cursor.fetchone()
    if row is None:
        raise problems.conflict("Your organisation has claimed this domain already, for this connection or another.")
    return row


async def _load(conn: AsyncConnection, connection_id: str, domain: str) -> DomainRow:
    connection = await store.load(conn, connection_id)
    async with conn.cursor(row_factory=class_row(DomainRow)) as cursor:
        await cursor.execute(queries.DOMAIN, (connection.connection_id, domain))
        row = await cursor.fetchone()
    if row is None:
        raise problems.not_found()
    return row


async def read_domain(request: Request, caller: Caller, connection_id: str, domain: str) -> Response:
    async with tenant_transaction(request, caller) as conn:
        return http.json(domain_view(await _load(conn, connection_id, domain)))


async def prove_domain(request: Request, caller: Caller, connection_id: str, domain: str) -> Response:
    """Looks for the record now, once. Raises Problem: 409 where it is not there, or another organisation has proven the domain."""
    async with tenant_transaction(request, caller) as conn:
        claimed = await _load(conn, connection_id, domain)
    if claimed.verified_at is not None:
        return http.json(domain_view(claimed))
    await _look(request.state.resolver, claimed)
    try:
        async with tenant_transaction(request, caller) as conn:
            async with conn.cursor(row_factory=class_row(DomainRow)) as cursor:
                await cursor.execute(queries.PROVE_DOMAIN, (claimed.connection_id, claimed.domain, claimed.token))
                row = await cursor.fetchone()
            if row is None:
                raise problems.not_found()
            detail = {"domain": row.domain}
            await audit.record(conn, caller, "saml.domain_proven", claimed.connection_id, detail)
    except UniqueViolation:
        raise problems.conflict("Another organisation has proven that it owns this domain.") from None
    return http.json(domain_view(row))


async def _look(resolver: Resolver, claimed: DomainRow) -> None:
    name = f"{domains.CHALLENGE_LABEL}.{claimed.domain}"
    try:
        proven = await domains.is_proven(resolver, claimed.domain, claimed.token)
    except domains.Unanswered:
        raise problems.unavailable(f"No DNS server answers for {name}; try again.") from None
    if not proven:
        raise problems.conflict(f"The TXT record is not to be seen at {name} yet; DNS may need a while.")


async def delete_domain(request: Request, caller: Caller, connection_id: str, domain: str) -> Response:
    async with tenant_transaction(request, caller) as conn:
        row = await _load(conn, connection_id, domain)
        await _refuse_last(conn, row)
        await conn.execute(queries.DELETE_DOMAIN, (row.connection_id, row.domain))
        await audit.record(conn, caller, "saml.domain_deleted", row.connection_id, {"domain": row.domain})
    return http.no_content()


async def _refuse_last(conn: AsyncConnection, row: DomainRow) -> None:
    await conn.execute(queries.LOCK_TENANT)
    policy = await _policy(conn)
    others = await (await conn.execute(queries.OTHER_PROVEN_DOMAINS, (row.domain,))).fetchone()
    if policy is not None and policy.enforced and others is not None and not others[0]:
        raise problems.conflict(
            "Sign-in through a connection is enforced, and this is the last domain; end that first."
        )


async def _policy(conn: AsyncConnection) -> PolicyRow | None:
    async with conn.cursor(row_factory=class_row(PolicyRow)) as cursor:
        await cursor.execute(queries.POLICY)
        return await cursor.fetchone()


async def read_policy(request: Request, caller: Caller) -> Response:
    async with tenant_transaction(request, caller) as conn:
        return http.json(policy_view(await _policy(conn)))


async def set_policy(request: Request, caller: Caller, wanted: PolicyChange) -> Response:
    """Enforcing ends what a password began, sessions and grants, but the break-glass user's."""
    async with tenant_transaction(request, caller) as conn:
        await conn.execute(queries.LOCK_TENANT)
        before = await _policy(conn)
        break_glass = await _break_glass(conn, wanted)
        if wanted.enforced:
            await _check_way_in(conn)
        await conn.execute(queries.SET_POLICY, (caller.tenant_id, wanted.enforced, break_glass))
        if wanted.enforced:
            await _end_password_access(conn, before, break_glass)
        detail = {"enforced": wanted.enforced, "break_glass": break_glass}
        await audit.record(conn, caller, "saml.policy_changed", caller.tenant_id, detail)
        policy = await _policy(conn)
    await bell.ring(request.state.redis)
    return http.json(policy_view(policy))


async def _end_password_access(conn: AsyncConnection, before: PolicyRow | None, break_glass: str | None) -> None:
    """Grants made while it was enforced already began elsewhere, but for those of who was the break-glass user until now."""
    await conn.execute(queries.END_PASSWORD_SESSIONS, (break_glass,))
    if before is None or not before.enforced:
        await people.revoke(conn, queries.GRANTS_BY_PASSWORD, break_glass or "", "passwords are refused")
    elif before.break_glass_user_id not in (None, break_glass):
        await people.revoke(conn, queries.GRANTS_OF_USER, before.break_glass_user_id or "", "passwords are refused")


async def _break_glass(conn: AsyncConnection, wanted: PolicyChange) -> str | None:
    """The user whose password keeps working. Raises a 422 Problem."""
    if wanted.break_glass_email is None:
        if wanted.enforced:
            why = "is missing: someone must get in when the identity provider does not answer"
            raise problems.invalid("A break-glass user is needed.", [FieldError("/break_glass_email", why)])
        return None
    row = await (await conn.execute(queries.USER_WITH_PASSWORD, (wanted.break_glass_email,))).fetchone()
    if row is None:
        why = "is no active user of your organisation with a password"
        raise problems.invalid("That user cannot break the glass.", [FieldError("/break_glass_email", why)])
    return str(row[0])


async def _check_way_in(conn: AsyncConnection) -> None:
    row = await (await conn.execute(queries.HAS_WORKING_CONNECTION)).fetchone()
    if row is None or not row[0]:
        raise problems.conflict(
            "No active connection with a proven domain has signed anybody in yet; enforcing would lock everyone out."
        )
