"""The entry of a bundle from which each value of an outcome was made: faults name that entry, because the outcome was never sent."""

import re
from collections.abc import Iterable, Mapping

from shared.web.problems import FieldError

Origins = Mapping[str, str]
"""Pointers in the bundle by those in the outcome. Empty where the outcome was sent as such."""

_POINTER = re.compile(r"/(?:visit_number|emergency_department|stay|procedures|survival|neurology)(?:/[a-z0-9_]+)*")


def in_bundle(errors: Iterable[FieldError], origins: Origins) -> list[FieldError]:
    """The errors about an outcome with the pointers of the bundle, also in their sentences."""

    def sent(pointer: str) -> str:
        known = pointer
        while known and known not in origins:
            known = known.rpartition("/")[0]
        return origins.get(known, pointer)

    return [
        error._replace(pointer=sent(error.pointer), detail=_POINTER.sub(lambda one: sent(one[0]), error.detail))
        for error in errors
    ]
