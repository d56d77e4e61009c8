"""Numbers, orders of states and names that texts of the documentation state are those of the code."""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from deploy.docs import contract
from deploy.docs.site import figures
from services.auth.apps.models import ServiceTokenDraft
from services.auth.apps.rules import LIVE_SECRETS
from services.auth.sandboxes.endpoints import MOST_RESETS, MOST_SCENARIOS
from services.auth.sandboxes.models import MOST_ADVANCED
from services.auth.tasks import KEPT
from services.control_plane.packages.models import MAX_CONTENT
from services.epcr.records import amend
from services.graphql_api.incidents import lifecycle
from services.webhook_dispatcher.history import overview
from services.webhook_dispatcher.history import queries as history
from services.webhook_dispatcher.notices import mail_queries
from services.webhook_dispatcher.subscriptions import earlier
from shared.messaging.event_types import catalogue
from shared.operators.endpoints import WAITING
from shared.storage import audit_watch
from shared.trail import exporting
from shared.trail import queries as trail
from shared.web.routing import Operation

ROOT = Path(__file__).resolve().parents[2]
GUIDES = sorted((ROOT / "deploy" / "docs" / "guides").rglob("*.md"))
DAY = 86_400
WEBHOOKS = figures.WEBHOOKS


def days_of(table: str) -> int:
    return int(next(one.days for one in KEPT if one.table == table))


