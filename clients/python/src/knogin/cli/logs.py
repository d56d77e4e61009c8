"""`logs tail`: refused token calls of the app, and deliveries that fail."""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from .. import problems
from ..errors import APIError, ConnectionFailed
from .deliveries import moment, webhooks_of
from .failures import Failure
from .output import Output, at
from .session import Session

EVERY_SECONDS = 3.0
# A call that began earlier may be listed this much later.
OVERLAP = timedelta(seconds=30)
MOST_REMEMBERED = 20_000
# Of one webhook and state, the newest ones.
MOST_FAILING = 100
UNHAPPY = ("failed", "retrying")


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    logs = commands.add_parser("logs", help="follow what the platform refused")
    kinds = logs.add_subparsers(dest="kind", metavar="COMMAND", required=True)
    tail = kinds.add_parser(
        "tail",
        help="refused token calls and failing deliveries of the app, as they happen",
        epilog="""examples:
  knogin logs tail
  knogin logs tail --since 1h --no-follow --json

Refused calls are those for tokens. A call that a service refuses has its reason in the answer, and is not listed. Of a
delivery the latest attempt is shown, and of each webhook the newest 100 that fail.""",
    )
    tail.add_argument("--since", type=moment, metavar="TIME", help="begin then: 2h, 3d, or a time (default: now)")
    tail.add_argument("--no-follow", action="store_true", help="end when all is shown")
    tail.add_argument("--app", help="default: the app you are signed in with; another needs platform:apps")
    tail.set_defaults(run=tail_command)


def tail_command(arguments: argparse.Namespace, session: Session, output: Output) -> int:
    app = arguments.app or session.claims().client_id
    since = arguments.since or datetime.now(UTC)
    seen: dict[tuple[Any, ...], None] = {}
    deliveries = not arguments.app or arguments.app == session.claims().client_id
    reachable, begun = True, False
    while True:
        started = datetime.now(UTC)
        try:
            entries = sorted(_entries(session, app, since, with_deliveries=deliveries), key=lambda entry: entry["at"])
        except (ConnectionFailed, APIError) as error:
            if not _passes(error) or arguments.no_follow:
                if isinstance(error, problems.Unauthorized) and session.renew():
                    continue
                raise
            if reachable:
                output.complain("The platform does not answer; trying again.", "warn")
            reachable = False
            time.sleep(EVERY_SECONDS)
            continue
        if not begun and not arguments.no_follow:
            output.say(f"Following {app} since {at(since)}. Ctrl-C ends it.", "quiet")
        elif not reachable:
            output.say("The platform answers again.", "good")
        begun = reachable = True
        for entry in entries:
            _show(entry, seen, output)
        if arguments.no_follow:
            return 0
        since = max(since, started - OVERLAP)
        while len(seen) > MOST_REMEMBERED:
            del seen[next(iter(seen))]
        time.sleep(EVERY_SECONDS)


def _passes(error: Exception) -> bool:
    return isinstance(error, ConnectionFailed) or (
        isinstance(error, APIError) and (error.status >= 500 or error.status == 429)
    )


def _show(entry: dict[str, Any], seen: dict[tuple[Any, ...], None], output: Output) -> None:
    key = (entry["kind"], entry["id"], entry.get("attempt"))
    if key in seen:
        return
    seen[key] = None
    if output.as_json:
        output.json(entry | {"at": entry["at"].isoformat()})
        return
    word = output.styled(entry["what"].ljust(18), "bad" if entry["kind"] == "refused" else "warn")
    output.line(f"{at(entry['at'])}  {word}  {entry['text']}  trace {entry['trace_id'] or '-'}")


def _entries(session: Session, app: str, since: datetime, *, with_deliveries: bool) -> Iterator[dict[str, Any]]:
    """All since then, in no order."""
    for event in session.client.apps.list_app_events(app):
        if event.at < since:
            break
        yield {
            "kind": "refused",
            "id": event.id,
            "at": event.at,
            "what": event.kind,
            "text": event.reason,
            "trace_id": event.trace_id,
        }
    if not with_deliveries:
        return
    try:
        webhooks = webhooks_of(session, None)
    except (Failure, problems.Forbidden):
        return
    for webhook in webhooks:
        for status in UNHAPPY:
            found = session.client.webhooks.list_deliveries(webhook, status=status, limit=MOST_FAILING)
            for delivery in itertools.islice(found, MOST_FAILING):
                if delivery.attempted_at is not None and delivery.attempted_at >= since:
                    yield _failing(webhook, delivery)


def _failing(webhook: str, delivery: Any) -> dict[str, Any]:
    answer = delivery.response_status or delivery.error or "no answer"
    then = f"again at {at(delivery.next_attempt_at)}" if delivery.next_attempt_at else "given up"
    return {
        "kind": "delivery",
        "id": delivery.id,
        "attempt": delivery.attempt,
        "at": delivery.attempted_at,
        "what": f"delivery {delivery.status}",
        "text": f"{delivery.event_type} {delivery.id} to {webhook}: {answer}, attempt {delivery.attempt}, {then}",
        "trace_id": delivery.trace_id,
    }
