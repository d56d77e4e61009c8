"""Fields of forms and addresses as the API takes them. Pure."""

import json
import re
from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from services.console.pages.texts import Texts
from services.console.pages.visit import Fault, Form
from shared.messaging.event_types import catalogue

SECRET_BYTES = 24
MOST_JSON = 32_768
MOST_PACE = 1000
AGO = {"1h": timedelta(hours=1), "24h": timedelta(days=1), "7d": timedelta(days=7), "30d": timedelta(days=30)}
_LOCAL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?")


def secret_of(mac: bytes) -> str:
    """A secret as Standard Webhooks writes it, of a MAC that nobody else can compute."""
    return "whsec_" + b64encode(mac[:SECRET_BYTES]).decode()


def time_of(text: str) -> str | None:
    """A time of a `datetime-local` field, which is in UTC here, as RFC 3339; None for another text."""
    if not _LOCAL.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC).isoformat().replace("+00:00", "Z")
    except ValueError:
        return None


def time_ago(period: str) -> str:
    """The beginning of a period of `AGO` that ends now."""
    return (datetime.now(UTC) - AGO[period]).isoformat(timespec="seconds").replace("+00:00", "Z")


def moment_of(text: str) -> str | None:
    """A text that `time_ago` has made; None for another one."""
    return text if time_of(text.removesuffix("Z")) == text else None


def filter_of(text: str, t: Texts) -> tuple[Any, Fault | None]:
    """A filter as JSON; None of an empty text. Deeper than the parser goes is a fault too."""
    if not text:
        return None, None
    if len(text) > MOST_JSON:
        return None, Fault("filter", t("filter_too_long"))

    def refuse(constant: str) -> Any:
        raise ValueError(constant)

    try:
        return json.loads(text, parse_constant=refuse), None
    except (ValueError, RecursionError):
        return None, Fault("filter", t("filter_not_json"))


def shown_filter(value: Any) -> str:
    return "" if value is None else json.dumps(value, indent=2, ensure_ascii=False)


def is_trace(text: str) -> bool:
    return re.fullmatch(r"[0-9a-f]{32}", text) is not None


def pace_of(text: str) -> int | None:
    """Deliveries a second, or None for a text that is no such number."""
    is_number = text.isascii() and text.isdigit() and len(text) < 5
    return int(text) if is_number and 1 <= int(text) <= MOST_PACE else None


def is_web_address(text: str) -> bool:
    """Whether it is https or http with a host. The dispatcher looks closer, and takes http on a laptop alone."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("https", "http") and bool(parts.hostname)


def settings_of(form: Form, t: Texts) -> tuple[dict[str, Any], list[Fault]]:
    """The fields of the form of a webhook, but for its app, secret and headers; and the faults that the form itself finds."""
    faults: list[Fault] = []
    if not form("url"):
        faults.append(Fault("url", t("fault_url")))
    elif not is_web_address(form("url")):
        faults.append(Fault("url", t("fault_address")))
    events = form.every("events")
    if not events:
        faults.append(Fault("events", t("fault_events")))
    pace = pace_of(form("max_per_second")) if form("max_per_second") else None
    if form("max_per_second") and pace is None:
        faults.append(Fault("max_per_second", t("fault_pace")))
    fields: dict[str, Any] = {
        "url": form("url"),
        "events": events,
        "payload": "thin" if form("payload") == "thin" else "full",
        "max_per_second": pace,
        "description": form("description") or None,
    }
    return fields, faults


def types_of(t: Texts, approved: Sequence[str] | None) -> list[tuple[str, str, str]]:
    """The event types as boxes: name, sentence, name. Only approved ones, if it is known which are.

    Those of the state of apps and webhooks come last."""
    found: list[tuple[str, str, str]] = []
    for kind in sorted(catalogue().values(), key=lambda kind: kind.with_moved_times):
        if approved is None or is_approved(kind.type, approved):
            text = kind.italian.get(kind.description, kind.description) if t.language == "it" else kind.description
            found.append((kind.type, text, kind.type))
    return found


def is_approved(name: str, patterns: Sequence[str]) -> bool:
    """`*`, a name, or a beginning with `.*`."""
    return any(
        pattern in ("*", name) or (pattern.endswith(".*") and name.startswith(pattern[:-1])) for pattern in patterns
    )
