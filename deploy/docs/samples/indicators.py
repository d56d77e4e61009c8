from knogin import GraphqlRefused, Knogin, models

QUERY = """
query($from: DateTime!, $to: DateTime!, $names: [String!]) {
  acqiMetrics(fromDate: $from, toDate: $to, names: $names) {
    name value unit numerator denominator suppressed
  }
}
"""
PERIOD = {"from": "2026-01-01T00:00:00Z", "to": "2026-07-01T00:00:00Z"}

with Knogin(base_url="https://api.knogin.com") as client:
    request = models.graphql.GraphqlRequest(
        query=QUERY, variables=PERIOD | {"names": ["bystander_cpr"]}
    )
    try:
        answer = client.graphql.execute_graphql(request)
    except GraphqlRefused as refused:
        print(refused.type, refused.detail, refused.errors)
        raise
    for metric in (answer.data or {})["acqiMetrics"]:
        print(metric["name"], metric["numerator"], "of", metric["denominator"])
