"""Every call of the GraphQL transport, whose schema is no part of the contract, and the export of the indicators."""

from services.graphql_api.acqi.encounters import list_indicator_encounters
from services.graphql_api.acqi.endpoints import read_measure_reports
from services.graphql_api.acqi.models import (
    BATCH,
    FHIR,
    IndicatorEncounters,
    ListIndicatorEncounters,
    ReadMeasureReports,
)
from services.graphql_api.reports import routes as reports
from services.graphql_api.transport import endpoints
from services.graphql_api.transport.endpoints import ApprovedBundles, GraphqlAnswer, GraphqlRequest, require_own_tenant
from shared.web.routing import Content, Operation, Part

OPERATIONS = [
    Operation(
        "POST",
        "/graphql",
        endpoints.graphql,
        "Use the shared GraphQL transport",
        "",
        {200: GraphqlAnswer},
        "Runs the documented queries `acqiMetrics`, `telephonyProviders` and `telephonyRoutes` for every client with their scope, and"
        " approved documents for clients their bundle is granted to. A well-formed request is answered 200, with `errors` where"
        " something was refused. Introspection, batching, GET and uploads are not offered.",
        id="executeGraphql",
        body=GraphqlRequest,
        headers=("X-Tenant-ID", "Idempotency-Key"),
        refusals={
            403: "X-Tenant-ID names another tenant",
            409: "A call with this Idempotency-Key is under way",
        },
        example={
            "query": "query($from: DateTime!, $to: DateTime!) { acqiMetrics(fromDate: $from, toDate: $to)"
            " { name value numerator denominator unit } }",
            "variables": {"from": "2026-04-01T00:00:00Z", "to": "2026-04-17T00:00:00Z"},
        },
        guard=require_own_tenant,
        decodes=False,
    ),
    Operation(
        "GET",
        "/api/v1/graphql/bundles",
        endpoints.bundles,
        "List approved documents",
        "",
        {200: ApprovedBundles},
        "The bundles granted to the calling app, each operation with the exact document to send.",
        id="listGraphqlBundles",
        headers=("X-Tenant-ID",),
        refusals={403: "X-Tenant-ID names another tenant"},
        guard=require_own_tenant,
    ),
]
PART = Part(
    "GraphQL", "graphql", "Incidents, quality indicators and telephony, through approved GraphQL documents.", OPERATIONS
)
INDICATORS = Part(
    "Indicators",
    "acqi",
    "The quality indicators as FHIR MeasureReports, and reports that are made once or by a schedule. `acqiMetrics` of"
    " GraphQL has the same figures with confidence intervals and trends.",
    [
        Operation(
            "GET",
            "/api/v1/acqi/measure-reports",
            read_measure_reports,
            "Export the quality indicators as FHIR R4 MeasureReports",
            "argus:acqi:read",
            {200: (Content(FHIR, BATCH), Content("application/json", BATCH))},
            "A batch that a FHIR R4 server may execute again and again: each report replaces that of the same days. `measure` is the"
            " canonical URL of the definition, which is served there, with its version. The denominator is without the excluded and the"
            " unknown. Where the organisation withholds small counts, a range is of whole months that have ended, and a withheld count"
            " has the data-absent-reason `masked`.",
            headers=("X-Tenant-ID",),
            refusals={403: "X-Tenant-ID names another tenant"},
            query=ReadMeasureReports,
            guard=require_own_tenant,
        ),
        Operation(
            "GET",
            "/api/v1/acqi/indicators/{name}/encounters",
            list_indicator_encounters,
            "List the encounters behind a quality indicator",
            "argus:acqi:read",
            {200: IndicatorEncounters},
            "The encounters that an indicator counts in a range of days, with its judgement of each, newest first. It also needs the scope"
            " `argus:epcr:read`. Each page is an entry of the audit trail. Where the organisation withholds small counts, no encounters are"
            " listed: lists of several indicators would tell a withheld count.",
            headers=("X-Tenant-ID",),
            refusals={
                403: "The token lacks `argus:epcr:read`, the organisation withholds small counts, or X-Tenant-ID names another tenant",
                404: "There is no indicator of that name",
            },
            query=ListIndicatorEncounters,
            guard=require_own_tenant,
        ),
        *reports.OPERATIONS,
    ],
    {
        "name": "rosc_at_hospital",
        "report_id": "rep_01jdkfx3c8e2r9v5m7q4t6w0ya",
        "schedule_id": "sch_01jdkfx3c8e2r9v5m7q4t6w0yb",
    },
)
PARTS = [PART, INDICATORS]
