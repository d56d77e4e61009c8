"""JSON lines on standard output, each with service, trace id and tenant; exceptions as type and place, never their text."""

import logging
import sys
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime

import msgspec

from shared import tracing

tenant: ContextVar[str | None] = ContextVar("tenant", default=None)
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message", "taskName"}


class JsonFormatter(logging.Formatter):
    def __init__(self, service: str) -> None:
        super().__init__()
        self.service = service

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "service": self.service,
            "logger": record.name,
            "message": "task failed" if _tells_all(record) else record.getMessage(),
            "trace_id": tracing.trace_id() or None,
            "tenant_id": tenant.get(),
        }
        if not _tells_all(record):
            line |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = describe(record.exc_info[1])
        return msgspec.json.encode(line, enc_hook=str).decode()


def _tells_all(record: logging.LogRecord) -> bool:
    """Celery writes a failed task's arguments and its exception's text into message and attributes."""
    return record.name == "celery.app.trace" and record.levelno >= logging.WARNING


def describe(error: BaseException | None) -> str:
    """An exception's type and the place it came from. Its text is left out, since drivers quote the values they choked on."""
    if error is None:
        return ""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno} {frames[-1].name}" if frames else ""
    road = " < ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in reversed(frames[-6:-1]))
    return f"{type(error).__name__}{place}" + (f" < {road}" if road else "")


def configure(service: str, level: str = "INFO") -> None:
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter(service))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "celery", "kombu"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    # The access line of every hop is written by tracing.py, with the trace id and without the query string.
    logging.getLogger("uvicorn.access").disabled = True
    for name in ("httpx", "httpcore", "psycopg.pool", "celery.app.trace", "celery.worker.strategy", "authlib"):
        logging.getLogger(name).setLevel("WARNING")
