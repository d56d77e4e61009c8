"""Every call about an app's contacts."""

from services.webhook_dispatcher.notices import endpoints
from services.webhook_dispatcher.notices.models import Contacts, ContactsChange, ContactsQuery
from services.webhook_dispatcher.subscriptions.routes import READ, WEBHOOKS, WRITE
from shared.web.routing import Operation

OPERATIONS = [
    Operation(
        "GET",
        f"{WEBHOOKS}/contacts",
        endpoints.read_contacts,
        "Read the contacts of the app",
        READ,
        {200: Contacts},
        "The addresses that get mail when a webhook of the calling app fails for an hour, recovers, is disabled, or loses deliveries."
        " With the scope `platform:apps` those of the app `client_id`.",
        id="getWebhookContacts",
        query=ContactsQuery,
    ),
    Operation(
        "PUT",
        f"{WEBHOOKS}/contacts",
        endpoints.change_contacts,
        "Replace the contacts of the app",
        WRITE,
        {200: Contacts},
        "At most five. A mail names ids, times and counts alone; an app gets at most 20 mails a day, an organisation 100.",
        id="replaceWebhookContacts",
        body=ContactsChange,
        example={"emails": ["ops@integrator.example"]},
    ),
]
