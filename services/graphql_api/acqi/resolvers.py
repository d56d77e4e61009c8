"""`acqiMetrics` in GraphQL: its checks, its cost and its resolver."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple, TypeAlias

from ariadne import QueryType

from services.graphql_api import errors
from services.graphql_api.acqi import report
from services.graphql_api.acqi.indicators import BY_NAME, INDICATORS
from services.graphql_api.acqi.report import Days, Metric
from services.graphql_api.context import RequestContext, RequestInfo
from services.graphql_api.transport import documents

query = QueryType()
SCOPE = "argus:acqi:read"
NAMES = tuple(indicator.name for indicator in INDICATORS)
Compute: TypeAlias = Callable[[], list[Metric]]


class Asked(NamedTuple):
    """The days and the indicators of one field, each indicator once, in the order of answers."""

    days: Days
    names: tuple[str, ...]


@query.field("acqiMetrics")
async def acqi_metrics(_: Any, info: RequestInfo, **arguments: Any) -> list[Metric]:
    with_sparkline = any(
        field.name.value == "sparkline"
        for node in info.field_nodes
        if node.selection_set is not None
        for field in documents.fields(node.selection_set, info.fragments)
    )
    compute = await ready(info.context, check(info.context, **arguments), with_sparkline=with_sparkline)
    return compute()


def check(
    context: RequestContext,
    *,
    from_date: datetime,
    to_date: datetime,
    names: list[str] | None = None,
    tenant_id: str | None = None,
) -> Asked:
    """Raises FORBIDDEN and BAD_USER_INPUT Refusals."""
    context.require(SCOPE)
    context.require_tenant(tenant_id)
    try:
        days = report.of_days(from_date, to_date)
    except report.InvalidRange as error:
        raise errors.bad_input(str(error), argument="toDate") from None
    if names is not None and not BY_NAME.keys() >= set(names):
        raise errors.bad_input("There is no indicator of that name.", argument="names", known=list(NAMES))
    # Each once, in the order of answers.
    return Asked(days, NAMES if names is None else tuple(name for name in NAMES if name in names))


def cost(asked: Asked, with_sparkline: bool) -> int:
    """The counts to read and to add at most: one of each indicator in each period."""
    months = report.SPARKLINE_MONTHS if with_sparkline else 0
    return len(INDICATORS) * (len(report.periods(asked.days)) + months)


async def ready(context: RequestContext, asked: Asked, *, with_sparkline: bool) -> Compute:
    """Reads the aggregates. The result computes the metrics from them. Raises BAD_USER_INPUT for days that are not published."""
    days, names = asked
    whole, months = report.periods(days), report.trend(days) if with_sparkline else []
    state, tenant_id = context.request.state, context.caller.tenant_id
    version = await state.answers.versions.current(tenant_id)
    snapshot = await state.snapshots.get(context.transaction, tenant_id, version, [*whole, *months])
    if snapshot.suppress:
        try:
            report.check_is_published(days, datetime.now(UTC).date())
        except report.InvalidRange as error:
            raise errors.bad_input(str(error), argument="fromDate") from None
    return partial(report.metrics, snapshot, names, whole, months)
