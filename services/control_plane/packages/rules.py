"""The rules for a manifest. Pure."""

import re
from collections.abc import Sequence

from services.control_plane import catalogue
from services.control_plane.automations.rules import package_errors
from services.control_plane.packages.models import Kind, VersionDraft
from shared.web.problems import FieldError

# https://semver.org, the expression it recommends.
SEMVER = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"
    r"(?:-(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*)?"
    r"(?:\+[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)?",
    re.ASCII,
)


def check(draft: VersionDraft, kind: Kind) -> list[FieldError]:
    """All errors of a manifest for a package of that kind."""
    errors: list[FieldError] = []
    if not SEMVER.fullmatch(draft.version):
        errors.append(FieldError("/version", "is not a version as Semantic Versioning 2.0.0 writes it"))
    if draft.kind != kind:
        errors.append(FieldError("/kind", f"the package is of kind {kind}"))
    if not is_inside(draft.entry):
        errors.append(FieldError("/entry", "is not a path below the content's root"))
    errors += _unknown("/scopes", draft.scopes, catalogue.SCOPES, "is not a scope that an app may hold")
    errors += _unknown("/event_types", draft.event_types, catalogue.EVENT_TYPES, "is no event type there is")
    return errors + package_errors(draft.automations, draft.event_types, draft.scopes)


def is_inside(path: str) -> bool:
    """Whether a relative path stays below where it starts, on any system."""
    steps = path.split("/")
    return path.isprintable() and "\\" not in path and ":" not in path and not {"", ".", ".."} & set(steps)


def _unknown(pointer: str, values: Sequence[str], known: frozenset[str], why: str) -> list[FieldError]:
    errors = [FieldError(f"{pointer}/{index}", why) for index, value in enumerate(values) if value not in known]
    if len(set(values)) != len(values):
        errors.append(FieldError(pointer, "names something twice"))
    return errors
