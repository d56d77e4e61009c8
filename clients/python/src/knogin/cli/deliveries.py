"""`deliveries`, `trigger` and `apps`."""

from __future__ import annotations

import argparse
import heapq
import itertools
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from .. import models, problems
from .failures import REFUSED, USAGE, Failure
from .output import Output, ago, at
from .session import Session, members

_SINCE = re.compile(r"([0-9]{1,6})(s|min|m|h|d)")
_UNITS = {"s": "seconds", "m": "minutes", "min": "minutes", "h": "hours", "d": "days"}
STATES = ("failed", "queued", "retrying", "succeeded")
MOST_WEBHOOKS = 50
FASTEST = 100
POLL_SECONDS = 2.0


def moment(text: str) -> datetime:
    """A time such as 2026-11-27T08:00:00Z, or one that long ago: 15min, 2h, 3d."""
    if found := _SINCE.fullmatch(text):
        return datetime.now(UTC) - timedelta(**{_UNITS[found[2]]: int(found[1])})
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither a time (2026-11-27T08:00:00Z) nor 15min, 2h, 3d"
        ) from None
    return given if given.tzinfo else given.astimezone()


def number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= 10_000):
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to 10000")
    return int(text)


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    deliveries = commands.add_parser("deliveries", help="look at deliveries, send them again")
    kinds = deliveries.add_subparsers(dest="kind", metavar="COMMAND", required=True)
    listed = kinds.add_parser(
        "list",
        help="the newest deliveries, of all webhooks or one",
        epilog="examples:\n  knogin deliveries list --status failed --since 2h\n  knogin deliveries list --json | jq '.[].id'",
    )
    _webhook(listed)
    listed.add_argument("--status", choices=STATES)
    listed.add_argument("--type", metavar="EVENT", help="an event type, such as incident.created")
    listed.add_argument("--since", type=moment, metavar="TIME", help="2h, 3d, or a time")
    listed.add_argument("--limit", type=number, default=20, metavar="N", help="at most so many (default 20)")
    listed.set_defaults(run=list_command)
    shown = kinds.add_parser(
        "show", help="one delivery with its attempts", epilog="examples:\n  knogin deliveries show dlv_01jdk…"
    )
    shown.add_argument("delivery")
    _webhook(shown)
    shown.set_defaults(run=show_command)
    retried = kinds.add_parser(
        "retry", help="send one again, now", epilog="examples:\n  knogin deliveries retry dlv_01jdk…"
    )
    retried.add_argument("delivery")
    _webhook(retried)
    retried.set_defaults(run=retry_command)
    recovered = kinds.add_parser(
        "recover",
        help="send all given-up ones again, oldest first",
        epilog="""examples:
  knogin deliveries recover --since 6h
  knogin deliveries recover --since 2026-11-27T08:00:00Z --webhook wh_01jdk…""",
    )
    _webhook(recovered)
    recovered.add_argument("--since", type=moment, required=True, metavar="TIME", help="2h, 3d, or a time")
    recovered.set_defaults(run=recover_command)
    _add_replay(kinds)
    _add_trigger(commands)
    _add_apps(commands)


