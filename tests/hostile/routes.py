"""The parsers that read a caller's bytes, for each route, by their names in `entries.py`. A body is `json <Kind>`.

`test_routes.py` fails for a route without a row. Every request also goes through the gateway's parsers (`request head`, `request target`,
`host`, `bearer token`), which have their own row, and through the parser of every service (`identity header`).
"""

NOTHING: tuple[str, ...] = ()
PAGE = ("query",)
FORM = ("oauth form", "basic credentials", "client assertion")
BROWSER = ("cookies", "accept-language", "query")
BROWSER_FORM = (*BROWSER, "oauth form")
APP = "/v1/platform/apps/{client_id}"
REQUESTS = "/v1/platform/integration-requests"
CONNECTION = "/v1/saml/connections/{connection_id}"
WEBHOOK = "/v1/webhooks/{webhook_id}"
ENCOUNTERS = "/api/v1/epcr/encounters"
DEVICE = "/api/v1/devices/{device_id}"
PLATFORM = "/api/v1/platform"
VERSIONS = PLATFORM + "/packages/{package_id}/versions"
RELEASE = PLATFORM + "/releases/{release_id}"
AGENT = PLATFORM + "/agents/{agent_id}"
AUTOMATION = PLATFORM + "/automations/{automation_id}"
AUTOMATION_BODY = ("automation filter", "automation template")
PROBES = {("GET", "/livez"): NOTHING, ("GET", "/readyz"): NOTHING}

