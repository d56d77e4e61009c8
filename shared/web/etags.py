"""Conditional reads by ETag (RFC 9110 §13.1.2)."""

import hashlib
import re
from collections.abc import Mapping

from starlette.responses import Response

_TAG = re.compile(r'(?:W/)?"([\x21\x23-\x7e]*)"')


def tag_of(*parts: object) -> str:
    """A strong tag with its quotes; equal parts give equal tags."""
    return f'"{hashlib.sha256(repr(parts).encode()).hexdigest()[:32]}"'


def is_known(if_none_match: list[str], tag: str) -> bool:
    """Whether the client already has the representation of `tag` (weak comparison)."""
    text = ",".join(if_none_match).strip()
    return text == "*" or tag.strip('"') in _TAG.findall(text)


def not_modified(headers: Mapping[str, str]) -> Response:
    return Response(status_code=304, headers=dict(headers) | {"cache-control": "no-store"})
