"""ACQI through GraphQL."""

from datetime import UTC, datetime
from typing import Any

from ariadne import QueryType
from graphql import FieldNode

from services.graphql_api import documents, errors
from services.graphql_api.acqi import ranges, report
from services.graphql_api.acqi.definitions import BY_NAME, INDICATORS
from services.graphql_api.acqi.metrics import Metric
from services.graphql_api.context import Context, Info

query = QueryType()
SCOPE = "argus:acqi:read"
NAMES = [indicator.name for indicator in INDICATORS]


@query.field("acqiMetrics")
async def acqi_metrics(_: Any, info: Info, **asked: Any) -> list[Metric]:
    return await answer(info.context, with_sparkline=_asks_for_sparkline(info), **asked)


async def answer(
    context: Context,
    *,
    with_sparkline: bool,
    from_date: datetime,
    to_date: datetime,
    names: list[str] | None = None,
    tenant_id: str | None = None,
) -> list[Metric]:
    """Every indicator over the days from `from_date` to before `to_date`. Raises FORBIDDEN and BAD_USER_INPUT Refusals."""
    caller = context.require(SCOPE)
    context.require_tenant(tenant_id)
    days = _days(from_date, to_date)
    chosen = _chosen(names)
    whole, months = report.periods(days), report.trend(days) if with_sparkline else []
    state = context.request.state
    version = await state.answers.versions.current(caller.tenant_id)
    snapshot = await state.snapshots.get(context.transaction, caller.tenant_id, version, [*whole, *months])
    if snapshot.suppress:
        _check_is_published(days)
    return report.metrics(snapshot, chosen, whole, months)


def _days(from_date: datetime, to_date: datetime) -> ranges.Days:
    try:
        return ranges.of_days(from_date, to_date)
    except ranges.InvalidRange as error:
        raise errors.bad_input(str(error), argument="toDate") from None


def _check_is_published(days: ranges.Days) -> None:
    try:
        ranges.check_is_published(days, datetime.now(UTC).date())
    except ranges.InvalidRange as error:
        raise errors.bad_input(str(error), argument="fromDate") from None


def _chosen(names: list[str] | None) -> list[str]:
    """Those asked for, each once, in the order of the definitions."""
    if names is None:
        return NAMES
    unknown = sorted(set(names) - set(BY_NAME))
    if unknown:
        raise errors.bad_input("There is no indicator of that name.", argument="names", known=NAMES)
    return [name for name in NAMES if name in names]


def _asks_for_sparkline(info: Info) -> bool:
    return any(_selects(node, info.fragments, "sparkline") for node in info.field_nodes)


def _selects(node: FieldNode, fragments: documents.Fragments, name: str) -> bool:
    if node.selection_set is None:
        return False
    return any(field.name.value == name for field in documents.fields(node.selection_set, fragments))
