"""From the purposes of an app to its draft: purposes, kinds of programs, and the fields of `POST /v1/platform/apps`. Pure."""

from collections.abc import Iterable
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec

from shared.messaging.event_types import catalogue
from shared.web.scopes import ALL

DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
OFFLINE = "offline_access"
RECEIVING = "webhooks:write"


class Purpose(NamedTuple):
    """Something that an app does, and the scopes that it needs. The text `purpose.<name>` is its sentence."""

    name: str
    scopes: tuple[str, ...]


PURPOSES = (
    Purpose("receive_events", (RECEIVING,)),
    Purpose("read_records", ("argus:epcr:read",)),
    Purpose("write_records", ("argus:epcr:write",)),
    Purpose("read_devices", ("argus:devices:read",)),
    Purpose("write_devices", ("argus:devices:write",)),
    Purpose("read_incidents", ("argus:incidents:read",)),
    Purpose("write_incidents", ("argus:incidents:write",)),
    Purpose("read_indicators", ("argus:acqi:read",)),
    Purpose("receive_patients", ("argus:epcr:handover",)),
    Purpose("report_outcomes", ("argus:epcr:outcome",)),
    Purpose("read_telephony", ("argus:telephony:read",)),
    Purpose("write_telephony", ("argus:telephony:write",)),
    Purpose("read_platform", ("argus:platform:read",)),
    Purpose("write_platform", ("argus:platform:write",)),
)


class Kind(NamedTuple):
    """A kind of program. `is_public` programs run where a secret does not stay one; people sign in to those `with_people`."""

    name: str
    grant_types: tuple[str, ...]
    is_public: bool = False
    with_people: bool = False


KINDS = (
    Kind("server", ("client_credentials",)),
    Kind("web", ("authorization_code", "refresh_token"), with_people=True),
    Kind("public", ("authorization_code", "refresh_token"), is_public=True, with_people=True),
    Kind("device", (DEVICE_CODE, "refresh_token"), is_public=True),
)
BY_NAME = {kind.name: kind for kind in KINDS}


def kind_of(name: str) -> Kind:
    return BY_NAME.get(name, KINDS[0])


def possible(names: Iterable[str]) -> list[Purpose]:
    """The purposes whose scopes are in the organisation's catalogue."""
    known = set(names)
    return [purpose for purpose in PURPOSES if known.issuperset(purpose.scopes)]


def scopes_for(purposes: Iterable[str], kind: Kind) -> list[str]:
    """The scopes of these purposes, without one that another includes, and offline access where people sign in."""
    chosen = set(purposes)
    wanted = [scope for purpose in PURPOSES if purpose.name in chosen for scope in purpose.scopes]
    kept = [one for one in wanted if not (one.endswith(":read") and one.removesuffix("read") + "write" in wanted)]
    return [*kept, OFFLINE] if kind.name != "server" else kept


def events_for(scopes: Iterable[str]) -> list[str]:
    """The event types that an app with these scopes is approved for: none where it receives no events."""
    held = set(scopes)
    held |= {one.removesuffix("write") + "read" for one in held if one.endswith(":write")}
    return [kind.type for kind in catalogue().values() if RECEIVING in held and not held.isdisjoint(kind.scopes)]


class Lacking(NamedTuple):
    """A scope with which an app can make no call until it has the bundle. An administrator approves one that `is_granted`."""

    scope: str
    bundle: str
    is_granted: bool


def lacking(scopes: Iterable[str], held: Iterable[str], granted: Iterable[str]) -> list[Lacking]:
    """The bundles that the scopes need beside those that the app has; `granted` are the organisation's."""
    has, may = set(held), set(granted)
    needed = [(one, ALL[one].bundle) for one in scopes if one in ALL and ALL[one].bundle]
    return [Lacking(scope, bundle, bundle in may) for scope, bundle in needed if bundle not in has]


def lines(text: str) -> list[str]:
    """The lines of a text field, without empty ones."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def may_lead_back(address: str) -> bool:
    """Whether it is https, http, or a private scheme as apps have it (`com.example.app:/done`). Auth looks closer."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return bool(parts.hostname) if parts.scheme in ("https", "http") else "." in parts.scheme


def keys_of(text: str) -> dict[str, Any] | None:
    """A pasted JWK Set, or None if it is no JSON object. Auth looks at its keys."""
    try:
        value = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return None
    return value if isinstance(value, dict) else None


def draft(
    kind: Kind,
    *,
    name: str,
    scopes: list[str],
    redirect_uris: list[str],
    keys: dict[str, Any] | None,
    granted: Iterable[str],
) -> dict[str, Any]:
    """The body of the call. With `keys` the app authenticates with them instead of a secret. It gets the events that its scopes open, and
    of the bundles that they need those that the organisation has (`granted`).
    """
    method = "none" if kind.is_public else "private_key_jwt" if keys is not None else "client_secret_basic"
    body: dict[str, Any] = {
        "name": name,
        "grant_types": list(kind.grant_types),
        "redirect_uris": redirect_uris if kind.with_people else [],
        "requested_scopes": scopes,
        "token_endpoint_auth_method": method,
        "approved_events": events_for(scopes),
        "graphql_bundles": sorted({one.bundle for one in lacking(scopes, (), granted) if one.is_granted}),
    }
    return body | ({"jwks": keys} if method == "private_key_jwt" else {})
