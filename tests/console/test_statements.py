"""Sentences of pages that say "nobody", "none", "no" or "all": each is there where it is true, and gone with a counter-example."""

import re
from collections.abc import Iterable
from html import unescape
from pathlib import Path
from typing import Any, NamedTuple, get_args

from deploy.local.table import ROOT
from services.auth.requests.models import Capability
from services.auth.requests.models import Status as RequestStatus
from services.console.operations import seen
from services.console.pages import texts
from services.console.webhooks import words
from services.epcr.records.models import Status as EncounterStatus
from services.webhook_dispatcher.history.models import DeliveryStatus
from shared.operators.models import Action, State
from tests.console.answers import operators as of_operators
from tests.console.answers import webhooks as of_webhooks
from tests.console.answers.audit import NOW, entry
from tests.console.conftest import Console
from tests.console.platform import Answer

SEEN = NOW.isoformat()
DOWN = Answer({"detail": "Down"}, 503)
STOP, WEBHOOK, AUTOMATION = of_operators.STOP, of_operators.WEBHOOK, of_operators.AUTOMATION
OPERATIONS = "GET /v1/operations"
LISTS = {
    "tenants": f"{OPERATIONS}/auth/tenants",
    "stopped_tenants": f"{OPERATIONS}/webhook-dispatcher/stopped-tenants",
    "stopped_webhooks": f"{OPERATIONS}/webhook-dispatcher/stopped-webhooks",
    "stopped_automations": f"{OPERATIONS}/control-plane/stopped-automations",
}
NONE_STOPPED = {call: {name: [], "next_cursor": None} for name, call in LISTS.items()}
BACKLOG = {
    "service": "epcr",
    "measured_at": SEEN,
    "consumers": [],
    "failing_messages": 0,
    "dead_letters": 0,
    "unsealed_entries": 0,
    "unsealed_seconds": 0.0,
    "own": [],
}
CALM = of_webhooks.webhook(unapproved_events=[], failing_since=None, slowed_until=None)
NO_TRAFFIC = {"last_hour": of_webhooks.NONE, "last_day": of_webhooks.NONE, "last_week": of_webhooks.NONE}
ONE_WEBHOOK = f"GET /v1/webhooks/{of_webhooks.WEBHOOK}"
HEALTH = {
    "state": "untried",
    "summary": "",
    "last_success_at": None,
    "failures_in_a_row": 0,
    "last_error": None,
    "failing_since": None,
    "next_attempt_at": None,
    "waiting": 0,
    "statistics": NO_TRAFFIC,
}
BOOKS = {
    "accepted": 10,
    "delivered": 9,
    "pending": 1,
    "given_up": 0,
    "first_sequence": 1,
    "last_sequence": 10,
    "complete": True,
}
FRONT = {
    "GET /v1/platform/apps": {"apps": [], "next_cursor": None},
    "GET /v1/platform/ending-credentials": {"credentials": [], "certificates": []},
    "GET /v1/platform/integration-requests": {"integration_requests": [], "next_cursor": None},
    "GET /v1/webhooks": {"webhooks": [], "next_cursor": None},
    f"{OPERATIONS}/auth/integration-requests": {"integration_requests": [], "next_cursor": None},
}
HOLDS = {"service": "epcr", "state": "holds", "checked_at": SEEN, "sealed_until": SEEN, "head": "9f" * 32}


class Statement(NamedTuple):
    """`against` are the answers of the counter-examples, by their names."""

    path: str
    sentence: str
    true_of: dict[str, Any]
    against: dict[str, dict[str, Any]]


def listed(name: str, *rows: Any, more: str | None = None) -> dict[str, Any]:
    return {LISTS[name]: {name: list(rows), "next_cursor": more}}


def front(call: str, body: Any) -> dict[str, Any]:
    return {f"GET {call}": body}


