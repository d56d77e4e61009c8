"""The checks of a webhook's fields that need no stored state. One refusal names all faults."""

from collections.abc import Iterator, Sequence

from msgspec import UNSET, UnsetType

from services.webhook_dispatcher.fanout import event_types
from services.webhook_dispatcher.sending import signing
from services.webhook_dispatcher.sending.addresses import Policy, RefusedTarget
from services.webhook_dispatcher.subscriptions import access, headers
from services.webhook_dispatcher.subscriptions.models import FilterTrial, NewWebhook, WebhookChange
from shared.messaging.filters import filter_errors
from shared.primitives import published
from shared.web import http, problems
from shared.web.problems import FieldError
from shared.web.strict_json import nearest

# A filter is read and applied for each batch of events, beside those of all other webhooks of its organisation: a smaller one than an
# automation may have. Its length is that of its JSON.
MOST_PARTS, MOST_VALUES, MOST_BYTES = 20, 100, 8_192
# With and without their prefix.
PUBLISHED = {
    signing.signing_key(text) for secret in published.SECRETS for text in (secret, secret.removeprefix(signing.PREFIX))
}


def check(policy: Policy, given: NewWebhook | WebhookChange | FilterTrial, secret: str | UnsetType = UNSET) -> None:
    """Raises a 422 Problem with the faults of all given fields, in the order of the contract."""
    if found := list(_faults(policy, given, secret)):
        raise problems.invalid("The webhook does not fit; see errors.", found)


def _faults(
    policy: Policy, given: NewWebhook | WebhookChange | FilterTrial, secret: str | UnsetType
) -> Iterator[FieldError]:
    whole = None if isinstance(given, FilterTrial) else given
    if whole is not None and whole.url is not UNSET:
        try:
            policy.check_url(whole.url)
        except RefusedTarget as error:
            yield FieldError("/url", str(error))
    if given.events is not UNSET:
        yield from of_events(given.events)
    if given.filter is not UNSET and given.filter is not None:
        yield from filter_errors(given.filter, "/filter", most_parts=MOST_PARTS, most_values=MOST_VALUES)
        if len(http.encode(given.filter)) > MOST_BYTES:
            yield FieldError("/filter", f"at most {MOST_BYTES} bytes as JSON", "length", limit=MOST_BYTES)
    if whole is not None and whole.client_certificate is not UNSET and whole.client_certificate is not None:
        yield from access.faults_of_certificate(whole.client_certificate)
    if whole is not None and whole.oauth is not UNSET and whole.oauth is not None:
        yield from access.faults_of_oauth(policy, whole.oauth)
    if secret is not UNSET:
        try:
            key = signing.signing_key(secret)
        except signing.UnusableSecret as error:
            yield FieldError("/secret", str(error))
        else:
            if key in PUBLISHED:
                yield FieldError("/secret", published.REASON, "published")
    if whole is not None and whole.headers is not UNSET and (objection := headers.objection(whole.headers)) is not None:
        name, reason = objection
        pointer = "/headers/" + name[:64].replace("~", "~0").replace("/", "~1") if name else "/headers"
        yield FieldError(pointer, reason)


def of_events(events: Sequence[str]) -> Iterator[FieldError]:
    known, reason = list(event_types.catalogue()), "not an event type of the catalogue; patterns are not taken here"
    for index, name in enumerate(events):
        if name not in known:
            did_you_mean = nearest(name, known)
            yield FieldError(f"/events/{index}", reason, "enum", allowed=known, did_you_mean=did_you_mean)
        elif name in events[:index]:
            yield FieldError(f"/events/{index}", "named twice", "repeated")
