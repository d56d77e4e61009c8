"""Handlers of messages from the control plane, which installs and uninstalls apps; and the periodic work."""

from collections.abc import Mapping
from datetime import timedelta
from functools import partial

from celery import Celery

from services.auth import authorities, metrics
from services.auth.apps import ending, installing
from services.auth.invitations.post import Post
from services.auth.keys.models import PLATFORM
from services.auth.keys.rotation import rotate_if_due
from services.auth.operators import acts as operators
from services.auth.revocations import bell
from services.auth.saml import domains
from services.auth.sandboxes import work as sandboxes
from services.auth.settings import Settings
from services.auth.tenants.operations import SCHEDULE, record
from shared.messaging import worker
from shared.messaging.messages import InstallApp, SandboxPortionDone, UninstallApp
from shared.operators.acts import Handler
from shared.operators.models import Action
from shared.primitives.crypto import Keyring
from shared.process import metrics as shared_metrics
from shared.process import redis_clients
from shared.storage import jobs
from shared.storage.database import Connection
from shared.storage.jobs import Kept, Periodic

# How long rows stay, for every table that grows.
KEPT = (
    Kept("watermarks", "expires_at", days=0),
    Kept("daily_counts", "day", days=31),
    Kept("app_events", "at", days=30),
    Kept("refused_calls", "day", days=31),
    Kept("client_assertions", "expires_at", days=0),
    Kept("service_tokens", "expires_at", days=30),
    Kept("app_secrets", "expires_at", days=30),
    # A code is deleted with its grant. A grant outlives its tokens, so that reuse is still recognised.
    Kept("grants", "expires_at", days=7),
    # For an hour a device is answered that its code has expired.
    Kept("device_codes", "expires_at", days=1 / 24),
    Kept("sessions", "expires_at", days=7),
    Kept("password_links", "expires_at", days=7),
    # Its mail goes with it.
    Kept("invitations", "expires_at", days=90),
    Kept("invitation_mails", "queued_at", days=2),
    Kept("sandboxes", "deleted_at", days=365),
    Kept("integration_requests", "decided_at", days=365, also="status IN ('declined', 'withdrawn')"),
    Kept("saml_requests", "expires_at", days=0),
    Kept("saml_replays", "expires_at", days=0),
    Kept("saml_tickets", "expires_at", days=0),
    # Strangers make these rows. After this time every bucket has leaked empty.
    Kept("sign_in_counts", "at", days=2 / 24),
    Kept("known_devices", "last_at", days=400),
)


def create_worker(settings: Settings) -> Celery:
    redis = redis_clients.client(settings.redis_url)
    uninstall = partial(installing.uninstall, ring=partial(bell.ring_sync, redis))
    install = partial(installing.install, settings=settings)
    handlers = {InstallApp: install, UninstallApp: uninstall, SandboxPortionDone: sandboxes.go_on}
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
            "look at proven domains",
            60,
            partial(domains.look_again, resolver=domains.create(settings.dns_resolver)),
            behind="a run takes the domains that have been due longest; nobody waits for a domain that is late by hours",
        ),
        Periodic("tell of ended authority", 2, authorities.send_ended, behind=metrics.oldest_ended_authority),
        Periodic(ending.NAME, 1, ending.work_off, behind=metrics.oldest_ending_app),
        Periodic("send invitations", 5, Post(settings).send, lane="mail", behind=metrics.oldest_invitation_mail),
        Periodic("go on in sandboxes", 60, sandboxes.resume, behind=metrics.oldest_sandbox_work),
        Periodic("rotate signing keys", 60, rotate_keys, behind="a run makes the one key that is due"),
        Periodic("forget", 60, forget, lane="retention", behind=shared_metrics.retention_overdue),
    ]


def acts(settings: Settings) -> Mapping[Action, Handler]:
    """The acts of operators that auth carries out."""
    return operators.handlers(settings)


def figures(conn: Connection) -> Mapping[str, float]:
    return operators.figures(conn)


def forget(conn: Connection) -> None:
    jobs.forget(conn, KEPT)
