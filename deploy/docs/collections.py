"""Collections of requests for Postman and Bruno, made from the contract. Pure.

Both begin with a story that runs from top to bottom against any platform: it needs `base_url` and the credentials of an administrator's
app, such as those of a sandbox made by oneself, signs in with them, and takes every id and secret from the answers before. The other
folders hold each call of the contract.
"""

import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from deploy.docs.references import resolved

NAME = "Knogin integration platform"
STORY = "A first day"
SCOPES = ["webhooks:write", "argus:epcr:write", "argus:devices:write", "argus:acqi:read"]
ADMINISTRATION = {"platform:apps", "platform:people:read", "platform:people:write"}


class Step(NamedTuple):
    """A call of the story. `changes` replace members of the example's body; `kept` maps further variables to members of the answer."""

    id: str
    changes: Mapping[str, Any] = {}
    name: str = ""
    kept: Mapping[str, str] = {}


# A case and a device are new in each run.
STEPS = (
    Step("getAuthorizationServerMetadata"),
    Step(
        "createToken",
        # Without a scope the token has all that the app may: the administrator's app of a sandbox has no people.
        {"client_id": "{{admin_client_id}}", "client_secret": "{{admin_client_secret}}", "scope": ""},
        "Sign in as the administrator's app",
        {"admin_token": "access_token"},
    ),
    Step("createApp", {"requested_scopes": SCOPES}),
    Step(
        "createToken",
        {"client_id": "{{client_id}}", "client_secret": "{{client_secret}}", "scope": " ".join(SCOPES)},
    ),
    Step("createWebhook", {"url": "https://receiver.example/hook"}),
    Step("listWebhooks"),
    Step("getWebhook"),
    Step("createEncounter", {"cad_incident_id": "cad_{{$timestamp}}"}),
    Step("getEncounter"),
    Step("getFhirBundle"),
    Step("enrolDevice", {"serial_number": "SN-{{$timestamp}}", "device_class": "oximeter"}),
    Step("recordObservation"),
    Step("recordObservations"),
    Step("listObservations"),
    Step("executeGraphql"),
    Step("listDeliveries"),
    Step("deleteWebhook"),
    Step("deleteApp"),
)
SECRETS = ("client_secret", "access_token")
GIVEN = {"base_url": "https://api.knogin.com", "admin_client_id": "", "admin_client_secret": ""}
"""The variables that a person fills in, for one platform."""
SHOWN = GIVEN | {
    "admin_token": "",
    "access_token": "",
    "client_id": "",
    "client_secret": "",
}


class Request(NamedTuple):
    """One request, without the syntax of a program. `kept` maps variables to the members of the answer that fill them."""

    folder: str
    name: str
    method: str
    path: str
    query: list[tuple[str, str, bool]]
    headers: list[tuple[str, str, bool]]
    media: str
    body: Any
    token: str
    kept: dict[str, str]
    text: str


