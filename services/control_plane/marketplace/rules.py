"""What consent has to name. Pure."""

from collections.abc import Iterable, Sequence
from typing import Any

from shared.problems import FieldError

POINTER = "/consented_scopes"


def check_consent(consented: Sequence[str], asked: Sequence[str]) -> list[FieldError]:
    """Exactly the scopes that are asked for: neither may a later version slip one in, nor an installation have one it does not want."""
    errors = [FieldError(f"{POINTER}/{n}", "is not asked for") for n, name in enumerate(consented) if name not in asked]
    if missing := [name for name in asked if name not in consented]:
        errors.append(FieldError(POINTER, f"does not name {', '.join(missing)}"))
    if len(set(consented)) != len(consented):
        errors.append(FieldError(POINTER, "names something twice"))
    return errors


def bundles(templates: Iterable[dict[str, Any]]) -> list[str]:
    """The bundles whose documents a listing's automations run."""
    actions = [template["action"] for template in templates]
    return sorted({action["bundle"] for action in actions if action["kind"] == "document"})
