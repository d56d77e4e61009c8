"""The pages of the area: apps, integration requests, sandboxes, and the portal links of an app."""

from services.console.apps import (
    approvals,
    credentials,
    ending,
    listing,
    making,
    once,
    requests,
    rules,
    sandboxes,
)
from services.console.apps.portal import administration as portal
from services.console.pages.registry import Area, Page

AREA = Area("apps", 20)
SCOPE = "platform:apps"
APP = {"client_id": "app_01m88d0q5rekasgwnts2cwwdh6"}
REQUEST = {"request_id": "ireq_01m88d0q5rekasgwnts2cwwdh6"}
SANDBOX = {"sandbox_id": "sbx_01m88d0q5rekasgwnts2cwwdh6"}
SECRET = APP | {"secret_id": "sec_01m88d0q5veg5ta72e2snzdj8f"}
TOKEN = APP | {"token_id": "tok_01m88d0q5rekasgwnts2cwwdh6"}
LINK = APP | {"link_id": "plk_01m88d0q5rekasgwnts2cwwdh6"}
ONCE = {"once": "01890000-0000-7000-8000-000000000000"}
ONE = "/apps/{client_id}"
PAGES = [
    Page("apps", "/apps", listing.list_apps, SCOPE, in_navigation=True),
    Page("new", "/apps/new", making.begin, SCOPE, act=making.make),
    Page("one", ONE, listing.read_app, SCOPE, examples=APP),
    Page("edit", ONE + "/edit", making.edit, SCOPE, act=making.change, examples=APP),
    Page("rotate", ONE + "/rotate", credentials.ask_rotation, SCOPE, act=credentials.rotate, examples=APP),
    Page(
        "end_secret",
        ONE + "/secrets/{secret_id}/end",
        credentials.ask_end_of_secret,
        SCOPE,
        act=credentials.end_secret,
        examples=SECRET,
    ),
    Page("tokens", ONE + "/tokens", credentials.list_tokens, SCOPE, act=credentials.mint, examples=APP),
    Page(
        "revoke_token",
        ONE + "/tokens/{token_id}/revoke",
        credentials.ask_revocation,
        SCOPE,
        act=credentials.revoke,
        examples=TOKEN,
    ),
    Page("rules", ONE + "/rules", rules.ask, SCOPE, act=rules.change, examples=APP),
    Page("approvals", ONE + "/approvals", approvals.ask, SCOPE, act=approvals.change, examples=APP),
    Page("refusals", ONE + "/refusals", listing.list_refusals, SCOPE, examples=APP),
    Page("disable", ONE + "/disable", ending.ask_disable, SCOPE, act=ending.disable, examples=APP),
    Page("enable", ONE + "/enable", ending.ask_enable, SCOPE, act=ending.enable, examples=APP),
    Page("delete", ONE + "/delete", ending.ask_delete, SCOPE, act=ending.delete, examples=APP),
    Page("links", ONE + "/links", portal.list_links, SCOPE, act=portal.make, examples=APP),
    Page(
        "revoke_link",
        ONE + "/links/{link_id}/revoke",
        portal.ask_revocation,
        SCOPE,
        act=portal.revoke,
        examples=LINK,
    ),
    Page("shown", "/shown/{once}", once.show, SCOPE, examples=ONCE),
    Page("requests", "/requests", requests.list_requests, SCOPE),
    Page("request_new", "/requests/new", requests.begin, SCOPE, act=requests.make),
    Page("request", "/requests/{request_id}", requests.read_request, SCOPE, examples=REQUEST),
    Page(
        "request_withdraw",
        "/requests/{request_id}/withdraw",
        requests.ask_withdrawal,
        SCOPE,
        act=requests.withdraw,
        examples=REQUEST,
    ),
    Page(
        "request_credentials",
        "/requests/{request_id}/credentials",
        requests.ask_credentials,
        SCOPE,
        act=requests.fetch_credentials,
        examples=REQUEST,
    ),
    Page("sandboxes", "/sandboxes", sandboxes.list_sandboxes, SCOPE),
    Page("sandbox_new", "/sandboxes/new", sandboxes.begin, SCOPE, act=sandboxes.make),
    Page(
        "sandbox",
        "/sandboxes/{sandbox_id}",
        sandboxes.read_sandbox,
        SCOPE,
        act=sandboxes.run_scenario,
        examples=SANDBOX,
    ),
    Page(
        "sandbox_clock",
        "/sandboxes/{sandbox_id}/clock",
        sandboxes.ask_clock,
        SCOPE,
        act=sandboxes.advance,
        examples=SANDBOX,
    ),
    Page(
        "sandbox_reset",
        "/sandboxes/{sandbox_id}/reset",
        sandboxes.ask_reset,
        SCOPE,
        act=sandboxes.reset,
        examples=SANDBOX,
    ),
    Page(
        "sandbox_delete",
        "/sandboxes/{sandbox_id}/delete",
        sandboxes.ask_delete,
        SCOPE,
        act=sandboxes.delete,
        examples=SANDBOX,
    ),
]
