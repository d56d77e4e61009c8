"""All routes of auth: the public contract, the pages of signing in, and the internal calls of gateways and services."""

from services.auth.apps import expiring, refused
from services.auth.apps import routes as apps
from services.auth.invitations import page_endpoints as invitation_pages
from services.auth.invitations import routes as invitations
from services.auth.oauth import authorize_endpoints, device_endpoints
from services.auth.oauth import routes as oauth
from services.auth.operators import routes as operators
from services.auth.people import routes as people
from services.auth.requests import routes as requests
from services.auth.revocations import endpoints as revocations
from services.auth.saml import logout_endpoints, signin_endpoints
from services.auth.saml import routes as saml
from services.auth.sandboxes import routes as sandboxes
from services.auth.signin import account_endpoints, authenticator_endpoints, pages
from services.auth.signin import endpoints as signin
from shared.web.routing import Part, Unlisted

PARTS = [
    Part(
        "Apps",
        "apps",
        "An administrator registers an app for each system that calls the platform, approves its scopes, and manages its secrets and"
        " service tokens.",
        [*apps.OPERATIONS, *expiring.OPERATIONS],
        {"client_id": "app_123", "token_id": "tok_123"},
    ),
    Part(
        "People",
        "people",
        "The people of an organisation: their roles, invitations, sessions and second factors. A person's role bounds what apps may do in"
        " their name.",
        [*people.OPERATIONS, *invitations.OPERATIONS],
        {"user_id": "usr_123", "session_id": "ses_123", "invitation_id": "inv_123"},
    ),
    Part(
        "Integration requests",
        "requests",
        "Some capabilities are opened on request. An organisation asks here; Knogin's operators decide.",
        requests.OPERATIONS,
        {"request_id": "ireq_123"},
    ),
    Part(
        "Tenants",
        "tenants",
        "For operators of the platform, as the calls of operations: all tenants, and their integration requests.",
        operators.OPERATIONS,
        {"tenant_id": "org_123", "request_id": "ireq_123", "client_id": "app_123"},
    ),
    Part(
        "Sandboxes",
        "sandboxes",
        "An organisation makes sandboxes by itself: each has invented data of a year, and scenarios to try programs with. Data of real"
        " patients do not belong there.",
        sandboxes.OPERATIONS,
        {"sandbox_id": "sbx_123", "scenario": "arrest"},
    ),
    Part(
        "OAuth",
        "oauth",
        "OAuth 2.0: an app gets a token here, for itself or in a person's name, and sends it with each call.",
        oauth.OPERATIONS,
    ),
    Part(
        "SAML",
        "saml",
        "Federation: the people of an organisation sign in through its own identity provider.",
        saml.OPERATIONS,
        saml.IDS,
    ),
]
UNLISTED = [
    Unlisted("POST", "/v1/oauth/authorize", authorize_endpoints.decide),
    Unlisted("GET", "/device", device_endpoints.device_page),
    Unlisted("POST", "/device", device_endpoints.device_step),
    Unlisted("GET", "/v1/auth/sign-in", signin.sign_in_page),
    Unlisted("POST", "/v1/auth/sign-in", signin.sign_in),
    Unlisted("POST", "/v1/auth/second-factor", signin.second_factor),
    Unlisted("POST", "/v1/auth/sign-out", signin.sign_out),
    Unlisted("GET", "/v1/auth/sessions", account_endpoints.sessions_page),
    Unlisted("POST", "/v1/auth/sessions", account_endpoints.change_sessions),
    Unlisted("GET", "/v1/auth/password", account_endpoints.password_page),
    Unlisted("POST", "/v1/auth/password", account_endpoints.set_password),
    Unlisted("GET", "/v1/auth/invitation", invitation_pages.invitation_page),
    Unlisted("POST", "/v1/auth/invitation", invitation_pages.accept_invitation),
    Unlisted("GET", "/v1/auth/authenticator", authenticator_endpoints.authenticator_page),
    Unlisted("POST", "/v1/auth/authenticator", authenticator_endpoints.change_authenticator),
    Unlisted("GET", "/v1/auth/style.css", pages.style),
    Unlisted("GET", "/v1/saml/{connection}/login", signin_endpoints.login),
    Unlisted("POST", "/v1/saml/{connection}/acs", signin_endpoints.acs),
    Unlisted("GET", "/v1/saml/{connection}/finish", signin_endpoints.finish),
    Unlisted("POST", "/v1/saml/{connection}/finish", signin_endpoints.confirm),
    Unlisted("GET", "/v1/saml/{connection}/slo", logout_endpoints.slo),
    Unlisted("POST", "/v1/saml/{connection}/slo", logout_endpoints.slo),
    Unlisted("GET", "/internal/revocations", revocations.revocations),
    Unlisted("POST", "/internal/token-usage", revocations.token_usage),
    Unlisted("POST", "/internal/refused-calls", refused.refused_calls),
]