def requests(document: dict[str, Any]) -> list[Request]:
    """The story, then every call by its tag."""
    calls = {
        operation["operationId"]: (method, path, operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    }
    story: list[Request] = []
    for step in STEPS:
        made = _request(document, *calls[step.id], folder=STORY, changes=step.changes)
        story.append(made._replace(name=step.name or made.name, kept=dict(step.kept) or made.kept))
    return story + [_request(document, *call, folder=call[2]["tags"][0]) for call in calls.values()]


def variables(document: dict[str, Any]) -> dict[str, str]:
    """Every variable of the requests with its first value."""
    return SHOWN | dict.fromkeys(
        sorted({name for path in document["paths"] for name in re.findall(r"{(\w+)}", path)}), ""
    )


def _request(
    document: dict[str, Any],
    method: str,
    path: str,
    operation: dict[str, Any],
    folder: str,
    changes: Mapping[str, Any] | None = None,
) -> Request:
    parameters = [resolved(document, one) for one in operation.get("parameters", [])]
    content = operation.get("requestBody", {}).get("content", {})
    media, body = next(((media, one.get("example")) for media, one in content.items()), ("", None))
    if changes:
        body = {**(body or {}), **changes}
    asked = [scope for scheme in operation["security"] for scope in scheme.get("oauth2", [])]
    token = "" if not any("oauth2" in scheme for scheme in operation["security"]) else "access_token"
    return Request(
        folder,
        operation["summary"],
        method.upper(),
        re.sub(r"{(\w+)}", r"{{\1}}", path),
        [(one["name"], _shown(one), one.get("required", False)) for one in parameters if one["in"] == "query"],
        [(one["name"], _shown(one), False) for one in parameters if one["in"] == "header"],
        media,
        body,
        "admin_token" if set(asked) & ADMINISTRATION else token,
        _kept(document, method, path, operation),
        operation.get("description", ""),
    )


def _shown(parameter: dict[str, Any]) -> str:
    if parameter["name"] == "Idempotency-Key":
        return "{{$guid}}"
    schema = parameter["schema"]
    shown = parameter.get("example", schema.get("default", next(iter(schema.get("enum", [])), "")))
    if shown == "" and schema.get("format") == "date-time":
        shown = "2026-03-23T12:00:00Z"
    return shown if isinstance(shown, str) else json.dumps(shown)


def _kept(document: dict[str, Any], method: str, path: str, operation: dict[str, Any]) -> dict[str, str]:
    """The new resource's id, by the parameter that other paths have for it; and the secrets in the answer."""
    if method != "post":
        return {}
    answer = next((one for status, one in operation["responses"].items() if status in ("200", "201")), {})
    schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
    members = resolved(document, schema).get("properties", {})
    kept = {name: name for name in SECRETS if name in members}
    if "201" in operation["responses"]:
        for parent in (path, path.rpartition("/")[0]):
            for other in document["paths"]:
                if found := re.fullmatch(re.escape(parent) + r"/{(\w+)}", other):
                    name = found[1]
                    return kept | ({name: name if name in members else "id"} if {name, "id"} & set(members) else {})
    return kept


def postman(document: dict[str, Any]) -> dict[str, Any]:
    """A collection in the format 2.1."""
    folders: dict[str, list[Any]] = {}
    for one in requests(document):
        folders.setdefault(one.folder, []).append(_postman_item(one))
    texts = {tag["name"]: tag["description"] for tag in document["tags"]}
    return {
        "info": {
            "name": NAME,
            "description": document["info"]["description"],
            "version": document["info"]["version"],
            "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json",
        },
        "variable": [{"key": name, "value": value} for name, value in variables(document).items()],
        "item": [{"name": name, "description": texts.get(name, ""), "item": items} for name, items in folders.items()],
    }


def environment() -> dict[str, Any]:
    """Postman's environment: the variables of one platform, which each has its own file of. The docs host fills in its own address."""
    secret = {"admin_client_secret"}
    return {
        "name": NAME,
        "values": [
            {"key": name, "value": value, "type": "secret" if name in secret else "default", "enabled": True}
            for name, value in GIVEN.items()
        ],
        "_postman_variable_scope": "environment",
    }


def _postman_item(one: Request) -> dict[str, Any]:
    token = {"type": "bearer", "bearer": [{"key": "token", "value": f"{{{{{one.token}}}}}", "type": "string"}]}
    url: dict[str, Any] = {
        "raw": "{{base_url}}" + one.path,
        "host": ["{{base_url}}"],
        "path": one.path.removeprefix("/").split("/"),
        "query": [{"key": name, "value": value, "disabled": not must} for name, value, must in one.query],
    }
    request: dict[str, Any] = {
        "method": one.method,
        "url": url,
        "auth": token if one.token else {"type": "noauth"},
        "header": [{"key": name, "value": value, "disabled": not must} for name, value, must in one.headers],
        "description": one.text,
    }
    if one.media == "application/x-www-form-urlencoded":
        request["body"] = {
            "mode": "urlencoded",
            "urlencoded": [{"key": name, "value": value} for name, value in (one.body or {}).items()],
        }
    elif one.media == "application/json":
        request["body"] = {"mode": "raw", "raw": _json(one.body), "options": {"raw": {"language": "json"}}}
    elif one.media:
        request["body"] = {"mode": "file", "file": {}}
    lines = ['pm.test("is answered", () => pm.expect(pm.response.code).to.be.below(400));']
    lines += [
        f'if (pm.response.code < 300) pm.collectionVariables.set("{name}", pm.response.json().{member});'
        for name, member in one.kept.items()
    ]
    script = {"type": "text/javascript", "exec": lines}
    return {"name": one.name, "request": request, "event": [{"listen": "test", "script": script}]}


def bruno(document: dict[str, Any]) -> dict[str, str]:
    """The files of a collection by their paths."""
    listed = requests(document)
    folders = {
        name: f"{number:02} {name}" for number, name in enumerate(dict.fromkeys(one.folder for one in listed), 1)
    }
    values = variables(document)
    files = {
        "bruno.json": _json({"version": "1", "name": NAME, "type": "collection", "ignore": ["node_modules", ".git"]}),
        "environments/Production.bru": _block("vars", values.items()),
        "environments/Local.bru": _block("vars", (values | {"base_url": "http://localhost:8080"}).items()),
    }
    for number, one in enumerate(listed, 1):
        name = re.sub(r"[^\w .,'()-]", "", one.name)
        files[f"{folders[one.folder]}/{number:03} {name}.bru"] = "\n".join(_bru(one, number))
    return files


def _bru(one: Request, number: int) -> Iterator[str]:
    kinds = {"application/json": "json", "application/x-www-form-urlencoded": "formUrlEncoded", "": "none"}
    kind = kinds.get(one.media, "none")
    used = [f"{name}={value}" for name, value, must in one.query if must]
    yield _block("meta", [("name", one.name), ("type", "http"), ("seq", str(number))])
    address = "{{base_url}}" + one.path + ("?" + "&".join(used) if used else "")
    yield _block(one.method.lower(), [("url", address), ("body", kind), ("auth", "bearer" if one.token else "none")])
    for block, pairs in (("params:query", one.query), ("headers", one.headers)):
        if pairs:
            yield _block(block, [(name if must else f"~{name}", value) for name, value, must in pairs])
    if one.token:
        yield _block("auth:bearer", [("token", f"{{{{{one.token}}}}}")])
    if kind == "json":
        yield _text_block("body:json", _json(one.body))
    if kind == "formUrlEncoded":
        yield _block("body:form-urlencoded", (one.body or {}).items())
    if one.kept:
        sets = [
            f'if (res.getStatus() < 300) bru.setVar("{name}", res.getBody().{member});'
            for name, member in one.kept.items()
        ]
        yield _text_block("script:post-response", "\n".join(sets))
    yield _text_block("tests", 'test("is answered", () => { expect(res.getStatus()).to.be.below(400); });')
    if one.text:
        yield _text_block("docs", one.text)


def _block(name: str, pairs: Any) -> str:
    return "\n".join([f"{name} {{", *(f"  {key}: {value}" for key, value in pairs), "}", ""])


def _text_block(name: str, text: str) -> str:
    return "\n".join([f"{name} {{", *(f"  {line}" for line in text.splitlines()), "}", ""])


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def zipped(files: dict[str, str]) -> bytes:
    """The files in a ZIP archive that has the same bytes on every machine."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(f"knogin/{name}"), text)
    return packed.getvalue()
