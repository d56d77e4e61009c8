"""Operations as command lines to paste. Pure."""

import json
import re
from typing import Any
from urllib.parse import urlencode

VALUES = {"since": "2026-03-23T12:00:00Z", "client_id": "app_123", "from_date": "2026-03-01", "to_date": "2026-04-01"}
# The version that a call replaces, where it must name one.
ETAG = '"1"'


def command(server: str, method: str, path: str, operation: dict[str, Any]) -> str:
    """curl that takes the token from the environment; secrets are placeholders in angle brackets."""
    parameters = [one for one in operation.get("parameters", []) if "name" in one]
    examples = {one["name"]: one.get("example", one["name"]) for one in parameters}
    filled = re.sub(r"{(\w+)}", lambda found: examples[found[1]], path)
    must = {
        one["name"]: VALUES.get(one["name"]) or one["schema"]["enum"][0]
        for one in parameters
        if one["in"] == "query" and one["required"]
    }
    query = f"?{urlencode(must, safe=':')}" if must else ""
    is_plain = method == "get" or (method == "post" and "requestBody" in operation)
    verb = "" if is_plain else f"-X {method.upper()} "
    lines = [f"curl {verb}'{server}{filled}{query}'"]
    security = operation["security"]
    if security and "oauth2" in security[0]:
        lines.append('-H "Authorization: Bearer $KNOGIN_TOKEN"')
    if "428" in operation["responses"]:
        lines.append(f"-H 'If-Match: {ETAG}'")
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        lines += _body(media, content.get("example"))
    return " \\\n  ".join(lines)


def _body(media: str, example: Any) -> list[str]:
    if media == "application/octet-stream":
        return [f'-H "Content-Type: {media}"', "--data-binary @package.zip"]
    if example is None:
        return []
    if media == "application/x-www-form-urlencoded":
        return [f'-d "{name}={value}"' for name, value in example.items()]
    return [
        f'-H "Content-Type: {media}"',
        "-d '" + json.dumps(example, indent=2, ensure_ascii=False).replace("'", "'\\''") + "'",
    ]
