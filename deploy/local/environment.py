"""The settings of each process. It gets only its own, so that it cannot reach the database or the keys of another."""

import os
from pathlib import Path
from typing import Any

import msgspec

from deploy.local.plan import Misconfigured, Plan
from deploy.local.ports import LOOPBACK
from deploy.local.state import write_json
from deploy.local.table import HOSTS, KNOGIN_HOSTS, SERVICES, Service

_RATES = (
    *(
        "TOKEN",
        "DISCOVERY",
        "SIGN_IN",
        "SAML",
        "ACCOUNT",
        "ORGANISATION",
        "AGENTS",
        "GUESSES",
        "PUBLIC",
        "CONSOLE",
        "CONSOLE_NETWORK",
    ),
    *("READ", "WRITE", "INGEST", "GRAPHQL"),
)


def of_service(plan: Plan, service: Service, kind: str) -> dict[str, str]:
    """Settings of `python -m services.<name> <kind>`. Only `migrate` gets the address with the migrator's role."""
    database = plan.databases[service.name]
    return {
        **_of_every_process(plan, f"{service.name}-{kind}"),
        "REDIS_URL": plan.redis_url_of(service.database),
        "DATABASE_URL": database.app,
        "WORKER_DATABASE_URL": database.worker,
        "IDENTITY_PUBLIC_KEYS": plan.identity_public_keys,
        "SERVICE_PUBLIC_KEYS": plan.service_public_keys,
        **({"SERVICE_SIGNING_KEY": plan.service_signing_key(service)} if kind in service.signing else {}),
        "ENCRYPTION_KEYS": plan.encryption_keys(service),
        "OUTBOX_RESEND_SECONDS": "3",
        "AUDIT_ANCHOR_FILE": str(plan.state.anchors / f"{service.database}.jsonl"),
        **plan.further_keys(service),
        **{name: _public(plan)[name] for name in service.needs},
        **{name: plan.url(f"{other}-web") for name, other in service.calls.items() if f"{other}-web" in plan.listeners},
        **(
            {"REVOCATIONS_URL": f"{plan.url('auth-web')}/internal/revocations"}
            if kind == "web" and service.name != "auth" and "auth-web" in plan.listeners
            else {}
        ),
        **(
            {"IDENTITY_EXCHANGE_URL": f"http://{LOOPBACK}:{plan.ops_ports['gateway']}/internal/exchange"}
            if kind == "web" and service.calls
            else {}
        ),
        **(
            {"MAIL_SERVER": plan.mail_url, "MAIL_FROM": WRITE_MAIL[service.name]}
            if plan.mail_url and service.name in WRITE_MAIL
            else {}
        ),
        **service.settings,
        **chosen_settings(service.name),
    }


def of_gateway(plan: Plan) -> dict[str, str]:
    return {
        **_of_every_process(plan, "gateway"),
        "REDIS_URL": plan.redis_url_of("gateway"),
        "IDENTITY_SIGNING_KEY": plan.identity_signing_key,
        "SERVICE_PUBLIC_KEYS": plan.service_public_keys,
        "ISSUER": plan.issuer,
        **{name: _public(plan)[name] for name in ("API_BASE_URL", "DOCS_BASE_URL", "CONSOLE_BASE_URL", "STACK")},
        "GATEWAY_JWKS_URL": f"{_upstream(plan, SERVICES[0])}/.well-known/jwks.json",
        **{f"GATEWAY_HOSTS_{name.upper()}": f"{KNOGIN_HOSTS[name]},{host}" for name, host in HOSTS.items()},
        **{service.upstream: _upstream(plan, service) for service in SERVICES},
        # High, because all programs of a developer share one address and so one limit.
        **{f"RATE_LIMIT_{kind}": "600000/60" for kind in _RATES},
        "REFUSED_BYTES_LIMIT": "999999999/60",
        **chosen_settings("gateway"),
    }


WRITE_MAIL = {"auth": "invitations@knogin.localhost", "webhook-dispatcher": "webhooks@knogin.localhost"}
"""The senders of services that write mail."""


def remember(plan: Plan) -> None:
    """Writes each service's settings, with the migrator's address, to a file of this user, for `operate` commands."""
    settings = {
        service.name: of_service(plan, service, "worker" if "worker" in service.processes else "relay")
        | {"MIGRATION_DATABASE_URL": plan.databases[service.name].migrator, "OPS_PORT": "0"}
        for service in plan.services
    }
    write_json(plan.state.settings, settings)


def chosen_settings(name: str) -> dict[str, str]:
    """The settings in `KNOGIN_SETTINGS` for one service or the gateway.
    `KNOGIN_SETTINGS='{"gateway": {"RATE_LIMIT_WRITE": "off"}, "webhook-dispatcher": {"WEBHOOK_RETRY_SCHEDULE": "1,2,4"}}'`, or
    `@<file>`, which is read again at each start of a process.
    """
    text = os.environ.get("KNOGIN_SETTINGS") or "{}"
    try:
        given = Path(text[1:]).read_text() if text.startswith("@") else text
        chosen = msgspec.json.decode(given, type=dict[str, dict[str, Any]])
    except OSError as error:
        raise Misconfigured(f"KNOGIN_SETTINGS names {text[1:]}, which cannot be read: {error.strerror}") from None
    except msgspec.DecodeError as error:
        raise Misconfigured(f"KNOGIN_SETTINGS is JSON, an object of settings for each service: {error}") from None
    if unknown := chosen.keys() - {"gateway", *(service.name for service in SERVICES)}:
        raise Misconfigured(f"KNOGIN_SETTINGS names no service: {', '.join(sorted(unknown))}")
    return {setting: str(value) for setting, value in chosen.get(name, {}).items()}


def _public(plan: Plan) -> dict[str, str]:
    """The public addresses of this stack. `STACK` separates its cookies from those of another stack on this machine."""
    return {
        "ISSUER": plan.issuer,
        "API_BASE_URL": plan.origin("api"),
        "DOCS_BASE_URL": plan.origin("docs"),
        "CONSOLE_BASE_URL": plan.origin("console"),
        # By address: not every machine resolves names under localhost.
        "GATEWAY_URL": plan.url("gateway"),
        "STACK": str(plan.gateway_port),
    }


def _of_every_process(plan: Plan, process: str) -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "SPANS_FILE": str(plan.state.spans),
        "OPS_PORT": str(plan.ops_ports[process]),
    }


def _upstream(plan: Plan, service: Service) -> str:
    """The service's URL; for a service that was not started, an address that refuses connections."""
    name = f"{service.name}-web"
    return plan.url(name) if name in plan.listeners else "http://127.0.0.1:9"
