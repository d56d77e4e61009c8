"""Making, changing and ending a webhook."""

from datetime import datetime
from typing import Any

from starlette.responses import Response

from services.console.apps import once
from services.console.apps.once import Shown, Value
from services.console.pages.visit import Fault, Visit
from services.console.upstream.errors import Refused
from services.console.webhooks import forms
from services.console.webhooks.models import Contacts, FilterTried, GivenUp, Recovering, Webhook
from services.console.webhooks.views import ADMINISTRATOR, WEBHOOK, find, find_app, load_apps, names_of, names_with

UNFIT = 422
OVERLAPS = {"0": 0, "3600": 3600, "86400": 86_400, "604800": 604_800}
COUNTED = 100
SECRETS = "/webhook-secrets"
PURPOSE = "webhook secret"
FIELDS = ("url", "description", "max_per_second", "payload")


async def new_webhook(visit: Visit, *, faults: list[Fault] | None = None) -> Response:
    apps = await load_apps(visit)
    chosen = visit.form("client_id") or visit.query("client_id")
    app = await find_app(visit, apps, chosen)
    if visit.may(ADMINISTRATOR) and app is None:
        return visit.page(
            "webhooks/choose_app.html",
            status=UNFIT if faults else 200,
            faults=faults or [],
            apps=apps,
            options=list(names_of(apps).items()),
        )
    approved = app.governance.approved_events if app is not None else None
    given = {name: visit.form(name) for name in FIELDS}
    return visit.page(
        "webhooks/new.html",
        status=UNFIT if faults else 200,
        faults=faults or [],
        app=app,
        types=forms.types_of(visit.t, approved),
        given=given,
        chosen=visit.form.every("events"),
    )


async def make_webhook(visit: Visit) -> Response:
    body, faults = forms.settings_of(visit.form, visit.t)
    if faults:
        return await new_webhook(visit, faults=faults)
    if visit.may(ADMINISTRATOR):
        body["client_id"] = visit.form("client_id")

    async def make() -> Shown:
        made = (await visit.send("POST", "/v1/webhooks", body)).read(Webhook)
        secret = [Value("secret", made.secret, is_secret=True)] if made.secret else []
        return Shown("made", secret, visit.path_of("/webhooks/{id}", id=made.id))

    try:
        return await once.only_once(visit, make, SECRETS)
    except Refused as refused:
        if refused.status not in (403, 409, UNFIT):
            raise
        return await new_webhook(visit, faults=faults_of(visit, refused))


async def show_secret(visit: Visit) -> Response:
    """The page after a form that made a secret. It shows it this once."""
    found = await once.take(visit, visit.ids["once"])
    if not isinstance(found, Shown):
        title = visit.t(f"secret_state.{found}.title")
        return visit.page("webhooks/secret.html", title=title, shown=None, state=found)
    values = {one.name: one.value for one in found.values}
    ends = datetime.fromisoformat(values["ends"]) if "ends" in values else None
    title = visit.t("made_title") if found.kind == "made" else visit.t("secret_title")
    context = {"shown": found, "secret": values.get("secret", ""), "ends": ends, "state": ""}
    return visit.page("webhooks/secret.html", title=title, **context)


async def edit_webhook(visit: Visit, *, faults: list[Fault] | None = None) -> Response:
    webhook = await find(visit, visit.ids["webhook_id"])
    app = await find_app(visit, await load_apps(visit), webhook.client_id)
    types = forms.types_of(visit.t, app.governance.approved_events if app is not None else None)
    known = {name for name, _, _ in types}
    types += [(name, name, visit.t("unapproved")) for name in webhook.events if name not in known]
    given = {
        "url": webhook.url,
        "description": webhook.description or "",
        "max_per_second": str(webhook.max_per_second or ""),
        "payload": webhook.payload,
    }
    chosen = webhook.events
    if faults:
        given, chosen = {name: visit.form(name) for name in FIELDS}, visit.form.every("events")
    status = UNFIT if faults else 200
    return visit.page(
        "webhooks/edit.html",
        status=status,
        faults=faults or [],
        webhook=webhook,
        types=types,
        given=given,
        chosen=chosen,
    )


