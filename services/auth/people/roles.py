"""The roles of people: which scopes an app may get in their names. Pure.

A person has one role, or the roles of the organisation's identity provider, which `saml_connections.role_mapping` maps to scopes.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import msgspec

from services.auth.apps import scopes
from shared.primitives.ids import PLATFORM_TENANT

OrganisationRole = Literal["administrator", "quality_officer", "integrator", "auditor"]
Role = Literal["administrator", "quality_officer", "integrator", "auditor", "operator"]
"""`operator` exists in the platform's own tenant alone."""
ADMINISTRATOR: OrganisationRole = "administrator"
OPERATOR: Role = "operator"


class RoleOf(msgspec.Struct, frozen=True):
    """`scopes` is None where the role limits nothing."""

    description: str
    scopes: Sequence[str] | None


ROLES: Mapping[Role, RoleOf] = {
    "administrator": RoleOf("Everything in the organisation, and its people.", None),
    "quality_officer": RoleOf(
        "Quality indicators with their reports and schedules, and the de-identified encounters behind them.",
        ("argus:acqi:read", "argus:acqi:schedule", "argus:epcr:read"),
    ),
    "integrator": RoleOf(
        "Apps, webhooks and everything that apps of the organisation may do. No people and no federation.",
        (
            "platform:apps",
            "webhooks:write",
            "argus:acqi:read",
            "argus:acqi:schedule",
            "argus:devices:write",
            "argus:epcr:write",
            "argus:incidents:write",
            "argus:platform:write",
            "argus:telephony:write",
        ),
    ),
    "auditor": RoleOf(
        "Reads what was done and who may do what; changes nothing and sees no encounters.",
        (
            "platform:audit",
            "platform:people:read",
            "argus:acqi:read",
            "argus:devices:read",
            "argus:platform:read",
            "argus:telephony:read",
        ),
    ),
}
OPERATORS_ROLE = RoleOf(
    "Operates the platform: its tenants, requests, backlogs, dead letters and kill switches. Needs a second factor.",
    ("platform:operate:write", "platform:people:write", "platform:audit"),
)
"""The one table of roles, and the role of the platform's own tenant. A change of it counts at once for grants; the column
`users.scope_limit` follows at the next change of a role."""


def in_tenant(tenant_id: str) -> Mapping[Role, RoleOf]:
    """The roles that people of the tenant can have."""
    return {**ROLES, OPERATOR: OPERATORS_ROLE} if tenant_id == PLATFORM_TENANT else ROLES


def _of(role: Role) -> RoleOf:
    return OPERATORS_ROLE if role == OPERATOR else ROLES[role]


def limit_of(role: Role | None, stored: Sequence[str] | None) -> Sequence[str] | None:
    """The scopes that an app may get in the person's name; None without a limit. `stored` is `users.scope_limit`.

    The stored limit of a person without a role comes from the identity provider.
    """
    return stored if role is None else _of(role).scopes


def of(role: Role) -> list[str] | None:
    """The scopes of a role for `users.scope_limit`."""
    allowed = _of(role).scopes
    return None if allowed is None else list(allowed)


def reaches(limit: Sequence[str] | None, other: Sequence[str] | None) -> bool:
    """Whether a person with `limit` may do all that one with the limit `other` may."""
    return limit is None if other is None else not scopes.beyond(limit, other)


def exceeds(granted: Iterable[str], role: Role | None, stored: Sequence[str] | None) -> bool:
    """Whether a grant with these scopes is over for the person."""
    return bool(scopes.beyond(limit_of(role, stored), granted))