def _add_trigger(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    trigger = commands.add_parser(
        "trigger",
        help="send a test event to a webhook, and show the result",
        epilog="examples:\n  knogin trigger\n  knogin trigger epcr.encounter.completed\n  knogin trigger --webhook wh_01jdk… --json",
    )
    trigger.add_argument("event", nargs="?", help="one of the webhook's event types (default: its first)")
    _webhook(trigger)
    trigger.add_argument("--no-wait", action="store_true", help="queue it and do not wait for the answer")
    trigger.set_defaults(run=trigger_command)


def _add_apps(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    apps = commands.add_parser("apps", help="the organisation's apps")
    kinds = apps.add_subparsers(dest="kind", metavar="COMMAND", required=True)
    listed = kinds.add_parser("list", help="all apps (scope platform:apps)", epilog="examples:\n  knogin apps list")
    listed.set_defaults(run=apps_command)
    shown = kinds.add_parser("show", help="one app", epilog="examples:\n  knogin apps show app_01jdk…")
    shown.add_argument("app", nargs="?", help="default: the app you are signed in with")
    shown.set_defaults(run=app_command)


def rate(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= FASTEST):
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to {FASTEST}")
    return int(text)


def _add_replay(kinds: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    replayed = kinds.add_parser(
        "replay",
        help="send those of a period again that fit a filter, counted first",
        epilog="""examples:
  knogin deliveries replay --since 6h --status failed --dry-run
  knogin deliveries replay --since 2026-11-27T08:00:00Z --until 2026-11-27T12:00:00Z --per-second 20
  knogin deliveries replay --stop rpl_01jdk…""",
    )
    _webhook(replayed)
    replayed.add_argument("--since", type=moment, metavar="TIME", help="2h, 3d, or a time (default: the oldest kept)")
    replayed.add_argument("--until", type=moment, metavar="TIME", help="2h, 3d, or a time (default: now)")
    replayed.add_argument("--status", choices=[one for one in STATES if one != "queued"])
    replayed.add_argument("--response", choices=("2xx", "3xx", "4xx", "5xx", "none"), help="the newest answer")
    replayed.add_argument("--type", metavar="EVENT", help="an event type, such as incident.created")
    replayed.add_argument("--key", metavar="ID", help="an incident, encounter or device")
    replayed.add_argument("--per-second", type=rate, default=10, metavar="N", help=f"1 to {FASTEST} (default 10)")
    replayed.add_argument("--dry-run", action="store_true", help="count them, and send nothing")
    replayed.add_argument("--no-wait", action="store_true", help="start it, and do not follow it")
    turned = replayed.add_mutually_exclusive_group()
    turned.add_argument("--stop", metavar="REPLAY", help="stop a replay")
    turned.add_argument("--resume", metavar="REPLAY", help="go on with a stopped one")
    replayed.set_defaults(run=replay_command)


def _webhook(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--webhook", metavar="ID", help="default: all of the app, or its only one")


def webhooks_of(session: Session, named: str | None) -> list[str]:
    """The named webhook, or all of the app."""
    if named:
        return [named]
    # An administrator's token lists those of every app.
    listed = session.client.webhooks.list_webhooks(client_id=session.claims().client_id)
    found = [one.id for one in itertools.islice(listed, MOST_WEBHOOKS + 1)]
    if not found:
        raise Failure("The app has no webhook.", "Make one: https://knogin.com/api/docs#webhooks", REFUSED)
    if len(found) > MOST_WEBHOOKS:
        raise Failure(f"The app has more than {MOST_WEBHOOKS} webhooks.", "Name one: --webhook wh_…", USAGE)
    return found


def _only(session: Session, named: str | None) -> str:
    found = webhooks_of(session, named)
    if len(found) > 1:
        raise Failure("The app has several webhooks.", "Name one: --webhook " + ", --webhook ".join(found[:5]), USAGE)
    return found[0]


def newest(session: Session, webhooks: list[str], **filters: Any) -> Iterator[tuple[str, models.webhooks.Delivery]]:
    """The deliveries of all these webhooks, newest first."""
    lists = [
        ((webhook, delivery) for delivery in session.client.webhooks.list_deliveries(webhook, **filters))
        for webhook in webhooks
    ]
    return heapq.merge(*map(_bound, lists), key=lambda pair: pair[1].created_at, reverse=True)


def _bound(pairs: Iterator[tuple[str, models.webhooks.Delivery]]) -> Iterator[tuple[str, models.webhooks.Delivery]]:
    yield from pairs


def list_command(arguments: argparse.Namespace, session: Session, output: Output) -> int:
    found = newest(
        session,
        webhooks_of(session, arguments.webhook),
        status=arguments.status,
        event_type=arguments.type,
        since=arguments.since,
        limit=min(arguments.limit, 100),
    )
    rows = list(itertools.islice(found, arguments.limit))
    if output.as_json:
        output.json([{"webhook_id": webhook} | members(delivery) for webhook, delivery in rows])
        return 0
    if not rows:
        output.say("No delivery matches. A webhook gets one when an event of its types happens, or by: knogin trigger")
        return 0
    output.table(
        ["delivery", "event", "state", "answer", "attempt", "made", "webhook"],
        (
            [one.id, one.event_type, one.status, _answer(one), str(one.attempt), ago(one.created_at), webhook]
            for webhook, one in rows
        ),
    )
    return 0


def _answer(delivery: models.webhooks.Delivery) -> str:
    return str(delivery.response_status or ("-" if not delivery.error else "none"))


def find(session: Session, delivery_id: str, named: str | None) -> tuple[str, models.webhooks.DeliveryHistory]:
    """The delivery and its webhook, which need not be named."""
    for webhook in webhooks_of(session, named):
        try:
            return webhook, session.client.webhooks.get_delivery(webhook, delivery_id)
        except problems.NotFound:
            continue
    raise Failure(f"There is no delivery {delivery_id} of this app.", "See: knogin deliveries list")


def show_command(arguments: argparse.Namespace, session: Session, output: Output) -> int:
    webhook, found = find(session, arguments.delivery, arguments.webhook)
    if output.as_json:
        output.json({"webhook_id": webhook} | members(found))
        return 0
    output.fields(
        {
            "delivery": found.id,
            "webhook": webhook,
            "event": f"{found.event_type} {found.event_id}",
            "state": found.status + (f": {found.error}" if found.error else ""),
            "made": at(found.created_at),
            "next attempt": at(found.next_attempt_at),
            "trace": found.trace_id or "-",
        }
    )
    for attempt in found.attempts:
        outcome = str(attempt.response_status or attempt.error or "no answer")
        good = attempt.response_status is not None and 200 <= attempt.response_status < 300
        output.line(
            f"\n{output.styled(f'attempt {attempt.number}', 'good' if good else 'bad')}  {at(attempt.attempted_at)}"
            f"  {attempt.duration_ms:.0f} ms  {attempt.url}"
        )
        output.line(f"  {outcome}  trace {attempt.trace_id or '-'}")
        for text in (attempt.response_body or "").splitlines()[:10]:
            output.line(f"  | {text[:200]}")
    if found.request_body:
        output.line(f"\n{found.request_body}")
    return 0


def retry_command(arguments: argparse.Namespace, session: Session, output: Output) -> int:
    webhook, _ = find(session, arguments.delivery, arguments.webhook)
    queued = session.client.webhooks.retry_delivery(webhook, arguments.delivery)
    if output.as_json:
        output.json(members(queued))
    else:
        output.say("It is sent again now.", "good")
        output.say(f"See the result: knogin deliveries show {arguments.delivery}", "quiet")
    return 0


def recover_command(arguments: argparse.Namespace, session: Session, output: Output) -> int:
    results: dict[str, Any] = {}
    with output.waiting("Taking back given-up deliveries"):
        for webhook in webhooks_of(session, arguments.webhook):
            results[webhook] = session.client.webhooks.recover_deliveries(webhook, since=arguments.since)
    if output.as_json:
        output.json({webhook: members(result) for webhook, result in results.items()})
        return 0
    for webhook, result in results.items():
        more = "; more are taken back in the background" if result.gathering else ""
        output.say(f"{webhook}: {result.queued} given-up and {result.hastened} waiting are sent again{more}.")
    output.say("They go oldest first, at a rising rate. Watch: knogin deliveries list --status retrying", "quiet")
    return 0


def replay_command(arguments: argparse.Namespace, session: Session, output: Output) -> int:
    webhook = _only(session, arguments.webhook)
    calls = session.client.webhooks
    if arguments.stop or arguments.resume:
        turn = calls.stop_replay if arguments.stop else calls.resume_replay
        return _show_replay(turn(webhook, arguments.stop or arguments.resume), output)
    draft = models.webhooks.ReplayDraft(
        status=arguments.status,
        response=arguments.response,
        event_type=arguments.type,
        key=arguments.key,
        since=arguments.since,
        until=arguments.until,
        per_second=arguments.per_second,
    )
    made = calls.start_replay(webhook, draft, dry_run=arguments.dry_run)
    if isinstance(made, models.webhooks.ReplayCounted):
        if output.as_json:
            output.json(members(made))
        else:
            output.say(f"{'At least ' if made.more else ''}{made.matching} deliveries would be sent again.")
        return 0
    if not arguments.no_wait:
        with output.waiting(f"Sending again ({made.id}; Ctrl-C leaves it running)"):
            while made.state == "running":
                time.sleep(POLL_SECONDS)
                made = calls.get_replay(webhook, made.id)
    return _show_replay(made, output)


def _show_replay(replay: models.webhooks.Replay, output: Output) -> int:
    if output.as_json:
        output.json(members(replay))
        return 0
    of = f"more than {replay.matching}" if replay.more else str(replay.matching)
    output.say(
        f"{replay.id} {replay.state}: {replay.done} of {of} done, {replay.delivered} delivered, {replay.failed} failed,"
        f" {replay.skipped} skipped"
    )
    if replay.state == "running":
        output.say(f"Stop it: knogin deliveries replay --webhook {replay.webhook_id} --stop {replay.id}", "quiet")
    return 0


def trigger_command(arguments: argparse.Namespace, session: Session, output: Output) -> int:
    webhook = _only(session, arguments.webhook)
    with output.waiting(f"Sending a test event to {webhook}"):
        result = session.client.webhooks.send_test_webhook(
            webhook, wait=not arguments.no_wait, event_type=arguments.event
        )
    if output.as_json:
        output.json(members(result))
    elif isinstance(result, models.webhooks.Queued):
        output.say(f"Queued as {result.delivery_id}. See: knogin deliveries show {result.delivery_id}")
    else:
        good = result.status == "succeeded"
        output.line(output.styled(result.status, "good" if good else "bad") + f"  {result.delivery_id}")
        output.line(result.verdict)
        if result.timings_ms:
            output.line(
                "  ".join(f"{name} {value:g} ms" for name, value in result.timings_ms.items() if value is not None)
            )
    return REFUSED if isinstance(result, models.webhooks.Diagnosis) and result.status != "succeeded" else 0


def apps_command(arguments: argparse.Namespace, session: Session, output: Output) -> int:
    apps = list(session.client.apps.list_apps())
    if output.as_json:
        output.json(members(apps))
    else:
        output.table(
            ["app", "name", "state", "grants", "made"],
            ([app.client_id, app.name, app.status, _grants(app), ago(app.created_at)] for app in apps),
        )
    return 0


def _grants(app: models.apps.App) -> str:
    return ",".join(one.rpartition(":")[2] for one in app.grant_types)


def app_command(arguments: argparse.Namespace, session: Session, output: Output) -> int:
    app = session.client.apps.get_app(arguments.app or session.claims().client_id)
    if output.as_json:
        output.json(members(app))
        return 0
    rules = app.governance
    output.fields(
        {
            "app": app.client_id,
            "name": app.name,
            "state": app.status,
            "grants": _grants(app),
            "scopes": " ".join(app.requested_scopes) or "-",
            "approved events": " ".join(rules.approved_events) or "-",
            "redirects to": " ".join(app.redirect_uris) or "-",
            "token lives": f"{rules.access_token_ttl} s",
            "records shown": rules.deidentification,
            "secrets": ", ".join(f"{one.id} last used {at(one.last_used_at)}" for one in app.secrets) or "-",
        }
    )
    return 0