async def change_webhook(visit: Visit) -> Response:
    body, faults = forms.settings_of(visit.form, visit.t)
    if faults:
        return await edit_webhook(visit, faults=faults)
    webhook = await find(visit, visit.ids["webhook_id"])
    # A URL that is sent enables a webhook that is slowed: it is sent only where it changes.
    if body["url"] == webhook.url:
        del body["url"]
    try:
        await put(visit, webhook.id, body)
    except Refused as refused:
        if refused.status not in (403, UNFIT):
            raise
        return await edit_webhook(visit, faults=faults_of(visit, refused))
    return visit.redirect(visit.path_of("/webhooks/{id}", id=webhook.id), done="changed")


async def edit_filter(
    visit: Visit, *, faults: list[Fault] | None = None, tried: FilterTried | None = None, given: str | None = None
) -> Response:
    webhook = await find(visit, visit.ids["webhook_id"])
    shown = given if given is not None else forms.shown_filter(webhook.filter)
    status = UNFIT if faults else 200
    return visit.page(
        "webhooks/filter.html", status=status, faults=faults or [], webhook=webhook, tried=tried, given=shown
    )


async def change_filter(visit: Visit) -> Response:
    """Tries the filter on events of the past, or sets it."""
    text = visit.form("filter")
    chosen, fault = forms.filter_of(text, visit.t)
    if fault is not None:
        return await edit_filter(visit, faults=[fault], given=text)
    webhook = await find(visit, visit.ids["webhook_id"])
    try:
        if visit.form("what") == "save":
            await put(visit, webhook.id, {"filter": chosen})
            return visit.redirect(visit.path_of("/webhooks/{id}", id=webhook.id), done="filter_changed")
        if chosen is None:
            return await edit_filter(visit, faults=[Fault("filter", visit.t("filter_empty"))], given=text)
        trial = {"events": webhook.events, "filter": chosen}
        if visit.may(ADMINISTRATOR):
            trial["client_id"] = webhook.client_id
        tried = (await visit.send("POST", "/v1/webhooks/try-filter", trial)).read(FilterTried)
    except Refused as refused:
        if refused.status not in (403, UNFIT):
            raise
        return await edit_filter(visit, faults=faults_of(visit, refused), given=text)
    return await edit_filter(visit, tried=tried, given=text)


async def enable_webhook(visit: Visit) -> Response:
    webhook_id = visit.ids["webhook_id"]
    await put(visit, webhook_id, {"enabled": True})
    return visit.redirect(visit.path_of("/webhooks/{id}", id=webhook_id), done="enabled")


async def ask_disable(visit: Visit) -> Response:
    return await _ask(visit, "disable")


async def disable_webhook(visit: Visit) -> Response:
    webhook_id = visit.ids["webhook_id"]
    await put(visit, webhook_id, {"enabled": False})
    return visit.redirect(visit.path_of("/webhooks/{id}", id=webhook_id), done="disabled")


async def ask_delete(visit: Visit) -> Response:
    return await _ask(visit, "delete")


async def delete_webhook(visit: Visit) -> Response:
    await visit.send("DELETE", visit.path_of(WEBHOOK, id=visit.ids["webhook_id"]))
    return visit.redirect("/webhooks", done="deleted")


async def _ask(visit: Visit, act: str) -> Response:
    webhook = await find(visit, visit.ids["webhook_id"])
    return visit.page(f"webhooks/{act}.html", webhook=webhook)


async def ask_recover(visit: Visit) -> Response:
    """A period is chosen first; then the page counts its given-up deliveries, up to `COUNTED`."""
    webhook = await find(visit, visit.ids["webhook_id"])
    period = visit.query("period", tuple(forms.AGO))
    found, since = None, ""
    if period:
        since = forms.time_ago(period)
        path = visit.path_of(WEBHOOK + "/deliveries", id=webhook.id)
        found = await visit.load(path, GivenUp, status="failed", since=since, limit=COUNTED)
    options = [(one, visit.t(f"period.{one}"), "") for one in forms.AGO]
    known = {"options": options, "period": period, "since": since, "found": found}
    return visit.page("webhooks/recover.html", webhook=webhook, **known)


async def recover(visit: Visit) -> Response:
    """Since the moment from which the page has counted: sent again, the form asks for the same."""
    webhook_id = visit.ids["webhook_id"]
    since = forms.moment_of(visit.form("since"))
    if since is None:
        webhook = await find(visit, webhook_id)
        return visit.redirect(visit.path_of("/webhooks/{id}/recover", id=webhook.id))
    answer = await visit.send("POST", visit.path_of(WEBHOOK + "/recover", id=webhook_id), since=since)
    done = "recovering" if answer.read(Recovering).queued else "nothing_to_recover"
    return visit.redirect(visit.path_of("/webhooks/{id}", id=webhook_id), done=done)


