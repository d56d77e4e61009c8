"""The descriptions of a contract, and the places that lack one. Pure."""

from typing import Any, NamedTuple


class Described(NamedTuple):
    """Every description, and the places without one: members such as `/components/schemas/devices.Device/model`, operationIds and tags."""

    texts: set[str]
    lacking: list[str]


def described(document: dict[str, Any]) -> Described:
    schemas = document["components"]["schemas"]
    found: set[str] = set()
    bare: list[str] = []

    def describes(schema: dict[str, Any]) -> bool:
        target = schemas.get(schema.get("$ref", "").rpartition("/")[2], {})
        return bool(schema.get("description") or target.get("description"))

    def walk(node: Any, place: str) -> None:
        if isinstance(node, dict):
            found.update([node["description"]] if isinstance(node.get("description"), str) else [])
            members = node.get("properties", {}) if not place.endswith("/properties") else {}
            bare.extend(f"{place}/{name}" for name, member in members.items() if not describes(member))
            bare.extend(
                f"{place}/{one['name']}"
                for one in (node["parameters"] if isinstance(node.get("parameters"), list) else [])
                if "name" in one and not one.get("description")
            )
            for name, member in node.items():
                if name != "example":
                    walk(member, f"{place}/{name}")
        elif isinstance(node, list):
            for index, item in enumerate(node):
                walk(item, f"{place}/{index}")

    walk({name: document[name] for name in ("paths", "webhooks", "components", "tags")}, "")
    bare += [f"/components/schemas/{name}" for name, schema in schemas.items() if not schema.get("description")]
    operations = [one for path in document["paths"].values() for one in path.values()]
    bare += [one["operationId"] for one in operations if not one.get("description")]
    bare += [tag["name"] for tag in document["tags"] if not tag.get("description")]
    return Described(found, bare)
