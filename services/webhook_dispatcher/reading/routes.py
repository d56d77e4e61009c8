"""Every call of the event log and its consumers."""

from services.webhook_dispatcher.reading import consumers, events, takes
from services.webhook_dispatcher.reading.consumers import PATH
from services.webhook_dispatcher.reading.models import (
    Commit,
    Committed,
    Consumer,
    Consumers,
    EventPage,
    Events,
    Extend,
    Extended,
    NewConsumer,
    ReadEvents,
    Reading,
    Seek,
    StoredEvent,
)
from services.webhook_dispatcher.subscriptions.administrators import AppPage
from services.webhook_dispatcher.subscriptions.routes import READ, UNAPPROVED, WRITE
from shared.web.routing import Operation

ONE = PATH + "/{consumer_name}"
CURSOR = "b3BhcXVl"
EXPIRED = {410: "`events-expired`: events that the consumer has not read are past their retention; seek first"}
LOST = {409: "`lease-lost`: the lease ended and another read or a seek took its place"}

OPERATIONS = [
    Operation(
        "GET",
        "/v1/events",
        events.list_events,
        "List events",
        READ,
        {200: Events},
        "The events that a webhook of the calling app could have got, by its approvals of now: whether or not there was one. They are"
        " kept for 30 days, for back-fill and for those that a receiver missed. Newest first, or with `order=oldest` in the order of"
        " acceptance. `since` (inclusive) and `until` (exclusive) are about `accepted_at`. `event_types` are separated by commas; `key`"
        " is the id of the event's subject, such as an encounter, incident or device. A page ends early after 1 MiB.",
        query=EventPage,
        refusals=UNAPPROVED,
    ),
    Operation(
        "GET",
        "/v1/events/{event_id}",
        events.read_event,
        "Read an event",
        READ,
        {200: StoredEvent},
        "By the id that `webhook-id` and deliveries name.",
    ),
    Operation(
        "GET",
        PATH,
        consumers.list_consumers,
        "List consumers",
        READ,
        {200: Consumers},
        "Those of the calling app, by name. With the scope `platform:apps` those of every app, or of the app `client_id`.",
        query=AppPage,
    ),
    Operation(
        "POST",
        PATH,
        consumers.create_consumer,
        "Create a consumer",
        WRITE,
        {201: Consumer},
        "A named reader of the app's events, for systems that nothing can send to. It begins at the `end`, at the `beginning` of those"
        " that are kept, or at the first event since a time. Without `event_types` it gets every type that the app is approved for.",
        body=NewConsumer,
        headers=("Idempotency-Key",),
        refusals=UNAPPROVED
        | {
            409: "`limit-reached`, the app has a consumer of that name, or a call with this Idempotency-Key is under way"
        },
        example={"name": "hospital-inbox", "event_types": ["incident.created", "incident.updated"]},
    ),
    Operation(
        "GET",
        ONE,
        consumers.read_consumer,
        "Inspect a consumer",
        READ,
        {200: Consumer},
        "With the events that wait for it.",
    ),
    Operation(
        "DELETE",
        ONE,
        consumers.delete_consumer,
        "Delete a consumer",
        WRITE,
        {204: None},
        "Its place is forgotten; the events stay.",
    ),
    Operation(
        "POST",
        ONE + "/read",
        takes.read_events,
        "Read the next events",
        WRITE,
        {200: Reading},
        "At least once, in the order of acceptance, and so in the order of each `key`. The events are leased to this read for"
        " `lease_seconds`: without a commit by then they are handed out again, and meanwhile any other read of this consumer waits or"
        " gets 409, but for one that names the same `reader`. With `wait` the answer comes with the first event, or empty after so"
        " many seconds.",
        id="readEvents",
        body=ReadEvents,
        body_required=False,
        refusals={409: "`consumer-in-use`: another read holds the consumer, at the latest until `leased_until`"}
        | EXPIRED,
        example={"limit": 100, "wait": 20},
    ),
    Operation(
        "POST",
        ONE + "/commit",
        takes.commit_events,
        "Commit events",
        WRITE,
        {200: Committed},
        "The event of that cursor and all before it are handled, and are not handed out again. A repeated commit changes nothing, and no"
        " commit moves the consumer back. A part of a read can be committed, which also extends its lease.",
        body=Commit,
        refusals=LOST,
        example={"cursor": CURSOR},
    ),
    Operation(
        "POST",
        ONE + "/extend",
        takes.extend_lease,
        "Extend a lease",
        WRITE,
        {200: Extended},
        "For `lease_seconds` from now. 0 gives the events back: the next read gets them at once.",
        id="extendLease",
        body=Extend,
        refusals=LOST,
        example={"cursor": CURSOR, "lease_seconds": 120},
    ),
    Operation(
        "POST",
        ONE + "/seek",
        consumers.seek_consumer,
        "Move a consumer",
        WRITE,
        {200: Consumer},
        "Forwards or backwards, to one of: `to` the `beginning` or the `end`, the first event `since` a time, or after the event of a"
        " `cursor`. A lease ends, and its events can no longer be committed.",
        id="seekConsumer",
        body=Seek,
        example={"to": "beginning"},
    ),
]
