"""The console's periodic work: sessions that are over are deleted. It gets no messages, so it has no worker."""

from services.console.settings import Settings
from shared.process import metrics as shared_metrics
from shared.storage import jobs
from shared.storage.database import Connection
from shared.storage.jobs import Kept, Periodic

KEPT = (
    # Also idle ones, which open nothing any more, ten hours after their sign-in.
    Kept("sessions", "expires_at", days=0),
    # Nobody has used them for so long; they are chosen anew at the next visit.
    Kept("preferences", "changed_at", days=400),
)


def periodic(settings: Settings) -> list[Periodic]:
    return [Periodic("forget", 60, forget, lane="retention", behind=shared_metrics.retention_overdue)]


def forget(conn: Connection) -> None:
    jobs.forget(conn, KEPT)