CLAIMS: list[tuple[str, str, tuple[int, ...]]] = [
    ("rotateAppSecret", "At most {} secrets are live", (LIVE_SECRETS.most,)),
    ("updateWebhook", "for {} hours", (earlier.OVERLAP_HOURS,)),
    ("updateWebhook", "At most {} sign", (earlier.MOST,)),
    ("rotateSigningKey", "At most {} keys sign", (earlier.MOST,)),
    ("mintServiceToken", "Lives {} hours", (ServiceTokenDraft().expires_in // 3600,)),
    ("mintServiceToken", "{} days at most", (figures.figures()["service_token_days"],)),
    ("resetSandbox", "At most {} times a day", (MOST_RESETS,)),
    ("resetSandbox", "was reset {} times today", (MOST_RESETS,)),
    ("runScenario", "At most {} between two resets", (MOST_SCENARIOS,)),
    ("runScenario", "had {} scenarios", (MOST_SCENARIOS,)),
    ("advanceSandboxClock", "At most {} days between", (MOST_ADVANCED // DAY,)),
    ("advanceSandboxClock", "is {} days ahead", (MOST_ADVANCED // DAY,)),
    ("listInvitations", "until {} days after", (days_of("invitations"),)),
    ("listAppEvents", "the last {} days", (days_of("app_events"),)),
    ("listEvents", "kept for {} days", (WEBHOOKS["webhook_retention_days"],)),
    (
        "replaceWebhookContacts",
        "at most {} mails a day, an organisation {}",
        (mail_queries.OF_APP, mail_queries.OF_TENANT),
    ),
    ("listAllDeliveries", "at {} deliveries or fewer", (overview.LOOKED,)),
    ("listDeliveries", "looks at {} deliveries", (history.LOOKED,)),
    ("registerSigningKey", "at most {} live ones", (figures.PLATFORM["most_signing_keys"],)),
    ("registerSigningKey", "there are {} already", (figures.PLATFORM["most_signing_keys"],)),
    ("uploadPackageContent", "At most {} MiB", (MAX_CONTENT >> 20,)),
    ("listAuditEntries", "looks through {} entries", (trail.WINDOW,)),
    ("getAuditVerification", "at most {} days apart", (audit_watch.PASS_DAYS,)),
    ("exportAuditEntries", "at most {} entries", (exporting.MOST,)),
    ("createOperatorAct", "{} acts of the service wait", (WAITING.most,)),
]
NUMBER = r"\d[\d,.]*"
CAPPED = re.compile(
    rf"(?:\b[Aa]t most|\bthere are|\bhad|\breset) ({NUMBER})\b(?! %)|\b({NUMBER}) (?:\w+ )?(?:wait\b|at most)|\bkept for ({NUMBER})\b"
)


def texts_of(one: Operation) -> list[str]:
    return [one.description, *one.refusals.values()]


def test_the_limits_in_the_texts_of_calls_are_those_of_the_code() -> None:
    """Each text that names a limit is compared: one without a row here is a fault too."""
    calls = {one.name: one for part in contract.PARTS for one in part.operations}
    faults: list[str] = []
    for name, claim, numbers in CLAIMS:
        stated = claim.format(*(f"{number:,}" for number in numbers))
        if not any(stated in text for text in texts_of(calls[name])):
            faults.append(f"{name} does not say: {stated}")
    for name, call in calls.items():
        known = [re.escape(claim).replace(r"\{\}", NUMBER) for named, claim, _ in CLAIMS if named == name]
        for text in texts_of(call):
            rest = re.sub("|".join(known), "", text) if known else text
            faults += [f"{name}: nothing compares: {found[0]}" for found in CAPPED.finditer(rest)]
    assert faults == []


def test_an_italian_text_has_the_numbers_of_the_english_one() -> None:
    words = msgspec.json.decode((ROOT / "deploy" / "docs" / "italian.json").read_bytes(), type=dict[str, str])
    faults = [
        f"{english} / {italian}" for english, italian in words.items() if numbers_of(english) != numbers_of(italian)
    ]
    assert faults == []


def numbers_of(text: str) -> list[str]:
    """The whole numbers in a text, with the thousands of either language joined. Those in code and names are compared as they are."""
    joined = re.sub(r"(?<=\d)[.,](?=\d{3}\b)", "", text)
    return sorted(re.findall(r"(?<![\w.])\d+(?![\w.]*\d)", joined))


# --- Orders of states ---------------------------------------------------------------------------------------------------------


class Machine(NamedTuple):
    """The states of something, and those that may follow each."""

    name: str
    next: dict[Any, frozenset[Any]]


MACHINES = (Machine("encounter", dict(amend.NEXT)), Machine("incident", dict(lifecycle.NEXT)))
JOINING = r"(?:\s*(?:→|->)\s*|,? (?:over|to|then|then to|per|a|poi|poi a) )"
ORDER = re.compile(rf"`\w+`(?:{JOINING}`\w+`)+")


def orders(text: str) -> Iterator[list[str]]:
    """The sequences of states in a text: `a` over `b` to `c`, or with arrows."""
    for found in ORDER.finditer(text):
        yield re.findall(r"`(\w+)`", found[0])


def test_every_order_of_states_in_a_text_is_one_that_the_service_takes() -> None:
    faults: list[str] = []
    seen: list[str] = []
    texts = [*GUIDES, *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "services").glob("*/README.md"))]
    for path in (*texts, ROOT / "README.md", *(ROOT / "clients").glob("*/README.md")):
        for states in orders(path.read_text()):
            possible = [machine for machine in MACHINES if set(states) <= machine.next.keys()]
            if not possible:
                continue
            seen.append(f"{path.parent.name}/{path.name}")
            if not any(
                all(after in machine.next[before] for before, after in pairwise(states)) for machine in possible
            ):
                faults.append(f"{path.relative_to(ROOT)}: {' → '.join(states)}")
    assert faults == []
    assert {"en/cad-to-epcr.md", "it/cad-to-epcr.md"} <= set(seen)


# --- Names --------------------------------------------------------------------------------------------------------------------

SCOPE = re.compile(r"`((?:argus|platform|webhooks):[a-z:_]+)`")
EVENT = re.compile(r"`((?:incident|epcr|device|webhook|delivery|app|integration_request)\.[a-z_]+(?:\.[a-z_]+)*)`")
CALL = re.compile(r"`(GET|POST|PUT|PATCH|DELETE) (/[^\s`?]+)`")


def test_every_scope_event_type_and_call_that_a_guide_names_is_in_the_contract() -> None:
    scopes, types = set(contract.SCOPES), set(catalogue())
    calls = {(one.method, re.sub(r"\{[^}]*\}", "{}", one.path)) for part in contract.PARTS for one in part.operations}
    faults: list[str] = []
    number = 0
    for path in GUIDES:
        text = path.read_text()
        where = path.relative_to(ROOT)
        for scope in SCOPE.findall(text):
            number += 1
            if scope not in scopes:
                faults.append(f"{where}: no scope {scope}")
        for name in EVENT.findall(text):
            number += 1
            if name not in types:
                faults.append(f"{where}: no event type {name}")
        for method, address in CALL.findall(text):
            number += 1
            if (method, re.sub(r"\{[^}]*\}", "{}", address)) not in calls:
                faults.append(f"{where}: no call {method} {address}")
    assert faults == []
    assert number > 20
