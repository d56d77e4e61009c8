from collections.abc import Callable

from knogin import Knogin, consume, models, problems

INBOX = "hospital-inbox"
TYPES = ["epcr.encounter.created", "epcr.encounter.completed"]


def prepare(client: Knogin) -> None:
    """Makes the consumer once. It begins with the oldest event that is kept."""
    new = models.log.NewConsumer(name=INBOX, event_types=TYPES, start="beginning")
    try:
        client.event_log.get_consumer(INBOX)
    except problems.NotFound:
        client.event_log.create_consumer(new)


def work(client: Knogin, handle: Callable[[models.log.ReadEvent], None]) -> None:
    """Handles events for ever. `done` belongs into your database."""
    done: set[str] = set()
    for event in consume(client, INBOX):
        if event.id not in done:
            handle(event)
            done.add(event.id)


def history(client: Knogin, encounter: str) -> list[str]:
    """The types of all events of an encounter, oldest first."""
    listed = client.event_log.list_events(key=encounter, order="oldest")
    return [event.type for event in listed]
