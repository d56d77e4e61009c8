"""Rules for integration requests. Pure; refusals are field errors, all at once."""

import re
from collections.abc import Sequence

from services.auth.apps.models import Tenant
from services.auth.requests.models import (
    BundlesDetails,
    Details,
    FederationDetails,
    HandoverDetails,
    PlatformDetails,
    SandboxDetails,
    TelephonyDetails,
)
from shared.web.problems import FieldError

# A copy of the names in graphql-api's folder of bundles; a test compares them.
BUNDLES = ("acqi-reporting", "incident-management", "incident-webhooks", "telephony-admin")
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
_ADDRESS = re.compile(r"[^\s@]+@[^\s@]+")


def check(details: Details, reason: str) -> list[FieldError]:
    errors = _check_text("/reason", reason, lines=True)
    match details:
        case BundlesDetails():
            errors += [
                FieldError(f"/details/bundles/{index}", f"there are {', '.join(BUNDLES)}")
                for index, name in enumerate(details.bundles)
                if name not in BUNDLES
            ]
            errors += _repeated("/details/bundles", details.bundles)
        case PlatformDetails() | TelephonyDetails() | HandoverDetails():
            errors += _repeated("/details/scopes", details.scopes)
        case FederationDetails():
            errors += [
                FieldError(f"/details/domains/{index}", "is not a domain name in lower case, such as ambulance.example")
                for index, name in enumerate(details.domains)
                if not _DOMAIN.fullmatch(name)
            ]
            errors += _repeated("/details/domains", details.domains)
            errors += _check_text("/details/identity_provider", details.identity_provider)
        case SandboxDetails():
            if not (_ADDRESS.fullmatch(details.admin_email) and details.admin_email.isprintable()):
                errors.append(FieldError("/details/admin_email", "is not an e-mail address"))
            errors += _check_text("/details/name", details.name)
    return errors


def has_already(details: Details, tenant: Tenant) -> bool:
    """Whether the tenant holds all of it already. It may have several sandboxes."""
    match details:
        case BundlesDetails():
            return set(details.bundles) <= set(tenant.graphql_bundles)
        case PlatformDetails() | TelephonyDetails() | HandoverDetails():
            return set(details.scopes) <= set(tenant.granted_scopes)
        case FederationDetails():
            return tenant.federation
        case SandboxDetails():
            return False


def is_own_sandbox(details: Details, tenant: Tenant) -> bool:
    """Whether a sandbox asks for a sandbox. Sandboxes get none."""
    return isinstance(details, SandboxDetails) and tenant.environment == "sandbox"


def _check_text(pointer: str, text: str, *, lines: bool = False) -> list[FieldError]:
    """Refuses control characters, because operators read the text in a terminal."""
    seen = text.replace("\n", " ") if lines else text
    return [] if seen.isprintable() else [FieldError(pointer, "holds invisible characters")]


def _repeated(pointer: str, values: Sequence[str]) -> list[FieldError]:
    return [FieldError(pointer, "has a value twice")] if len(set(values)) != len(values) else []
