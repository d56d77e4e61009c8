"""Everything that operators stopped and that is stopped now: whose it is, since when, why, by whom, and the act that lets it go on."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple, TypeVar

import msgspec

from services.console.apps.models import Name
from services.console.operators.models import (
    Act,
    Acts,
    App,
    StoppedAutomations,
    StoppedTenants,
    StoppedWebhooks,
    Tenant,
    Tenants,
)
from services.console.pages.visit import Failure, Visit

OPERATIONS = "/v1/operations/{service}"
TENANTS = "/v1/operations/auth/tenants"
AUTH, DISPATCHER, CONTROL = "auth", "webhook-dispatcher", "control-plane"
T = TypeVar("T")


class Stop(msgspec.Struct):
    """`action` stopped it, `lift` lets it go on. A value that is not known, or of a stop by hand, is ""."""

    service: str
    action: str
    lift: str
    subject: str
    tenant_id: str
    what: str = ""
    client_id: str = ""
    act_id: str = ""
    reason: str = ""
    since: datetime | None = None
    tenant: str = ""
    app: str = ""
    by: str = ""


class Stops(NamedTuple):
    """`is_whole` where every list answered and none has further pages: only then is nothing else stopped."""

    stops: list[Stop]
    failures: list[Failure]
    is_whole: bool


async def load(visit: Visit, limit: int) -> Stops:
    suspended, deliveries, webhooks, automations = await visit.together(
        visit.load(TENANTS, Tenants, status="suspended", limit=limit),
        visit.load("/v1/operations/webhook-dispatcher/stopped-tenants", StoppedTenants, limit=limit),
        visit.load("/v1/operations/webhook-dispatcher/stopped-webhooks", StoppedWebhooks, limit=limit),
        visit.load("/v1/operations/control-plane/stopped-automations", StoppedAutomations, limit=limit),
    )
    parts = [suspended, deliveries, webhooks, automations]
    stops: list[Stop] = []
    if suspended.failure is None:
        stops += await _suspended(visit, suspended.value.tenants)
    if deliveries.failure is None:
        stops += [
            Stop(DISPATCHER, "deliveries.stop", "deliveries.resume", one.tenant_id, one.tenant_id, "", "", one.act_id, one.reason,
                 one.stopped_at)
            for one in deliveries.value.stopped_tenants
        ]  # fmt: skip
    if webhooks.failure is None:
        stops += [
            Stop(DISPATCHER, "webhook.stop", "webhook.resume", one.webhook_id, one.tenant_id, one.host, one.client_id,
                 one.act_id or "", one.reason or "", one.disabled_at)
            for one in webhooks.value.stopped_webhooks
        ]  # fmt: skip
    if automations.failure is None:
        stops += [
            Stop(CONTROL, "automation.stop", "automation.resume", one.automation_id, one.tenant_id, one.name, one.client_id,
                 one.act_id or "", one.reason or "", one.stopped_at)
            for one in automations.value.stopped_automations
        ]  # fmt: skip
    await _name(visit, stops)
    answered = [part for part in parts if part.failure is None]
    is_whole = len(answered) == len(parts) and not any(part.value.next_cursor for part in answered)
    return Stops(stops, [part.failure for part in parts if part.failure is not None], is_whole)


async def _suspended(visit: Visit, tenants: list[Tenant]) -> list[Stop]:
    """A suspended organisation has the reason of its newest act. A suspension by hand has none."""
    path = visit.path_of(OPERATIONS + "/acts", service=AUTH)
    found = await visit.together(*(visit.load(path, Acts, subject_id=one.tenant_id, limit=5) for one in tenants))
    stops: list[Stop] = []
    for one, acts in zip(tenants, found, strict=True):
        listed = [] if acts.failure is not None else acts.value.acts
        act = next((act for act in listed if act.state == "done"), None)
        stop = Stop(AUTH, "tenant.suspend", "tenant.resume", one.tenant_id, one.tenant_id, tenant=one.name)
        if act is not None and act.action == "tenant.suspend":
            stop.act_id, stop.reason, stop.since = act.id, act.reason, act.ended_at
        stops.append(stop)
    return stops


async def _name(visit: Visit, stops: list[Stop]) -> None:
    """The names of organisations, apps and operators, as far as auth answers."""
    tenants = await _found(visit, Tenant, (visit.path_of(TENANTS + "/{id}", id=one.tenant_id) for one in stops))
    apps = await _found(visit, App, (app_path(visit, one.client_id) for one in stops if one.client_id))
    acts = await _found(visit, Act, (act_path(visit, one) for one in stops if one.act_id.startswith("act_")))
    people = await _found(visit, Name, (person_path(visit, act.asked_by) for act in acts.values()))
    for one in stops:
        if tenant := tenants.get(visit.path_of(TENANTS + "/{id}", id=one.tenant_id)):
            one.tenant = tenant.name
        if one.client_id and (app := apps.get(app_path(visit, one.client_id))):
            one.app = app.name
        if one.act_id and (act := acts.get(act_path(visit, one))):
            person = people.get(person_path(visit, act.asked_by))
            one.by = person.name if person else act.asked_by


async def _found(visit: Visit, kind: type[T], paths: Iterable[str]) -> dict[str, T]:
    wanted = sorted(set(paths))
    found = await visit.together(*(visit.load(path, kind) for path in wanted))
    return {path: one.value for path, one in zip(wanted, found, strict=True) if one.failure is None}


def app_path(visit: Visit, client_id: str) -> str:
    return visit.path_of("/v1/operations/auth/apps/{id}", id=client_id)


def act_path(visit: Visit, stop: Stop) -> str:
    return visit.path_of(OPERATIONS + "/acts/{id}", service=stop.service, id=stop.act_id)


def person_path(visit: Visit, user_id: str) -> str:
    return visit.path_of("/v1/platform/users/{id}", id=user_id)
