"""Proofs for the receiver: headers of its own, OAuth, a client certificate. Set and removed; no value is ever shown again."""

from collections.abc import Callable
from typing import Any

from starlette.responses import Response

from services.console.pages.texts import Texts
from services.console.pages.visit import Fault, Form, Visit
from services.console.upstream.errors import Refused
from services.console.webhooks.models import Webhook
from services.console.webhooks.views import WEBHOOK, find

FIELDS = {
    "oauth/token_url": "token_url",
    "oauth/client_id": "oauth_client",
    "oauth/client_secret": "oauth_secret",
    "oauth/scope": "oauth_scope",
    "client_certificate/certificate": "certificate",
    "client_certificate/private_key": "private_key",
}
Read = Callable[[Form, Texts], tuple[dict[str, Any], list[Fault]]]


def headers_of(form: Form, t: Texts) -> tuple[dict[str, Any], list[Fault]]:
    """The lines `Name: value` of the form. They take the place of all headers that there are."""
    found: dict[str, str] = {}
    for line in form("headers").splitlines():
        if not line.strip():
            continue
        name, colon, value = line.partition(":")
        if not colon or not name.strip() or name.strip() in found:
            return {}, [Fault("headers", t("fault_headers"))]
        found[name.strip()] = value.strip()
    return {"headers": found}, [] if found else [Fault("headers", t("fault_headers"))]


def oauth_of(form: Form, t: Texts) -> tuple[dict[str, Any], list[Fault]]:
    needed = ("token_url", "oauth_client", "oauth_secret")
    faults = [Fault(name, t("unfit.missing")) for name in needed if not form(name)]
    grant = {
        "token_url": form("token_url"),
        "client_id": form("oauth_client"),
        "client_secret": form("oauth_secret"),
        "scope": form("oauth_scope"),
    }
    return {"oauth": grant}, faults


def certificate_of(form: Form, t: Texts) -> tuple[dict[str, Any], list[Fault]]:
    faults = [Fault(name, t("unfit.missing")) for name in ("certificate", "private_key") if not form(name)]
    return {"client_certificate": {"certificate": form("certificate"), "private_key": form("private_key")}}, faults


SET: dict[str, Read] = {"headers": headers_of, "oauth": oauth_of, "certificate": certificate_of}
REMOVED: dict[str, dict[str, Any]] = {
    "no_headers": {"headers": {}},
    "no_oauth": {"oauth": None},
    "no_certificate": {"client_certificate": None},
}


async def show_identity(visit: Visit) -> Response:
    return _page(visit, await find(visit, visit.ids["webhook_id"]), [])


def _page(visit: Visit, webhook: Webhook, faults: list[Fault]) -> Response:
    given = {name: visit.form(name) for name in ("headers", "token_url", "oauth_client", "oauth_scope", "certificate")}
    status = 422 if faults else 200
    return visit.page("webhooks/identity.html", status=status, webhook=webhook, given=given, faults=faults)


async def change_identity(visit: Visit) -> Response:
    """One of the three is set or, after a question, removed; the button names the act."""
    webhook, act = await find(visit, visit.ids["webhook_id"]), visit.form("act")
    back = visit.path_of("/webhooks/{id}/identity", id=webhook.id)
    if act in REMOVED:
        if not visit.form("confirmed"):
            return visit.page("webhooks/identity_ask.html", title=visit.t(f"remove_proof.{act}"), act=act, back=back)
        body, faults = REMOVED[act], list[Fault]()
    elif act in SET:
        body, faults = SET[act](visit.form, visit.t)
    else:
        return _page(visit, webhook, [Fault("", visit.t("act_unknown"))])
    if not faults:
        try:
            await visit.send("PUT", visit.path_of(WEBHOOK, id=webhook.id), body)
            return visit.redirect(back, done="identity_removed" if act in REMOVED else "identity_set")
        except Refused as refused:
            if refused.status not in (403, 422):
                raise
            faults = _named(visit.faults(refused, **FIELDS), refused)
    return _page(visit, webhook, faults)


def _named(faults: list[Fault], refused: Refused) -> list[Fault]:
    """The faults, the one of a header with its name: the field has several."""
    pointers = [str(error.get("pointer", "")) for error in refused.errors]
    if len(faults) != 1 or len(pointers) != 1 or not pointers[0].startswith("/headers/"):
        return faults
    name = pointers[0].removeprefix("/headers/").replace("~1", "/").replace("~0", "~")
    [fault] = faults
    return [Fault(fault.field, f"{name}: {fault.text}", fault.language)]
