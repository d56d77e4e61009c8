"""The executable schema: `schema.graphql` with its resolvers, built once."""

import re
from datetime import UTC, datetime
from pathlib import Path

from ariadne import ScalarType, SchemaBindable, load_schema_from_path, make_executable_schema
from graphql import GraphQLSchema, StringValueNode, ValueNode

from services.graphql_api.acqi import resolvers as acqi
from services.graphql_api.incidents import resolvers as incidents
from services.graphql_api.telephony import resolvers as providers
from services.graphql_api.telephony import routing
from services.graphql_api.transport.documents import snake
from services.graphql_api.webhooks import resolvers as webhooks

FILE = Path(__file__).parent / "schema.graphql"
RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")
date_time = ScalarType("DateTime")


@date_time.serializer
def _written(value: datetime | str) -> str:
    if isinstance(value, str):
        return value
    text = value.astimezone(UTC).isoformat(timespec="microseconds" if value.microsecond else "seconds")
    return text.replace("+00:00", "Z")


@date_time.value_parser
def _read(value: object) -> datetime:
    """RFC 3339 with an offset. Raises ValueError."""
    if not isinstance(value, str) or not RFC3339.fullmatch(value):
        raise ValueError("not RFC 3339 with an offset")
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except OverflowError:
        raise ValueError("not between the years 1 and 9999 in UTC") from None


@date_time.literal_parser
def _read_literal(node: ValueNode, variable_values: dict[str, object] | None = None) -> datetime:
    return _read(node.value if isinstance(node, StringValueNode) else None)


def build() -> GraphQLSchema:
    bindables: list[SchemaBindable] = [
        date_time,
        acqi.query,
        incidents.query,
        incidents.mutation,
        incidents.incident_type,
        incidents.entry_type,
        providers.query,
        providers.mutation,
        providers.provider_type,
        routing.query,
        routing.mutation,
        routing.route_type,
        webhooks.query,
        webhooks.mutation,
        webhooks.webhook_type,
    ]
    return make_executable_schema(
        load_schema_from_path(str(FILE)), *bindables, convert_names_case=lambda name, *_: snake(name)
    )
