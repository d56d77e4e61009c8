"""The OpenAPI 3.1 document of the whole platform, made from the routes of each service."""

import copy
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from deploy.docs import errors, examples, samples
from deploy.docs.catalogues import catalogues
from services.auth import routes as auth
from services.auth.apps import scopes
from services.control_plane import routes as platform
from services.device_ingest import routes as devices
from services.epcr import routes as epcr
from services.graphql_api import routes as graphql
from services.webhook_dispatcher import routes as webhooks
from shared.contract.openapi import document
from shared.messaging.event_types import EventType, catalogue
from shared.operators import routes as operators
from shared.trail import routes as trail
from shared.web.problems import DOCUMENTATION

INFO = {
    "title": "Knogin integration platform",
    "version": "2026.2",
    "description": (
        "Apps and their tokens, webhooks, approved GraphQL documents, patient care records and medical devices. Times are RFC 3339 in"
        " UTC. Fields may be added to answers; unknown fields in requests are refused. Every answer has a trace id: quote it to support."
        " An id has the prefix of its kind, such as `auto_`, and no literal segment of a path has one: where two paths could match a"
        " request, the ids tell them apart."
    ),
    "contact": {"name": "Knogin", "url": "https://knogin.com"},
    "license": {"name": "Proprietary", "url": "https://knogin.com"},
}
AUTH, API = "https://auth.knogin.com", "https://api.knogin.com"
SERVERS = [
    {"url": API, "description": "Answers every path"},
    {"url": AUTH, "description": "Answers every path too; people sign in here"},
]
OF_EVERY_SERVICE = [trail.part("auth"), operators.part("auth")]
PARTS = [*auth.PARTS, *webhooks.PARTS, *graphql.PARTS, epcr.PART, devices.PART, *platform.PARTS, *OF_EVERY_SERVICE]
# The scopes that partners may have; operators give the others only to first-party apps.
OF_THE_ORGANISATION = (
    scopes.PLATFORM_APPS,
    scopes.READ_PEOPLE,
    scopes.CHANGE_PEOPLE,
    scopes.SCHEDULE_REPORTS,
    trail.SCOPE,
)
"""The scopes of first-party apps that calls of the contract ask for."""
SCOPES = (
    scopes.DESCRIPTIONS
    | scopes.ON_REQUEST
    | {name: scopes.FIRST_PARTY[name] for name in OF_THE_ORGANISATION}
    | scopes.OPERATORS
)
TEXTS = Path(__file__).parent / "fields.json"
EXAMPLES = Path(__file__).parent / "examples.json"
OPERATION_IDS = Path(__file__).parent / "operation_ids.json"
EVENTS = "The bodies that the platform sends to your webhooks."
EVENT_HEADERS = {
    "webhook-id": "The event's id, the same at every attempt: take each one once",
    "webhook-timestamp": "Unix seconds of this attempt",
    "webhook-signature": "`v1,<base64>` of HMAC-SHA256 over `id.timestamp.body`; several, separated by spaces, while a secret rotates",
    "traceparent": "The trace of the call the event came from (W3C Trace Context)",
}


@cache
def texts() -> dict[str, str]:
    """The descriptions of Structs and fields that have none of their own."""
    return {name: one["text"] for name, one in json.loads(TEXTS.read_text()).items()}


def contract() -> dict[str, Any]:
    """The document, the same at every call."""
    made = document(copy.deepcopy(INFO), copy.deepcopy(SERVERS), PARTS, texts())
    oauth = AUTH + "/v1/oauth"
    flows = {
        "clientCredentials": {"tokenUrl": f"{oauth}/token", "scopes": SCOPES},
        "authorizationCode": {
            "authorizationUrl": f"{oauth}/authorize",
            "tokenUrl": f"{oauth}/token",
            "refreshUrl": f"{oauth}/token",
            "scopes": SCOPES,
        },
    }
    made["components"]["securitySchemes"] = {
        "oauth2": {
            "type": "oauth2",
            "description": "An access token or a service token, sent as `Authorization: Bearer`. A `:write` scope includes `:read`.",
            "flows": flows,
        },
        "client": {"type": "http", "scheme": "basic", "description": "Client id and client secret."},
    }
    made["components"]["schemas"] |= {f"events.{kind.type}": _event_schema(kind) for kind in catalogue().values()}
    made["tags"].append({"name": "Events", "description": EVENTS})
    made["webhooks"] = {kind.type: {"post": _event(kind)} for kind in catalogue().values()}
    made["x-errors"] = {
        "problems": [
            {"type": DOCUMENTATION + one.slug, "status": one.status, "title": one.title, "meaning": one.meaning}
            for one in errors.PROBLEMS
        ],
        "oauth": errors.OAUTH,
        "graphql": errors.GRAPHQL,
    }
    made["x-catalogues"] = catalogues()
    examples.add(made, json.loads(EXAMPLES.read_text()))
    samples.add(made)
    return made


def operation_ids(document: dict[str, Any]) -> dict[str, str]:
    """The method and path of each operationId, or the type of an event."""
    calls = {
        operation["operationId"]: f"{method.upper()} {path}"
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    }
    return calls | {event["post"]["operationId"]: kind for kind, event in document["webhooks"].items()}


def publish_ids() -> None:
    """Adds the new operationIds to those published. It changes none: client libraries name their functions by them."""
    published = json.loads(OPERATION_IDS.read_text())
    OPERATION_IDS.write_text(json.dumps(operation_ids(contract()) | published, indent=1) + "\n")


def for_generators(document: dict[str, Any]) -> dict[str, Any]:
    """The document for generators of clients: some make code of the calls to webhooks that does not compile. Events are schemas."""
    made = {name: one for name, one in document.items() if name not in ("webhooks", "x-errors", "x-catalogues")}
    made["tags"] = [tag for tag in document["tags"] if tag["name"] != "Events"]
    made["paths"] = {
        path: {
            method: {name: one for name, one in entry.items() if name != "x-codeSamples"}
            for method, entry in entries.items()
        }
        for path, entries in document["paths"].items()
    }
    return made


def encoded(document: dict[str, Any]) -> bytes:
    return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()


def _event_schema(kind: EventType) -> dict[str, Any]:
    return {
        "description": kind.description,
        "type": "object",
        "required": ["type", "timestamp", "data"],
        "properties": {
            "type": {"type": "string", "enum": [kind.type], "description": texts()["type"]},
            "timestamp": {"type": "string", "format": "date-time", "description": texts()["timestamp"]},
            "data": {"description": texts()["data"]} | kind.schema,
            "test": {
                "type": "boolean",
                "description": "True; there alone for what happened in a sandbox or was sent as a test",
            },
        },
    }


def _event(kind: EventType) -> dict[str, Any]:
    example = {"type": kind.type, "timestamp": "2026-03-23T12:00:00Z", "data": kind.example}
    return {
        "tags": ["Events"],
        "operationId": "receive" + "".join(word.capitalize() for word in re.split(r"[._]", kind.type)),
        "summary": kind.description,
        "security": [],
        "parameters": [
            {
                "name": name,
                "in": "header",
                "description": text,
                "required": name != "traceparent",
                "schema": {"type": "string"},
            }
            for name, text in EVENT_HEADERS.items()
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": {"$ref": f"#/components/schemas/events.{kind.type}"}, "example": example}
            },
        },
        "responses": {"2XX": {"description": "Received; any other answer, or none in time, is tried again"}},
    }