STATEMENTS = {
    "nothing stopped": Statement(
        "/operators/switches",
        "No organisation is suspended, and operators keep no deliveries",
        NONE_STOPPED,
        {
            "a suspended organisation": listed("tenants", of_operators.tenant(status="suspended")),
            "stopped deliveries": listed("stopped_tenants", STOP | {"stopped_at": SEEN}),
            "a stopped webhook": listed("stopped_webhooks", WEBHOOK),
            "a stopped automation": listed("stopped_automations", AUTOMATION),
            "a further page": listed("stopped_webhooks", more="abc"),
            **{f"{name} does not answer": {call: DOWN} for name, call in LISTS.items()},
        },
    ),
    "no message waits": Statement(
        "/operators/services/epcr",
        "No message waits for a consumer",
        {"GET /v1/operations/{service}/backlog": BACKLOG},
        {
            "not measured": {"GET /v1/operations/{service}/backlog": BACKLOG | {"measured_at": None}},
            "one waits": {"GET /v1/operations/{service}/backlog": BACKLOG | {"consumers": [of_operators.WAITING]}},
        },
    ),
    "no dead letters": Statement(
        "/operators",
        '<span class="tag good">none</span>',
        {"GET /v1/operations/{service}/backlog": BACKLOG},
        {
            "not measured": {"GET /v1/operations/{service}/backlog": BACKLOG | {"measured_at": None}},
            "one": {"GET /v1/operations/{service}/backlog": BACKLOG | {"dead_letters": 1}},
        },
    ),
    "no request to decide": Statement(
        "/operators",
        "No organisation waits for a decision",
        FRONT,
        {"no answer": {f"{OPERATIONS}/auth/integration-requests": DOWN}},
    ),
    "an untried receiver": Statement(
        f"/webhooks/{of_webhooks.WEBHOOK}",
        '<span class="tag off">no events in 7 days',
        {ONE_WEBHOOK: CALM, f"{ONE_WEBHOOK}/health": HEALTH},
        {
            "a test that it took": {f"{ONE_WEBHOOK}/health": HEALTH | {"last_test_at": SEEN}},
            "an event that it took": {f"{ONE_WEBHOOK}/health": HEALTH | {"last_success_at": SEEN}},
        },
    ),
    "every delivery accounted for": Statement(
        f"/webhooks/{of_webhooks.WEBHOOK}/books",
        "none is missing</span>",
        {f"{ONE_WEBHOOK}/reconciliation": BOOKS},
        {
            "one is missing": {f"{ONE_WEBHOOK}/reconciliation": BOOKS | {"delivered": 8}},
            "not all counted": {f"{ONE_WEBHOOK}/reconciliation": BOOKS | {"complete": False}},
            "no answer": {f"{ONE_WEBHOOK}/reconciliation": DOWN},
        },
    ),
    "tried again": Statement(
        f"/webhooks/{of_webhooks.WEBHOOK}/deliveries/{of_webhooks.DELIVERY}",
        "It is tried again by itself",
        {ONE_WEBHOOK: CALM},
        {
            "an operator's stop": {
                ONE_WEBHOOK: CALM | {"enabled": False, "disabled_reason": "stopped_by_operator", "disabled_at": SEEN}
            },
            "stopped deliveries": {ONE_WEBHOOK: CALM | {"deliveries_stopped": True}},
            "a disabled app": {ONE_WEBHOOK: CALM | {"paused": True}},
        },
    ),
    "nobody gets mail": Statement(
        f"/webhooks/{of_webhooks.WEBHOOK}",
        "Nobody gets mail",
        {"GET /v1/webhooks/contacts": {"emails": []}},
        {
            "a contact": {"GET /v1/webhooks/contacts": {"emails": ["ops@riviera.example"]}},
            "no answer": {"GET /v1/webhooks/contacts": DOWN},
        },
    ),
    "all trails hold": Statement(
        "/audit/check",
        "The trails of all services are unchanged",
        {"GET /v1/audit/{service}/verification": HOLDS},
        {
            "a broken one": {"GET /v1/audit/{service}/verification": HOLDS | {"state": "broken"}},
            "an unchecked one": {"GET /v1/audit/{service}/verification": HOLDS | {"state": "unchecked"}},
            "no answer": {"GET /v1/audit/{service}/verification": DOWN},
        },
    ),
    "no entry": Statement(
        "/audit?actor=usr_1",
        "No entry matches",
        {"GET /v1/audit/{service}": {"entries": [], "next_cursor": None}},
        {
            "one": {"GET /v1/audit/{service}": {"entries": [entry(1)], "next_cursor": None}},
            "a further page": {"GET /v1/audit/{service}": {"entries": [], "next_cursor": "abc"}},
            "no answer": {"GET /v1/audit/{service}": DOWN},
        },
    ),
    "nothing needs anybody": Statement(
        "/",
        "No decision waits, no webhook fails, nothing ends soon, and no app was refused",
        FRONT,
        {
            "more apps than it reads": front("/v1/platform/apps", {"apps": [], "next_cursor": "abc"}),
            "a stopped webhook": front(
                "/v1/webhooks",
                {
                    "webhooks": [
                        CALM | {"enabled": False, "disabled_reason": "stopped_by_operator", "disabled_at": SEEN}
                    ],
                    "next_cursor": None,
                },
            ),
            "stopped deliveries": front(
                "/v1/webhooks", {"webhooks": [CALM | {"deliveries_stopped": True}], "next_cursor": None}
            ),
            "an event without approval": front(
                "/v1/webhooks", {"webhooks": [CALM | {"unapproved_events": ["incident.closed"]}], "next_cursor": None}
            ),
            **{f"{call} does not answer": {call: DOWN} for call in FRONT},
        },
    ),
}


