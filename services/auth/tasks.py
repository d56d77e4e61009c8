"""The queue door of auth: the control plane asks for apps, and that they go; and the service's periodic work."""

from datetime import timedelta
from functools import partial
from typing import LiteralString

from celery import Celery

from services.auth import authorities
from services.auth.apps import installing
from services.auth.keys.models import PLATFORM
from services.auth.keys.rotation import rotate_if_due
from services.auth.requests.queries import FORGET as FORGET_REQUESTS
from services.auth.revocations import bell
from services.auth.revocations.queries import DELETE_EXPIRED
from services.auth.saml import domains, upkeep
from services.auth.settings import Settings
from services.auth.tenants.operations import SCHEDULE, record
from shared import broker, worker
from shared.crypto import Keyring
from shared.database import Connection
from shared.messages import InstallApp, UninstallApp
from shared.periodic import Periodic

# What is kept how long; every table that grows stands here.
FORGET: tuple[LiteralString, ...] = (
    DELETE_EXPIRED,
    "DELETE FROM daily_counts WHERE day < (now() AT TIME ZONE 'UTC')::date - 30",
    "DELETE FROM app_events WHERE at < now() - interval '30 days'",
    "DELETE FROM client_assertions WHERE expires_at < now()",
    "DELETE FROM service_tokens WHERE expires_at < now() - interval '30 days'",
    "DELETE FROM app_secrets WHERE expires_at < now() - interval '30 days'",
    # A code goes with its grant; a grant outlives its tokens a little, so that reuse is still recognised.
    "DELETE FROM grants WHERE expires_at < now() - interval '7 days'",
    "DELETE FROM sessions WHERE expires_at < now() - interval '7 days'",
    "DELETE FROM password_links WHERE expires_at < now() - interval '7 days'",
    FORGET_REQUESTS,
    "DELETE FROM saml_requests WHERE expires_at < now()",
    "DELETE FROM saml_replays WHERE expires_at < now()",
    "DELETE FROM saml_tickets WHERE expires_at < now()",
    "DELETE FROM sign_in_failures WHERE last_at < now() - interval '1 day'",
    "DELETE FROM sign_in_counts WHERE at < now() - interval '1 day'",
    "DELETE FROM known_devices WHERE last_at < now() - interval '400 days'",
)


def create_worker(settings: Settings) -> Celery:
    redis = broker.redis_client(settings.redis_url)
    uninstall = partial(installing.uninstall, ring=partial(bell.ring_sync, redis))
    install = partial(installing.install, settings=settings)
    handlers = {InstallApp: install, UninstallApp: uninstall}
    return worker.create_worker("auth", settings, handlers, redis=redis)


def periodic(settings: Settings) -> list[Periodic]:
    keyring = Keyring.from_text(settings.encryption_keys)

    def rotate_keys(conn: Connection) -> None:
        kid = rotate_if_due(
            conn,
            keyring,
            bits=settings.signing_key_bits,
            every=timedelta(days=settings.key_rotation_days),
            wait=timedelta(seconds=settings.key_activation_seconds),
        )
        if kid is not None:
            record(conn, PLATFORM, "keys.rotated", kid, {"scheduled": True}, by=SCHEDULE)

    return [
        Periodic(
            "look at proven domains", 60, partial(upkeep.look_again, resolver=domains.create(settings.dns_resolver))
        ),
        Periodic("tell of ended authority", 2, authorities.tell),
        Periodic("rotate signing keys", 60, rotate_keys),
        Periodic("forget", 600, forget),
    ]


def forget(conn: Connection) -> None:
    for statement in FORGET:
        conn.execute(statement)
