"""Every call about replays."""

from services.webhook_dispatcher.replays import endpoints
from services.webhook_dispatcher.replays.models import Replay, ReplayCounted, ReplayDraft, ReplayQuery, Replays
from services.webhook_dispatcher.subscriptions.routes import ONE, READ, WRITE
from shared.web.http import Page
from shared.web.routing import Operation

REPLAYS = f"{ONE}/replays"
REPLAY = REPLAYS + "/{replay_id}"
BUSY = {
    409: "The webhook is disabled or its app paused, another replay of it runs (`replay_id`), too many of the organisation do, or a call"
    " with this Idempotency-Key is under way"
}
OVER = {409: "The replay is finished"}

OPERATIONS = [
    Operation(
        "POST",
        REPLAYS,
        endpoints.start_replay,
        "Replay deliveries",
        WRITE,
        {201: Replay, 200: ReplayCounted},
        "Sends the deliveries of a period that fit the filter again, oldest first, under their own ids, at most `per_second`."
        " New deliveries of the webhook always go first. `?dry_run=true` counts them and sends nothing. Deliveries that were never"
        " attempted are not among them. A given-up delivery is tried again as a new one is, one that had been delivered is sent once."
        " One replay of a webhook runs at a time.",
        id="startReplay",
        body=ReplayDraft,
        query=ReplayQuery,
        headers=("Idempotency-Key",),
        refusals=BUSY,
        example={"status": "failed", "since": "2026-03-23T12:00:00Z", "per_second": 20},
    ),
    Operation(
        "GET",
        REPLAYS,
        endpoints.list_replays,
        "List replays",
        READ,
        {200: Replays},
        "Those of the webhook, newest first, with their progress: the newest 100 of the last 30 days.",
        query=Page,
    ),
    Operation(
        "GET",
        REPLAY,
        endpoints.read_replay,
        "Follow a replay",
        READ,
        {200: Replay},
        "Its progress. Poll it with `If-None-Match`: while nothing changes the answer is 304.",
        id="getReplay",
        has_etag=True,
    ),
    Operation(
        "POST",
        f"{REPLAY}/stop",
        endpoints.stop_replay,
        "Stop a replay",
        WRITE,
        {200: Replay},
        "Holds from its next step on: what it had sent to the queue, a second's deliveries at most, still goes out.",
        id="stopReplay",
        refusals=OVER,
    ),
    Operation(
        "POST",
        f"{REPLAY}/resume",
        endpoints.resume_replay,
        "Resume a replay",
        WRITE,
        {200: Replay},
        "Goes on where it was stopped.",
        id="resumeReplay",
        refusals={409: BUSY[409].partition(", or a call")[0] + "; or the replay is finished"},
    ),
]