async def show_keys(visit: Visit, *, faults: list[Fault] | None = None) -> Response:
    webhook = await find(visit, visit.ids["webhook_id"])
    options = [(seconds, visit.t(f"overlap_time.{seconds}")) for seconds in OVERLAPS]
    context = {"options": options, "overlap": visit.form("overlap") or "86400", "what": visit.form("what")}
    return visit.page(
        "webhooks/keys.html", status=409 if faults else 200, faults=faults or [], webhook=webhook, **context
    )


async def change_keys(visit: Visit) -> Response:
    """A new secret, which is shown once, or a new signing key."""
    try:
        return await _change_keys(visit, {"force": True} if visit.form("force") else {})
    except Refused as refused:
        return await show_keys(visit, faults=once.no_room(visit, refused))


async def _change_keys(visit: Visit, force: dict[str, bool]) -> Response:
    webhook_id = visit.ids["webhook_id"]
    if visit.form("what") == "secret":
        return await _change_secret(visit, webhook_id, force)
    overlap = {"overlap_seconds": OVERLAPS.get(visit.form("overlap"), OVERLAPS["86400"])}
    await visit.send("POST", visit.path_of(WEBHOOK + "/rotate-signing-key", id=webhook_id), overlap | force)
    return visit.redirect(visit.path_of("/webhooks/{id}/keys", id=webhook_id), done="key_rotated")


async def _change_secret(visit: Visit, webhook_id: str, force: dict[str, bool]) -> Response:
    """The platform takes the present secret again as no change.

    So a form that is sent again after a missing answer sends the same secret.
    """
    named = f"{visit.session.session_id} {webhook_id} {once.id_of(visit)}".encode()
    secret = forms.secret_of(visit.request.state.keyring.mac(named, PURPOSE))

    async def make() -> Shown:
        webhook = await put(visit, webhook_id, {"secret": secret} | force)
        values = [Value("secret", secret, is_secret=True)]
        if webhook.previous_secret_expires_at is not None:
            values.append(Value("ends", webhook.previous_secret_expires_at.isoformat()))
        return Shown("changed", values, visit.path_of("/webhooks/{id}", id=webhook_id))

    return await once.only_once(visit, make, SECRETS)


async def show_contacts(visit: Visit, *, faults: list[Fault] | None = None) -> Response:
    client_id = visit.ids["client_id"]
    contacts = await visit.get("/v1/webhooks/contacts", Contacts, client_id=client_id)
    emails = visit.form("emails") if faults else "\n".join(contacts.emails)
    names = await names_with(visit, await load_apps(visit), client_id)
    status = UNFIT if faults else 200
    return visit.page(
        "webhooks/contacts.html",
        status=status,
        faults=faults or [],
        client_id=client_id,
        name=names.get(client_id, ""),
        contacts=contacts,
        emails=emails,
    )


async def change_contacts(visit: Visit) -> Response:
    client_id = visit.ids["client_id"]
    emails = [line.strip() for line in visit.form("emails").splitlines() if line.strip()]
    try:
        await visit.send("PUT", "/v1/webhooks/contacts", {"emails": emails, "client_id": client_id})
    except Refused as refused:
        if refused.status != UNFIT:
            raise
        return await show_contacts(visit, faults=visit.faults(refused))
    return visit.redirect(visit.path_of("/webhook-contacts/{id}", id=client_id), done="contacts_changed")


async def put(visit: Visit, webhook_id: str, body: dict[str, Any]) -> Webhook:
    return (await visit.send("PUT", visit.path_of(WEBHOOK, id=webhook_id), body)).read(Webhook)


def faults_of(visit: Visit, refused: Refused) -> list[Fault]:
    """The platform's faults; types that the app is not approved for are faults of the types."""
    unapproved = refused.document.get("unapproved_events")
    if isinstance(unapproved, list) and unapproved:
        names = ", ".join(str(name) for name in unapproved[:20])
        return [Fault("events", visit.t("fault_unapproved", names=names))]
    return visit.faults(refused)
