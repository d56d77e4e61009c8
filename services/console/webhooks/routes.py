"""The pages of webhooks and their deliveries. In an app's portal they show that app's alone, since its token reaches no others."""

from services.console.pages.registry import Area, Page
from services.console.webhooks import changes, deliveries, identity, replays, views

AREA = Area("webhooks", 20)
READ, WRITE = "webhooks:read", "webhooks:write"
ONE = "/webhooks/{webhook_id}"
DELIVERY = ONE + "/deliveries/{delivery_id}"
REPLAY = ONE + "/replays/{replay_id}"
EXAMPLE = {"webhook_id": "wh_01m88d0qm0fmp9q50vgx5q4nfh"}
OF_DELIVERY = EXAMPLE | {"delivery_id": "dlv_01m88d0qmze9gaw15hny2avmtm"}
OF_REPLAY = EXAMPLE | {"replay_id": "rpl_01m88d0qmze9gaw15hny2avmtm"}
PAGES = [
    Page("webhooks", "/webhooks", views.list_webhooks, READ, in_navigation=True),
    Page("new", "/webhooks/new", changes.new_webhook, WRITE, changes.make_webhook),
    Page("webhook", ONE, views.show_webhook, READ, examples=EXAMPLE),
    Page("edit", ONE + "/edit", changes.edit_webhook, WRITE, changes.change_webhook, examples=EXAMPLE),
    Page("filter", ONE + "/filter", changes.edit_filter, WRITE, changes.change_filter, examples=EXAMPLE),
    Page("keys", ONE + "/keys", changes.show_keys, WRITE, changes.change_keys, examples=EXAMPLE),
    Page("identity", ONE + "/identity", identity.show_identity, WRITE, identity.change_identity, examples=EXAMPLE),
    Page("books", ONE + "/books", views.show_books, READ, examples=EXAMPLE),
    Page("test", ONE + "/test", deliveries.ask_test, WRITE, deliveries.send_test, examples=EXAMPLE),
    Page("recover", ONE + "/recover", changes.ask_recover, WRITE, changes.recover, examples=EXAMPLE),
    Page("replay", ONE + "/replay", replays.ask_replay, WRITE, replays.start_replay, examples=EXAMPLE),
    Page("replays", ONE + "/replays", replays.list_replays, READ, examples=EXAMPLE),
    Page("replay_progress", REPLAY, replays.show_replay, READ, examples=OF_REPLAY),
    Page("stop_replay", REPLAY + "/stop", None, WRITE, replays.stop_replay, examples=OF_REPLAY),
    Page("resume_replay", REPLAY + "/resume", None, WRITE, replays.resume_replay, examples=OF_REPLAY),
    Page("enable", ONE + "/enable", None, WRITE, changes.enable_webhook, examples=EXAMPLE),
    Page("disable", ONE + "/disable", changes.ask_disable, WRITE, changes.disable_webhook, examples=EXAMPLE),
    Page("delete", ONE + "/delete", changes.ask_delete, WRITE, changes.delete_webhook, examples=EXAMPLE),
    Page("delivery", DELIVERY, deliveries.show_delivery, READ, examples=OF_DELIVERY),
    Page("resend", DELIVERY + "/resend", None, WRITE, deliveries.resend, examples=OF_DELIVERY),
    Page(
        "secret",
        changes.SECRETS + "/{once}",
        changes.show_secret,
        WRITE,
        examples={"once": "01890000-0000-7000-8000-000000000000"},
    ),
    Page("deliveries", "/deliveries", deliveries.list_deliveries, READ),
    Page(
        "contacts",
        "/webhook-contacts/{client_id}",
        changes.show_contacts,
        WRITE,
        changes.change_contacts,
        examples={"client_id": "app_01m88d0pt8f2jr1bd6zq6c1t5k"},
    ),
]
