"""The methods of calls, and references, within a document of the contract. Pure."""

from typing import Any

METHODS = ("get", "post", "put", "patch", "delete")


def resolved(document: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    """The node itself, or the one that its `$ref` names at the end."""
    while "$ref" in node:
        target: Any = document
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        node = target
    return node
