"""What may run: a text becomes a plan once, parsed, matched or validated, and measured; whoever sends it again pays for none of that."""

from functools import lru_cache

import msgspec
from graphql import GraphQLSchema, OperationType, validate

from services.graphql_api import documents, errors, limits, projection
from services.graphql_api.bundles import Catalogue
from services.graphql_api.documents import Document
from services.graphql_api.projection import Projection

# Documented fields: a query made of these alone runs for whoever has the scope.
DOCUMENTED = frozenset({"acqiMetrics", "telephonyProviders", "telephonyRoutes"})
# Fields whose answer depends on tenant, document, variables and the tenant's aggregates alone.
REPEATABLE = frozenset({"acqiMetrics"})
# Mutations done by another service, which has a transaction of its own.
ELSEWHERE = frozenset({"createIncidentWebhook", "updateIncidentWebhook", "deleteIncidentWebhook"})
# What each mutation asks of the caller, known before it runs: a kept answer is nobody's who may not ask.
WRITE_SCOPES = {
    "createIncident": "argus:incidents:write",
    "updateIncident": "argus:incidents:write",
    "closeIncident": "argus:incidents:write",
    "createTelephonyProvider": "argus:telephony:write",
    "updateTelephonyProvider": "argus:telephony:write",
    "deleteTelephonyProvider": "argus:telephony:write",
    "createTelephonyRoute": "argus:telephony:write",
    "updateTelephonyRoute": "argus:telephony:write",
    "deleteTelephonyRoute": "argus:telephony:write",
    "createIncidentWebhook": "webhooks:write",
    "updateIncidentWebhook": "webhooks:write",
    "deleteIncidentWebhook": "webhooks:write",
}
KEPT = 200


class Plan(msgspec.Struct, frozen=True):
    """A document that may run: for everyone if `bundles` is None, else for clients that were granted one of them.

    `name` is ours, not the client's: it stands in traces.
    """

    name: str
    document: Document
    bundles: frozenset[str] | None = None
    projection: Projection | None = None

    @property
    def is_mutation(self) -> bool:
        return self.document.operation.operation is OperationType.MUTATION

    @property
    def is_repeatable(self) -> bool:
        return self.document.roots <= REPEATABLE

    @property
    def writes_here(self) -> bool:
        return self.is_mutation and not self.document.roots <= ELSEWHERE

    @property
    def write_scopes(self) -> list[str]:
        """What a caller needs for all of a mutation's root fields."""
        return sorted({WRITE_SCOPES[root] for root in self.document.roots & WRITE_SCOPES.keys()})


class Planner:
    def __init__(self, schema: GraphQLSchema, catalogue: Catalogue) -> None:
        self.schema = schema
        self.approved = catalogue.by_digest
        # Refusals are raised, so that rubbish never pushes a good plan out.
        self.plan = lru_cache(KEPT)(self._plan)

    def _plan(self, text: str) -> Plan:
        """Raises a Refusal: OPERATION_NOT_APPROVED, or LIMIT_EXCEEDED for a documented query that asks for too much."""
        try:
            document = documents.read(text)
        except documents.NotADocument:
            raise errors.not_approved() from None
        if self._is_documented(document):
            self._check(document)
            return Plan("documented query", document, projection=projection.of(self.schema, document))
        approved = self.approved.get(document.digest)
        if approved is None:
            raise errors.not_approved()
        return Plan(approved.name, document, bundles=approved.bundles)

    def _is_documented(self, document: Document) -> bool:
        return document.operation.operation is OperationType.QUERY and document.roots <= DOCUMENTED

    def _check(self, document: Document) -> None:
        try:
            limits.check(document)
            found = validate(self.schema, document.ast, max_errors=1, hide_suggestions=True)
        except limits.LimitExceeded as error:
            raise errors.Refusal("LIMIT_EXCEEDED", str(error)) from None
        except RecursionError:
            raise errors.not_approved() from None
        if found:
            raise errors.not_approved()
