"""What the relay does for runs: begins those that are due, gives up those that nothing is heard of, forgets the old, measures."""

from services.control_plane.automations import metrics, queries, runs
from services.control_plane.automations.firing import Engine
from services.control_plane.settings import Settings
from shared.database import Connection
from shared.periodic import Periodic, in_portions

# Runs that are due wait while others are forgotten: often and briefly rather than seldom and for long.
SECONDS = 2


def engine(settings: Settings) -> Engine:
    return Engine(runs.parse_schedule(settings.automation_retry_schedule), settings.automation_runs_per_minute)


def periodic(settings: Settings) -> list[Periodic]:
    answer, days = settings.automation_answer_seconds, settings.automation_runs_kept_days
    return [
        Periodic("begin due runs", 0.5, engine(settings).begin_due),
        Periodic("give up unanswered runs", 30, lambda conn: give_up_unanswered(conn, answer)),
        Periodic("expire runs", 60, lambda conn: expire(conn, days)),
        Periodic("measure runs", 5, measure),
    ]


def give_up_unanswered(conn: Connection, seconds: int) -> int:
    """Runs of which nothing was heard for so long wait for a person; an answer that still comes is taken in."""
    return conn.execute(queries.GIVE_UP_UNANSWERED, (seconds,)).rowcount


def expire(conn: Connection, days: int) -> int:
    """Returns how many."""
    return in_portions(conn, queries.EXPIRE, days, seconds=SECONDS)


def measure(conn: Connection) -> None:
    dead, waiting, running = conn.execute(queries.MEASURE).fetchone() or (0, 0, 0)
    metrics.runs.labels("dead").set(dead)
    metrics.runs.labels("waiting").set(waiting)
    metrics.runs.labels("running").set(running)
