"""An app's use and refused calls, and the things that would end with it: reads of the counts and events that `activity.py` writes."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import LiteralString

import msgspec
from starlette.requests import Request

from services.auth import activity
from services.auth.apps import queries, refused, rules, scopes, store
from services.auth.apps.models import Dependents, Refusal, Refusals, ScopeUse, Secret, Usage
from shared.storage import database
from shared.storage.database import AsyncConnection, tenant_transaction
from shared.web import identity
from shared.web.identity import Caller

MOST_REFUSALS = 100
MOST_PEOPLE = 10_000
TOKEN_KINDS = ("token", rules.SERVICE_TOKEN)
REFUSED = "refused:"

USES: LiteralString = """
    SELECT client_id, kind, CASE WHEN kind = %(scope)s THEN detail ELSE '' END AS detail, sum(count)::bigint AS number, max(day) AS day
    FROM daily_counts
    WHERE client_id = ANY(%(client_ids)s) AND day > (now() AT TIME ZONE 'UTC')::date - 30
        AND (kind = ANY(%(kinds)s) OR starts_with(kind, 'refused:'))
    GROUP BY 1, 2, 3
"""
# Rows of `activity.MOST_EVENTS` events for each of a dozen kinds at most.
REFUSALS: LiteralString = """
    SELECT endpoint, kind, reason, count(*) AS count, min(at) AS first_at, max(at) AS last_at,
        (array_agg(trace_id ORDER BY id DESC))[1] AS trace_id
    FROM app_events WHERE client_id = %(client_id)s AND at > clock_timestamp() - interval '30 days'
    GROUP BY endpoint, kind, reason ORDER BY max(at) DESC LIMIT %(most)s
"""
INCOMPLETE: LiteralString = """
    SELECT kind FROM app_events WHERE client_id = %s GROUP BY kind HAVING count(*) >= %s ORDER BY kind
"""
PEOPLE: LiteralString = """
    SELECT count(*) FROM (
        SELECT DISTINCT user_id FROM (
            SELECT user_id FROM grants WHERE client_id = %(client_id)s AND revoked_at IS NULL AND expires_at > clock_timestamp()
            ORDER BY grant_id LIMIT %(most)s) AS taken
    ) AS people
"""
GRANTS: LiteralString = """
    SELECT count(*) FROM (SELECT FROM grants WHERE client_id = %s AND revoked_at IS NULL LIMIT %s) AS taken
"""
TOKENS_OF_WEEK: LiteralString = """
    SELECT coalesce(sum(count), 0)::bigint FROM daily_counts
    WHERE client_id = %s AND day > (now() AT TIME ZONE 'UTC')::date - 7 AND kind = ANY(%s)
"""


class Use(msgspec.Struct, frozen=True):
    client_id: str
    kind: str
    detail: str
    number: int
    day: date


async def of_apps(conn: AsyncConnection, client_ids: Sequence[str]) -> dict[str, Usage]:
    """The usage of each app, also of those that did nothing."""
    kinds = [*TOKEN_KINDS, activity.SCOPE, activity.CALL]
    parameters = {"client_ids": list(client_ids), "kinds": kinds, "scope": activity.SCOPE}
    found = await database.every(conn, Use, USES, parameters)
    return {one: usage_of(use for use in found if use.client_id == one) for one in client_ids}


def usage_of(uses: Iterable[Use]) -> Usage:
    of_one = list(uses)
    tokens = [use for use in of_one if use.kind in TOKEN_KINDS]
    used = sorted((use.detail, use.day) for use in of_one if use.kind == activity.SCOPE)
    return Usage(
        tokens=sum(use.number for use in tokens),
        refused=sum(use.number for use in of_one if use.kind.startswith(REFUSED)),
        refused_calls=sum(use.number for use in of_one if use.kind == activity.CALL),
        last_token_on=max((use.day for use in tokens), default=None),
        scopes=[ScopeUse(scope, day) for scope, day in used],
    )


async def list_refusals(request: Request, caller: Caller, client_id: str) -> Refusals:
    """The newest 100 groups. An app may read its own, so that its integrator needs no administrator."""
    if caller.client_id != client_id:
        identity.require(request, scopes.PLATFORM_APPS)
    async with tenant_transaction(request, caller) as conn:
        await store.load_app(conn, client_id)
        found = await database.every(conn, Refusal, REFUSALS, {"client_id": client_id, "most": MOST_REFUSALS})
        full = await (await conn.execute(INCOMPLETE, (client_id, activity.MOST_EVENTS))).fetchall()
        calls = await refused.groups(conn, caller.tenant_id, client_id)
    return Refusals(list(found), [kind for (kind,) in full], calls)


async def read_dependents(request: Request, caller: Caller, client_id: str) -> Dependents:
    async with tenant_transaction(request, caller) as conn:
        await store.load_app(conn, client_id)
        secrets = await database.every(conn, Secret, queries.LIVE_SECRETS, (client_id,))
        people = await _number(conn, PEOPLE, {"client_id": client_id, "most": MOST_PEOPLE})
        return Dependents(
            client_id=client_id,
            secrets=len(secrets),
            service_tokens=await _number(conn, queries.COUNT_SERVICE_TOKENS, (client_id,)),
            people=people,
            people_more=await _number(conn, GRANTS, (client_id, MOST_PEOPLE + 1)) > MOST_PEOPLE,
            tokens_last_7_days=await _number(conn, TOKENS_OF_WEEK, (client_id, list(TOKEN_KINDS))),
        )


async def _number(conn: AsyncConnection, statement: LiteralString, parameters: object) -> int:
    row = await (await conn.execute(statement, parameters)).fetchone()  # pyright: ignore[reportArgumentType]
    return row[0] if row is not None else 0