def test_no_sentence_of_none_or_all_survives_its_counter_example(console: Console) -> None:
    browser, faults = console.signed_in(), list[str]()
    for name, one in STATEMENTS.items():
        for case, answers in {"true": {}, **one.against}.items():
            console.platform.overrides.clear()
            console.platform.overrides |= one.true_of | answers
            page = browser.get(one.path)
            if page.status_code != 200:
                faults.append(f"{name}, {case}: the page answers {page.status_code}")
            elif (one.sentence in unescape(page.text)) is not (case == "true"):
                faults.append(f"{name}, {case}: the page {'lacks' if case == 'true' else 'has'} the sentence")
    assert not faults, "\n".join(faults)


SENDING = ROOT / "services" / "webhook_dispatcher"
CODES = re.compile(r"""["']([a-z]+_[a-z_]+|redirect|timeout): """)
REASONS = re.compile(
    r"""["']reason["']: ["']([a-z_]+)["']|disable\([^)]*?, ["']([a-z]+)["'], |STOPPED = ["']([a-z_]+)["']"""
)


def found_in(pattern: re.Pattern[str], folder: Path) -> set[str]:
    texts = "\n".join(path.read_text() for path in sorted(folder.rglob("*.py")))
    return {next(filter(None, found.groups())) for found in pattern.finditer(texts)}


def test_every_code_that_pages_show_has_words_in_both_languages() -> None:
    """The codes are read from the code that answers them; a new one fails here."""
    reasons, errors = found_in(REASONS, SENDING), found_in(CODES, SENDING / "sending")
    assert {"requested", "failing", "gone", "stopped_by_operator"} <= reasons, reasons
    assert {"http_status", "address_refused", "redirect", "timeout"} <= errors, errors
    verdicts = {words.verdict_of(500 if code == "http_status" else None, f"{code}: x") for code in errors}
    capabilities, statuses = get_args(Capability), get_args(RequestStatus)
    wanted: dict[tuple[str, str], Iterable[str]] = {
        ("webhooks", "why_disabled"): reasons,
        ("overview", "disabled"): reasons,
        ("webhooks", "verdict"): verdicts,
        ("webhooks", "todo"): verdicts,
        ("webhooks", "status"): get_args(DeliveryStatus),
        ("operators", "action"): get_args(Action),
        ("operators", "ask_title"): get_args(Action),
        ("operators", "consequence"): get_args(Action),
        ("operators", "act_state"): get_args(State),
        ("operators", "capability"): capabilities,
        ("operators", "request_status"): statuses,
        ("overview", "capability"): capabilities,
        ("operations", "call_of"): seen.CALLS,
        ("operations", "encounter_status"): get_args(EncounterStatus),
    }
    faults = [
        f"{code} is unknown"
        for code in sorted(errors)
        if words.verdict_of(None, f"{code}: x") == "unknown" and code != "http_status"
    ]
    for language in texts.LANGUAGES:
        for (area, prefix), codes in wanted.items():
            known = texts.Texts(language, area)
            faults += [f"{area}.{prefix}.{code} in {language}" for code in codes if not known.has(f"{prefix}.{code}")]
    assert not faults, "\n".join(faults)