GATEWAY = ("request head", "request target", "absolute target", "host", "bearer token", "docs headers")
AUTH = {
    ("POST", "/v1/oauth/token"): (*FORM, "pkce"),
    ("POST", "/v1/oauth/revoke"): (*FORM, "presented token"),
    ("POST", "/v1/oauth/introspect"): (*FORM, "presented token"),
    ("GET", "/v1/oauth/authorize"): (*BROWSER, "pkce", "grammars"),
    ("POST", "/v1/oauth/authorize"): (*BROWSER_FORM, "pkce", "grammars"),
    ("GET", "/.well-known/jwks.json"): NOTHING,
    ("GET", "/v1/auth/jwks.json"): NOTHING,
    ("GET", "/.well-known/oauth-authorization-server"): NOTHING,
    ("GET", "/.well-known/oauth-protected-resource"): ("host",),
    ("GET", "/v1/platform/scopes"): NOTHING,
    ("GET", "/v1/platform/apps"): PAGE,
    ("POST", "/v1/platform/apps"): ("json AppDraft", "json web keys", "grammars"),
    ("GET", APP): NOTHING,
    ("PATCH", APP): ("json AppChange", "json web keys", "grammars"),
    ("DELETE", APP): NOTHING,
    ("POST", APP + "/disable"): NOTHING,
    ("POST", APP + "/enable"): NOTHING,
    ("PATCH", APP + "/governance"): ("query", "json GovernanceChange", "grammars"),
    ("GET", APP + "/events"): PAGE,
    ("POST", APP + "/rotate-secret"): ("json RotateSecret",),
    ("POST", APP + "/service-token"): ("json ServiceTokenDraft",),
    ("GET", APP + "/service-tokens"): PAGE,
    ("DELETE", APP + "/service-tokens/{token_id}"): NOTHING,
    ("GET", REQUESTS): PAGE,
    ("POST", REQUESTS): ("json RequestDraft", "grammars"),
    ("GET", REQUESTS + "/{request_id}"): NOTHING,
    ("POST", REQUESTS + "/{request_id}/withdraw"): NOTHING,
    ("POST", REQUESTS + "/{request_id}/credentials"): NOTHING,
    ("GET", "/v1/auth/sign-in"): BROWSER,
    ("POST", "/v1/auth/sign-in"): BROWSER_FORM,
    ("POST", "/v1/auth/second-factor"): BROWSER_FORM,
    ("POST", "/v1/auth/sign-out"): BROWSER_FORM,
    ("GET", "/v1/auth/sessions"): BROWSER,
    ("POST", "/v1/auth/sessions"): BROWSER_FORM,
    ("GET", "/v1/auth/password"): BROWSER,
    ("POST", "/v1/auth/password"): BROWSER_FORM,
    ("GET", "/v1/auth/authenticator"): BROWSER,
    ("POST", "/v1/auth/authenticator"): BROWSER_FORM,
    ("GET", "/v1/auth/style.css"): NOTHING,
    ("GET", "/v1/saml/connections"): PAGE,
    ("POST", "/v1/saml/connections"): ("json ConnectionDraft", "saml metadata", "certificate"),
    ("GET", CONNECTION): NOTHING,
    ("PATCH", CONNECTION): ("json ConnectionChange", "saml metadata", "certificate"),
    ("DELETE", CONNECTION): NOTHING,
    ("GET", CONNECTION + "/events"): PAGE,
    ("GET", CONNECTION + "/users"): PAGE,
    ("DELETE", CONNECTION + "/users/{user_id}"): NOTHING,
    ("POST", CONNECTION + "/domains"): ("json DomainDraft", "grammars"),
    ("GET", CONNECTION + "/domains/{domain}"): NOTHING,
    ("DELETE", CONNECTION + "/domains/{domain}"): NOTHING,
    ("POST", CONNECTION + "/domains/{domain}/prove"): NOTHING,
    ("GET", "/v1/saml/policy"): NOTHING,
    ("PUT", "/v1/saml/policy"): ("json PolicyChange",),
    ("GET", "/v1/saml/{connection}/metadata"): NOTHING,
    ("GET", "/v1/saml/{connection}/login"): BROWSER,
    ("POST", "/v1/saml/{connection}/acs"): ("saml form", "saml response", "accept-language"),
    ("GET", "/v1/saml/{connection}/finish"): BROWSER,
    ("POST", "/v1/saml/{connection}/finish"): BROWSER_FORM,
    ("GET", "/v1/saml/{connection}/slo"): ("saml query", "saml inflate", "saml response", "accept-language"),
    ("POST", "/v1/saml/{connection}/slo"): ("saml form", "saml response", "accept-language"),
    ("GET", "/internal/revocations"): ("query",),
    ("POST", "/internal/token-usage"): ("json TokenUses",),
}
WEBHOOK_DISPATCHER = {
    ("GET", "/v1/webhooks"): PAGE,
    ("POST", "/v1/webhooks"): ("json NewWebhook", "grammars"),
    ("GET", WEBHOOK): NOTHING,
    ("PUT", WEBHOOK): ("json WebhookChange", "grammars"),
    ("DELETE", WEBHOOK): NOTHING,
    ("GET", WEBHOOK + "/deliveries"): PAGE,
    ("GET", WEBHOOK + "/deliveries/{delivery_id}"): NOTHING,
    ("POST", WEBHOOK + "/deliveries/{delivery_id}/retry"): NOTHING,
    ("POST", WEBHOOK + "/recover"): PAGE,
    ("POST", WEBHOOK + "/test"): PAGE,
    ("GET", WEBHOOK + "/reconciliation"): NOTHING,
}
GRAPHQL_API = {
    ("POST", "/graphql"): ("json GraphqlRequest", "graphql document", "graphql variables", "grammars"),
    ("GET", "/api/v1/graphql/bundles"): NOTHING,
}
EPCR = {
    ("GET", ENCOUNTERS): PAGE,
    ("POST", ENCOUNTERS): ("json EncounterDraft",),
    ("GET", ENCOUNTERS + "/{encounter_id}"): ("query", "conditional headers"),
    ("GET", ENCOUNTERS + "/{encounter_id}/fhir-bundle"): ("query", "conditional headers"),
    ("GET", "/api/v1/epcr/records/{encounter_id}"): ("conditional headers",),
    ("PATCH", "/api/v1/epcr/records/{encounter_id}"): ("json RecordPatch", "conditional headers"),
}
DEVICE_INGEST = {
    ("GET", "/api/v1/devices"): PAGE,
    ("POST", "/api/v1/devices/enrol"): ("json DeviceEnrolment",),
    ("GET", DEVICE): NOTHING,
    ("PATCH", DEVICE): ("json DeviceChange",),
    ("GET", DEVICE + "/observations"): ("query", "grammars"),
    ("POST", DEVICE + "/observations"): ("json ObservationDraft", "grammars"),
    ("POST", DEVICE + "/observations:batch"): ("json batch", "grammars"),
    ("GET", DEVICE + "/observations/{observation_id}"): NOTHING,
}
CONTROL_PLANE = {
    ("GET", PLATFORM + "/signing-keys"): PAGE,
    ("POST", PLATFORM + "/signing-keys"): ("json SigningKeyDraft",),
    ("GET", PLATFORM + "/signing-keys/{key_id}"): NOTHING,
    ("DELETE", PLATFORM + "/signing-keys/{key_id}"): NOTHING,
    ("GET", PLATFORM + "/packages"): PAGE,
    ("POST", PLATFORM + "/packages"): ("json PackageDraft",),
    ("GET", PLATFORM + "/packages/{package_id}"): NOTHING,
    ("GET", VERSIONS): PAGE,
    ("POST", VERSIONS): ("json VersionDraft", "canonical manifest", *AUTOMATION_BODY, "grammars"),
    ("GET", VERSIONS + "/{version}"): NOTHING,
    ("DELETE", VERSIONS + "/{version}"): NOTHING,
    ("GET", VERSIONS + "/{version}/content"): NOTHING,
    # Opaque bytes, hashed in a thread and never unpacked.
    ("PUT", VERSIONS + "/{version}/content"): ("package content",),
    ("GET", PLATFORM + "/releases"): PAGE,
    ("POST", PLATFORM + "/releases"): ("json ReleaseDraft",),
    ("GET", RELEASE): NOTHING,
    ("POST", RELEASE + "/approve"): ("json Decision",),
    ("POST", RELEASE + "/reject"): ("json Decision",),
    ("POST", RELEASE + "/promote"): ("json Decision",),
    ("POST", RELEASE + "/rollback"): ("json Decision",),
    ("POST", PLATFORM + "/agents/enrol"): ("json Enrolment",),
    ("POST", PLATFORM + "/agents/heartbeat"): ("json Heartbeat",),
    ("GET", PLATFORM + "/agents/content/{package_id}/{version}"): ("conditional headers", "grammars"),
    ("GET", PLATFORM + "/agents"): PAGE,
    ("POST", PLATFORM + "/agents"): ("json AgentDraft",),
    ("GET", AGENT): NOTHING,
    ("PATCH", AGENT): ("json AgentChange",),
    ("POST", AGENT + "/enrolment-code"): NOTHING,
    ("POST", AGENT + "/revoke"): NOTHING,
    ("GET", PLATFORM + "/automations/runs"): PAGE,
    ("GET", PLATFORM + "/automations/runs/{run_id}"): NOTHING,
    ("POST", PLATFORM + "/automations/runs/{run_id}/retry"): NOTHING,
    ("GET", PLATFORM + "/automations"): PAGE,
    ("POST", PLATFORM + "/automations"): ("json AutomationDraft", *AUTOMATION_BODY),
    ("GET", AUTOMATION): NOTHING,
    ("PATCH", AUTOMATION): ("json AutomationChange", *AUTOMATION_BODY),
    ("DELETE", AUTOMATION): NOTHING,
    ("GET", AUTOMATION + "/runs"): PAGE,
    ("GET", PLATFORM + "/listings"): PAGE,
    ("POST", PLATFORM + "/listings"): ("json ListingDraft",),
    ("GET", PLATFORM + "/listings/{listing_id}"): NOTHING,
    ("DELETE", PLATFORM + "/listings/{listing_id}"): NOTHING,
    ("GET", PLATFORM + "/installations"): PAGE,
    ("POST", PLATFORM + "/installations"): ("json Consent",),
    ("GET", PLATFORM + "/installations/{installation_id}"): NOTHING,
    ("GET", PLATFORM + "/installations/{installation_id}/content"): NOTHING,
    ("POST", PLATFORM + "/installations/{installation_id}/uninstall"): NOTHING,
}
SERVICES = {
    "auth": AUTH | PROBES,
    "webhook_dispatcher": WEBHOOK_DISPATCHER | PROBES,
    "graphql_api": GRAPHQL_API | PROBES,
    "epcr": EPCR | PROBES,
    "device_ingest": DEVICE_INGEST | PROBES,
    "control_plane": CONTROL_PLANE | PROBES,
}
EVERYWHERE = ("identity header",)
NAMES = {name for rows in SERVICES.values() for reads in rows.values() for name in reads} | {*GATEWAY, *EVERYWHERE}
