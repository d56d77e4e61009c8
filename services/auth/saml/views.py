"""How connections, domains and the policy are shown. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from services.auth.saml import metadata
from services.auth.saml.domains import CHALLENGE_LABEL, VALUE_PREFIX
from services.auth.saml.models import CertificateRow, Connection, DomainRow, PolicyRow


def connection_view(
    connection: Connection, issuer: str, pinned: Sequence[CertificateRow], domains: Sequence[DomainRow]
) -> dict[str, Any]:
    mine = metadata.own(issuer, connection.connection_id, connection.own_certificate)
    return {
        "id": connection.connection_id,
        "name": connection.name,
        "status": connection.status,
        "entity_id": connection.entity_id,
        "sso_url": connection.sso_url,
        "slo_url": connection.slo_url,
        "certificates": [certificate_view(row) for row in pinned],
        "name_id_format": connection.name_id_format,
        "allow_idp_initiated": connection.allow_idp_initiated,
        "attribute_mapping": connection.attribute_mapping,
        "role_mapping": connection.role_mapping,
        "domains": [domain_view(row) for row in domains],
        "service_provider": {
            "entity_id": mine.entity_id,
            "metadata_url": mine.entity_id,
            "login_url": mine.acs_url.removesuffix("acs") + "login",
            "acs_url": mine.acs_url,
            "slo_url": mine.slo_url,
            "certificate": connection.own_certificate,
        },
        "created_at": connection.created_at,
        "updated_at": connection.updated_at,
        "last_sign_in_at": connection.last_sign_in_at,
    }


def certificate_view(row: CertificateRow) -> dict[str, Any]:
    return {
        "fingerprint": row.fingerprint,
        "pem": row.pem,
        "not_before": row.not_before,
        "not_after": row.not_after,
        "is_valid": row.not_before <= datetime.now(UTC) < row.not_after,
        "added_at": row.added_at,
        "last_used_at": row.last_used_at,
    }


def domain_view(row: DomainRow) -> dict[str, Any]:
    return {
        "domain": row.domain,
        "status": "proven" if row.verified_at is not None else "claimed",
        "dns_record": {
            "type": "TXT",
            "name": f"{CHALLENGE_LABEL}.{row.domain}",
            "value": VALUE_PREFIX + row.token,
        },
        "claimed_at": row.claimed_at,
        "proven_at": row.verified_at,
    }


def policy_view(policy: PolicyRow | None) -> dict[str, Any]:
    if policy is None:
        return {"enforced": False, "break_glass_email": None}
    return {"enforced": policy.enforced, "break_glass_email": policy.break_glass_email}
