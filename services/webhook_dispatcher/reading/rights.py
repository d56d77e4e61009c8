"""The events that an app may read: those that a webhook of its own could get, by its present approvals."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from services.webhook_dispatcher.fanout import event_types
from services.webhook_dispatcher.fanout.intake import EVERY_APP
from services.webhook_dispatcher.subscriptions import approvals
from services.webhook_dispatcher.subscriptions import queries as subscription_queries
from services.webhook_dispatcher.subscriptions.models import App
from shared.messaging.event_types import with_moved_times
from shared.storage.database import AsyncConnection, first
from shared.web import problems
from shared.web.identity import Caller
from shared.web.problems import FieldError
from shared.web.strict_json import nearest


class Rights(NamedTuple):
    """An app and the types that it is approved for; `patterns` are the approvals themselves."""

    client_id: str
    types: list[str]
    patterns: list[str]

    def branches(self, wanted: Sequence[str] | None = None) -> dict[str, list[str]]:
        """The audiences and kinds that the app may read, in pairs; of the `wanted` types alone, if given."""
        types = [name for name in self.types if wanted is None or name in wanted]
        kinds = [kind for name in types for kind in event_types.kinds_of(name, self.patterns)]
        # An automation's event is for its own app.
        for_all = [(EVERY_APP, name) for name in types if name != event_types.FIRED]
        pairs = for_all + [(self.client_id, kind) for kind in kinds]
        return {"audiences": [audience for audience, _ in pairs], "kinds": [kind for _, kind in pairs]}

    def require(self, wanted: Iterable[str]) -> None:
        """Raises a 403 Problem that names the types for which the app is not approved."""
        refused = [name for name in wanted if name not in self.types]
        if refused:
            raise approvals.refusal(refused)


async def rights_of(conn: AsyncConnection, caller: Caller) -> Rights:
    """Raises a 403 Problem for an app that is disabled or deleted."""
    app = await first(conn, App, subscription_queries.FIND_APP, {"client_id": caller.client_id})
    if app is not None and app.status != "active":
        raise problems.forbidden(f"This app is {app.status}.")
    patterns = event_types.DEFAULT if app is None else app.approved_events
    types = [name for name in event_types.catalogue() if event_types.is_approved(name, patterns)]
    if caller.deidentification != "exact":
        # auth approves such an app for no other types, but its message may not have arrived yet.
        types = [name for name in types if name in with_moved_times()]
    return Rights(caller.client_id, types, patterns)


def require_known(names: Sequence[str], pointer: str) -> None:
    """Raises a 422 Problem for types that are unknown or repeated. `{}` in `pointer` is the place in the list."""
    known, reason = list(event_types.catalogue()), "not an event type of the catalogue; patterns are not taken here"
    errors = [
        FieldError(pointer.format(index), reason, "enum", allowed=known, did_you_mean=nearest(name, known))
        for index, name in enumerate(names)
        if name not in known
    ]
    repeated = (index for index, name in enumerate(names) if name in names[:index])
    errors += [FieldError(pointer.format(index), "named twice", "repeated") for index in repeated]
    if errors:
        raise problems.invalid("Event types are unknown or repeated; see errors.", errors)
