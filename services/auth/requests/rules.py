"""What may be asked for. Pure: refusals are field errors, all found at once."""

import re
from collections.abc import Sequence

from services.auth.apps.models import Tenant
from services.auth.requests.models import (
    BundlesDetails,
    Details,
    FederationDetails,
    PlatformDetails,
    SandboxDetails,
    TelephonyDetails,
)
from shared.problems import FieldError

# graphql-api's folder of bundles, of which a test holds this to be the copy.
BUNDLES = ("acqi-reporting", "incident-management", "incident-webhooks", "telephony-admin")
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
_ADDRESS = re.compile(r"[^\s@]+@[^\s@]+")


def check(details: Details, reason: str) -> list[FieldError]:
    return [*_check_text("/reason", reason, lines=True), *_check_details(details)]


def has_already(details: Details, tenant: Tenant) -> bool:
    """Whether the tenant holds all of it. Of sandboxes it may have several."""
    match details:
        case BundlesDetails():
            return set(details.bundles) <= set(tenant.graphql_bundles)
        case PlatformDetails() | TelephonyDetails():
            return set(details.scopes) <= set(tenant.granted_scopes)
        case FederationDetails():
            return tenant.federation
        case SandboxDetails():
            return False


def is_own_sandbox(details: Details, tenant: Tenant) -> bool:
    """A sandbox of a sandbox: nobody needs one, and each would beget the next."""
    return isinstance(details, SandboxDetails) and tenant.environment == "sandbox"


def _check_details(details: Details) -> list[FieldError]:
    match details:
        case BundlesDetails():
            unknown = [
                FieldError(f"/details/bundles/{index}", f"there are {', '.join(BUNDLES)}")
                for index, name in enumerate(details.bundles)
                if name not in BUNDLES
            ]
            return unknown + _repeated("/details/bundles", details.bundles)
        case PlatformDetails() | TelephonyDetails():
            return _repeated("/details/scopes", details.scopes)
        case FederationDetails():
            return [
                *_check_domains(details.domains),
                *_check_text("/details/identity_provider", details.identity_provider),
            ]
        case SandboxDetails():
            return [*_check_address(details.admin_email), *_check_text("/details/name", details.name)]


def _check_domains(domains: Sequence[str]) -> list[FieldError]:
    wrong = [
        FieldError(f"/details/domains/{index}", "is not a domain name in lower case, such as ambulance.example")
        for index, name in enumerate(domains)
        if not _DOMAIN.fullmatch(name)
    ]
    return wrong + _repeated("/details/domains", domains)


def _check_address(address: str) -> list[FieldError]:
    if _ADDRESS.fullmatch(address) and address.isprintable():
        return []
    return [FieldError("/details/admin_email", "is not an e-mail address")]


def _check_text(pointer: str, text: str, *, lines: bool = False) -> list[FieldError]:
    """Operators read it in a terminal: nothing in it may steer one."""
    seen = text.replace("\n", " ") if lines else text
    return [] if seen.isprintable() else [FieldError(pointer, "holds characters that cannot be seen")]


def _repeated(pointer: str, values: Sequence[str]) -> list[FieldError]:
    return [FieldError(pointer, "names something twice")] if len(set(values)) != len(values) else []
