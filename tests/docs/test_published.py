"""A credential that a document prints is nobody's: no call takes it."""

import re

import gateway.docs
from deploy.local.table import ROOT
from shared.primitives import published
from tests.support.stack import EVERYDAY_SCOPES, Stack
from tests.support.waiting import wait_for

SECRET = re.compile(r"whsec_[A-Za-z0-9+/]{16,}=*")
BESIDE = ("README.md", "clients/python/README.md", "clients/typescript/README.md")


def printed() -> set[str]:
    """The signing secrets on the pages of the docs host and in the READMEs."""
    files = [path for path in gateway.docs.FILES.rglob("*") if path.suffix in (".md", ".json", ".txt")]
    files += [ROOT / name for name in BESIDE]
    return {secret for path in files for secret in SECRET.findall(path.read_text())}


def test_every_credential_that_a_document_prints_is_refused_wherever_one_is_taken(stack: Stack) -> None:
    app = stack.register_app(EVERYDAY_SCOPES)
    token = stack.token(app, "webhooks:write")
    faults = [f"shared/primitives/published.py lacks {secret}" for secret in printed() - {*published.SECRETS}]
    hook = {"url": "https://integrator.example/hook", "events": ["epcr.encounter.created"]}
    with stack.client("api", token) as client, stack.client("auth", stack.admin_token) as admin:
        stack.govern(app, approved_events=["epcr.*"])
        webhook = wait_for(
            lambda: made.json()["id"] if (made := client.post("/v1/webhooks", json=hook)).is_success else None,
            what="the approval of the events",
        )
        assert printed()
        for secret in [*published.SECRETS, *(one.removeprefix("whsec_") for one in published.SECRETS)]:
            wrong = hook | {"secret": secret, "events": ["no.such"]}
            for asked in (client.post("/v1/webhooks", json=wrong), client.put(f"/v1/webhooks/{webhook}", json=wrong)):
                found = {one["pointer"]: one["code"] for one in asked.json().get("errors", [])}
                if asked.status_code != 422 or found.get("/secret") != "published" or "/events/0" not in found:
                    faults.append(f"{asked.request.method} with {secret}: {asked.status_code} {found}")
                if secret in asked.text:
                    faults.append(f"{asked.request.method} shows {secret}")
        for key in published.KEYS:
            jwk = {"kty": "OKP", "crv": "Ed25519", "x": key}
            draft = {"name": "x", "grant_types": ["client_credentials"], "requested_scopes": ["webhooks:read"]}
            private = {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [jwk]}}
            registered = admin.post("/v1/platform/apps", json=draft | private)
            signing = {"authorization": f"Bearer {stack.app_token('argus:platform:write')}"}
            signed = client.post("/api/v1/platform/signing-keys", json={"name": "x", "jwk": jwk}, headers=signing)
            for asked in (registered, signed):
                if asked.status_code != 422 or published.REASON not in asked.text:
                    faults.append(f"{asked.request.url.path} takes {key}: {asked.status_code} {asked.text[:300]}")
    assert faults == [], "\n".join(faults)
