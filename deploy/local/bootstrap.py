"""The tenants of a new stack. `python -m services.auth bootstrap` makes them, or finds those it made before."""

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deploy.local import environment
from deploy.local.plan import Plan, new_secret
from deploy.local.process import Process
from deploy.local.state import read_json, write_json
from deploy.local.table import Service, by_name
from shared.primitives.crypto import public_jwks
from shared.web import scopes

EVERYDAY_BUNDLES = ["acqi-reporting", "incident-management", "incident-webhooks"]
TENANTS = (
    # key, name, on-request scopes and bundles granted, e-mail of its administrator
    ("demo", "Riviera Emergency Services", list(scopes.ON_REQUEST), ["telephony-admin"], "admin@riviera.example"),
    ("other", "Lakeland Ambulance Trust", [], [], "admin@lakeland.example"),
)


def process(plan: Plan, auth: Service) -> Process:
    """The `bootstrap` command, not started yet. Its answer holds a service token for each administrator, valid for 12 hours."""
    question = plan.state.folder / "bootstrap-input.json"
    # The console as an OAuth client: where it takes answers, and its public keys.
    keys = plan.further_keys(by_name("console"))["CLIENT_KEYS"]
    write_json(
        question,
        {
            "tenants": [_tenant(plan, *row) for row in TENANTS],
            "console": {"redirect_uris": [f"{plan.origin('console')}/sign-in/done"], "jwks": public_jwks(keys)},
        },
    )
    return Process(
        name="auth-bootstrap",
        module=auth.module,
        arguments=["bootstrap", "--input", str(question), "--output", str(_answer(plan))],
        environment=environment.of_service(plan, auth, "web"),
        log=plan.state.logs / "auth-bootstrap.log",
    )


def read_answer(plan: Plan) -> Mapping[str, Any]:
    return read_json(_answer(plan))


def _answer(plan: Plan) -> Path:
    return plan.state.folder / "tenants.json"


def _tenant(plan: Plan, key: str, name: str, granted: list[str], bundles: list[str], email: str) -> dict[str, Any]:
    secret = plan.state.secret
    return {
        "key": key,
        "name": name,
        "scopes": granted,
        "bundles": EVERYDAY_BUNDLES + bundles,
        "admin": {
            "email": email,
            "password": secret(f"password of {email}", lambda: secrets.token_urlsafe(12)),
            "client_secret": secret(f"client secret of {key}", new_secret),
            "scopes": scopes.OF_ADMINISTRATORS + granted,
        },
    }
