"""Operations as command lines to paste. Pure."""

import json
import re
from typing import Any
from urllib.parse import urlencode

VALUES = {"since": "2026-03-23T12:00:00Z", "client_id": "app_123"}


def command(server: str, method: str, path: str, operation: dict[str, Any]) -> str:
    """curl with placeholders in angle brackets."""
    lines = [f"curl {_verb(method, operation)}'{server}{_filled(path, operation)}{_query(operation)}'"]
    security = operation["security"]
    if security and "oauth2" in security[0]:
        lines.append('-H "Authorization: Bearer <access-token>"')
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        lines += _body(media, content.get("example"))
    return " \\\n  ".join(lines)


def _verb(method: str, operation: dict[str, Any]) -> str:
    return "" if method == "get" or (method == "post" and "requestBody" in operation) else f"-X {method.upper()} "


def _filled(path: str, operation: dict[str, Any]) -> str:
    examples = {
        one["name"]: one.get("example", one["name"]) for one in operation.get("parameters", []) if "name" in one
    }
    return re.sub(r"{(\w+)}", lambda found: examples[found[1]], path)


def _query(operation: dict[str, Any]) -> str:
    wanted = [one for one in operation.get("parameters", []) if one.get("in") == "query" and one["required"]]
    pairs = {one["name"]: VALUES.get(one["name"]) or one["schema"]["enum"][0] for one in wanted}
    return f"?{urlencode(pairs, safe=':')}" if pairs else ""


def _body(media: str, example: Any) -> list[str]:
    if media == "application/octet-stream":
        return [f'-H "Content-Type: {media}"', "--data-binary @package.zip"]
    if example is None:
        return []
    if media == "application/x-www-form-urlencoded":
        return [f'-d "{name}={value}"' for name, value in example.items()]
    return [f'-H "Content-Type: {media}"', f"-d '{json.dumps(example, indent=2, ensure_ascii=False)}'"]
