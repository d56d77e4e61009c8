"""The request examples of the public page, unchanged, with the status and fields of their answers."""

from typing import Any, NamedTuple


class Example(NamedTuple):
    """One curl command of the page. Its answer must have `status` and at least `fields`. Ids like `$app_123` are filled in."""

    name: str
    curl: str
    status: int
    fields: dict[str, Any]


ANY = object()

EXAMPLES = [
    Example(
        "list available scopes",
        """curl https://auth.knogin.com/v1/platform/scopes \\
  -H "Authorization: Bearer <admin-access-token>" """,
        200,
        {"scopes": [{"name": ANY, "description": ANY}]},
    ),
    Example(
        "create an app",
        """curl -X POST https://auth.knogin.com/v1/platform/apps \\
  -H "Authorization: Bearer <admin-access-token>" \\
  -H "Content-Type: application/json" \\
  -d '{
    "name": "Case sync connector",
    "grant_types": ["client_credentials"],
    "redirect_uris": [],
    "requested_scopes": ["webhooks:write"]
  }'""",
        201,
        {
            "client_id": ANY,
            "client_secret": ANY,
            "grant_types": ["client_credentials"],
            "requested_scopes": ["webhooks:write"],
        },
    ),
    Example(
        "inspect an app",
        """curl https://auth.knogin.com/v1/platform/apps/app_123 \\
  -H "Authorization: Bearer <admin-access-token>" """,
        200,
        {
            "client_id": "app_123",
            "name": "Case sync connector",
            "grant_types": ["client_credentials"],
            "governance": {"allow_service_tokens": True},
        },
    ),
    Example(
        "update app governance",
        """curl -X PATCH https://auth.knogin.com/v1/platform/apps/app_123/governance \\
  -H "Authorization: Bearer <admin-access-token>" \\
  -H "Content-Type: application/json" \\
  -d '{
    "allow_service_tokens": true,
    "enforce_pkce": true
  }'""",
        200,
        {"client_id": "app_123", "governance": {"allow_service_tokens": True, "enforce_pkce": True}},
    ),
    Example(
        "exchange client credentials",
        """curl -X POST https://auth.knogin.com/v1/oauth/token \\
  -H "Content-Type: application/x-www-form-urlencoded" \\
  -d "grant_type=client_credentials&client_id=app_123&client_secret=<client-secret>&scope=webhooks:write" """,
        200,
        {"access_token": ANY, "token_type": "Bearer", "expires_in": 3600, "scope": "webhooks:write"},
    ),
    Example(
        "mint a service token",
        """curl -X POST https://auth.knogin.com/v1/platform/apps/app_123/service-token \\
  -H "Authorization: Bearer <admin-access-token>" \\
  -H "Content-Type: application/json" \\
  -d '{
    "scopes": ["webhooks:write"]
  }'""",
        201,
        {"token": ANY, "expires_at": ANY},
    ),
    Example(
        "rotate an app's secret",
        """curl -X POST https://auth.knogin.com/v1/platform/apps/app_123/rotate-secret \\
  -H "Authorization: Bearer <admin-access-token>" """,
        200,
        {"client_id": "app_123", "client_secret": ANY},
    ),
    Example(
        "well-known keys",
        "curl https://auth.knogin.com/.well-known/jwks.json",
        200,
        {"keys": [{"kty": "RSA", "kid": ANY, "use": "sig"}]},
    ),
    Example(
        "versioned keys",
        "curl https://auth.knogin.com/v1/auth/jwks.json",
        200,
        {"keys": [{"kty": "RSA", "kid": ANY, "use": "sig"}]},
    ),
    Example(
        "create a webhook",
        """curl -X POST https://auth.knogin.com/v1/webhooks \\
  -H "Authorization: Bearer <access-token>" \\
  -H "Content-Type: application/json" \\
  -d '{
    "url": "https://integrator.example/webhooks/argus",
    "events": ["incident.updated"],
    "secret": "<signing-secret>"
  }'""",
        201,
        {"id": ANY, "url": "https://integrator.example/webhooks/argus", "events": ["incident.updated"]},
    ),
    Example(
        "update a webhook",
        """curl -X PUT https://auth.knogin.com/v1/webhooks/wh_123 \\
  -H "Authorization: Bearer <access-token>" \\
  -H "Content-Type: application/json" \\
  -d '{
    "events": ["incident.updated", "incident.closed"]
  }'""",
        200,
        {"id": "wh_123", "events": ["incident.updated", "incident.closed"]},
    ),
    Example(
        "test a webhook",
        """curl -X POST https://auth.knogin.com/v1/webhooks/wh_123/test \\
  -H "Authorization: Bearer <access-token>" """,
        202,
        {"delivery_id": ANY, "status": "queued"},
    ),
    Example(
        "review deliveries",
        """curl https://auth.knogin.com/v1/webhooks/wh_123/deliveries \\
  -H "Authorization: Bearer <access-token>" """,
        200,
        {"deliveries": [{"id": ANY, "status": ANY, "attempted_at": ANY}]},
    ),
    Example(
        "create an encounter",
        """curl -X POST https://api.knogin.com/api/v1/epcr/encounters \\
  -H "Authorization: Bearer <access-token>" \\
  -H "Content-Type: application/json" \\
  -d '{
    "care_model": "prehospital_emergency",
    "vehicle_id": "AMB-42",
    "crew_ids": ["usr_1"],
    "cad_incident_id": "cad_999"
  }'""",
        201,
        {"id": ANY, "status": "in_progress"},
    ),
    Example(
        "fetch an encounter",
        """curl https://api.knogin.com/api/v1/epcr/encounters/enc_123 \\
  -H "Authorization: Bearer <access-token>" """,
        200,
        {"id": "enc_123", "organization_id": ANY, "care_model": "prehospital_emergency", "status": "in_progress"},
    ),
    Example(
        "export an encounter",
        """curl https://api.knogin.com/api/v1/epcr/encounters/enc_123/fhir-bundle \\
  -H "Authorization: Bearer <access-token>" """,
        200,
        {"resourceType": "Bundle", "type": "transaction", "entry": ANY},
    ),
    Example(
        "enrol a device",
        """curl -X POST https://api.knogin.com/api/v1/devices/enrol \\
  -H "Authorization: Bearer <access-token>" \\
  -H "Content-Type: application/json" \\
  -d '{
    "serial_number": "SN-0001",
    "device_class": "defib",
    "manufacturer": "ACME"
  }'""",
        201,
        {"id": ANY, "serial_number": "SN-0001", "device_class": "defib", "status": "active"},
    ),
    Example(
        "submit an observation",
        """curl -X POST https://api.knogin.com/api/v1/devices/dev_1/observations \\
  -H "Authorization: Bearer <access-token>" \\
  -H "Content-Type: application/json" \\
  -d '{
    "mdc_code": "MDC_PULS_OXIM_SAT_O2",
    "value": 98.0,
    "unit_code": "%"
  }'""",
        201,
        {"id": ANY, "device_id": "dev_1", "mdc_code": "MDC_PULS_OXIM_SAT_O2", "value": 98.0, "unit_code": "%"},
    ),
    Example(
        "list devices",
        """curl "https://api.knogin.com/api/v1/devices?vehicle_id=AMB-42" \\
  -H "Authorization: Bearer <access-token>" """,
        200,
        {},
    ),
    Example(
        "query quality indicators",
        """curl -X POST https://api.knogin.com/graphql \\
  -H "Authorization: Bearer <access-token>" \\
  -H "Content-Type: application/json" \\
  -d '{
    "query": "query($from: DateTime!, $to: DateTime!) { acqiMetrics(fromDate: $from, toDate: $to) { name value numerator denominator unit } }",
    "variables": { "from": "2026-04-01T00:00:00Z", "to": "2026-04-17T00:00:00Z" }
  }'""",  # noqa: E501 - as the page has it
        200,
        {"data": {"acqiMetrics": [{"name": ANY, "value": ANY}]}},
    ),
]
