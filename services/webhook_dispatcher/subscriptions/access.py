"""Proofs of our identity for a receiver: a client certificate, a grant of client credentials; checked, and as columns."""

from collections.abc import Iterator
from typing import Any

import msgspec

from services.webhook_dispatcher.sending.access import Grant, Identity, UnusableIdentity, describe
from services.webhook_dispatcher.sending.addresses import Policy, RefusedTarget
from services.webhook_dispatcher.sending.signing import Vault
from services.webhook_dispatcher.subscriptions.models import ClientCertificate, OAuth, ShownOAuth
from shared.web.problems import FieldError


def faults_of_certificate(given: ClientCertificate) -> Iterator[FieldError]:
    try:
        describe(Identity(given.certificate, given.private_key))
    except UnusableIdentity as error:
        yield FieldError(f"/client_certificate/{error.field}", str(error))


def faults_of_oauth(policy: Policy, given: OAuth) -> Iterator[FieldError]:
    """The rules for a receiver's URL hold for the token URL as well: it gets our request, and the client's secret."""
    try:
        policy.check_url(given.token_url)
    except RefusedTarget as error:
        yield FieldError("/oauth/token_url", str(error))


def columns_of_certificate(vault: Vault, webhook_id: str, given: ClientCertificate | None) -> dict[str, Any]:
    if given is None:
        return {"client_certificate": None, "certificate_fingerprint": None, "certificate_expires_at": None}
    identity = Identity(given.certificate, given.private_key)
    described = describe(identity)
    return {
        "client_certificate": vault.seal_identity(webhook_id, identity),
        "certificate_fingerprint": described.fingerprint,
        "certificate_expires_at": described.expires_at,
    }


def columns_of_oauth(vault: Vault, webhook_id: str, given: OAuth | None) -> dict[str, Any]:
    if given is None:
        return {"oauth": None, "oauth_shown": None}
    grant = Grant(given.token_url, given.client_id, given.client_secret, given.scope)
    shown = ShownOAuth(given.token_url, given.client_id, given.scope)
    return {"oauth": vault.seal_grant(webhook_id, grant), "oauth_shown": msgspec.json.encode(shown).decode()}
